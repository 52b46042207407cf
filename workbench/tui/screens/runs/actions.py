"""What can be asked of runs, done in a thread: one sentence for each that refused."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from workbench.errors import UserError
from workbench.leaderboard.store import Leaderboard
from workbench.runs import control
from workbench.runs.folder import RunFolder
from workbench.runs.launcher import resume
from workbench.settings import Home


def each(folders: Iterable[RunFolder], action: Callable[[RunFolder], object]) -> list[UserError]:
    """Do something with each run; what went wrong with some does not spare the others."""
    faults = []
    for folder in folders:
        try:
            action(folder)
        except UserError as error:
            faults.append(error)
    return faults


def ask(command: control.Command) -> Callable[[RunFolder], object]:
    """Pause, stop, or go on."""
    return lambda folder: control.request(folder.path, command)


def kill(folder: RunFolder) -> object:
    """End its worker at once, unsaved."""
    return control.kill(folder.path)


def take_up(folder: RunFolder) -> None:
    """Go on from the last whole epoch."""
    resume(folder)


def delete(home: Home, folders: list[RunFolder]) -> list[UserError]:
    """Delete runs that have ended: their folders, then their leaderboard entries."""
    gone: list[str] = []

    def one(folder: RunFolder) -> None:
        folder.delete()
        gone.append(folder.run_id)

    faults = each(folders, one)
    try:
        Leaderboard(home).remove(gone)
    except UserError as error:
        faults.append(error)
    return faults
