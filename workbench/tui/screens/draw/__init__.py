"""Draw: a digit of one's own, and what trained models take it for."""

from workbench.tui.screens.draw.screen import DrawScreen

__all__ = ["DrawScreen"]
