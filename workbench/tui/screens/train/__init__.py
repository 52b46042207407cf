"""A run's screen: its curves while it trains, its result when it has ended."""

from workbench.tui.screens.train.screen import TrainScreen

__all__ = ["TrainScreen"]
