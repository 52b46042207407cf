"""The searches of a queue at work: its trials come from here when none waits.

The queue knows a search as a source of trials. How one chooses stands in `queue/study.py`, whose
library is loaded by the queue's own process, and only when there is a search.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from workbench.errors import EnvironmentProblem, UserError
from workbench.queue.search import SearchFolder
from workbench.queue.search_request import require_optuna
from workbench.queue.service import fresh_id
from workbench.queue.store import QueueState, QueueStore, SearchEntry, Trial
from workbench.runs.control import Command, request
from workbench.runs.status import Status
from workbench.settings import Home

if TYPE_CHECKING:
    from workbench.queue.study import TrialSource


class Searches:
    """All searches of a home's queue. Belongs to the runner."""

    def __init__(self, home: Home, store: QueueStore) -> None:
        self._home = home
        self._store = store
        self._sources: dict[str, TrialSource] = {}
        self._began: dict[str, float] = {}  # so that now minus it is how long it has worked
        self._unwanted: set[str] = set()  # runs that were told so

    def look(self, state: QueueState) -> None:
        """Tell studies what has ended and what each epoch gave; give up what is not wanted.

        Raises:
            EnvironmentProblem: the disk is full, or a run cannot be asked to stop.
        """
        for entry in state.searching:
            own = _own(state, entry)
            source = self._source(entry) if own else None
            if source is None:
                continue
            with self._disk(entry):
                told = source.settle(own)
                unwanted = set(source.unwanted(own)) - self._unwanted
                source.keep_progress(own, now=told)
                words = source.words(time.monotonic() - self._began[entry.id])
            if told:
                with self._store.change() as changed:
                    now = changed.search(entry.id) or entry
                    changed.put_search(now.model_copy(update={"message": words}))
            for run_id in unwanted:
                request(self._home.runs / run_id, Command.PRUNE)
                self._unwanted.add(run_id)

    def make_trial(self, state: QueueState) -> bool:
        """Put the next trial of the first search that has one into the queue.

        False: there is nothing to be begun now.

        Raises:
            EnvironmentProblem: the disk is full.
        """
        for entry in state.searching:
            source = self._source(entry)
            if source is None:
                return True  # its entry says why; the queue is to be looked at anew
            own = _own(state, entry)
            with self._disk(entry):
                seconds = time.monotonic() - self._began[entry.id]
                made = source.next(own, seconds)
                over = made is None and source.done(own, seconds)
                source.keep_progress(own, now=over)
                words = source.words(seconds)
            if made is None and not over and words == entry.message:
                continue
            facts: dict[str, object] = {
                "state": Status.RUNNING,
                "message": words,
                "seconds": seconds,
                "to_come": 0 if over else source.to_come(own) - bool(made and made.number is None),
            }
            if over and SearchFolder(self._home, entry.id).result() is not None:
                facts["state"] = Status.FINISHED
            elif over:
                facts |= {"state": Status.FAILED, "message": f"no trial has a result: {words}"}
            with self._store.change() as changed:
                if made is not None and changed.search(entry.id) is not None:
                    changed.trials.append(
                        Trial(
                            id=fresh_id({trial.id for trial in changed.trials}),
                            spec=made.spec,
                            label=made.label,
                            by="search",
                            labels=made.labels,
                            search=entry.id,
                            number=made.number,
                        )
                    )
                changed.put_search(entry.model_copy(update=facts))
            if made is not None or over:
                return True
        return False

    @contextmanager
    def _disk(self, entry: SearchEntry) -> Iterator[None]:
        """A disk that refuses the study's journal holds the queue up, and does not end it."""
        try:
            yield
        except OSError as error:
            self._sources.pop(entry.id, None)  # opened anew, without half a line
            raise EnvironmentProblem(
                f"search {entry.id}: its study cannot be written: {error.strerror or error}"
            ) from error

    def _source(self, entry: SearchEntry) -> TrialSource | None:
        """The search's study; None where it cannot be opened, which its entry then says."""
        if entry.id not in self._sources:
            try:
                require_optuna(SearchFolder(self._home, entry.id).read().sampler)
                from workbench.queue.study import TrialSource

                self._sources[entry.id] = TrialSource(self._home, entry.id)
            except UserError as error:
                with self._store.change() as state:
                    failed = {"state": Status.FAILED, "message": str(error)}
                    state.put_search(entry.model_copy(update=failed))
                return None
            self._began.setdefault(entry.id, time.monotonic() - entry.seconds)
        return self._sources[entry.id]


def _own(state: QueueState, entry: SearchEntry) -> list[Trial]:
    return [trial for trial in state.trials if trial.search == entry.id]
