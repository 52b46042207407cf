"""What the leaderboard's screen shows: reading, rows, curves.

Where one looks is in `looking`, which builds on this; what is done with a row is in `screen`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from textual import on
from textual.app import ComposeResult
from textual.containers import Container
from textual.widgets import Static

from workbench.errors import RunError, UserError
from workbench.leaderboard.claims.claim import CheckedClaim
from workbench.leaderboard.grouping import Group
from workbench.leaderboard.paper import RowComparison
from workbench.runs.summary import RunSummary
from workbench.tui.plotting import terminal_glyphs
from workbench.tui.run_feed import Seen
from workbench.tui.screens.base import WorkbenchScreen
from workbench.tui.screens.leaderboard.board import (
    ALL_RUNS,
    CLAIMS,
    IMPORTED,
    Arranged,
    Board,
    View,
)
from workbench.tui.screens.leaderboard.claims import CLAIM_COLUMNS, ClaimRows
from workbench.tui.screens.leaderboard.detail import BoardDetail
from workbench.tui.screens.leaderboard.edit_line import EditLine
from workbench.tui.screens.leaderboard.overlay import MOST, Curve, Overlay, Quantity, Shown
from workbench.tui.screens.leaderboard.paper_rows import PaperRows, paper_columns
from workbench.tui.screens.leaderboard.rows import (
    GROUP_COLUMNS,
    IMPORTED_COLUMNS,
    RUN_COLUMNS,
    GroupRows,
    ImportedRows,
    RunRows,
)
from workbench.tui.screens.leaderboard.selection import Selection, runs_of
from workbench.tui.screens.leaderboard.tabs import TabLine
from workbench.tui.screens.leaderboard.titles import titles
from workbench.tui.screens.leaderboard.work import BoardWork
from workbench.tui.widgets.borders import say_in_border
from workbench.tui.widgets.columns import Column, NoRows, Rows
from workbench.tui.widgets.filter_line import FilterLine
from workbench.tui.widgets.row_list import RowList

READING = "Reading the leaderboard …"
NO_RESULTS = "No results yet. Press t on a model to train it."
DAMAGED = "Press b to rebuild the leaderboard from the run folders."
NONE_MATCHES = "No run matches the filter.\nesc shows all."
LOOK_SECONDS = 1.0


class BoardView(WorkbenchScreen):
    """Shows the leaderboard from every side; changes nothing of it."""

    def __init__(self) -> None:
        super().__init__()
        self._board: Board | None = None
        self._view = View()
        self._arranged = Arranged(self._view)
        # By tab: what is chosen in one has no rows in another.
        self._selections: dict[int, Selection] = {}
        self._curves: dict[str, Curve] = {}
        self._quantity = Quantity.TEST_ACCURACY
        self._training: Counter[str] = Counter()
        self._damaged = False
        self._first_row = False  # the next rows are to be seen from the first one
        self._wanted_row = ""  # goes under the cursor as soon as it is among the rows

    @property
    def board(self) -> Board:
        """What was read last; empty before that."""
        return self._board or Board()

    @property
    def _selection(self) -> Selection:
        """The runs whose curves are shown under the tab on view."""
        return self._selections.setdefault(self._view.tab, Selection(terminal_glyphs()))

    @property
    def arranged(self) -> Arranged:
        """The rows on view."""
        return self._arranged

    @property
    def _listing(self) -> RowList:
        return self.query_one(RowList)

    @property
    def _work(self) -> BoardWork:
        return self.query_one(BoardWork)

    def body(self) -> ComposeResult:
        """Tabs, filter, table, what the cursor is on, curves."""
        yield BoardWork()
        yield TabLine()
        yield FilterLine()
        yield Static(id="notice", markup=False)
        with Container(id="board-panel", classes="panel"):
            yield RowList()
            yield EditLine()
        yield BoardDetail()
        yield Overlay(classes="panel")

    def on_mount(self) -> None:
        """Read the leaderboard, and again whenever its file changes."""
        self._listing.empty = READING
        self._listing.show(NoRows(), RUN_COLUMNS)
        self._listing.focus()
        self._show_title()
        self._work.read(always=True)
        self.set_interval(LOOK_SECONDS, self._look)
        self.workbench.run_feed.seen.subscribe(self, self._runs_seen)

    def on_screen_resume(self) -> None:
        """Another screen may have changed what is shown here."""
        if self._board is not None:
            self._work.read()

    def _look(self) -> None:
        if self.is_current:
            self._work.read()

    def _runs_seen(self, seen: Seen) -> None:
        training = Counter(run.summary.settings_key for run in seen.living if run.summary)
        if training != self._training:
            self._training = training
            if self._view.tab != ALL_RUNS:
                self._show_rows()

    @on(BoardWork.Read)
    def _read(self, event: BoardWork.Read) -> None:
        loaded = event.loaded
        if loaded is None:
            return
        first = self._board is None
        if loaded.error is not None:
            self._damaged = self._damaged or loaded.damaged
            self._notice(loaded.error)
        if loaded.board is not None:
            if first and not self._damaged:
                self._work.sync()
            if not self._damaged:
                self._notice(None)
        if loaded.board is not None and (loaded.board.entries or not self._damaged):
            self._board = loaded.board
        # A damaged file was moved aside; what was read before it stays on view.
        self._board = self._board or Board()
        if loaded.warning is not None:
            self.workbench.complain(loaded.warning)
        self._offer_tabs(self._board.tabs)
        for selection in self._selections.values():
            selection.keep_only(run.run_id for run in self._board.entries)
        if self._selection:
            self._work.read_curves(list(self._selection.places))
        self._arrange()
        self.refresh_bindings()

    def _offer_tabs(self, tabs: tuple[int, ...]) -> None:
        """The tabs there are now; the one on view may be gone."""
        line = self.query_one(TabLine)
        line.tabs = tabs
        if self._view.tab not in tabs:
            line.tab = ALL_RUNS
            self._view = replace(self._view, tab=ALL_RUNS)

    def _notice(self, error: UserError | None) -> None:
        notice = self.query_one("#notice", Static)
        notice.set_class(error is not None, "shown")
        if error is not None:
            notice.update(f"✗ {error}." + (" b does so here." if self._damaged else ""))

    def _arrange(self) -> None:
        if self._board is not None:
            self._work.make_rows(self._board, self._view)

    def _change(self, *, first_row: bool = False, **changes: object) -> None:
        """Ask for a view that differs in this."""
        self._view = replace(self._view, **changes)  # type: ignore[arg-type]
        self._first_row = self._first_row or first_row
        self._arrange()
        self.refresh_bindings()

    def _change_to(self, view: View, *, row: str = "") -> None:
        """Ask for another view, tab and filter with it, and for the cursor on a row."""
        self.query_one(TabLine).tab = view.tab
        self.query_one(FilterLine).set_text(view.filter_text)
        self._view, self._wanted_row = view, row
        self._change(first_row=True)

    @on(BoardWork.Ready)
    def _ready(self, event: BoardWork.Ready) -> None:
        if event.board is not self._board or event.arranged.view != self._view:
            return
        self._arranged = event.arranged
        self._show_rows()
        self._show_curves()

    def _show_rows(self) -> None:
        rows, columns = self._rows()
        listing = self._listing
        grouped_or_runs = self._view.tab == ALL_RUNS
        listing.sorted_by = self._view.order.text if grouped_or_runs else ""
        empty = self._board is not None and not self._board.entries
        listing.empty = NONE_MATCHES
        if empty:
            listing.empty = DAMAGED if self._damaged else NO_RESULTS
        listing.show(rows, columns, key=self._next_key(rows, listing.key))
        self.set_class(self._arranged.view.tab == CLAIMS, "claims")
        self._show_title()
        self._show_detail()

    def _next_key(self, rows: Rows, now: str | None) -> str | None:
        """The key of the row that the cursor goes to; None for the place where it stands."""
        wanted = self._wanted_row
        if wanted and any(rows.key(place) == wanted for place in range(len(rows))):
            now, self._wanted_row, self._first_row = wanted, "", False
        elif self._first_row:
            self._listing.cursor, self._first_row = 0, False
            return None
        return now

    def _rows(self) -> tuple[Rows, Sequence[Column]]:
        arranged, marks = self._arranged, self._selection.marks
        if arranged.comparison is not None:
            table = arranged.comparison
            return PaperRows(table, marks, self._training), paper_columns(table)
        if arranged.view.tab == CLAIMS:
            return ClaimRows(arranged.claims), CLAIM_COLUMNS
        if arranged.view.tab == IMPORTED:
            return ImportedRows(self.board, arranged.runs, marks), IMPORTED_COLUMNS
        if arranged.view.grouped:
            return GroupRows(self.board, arranged.groups, marks), GROUP_COLUMNS
        return RunRows(self.board, arranged.runs, marks), RUN_COLUMNS

    def _show_title(self) -> None:
        panel = self.query_one("#board-panel")
        total, selected = len(self.board.entries), len(self._selection)
        say_in_border(panel, *titles(self._arranged, total, selected))

    def _subject(self) -> RunSummary | Group | RowComparison | CheckedClaim | None:
        arranged, place = self._arranged, self._listing.cursor
        rows: Sequence[RunSummary | Group | RowComparison | CheckedClaim]
        if arranged.comparison is not None:
            rows = arranged.comparison.rows
        elif arranged.view.tab == CLAIMS:
            rows = arranged.claims
        else:
            rows = arranged.groups or arranged.runs
        return rows[place] if place < len(rows) else None

    @on(RowList.Moved)
    def _show_detail(self) -> None:
        if not self.query_one(EditLine).editing:
            detail = self.query_one(BoardDetail)
            detail.machines = self._arranged.view.tab == IMPORTED
            table = self._arranged.comparison
            detail.timed_on = table.timed_on if table is not None else None
            detail.subject = self._subject()

    # Curves

    @on(RowList.Marked)
    def action_select(self) -> None:
        """Overlay the curve of the run, or those of the group or row."""
        runs = runs_of(self._subject())
        if not runs:
            self.workbench.complain(RunError("there is no finished run here to show the curve of"))
        elif not self._selection.toggle(runs):
            self.workbench.complain(RunError(f"{MOST} curves at a time; space takes one away"))
        self._selection_changed()

    def _selection_changed(self) -> None:
        rows, _ = self._rows()
        self._listing.update_rows(rows)
        self._listing.refresh()
        self._show_title()
        self._show_curves()
        self.refresh_bindings()

    def _show_curves(self) -> None:
        missing = [run for run in self._selection.places if run not in self._curves]
        if missing:
            self._work.read_curves(missing)
        entries = {run.run_id: run for run in self.board.entries} if self._selection else {}
        shown = [
            Shown(entries[run_id], place, self._curves.get(run_id, Curve()))
            for run_id, place in self._selection.places.items()
            if run_id in entries
        ]
        self.query_one(Overlay).show(shown, self._quantity)

    @on(BoardWork.CurvesRead)
    def _curves_read(self, event: BoardWork.CurvesRead) -> None:
        self._curves.update(event.curves)
        self._show_curves()

    def action_quantity(self) -> None:
        """Accuracy or loss, test or train."""
        self._quantity = self._quantity.after
        self._show_curves()
