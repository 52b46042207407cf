"""The screen of all runs: follow, open, pause, stop, kill, resume, delete."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static

from workbench.errors import RunError, UserError
from workbench.formats import none_matches
from workbench.leaderboard.columns import by_value
from workbench.leaderboard.query import parse_filter
from workbench.leaderboard.store import Leaderboard
from workbench.runs import service
from workbench.runs.folder import RunFolder
from workbench.runs.summary import RunSummary, damaged
from workbench.runs.watchlist import WatchedRun
from workbench.settings import style_sheet
from workbench.tui.run_feed import Seen
from workbench.tui.screens.base import COPY_ID, WorkbenchScreen
from workbench.tui.screens.dialog import ChoiceDialog
from workbench.tui.screens.runs.rows import COLUMNS, RunRows, detail_text, origin_text, sort_value
from workbench.tui.widgets.borders import say_in_border
from workbench.tui.widgets.filter_line import FilterLine
from workbench.tui.widgets.row_list import RowList

NO_RUNS = "No runs yet. Press t on a model to train it."
LOOKING = "Looking for runs …"
DOWNWARDS = ("progress", "when")  # columns of which one wants the most first


class RunsScreen(WorkbenchScreen):
    """All runs of the home, whoever started them."""

    PLACE = "Runs"
    CSS_PATH: ClassVar = style_sheet("runs")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "enter",
            "open",
            "open",
            tooltip="Open the run: its curves, numbers and log",
        ),
        Binding("p", "pause", "pause", tooltip="Pause the run, or let a paused one go on"),
        Binding("s", "stop", "stop", tooltip="Stop the run after its current chunk and save it"),
        Binding(
            "r", "resume", "resume", tooltip="Go on with a run that is paused or was cut short"
        ),
        Binding("slash", "filter", "filter", tooltip="Show only some runs"),
        Binding("space", "select", "select", tooltip="Select the run, to act on several at once"),
        Binding("d", "delete", "delete", tooltip="Delete the run's folder and model; asks"),
        Binding("X", "kill", "kill", tooltip="End the run at once, unsaved; asks"),
        Binding("greater_than_sign", "sort(1)", "sort", tooltip="Sort by the next column"),
        Binding("less_than_sign", "sort(-1)", show=False, tooltip="Sort by the column before"),
        Binding("R", "reverse", show=False, tooltip="Sort the other way round"),
        COPY_ID,
    ]

    def __init__(self) -> None:
        super().__init__()
        self._seen = Seen()
        self._one_by_one = asyncio.Lock()  # what is asked for in one order is done in it
        self._shown: list[WatchedRun] = []
        self._selected: set[str] = set()
        self._filter = parse_filter("")
        self._matched: dict[str, tuple[WatchedRun, bool]] = {}

    def body(self) -> ComposeResult:
        yield FilterLine()
        with Vertical(id="runs-panel", classes="panel"):
            yield RowList()
        yield Static(id="run-detail", classes="two-lines")

    def on_mount(self) -> None:
        panel = self.query_one("#runs-panel")
        panel.border_title = "runs"
        listing = self.query_one(RowList)
        listing.empty = LOOKING
        listing.show(RunRows([], self._selected), COLUMNS)
        listing.focus()
        self.workbench.run_feed.seen.subscribe(self, self._runs_seen)

    def on_screen_resume(self) -> None:
        """Somebody looks: ended runs are listed too."""
        self.workbench.run_feed.read_ended(True)

    def on_screen_suspend(self) -> None:
        self.workbench.run_feed.read_ended(False)

    def _runs_seen(self, seen: Seen) -> None:
        if not seen.listed or not self.is_current:
            return
        self._seen = seen
        self._show()

    def _show(self) -> None:
        """Bring the list up to date, drawing only what differs."""
        runs = self._sorted([run for run in self._seen.runs if self._matches(run)])
        self._selected &= {run.run_id for run in self._seen.runs}
        before, self._shown = self._shown, runs
        listing = self.query_one(RowList)
        rows = RunRows(runs, self._selected)
        same_order = len(before) == len(runs) and all(
            old.run_id == new.run_id for old, new in zip(before, runs, strict=True)
        )
        if same_order and runs:
            listing.update_rows(rows)
            for index, (old, new) in enumerate(zip(before, runs, strict=True)):
                if old is not new and old != new:
                    listing.refresh_row(index)
        else:
            listing.empty = self._empty_text()
            listing.show(rows, COLUMNS, key=listing.key)
        self._show_counts()
        self._show_detail()

    def _sorted(self, runs: list[WatchedRun]) -> list[WatchedRun]:
        """By the chosen column, what has nothing there last; else as they come, living first."""
        order = self.query_one(RowList).sorted_by
        if not order:
            return runs
        value = partial(sort_value, column=order.lstrip("-"))
        return by_value(runs, value, descending=order.startswith("-"))

    @on(RowList.HeadingClicked)
    def _heading_clicked(self, event: RowList.HeadingClicked) -> None:
        """By it one way, then the other, then as they come."""
        listing, column = self.query_one(RowList), event.column
        ways = [column, f"-{column}"]
        first, second = reversed(ways) if column in DOWNWARDS else ways
        self._sort_by({first: second, second: ""}.get(listing.sorted_by, first))

    def action_sort(self, step: int) -> None:
        """By the next of the columns that are shown; beyond the last as they come."""
        listing = self.query_one(RowList)
        keys = ["", *(column.key for column in COLUMNS if listing.shows(column.key))]
        now = listing.sorted_by.lstrip("-")
        column = keys[((keys.index(now) if now in keys else 0) + step) % len(keys)]
        self._sort_by(f"-{column}" if column in DOWNWARDS else column)

    def action_reverse(self) -> None:
        order = self.query_one(RowList).sorted_by
        if order:
            self._sort_by(order[1:] if order.startswith("-") else f"-{order}")

    def _sort_by(self, order: str) -> None:
        self.query_one(RowList).sorted_by = order
        self._show()

    def _empty_text(self) -> str:
        if self._seen.unread or not self._seen.listed:
            return LOOKING
        runs = len(self._seen.runs)
        return f"{none_matches(runs)}\nesc shows all." if runs else NO_RUNS

    def _matches(self, run: WatchedRun) -> bool:
        """Whether the filter lets a run through; judged once for each state of a run."""
        if not self._filter:
            return True
        known = self._matched.get(run.run_id)
        if known is None or known[0] is not run:
            origin = origin_text(run.launched_from)
            good = self._filter.matches(run.summary or damaged(run.run_id), origin)
            known = self._matched[run.run_id] = (run, good)
        return known[1]

    def _show_counts(self) -> None:
        living, all_runs = len(self._seen.living), len(self._seen.runs)
        parts = [f"{living} active", f"{all_runs - living:,} ended"] if all_runs else []
        if len(self._shown) != all_runs:
            parts.append(f"{len(self._shown):,} shown")
        if self._selected:
            parts.append(f"{len(self._selected)} selected")
        if self._seen.unread:
            parts.append(f"{self._seen.unread:,} to read")
        panel = self.query_one("#runs-panel")
        say_in_border(panel, subtitle=" · ".join(parts))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if not self.is_mounted or action not in ("pause", "stop", "kill", "resume", "delete"):
            return True
        chosen = self._chosen()
        states = [run.state for run in chosen]
        match action:
            case "delete":
                return any(not state.alive for state in states)
            case "resume":  # a pause may be asked for and not be seen yet
                return any(
                    run.state.alive or (run.state.resumable and isinstance(run.summary, RunSummary))
                    for run in chosen
                )
        return any(state.alive for state in states)

    def _show_detail(self) -> None:
        run = self._under_cursor()
        content = detail_text(run) if run else Content("")
        line = self.query_one("#run-detail", Static)
        if line.content != content:
            line.update(content, layout=False)
        self.refresh_bindings()

    def _under_cursor(self) -> WatchedRun | None:
        place = self.query_one(RowList).cursor
        return self._shown[place] if place < len(self._shown) else None

    @property
    def run_here(self) -> str | None:
        run = self._under_cursor()
        return run.run_id if run else None

    def _chosen(self) -> list[WatchedRun]:
        """The selected runs, or the one under the cursor."""
        if self._selected:
            return [run for run in self._seen.runs if run.run_id in self._selected]
        run = self._under_cursor()
        return [run] if run else []

    @on(RowList.Moved)
    def _moved(self) -> None:
        self._show_detail()

    @on(RowList.Opened)
    def action_open(self) -> None:
        run = self._under_cursor()
        if run is None:
            return
        if run.summary is None:
            self.workbench.complain(RunError(run.fault))
        else:
            self.workbench.open_run(run.folder)

    @on(RowList.Marked)
    def action_select(self) -> None:
        run = self._under_cursor()
        if run is None:
            return
        self._selected ^= {run.run_id}
        listing = self.query_one(RowList)
        listing.update_rows(RunRows(self._shown, self._selected))
        listing.refresh_row(listing.cursor)
        self._show_counts()
        self.refresh_bindings()

    def action_filter(self) -> None:
        self.query_one(FilterLine).open()

    @on(FilterLine.Changed)
    def _filter_changed(self, event: FilterLine.Changed) -> None:
        self._filter = parse_filter(event.text)
        self._matched.clear()
        self._show()

    @on(FilterLine.Done)
    def _filter_done(self) -> None:
        self.query_one(RowList).focus()

    def action_step_out(self) -> None:
        line = self.query_one(FilterLine)
        if line.text:
            line.set_text("")
        elif self._selected:
            self._selected.clear()
            self._show_counts()
            self.refresh_bindings()
            self.query_one(RowList).refresh()

    def action_pause(self) -> None:
        self._do(service.pause_or_resume, self._living())

    def action_stop(self) -> None:
        runs = self._living()
        self._do(service.stop, runs)
        if runs:
            self.notify(f"Asked to stop and save: {_named(runs)}.")

    def action_kill(self) -> None:
        runs = self._living()
        if not runs:
            return
        it, they = ("it", "it") if len(runs) == 1 else ("them", "they")
        self._ask(
            f"Kill {_named(runs)}? What {they} learned since the last whole epoch is lost; "
            f"r resumes {it} from there.",
            [("stay", "Cancel"), ("kill", f"Kill {it}")],
            lambda: self._do(service.kill, runs),
        )

    def action_resume(self) -> None:
        """Let them go on; they are asked about on leaving, like those that were started here."""
        resumed: list[RunFolder] = []

        def resume(folder: RunFolder) -> None:
            service.resume(folder)
            resumed.append(folder)

        def then() -> None:
            for folder in resumed:
                self.workbench.ask_about(folder)

        self._do(resume, self._chosen(), then)

    def action_delete(self) -> None:
        runs = [run for run in self._chosen() if not run.state.alive]
        if not runs:
            return
        board = Leaderboard(self.workbench.home)
        self._ask(
            f"Delete {_named(runs)} for good? Folder, model and leaderboard entry go.",
            [("stay", "Cancel"), ("delete", "Delete for good")],
            lambda: self._carry_out(partial(service.delete, [run.folder for run in runs], board)),
        )

    def _living(self) -> list[WatchedRun]:
        return [run for run in self._chosen() if run.state.alive]

    def _ask(
        self, question: str, answers: list[tuple[str, str]], then: Callable[[], object]
    ) -> None:
        def answered(answer: str | None) -> None:
            if answer not in (None, "stay"):
                then()

        self.app.push_screen(ChoiceDialog(question, answers), answered)

    def _do(
        self,
        action: Callable[[RunFolder], object],
        runs: list[WatchedRun],
        then: Callable[[], object] = lambda: None,
    ) -> None:
        """Ask each run for something, in a thread; `then` is called afterwards."""
        folders = [run.folder for run in runs]

        def each() -> list[UserError]:
            faults = service.each(folders, action)
            for folder in folders:
                self.workbench.run_feed.look_again_at(folder.run_id)
            return faults

        if runs:
            self._carry_out(each, then)

    @work(description="carry out")
    async def _carry_out(
        self, action: Callable[[], list[UserError]], then: Callable[[], object] = lambda: None
    ) -> None:
        async with self._one_by_one:
            faults = await asyncio.to_thread(action)
        then()
        self._selected.clear()
        self.workbench.run_feed.look_now()
        self.query_one(RowList).refresh()
        self._show_counts()
        for error in faults[:3]:
            self.workbench.complain(error)
        if len(faults) > 3:
            self.workbench.complain(RunError(f"and {len(faults) - 3} more refused likewise"))


def _named(runs: list[WatchedRun]) -> str:
    """`run kq7d-cnn-2`, or how many with the first few."""
    if len(runs) == 1:
        return f"run {runs[0].run_id}"
    names = ", ".join(run.run_id for run in runs[:4])
    return f"{len(runs)} runs ({names}{', …' if len(runs) > 4 else ''})"
