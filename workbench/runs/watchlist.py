"""All runs of a home, watched cheaply: who lives, how far each is, and how the others ended.

A look costs one listing of the folder names, one lock test for each new name, the new lines of
each living log, and a `stat` for some of the ended runs in turn (another connection may have
resumed or labelled one). Ended runs are read once, by `read_more`, the newest first.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from workbench.errors import RunError, UserError
from workbench.files import Stamp, stamp
from workbench.runs import lock
from workbench.runs.events import Batch
from workbench.runs.folder import RunFolder
from workbench.runs.log import EventReader, History
from workbench.runs.record import LaunchedFrom
from workbench.runs.status import Status
from workbench.runs.summary import AnySummary, RunSummary, results_so_far, summary_of
from workbench.settings import Home

# Chunks kept of a living run: enough for its steady speed, however long it runs.
KEPT_BATCHES = 30
# Ended runs looked at for a change in one look.
STATS_A_LOOK = 500
# A folder without spec.json is one that is being made or deleted, until it is this old.
NEWBORN_SECONDS = 30.0

Signature = tuple[Stamp | None, ...]


@dataclass(frozen=True)
class WatchedRun:
    """One run as lists show it. `summary` is None and `fault` says why where it is damaged."""

    folder: RunFolder
    summary: AnySummary | None = None
    launched_from: LaunchedFrom | None = None
    created_at: float = 0.0
    step: int = 0
    planned_steps: int = 0
    seconds_left: float | None = None
    fault: str = ""

    @property
    def run_id(self) -> str:
        return self.folder.run_id

    @property
    def state(self) -> Status:
        return self.summary.state if self.summary is not None else Status.DAMAGED

    @property
    def keeps_cores_busy(self) -> bool:
        """Whether it trains a model now. One that is paused does not; a script need not."""
        trains = self.state in (Status.PREPARING, Status.RUNNING)
        return trains and isinstance(self.summary, RunSummary)

    @property
    def preparing(self) -> str:
        """What a living run waits for before it trains."""
        return self.summary.preparing if self.summary is not None else ""

    @property
    def progress(self) -> float:
        """The share of the planned steps that is done, from 0 to 1."""
        return min(1.0, self.step / self.planned_steps) if self.planned_steps else 0.0


class Watchlist:
    """The runs of a home. Methods may be called from any thread, one at a time goes in."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._guard = threading.Lock()
        self._living: dict[str, _LivingRun] = {}
        self._ended: dict[str, WatchedRun] = {}
        self._signatures: dict[str, Signature] = {}
        self._unread: dict[str, float] = {}
        self._turn: list[str] = []

    @property
    def living(self) -> list[WatchedRun]:
        """The living runs as last looked at, the newest first."""
        return _newest_first(run.seen for run in list(self._living.values()) if run.seen)

    @property
    def runs(self) -> list[WatchedRun]:
        """Living runs, then those that ended as far as they have been read; the newest first."""
        return self.living + _newest_first(self._ended.copy().values())

    @property
    def unread(self) -> int:
        """How many ended runs wait for `read_more`."""
        return len(self._unread)

    def look(self) -> list[WatchedRun]:
        """Find new and deleted runs, and follow the living ones; those that have just ended."""
        with self._guard:
            names = self._names()
            known: dict[str, Any]
            for known in (self._living, self._ended, self._unread, self._signatures):
                for name in known.keys() - names:
                    del known[name]
            for name in names - self._living.keys() - self._ended.keys() - self._unread.keys():
                self._sort_in(name)
            followed = list(self._living.items())
            for name, run in followed:
                self._follow(name, run)
            self._look_at_some_ended()
            return [self._ended[name] for name, _ in followed if name in self._ended]

    def read_more(self, seconds: float = 0.1) -> None:
        """Read ended runs that were not read yet, the newest first, for about this long."""
        until = time.monotonic() + seconds
        with self._guard:
            for name in sorted(self._unread, key=lambda name: self._unread[name], reverse=True):
                self._read(name)
                if time.monotonic() > until:
                    break

    def look_again_at(self, run_id: str) -> None:
        """Forget what is known of a run that was just resumed or labelled."""
        with self._guard:
            self._ended.pop(run_id, None)
            self._unread.pop(run_id, None)

    def _names(self) -> set[str]:
        try:
            return {name for name in os.listdir(self._home.runs) if not name.startswith(".")}
        except OSError:
            return set()

    def _folder(self, name: str) -> RunFolder:
        return RunFolder(self._home.runs / name)

    def _sort_in(self, name: str) -> None:
        """A new name: does it live?"""
        folder = self._folder(name)
        try:
            made = folder.spec_file.lstat().st_mtime
        except NotADirectoryError:
            return
        except OSError:
            changed = stamp(folder.path)
            newborn = changed is None or time.time() - changed[1] / 1e9 <= NEWBORN_SECONDS
            if newborn or not os.path.isdir(folder.path):
                return
            made = 0.0
        if _held(folder):
            self._living[name] = _LivingRun(folder)
        else:
            self._unread[name] = made

    def _follow(self, name: str, run: _LivingRun) -> None:
        if not run.follow():
            del self._living[name]
            self._read(name)

    def _read(self, name: str) -> None:
        self._unread.pop(name, None)
        folder = self._folder(name)
        # Before the reading: what changes meanwhile is noticed at the next turn.
        self._signatures[name] = _signature(folder)
        self._ended[name] = read_run(folder)

    def _look_at_some_ended(self) -> None:
        if not self._turn:
            self._turn = [*self._ended, *self._unread]
        now, self._turn = self._turn[:STATS_A_LOOK], self._turn[STATS_A_LOOK:]
        for name in now:
            folder = self._folder(name)
            if name in self._ended:
                if _signature(folder) == self._signatures.get(name):
                    continue
            elif name not in self._unread:
                continue
            if _held(folder):
                self._ended.pop(name, None)
                self._unread.pop(name, None)
                self._living[name] = _LivingRun(folder)
                self._follow(name, self._living[name])
            elif name in self._ended:
                self._read(name)


