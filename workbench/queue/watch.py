"""Looking at the queue again and again, reading only what changed."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence

from workbench.leaderboard.store import Leaderboard
from workbench.queue.known import results
from workbench.queue.store import QueueState, QueueStore
from workbench.queue.trial import Identity, Trial
from workbench.queue.view import QueueView, estimated_seconds, view_of
from workbench.runs.estimate import Speed, known_speeds
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
        self._results: Mapping[Identity, RunSummary] = {}
        self._speeds: Sequence[Speed] = ()
        self._estimates: dict[str, float | None] = {}  # seconds by trial id

    def look(self, living: Mapping[str, WatchedRun]) -> QueueView:
        """The queue now. `living` are the runs that train, by run id.

        Raises:
            UserError: the queue's file is damaged or cannot be read.
        """
        # The lock first: a runner writes what became of the last trial before it lets go.
        running = self._store.runs()
        version = self._store.version()
        if version != self._seen:
            self._state, self._seen = self._store.read(), version
        board = Leaderboard(self._home)
        if board.version() != self._board_seen:
            self._board_seen = board.version()
            self._results = results(board.entries())
            self._speeds = known_speeds(self._home, platform.node())
            self._estimates.clear()
        return view_of(
            self._state,
            running=running,
            living=living,
            results=self._results,
            estimate=self._estimate,
        )

    def _estimate(self, trial: Trial) -> float | None:
        if trial.id not in self._estimates:
            self._estimates[trial.id] = estimated_seconds(trial.spec, self._speeds)
        return self._estimates[trial.id]
