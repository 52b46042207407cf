"""The lines of the paper's tables: theirs, ours, and imported ones in a column of their own."""

from __future__ import annotations

from collections.abc import Mapping

from workbench.formats import bare_percent, clock
from workbench.leaderboard.grouping import Group
from workbench.leaderboard.paper import RowComparison, TableComparison
from workbench.leaderboard.paper_view import SHORT_HEADINGS
from workbench.runs.status import Status
from workbench.tui.screens.leaderboard.rows import BEYOND, difference, spread, without_accuracy
from workbench.tui.widgets.columns import Column, Content


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
        self, comparison: TableComparison, marks: Mapping[str, str], training: Mapping[str, int]
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

    def mark(self, index: int) -> str:
        """A sign where curves of the row are shown."""
        ours = self.rows[index].ours
        shown = ours is not None and any(run.run_id in self.marks for run in ours.runs)
        return "◇" if shown else " "

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
