"""Search: what a search has found so far, and what each setting had to do with it."""
