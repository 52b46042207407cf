"""How this program starts its own processes: by module name, from any folder."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from workbench.files import open_to_append
from workbench.settings import PACKAGE


def module_command(module: str, *arguments: str) -> list[str]:
    # -P keeps the current folder out of the import path: a stray random.py must not be run.
    return [sys.executable, "-P", "-m", module, *arguments]


# What only finds packages, or where their compiled form is kept. The others (warnings as errors,
# asserts left out, a debugger, another encoding) change what a program does; they are meant for
# the user's own, and would fail a training inside NumPy or Keras.
_KEPT = frozenset(
    {
        "PYTHONPATH",
        "PYTHONHOME",
        "PYTHONPLATLIBDIR",
        "PYTHONUSERBASE",
        "PYTHONNOUSERSITE",
        "PYTHONPYCACHEPREFIX",
        "PYTHONDONTWRITEBYTECODE",
    }
)


def module_environment() -> dict[str, str]:
    """The environment for it, without Python's own switches; a checkout need not be installed."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("PYTHON") or name in _KEPT
    }
    root = PACKAGE.parent
    if (root / "pyproject.toml").is_file():
        known = environment.get("PYTHONPATH")
        environment["PYTHONPATH"] = f"{root}{os.pathsep}{known}" if known else str(root)
    return environment


def start_detached(
    module: str,
    arguments: Sequence[str],
    descriptors: Sequence[int],
    log: Path | None = None,
    variables: Mapping[str, str] | None = None,
) -> subprocess.Popen[bytes]:
    """Start a module of this package in a session of its own, so that it outlives this terminal.

    It inherits the open `descriptors`, and what it prints is appended to `log`; `variables` are
    added to its environment.

    Raises:
        OSError: it cannot be started, or its log cannot be opened.
    """
    output = open_to_append(log or Path(os.devnull))
    try:
        return subprocess.Popen(
            module_command(module, *arguments),
            start_new_session=True,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            pass_fds=descriptors,
            env=module_environment() | dict(variables or {}),
            cwd="/",  # no folder that somebody may delete or unmount meanwhile
        )
    finally:
        os.close(output)


def leave(code: int) -> NoReturn:
    """End this process at once: TensorFlow takes a second to be taken down in good order.

    To be called when all is written.
    """
    with suppress(OSError):  # a full disk, a closed pipe
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)
