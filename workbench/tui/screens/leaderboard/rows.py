"""The leaderboard's lines: runs, imported ones, groups, rows of the paper, and its claims."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from workbench.formats import MISSING, bare_percent, clock, moment, points, seeds_text
from workbench.leaderboard.claims.claim import CheckedClaim, Kind
from workbench.leaderboard.claims.view import MARKS
from workbench.leaderboard.columns import group_difference, run_difference
from workbench.leaderboard.grouping import Group
from workbench.leaderboard.paper import RowComparison, TableComparison
from workbench.leaderboard.paper_view import SHORT_HEADINGS
from workbench.runs.status import Status
from workbench.runs.summary import RunSummary
from workbench.text import one_line
from workbench.tui.screens.leaderboard.board import Board
from workbench.tui.settings_text import settings_text
from workbench.tui.widgets.columns import Column, Content, Piece

RUN_COLUMNS = (
    Column("model", "  Model", 12, stretch=1, most=18, ideal=13),
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
    Column("model", "  Model", 12, stretch=1, most=18, ideal=13),
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
    """Runs, one a line. `marks` gives the selected ones' curve marks by the rows' keys."""

    def __init__(self, board: Board, runs: Sequence[RunSummary], marks: Mapping[str, Piece]) -> None:
        self.board = board
        self.runs = runs
        self.marks = marks

    def __len__(self) -> int:
        return len(self.runs)

    def key(self, index: int) -> str:
        """The run's id."""
        return self.runs[index].run_id

    def mark(self, index: int) -> str | Piece:
        """The mark of its curve, where it is selected."""
        return self.marks.get(self.key(index), " ")

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

    def __init__(self, board: Board, groups: Sequence[Group], marks: Mapping[str, Piece]) -> None:
        self.board = board
        self.groups = groups
        self.marks = marks

    def __len__(self) -> int:
        return len(self.groups)

    def key(self, index: int) -> str:
        """Preset and settings."""
        group = self.groups[index]
        return f"{group.example.preset}/{group.settings_key}"

    def mark(self, index: int) -> str | Piece:
        """The mark of its curve, where it is selected."""
        return self.marks.get(self.key(index), " ")

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


CLAIM_COLUMNS = (
    Column("verdict", "  Verdict", 18),
    Column("claim", "What the paper says", 32, stretch=1, most=44),
    Column("section", "Section", 7, weight=1),
    Column("table", "From", 7, weight=2),
)


class ClaimRows:
    """Checked claims, one a line."""

    def __init__(self, claims: Sequence[CheckedClaim]) -> None:
        self.claims = claims

    def __len__(self) -> int:
        return len(self.claims)

    def key(self, index: int) -> str:
        """The claim's own name in files."""
        return self.claims[index].claim.key

    def mark(self, index: int) -> str:
        """None: a claim has no curve."""
        return " "

    def cell(self, index: int, column: str, width: int) -> Content:
        """A cell of a claim's line."""
        claim, verdict = self.claims[index].claim, self.claims[index].verdict
        match column:
            case "verdict":
                tone, mark = MARKS[verdict.kind]
                return (f"{mark} {verdict.kind.value}", tone.value)
            case "claim":
                return claim.name
            case "section":
                return claim.section
            case "table":
                return (f"Table {claim.table}", "muted")
        return ""


def tally(claims: Sequence[CheckedClaim]) -> str:
    """`3 confirmed · 4 not enough runs`."""
    counts = Counter(item.verdict.kind for item in claims)
    return " · ".join(f"{counts[kind]} {kind.value}" for kind in Kind if counts[kind])


