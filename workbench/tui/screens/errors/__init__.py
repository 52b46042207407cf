"""Errors: the images that models get wrong, to be looked at."""
