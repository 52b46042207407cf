"""The leaderboard's lines: runs, imported ones among them, and groups of runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from workbench.formats import MISSING, bare_percent, clock, moment, points, seeds_text
from workbench.leaderboard.grouping import Group
from workbench.runs.status import Status
from workbench.runs.summary import RunSummary
from workbench.text import one_line
from workbench.tui.screens.leaderboard.board import Board
from workbench.tui.screens.leaderboard.order import group_difference, run_difference
from workbench.tui.settings_text import settings_text
from workbench.tui.widgets.columns import Column, Content, Piece

RUN_COLUMNS = (
    Column("model", "  Model", 13, stretch=1, most=18),
    Column("settings", "Settings", 17, stretch=6, most=64, ideal=32),
    Column("accuracy", "Test %", 8, right=True),
    Column("best", "Best % @ep", 10, weight=3, right=True),
    Column("seed", "Seed", 4, right=True),
    Column("paper", "Paper %", 7, right=True),
    Column("difference", "Diff.  ", 7, right=True),
    Column("time", "Time", 7, right=True, weight=1),
    Column("tags", "Tags", 10, weight=2, stretch=1, most=24),
    Column("started", "Started", 12, weight=5),
    Column("run", "Run", 4, weight=4),
    Column("note", "Note", 16, weight=6, stretch=2, most=60),
)
IMPORTED_COLUMNS = (
    Column("model", "  Model", 13, stretch=1, most=18),
    Column("settings", "Settings", 17, stretch=6, most=64, ideal=32),
    Column("accuracy", "Test %", 8, right=True),
    Column("seed", "Seed", 4, right=True),
    Column("paper", "Paper %", 7, right=True),
    Column("difference", "Diff.  ", 7, right=True),
    Column("time", "Time", 7, right=True, weight=1),
    Column("machine", "Machine", 10, weight=2, stretch=1, most=24),
    Column("started", "Started", 12, weight=5),
    Column("run", "Run", 4, weight=4),
    Column("note", "Note", 16, weight=6, stretch=2, most=60),
)
GROUP_COLUMNS = (
    Column("model", "Model", 11, stretch=1, most=18),
    Column("settings", "Settings", 17, stretch=6, most=64, ideal=32),
    Column("n", "n  ", 5, right=True),
    Column("accuracy", "Mean ± sd %", 12, right=True),
    Column("best", "Best %", 6, weight=2, right=True),
    Column("worst", "Worst %", 7, weight=4, right=True),
    Column("paper", "Paper %", 7, right=True),
    Column("difference", "Diff.  ", 7, right=True),
    Column("time", "Time", 7, weight=3, right=True),
    Column("seeds", "Seeds", 10, weight=5, stretch=1, most=20),
    Column("collapsed", "Collapsed", 9, weight=6, right=True),
    Column("diverged", "Diverged", 8, weight=7, right=True),
)
BEYOND = "≠"


def spread(mean: float | None, deviation: float | None) -> str:
    """`97.41 ± 0.07`, or the mean alone."""
    if mean is None or deviation is None:
        return bare_percent(mean)
    return f"{100 * mean:.2f} ± {100 * deviation:.2f}"


def difference(points_off: float | None, beyond: bool) -> Content:
    """Percentage points, marked and coloured only where the paper lies beyond our spread.

    The numbers stand under one another whether they are marked or not.
    """
    text = points(points_off)
    return (f"{text} {BEYOND}", "warning") if beyond and points_off is not None else f"{text}  "


def without_accuracy(group: Group | None) -> Piece:
    """What became of runs of which none learned."""
    if group is not None and group.collapsed:
        return (Status.COLLAPSED.word, Status.COLLAPSED.role)
    if group is not None and group.diverged:
        return (Status.DIVERGED.word, Status.DIVERGED.role)
    return (MISSING, "muted")


class RunRows:
    """Runs, one a line. `marks` gives the selected ones' curve marks by run id."""

    def __init__(self, board: Board, runs: Sequence[RunSummary], marks: Mapping[str, str]) -> None:
        self.board = board
        self.runs = runs
        self.marks = marks

    def __len__(self) -> int:
        return len(self.runs)

    def key(self, index: int) -> str:
        """The run's id."""
        return self.runs[index].run_id

    def mark(self, index: int) -> str:
        """The mark of its curve, where it is selected."""
        return self.marks.get(self.runs[index].run_id, " ")

    def cell(self, index: int, column: str, width: int) -> Content:
        """A cell of a run's line."""
        run = self.runs[index]
        match column:
            case "model":
                return [(run.state.mark, run.state.role), (f" {one_line(run.preset)}", "")]
            case "settings":
                return settings_text(run, width)
            case "accuracy":
                return _accuracy(run)
            case "best":
                if run.best_epoch_test_accuracy is None:
                    return (MISSING, "muted")
                return (
                    f"{bare_percent(run.best_epoch_test_accuracy)} @{run.best_epoch:<2}",
                    "muted",
                )
            case "seed":
                return str(run.seed)
            case "paper":
                return (bare_percent(self.board.paper(run.settings_key)), "muted")
            case "difference":
                points_off = run_difference(run)
                return difference(points_off, run.settings_key in self.board.beyond)
            case "time":
                return clock(run.train_seconds)
            case "tags":
                return (" ".join(run.tags), "test")
            case "started":
                return (moment(run.started_at), "muted")
            case "run":
                return (run.run_id.partition("-")[0], "muted")
            case "note":
                return one_line(run.note)
        return ""


