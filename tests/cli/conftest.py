"""Running the command as a user does: a process of its own, stdout and stderr apart."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

from workbench.runs import control
from workbench.runs.folder import all_runs
from workbench.settings import default_home

Runner = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(autouse=True)
def _no_worker_is_left(_isolated_home: None) -> Iterator[None]:
    """A test that fails in the midst of a long run must not leave it training."""
    home = default_home()
    yield
    for folder in all_runs(home):
        control.kill(folder.path)


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