class _LivingRun:
    """A run whose log grows: only what is new in it is read."""

    def __init__(self, folder: RunFolder) -> None:
        self.folder = folder
        self.seen: WatchedRun | None = None
        self._reader = EventReader(folder.events_file)
        self._history: History | None = None
        self._labelled: Stamp | None = None

    def follow(self) -> bool:
        """Read on; False once the run has ended (or its process is gone)."""
        # The lock first: a worker writes its ending before it lets go of the lock.
        if not _held(self.folder):
            return False
        try:
            history = self._history = self._history or self.folder.empty_history()
            for event in self._reader.read():
                history.apply(event)
                if isinstance(event, Batch) and len(history.batches) > 2 * KEPT_BATCHES:
                    del history.batches[:-KEPT_BATCHES]
            record = self.folder.record
            self.seen = WatchedRun(
                self.folder,
                self._summary(history),
                record.launched_from,
                record.created_at,
                history.step,
                history.planned_steps,
                history.seconds_left,
            )
        except UserError as error:
            self.seen = WatchedRun(self.folder, fault=str(error))
        except OSError as error:
            self.seen = _unreadable(self.folder, error)
        return True

    def _summary(self, history: History) -> AnySummary:
        waits = Status.QUEUED if history.queued else Status.PAUSED if history.paused else None
        status = waits or Status.RUNNING
        labelled = stamp(self.folder.labels_file)
        before = self.seen.summary if self.seen else None
        if not isinstance(before, RunSummary) or labelled != self._labelled:
            self._labelled = labelled
            return summary_of(self.folder, status, history)
        return before.model_copy(update={"status": status, **results_so_far(history)})


def read_run(folder: RunFolder) -> WatchedRun:
    """An ended run, or one that crashed; damaged ones say so in `fault`."""
    try:
        record, summary = folder.record, summary_of(folder)
    except RunError as error:
        found = stamp(folder.path)
        made = found[1] / 1e9 if found else 0.0
        return WatchedRun(folder, created_at=made, fault=str(error))
    except OSError as error:
        return _unreadable(folder, error)
    steps = record.spec.steps_per_epoch if record.spec else 0
    return WatchedRun(
        folder,
        summary,
        record.launched_from,
        record.created_at,
        step=summary.epochs_completed * steps,
        planned_steps=summary.epochs * steps,
    )


def _unreadable(folder: RunFolder, error: OSError) -> WatchedRun:
    return WatchedRun(folder, fault=f"run {folder.run_id}: {error.strerror}; it cannot be read")


def _held(folder: RunFolder) -> bool:
    try:
        return lock.is_held(folder.lock_file)
    except OSError:
        return False


def _signature(folder: RunFolder) -> Signature:
    """What changes when a run is resumed (its log), labelled (its folder) or fixed (its spec)."""
    return stamp(folder.events_file), stamp(folder.path), stamp(folder.spec_file)


def _newest_first(runs: Iterable[WatchedRun]) -> list[WatchedRun]:
    return sorted(runs, key=lambda run: (run.created_at, run.run_id), reverse=True)
