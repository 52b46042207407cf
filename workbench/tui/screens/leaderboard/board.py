"""What the leaderboard shows, computed away from the screen: read, filtered, sorted, grouped."""

from __future__ import annotations

import gc
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property

from workbench.errors import UserError
from workbench.files import Stamp, stamp
from workbench.leaderboard.claims import CheckedClaim, Evidence
from workbench.leaderboard.columns import (
    Column,
    SortKey,
    find_field,
    find_group_column,
    parse_sort,
    script_columns,
    sort_groups,
    sort_runs,
    sorted_rows,
    telling_columns,
)
from workbench.leaderboard.database import LeaderboardDamaged
from workbench.leaderboard.grouping import Group, group_runs
from workbench.leaderboard.judges import check_evidence
from workbench.leaderboard.paper import (
    RowComparison,
    TableComparison,
    compare_all,
)
from workbench.leaderboard.query import parse_filter
from workbench.leaderboard.store import Leaderboard, imported_file
from workbench.leaderboard.table import Table
from workbench.leaderboard.views import scripts_table
from workbench.model.tables import TABLE_NUMBERS
from workbench.runs.summary import AnySummary, RunSummary, ScriptSummary
from workbench.settings import Home
from workbench.tui.screens.leaderboard.overlay import Subject
from workbench.tui.widgets.columns import Column as ListColumn
from workbench.tui.widgets.columns import list_columns

ALL_RUNS = 0  # the tab of all runs; those of the paper's tables have the table's number
CLAIMS = -1  # the tab of what the paper concludes
IMPORTED = -2  # the tab of imported runs, where there are any
SCRIPTS = -3  # the tab of runs of scripts, likewise
TABS = (ALL_RUNS, *TABLE_NUMBERS, CLAIMS)


@dataclass(frozen=True)
class Board:
    """The leaderboard as read at one time, with what is the same for every view of it."""

    entries: tuple[RunSummary, ...] = field(default=(), repr=False)
    imported: tuple[RunSummary, ...] = field(default=(), repr=False)  # never among the entries
    scripts: tuple[ScriptSummary, ...] = field(default=(), repr=False)
    tables: Mapping[int, TableComparison] = field(default_factory=dict, repr=False)
    beyond: frozenset[str] = frozenset()  # settings whose paper value lies beyond our spread

    @property
    def tabs(self) -> tuple[int, ...]:
        """The tabs there are; imported runs and scripts have one where there are any."""
        more = ((IMPORTED, self.imported), (SCRIPTS, self.scripts))
        return (*TABS, *(tab for tab, runs in more if runs))

    @cached_property
    def script_columns(self) -> Mapping[str, Column[ScriptSummary]]:
        """All columns that runs of scripts have, by name."""
        return script_columns(self.scripts)

    def run(self, run_id: str) -> AnySummary | None:
        """A run of one's own; None where there is none of this id."""
        own: tuple[AnySummary, ...] = (*self.entries, *self.scripts)
        return next((run for run in own if run.run_id == run_id), None)

    @cached_property
    def claims(self) -> tuple[CheckedClaim, ...]:
        """What the paper concludes, judged by these runs: takes SciPy, which takes a moment."""
        runs = tuple(run for run in self.entries if run.precision == "float32")
        return check_evidence(Evidence(dict(self.tables), runs)) if self.tables else ()

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
        return self.run(subject.run_id)


@dataclass(frozen=True)
class Loaded:
    """A board, or why there is none. `damaged` can be fixed by rebuilding.

    `warning` is of the imported runs, without which the board is shown.
    """

    board: Board | None
    error: UserError | None = None
    warning: UserError | None = None

    @property
    def damaged(self) -> bool:
        """Whether the file is damaged, rather than busy or out of reach."""
        return isinstance(self.error, LeaderboardDamaged)


def load(home: Home) -> Loaded:
    """Read the leaderboard. Takes a while with thousands of runs."""
    with _kept_from_collector():
        leaderboard = Leaderboard(home)
        try:
            entries, scripts = leaderboard.recorded()
        except UserError as error:
            return Loaded(None, error)
        try:
            return Loaded(make_board(entries, leaderboard.imported(), scripts))
        except UserError as error:
            return Loaded(make_board(entries, scripts=scripts), warning=error)


def load_if_changed(
    home: Home, stamps: tuple[Stamp | None, ...]
) -> tuple[Loaded | None, tuple[Stamp | None, ...]]:
    """What is read unless the files are as they were, and how they are now."""
    now = (stamp(home.leaderboard), stamp(imported_file(home)))
    return (None if now == stamps else load(home)), now


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


def make_board(
    entries: Iterable[RunSummary],
    imported: Iterable[RunSummary] = (),
    scripts: Iterable[ScriptSummary] = (),
) -> Board:
    """The board of these runs, with imported ones and scripts beside them."""
    runs, others = tuple(entries), tuple(imported)
    tables = {table.table.number: table for table in compare_all(runs, imported=others)}
    half = compare_all(runs, "bfloat16")
    return Board(
        entries=runs,
        imported=others,
        scripts=tuple(scripts),
        tables=tables,
        beyond=frozenset(
            row.settings_key
            for table in (*tables.values(), *half)
            for row in table.rows
            if row.within is False
        ),
    )


