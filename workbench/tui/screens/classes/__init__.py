"""Classes: results class by class, and whether a model's confidence can be trusted."""

from workbench.tui.screens.classes.screen import ClassesScreen

__all__ = ["ClassesScreen"]
