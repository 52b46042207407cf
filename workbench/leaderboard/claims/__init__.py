"""What the paper concludes from its tables, checked against our runs."""
