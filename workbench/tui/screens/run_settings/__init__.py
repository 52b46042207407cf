"""The settings to change before a training."""

from workbench.tui.screens.run_settings.dialog import RunSettings

__all__ = ["RunSettings"]