def paper_columns(comparison: TableComparison) -> tuple[Column, ...]:
    """The paper's columns, then ours. The widths fit the paper's few rows."""
    table, rows = comparison.table, comparison.rows
    label = max(len(table.label_heading), *(len(row.row.label) for row in rows))
    columns = [Column("label", table.label_heading, min(14, label), ideal=label)]
    for place, text in enumerate(table.cell_headings):
        cells = [row.row.cells[place] for row in rows]
        figures = all(cell.replace(".", "", 1).isdigit() for cell in cells)
        heading = SHORT_HEADINGS.get(text, text)
        width = min(34, max(len(heading), *(len(cell) for cell in cells)))
        # The architecture is known from the model's name, so it goes first.
        weight = 9 if text == "Architecture" else 8 - place if len(table.cell_headings) > 2 else 0
        columns.append(
            Column(f"cell{place}", heading, min(12, width), weight, right=figures, ideal=width)
        )
    best = comparison.best_counts
    columns += [
        Column("paper", "Paper's best %" if best else "Paper %", 14 if best else 7, right=True),
        Column("ours", "Ours %", 12, right=True),
        Column("n", "n", 2, right=True),
    ]
    if comparison.shows_best:
        columns.append(Column("best", "Our best %", 10, weight=2 if best else 10, right=True))
    columns += [
        Column("difference", "Diff.  ", 7, right=True),
        Column("verdict", "Verdict", 10, stretch=1, most=24),
    ]
    if comparison.imported:
        columns.append(Column("imported", "Imported %", 17, weight=4, right=True))
    if comparison.timed:
        columns.append(Column("time-paper", "Time, paper", 11, weight=3, right=True))
        columns.append(Column("time-ours", "Time, ours", 10, weight=3, right=True))
    return tuple(columns)


def imported_spread(group: Group | None) -> str:
    """`97.41 ± 0.07 (3)` of runs of somebody else: mean, deviation and how many."""
    if group is None or not group.n:
        return without_accuracy(group)[0]
    return f"{spread(group.mean, group.deviation)} ({group.n})"


class PaperRows:
    """The rows of one of the paper's tables. `training` are settings being trained now."""

    def __init__(
        self, comparison: TableComparison, marks: Mapping[str, Piece], training: Mapping[str, int]
    ) -> None:
        self.comparison = comparison
        self.rows = comparison.rows
        self.marks = marks
        self.training = training

    def __len__(self) -> int:
        return len(self.rows)

    def key(self, index: int) -> str:
        """The row's settings."""
        return self.rows[index].settings_key

    def mark(self, index: int) -> str | Piece:
        """The mark of its curve, where it is selected."""
        return self.marks.get(self.key(index), " ")

    def cell(self, index: int, column: str, width: int) -> Content:
        """A cell of a row."""
        row = self.rows[index]
        ours = row.ours
        if column.startswith("cell"):
            return row.row.cells[int(column.removeprefix("cell"))]
        match column:
            case "label":
                return row.row.label
            case "paper":
                return bare_percent(row.row.accuracy)
            case "ours":
                if ours is None or not ours.n:
                    return without_accuracy(ours)
                return (spread(ours.mean, ours.deviation), "strong")
            case "n":
                return str(ours.n if ours else 0)
            case "best":
                return bare_percent(ours.best if ours else None)
            case "difference":
                return difference(row.difference, row.within is False)
            case "verdict":
                return self._verdict(row, width < 15)
            case "imported":
                return (imported_spread(row.imported), "muted")
            case "time-paper":
                return clock(row.row.train_seconds)
            case "time-ours":
                return clock(self.comparison.seconds(row))
        return ""

    def _verdict(self, row: RowComparison, short: bool) -> Content:
        going = self.training.get(row.settings_key, 0)
        if going:
            state = Status.RUNNING
            return (f"{state.marked}{f' {going}' if going > 1 else ''}", state.role)
        if not row.trained:
            diverged = row.ours is not None and row.ours.diverged
            state = Status.DIVERGED
            return (state.marked, state.role) if diverged else ("○ t trains", "muted")
        collapsed = row.collapses.removesuffix(" collapsed").replace(" of ", "/")
        if row.paper_collapsed or (row.ours is not None and not row.ours.n):
            state = Status.COLLAPSED
            text = f"{state.mark} {collapsed}"
            return (text if short else f"{text} {state.word}", state.role)
        match row.within:
            case True:
                text, tone = f"✓ within{'' if short else ' spread'}", "good"
            case False:
                text, tone = f"{BEYOND} beyond{'' if short else ' spread'}", "warning"
            case None:
                n = row.ours.n if row.ours is not None else 0
                text, tone = f"· {({1: 'one run', 2: 'two runs'}).get(n, 'all equal')}", "muted"
        if not collapsed:
            return (text, tone)
        return [(text, tone), (" !" if short else f" ! {collapsed}", "warning")]
