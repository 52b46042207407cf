"""One run as one line: state, model, progress or result, when, from where, tags.

Below the list, two lines about the run under the cursor: all that a narrow list drops.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import PurePath
from typing import Any

from rich.cells import cell_len
from textual.content import Content

from workbench.formats import MISSING, clock, local_time, moment
from workbench.runs.record import LaunchedFrom
from workbench.runs.status import Status
from workbench.runs.summary import AnySummary, RunSummary, ScriptSummary
from workbench.runs.watchlist import WatchedRun
from workbench.text import one_line
from workbench.tui.settings_text import settings_text
from workbench.tui.widgets.columns import Column, Piece, fit
from workbench.tui.widgets.columns import Content as CellContent

COLUMNS = (
    Column("state", "State", 11),
    Column("model", "Model", 9, stretch=2, most=18),
    Column("settings", "Settings", 15, weight=2, stretch=2, most=58),
    Column("seed", "Seed", 4, weight=3, right=True),
    Column("progress", "Result", 17, stretch=4, most=36),
    Column("time", "Time", 8, weight=1, stretch=1, most=11, right=True),
    Column("when", "Started", 12, weight=4),
    Column("tags", "Tags", 10, weight=5, stretch=2, most=30),
    Column("run", "Run", 4, weight=6),
    Column("from", "From", 9, weight=7, stretch=1, most=20),
)
SELECTED = "◆"
ACCURACY, EPOCH, SHARE = 7, 10, 6  # letters of `97.16 %`, `  100/100`, `  42 %`
BAR_LEAST, BAR_MOST = 4, 12
_ORDER = list(Status)


def sort_value(run: WatchedRun, column: str) -> Any:
    """That by which a run is sorted under a column; None where it has nothing there."""
    summary = run.summary
    match column:
        case "state":
            return _ORDER.index(run.state)
        case "when":
            return run.created_at
        case "from":
            return origin_text(run.launched_from)
        case "run":
            return run.run_id
        case _ if summary is None:
            return None
        case "model":
            return summary.name.casefold()
        case "tags":
            return summary.tags or None
        case "time":
            return run.seconds_left if run.state.alive else summary.train_seconds
        case _ if not isinstance(summary, RunSummary):
            return None
        case "seed":
            return summary.seed
        case "progress":
            return summary.test_accuracy
    return (
        summary.optimizer,
        summary.learning_rate,
        summary.batch_size,
        summary.epochs,
        summary.images_text,
    )


class RunRows:
    """Runs for a `RowList`; `selected` are run ids."""

    def __init__(self, runs: Sequence[WatchedRun], selected: Collection[str]) -> None:
        self.runs = runs
        self.selected = selected

    def __len__(self) -> int:
        return len(self.runs)

    def key(self, index: int) -> str:
        return self.runs[index].run_id

    def mark(self, index: int) -> str:
        return SELECTED if self.runs[index].run_id in self.selected else " "

    def cell(self, index: int, column: str, width: int) -> CellContent:
        run = self.runs[index]
        summary = run.summary
        match column:
            case "state":
                return (run.state.marked, run.state.role)
            case "when":
                return (moment(run.created_at) if run.created_at else MISSING, "muted")
            case "from":
                return (origin_text(run.launched_from, width), "muted")
            case "run":
                return (run.run_id.partition("-")[0], "muted")
            case "model" if summary is None:
                return run.run_id
            case "progress" if summary is None:
                return ("folder unreadable", "bad")
        if summary is None:
            return ""
        match column:
            case "model":
                return model_text(summary, width)
            case "settings" if isinstance(summary, RunSummary):
                return settings_text(summary, width)
            case "settings" if isinstance(summary, ScriptSummary):
                return one_line(summary.config_text)
            case "seed" if isinstance(summary, RunSummary):
                return str(summary.seed)
            case "progress":
                return progress_text(run, width) if run.state.alive else result_text(run)
            case "time":
                return time_text(run, width)
            case "tags":
                return (" ".join(summary.tags), "test")
        return ""


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


def bar_pieces(share: float, width: int) -> list[Piece]:
    """A thin bar, so that those of neighbouring rows stay apart; in halves of a cell."""
    halves = min(2 * width, int(2 * width * share))
    done = "━" * (halves // 2) + "╸" * (halves % 2)
    return [(done, "train"), ("─" * (width - len(done)), "muted")]


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
    seconds = run.summary.train_seconds if run.summary else None
    return MISSING if seconds is None else clock(seconds)


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
    # The seed first: a long line is cut at its end, and a narrow list has no column for it.
    if isinstance(summary, RunSummary):
        head = f"seed {summary.seed}, {settings_text(summary)}"
    else:
        facts = (summary.framework, summary.config_text or " ".join(summary.command))
        head = one_line("  ".join(fact for fact in facts if fact))
    parts = [
        f"{local_time(summary.started_at)}, from {origin_text(run.launched_from)}",
        " ".join(summary.tags),
        one_line(summary.message),
        one_line(summary.note),
    ]
    return Content.assemble(name, f"  {head}\n", "  ·  ".join(part for part in parts if part))
