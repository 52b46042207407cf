"""Running the command as a user does: a process of its own, stdout and stderr apart."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable

import pytest

Runner = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def workbench() -> Runner:
    """Runs `mnist-workbench` with the given arguments; no terminal, own data folder."""

    def run(
        *arguments: str, timeout: float = 240, env: dict[str, str] | None = None, stdin: str = ""
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "workbench", *arguments],
            capture_output=True,
            text=True,
            timeout=timeout,
            env={**os.environ, "PYTHONUTF8": "1", **(env or {})},
            input=stdin,
            check=False,
        )

    return run
