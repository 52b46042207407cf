"""What can be asked of runs: pause, resume, stop, kill, delete, and the next seed.

Commands and screens ask here, so that the same verb does, and refuses, the same everywhere.
Requests reach the worker through the run's folder; all functions read files, so screens call
them in a thread.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol

from workbench.errors import EnvironmentProblem, RunError, UserError
from workbench.model.spec import TrainingSpec
from workbench.runs import control, launcher
from workbench.runs.folder import RunFolder, all_runs
from workbench.runs.status import Status
from workbench.runs.summary import RunSummary
from workbench.settings import Home


class Results(Protocol):
    """The results of a home, as the leaderboard keeps them."""

    home: Home

    def entries(self) -> list[RunSummary]:
        """The runs that have ended."""

    def remove(self, run_ids: Iterable[str]) -> int:
        """Forget these runs."""


def each(folders: Iterable[RunFolder], action: Callable[[RunFolder], object]) -> list[UserError]:
    """Do something with each run; what went wrong with some does not spare the others."""
    faults = []
    for folder in folders:
        try:
            action(folder)
        except UserError as error:
            faults.append(error)
    return faults


def require_alive(folder: RunFolder) -> Status:
    """What a living run does.

    Raises:
        RunError: it has ended.
    """
    status = folder.status()
    if not status.alive:
        raise RunError(f"run {folder.run_id} has ended already ({status.word})")
    return status


def pause(folder: RunFolder) -> None:
    """Have it wait after its current chunk; its worker keeps its memory.

    Raises:
        RunError: it has ended.
    """
    require_alive(folder)
    control.request(folder.path, control.Command.PAUSE)


def asked_to_pause(folder: RunFolder) -> bool:
    """Whether it is paused, or will be as soon as its worker comes to it."""
    return control.requested(folder.path) is control.Command.PAUSE


def resume(folder: RunFolder) -> bool:
    """Let a paused run go on, or one that was cut short from its last whole epoch.

    Returns whether that took a new worker.

    Raises:
        RunError: it trains, has come to its end, or diverged.
    """
    status = folder.status()
    if not status.alive:
        launcher.resume(folder)
        return True
    if not asked_to_pause(folder):
        raise RunError(f"run {folder.run_id} is {status.word}; there is nothing to resume")
    control.request(folder.path, control.Command.RUN)
    return False


def pause_or_resume(folder: RunFolder) -> bool:
    """Pause a run that trains, let a paused one go on; whether it is to pause now.

    Raises:
        RunError: it has ended.
    """
    require_alive(folder)
    paused = asked_to_pause(folder)
    (resume if paused else pause)(folder)
    return not paused


def stop(folder: RunFolder) -> None:
    """Have it stop after its current chunk and be saved; one that waits is taken back.

    Raises:
        RunError: it has ended.
    """
    require_alive(folder)
    control.request(folder.path, control.Command.STOP)


def kill(folder: RunFolder) -> None:
    """End its worker at once, without saving.

    Raises:
        RunError: it has ended, or has no worker of its own yet.
        EnvironmentProblem: its worker cannot be signalled.
    """
    if require_alive(folder) is Status.QUEUED:
        # What holds its lock is the process of the whole sequence.
        raise RunError(f"run {folder.run_id} has not begun; stop takes it back")
    try:
        control.kill(folder.path)
    except OSError as error:
        raise EnvironmentProblem(f"run {folder.run_id}: cannot kill: {error.strerror}") from error


def delete(folders: Iterable[RunFolder], results: Results) -> list[UserError]:
    """Delete runs that have ended: their folders, then their results. What refused is returned."""
    gone: list[str] = []

    def one(folder: RunFolder) -> None:
        folder.delete()
        gone.append(folder.run_id)

    faults = each(folders, one)
    try:
        results.remove(gone)
    except UserError as error:
        faults.append(error)
    return faults


def next_seed(spec: TrainingSpec, results: Results, queued: Iterable[int] = ()) -> int:
    """The lowest seed that no run of these settings has, living or ended, nor one `queued`.

    Raises:
        UserError: the results cannot be read.
    """
    key = spec.settings_key
    entries = results.entries()
    used = set(queued)
    used |= {entry.seed for entry in entries if entry.settings_key == key}
    known = {entry.run_id for entry in entries}
    for folder in all_runs(results.home):
        if folder.run_id not in known:
            try:
                other = folder.spec
            except UserError:  # a damaged folder uses no seed
                continue
            if other.settings_key == key:
                used.add(other.seed)
    return next(seed for seed in range(len(used) + 1) if seed not in used)
