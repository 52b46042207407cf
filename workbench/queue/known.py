"""What has been trained already, so that nothing is trained twice."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from zipfile import is_zipfile

from workbench.errors import UserError
from workbench.leaderboard.store import Leaderboard
from workbench.queue.trial import Identity, identity
from workbench.runs import lock
from workbench.runs.folder import RunFolder, all_runs
from workbench.runs.status import Status
from workbench.runs.summary import RunSummary, summarise
from workbench.settings import Home


def results(entries: Iterable[RunSummary]) -> dict[Identity, RunSummary]:
    """The first result of each settings and seed.

    A divergence is a result: the same seed would diverge again. Runs that were stopped or
    failed otherwise are none.
    """
    known: dict[Identity, RunSummary] = {}
    for entry in entries:
        if entry.status is Status.FINISHED or entry.diverged:
            known.setdefault((entry.settings_key, entry.seed), entry)
    return known


def entries_of(home: Home) -> list[RunSummary]:
    """A home's own runs that ended; imported ones are somebody else's and do not count."""
    board = Leaderboard(home)
    board.sync()
    return board.entries()


def living_run(home: Home, wanted: Identity) -> str | None:
    """The id of a run that trains just this, started by hand, say."""
    for folder in all_runs(home):
        if lock.is_held(folder.lock_file) and _identity_of(folder) == wanted:
            return folder.run_id
    return None


@dataclass(frozen=True)
class Begun:
    """A run that was stopped, failed or crashed, and can go on from its last whole epoch."""

    run_id: str
    epochs_completed: int
    created_at: float


def begun_runs(
    home: Home, entries: Sequence[RunSummary], wanted: Collection[Identity]
) -> dict[Identity, list[Begun]]:
    """The runs of these trainings that can be taken up, the newest first.

    `entries` are the leaderboard's; what crashed does not stand there, and is found by its
    folder.
    """
    if not wanted:
        return {}
    ended = {entry.run_id: entry for entry in entries}
    found: dict[Identity, list[Begun]] = {}
    for folder in all_runs(home):
        entry = ended.get(folder.run_id)
        if entry is not None:
            key = entry.settings_key, entry.seed
            if key not in wanted or entry.status is Status.FINISHED or entry.diverged:
                continue
        elif (crashed := _identity_of(folder)) is None or crashed not in wanted:
            continue
        else:
            key = crashed
        begun = _begun(folder)
        if begun is not None:
            found.setdefault(key, []).append(begun)
    for runs in found.values():
        runs.sort(key=lambda run: (run.created_at, run.run_id), reverse=True)
    return found


def _identity_of(folder: RunFolder) -> Identity | None:
    try:
        return identity(folder.record.spec)
    except UserError:  # a damaged folder trains nothing that is known
        return None


def _begun(folder: RunFolder) -> Begun | None:
    """What a run that does not live left behind; None where nothing can go on from it."""
    try:
        if lock.is_held(folder.lock_file) or not is_zipfile(folder.checkpoint_file):
            return None
        summary = summarise(folder)
        return Begun(folder.run_id, summary.epochs_completed, folder.record.created_at)
    except (UserError, OSError):
        return None
