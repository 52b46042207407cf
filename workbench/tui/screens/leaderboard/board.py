"""What the leaderboard shows, away from the screen, in threads: read, filtered, sorted, grouped."""

from __future__ import annotations

import gc
import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path

from workbench.errors import UserError
from workbench.files import Stamp, stamp, typed_path
from workbench.formats import count
from workbench.leaderboard import views
from workbench.leaderboard.claims import Evidence, Kind, Verdict, claims_view
from workbench.leaderboard.columns import (
    Column,
    SortKey,
    find_group_column,
    parse_sort,
    script_columns,
    sort_runs,
    sorted_rows,
    telling_columns,
)
from workbench.leaderboard.grouping import Group, group_runs
from workbench.leaderboard.judges import check_evidence
from workbench.leaderboard.paper import TableComparison, compare_all
from workbench.leaderboard.query import parse_filter
from workbench.leaderboard.store import Leaderboard, imported_file
from workbench.leaderboard.table import Column as ListColumn
from workbench.leaderboard.table import Table
from workbench.model.tables import TABLE_NUMBERS
from workbench.runs.summary import AnySummary, RunSummary, ScriptSummary
from workbench.settings import Home
from workbench.text import one_line
from workbench.tui.screens.leaderboard.overlay import Subject
from workbench.tui.screens.leaderboard.rows import (
    CLAIM_COLUMNS,
    Row,
    group_columns,
    imported_columns,
    list_columns,
    paper_columns,
    run_columns,
)

ALL_RUNS = 0  # the tab of all runs; those of the paper's tables have the table's number
CLAIMS = -1  # the tab of what the paper concludes
IMPORTED = -2  # the tab of imported runs, where there are any
SCRIPTS = -3  # the tab of runs of scripts, likewise
TABS = (ALL_RUNS, *TABLE_NUMBERS, CLAIMS)


@dataclass(frozen=True)
class Board:
    """The leaderboard as read at one time, with what is the same for every view of it."""

    entries: Sequence[RunSummary] = field(default=(), repr=False)
    imported: Sequence[RunSummary] = field(default=(), repr=False)  # never among the entries
    scripts: Sequence[ScriptSummary] = field(default=(), repr=False)

    @cached_property
    def tables(self) -> dict[int, TableComparison]:
        """The paper's tables with ours, by number."""
        return {one.table.number: one for one in compare_all(self.entries, imported=self.imported)}

    @cached_property
    def beyond(self) -> frozenset[str]:
        """Settings whose paper value lies beyond our spread, at either precision."""
        if not self.entries:
            return frozenset()
        compared = [*self.tables.values(), *compare_all(self.entries, "bfloat16")]
        rows = [row for table in compared for row in table.rows]
        return frozenset(row.settings_key for row in rows if row.within is False)

    @property
    def tabs(self) -> tuple[int, ...]:
        """The tabs there are; imported runs and scripts have one where there are any."""
        more = ((IMPORTED, self.imported), (SCRIPTS, self.scripts))
        return (*TABS, *(tab for tab, runs in more if runs))

    @cached_property
    def script_columns(self) -> Mapping[str, Column[ScriptSummary]]:
        """All columns that runs of scripts have, by name."""
        return script_columns(self.scripts)

    @cached_property
    def claims(self) -> tuple[Verdict, ...]:
        """What the paper concludes, judged by these runs: takes SciPy, which takes a moment."""
        runs = tuple(run for run in self.entries if run.precision == "float32")
        return check_evidence(Evidence(self.tables, runs))

    def renewed(self, subject: Subject) -> Subject | None:
        """The same run or group as it is now; None where it is gone."""
        if isinstance(subject, Group):
            presets = {run.preset for run in subject.runs}
            runs = [
                run
                for run in self.entries
                if run.settings_key == subject.settings_key and run.preset in presets
            ]
            group = Group(subject.settings_key, tuple(runs))
            return group if runs and group.trials else None
        own: tuple[AnySummary, ...] = (*self.entries, *self.scripts)
        return next((run for run in own if run.run_id == subject.run_id), None)


def load_if_changed(
    home: Home, stamps: tuple[Stamp | None, ...]
) -> tuple[Board | None, UserError | None, tuple[Stamp | None, ...]]:
    """The board unless the files are as they were, what is wrong, and how the files are now.

    A fault beside a board is of the imported runs, without which it is shown. Takes a while with
    thousands of runs.
    """
    now = (stamp(home.leaderboard), stamp(imported_file(home)))
    if now == stamps:
        return None, None, now
    with _kept_from_collector():
        leaderboard = Leaderboard(home)
        try:
            entries, scripts = leaderboard.recorded()
        except UserError as error:
            return None, error, now
        fault = None
        try:
            board = Board(entries, leaderboard.imported(), scripts)
        except UserError as error:
            board, fault = Board(entries, scripts=scripts), error
        board.beyond  # noqa: B018  # compared here, while no garbage is collected
        return board, fault, now


@contextmanager
def _kept_from_collector() -> Iterator[None]:
    """What is made inside is left out of garbage collection until the next time.

    A collection walks all that lives: with 10,000 runs in memory each would keep the screen from
    answering for 150 ms. The summaries hold no cycles, so they go as soon as nobody wants them.
    """
    enabled = gc.isenabled()
    gc.unfreeze()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if enabled:
            gc.enable()


@dataclass(frozen=True)
class Within:
    """The runs of one group, or of one row of the paper (of any preset), and the way back."""

    title: str
    settings_key: str
    preset: str
    before: BoardQuery
    row: str  # the key of what was opened

    def holds(self, run: RunSummary) -> bool:
        return run.settings_key == self.settings_key and self.preset in ("", run.preset)


BEST_FIRST = "-accuracy"


