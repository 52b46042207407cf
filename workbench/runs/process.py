"""How this program starts its own processes: by module name, from any folder."""

from __future__ import annotations

import os
import sys

from workbench.resources import PACKAGE


def module_command(module: str, *arguments: str) -> list[str]:
    """The command that runs a module of this package."""
    # -P keeps the current folder out of the import path: a stray random.py must not be run.
    return [sys.executable, "-P", "-m", module, *arguments]


def module_environment() -> dict[str, str]:
    """The environment for it; a checkout need not be installed."""
    environment = dict(os.environ)
    root = PACKAGE.parent
    if (root / "pyproject.toml").is_file():
        known = environment.get("PYTHONPATH")
        environment["PYTHONPATH"] = f"{root}{os.pathsep}{known}" if known else str(root)
    return environment
