"""The screen of all runs: follow, open, pause, stop, kill, resume, delete.

A run is one line: state, model, progress or result, when, from where, tags. Below the list, two
lines about the run under the cursor: all that a narrow list drops.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from operator import attrgetter
from pathlib import PurePath
from typing import Any, ClassVar

from rich.cells import cell_len
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static

from workbench.errors import RunError, UserError
from workbench.formats import MISSING, clock, local_time, moment, none_matches
from workbench.leaderboard.columns import by_value
from workbench.leaderboard.query import parse_filter
from workbench.leaderboard.store import Leaderboard
from workbench.leaderboard.table import Column, Piece
from workbench.leaderboard.table import Content as CellContent
from workbench.runs import service
from workbench.runs.folder import RunFolder
from workbench.runs.record import LaunchedFrom
from workbench.runs.status import Status
from workbench.runs.summary import AnySummary, RunSummary, ScriptSummary, damaged
from workbench.runs.watchlist import WatchedRun
from workbench.settings import style_sheet
from workbench.text import one_line
from workbench.tui.run_feed import Seen
from workbench.tui.screens.base import COPY_ID, WorkbenchScreen
from workbench.tui.screens.dialog import confirm
from workbench.tui.widgets.row_list import FilterLine, RowList
from workbench.tui.widgets.words import (
    bar_pieces,
    fit,
    say,
    say_in_border,
    settings_text,
    training_text,
)

NO_RUNS = "No runs yet. Press t on a model to train it."
LOOKING = "Looking for runs …"
DOWNWARDS = ("progress", "when")  # columns of which one wants the most first


class RunsScreen(WorkbenchScreen):
    """All runs of the home, whoever started them."""

    PLACE = "Runs"
    CSS_PATH: ClassVar = style_sheet("runs")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open", "open", tooltip="Open the run: its curves, numbers and log"),
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
        self._filter = parse_filter("")
        self._matched: dict[str, tuple[WatchedRun, bool]] = {}

    def body(self) -> ComposeResult:
        yield FilterLine()
        with Vertical(id="runs-panel", classes="panel"):
            yield RowList(lambda run: run.run_id)
        yield Static(id="run-detail", classes="two-lines")

    def on_mount(self) -> None:
        self.query_one("#runs-panel").border_title = "runs"
        self._listing.empty = LOOKING
        self._listing.show((), COLUMNS)
        self._listing.focus()
        self.workbench.run_feed.seen.subscribe(self, self._runs_seen)

    def on_screen_resume(self) -> None:
        """Somebody looks: ended runs are listed too."""
        self.workbench.run_feed.read_ended(True)

    def on_screen_suspend(self) -> None:
        self.workbench.run_feed.read_ended(False)

    @property
    def _listing(self) -> RowList:
        return self.query_one(RowList)

    def _runs_seen(self, seen: Seen) -> None:
        if seen.listed and self.is_current:
            self._seen = seen
            self._show()

    def _show(self) -> None:
        listing, runs = self._listing, self._seen.runs
        known = {run.run_id for run in runs}
        listing.marks = {key: mark for key, mark in listing.marks.items() if key in known}
        listing.empty = self._empty_text()
        listing.show(self._sorted([run for run in runs if self._matches(run)]), COLUMNS)
        self._show_counts()

    def _sorted(self, runs: list[WatchedRun]) -> list[WatchedRun]:
        """By the chosen column, what has nothing there last; else as they come, living first."""
        order = self._listing.sorted_by
        if not order:
            return runs
        return by_value(runs, SORT_VALUES[order.lstrip("-")], descending=order.startswith("-"))

    @on(RowList.HeadingClicked)
    def _heading_clicked(self, event: RowList.HeadingClicked) -> None:
        """By it one way, then the other, then as they come."""
        ways = [event.column, f"-{event.column}"]
        first, second = reversed(ways) if event.column in DOWNWARDS else ways
        self._sort_by({first: second, second: ""}.get(self._listing.sorted_by, first))

    def action_sort(self, step: int) -> None:
        """By the next of the columns that are shown; beyond the last as they come."""
        listing = self._listing
        keys = ["", *(column.key for column in COLUMNS if listing.shows(column.key))]
        now = listing.sorted_by.lstrip("-")
        column = keys[((keys.index(now) if now in keys else 0) + step) % len(keys)]
        self._sort_by(f"-{column}" if column in DOWNWARDS else column)

    def action_reverse(self) -> None:
        order = self._listing.sorted_by
        if order:
            self._sort_by(order[1:] if order.startswith("-") else f"-{order}")

    def _sort_by(self, order: str) -> None:
        self._listing.sorted_by = order
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
        shown, selected = len(self._listing.rows), len(self._listing.marks)
        parts = [f"{living} active", f"{all_runs - living:,} ended"] if all_runs else []
        if shown != all_runs:
            parts.append(f"{shown:,} shown")
        if selected:
            parts.append(f"{selected} selected")
        if self._seen.unread:
            parts.append(f"{self._seen.unread:,} to read")
        say_in_border(self.query_one("#runs-panel"), subtitle=" · ".join(parts))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if not self.is_mounted or action not in ("pause", "stop", "kill", "resume", "delete"):
            return True
        chosen = self._chosen()
        match action:
            case "delete":
                return any(not run.state.alive for run in chosen)
            case "resume":  # a pause may be asked for and not be seen yet
                return any(
                    run.state.alive or (run.state.resumable and isinstance(run.summary, RunSummary))
                    for run in chosen
                )
        return any(run.state.alive for run in chosen)

    @on(RowList.Moved)
    def _show_detail(self) -> None:
        run = self._listing.row
        say(self.query_one("#run-detail", Static), detail_text(run) if run else "")
        self.refresh_bindings()

    @property
    def run_here(self) -> str | None:
        return self._listing.key

    def _chosen(self) -> list[WatchedRun]:
        """The selected runs, or the one under the cursor."""
        if self._listing.marks:
            return [run for run in self._seen.runs if run.run_id in self._listing.marks]
        run = self._listing.row
        return [run] if run else []

    @on(RowList.Opened)
    def action_open(self) -> None:
        run = self._listing.row
        if run is None:
            return
        if run.summary is None:
            self.workbench.complain(RunError(run.fault))
        else:
            self.workbench.open_run(run.folder)

    @on(RowList.Marked)
    def action_select(self) -> None:
        self._listing.select()
        self._show_counts()
        self.refresh_bindings()

    def _select_none(self, _: object = None) -> None:
        self._listing.marks = {}
        self._listing.refresh()
        self._show_counts()
        self.refresh_bindings()

    def action_filter(self) -> None:
        self.query_one(FilterLine).open()

    @on(FilterLine.Changed)
    def _filter_changed(self, event: FilterLine.Changed) -> None:
        self._filter = parse_filter(event.text)
        self._matched.clear()
        self._show()

    def action_step_out(self) -> None:
        line = self.query_one(FilterLine)
        if line.text:
            line.set_text("")
        elif self._listing.marks:
            self._select_none()

    def action_pause(self) -> None:
        self._do(service.pause_or_resume, self._living())

    def action_stop(self) -> None:
        runs = self._living()
        self._do(service.stop, runs)
        if runs:
            self.notify(f"Asked to stop and save: {_named(runs)}.")

    def action_kill(self) -> None:
        runs = self._living()
        it, they = ("it", "it") if len(runs) == 1 else ("them", "they")
        if runs:
            question = (
                f"Kill {_named(runs)}? What {they} learned since the last whole epoch is lost; "
                f"r resumes {it} from there."
            )
            confirm(self.app, question, f"Kill {it}", lambda: self._do(service.kill, runs))

    def action_resume(self) -> None:
        """Let them go on; they are asked about on leaving, like those that were started here."""

        def resume(folder: RunFolder) -> None:
            service.resume(folder)
            self.app.call_from_thread(self.workbench.ask_about, folder)

        self._do(resume, self._chosen())

    def action_delete(self) -> None:
        runs = [run for run in self._chosen() if not run.state.alive]
        if runs:
            folders, board = [run.folder for run in runs], Leaderboard(self.workbench.home)
            question = f"Delete {_named(runs)} for good? Folder, model and leaderboard entry go."
            delete = partial(service.delete, folders, board)
            confirm(self.app, question, "Delete for good",
                    lambda: self.carry_out(delete, self._select_none))  # fmt: skip

    def _living(self) -> list[WatchedRun]:
        return [run for run in self._chosen() if run.state.alive]

    def _do(self, action: Callable[[RunFolder], object], runs: list[WatchedRun]) -> None:
        """Ask each run for something, in a thread."""
        folders = [run.folder for run in runs]

        def each() -> list[UserError]:
            faults = service.each(folders, action)
            for folder in folders:
                self.workbench.run_feed.look_again_at(folder.run_id)
            return faults

        if runs:
            self.carry_out(each, self._select_none)


def _named(runs: list[WatchedRun]) -> str:
    """`run kq7d-cnn-2`, or how many with the first few."""
    if len(runs) == 1:
        return f"run {runs[0].run_id}"
    names = ", ".join(run.run_id for run in runs[:4])
    return f"{len(runs)} runs ({names}{', …' if len(runs) > 4 else ''})"


# A run as a line

ACCURACY, EPOCH, SHARE = 7, 10, 6  # letters of `97.16 %`, `  100/100`, `  42 %`
BAR_LEAST, BAR_MOST = 4, 12
_ORDER = list(Status)
_SETTINGS = attrgetter("optimizer", "learning_rate", "batch_size", "epochs", "images_text")


def model_text(summary: AnySummary, width: int) -> CellContent:
    """Its name; a run on fewer images than there are is marked, whatever of the name is cut."""
    name = one_line(summary.name)
    if not isinstance(summary, RunSummary) or not summary.images_text:
        return name
    mark = f" ({summary.images_text})"
    room = max(0, width - len(mark))
    return [(name if cell_len(name) <= room else fit(name, room, False), ""), (mark, "warning")]


def progress_text(run: WatchedRun, width: int) -> list[Piece]:
    """The accuracy so far, a bar and the share done; with room for it, the epoch before the bar.

    The bars of all runs are of one length, and stand in one place.
    """
    assert run.summary is not None
    if run.preparing:
        return [(one_line(run.preparing), "muted")]
    result = one_line(run.summary.result)
    if not run.planned_steps:  # a script that has not told how long it is to be
        return [(f"{result:>7}  ", ""), (f"step {run.step:,}", "muted")]
    epoch = f"{min(run.summary.epochs, run.summary.epochs_completed + 1)}/{run.summary.epochs}"
    room = width - ACCURACY - SHARE - 1
    beside = EPOCH if room - EPOCH >= BAR_LEAST else 0
    bar = min(BAR_MOST, room - beside)
    return [
        (f"{result:>{ACCURACY}}", "test"),
        (f"{epoch if len(epoch) < beside else '':>{beside}} ", "muted"),
        *bar_pieces(run.progress, bar),
        (f" {100 * run.progress:3.0f} %", ""),
    ]


def result_text(run: WatchedRun) -> list[Piece]:
    """What came out, and how far it came where not to the end."""
    summary = run.summary
    assert summary is not None
    diverged = run.state is Status.DIVERGED
    result = MISSING if diverged else one_line(summary.result)
    pieces: list[Piece] = [(f"{result:>{ACCURACY}}", "bad" if diverged else "strong")]
    if summary.epochs and not run.state.completed:
        so_far = f"{summary.epochs_completed}/{summary.epochs}"
        pieces.append((f"{so_far:>{EPOCH}}", "muted"))
    return pieces


def time_text(run: WatchedRun, width: int = 10) -> str:
    """Time left while it trains, time taken once it has ended."""
    if run.state.alive:
        if run.state is Status.PAUSED or run.seconds_left is None:
            return MISSING
        left = clock(run.seconds_left)
        return f"{left} left" if len(left) + 5 <= width else f"−{left}"
    return clock(seconds_taken(run))


def seconds_taken(run: WatchedRun) -> float | None:
    return run.summary.train_seconds if run.summary else None


def origin_text(origin: LaunchedFrom | None, width: int = 1000) -> str:
    """Where it was started: `app ssh pts/3`, `terminal`, as far as there is room."""
    if origin is None:
        return MISSING
    words: list[str] = [] if origin.by == "run" else [origin.by]
    if origin.ssh:
        words.append("ssh")
    elif not words:
        words.append("terminal" if origin.terminal else "script")
    if origin.terminal:
        words.append("/".join(PurePath(origin.terminal).parts[-2:]))
    while len(words) > 1 and len(" ".join(words)) > width:
        words.pop()
    return " ".join(words)


def detail_text(run: WatchedRun) -> Content:
    """Id and settings, then what is to be said of it: all that a narrow list drops."""
    name = (run.run_id, "bold $foreground")
    summary = run.summary
    if summary is None:
        return Content.assemble(name, "\n", one_line(run.fault))
    parts = [
        f"{local_time(summary.started_at)}, from {origin_text(run.launched_from)}",
        " ".join(summary.tags),
        one_line(summary.message),
        one_line(summary.note),
    ]
    head, rest = one_line(training_text(summary)), "  ·  ".join(part for part in parts if part)
    return Content.assemble(name, f"  {head}\n", rest)


def _settings(run: WatchedRun, width: int) -> str:
    match run.summary:
        case RunSummary():
            return settings_text(run.summary, width)
        case ScriptSummary():
            return one_line(run.summary.config_text)
    return ""


def _progress(run: WatchedRun, width: int) -> CellContent:
    if run.summary is None:
        return ("folder unreadable", "bad")
    return progress_text(run, width) if run.state.alive else result_text(run)


# That by which a run is sorted under a column; None where it has nothing there.
SORT_VALUES: dict[str, Callable[[WatchedRun], Any]] = {
    "state": lambda run: _ORDER.index(run.state),
    "model": lambda run: run.summary and run.summary.name.casefold(),
    "settings": lambda run: _SETTINGS(run.summary) if isinstance(run.summary, RunSummary) else None,
    "seed": lambda run: getattr(run.summary, "seed", None),
    "progress": lambda run: getattr(run.summary, "test_accuracy", None),
    "time": lambda run: run.seconds_left if run.state.alive else seconds_taken(run),
    "when": lambda run: run.created_at,
    "tags": lambda run: (run.summary.tags or None) if run.summary else None,
    "run": lambda run: run.run_id,
    "from": lambda run: origin_text(run.launched_from),
}
COLUMNS = (
    Column("state", "State", 11, say=lambda run, width: (run.state.marked, run.state.role)),
    Column("model", "Model", 9, stretch=2, most=18,
           say=lambda run, width: model_text(run.summary, width) if run.summary else run.run_id),
    Column("settings", "Settings", 15, weight=2, stretch=2, most=58, say=_settings),
    Column("seed", "Seed", 4, weight=3, right=True,
           say=lambda run, width: str(getattr(run.summary, "seed", ""))),
    Column("progress", "Result", 17, stretch=4, most=36, say=_progress),
    Column("time", "Time", 8, weight=1, stretch=1, most=11, right=True,
           say=lambda run, width: time_text(run, width) if run.summary else ""),
    Column("when", "Started", 12, weight=4,
           say=lambda run, width: (moment(run.created_at) if run.created_at else MISSING, "muted")),
    Column("tags", "Tags", 10, weight=5, stretch=2, most=30,
           say=lambda run, width: (" ".join(run.summary.tags) if run.summary else "", "test")),
    Column("run", "Run", 4, weight=6,
           say=lambda run, width: (run.run_id.partition("-")[0], "muted")),
    Column("from", "From", 9, weight=7, stretch=1, most=20,
           say=lambda run, width: (origin_text(run.launched_from, width), "muted")),
)  # fmt: skip
