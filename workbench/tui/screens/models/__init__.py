"""Models: the paper's nine and the user's own, how each looks, and how good it is."""

from workbench.tui.screens.models.screen import ModelsScreen

__all__ = ["ModelsScreen"]
