"""The leaderboard of a home: one summary for each run that has ended.

It holds nothing that the run folders do not: they are the truth, `sync` catches up with them
and `rebuild` starts from them alone. Summaries imported from a file have no folder here and
live in a file of their own, so that neither of the two touches them and none of them is ever
taken for a run of one's own.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, MutableMapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import EnvironmentProblem, RunError, UserError
from workbench.files import Stamp, stamp
from workbench.leaderboard.database import LockedDatabase
from workbench.runs.folder import RunFolder, all_runs
from workbench.runs.record import Labels
from workbench.runs.status import Status
from workbench.runs.summary import AnySummary, RunSummary, ScriptSummary, labels_of, summary_of
from workbench.settings import Home

if TYPE_CHECKING:
    from tinydb.table import Table

ENDED = frozenset({Status.FINISHED, Status.STOPPED, Status.PRUNED, Status.FAILED})


def imported_file(home: Home) -> Path:
    return home.path / "leaderboard-imported.json"


@dataclass(frozen=True)
class Synced:
    """What `sync` did, and the `entries` after it.

    `unreadable` are runs whose folder is damaged; `unwritten` says why the file could not be
    changed: the entries are right all the same.
    """

    added: int = 0
    dropped: int = 0
    unreadable: tuple[str, ...] = ()
    unwritten: EnvironmentProblem | None = None
    entries: Sequence[RunSummary] = field(default=(), compare=False, repr=False)
    scripts: Sequence[ScriptSummary] = field(default=(), compare=False, repr=False)


@dataclass(frozen=True)
class Imported:
    """What `import_entries` did. `own` are runs of this home, which were left out."""

    added: int = 0
    replaced: int = 0
    own: int = 0


class Leaderboard:
    """The leaderboard of a home. Every change is made under a lock and whole or not at all.

    All methods raise `LeaderboardDamaged` when the file is damaged (it is then kept aside),
    `LeaderboardBusy` when another process holds the lock too long, and `EnvironmentProblem`
    when the disk is full or the home cannot be read or written.
    """

    def __init__(self, home: Home) -> None:
        self.home = home
        self._own = LockedDatabase(
            home.leaderboard,
            remedy="`mnist-workbench leaderboard rebuild` restores all from the run folders",
        )
        self._imported = LockedDatabase(
            imported_file(home),
            remedy="import the files again with `mnist-workbench leaderboard import FILE`",
        )

    def entries(self) -> list[RunSummary]:
        """The summaries of this home's runs of presets that have ended, as they were recorded."""
        return self.recorded()[0]

    def recorded(self) -> tuple[list[RunSummary], list[ScriptSummary]]:
        """The same, and those of runs of scripts, which stand beside no paper."""
        return _apart(self._own.read())

    def version(self) -> Stamp | None:
        """Changes whenever `entries` may; None while there is no file. Costs one look at it."""
        return stamp(self.home.leaderboard)

    def imported(self) -> list[RunSummary]:
        """Summaries imported for comparison; none of them is a run of this home."""
        found = _apart(self._imported.read())[0]
        if not found:
            return found
        own = self._folder_names()  # folders may have come here since
        return [run for run in found if run.run_id not in own]

    def record(self, summary: AnySummary) -> None:
        """Insert a run's summary, or replace the one of the same run."""
        self.home.ensure()
        with self._own.change() as table:
            # Labels set while the worker summed up are newer than its summary.
            folder = self._folder(summary.run_id)
            if folder.labels_file.exists():
                summary = summary.model_copy(update=labels_of(folder))
            _put(table, [summary])

    def import_entries(self, summaries: Iterable[RunSummary]) -> Imported:
        """Keep summaries from elsewhere for comparison, all or none.

        An entry of the same run id is replaced; runs of this home are left out.
        """
        self.home.ensure()
        given = list(summaries)
        own = self._folder_names() | {entry.run_id for entry in self.entries()}
        foreign = [item for item in given if item.run_id not in own]
        if not foreign:
            return Imported(own=len(given))
        with self._imported.change() as table:
            before = len(table)
            _put(table, foreign)
            added = len(table) - before
        return Imported(added, len(foreign) - added, len(given) - len(foreign))

    def remove(self, run_ids: Iterable[str]) -> int:
        """Take runs off the leaderboard; how many stood on it. The run folders are not touched."""
        wanted = set(run_ids)
        if not wanted or not self._own.path.exists():
            return 0
        with self._own.change() as table:
            return _remove(table, wanted)

    def remove_imported(self) -> int:
        """Take all imported summaries off; how many there were."""
        if not self._imported.path.exists():
            return 0
        with self._imported.change() as table:
            there = len(table)
            table.truncate()
            return there

    def change_labels(self, run_id: str, change: Callable[[Labels], Labels]) -> Labels:
        """Change a run's tags and note: first in its folder, then on the leaderboard.

        `change` is given what they are; of several who add at once none loses another's.

        Raises:
            RunError: the run's folder is gone.
        """
        folder = self._folder(run_id)
        if not folder.path.is_dir():
            raise RunError(f"run {run_id}: its folder is gone, and its labels with it")
        with self._own.change() as table:
            labels = change(folder.labels)
            folder.set_labels(labels)
            table.update(labels_of(folder), lambda document: document["run_id"] == run_id)
        return labels

    def sync(self) -> Synced:
        """Catch up with the run folders: cheap, and written only if something differs.

        Adds runs that ended while the leaderboard could not be written, brings runs that were
        resumed or labelled up to date, and drops runs whose folder is gone or that go on again. A
        dropped entry is one that `rebuild` would not give either and that no command could delete,
        as commands find runs by their folders; if the folders come back, so do the entries.
        Where there is no `runs` folder at all (a disk not mounted) nothing is dropped.
        """
        if not self.home.runs.is_dir():
            entries, scripts = self.recorded()
            return Synced(entries=entries, scripts=scripts)
        known = {entry.run_id: entry for entry in self._own.read()}
        folders = {folder.run_id: folder for folder in all_runs(self.home)}
        drop = {run_id for run_id in known if run_id not in folders}
        add: list[AnySummary] = []
        unreadable: list[str] = []
        for run_id, folder in folders.items():
            entry = known.get(run_id)
            if isinstance(entry, RunSummary) and entry.status is Status.FINISHED:
                if entry.labels_stamp != folder.labels_stamp:
                    add.append(entry.model_copy(update=labels_of(folder)))
                continue
            try:
                summary = _ended(folder)
            except UserError:
                unreadable.append(run_id)
                continue
            if summary is None and entry is not None:
                drop.add(run_id)
            elif summary is not None and summary != entry:
                add.append(summary)
        unwritten = None
        if add or drop:
            try:
                with self._own.change() as table:
                    _remove(table, drop)
                    _put(table, add)
            except EnvironmentProblem as problem:  # a full disk, say: there is all to look at
                unwritten = problem
        for run_id in drop:
            del known[run_id]
        known |= {summary.run_id: summary for summary in add}
        return Synced(
            len(add),
            len(drop),
            tuple(sorted(unreadable)),
            unwritten,
            *_apart(known.values()),
        )

    def rebuild(self, report: Callable[[str], None] | None = None) -> int:
        """Write the leaderboard anew from the run folders alone; how many runs it then holds.

        Works when the file is damaged (it is kept aside) or missing. `report` is called with
        one line for a damaged file and for each run that cannot be read and is left out.
        """
        self.home.ensure()
        say = report or (lambda line: None)
        summaries = []
        for folder in all_runs(self.home):
            try:
                summary = _ended(folder)
            except UserError as error:
                say(str(error))
                continue
            if summary is not None:
                summaries.append(summary)
        summaries.sort(key=lambda entry: (entry.started_at, entry.run_id))
        with self._own.locked():
            damage = self._own.check()
        if damage is not None:
            say(str(damage).rpartition(";")[0])
        with self._own.change() as table:
            table.truncate()
            _put(table, summaries)
        # Runs that ended while the folders were read were recorded and then overwritten.
        synced = self.sync()
        if synced.unwritten is not None:
            raise synced.unwritten
        return len(self._own.read())

    def _folder_names(self) -> set[str]:
        try:
            return set(os.listdir(self.home.runs))
        except OSError:  # none yet, or a disk that is not mounted
            return set()

    def _folder(self, run_id: str) -> RunFolder:
        return RunFolder(self.home.runs / run_id)


