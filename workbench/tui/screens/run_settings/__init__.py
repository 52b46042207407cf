"""The settings to change before a training."""
