"""Errors: the images that models get wrong, to be looked at."""

from workbench.tui.screens.errors.screen import ErrorsScreen

__all__ = ["ErrorsScreen"]