def _apart(entries: Iterable[AnySummary]) -> tuple[list[RunSummary], list[ScriptSummary]]:
    found = list(entries)
    return (
        [entry for entry in found if isinstance(entry, RunSummary)],
        [entry for entry in found if isinstance(entry, ScriptSummary)],
    )


def _ended(folder: RunFolder) -> AnySummary | None:
    """The summary of a run that has ended; None of one that lives or crashed."""
    status = folder.status()
    return summary_of(folder, status) if status in ENDED else None


def _put(table: Table, summaries: Iterable[AnySummary]) -> None:
    """Insert or replace by run id, in one pass however many they are."""
    documents = {}
    for summary in summaries:
        stamp = {"labels_stamp": summary.labels_stamp} if summary.labels_stamp else {}
        documents[summary.run_id] = summary.to_json() | stamp
    if not documents:
        return

    def replace(document: MutableMapping[str, Any]) -> None:
        new = documents.pop(document["run_id"])
        document.clear()
        document.update(new)

    table.update(replace, lambda document: document["run_id"] in documents)
    if documents:
        table.insert_multiple(documents.values())


def _remove(table: Table, run_ids: set[str]) -> int:
    if not run_ids:
        return 0
    return len(table.remove(lambda document: document["run_id"] in run_ids))
