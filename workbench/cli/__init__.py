"""The command line. Every command imports what it needs only when it runs."""

from workbench.cli.entry import main

__all__ = ["main"]
