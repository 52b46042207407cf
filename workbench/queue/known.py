"""What has been trained already, so that nothing is trained twice."""

from __future__ import annotations

from collections.abc import Iterable

from workbench.errors import UserError
from workbench.leaderboard.store import Leaderboard
from workbench.queue.trial import Identity, identity
from workbench.runs import lock
from workbench.runs.folder import RunStatus, all_runs
from workbench.runs.summary import RunSummary
from workbench.settings import Home


def results(entries: Iterable[RunSummary]) -> dict[Identity, RunSummary]:
    """The first result of each settings and seed.

    A divergence is a result: the same seed would diverge again. Runs that were stopped or
    failed otherwise are none.
    """
    known: dict[Identity, RunSummary] = {}
    for entry in entries:
        if entry.status is RunStatus.FINISHED or entry.diverged:
            known.setdefault((entry.settings_key, entry.seed), entry)
    return known


def results_of(home: Home) -> dict[Identity, RunSummary]:
    """The results of a home's own runs; imported ones are somebody else's and do not count."""
    board = Leaderboard(home)
    board.sync()
    return results(board.entries())


def living_run(home: Home, wanted: Identity) -> str | None:
    """The id of a run that trains just this, started by hand, say."""
    for folder in all_runs(home):
        if not lock.is_held(folder.lock_file):
            continue
        try:
            if identity(folder.record.spec) == wanted:
                return folder.run_id
        except UserError:  # a damaged folder trains nothing that is known
            continue
    return None
