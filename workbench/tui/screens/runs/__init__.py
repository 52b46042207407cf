"""Runs: one line a run, the living ones on top and moving."""
