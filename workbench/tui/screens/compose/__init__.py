"""Compose: build a model layer by layer and see every shape before anything runs."""

from workbench.tui.screens.compose.screen import ComposeScreen

__all__ = ["ComposeScreen"]