class ImportedRows(RunRows):
    """Runs of somebody else. Our spread is no measure of theirs, so no difference is marked."""

    def cell(self, index: int, column: str, width: int) -> Content:
        """A cell of an imported run's line."""
        run = self.runs[index]
        match column:
            case "machine":
                return (one_line(run.host), "muted")
            case "difference":
                return difference(run_difference(run), beyond=False)
        return super().cell(index, column, width)


def _accuracy(run: RunSummary) -> Content:
    state = run.state
    if state is Status.DIVERGED:
        return (state.word, state.role)
    if state is Status.COLLAPSED:
        return (f"{bare_percent(run.test_accuracy)} {state.mark}", state.role)
    return (bare_percent(run.test_accuracy), "strong" if state is Status.FINISHED else "muted")


class GroupRows:
    """Groups of runs of the same settings, one a line."""

    def __init__(self, board: Board, groups: Sequence[Group], marks: Mapping[str, str]) -> None:
        self.board = board
        self.groups = groups
        self.marks = marks

    def __len__(self) -> int:
        return len(self.groups)

    def key(self, index: int) -> str:
        """Preset and settings."""
        group = self.groups[index]
        return f"{group.example.preset}/{group.settings_key}"

    def mark(self, index: int) -> str:
        """A sign where curves of the group are shown."""
        runs = self.groups[index].runs
        return "◇" if self.marks and any(run.run_id in self.marks for run in runs) else " "

    def cell(self, index: int, column: str, width: int) -> Content:
        """A cell of a group's line."""
        group = self.groups[index]
        match column:
            case "model":
                return one_line(group.example.preset)
            case "settings":
                return settings_text(group.example, width)
            case "n":
                return [(str(group.n), ""), (" !" if group.collapsed else "  ", "warning")]
            case "accuracy":
                if not group.n:
                    return without_accuracy(group)
                return (spread(group.mean, group.deviation), "strong")
            case "best":
                return (bare_percent(group.best), "muted")
            case "worst":
                return (bare_percent(group.worst), "muted")
            case "paper":
                return (bare_percent(self.board.paper(group.settings_key)), "muted")
            case "difference":
                return difference(group_difference(group), group.settings_key in self.board.beyond)
            case "time":
                return clock(group.train_seconds)
            case "seeds":
                return (seeds_text(group.seeds), "muted")
            case "collapsed":
                some = bool(group.collapsed)
                return (str(len(group.collapsed)), "warning") if some else (MISSING, "muted")
            case "diverged":
                return (str(group.diverged), "bad") if group.diverged else (MISSING, "muted")
        return ""
