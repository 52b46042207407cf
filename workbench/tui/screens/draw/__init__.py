"""Draw: a digit of one's own, and what trained models take it for."""
