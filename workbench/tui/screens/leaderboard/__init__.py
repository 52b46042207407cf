"""Leaderboard: all runs, and the paper's tables beside ours."""

from workbench.tui.screens.leaderboard.screen import LeaderboardScreen

__all__ = ["LeaderboardScreen"]
