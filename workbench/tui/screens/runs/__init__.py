"""Runs: one line a run, the living ones on top and moving."""

from workbench.tui.screens.runs.screen import RunsScreen

__all__ = ["RunsScreen"]
