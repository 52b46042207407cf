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
from typing import TYPE_CHECKING

from workbench.errors import EnvironmentProblem
from workbench.files import read_file, write_file
from workbench.runs import lock

if TYPE_CHECKING:
    import psutil

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
        worker = _holder(folder) if command is Command.STOP else None
        if worker is not None and _signal(worker, signal.SIGTERM):
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
    worker = _holder(folder)
    if worker is None:
        return False
    # Before the signal: whoever sees the worker gone finds the mark there.
    with suppress(OSError):  # a full disk saves no run from being killed
        _kill_mark(folder).touch(0o600)
    return kill_tree(worker)


def kill_tree(process: psutil.Process) -> bool:
    """Kill a process, what it has started, and what those did; False when it is gone."""
    import psutil

    try:
        children = process.children(recursive=True)
    except psutil.Error:
        children = []
    # First of all who would write an ending, or start others.
    killed = _signal(process, signal.SIGKILL)
    for child in children:
        with suppress(OSError):  # gone by itself
            # What a command's shell left behind is in its group, but no child of it any more.
            if os.getpgid(child.pid) == child.pid and child.is_running():
                os.killpg(child.pid, signal.SIGKILL)
            else:
                _signal(child, signal.SIGKILL)
    return killed


def was_killed(folder: Path) -> bool:
    """Whether the run's last worker was killed on purpose, where its log has no ending."""
    return _kill_mark(folder).exists()


def _kill_mark(folder: Path) -> Path:
    return folder / "killed"


def _holder(folder: Path) -> psutil.Process | None:
    """The process that holds the run's lock; None where none does."""
    import psutil

    path = folder / "worker.lock"
    pid = lock.holder_pid(path)
    try:
        process = psutil.Process(pid) if pid is not None else None
    except psutil.Error:
        return None
    # It holds the lock still: until then its id was its own, and from then on its start is known.
    return process if process is not None and lock.holder_pid(path) == pid else None


def _signal(process: psutil.Process, number: signal.Signals) -> bool:
    """Whether it was there to be signalled; another one that has its id by now is not."""
    if not process.is_running():  # known by its start too
        return False
    try:
        os.kill(process.pid, number)
    except ProcessLookupError:
        return False
    return True
