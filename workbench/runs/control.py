"""Stop, pause and resume, through a file in the run folder that the worker looks at.

A file reaches a worker that was started by another connection, or on another terminal, and
cannot hit a stranger's process. Only `kill` signals, and only while the lock is held; it leaves
a mark in the folder, as the worker cannot log its own end.
"""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from enum import StrEnum
from pathlib import Path

from workbench.errors import EnvironmentProblem
from workbench.files import read_file, write_file
from workbench.runs import lock

LARGEST = 100  # bytes: one word


class Command(StrEnum):
    """What a worker is asked to do; RUN takes a pause back."""

    RUN = "run"
    PAUSE = "pause"
    STOP = "stop"
    PRUNE = "prune"  # stop, as a search does not want it any more


def request(folder: Path, command: Command) -> None:
    """Ask the run's worker for something; it looks between two chunks.

    Raises:
        EnvironmentProblem: the folder is gone or the disk full. A stop still reaches the
            worker then, by signal.
    """
    try:
        write_file(folder / "control", command.value)
    except OSError as error:
        pid = lock.holder_pid(folder / "worker.lock") if command is Command.STOP else None
        if pid is not None and _signal(pid, signal.SIGTERM):
            return
        raise EnvironmentProblem(
            f"run {folder.name}: {error.strerror} while it was asked to {command.value}"
        ) from error


def requested(folder: Path) -> Command:
    """What was last asked for; RUN when nothing was."""
    try:
        return Command(read_file(folder / "control", LARGEST).decode())
    except (OSError, ValueError):
        return Command.RUN


def clear(folder: Path) -> None:
    """Forget earlier requests and kills, before a run is resumed."""
    (folder / "control").unlink(missing_ok=True)
    _kill_mark(folder).unlink(missing_ok=True)


def kill(folder: Path) -> bool:
    """End the run's process and its children at once, unsaved; False when none lives."""
    pid = lock.holder_pid(folder / "worker.lock")
    if pid is None:
        return False
    # Before the signal: whoever sees the worker gone finds the mark there.
    with suppress(OSError):  # a full disk saves no run from being killed
        _kill_mark(folder).touch(0o600)
    return kill_tree(pid)


def kill_tree(pid: int) -> bool:
    """Kill a process, what it has started, and what those did; False when it is gone."""
    import psutil

    try:
        children = psutil.Process(pid).children(recursive=True)
    except psutil.Error:
        children = []
    # First of all who would write an ending, or start others.
    killed = _signal(pid, signal.SIGKILL)
    for child in children:
        with suppress(OSError):  # gone by itself
            # What a command's shell left behind is in its group, but no child of it any more.
            if os.getpgid(child.pid) == child.pid:
                os.killpg(child.pid, signal.SIGKILL)
            else:
                os.kill(child.pid, signal.SIGKILL)
    return killed


def was_killed(folder: Path) -> bool:
    """Whether the run's last worker was killed on purpose, where its log has no ending."""
    return _kill_mark(folder).exists()


def _kill_mark(folder: Path) -> Path:
    return folder / "killed"


def _signal(pid: int, number: signal.Signals) -> bool:
    """Whether there was such a process to be signalled."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return False
    return True
