"""The screen of the queue: start, watch, reorder, drop, stop.

A trial is one line: state, what it is for, training, progress, accuracy, time. Below the list,
two lines about the one under the cursor.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static

from workbench.errors import RunError, UserError
from workbench.formats import (
    MISSING,
    bare_percent,
    clock,
    count,
    epochs_done,
    moment,
    percent,
    rough_duration,
)
from workbench.leaderboard.paper import beside_paper, paper_accuracy
from workbench.leaderboard.table import Column
from workbench.leaderboard.table import Content as CellContent
from workbench.model.spec import TrainingSpec
from workbench.queue import service
from workbench.queue.store import QueueStore, SearchEntry, settings_words
from workbench.queue.view import QueueView, QueueWatch, TrialView, headline
from workbench.runs.folder import RunFolder
from workbench.runs.status import Status
from workbench.settings import Home, style_sheet
from workbench.text import one_line
from workbench.tui.run_feed import Seen
from workbench.tui.screens.base import COPY_ID, Latest, WorkbenchScreen
from workbench.tui.screens.dialog import confirm
from workbench.tui.screens.queue.adding import AddDialog
from workbench.tui.widgets.row_list import RowList
from workbench.tui.widgets.words import bar_pieces, say, say_in_border

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
        self._look = Latest(self, self._read)
        self._trouble = ""  # said once, not at each look

    def body(self) -> ComposeResult:
        yield Static(id="queue-headline", markup=False)
        with Vertical(id="queue-panel", classes="panel"):
            yield RowList(row_id)
        yield Static(id="queue-detail", classes="two-lines")

    def on_mount(self) -> None:
        self._watch = QueueWatch(self.workbench.home)
        self.query_one("#queue-panel").border_title = "queue"
        self._listing.empty = LOOKING
        self._listing.show((), self._columns)
        self._listing.focus()
        self.workbench.run_feed.seen.subscribe(self, self._runs_seen)

    def on_screen_resume(self) -> None:
        self._look()

    @property
    def _listing(self) -> RowList:
        return self.query_one(RowList)

    # Looking

    def _runs_seen(self, _: Seen) -> None:
        if self.is_current:
            self._look()

    async def _read(self) -> None:
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

    def _show(self, view: QueueView) -> None:
        first, self._view = self._view is NOTHING, view
        ids = [row_id(row) for row in view.rows]
        listing = self._listing
        listing.marks = {key: mark for key, mark in listing.marks.items() if key in ids}
        listing.empty = EMPTY
        # What trains, else what is next.
        of_interest = [item.trial.id for item in view.training + view.pending][:1] if first else []
        listing.show(view.rows, self._columns, key=next(iter(of_interest), None))
        self._show_words()

    def _show_words(self) -> None:
        text, role = headline(self._view, "s")
        colour = HEADLINE_COLOURS[role]
        say(self.query_one("#queue-headline", Static), Content.styled(text, colour), layout=True)
        words = subtitle(self._view, len(self._listing.marks))
        say_in_border(self.query_one("#queue-panel"), subtitle=words)

    @on(RowList.Moved)
    def _show_detail(self) -> None:
        row = self._listing.row
        content = Content("")
        if row is not None:
            head, rest = detail_lines(row, self._view)
            content = Content.assemble((head, "bold $foreground"), "\n", rest)
        say(self.query_one("#queue-detail", Static), content)

    def _under_cursor(self) -> TrialView | None:
        row = self._listing.row
        return row if isinstance(row, TrialView) else None

    @property
    def run_here(self) -> str | None:
        item = self._under_cursor()
        return item.trial.run_id if item else None

    # Acting

    def _ask_for(self, action: Callable[..., str], *given: Any) -> None:
        """Do something with the queue in a thread, say what came of it, and look."""
        self.carry_out(partial(action, self.workbench.home, *given), self._look)

    @on(RowList.Opened)
    def action_open(self) -> None:
        row = self._listing.row
        if isinstance(row, SearchEntry):
            self.workbench.open_search(row.id)
        elif row is not None:
            self.open_found(partial(folder_of, self.workbench.home, row.trial.id))

    def action_open_search(self) -> None:
        item = self._under_cursor()
        of_trial = item.trial.search if item is not None else None
        known = [of_trial] if of_trial else [entry.id for entry in self._view.searches]
        if len(known) == 1:
            self.workbench.open_search(known[0])
        else:
            several = "put the cursor on one of its trials" if known else "S in Compose starts one"
            self.notify(f"No search is meant here: {several}.")

    def action_start_or_stop(self) -> None:
        # Whoever stopped it does not answer for what others start later.
        self.workbench.queue_started = self._view.stopping or not self._view.running
        self._ask_for(start_or_stop)

    def action_add(self) -> None:
        running = self._view.engine if self._view.running else None
        dialog = AddDialog(self.workbench.home, self._view.jobs, running)
        self.ask_for(dialog, self.workbench.queue_up)

    def action_shift(self, step: int) -> None:
        item = self._under_cursor()
        if item is not None:
            self._ask_for(move, item.trial.id, step)

    def action_drop(self) -> None:
        key, marks = self._listing.key, self._listing.marks
        ids = [chosen for row in self._view.rows if (chosen := row_id(row)) in marks]
        if len(ids) > 1:
            question = f"Drop {count(len(ids), 'trial')} from the queue? Runs and results stay."
            confirm(self.app, question, "Drop them", lambda: self._ask_for(drop, ids))
        elif ids or key is not None:
            self._ask_for(drop, ids or [key])

    def action_clear(self) -> None:
        if self._view.rows or self._view.notice:
            self._ask_for(clear)

    @on(RowList.Marked)
    def action_select(self) -> None:
        self._listing.select()
        self._show_words()

    def action_step_out(self) -> None:
        if self._listing.marks:
            self._listing.marks = {}
            self._listing.refresh()
            self._show_words()

    # Rows

    @property
    def _columns(self) -> tuple[Column, ...]:
        return tuple(replace(column, say=partial(self._cell, column.key)) for column in COLUMNS)

    def _cell(self, column: str, row: SearchEntry | TrialView, width: int) -> CellContent:
        if isinstance(row, SearchEntry):
            return search_cell(self._view, row, column, width)
        # Where there is no room for the bar, the state says how far a trial is.
        return trial_cell(row, column, width, bars=self._listing.shows("progress"))


# What is asked of the queue: done in a thread; the sentence to say comes back


def start_or_stop(home: Home) -> str:
    """Stop a queue that runs, start one that does not; one that is just stopping goes on."""
    store = QueueStore(home)
    stopping = store.read().stopping
    if store.runs() and not stopping and service.stop(home):
        return ""  # the headline says it
    if not service.start(home):
        return "Nothing in the queue is left to train."
    return "The queue goes on." if stopping else ""


def move(home: Home, trial_id: str, step: int) -> str:
    """Train a waiting trial later (`step` 1) or earlier (-1).

    Its place is read here, not from the screen: keys may come faster than looks.
    """
    waiting = [trial.id for trial in QueueStore(home).read().waiting]
    if trial_id not in waiting:
        raise RunError("only waiting trials can be moved")
    place = waiting.index(trial_id) + 1 + step
    if 1 <= place <= len(waiting):
        service.move(home, trial_id, place)
    return ""


def drop(home: Home, trial_ids: Sequence[str]) -> str:
    """Take trials out of the queue.

    Raises:
        RunError: one of them trains now.
    """
    store = QueueStore(home)
    state, alive = store.read(), store.runs()
    for trial_id in trial_ids:
        trial = state.trial(trial_id)
        if alive and trial is not None and trial.state is Status.RUNNING:
            raise RunError(
                f"trial {trial_id} is training: enter opens its run, s stops it there; "
                "then it can be dropped"
            )
    dropped = service.drop(home, trial_ids)
    return f"Dropped {count(dropped, 'trial')}; runs and results stay." if dropped > 1 else ""


def clear(home: Home) -> str:
    """Take out all that have ended, and what is said of a queue that was lost."""
    state = QueueStore(home).read()
    ended = [trial.id for trial in state.trials if not trial.state.pending]
    ended += [entry.id for entry in state.searches if not entry.state.pending]
    if not ended and not state.notice:
        return "No trial has ended yet."
    dropped = service.drop(home, ended)
    if not dropped:
        return ""
    return f"Cleared {count(dropped, 'trial')}; runs and results stay."


def folder_of(home: Home, trial_id: str) -> RunFolder:
    """The folder of a trial's run.

    Raises:
        RunError: the trial has none: not yet, or not any more.
    """
    trial = QueueStore(home).read().trial(trial_id)
    if trial is None:
        raise RunError(f"trial {trial_id} was dropped")
    if trial.run_id is None:
        why = f"has no run: {trial.message or 'it was never begun'}"
        if trial.state is Status.WAITING:
            why = "has no run yet: it waits for its turn"
        raise RunError(f"trial {trial_id} {why}")
    return RunFolder(home.runs / trial.run_id)


# A trial or a search as a line

COLUMNS = (
    Column("state", "State", 11),
    Column("for", "For", 8, stretch=1, most=24),
    Column("training", "Training", 18, stretch=2, most=52),
    Column("seed", "Seed", 4, weight=2, right=True),
    Column("progress", "Progress", 16, weight=4),
    Column("accuracy", "Test %", 6, right=True),
    Column("paper", "Paper", 5, weight=3, right=True),
    Column("time", "Time", 10, weight=1, right=True),
)
# From these widths on a form of the training is used: by the column, so that its rows are alike.
WORDS, TITLE, SIZES = 44, 32, 23


def trial_cell(item: TrialView, column: str, width: int, *, bars: bool) -> CellContent:
    """What a column says of a trial; without `bars` the state says how far it is."""
    trial = item.trial
    match column:
        case "state":
            state = item.state
            if not bars and state is Status.RUNNING and item.run is not None:
                return f"{state.mark} {percent_done(item):3d} %", state.role
            return state.marked, state.role
        case "for":
            text = one_line(trial.label)
            # Without the word `Tables` where it is narrow.
            return text.partition(" ")[2] if width < 18 and text.startswith("Table") else text
        case "training":
            return training_text(trial.spec, width)
        case "seed":
            return str(trial.spec.seed)
        case "progress":
            going = item.run is not None and item.run.step and trial.state.pending
            return progress_bar(percent_done(item), item.progress, width) if going else ""
        case "accuracy":
            text = bare_percent(item.accuracy, "" if trial.state.pending else MISSING)
            if item.of_validation and item.accuracy is not None:
                return (f"{text}v", "muted")  # the line below says what it is of
            return (text, "test" if trial.state.pending else "strong")
        case "paper":
            return (bare_percent(paper_accuracy(trial.spec.settings_key), ""), "muted")
    return time_text(item)


def search_cell(view: QueueView, entry: SearchEntry, column: str, width: int) -> CellContent:
    match column:
        case "state":
            still = entry.state is Status.RUNNING and not view.running
            state = Status.WAITING if still else entry.state
            return state.marked, state.role
        case "for":
            return "search"
        case "training":
            text = one_line(f"{entry.id}: {entry.message}" if entry.message else entry.id)
            return (text if len(text) <= width else text.removeprefix(f"{entry.id}: "), "strong")
        case "progress" if entry.state.pending:
            share = view.share(entry)
            return progress_bar(int(100 * share), share, width)
    return ""


def row_id(row: SearchEntry | TrialView) -> str:
    return row.id if isinstance(row, SearchEntry) else row.trial.id


def training_text(spec: TrainingSpec, width: int) -> str:
    """`CNN model 2, Adam 0.002, batch 60, 5 epochs`, or `cnn-2 Adam 0.002 60×5` in less room."""
    if width >= WORDS:
        return one_line(f"{spec.title}, {settings_words(spec)}")
    name = spec.title if width >= TITLE else spec.preset
    words = one_line(f"{name} {settings_words(spec, short=True)}")
    return words if width >= SIZES else words.rpartition(" ")[0]


def percent_done(item: TrialView) -> int:
    """How far a trial is; 100 not before it has come to its end."""
    return min(99, int(100 * item.progress)) if item.trial.state.pending else 100


def progress_bar(percent: int, share: float, width: int) -> CellContent:
    """A bar and the share done, in exactly this width."""
    tail = f" {percent:3d} %"
    return [*bar_pieces(share, max(0, width - len(tail))), (tail, "")]


def time_text(item: TrialView) -> tuple[str, str]:
    """Time taken once it has ended, time left while it trains, the estimate before."""
    if not item.trial.state.pending:
        return (clock(item.result.train_seconds if item.result is not None else None), "")
    if item.run is not None and item.seconds_left is not None:
        return (f"{clock(item.seconds_left)} left", "")
    return (item.estimate_text or MISSING, "muted")


def detail_lines(row: SearchEntry | TrialView, view: QueueView) -> tuple[str, str]:
    if isinstance(row, SearchEntry):
        said = row.message or "no trial yet"
        return one_line(f"search {row.id}"), one_line(f"{said}  ·  enter shows it")
    trial = row.trial
    words = _words(row, _place(*view.place(trial.id)))
    if row.accuracy is not None:
        words.insert(0, _accuracy(row, row.accuracy))
    if trial.run_id:
        words.append(f"run {trial.run_id}")
    return one_line(row.named), one_line("  ·  ".join(word for word in words if word))


def _words(item: TrialView, place: str) -> list[str]:
    trial = item.trial
    if item.lost is not None:
        return [f"{item.lost.word}: nobody trains it now; s resumes it from its last whole epoch"]
    match trial.state:
        case Status.WAITING if trial.run_id:
            return [place, "resumes from its last whole epoch"]
        case Status.WAITING if item.seconds_left is None:
            return [place, "how long it takes is not known yet"]
        case Status.WAITING:
            about = "roughly" if item.guessed else "about"
            return [place, f"{about} {rough_duration(item.seconds_left or 0.0)} here"]
        case Status.RUNNING if item.run is not None:
            summary = item.run.summary
            epochs = epochs_done(summary.epochs_completed, summary.epochs) if summary else ""
            return [item.run.preparing, epochs, item.run.fault]
        case Status.FINISHED if item.result and item.result.train_seconds is not None:
            return [f"trained in {clock(item.result.train_seconds)}"]
        case Status.PRESENT:
            return ["was trained already"]
        case Status.PRUNED:
            return ["pruned by its search, and kept"]
        case Status.STOPPED | Status.KILLED:
            return [trial.message, f"{trial.state.word} by hand; s resumes it"]
    return [item.fault]


def _place(place: int, begins_in: float | None) -> str:
    """From 1, the place among the waiting; and the seconds until its turn, where known."""
    if place == 1:
        return "the next to train"
    begins = "" if begins_in is None else f", begins about {moment(time.time() + begins_in)}"
    return f"number {place} of the waiting{begins}"


def _accuracy(item: TrialView, accuracy: float) -> str:
    trial = item.trial
    so_far = trial.state.pending
    beside = beside_paper(trial.spec.settings_key, None if so_far else accuracy)
    words = f"{percent(accuracy)} so far" if so_far else percent(accuracy)
    if item.of_validation:
        return f"{words} of the validation images"
    return f"{words}, {beside}" if beside else words


def subtitle(view: QueueView, selected: int) -> str:
    """What the list holds: `14 trials · 2 selected`."""
    if not view.rows:
        return ""
    parts = [count(len(view.searches), "search", "searches")] if view.searches else []
    parts.append(count(len(view.trials), "trial"))
    return " · ".join([*parts, f"{selected} selected"] if selected else parts)
