"""The screen of results: what it shows, where one looks, and what can be done with a row."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace
from functools import partial
from typing import ClassVar

from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.events import Resize
from textual.widgets import Input, Static

from workbench.errors import RunError, UserError
from workbench.files import Stamp, write_export
from workbench.formats import count, none_matches
from workbench.leaderboard.claims import Verdict
from workbench.leaderboard.columns import find_field, find_group_column, parse_sort
from workbench.leaderboard.database import LeaderboardDamaged
from workbench.leaderboard.export import to_markdown
from workbench.leaderboard.grouping import Group
from workbench.leaderboard.paper import RowComparison
from workbench.leaderboard.store import Leaderboard
from workbench.leaderboard.table import TableView
from workbench.leaderboard.views import difference_table
from workbench.model.tables import TABLE_NUMBERS
from workbench.runs import service
from workbench.runs.folder import RunFolder
from workbench.runs.record import Labels, checked_labels
from workbench.runs.summary import RunSummary, ScriptSummary, difference
from workbench.settings import style_sheet
from workbench.text import one_line
from workbench.tui.run_feed import Seen
from workbench.tui.screens.base import COPY_ID, Latest
from workbench.tui.screens.curves import CURVE_KEYS, CurveScreen
from workbench.tui.screens.dialog import ChoiceDialog, ReadingDialog, TextDialog, confirm
from workbench.tui.screens.leaderboard.board import (
    ALL_RUNS,
    BEST_FIRST,
    CLAIMS,
    IMPORTED,
    SCRIPTS,
    Board,
    BoardQuery,
    Within,
    export_target,
    load_if_changed,
    select_rows,
)
from workbench.tui.screens.leaderboard.overlay import (
    LOADING,
    MOST,
    Curve,
    Overlay,
    Selection,
    Shown,
    Subject,
    labelled,
    read_curve,
    runs_of,
    subject_of,
)
from workbench.tui.screens.leaderboard.parts import (
    ColumnsDialog,
    EditLine,
    TabLine,
)
from workbench.tui.screens.leaderboard.rows import detail_text, group_columns, row_key, run_columns
from workbench.tui.widgets.row_list import FilterLine, RowList
from workbench.tui.widgets.words import say_in_border, settings_text

READING = "Reading the leaderboard …"
NO_RESULTS = "No results yet. Press t on a model to train it."
DAMAGED = "Press b to rebuild the leaderboard from the run folders."
LOOK_SECONDS = 1.0
# What terminals take through OSC 52, with its base64, without dropping it.
MOST_COPIED_BYTES = 70_000

STAY = ("step_out", "copy_id", "copy_text")  # where nothing but curves is seen
OF_CURVES = ("zoom", "quantity", "smooth", "log_scale", "axis")
# Lines beside list and curves: the bars, the tabs, the detail. And what a list is not seen without.
OTHER_LINES, LEAST_LIST = 5, 6


class LeaderboardScreen(CurveScreen):
    """Results, to be compared."""

    PLACE = "Leaderboard"
    CSS_PATH: ClassVar = style_sheet("leaderboard")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open", "open", key_display="enter", tooltip="Open the run, or its group"),
        Binding("t", "train", "train", tooltip="Train the row once more, with the next seed"),
        Binding("T", "train_all", "train all", tooltip="Queue all that is missing in this table"),
        Binding("b", "rebuild", "rebuild", tooltip="Rebuild the leaderboard from the run folders"),
        Binding("space", "select", "select", tooltip="Overlay its curve; up to six"),
        Binding("e", "errors", "errors", tooltip="Wrong images: of a run, or of the selected ones"),
        Binding("v", "difference", "diff", tooltip="What differs between the selected runs"),
        Binding("C", "columns", "columns", tooltip="Choose the columns of scripts"),
        Binding("z", "zoom", "full screen", tooltip="The curves on all of the screen, and back"),
        Binding("tab", "quantity(1)", "metric", tooltip="Curves of another metric"),
        Binding("shift+tab", "quantity(-1)", show=False, tooltip="The metric before it"),
        Binding("tab", "app.focus_next", show=False, tooltip="From the filter to the rows"),
        Binding("right,l", "tab(1)", "tables", key_display="→", tooltip="The next table"),
        Binding("slash", "filter", "filter", key_display="/", tooltip="Show only some runs"),
        Binding("g", "group", "group", tooltip="Together by preset and settings, or one by one"),
        Binding("o", "sort", "sort", tooltip="Choose the column to sort by"),
        Binding("m", "export", "export", tooltip="Write what is on view to a markdown file"),
        Binding("T", "edit_tags", "tags", tooltip="Change the run's tags, in place"),
        Binding("N", "edit_note", "note", tooltip="Change the run's note, in place"),
        Binding("c", "copy", "copy", tooltip="Copy what is on view as markdown"),
        Binding("d", "delete", "delete", tooltip="Delete the run or the selected ones; asks"),
        Binding("left,h", "tab(-1)", "table", show=False, tooltip="The table before"),
        Binding("greater_than_sign", "sort_next(1)", "sort", key_display=">", show=False,
                tooltip="Sort by the next column"),
        Binding("less_than_sign", "sort_next(-1)", "sort", key_display="<", show=False,
                tooltip="Sort by the column before"),
        Binding("R", "reverse", "reverse", show=False, tooltip="Sort the other way round"),
        *CURVE_KEYS,
        Binding("l", "cursor(1)", show=False, tooltip="The cursor to the right"),
        COPY_ID,
    ]  # fmt: skip

    def __init__(self) -> None:
        super().__init__()
        self._board: Board | None = None  # as read last
        self._stamps: tuple[Stamp | None, ...] = ()  # of the files as they were read
        self._read = Latest(self, self._load)
        self._select = Latest(self, self._select_rows)
        self._training: Counter[str] = Counter()  # settings, with how many runs
        self._query = BoardQuery()
        self.found = select_rows(Board(), self._query, self._training)  # the rows on view
        # By tab: what is chosen in one has no rows in another.
        self._selections: dict[int, Selection] = {}
        self._curves: dict[str, Curve] = {}
        self._overlay = Overlay()
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
        return self._selections.setdefault(self._query.tab, Selection())

    @property
    def _listing(self) -> RowList:
        return self.query_one(RowList)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        tab, selected = self._query.tab, len(self._selection)
        own = tab in (ALL_RUNS, SCRIPTS)
        one_run = tab == SCRIPTS or (own and not self._query.grouped)
        if action in OF_CURVES:
            return selected > 0
        if action in ("cursor", "tab"):
            return self._reading_off is (action == "cursor")
        if self.has_class("zoomed"):
            return action in STAY
        # Elsewhere than on the rows that they are for, keys are not offered.
        offered = {
            "select": tab not in (CLAIMS, IMPORTED),
            "open": tab != IMPORTED,
            "rebuild": self._damaged,
            "group": tab == ALL_RUNS,
            "columns": tab == SCRIPTS,
            "difference": len(self._compared) > 1,
            "errors": tab != SCRIPTS and (selected > 0 or one_run),
            **dict.fromkeys(("train", "train_all"), tab in TABLE_NUMBERS),
            **dict.fromkeys(("filter", "sort", "sort_next", "reverse"), own),
            **dict.fromkeys(("edit_tags", "edit_note", "delete"), one_run),
        }
        return offered.get(action, True)

    def body(self) -> ComposeResult:
        yield TabLine()
        yield FilterLine()
        yield Static(id="notice", markup=False)
        with Container(id="board-panel", classes="panel"):
            yield RowList(row_key)
            yield EditLine()
        yield Static(id="board-detail", classes="two-lines")
        yield self._overlay

    def on_mount(self) -> None:
        self.plots.prefer(self.workbench.config)
        self._listing.empty = READING
        self._listing.show((), self.found.columns)
        self._listing.focus()
        self._show_title()
        self._read()
        self.set_interval(LOOK_SECONDS, self._look)
        self.workbench.run_feed.seen.subscribe(self, self._runs_seen)

    def on_screen_resume(self) -> None:
        if self._board is not None:
            self._read()

    def _look(self) -> None:
        if self.is_current:
            self._read()

    def _runs_seen(self, seen: Seen) -> None:
        training = Counter(
            run.summary.settings_key for run in seen.living if isinstance(run.summary, RunSummary)
        )
        if training != self._training:
            self._training.clear()
            self._training.update(training)
            if self._query.tab != ALL_RUNS:
                self._show_rows()

    # Reading

    async def _load(self) -> None:
        """Read the leaderboard if its files have changed."""
        read, fault, self._stamps = await asyncio.to_thread(
            load_if_changed, self.workbench.home, self._stamps
        )
        if read is not None or fault is not None:
            self._take(read, fault)

    def _take(self, read: Board | None, fault: UserError | None) -> None:
        """Show what was read, or say why nothing was; a fault beside a board is a warning."""
        if read is None:
            self._damaged = self._damaged or isinstance(fault, LeaderboardDamaged)
            self._notice(fault)
        else:
            if self._board is None and not self._damaged:
                self.carry_out(self._sync, self._read)
            if not self._damaged:
                self._notice(None)
            if fault is not None:
                self.workbench.complain(fault)
        # A damaged file was moved aside; what was read before it stays on view.
        if read is not None and (read.entries or not self._damaged):
            self._board = read
        self._board = self._board or Board()
        self.query_one(TabLine).tabs = self._board.tabs
        if self._query.tab not in self._board.tabs:  # it may be gone
            self._go_to_tab(ALL_RUNS)
        for selection in self._selections.values():
            selection.renew(self._board.renewed)
        # A run that was resumed has another curve.
        run_ids = self._selection.run_ids
        self._curves = {run_id: self._curves.get(run_id, Curve()) for run_id in run_ids}
        if run_ids:
            self._read_curves(run_ids)
        self._select()
        self.refresh_bindings()

    def _sync(self) -> list[UserError]:
        """Catch up with runs that ended while the leaderboard could not be written."""
        problem = Leaderboard(self.workbench.home).sync().unwritten
        return [problem] if problem else []

    def _notice(self, error: UserError | None) -> None:
        notice = self.query_one("#notice", Static)
        notice.set_class(error is not None, "shown")
        if error is not None:
            notice.update(f"✗ {error}." + (" b does so here." if self._damaged else ""))

    # Rows

    async def _select_rows(self) -> None:
        """Show the rows asked for, unless others are by then."""
        board, query = self._board, self._query
        if board is None:
            return
        found = await asyncio.to_thread(select_rows, board, query, self._training)
        if board is self._board and query == self._query:
            self.found = found
            self._show_rows()
            self._show_curves()

    def _change(self, *, first_row: bool = False, **changes: object) -> None:
        """Ask for a view that differs in this."""
        self._query = replace(self._query, **changes)  # type: ignore[arg-type]
        self.query_one(TabLine).tab = self._query.tab
        self._first_row = self._first_row or first_row
        self._select()
        self.refresh_bindings()

    def _change_to(self, query: BoardQuery, *, row: str = "") -> None:
        """Ask for another view, tab and filter with it, and for the cursor on a row."""
        self.query_one(FilterLine).set_text(query.filter_text)
        self._query, self._wanted_row = query, row
        self._change(first_row=True)

    def _show_rows(self) -> None:
        listing, rows, columns = self._listing, self.found.rows, self.found.columns
        sortable = self._query.tab in (ALL_RUNS, SCRIPTS)
        listing.sorted_by = self._query.sorted_by if sortable else ""
        listing.marks = self._selection.marks
        total = len(self.board.scripts if self._query.tab == SCRIPTS else self.board.entries)
        if self._board is not None and not total:
            listing.empty = DAMAGED if self._damaged else NO_RESULTS
        elif self._board is not None:
            listing.empty = f"{none_matches(total)}\nesc shows all."
        key = None
        if self._wanted_row and self._wanted_row in map(row_key, rows):
            key, self._wanted_row, self._first_row = self._wanted_row, "", False
        elif self._first_row:
            key, self._first_row = next(map(row_key, rows), None), False
        listing.show(rows, columns, key)
        listing.refresh()  # what trains may say something else in a row that is the same
        self.set_class(self.found.query.tab == CLAIMS, "claims")
        self._show_title()

    def _show_title(self) -> None:
        selected = len(self._selection)
        words = [self.found.counted, *([f"{selected} selected"] if selected else [])]
        say_in_border(self.query_one("#board-panel"), self.found.title, " · ".join(words))

    @on(RowList.Moved)
    def _show_detail(self) -> None:
        if not self.query_one(EditLine).has_class("editing"):
            machines = self.found.query.tab == IMPORTED
            self._say(detail_text(self._listing.row, self.found.comparison, machines=machines))

    def _say(self, about: Text) -> None:
        """Below the rows, about the one under the cursor."""
        self.query_one("#board-detail", Static).update(about, layout=False)

    # Curves

    @property
    def plots(self) -> Overlay:
        return self._overlay

    @on(RowList.Marked)
    def action_select(self) -> None:
        key, subject = self._listing.key, subject_of(self._listing.row)
        if subject is None or key is None:
            self.workbench.complain(RunError("there is no finished run here to show the curve of"))
        elif not self._selection.toggle(key, subject):
            self.workbench.complain(RunError(f"{MOST} curves at a time; space takes one away"))
        self._selection_changed()

    def _selection_changed(self) -> None:
        self._listing.marks = self._selection.marks
        self._listing.refresh()
        self._show_title()
        self._show_curves()
        self.refresh_bindings()

    def _show_curves(self) -> None:
        selection = self._selection
        missing = [run_id for run_id in selection.run_ids if run_id not in self._curves]
        if missing:
            self._curves |= dict.fromkeys(missing, LOADING)
            self._read_curves(missing)
        labels, shared = labelled(selection.subjects)
        shown = [
            Shown(label, place, [self._curves[run.run_id] for run in runs_of(subject)])
            for label, (place, subject) in zip(labels, selection.slots, strict=True)
        ]
        self._overlay.show(shown, shared)
        if not shown:
            self._zoom(False)
        self._share_lines()

    @work(group="curves", description="read curves")
    async def _read_curves(self, run_ids: list[str]) -> None:
        def read() -> dict[str, Curve]:
            return {run_id: read_curve(self.workbench.home, run_id) for run_id in run_ids}

        found = await asyncio.to_thread(read)
        self._curves |= found  # which may be another by now
        self._show_curves()

    def on_resize(self, event: Resize) -> None:
        self._share_lines()

    def _share_lines(self) -> None:
        """The list takes the lines it has, but never more than half; the curves get the rest."""
        lines = None
        if len(self._selection):
            room = self.size.height - OTHER_LINES
            lines = max(LEAST_LIST, min(len(self.found.rows) + 3, room // 2))
        self.query_one("#board-panel").styles.height = lines

    @property
    def _reading_off(self) -> bool:
        """Whether the arrow keys move the cursor over the curves, and not from table to table."""
        return self.has_class("zoomed") or self.plots.cursor is not None

    def read_off(self) -> None:
        """The arrow keys may do something else now."""
        self.refresh_bindings()

    def action_quantity(self, step: int) -> None:
        self._overlay.next_quantity(step)

    def action_zoom(self) -> None:
        self._zoom(not self.has_class("zoomed"))

    def _zoom(self, zoomed: bool) -> None:
        if zoomed != self.has_class("zoomed"):
            self.set_class(zoomed, "zoomed")
            if not zoomed:
                self.plots.cursor = None
                self._listing.focus()
            self.refresh_bindings()

    # Where one looks

    def show_run(self, run_id: str) -> None:
        """Put the cursor on a run among all runs, now or as soon as it has been recorded."""
        order = BEST_FIRST if self._query.grouped else self._query.order
        query = replace(
            self._query, tab=ALL_RUNS, filter_text="", order=order, grouped=False, within=None
        )
        self._change_to(query, row=run_id)
        self._listing.focus()

    def action_tab(self, step: int) -> None:
        self._go_to_tab(self.query_one(TabLine).next(step))

    @on(TabLine.Chosen)
    def _tab_chosen(self, event: TabLine.Chosen) -> None:
        self._go_to_tab(event.tab)

    def _go_to_tab(self, tab: int) -> None:
        self._change(tab=tab, within=None, first_row=True)

    def action_filter(self) -> None:
        self.query_one(FilterLine).open()

    @on(FilterLine.Changed)
    def _filter_changed(self, event: FilterLine.Changed) -> None:
        self._change(filter_text=event.text)

    def step_back(self) -> None:
        """Back to the list, to the groups or the table that one came from; the filter goes, the
        selection."""
        line, within = self.query_one(FilterLine), self._query.within
        if self.has_class("zoomed"):
            self._zoom(False)
        elif within is not None:
            self._change_to(within.before, row=within.row)
        elif line.text and self._query.tab in (ALL_RUNS, SCRIPTS):
            line.set_text("")
        elif self._selection:
            del self._selections[self._query.tab]
            self._selection_changed()

    def action_group(self) -> None:
        grouped = not self._query.grouped
        columns, order = (group_columns if grouped else run_columns)(), self._query.order
        if all(column.key != order.removeprefix("-") for column in columns):
            order = BEST_FIRST
        self._change(grouped=grouped, order=order, within=None, first_row=True)

    def action_sort(self) -> None:
        answers = [(column.key, column.heading.strip()) for column in self.found.columns]
        if self._query.tab == SCRIPTS:
            answers = self._script_columns

        now = self._query.sorted_by.removeprefix("-")
        at = now if now in dict(answers) else None
        self.ask_for(ChoiceDialog("Sort by", answers, at), self._sort_by)

    def action_sort_next(self, step: int) -> None:
        keys = [column.key for column in self.found.columns if self._listing.shows(column.key)]
        now = self._query.sorted_by.removeprefix("-")
        place = (keys.index(now) + step) % len(keys) if now in keys else 0
        self._sort_by(keys[place])

    def action_reverse(self) -> None:
        self._sort_by(self._query.sorted_by.removeprefix("-"))

    @on(RowList.HeadingClicked)
    def _heading_clicked(self, event: RowList.HeadingClicked) -> None:
        if self.check_action("sort", ()):
            self._sort_by(event.column)

    def _sort_by(self, column: str) -> None:
        """By a column, as one most often wants it: the best, the newest, the fastest first.

        The one that is sorted by already is turned round.
        """
        query = self._query
        of_scripts = query.tab == SCRIPTS
        if query.sorted_by.removeprefix("-") == column:
            downwards = not query.sorted_by.startswith("-")
        elif of_scripts:
            downwards = self.board.script_columns[column].descending
        else:
            find = find_group_column if query.grouped else find_field
            downwards = parse_sort(column, find)[0].descending
        order = f"-{column}" if downwards else column
        self._change(first_row=True, **{"script_order" if of_scripts else "order": order})

    def action_columns(self) -> None:
        dialog = ColumnsDialog(self._script_columns, [one.key for one in self.found.columns])
        self.ask_for(dialog, lambda chosen: self._change(columns=chosen))

    @property
    def _script_columns(self) -> list[tuple[str, str]]:
        """All columns of scripts, and what they are called; a metric or setting as in filters."""
        return [
            (name, one_line(name) if "." in name else column.heading.text)
            for name, column in self.board.script_columns.items()
        ]

    # What is done with a row

    def action_errors(self) -> None:
        from workbench.tui.screens.errors import ErrorsScreen

        subject, run_ids = self._listing.row, self._selection.run_ids[:MOST]
        if not run_ids and isinstance(subject, RunSummary):
            run_ids = [subject.run_id]
        folders = [RunFolder(self.workbench.home.runs / run_id) for run_id in run_ids]
        if folders:
            self.app.push_screen(ErrorsScreen(self.workbench.home, folders))

    @property
    def _compared(self) -> list[Subject]:
        """What `v` compares: what is selected here, and in the other list of single runs."""
        runs = (ALL_RUNS, SCRIPTS)
        tabs = runs if self._query.tab in runs else (self._query.tab,)
        chosen = [self._selections[tab].subjects for tab in tabs if tab in self._selections]
        return [subject for subjects in chosen for subject in subjects]

    def action_difference(self) -> None:
        """The selected runs, setting by setting; of a group one run."""
        run_ids = [runs_of(subject)[0].run_id for subject in self._compared]

        def compare() -> None:
            runs = self.workbench.home.runs
            found = difference([RunFolder(runs / run_id) for run_id in run_ids])
            note = () if found.settings else ("No setting differs.",)
            title = f"{count(len(found.run_ids), 'run')}, setting by setting"
            table = replace(difference_table(found), title=title, footnotes=note)
            self.app.call_from_thread(self.app.push_screen, ReadingDialog(TableView(table)))

        self.carry_out(compare)

    @property
    def run_here(self) -> str | None:
        """The run under the cursor; None on a row of several."""
        subject = self._listing.row
        return subject.run_id if isinstance(subject, RunSummary | ScriptSummary) else None

    @on(RowList.Opened)
    def action_open(self) -> None:
        """Open the run; of a group or a row list its runs; of a claim show its table."""
        subject = self._listing.row
        match subject:
            case RunSummary() | ScriptSummary():
                folder = RunFolder(self.workbench.home.runs / subject.run_id)
                if folder.path.is_dir():
                    self.workbench.open_run(folder)
                else:
                    self.workbench.complain(RunError(f"run {subject.run_id}: its folder is gone"))
            case Group():
                run = subject.example
                title = f"{run.preset}, {settings_text(run)}"
                self._list_runs(title, subject.settings_key, run.preset, self._query.filter_text)
            case RowComparison() if subject.ours.runs:
                title = f"{subject.row.label} in Table {self._query.tab}"
                self._list_runs(title, subject.settings_key)
            case Verdict():
                self._go_to_tab(subject.claim.table)
            case RowComparison():
                self.workbench.complain(RunError("no run of this row yet; t trains it"))

    def _list_runs(
        self, title: str, settings_key: str, preset: str = "", filter_text: str = ""
    ) -> None:
        """The runs of what is under the cursor; esc leads back."""
        within = Within(title, settings_key, preset, self._query, self._listing.key or "")
        query = replace(
            self._query,
            tab=ALL_RUNS,
            filter_text=filter_text,
            order=BEST_FIRST,
            grouped=False,
            within=within,
        )
        self._change_to(query)

    def action_train(self) -> None:
        row = self._listing.row
        if isinstance(row, RowComparison):
            self.workbench.train([row.row.spec()], next_seed=True)

    def action_train_all(self) -> None:
        """Queue the trainings of the table that are not there yet, and let the queue run."""
        comparison = self.found.comparison
        if comparison is None:
            return

        def enqueue() -> str:
            from workbench.queue import service as queue
            from workbench.queue.planning import plan_trials, trainings_for

            home, table = self.workbench.home, comparison.table
            wanted = trainings_for([table])
            found = plan_trials(home, wanted)
            if not found.to_train:
                return f"Nothing is missing in Table {table.number}"
            queue.enqueue(home, wanted, "app")
            queue.start(home)
            self.workbench.queue_started = True
            new = f"{count(len(found.new), 'training')} queued"
            said = new if found.new else "All that is missing is queued already"
            return f"{said}; 5 shows the queue"

        self.carry_out(enqueue)

    # Two actions, since a user may have given each a key of its own.
    def action_edit_tags(self) -> None:
        self._edit("tags")

    def action_edit_note(self) -> None:
        self._edit("note")

    def _edit(self, what: str) -> None:
        run = self._listing.row
        if not isinstance(run, RunSummary | ScriptSummary):
            return
        text = " ".join(run.tags) if what == "tags" else run.note
        self.query_one(EditLine).edit(self._listing, run.run_id, what, text)
        kind = "Tags, with spaces between" if what == "tags" else "Note"
        said = f"{kind}, of run {run.run_id}: enter keeps, esc leaves as it was."
        self._say(Text(said))

    @on(Input.Submitted, "EditLine")
    def _edited(self, event: Input.Submitted) -> None:
        """Keep the text, once it is sound."""
        line = self.query_one(EditLine)
        run_id, what, text = line.run_id, line.what, event.value

        def change(before: Labels) -> Labels:
            # What is there already is not judged again.
            if what == "tags":
                tags = checked_labels(text.replace(",", " ").split(), "").tags
                return before.model_copy(update={"tags": tags})
            return before.model_copy(update={"note": checked_labels([], text.strip()).note})

        def keep() -> None:
            Leaderboard(self.workbench.home).change_labels(run_id, change)
            self.workbench.run_feed.look_again_at(run_id)

        try:
            change(Labels())
        except UserError as error:
            self.workbench.complain(error)
            return

        self._edit_left()
        self.carry_out(keep, self._read)

    @on(EditLine.Left)
    def _edit_left(self) -> None:
        self.query_one(EditLine).remove_class("editing")
        self._listing.focus()
        self._show_detail()

    def action_delete(self) -> None:
        # A group's runs are not under one's eyes.
        run_ids = [one.run_id for one in self._selection.subjects if not isinstance(one, Group)]
        if not run_ids and self.run_here is not None:
            run_ids = [self.run_here]
        if run_ids:
            folders = [RunFolder(self.workbench.home.runs / run_id) for run_id in run_ids]
            results = Leaderboard(self.workbench.home)
            question = (
                f"Delete {', '.join(run_ids)} for good? Folder, model and leaderboard entry go."
            )
            delete = partial(service.delete, folders, results)
            confirm(self.app, question, "Delete for good",
                    lambda: self.carry_out(delete, self._read), no="Keep")  # fmt: skip

    def action_rebuild(self) -> None:
        def rebuild() -> str:
            lines: list[str] = []
            runs = Leaderboard(self.workbench.home).rebuild(lines.append)
            self._damaged = False
            left_out = f"; {len(lines)} could not be read: {lines[0]}" if lines else ""
            return f"The leaderboard holds {count(runs, 'run')} again{left_out}"

        self.carry_out(rebuild, self._read)

    def action_export(self) -> None:
        found = self.found

        def named(text: str) -> None:
            path = export_target(text)

            def export() -> str:
                write_export(path, to_markdown(found.table()))
                return f"Written to {path}"

            if path.exists():
                question = f"{path} exists already."
                confirm(self.app, question, "Replace it", lambda: self.carry_out(export))
            else:
                self.carry_out(export)

        question = "Write what is on view, as markdown, to"
        dialog = TextDialog(question, found.file_name, check=export_target)
        self.ask_for(dialog, named)

    def action_copy(self) -> None:
        found = self.found

        def copy() -> str:
            text = to_markdown(found.table())
            size = len(text.encode())
            if size > MOST_COPIED_BYTES:
                raise RunError(
                    f"copy: {size // 1000:,} kB are more than terminals take; filter the rows (/), "
                    "or write them to a file (m)"
                )
            self.app.call_from_thread(self.app.copy_to_clipboard, text)
            lines = text.count("\n")
            return f"{lines:,} lines of markdown handed to the terminal's clipboard"

        self.carry_out(copy)