@dataclass(frozen=True)
class BoardQuery:
    """What is asked for: a tab, a filter, an order, grouped or not, or within a group.

    Orders are a column's key, with a leading "-" for downwards, as `RowList` has them.
    """

    tab: int = ALL_RUNS
    filter_text: str = ""
    order: str = BEST_FIRST
    grouped: bool = False
    within: Within | None = None
    script_order: str = "-started_at"
    columns: tuple[str, ...] = ()  # of scripts; none: those that tell them apart

    @property
    def sorted_by(self) -> str:
        """The order of the tab; tables of the paper keep their own."""
        return self.script_order if self.tab == SCRIPTS else self.order


@dataclass(frozen=True)
class BoardRows:
    """What a view shows of a board: rows under a title, and the table to hand out of them."""

    query: BoardQuery
    title: str
    counted: str  # how many there are, in words
    rows: Sequence[Row] = field(repr=False)
    columns: Sequence[ListColumn]
    table: Callable[[], Table] = field(repr=False)
    file_name: str = "leaderboard.md"  # suggested for an export
    comparison: TableComparison | None = field(default=None, repr=False)  # of a table of the paper


def select_rows(board: Board, query: BoardQuery, training: Mapping[str, int]) -> BoardRows:
    """The rows of a query, in their order; `training` are settings that are being trained.

    Raises:
        QueryError: the filter cannot be understood.
    """
    if query.tab == CLAIMS:
        title = "what the paper concludes, and what our runs say"
        counts = Counter(item.kind for item in board.claims)
        counted = " · ".join(f"{counts[kind]} {kind.value}" for kind in Kind if counts[kind])
        return BoardRows(query, title, counted, board.claims, CLAIM_COLUMNS,
                         partial(claims_view, board.claims), "claims.md")  # fmt: skip
    if query.tab == IMPORTED:
        imported = sort_runs(board.imported)
        hosts = sorted({run.host for run in imported})
        machines = one_line(hosts[0]) if len(hosts) == 1 else count(len(hosts), "machine")
        return BoardRows(
            query,
            "imported for comparison · not your own",
            f"{count(len(imported), 'run')} on {machines}",
            imported,
            imported_columns(),
            partial(views.imported_table, imported),
            "imported.md",
        )
    if query.tab in TABLE_NUMBERS:
        comparison = board.tables[query.tab]
        table = comparison.table
        return BoardRows(
            query,
            f"Table {table.number} · {table.title}",
            f"{comparison.trained} of {count(len(table.rows), 'row')} trained",
            comparison.rows,
            paper_columns(comparison, training),
            partial(views.paper_view, comparison),
            f"table-{table.number}.md",
            comparison,
        )
    chosen = parse_filter(query.filter_text)
    filtered = f" where {query.filter_text.strip()}" if query.filter_text.strip() else ""
    if query.tab == SCRIPTS:
        scripts = [run for run in board.scripts if chosen.matches(run)]
        return _select_scripts(board, query, scripts, filtered)
    runs = board.entries
    if chosen:
        runs = [run for run in runs if chosen.matches(run)]
    if query.within is not None:
        runs = [run for run in runs if query.within.holds(run)]
    sort = query.order if query.order.startswith("-") else f"+{query.order}"
    if query.grouped:
        groups = sorted_rows(group_runs(runs), parse_sort(sort, find_group_column))
        grouped = sum(len(group.runs) for group in groups)
        return BoardRows(
            query,
            "by preset and settings",
            f"{count(len(groups), 'group')} of {count(grouped, 'run')}",
            groups,
            group_columns(board.beyond),
            partial(views.grouped_table, groups, f"Leaderboard by settings{filtered}"),
        )
    runs = sort_runs(runs, sort)
    title, counted_runs = "all runs", _of_all(runs, board.entries)
    if query.within is not None:
        title = one_line(f"runs of {query.within.title}")
        counted_runs += " · esc leads back"
    return BoardRows(
        query,
        title,
        counted_runs,
        runs,
        run_columns(board.beyond, reached=any(run.seconds_to_99 is not None for run in runs)),
        partial(views.leaderboard_table, runs, f"Leaderboard{filtered}"),
    )


def _select_scripts(
    board: Board, query: BoardQuery, runs: Sequence[ScriptSummary], filtered: str
) -> BoardRows:
    known = board.script_columns
    order = query.script_order
    if order.removeprefix("-") not in known:
        order = BoardQuery().script_order
    key = SortKey(known[order.removeprefix("-")], order.startswith("-"))
    columns = [known[name] for name in query.columns if name in known] or telling_columns(runs)
    runs = sorted_rows(runs, [key])
    table = views.scripts_table(runs, columns)
    return BoardRows(
        query,
        "scripts of your own",
        _of_all(runs, board.scripts),
        runs,
        list_columns(columns, table),
        lambda: replace(table, title=f"{table.title}{filtered}"),
        "scripts.md",
    )


def _of_all(shown: Sequence[AnySummary], all_runs: Sequence[AnySummary]) -> str:
    """`12 of 40 runs`, or `40 runs`."""
    some = "" if len(shown) == len(all_runs) else f"{len(shown):,} of "
    return some + count(len(all_runs), "run")


class ExportRefused(UserError):
    """A name that cannot be written to."""


def export_target(text: str) -> Path:
    """The file that a person named.

    Raises:
        ExportRefused: it is no file's name, or its folder does not exist.
    """
    if not text.strip():
        raise ExportRefused("export: no file was named; nothing is written")
    path = typed_path(text.strip())
    if path.is_dir():
        raise ExportRefused(f"export: {path} is a folder; name a file in it")
    if not path.parent.is_dir():
        raise ExportRefused(f"export: there is no folder {path.parent}; make it first")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise ExportRefused(f"export: {path} cannot be written; choose another folder")
    return path
