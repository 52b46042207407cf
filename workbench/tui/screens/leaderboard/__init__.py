"""Leaderboard: all runs, and the paper's tables beside ours."""
