"""The command line. A module of commands is loaded when one of them is asked for."""

from workbench.cli.entry import main

__all__ = ["main"]
