"""Looking at the queue again and again, reading only what changed."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence

from workbench.leaderboard.store import Leaderboard
from workbench.queue.known import Begun, begun_runs, results
from workbench.queue.store import QueueState, QueueStore
from workbench.queue.trial import Identity, Trial
from workbench.queue.view import QueueView, estimated_seconds, view_of
from workbench.runs.estimate import Speed, known_speeds
from workbench.runs.folder import RunFolder
from workbench.runs.status import Status
from workbench.runs.summary import RunSummary
from workbench.runs.watchlist import WatchedRun
from workbench.settings import Home


class QueueWatch:
    """Keeps what was read of a home's queue, results and speeds between two looks."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._store = QueueStore(home)
        self._seen: object = ()
        self._board_seen: object = ()
        self._state = QueueState()
        self._entries: Sequence[RunSummary] = ()
        self._results: Mapping[Identity, RunSummary] = {}
        self._speeds: Sequence[Speed] = ()
        self._begun: Mapping[Identity, Sequence[Begun]] = {}  # of trials that wait
        self._living: Mapping[str, WatchedRun] = {}
        # Seconds by trial id and whole epochs that are done.
        self._estimates: dict[tuple[str, int], float | None] = {}

    def look(self, living: Mapping[str, WatchedRun]) -> QueueView:
        """The queue now. `living` are the runs that train, by run id.

        Raises:
            UserError: the queue's file is damaged or cannot be read.
        """
        self._living = living
        # The lock first: a runner writes what became of the last trial before it lets go.
        running = self._store.runs()
        version = self._store.version()
        changed = version != self._seen
        if changed:
            self._state, self._seen = self._store.read(), version
        board = Leaderboard(self._home)
        if board.version() != self._board_seen:
            changed, self._board_seen = True, board.version()
            self._entries = board.entries()
            self._results = results(self._entries)
            self._speeds = known_speeds(self._home, platform.node())
            self._estimates.clear()
        if changed:
            waiting = {trial.identity for trial in self._state.waiting}
            self._begun = begun_runs(self._home, self._entries, waiting)
        return view_of(
            self._state,
            running=running,
            living=living,
            results=self._results,
            estimate=self._estimate,
            fate=self._fate,
        )

    def _fate(self, trial: Trial) -> Status:
        """What became of a run that nobody trains any more."""
        folder = RunFolder(self._home.runs / (trial.run_id or ""))
        status = folder.status() if trial.run_id else Status.CRASHED
        return status if status.resumable else Status.CRASHED

    def _estimate(self, trial: Trial) -> float | None:
        done = self._epochs_done(trial)
        key = trial.id, done
        if key not in self._estimates:
            self._estimates[key] = estimated_seconds(trial.spec, self._speeds, done)
        return self._estimates[key]

    def _epochs_done(self, trial: Trial) -> int:
        """Whole epochs that its run has behind it, or that it will go on from."""
        living = self._living.get(trial.run_id) if trial.run_id else None
        if living is not None:
            return living.summary.epochs_completed if living.summary else 0
        runs = self._begun.get(trial.identity, ())
        own = [run.epochs_completed for run in runs if run.run_id == trial.run_id]
        return next(iter([*own, *(run.epochs_completed for run in runs)]), 0)
