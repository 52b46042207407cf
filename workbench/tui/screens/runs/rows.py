"""One run as one line: state, model, progress or result, when, from where, tags.

Below the list, two lines about the run under the cursor: all that a narrow list drops.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import PurePath

from textual.content import Content

from workbench.formats import MISSING, clock, count, local_time, moment
from workbench.runs.record import LaunchedFrom
from workbench.runs.status import Status
from workbench.runs.summary import RunSummary
from workbench.runs.watchlist import WatchedRun
from workbench.text import one_line
from workbench.tui.settings_text import settings_text
from workbench.tui.widgets.columns import Column, Piece
from workbench.tui.widgets.columns import Content as CellContent

COLUMNS = (
    Column("state", "State", 11),
    Column("model", "Model", 11, stretch=1, most=18),
    Column("seed", "Seed", 4, weight=4, right=True),
    Column("progress", "Progress or result", 22, stretch=4, most=44),
    Column("time", "Time", 9, weight=5, right=True),
    Column("when", "Started", 12, weight=1),
    Column("from", "From", 9, weight=2, stretch=1, most=20),
    Column("tags", "Tags", 10, weight=6, stretch=2, most=30),
    Column("run", "Run", 4, weight=3),
)
SELECTED = "◆"
BAR_LEAST = 8


class RunRows:
    """Runs for a `RowList`; `selected` are run ids."""

    def __init__(self, runs: Sequence[WatchedRun], selected: Collection[str]) -> None:
        self.runs = runs
        self.selected = selected

    def __len__(self) -> int:
        return len(self.runs)

    def key(self, index: int) -> str:
        """The run's id."""
        return self.runs[index].run_id

    def mark(self, index: int) -> str:
        """Selected or not."""
        return SELECTED if self.runs[index].run_id in self.selected else " "

    def cell(self, index: int, column: str, width: int) -> CellContent:
        """A cell of a run's line."""
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
                return one_line(summary.name)
            case "seed":
                return str(summary.seed) if isinstance(summary, RunSummary) else ""
            case "progress":
                return progress_text(run, width) if run.state.alive else result_text(run)
            case "time":
                return time_text(run)
            case "tags":
                return (" ".join(summary.tags), "test")
        return ""


def progress_text(run: WatchedRun, width: int) -> list[Piece]:
    """A bar, the share done and the epoch, in exactly this width."""
    assert run.summary is not None
    if run.preparing:
        return [(one_line(run.preparing), "muted")]
    epochs = run.summary.epochs
    if not run.planned_steps:  # a script that has not told how long it is to be
        return [(f"step {run.step:,}  {one_line(run.summary.result)}", "")]
    digits = len(str(epochs))
    epoch = min(epochs, run.summary.epochs_completed + 1)
    tail = f" {100 * run.progress:3.0f} %  {epoch:>{digits}}/{epochs}"
    result = one_line(run.summary.result)
    if width >= BAR_LEAST + len(tail) + max(9, len(result) + 2):
        tail += f"  {result:>7}"
    room = max(0, width - len(tail))
    done = min(room, int(room * run.progress))
    return [("█" * done, "train"), ("░" * (room - done), "muted"), (tail, "")]


def result_text(run: WatchedRun) -> list[Piece]:
    """What came out, and how far it came where not to the end."""
    assert run.summary is not None
    summary = run.summary
    so_far = (
        f"{summary.epochs_completed}/{count(summary.epochs, 'epoch')}" if summary.epochs else ""
    )
    if run.state is Status.DIVERGED:
        return [("no accuracy", "bad"), (f"  {so_far}", "muted")]
    pieces: list[Piece] = [(f"{one_line(summary.result):>7}", "strong")]
    if run.state is Status.COLLAPSED:
        pieces.append((" one class only", "warning"))
    elif run.state is not Status.FINISHED:
        pieces.append((f"  {so_far}", "muted"))
    return pieces


def time_text(run: WatchedRun) -> str:
    """Time left while it trains, time taken once it has ended."""
    if run.state.alive:
        paused = run.state is Status.PAUSED
        return MISSING if paused or run.seconds_left is None else f"−{clock(run.seconds_left)}"
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
