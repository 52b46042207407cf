"""Inside: what a model makes of one image, layer by layer."""

from workbench.tui.screens.inside.screen import InsideScreen

__all__ = ["InsideScreen"]