@dataclass(frozen=True)
class Order:
    """A column's key and which way."""

    column: str = "accuracy"
    downwards: bool = True

    @property
    def text(self) -> str:
        """As `RowList.sorted_by` takes it."""
        return f"-{self.column}" if self.downwards else self.column

    @property
    def sort(self) -> str:
        """As a sort of the leaderboard is written."""
        return self.text if self.downwards else f"+{self.column}"


@dataclass(frozen=True)
class Within:
    """The runs of one group, or of one row of the paper (of any preset), and the way back."""

    title: str
    settings_key: str
    preset: str
    before: BoardQuery
    row: str  # the key of what was opened

    def holds(self, run: RunSummary) -> bool:
        """Whether a run is one of them."""
        return run.settings_key == self.settings_key and self.preset in ("", run.preset)


@dataclass(frozen=True)
class BoardQuery:
    """What is asked for: a tab, a filter, an order, grouped or not, or within a group."""

    tab: int = ALL_RUNS
    filter_text: str = ""
    order: Order = field(default_factory=Order)
    grouped: bool = False
    within: Within | None = None
    script_order: Order = field(default_factory=lambda: Order("started_at"))
    columns: tuple[str, ...] = ()  # of scripts; none: those that tell them apart

    @property
    def sorted_by(self) -> Order:
        """The order of the tab; tables of the paper keep its own."""
        return self.script_order if self.tab == SCRIPTS else self.order

    def ordered(self, order: Order) -> BoardQuery:
        """The same in another order."""
        if self.tab == SCRIPTS:
            return replace(self, script_order=order)
        return replace(self, order=order)

    def starts_downwards(self, board: Board, column: str) -> bool:
        """Which way one most often wants a column: the best, the newest, the fastest first."""
        if self.tab == SCRIPTS:
            return board.script_columns[column].descending
        return parse_sort(column, find_group_column if self.grouped else find_field)[0].descending


@dataclass(frozen=True)
class BoardRows:
    """What a view shows of a board: one of the kinds of rows is filled."""

    query: BoardQuery
    runs: Sequence[RunSummary] = field(default=(), repr=False)
    groups: Sequence[Group] = field(default=(), repr=False)
    comparison: TableComparison | None = field(default=None, repr=False)
    claims: Sequence[CheckedClaim] = field(default=(), repr=False)
    scripts: Sequence[ScriptSummary] = field(default=(), repr=False)
    table: Table | None = field(default=None, repr=False)  # of the scripts
    columns: Sequence[ListColumn] = ()  # of that table

    @property
    def subjects(self) -> Sequence[AnySummary | Group | RowComparison | CheckedClaim]:
        """What the rows are about, one each."""
        if self.comparison is not None:
            return self.comparison.rows
        return self.claims or self.groups or self.scripts or self.runs


def row_key(row: AnySummary | Group | RowComparison | CheckedClaim) -> str:
    """What a row is known by, however the order changes."""
    match row:
        case RunSummary() | ScriptSummary():
            return row.run_id
        case Group():
            return f"{row.example.preset}/{row.settings_key}"
        case RowComparison():
            return row.settings_key
    return row.claim.key


def select_rows(board: Board, query: BoardQuery) -> BoardRows:
    """The rows of a query, in their order.

    Raises:
        QueryError: the filter cannot be understood.
    """
    if query.tab == CLAIMS:
        return BoardRows(query, claims=board.claims)
    if query.tab == IMPORTED:
        return BoardRows(query, runs=sort_runs(board.imported))
    if query.tab not in (ALL_RUNS, SCRIPTS):
        return BoardRows(query, comparison=board.tables.get(query.tab))
    chosen = parse_filter(query.filter_text)
    if query.tab == SCRIPTS:
        return _select_scripts(board, query, [run for run in board.scripts if chosen.matches(run)])
    runs: Sequence[RunSummary] = board.entries
    if chosen:
        runs = [run for run in runs if chosen.matches(run)]
    if query.within is not None:
        runs = [run for run in runs if query.within.holds(run)]
    if query.grouped:
        return BoardRows(query, groups=sort_groups(group_runs(runs), query.order.sort))
    return BoardRows(query, runs=sort_runs(runs, query.order.sort))


def _select_scripts(board: Board, query: BoardQuery, runs: Sequence[ScriptSummary]) -> BoardRows:
    known = board.script_columns
    order = query.script_order if query.script_order.column in known else BoardQuery().script_order
    key = SortKey(known[order.column], order.downwards)
    columns = [known[name] for name in query.columns if name in known] or telling_columns(runs)
    runs = sorted_rows(runs, [key])
    table = scripts_table(runs, columns)
    return BoardRows(query, scripts=runs, table=table, columns=list_columns(columns, table))
