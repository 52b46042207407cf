"""Queue: many trainings one after the other, which go on when nobody is connected."""

from workbench.tui.screens.queue.screen import QueueScreen

__all__ = ["QueueScreen"]
