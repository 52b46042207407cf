"""The screen of the queue: start, watch, reorder, drop, stop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.events import Resize
from textual.widgets import Static

from workbench.errors import UserError
from workbench.formats import count
from workbench.leaderboard.paper import paper_accuracies
from workbench.queue.store import SearchEntry
from workbench.queue.view import QueueView, QueueWatch, TrialView, headline
from workbench.runs.folder import RunFolder
from workbench.settings import style_sheet
from workbench.tui.run_feed import Seen
from workbench.tui.screens.base import COPY_ID, WorkbenchScreen
from workbench.tui.screens.dialog import ChoiceDialog
from workbench.tui.screens.queue import actions
from workbench.tui.screens.queue.add_dialog import AddDialog, Request
from workbench.tui.screens.queue.rows import (
    COLUMNS,
    PROGRESS,
    QueueRows,
    detail_lines,
    row_id,
    search_lines,
    subtitle,
)
from workbench.tui.widgets.borders import say_in_border
from workbench.tui.widgets.row_list import RowList

LOOKING = "Looking at the queue …"
EMPTY = (
    "The queue is empty. It trains one model after the other\n"
    "and goes on while nobody is connected.\n"
    "Press a to train what the paper's tables need."
)
HEADLINE_COLOURS = {"": "", "good": "$success", "warning": "$warning"}
NOTHING = QueueView(running=False, stopping=False, jobs=1, message="", trials=())


class QueueScreen(WorkbenchScreen):
    """The queue of the home, whoever filled and started it."""

    PLACE = "Queue"
    CSS_PATH: ClassVar = style_sheet("queue")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "enter",
            "open",
            "open",
            tooltip="Open the trial's run: its curves, numbers and log; or the search",
        ),
        Binding(
            "s",
            "start_or_stop",
            "start/stop",
            tooltip="Start the queue, what failed or was stopped too; or save what trains and stop",
        ),
        Binding("a", "add", "add", tooltip="Queue what the paper's tables need"),
        Binding("d", "drop", "drop", tooltip="Take trials out of the queue; runs stay"),
        Binding("J", "shift(1)", "move down", tooltip="Train a waiting trial later"),
        Binding("K", "shift(-1)", "move up", tooltip="Train a waiting trial earlier"),
        Binding("space", "select", "select", tooltip="Select the trial, to drop several at once"),
        Binding("x", "clear", "clear", tooltip="Take out all that have ended; runs stay"),
        Binding("o", "open_search", "search", tooltip="The search that the trial belongs to"),
        COPY_ID,
    ]

    def __init__(self) -> None:
        super().__init__()
        self._view = NOTHING
        self._looked = False  # whether `_view` says anything yet
        self._looking = self._look_again = False
        self._order = asyncio.Lock()  # what keys ask for is done in the order of the keys
        self._selected: set[str] = set()
        self._papers = paper_accuracies()
        self._trouble = ""  # said once, not at each look

    def body(self) -> ComposeResult:
        yield Static(id="queue-headline", markup=False)
        with Vertical(id="queue-panel", classes="panel"):
            yield RowList()
        yield Static(id="queue-detail", classes="two-lines")

    def on_mount(self) -> None:
        self._watch = QueueWatch(self.workbench.home)
        self.query_one("#queue-panel").border_title = "queue"
        listing = self.query_one(RowList)
        listing.empty = LOOKING
        listing.show(self._rows(), COLUMNS)
        listing.focus()
        self.workbench.run_feed.seen.subscribe(self, self._runs_seen)

    def on_screen_resume(self) -> None:
        self._look()

    def on_resize(self, event: Resize) -> None:
        super().on_resize(event)
        self.call_after_refresh(self._redraw)

    # Looking

    def _runs_seen(self, _: Seen) -> None:
        if self.is_current:
            self._look()

    def _look(self) -> None:
        """Look now; if a look is under way, once more after it."""
        self._look_again = self._looking
        if not self._looking:
            self._looking = True
            self.run_worker(self._look_in_a_thread(), group="queue-look")

    async def _look_in_a_thread(self) -> None:
        try:
            while True:
                self._look_again = False
                living = {run.run_id: run for run in self.workbench.run_feed.last.living}
                try:
                    view = await asyncio.to_thread(self._watch.look, living)
                except UserError as error:
                    if str(error) != self._trouble:
                        self._trouble = str(error)
                        self.workbench.complain(error)
                else:
                    self._trouble = ""
                    self._show(view)
                if not self._look_again:
                    return
        finally:
            self._looking = False

    def _show(self, view: QueueView) -> None:
        """Bring the list up to date, drawing only what differs."""
        before, self._view = self._view, view
        first, self._looked = not self._looked, True
        ids = [row_id(row) for row in view.rows]
        self._selected &= set(ids)
        listing = self.query_one(RowList)
        if ids and ids == [row_id(row) for row in before.rows]:
            listing.update_rows(self._rows())
            for index, (old, new) in enumerate(zip(before.rows, view.rows, strict=True)):
                if old != new:
                    listing.refresh_row(index)
        else:
            listing.empty = EMPTY
            key = _first_of_interest(view) if first else listing.key
            listing.show(self._rows(), COLUMNS, key=key)
        self._show_words()

    def _show_words(self) -> None:
        text, role = headline(self._view, "s")
        content = Content.styled(text, HEADLINE_COLOURS[role])
        line = self.query_one("#queue-headline", Static)
        if line.content != content:
            line.update(content)
        panel = self.query_one("#queue-panel")
        words = subtitle(self._view, len(self._selected))
        say_in_border(panel, subtitle=words)
        self._show_detail()

    def _show_detail(self) -> None:
        row = self._row
        content = Content("")
        if row is not None:
            head, rest = (
                search_lines(row)
                if isinstance(row, SearchEntry)
                else detail_lines(row, *self._view.place(row.trial.id))
            )
            content = Content.assemble((head, "bold $foreground"), "\n", rest)
        line = self.query_one("#queue-detail", Static)
        if line.content != content:
            line.update(content, layout=False)

    def _rows(self) -> QueueRows:
        bars = self.query_one(RowList).shows(PROGRESS)
        return QueueRows(self._view, self._selected, self._papers, bars=bars)

    def _redraw(self) -> None:
        listing = self.query_one(RowList)
        listing.update_rows(self._rows())
        listing.refresh()

    @property
    def _row(self) -> SearchEntry | TrialView | None:
        place = self.query_one(RowList).cursor
        return self._view.rows[place] if place < len(self._view.rows) else None

    def _under_cursor(self) -> TrialView | None:
        row = self._row
        return row if isinstance(row, TrialView) else None

    @property
    def run_here(self) -> str | None:
        item = self._under_cursor()
        return item.trial.run_id if item else None

    @on(RowList.Moved)
    def _moved(self) -> None:
        self._show_detail()

    # Acting

    def _ask_for(self, action: Callable[[], str]) -> None:
        """Do something with the queue in a thread, say what came of it, and look."""
        self.run_worker(self._in_order(action), group="queue-action")

    async def _in_order(self, action: Callable[[], str]) -> None:
        async with self._order:
            try:
                words = await asyncio.to_thread(action)
            except UserError as error:
                self.workbench.complain(error)
            else:
                if words:
                    self.notify(words, markup=False)
            self._look()
            self.workbench.run_feed.look_now()

    @on(RowList.Opened)
    def action_open(self) -> None:
        row = self._row
        if isinstance(row, SearchEntry):
            self.workbench.open_search(row.id)
        elif row is not None:
            self.run_worker(self._open(row.trial.id), group="queue-open", exclusive=True)

    def action_open_search(self) -> None:
        item = self._under_cursor()
        of_trial = item.trial.search if item is not None else None
        known = [of_trial] if of_trial else [entry.id for entry in self._view.searches]
        if len(known) == 1:
            self.workbench.open_search(known[0])
        else:
            several = "put the cursor on one of its trials" if known else "S in Compose starts one"
            self.notify(f"No search is meant here: {several}.")

    async def _open(self, trial_id: str) -> None:
        folder: RunFolder
        try:
            folder = await asyncio.to_thread(actions.folder_of, self.workbench.home, trial_id)
        except UserError as error:
            self.workbench.complain(error)
            return
        if self.app.screen is self:
            self.workbench.open_run(folder)

    def action_start_or_stop(self) -> None:
        # Whoever stopped it does not answer for what others start later.
        self.workbench.queue_started = self._view.stopping or not self._view.running
        self._ask_for(partial(actions.start_or_stop, self.workbench.home))

    def action_add(self) -> None:
        def answered(asked: Request | None) -> None:
            if asked is not None:
                self.workbench.queue_started = True
                self._ask_for(partial(actions.add, self.workbench.home, asked))

        running = self._view.engine if self._view.running else None
        self.app.push_screen(AddDialog(self.workbench.home, self._view.jobs, running), answered)

    def action_shift(self, step: int) -> None:
        item = self._under_cursor()
        if item is not None:
            self._ask_for(partial(actions.move, self.workbench.home, item.trial.id, step))

    def action_drop(self) -> None:
        row = self._row
        ids = [key for each in self._view.rows if (key := row_id(each)) in self._selected]
        ids = ids or ([row_id(row)] if row is not None else [])
        if not ids:
            return
        drop = partial(self._ask_for, partial(actions.drop, self.workbench.home, ids))
        if len(ids) == 1:
            drop()
            return

        def answered(answer: str | None) -> None:
            if answer == "drop":
                drop()

        question = f"Drop {count(len(ids), 'trial')} from the queue? Runs and results stay."
        answers = [("stay", "Cancel"), ("drop", "Drop them")]
        self.app.push_screen(ChoiceDialog(question, answers), answered)

    def action_clear(self) -> None:
        if self._view.rows or self._view.notice:
            self._ask_for(partial(actions.clear, self.workbench.home))

    @on(RowList.Marked)
    def action_select(self) -> None:
        row = self._row
        if row is not None:
            self._selected ^= {row_id(row)}
            self.query_one(RowList).refresh_row(self.query_one(RowList).cursor)
            self._show_words()

    def action_step_out(self) -> None:
        if self._selected:
            self._selected.clear()
            self.query_one(RowList).refresh()
            self._show_words()


def _first_of_interest(view: QueueView) -> str | None:
    """What trains, else what is next."""
    first = next(iter(view.training + view.pending), None)
    return first.trial.id if first is not None else None
