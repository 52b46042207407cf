"""The paper's tables beside ours: accuracy, spread, difference, and whether the two agree."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

from workbench.formats import count, named_seeds, percent, percent_spread, points
from workbench.leaderboard.grouping import Group, Machine, by_settings, mean_of, timed_machine
from workbench.leaderboard.inference import MOST_RUNS, within_spread
from workbench.model.spec import Precision
from workbench.model.tables import (
    PaperRow,
    PaperTable,
    paper_rows_by_settings,
    paper_tables,
    row_keys,
)
from workbench.runs.summary import RunSummary
from workbench.runs.trouble import collapse_remark, collapsed_epochs, constant_answer

NO_RUNS = Group("", ())


@dataclass(frozen=True)
class RowComparison:
    """One row of the paper and our runs of the same settings; without runs: not trained.

    `imported` are runs of somebody else with these settings, shown beside and never counted in.
    """

    row: PaperRow
    settings_key: str
    ours: Group
    imported: Group = NO_RUNS

    @property
    def trained(self) -> bool:
        """Whether there is a run of ours to compare, collapsed ones among them."""
        return bool(self.ours.trials)

    @property
    def paper_collapsed(self) -> bool:
        """Whether the paper's own network answers one digit to every image.

        Then it is compared by how many of ours do so too, and no mean is.
        """
        return constant_answer(self.row.accuracy) is not None

    @property
    def best_of_several(self) -> bool:
        """Whether the paper's value is the best of several runs (Table 6), wherever it stands."""
        rows = paper_rows_by_settings().get(self.settings_key, ())
        return any(table.gives_best for table, _ in rows)

    @property
    def difference(self) -> float | None:
        """Our mean minus the paper's accuracy, in percentage points."""
        return points_off(self.ours.mean, self.row.accuracy)

    @property
    def best_difference(self) -> float | None:
        """Our best of n minus the paper's accuracy, in percentage points."""
        return points_off(self.ours.best, self.row.accuracy)

    @property
    def within(self) -> bool | None:
        """Whether the paper's value lies where a further run of ours would, or the best of some.

        None: not judged.
        """
        if self.paper_collapsed:
            return None
        most = MOST_RUNS if self.best_of_several else 1
        return within_spread(self.row.accuracy, self.ours.accuracies, most)

    @property
    def by_epoch(self) -> str:
        """Our means after each epoch, as a sentence; empty where the runs do not tell them."""
        after = self.ours.by_epoch
        listed = ", ".join(percent(mean_of(values)) for values in after)
        return f"After each epoch: {listed} (n = {len(after[-1])})." if after else ""

    @property
    def collapses(self) -> str:
        """`1 of 3 collapsed`: where some did, and where the paper's did and ours are to be told."""
        if self.paper_collapsed and self.ours.trials and not self.ours.collapsed:
            return f"0 of {len(self.ours.trials)} collapsed"
        return self.ours.collapsed_text

    @property
    def remarks(self) -> list[str]:
        """What the numbers do not tell: of the paper's value, of collapses and divergence."""
        remarks = []
        paper_digit = constant_answer(self.row.accuracy)
        if paper_digit is not None:
            remarks.append("Paper: " + collapse_remark(self.row.accuracy, paper_digit))
        elif self.row.remark:
            remarks.append(f"Paper: {self.row.remark}")
        ours = self.ours
        digits = sorted({str(run.collapsed_to) for run in ours.collapsed})
        if self.collapses:
            others = "; the mean is of those that learned" if ours.n else ""
            what = f": the network answers {' or '.join(digits)} to every test image{others}"
            remarks.append(
                f"Ours: {len(ours.collapsed)} of {count(len(ours.trials), 'run')} collapsed"
                f"{what if digits else ''}. {told_of_collapses(ours)}"
            )
        if ours.diverged:
            total = len(ours.trials) + ours.diverged
            remarks.append(
                f"Ours: {ours.diverged} of {count(total, 'run')} diverged, without an accuracy."
            )
        return remarks

    @property
    def verdict(self) -> str:
        """The comparison in one line: `97.49 %, paper 97.47 %: +0.02`."""
        ours = self.ours
        paper = f"paper {percent(self.row.accuracy)}"
        if not ours.trials:
            lost = f"diverged in {ours.diverged} of {count(ours.diverged, 'run')}"
            return f"{lost if ours.diverged else 'not trained yet'}; {paper}"
        paper += ", collapsed" if self.paper_collapsed else ""
        more = [self.collapses, f"{ours.diverged} more diverged" if ours.diverged else ""]
        parts = [part for part in more if part]
        if not ours.n:
            return "; ".join([*parts, paper])
        text = percent_spread(ours.mean, ours.deviation)
        text += f" (n = {ours.n}), {paper}" if ours.n > 1 else f", {paper}"
        text += "" if self.difference is None else f": {points(self.difference)}"
        match self.within:
            case True:
                text += ", within our spread"
            case False:
                text += ", outside our spread"
        return "; ".join([text, *parts])

    def to_json(self) -> dict[str, Any]:
        """The row as plain data: accuracies as fractions, differences in percentage points."""
        ours = self.ours
        return {
            "label": self.row.label,
            "preset": self.row.preset,
            "settings": dict(self.row.set),
            "settings_key": self.settings_key,
            "trained": self.trained,
            "paper_accuracy": self.row.accuracy,
            "mean": ours.mean,
            "standard_deviation": ours.deviation,
            "n": ours.n,
            "best": ours.best,
            "worst": ours.worst,
            "difference_points": _rounded(self.difference),
            "best_difference_points": _rounded(self.best_difference),
            "within_spread": self.within,
            "diverged": ours.diverged,
            "collapsed": len(ours.collapsed),
            "collapse_interval": ours.collapse_interval if self.collapses else None,
            "paper_train_seconds": self.row.train_seconds,
            "mean_train_seconds": ours.train_seconds,
            "timed_on": ours.timed_on.text if ours.timed_on else None,
            "seeds": list(ours.seeds),
            "imported_n": self.imported.n,
            "imported_mean": self.imported.mean,
            "imported_standard_deviation": self.imported.deviation,
            "imported_best": self.imported.best,
            "imported_worst": self.imported.worst,
            "imported_collapsed": len(self.imported.collapsed),
            "verdict": self.verdict.replace("−", "-").replace("±", "+/-"),
            "remarks": self.remarks,
        }


@dataclass(frozen=True)
class TableComparison:
    """One table of the paper with our rows, at one precision."""

    table: PaperTable
    precision: Precision
    rows: tuple[RowComparison, ...]

    @property
    def trained(self) -> int:
        return sum(row.trained for row in self.rows)

    @property
    def epochs_told(self) -> bool:
        """Whether any run of ours tells its accuracy after each epoch."""
        return any(row.ours.by_epoch for row in self.rows)

    @property
    def best_counts(self) -> bool:
        """Whether the paper gives the best of several runs (Table 6), so ours is shown too."""
        return self.table.gives_best

    @property
    def shows_best(self) -> bool:
        """Whether our best stands beside our mean: where the two can differ."""
        return self.best_counts or any(row.ours.n > 1 for row in self.rows)

    @property
    def imported(self) -> tuple[RunSummary, ...]:
        return tuple(run for row in self.rows for run in row.imported.runs)

    @property
    def timed(self) -> bool:
        """Whether the paper gives training times (Table 8)."""
        return any(row.row.train_seconds is not None for row in self.rows)

    @cached_property
    def timed_on(self) -> Machine | None:
        """The machine that our times in the table are of."""
        return timed_machine(row.ours for row in self.rows)

    def has_numbers(self, place: int) -> bool:
        """Whether all the paper's cells of this column are numbers."""
        return all(row.row.cells[place].replace(".", "", 1).isdigit() for row in self.rows)

    def seconds(self, row: RowComparison) -> float | None:
        return row.ours.seconds_on(self.timed_on)

    def to_json(self) -> list[dict[str, Any]]:
        """The rows as plain data, each with the table's number and the precision."""
        headings = (self.table.label_heading, *self.table.cell_headings)
        found = []
        for row in self.rows:
            cells = dict(zip(headings, (row.row.label, *row.row.cells), strict=True))
            about = {"table": self.table.number, "precision": self.precision, "cells": cells}
            times = {}
            if self.timed:  # all of one machine
                seconds = self.seconds(row)
                place = None if seconds is None or self.timed_on is None else self.timed_on.text
                times = {"mean_train_seconds": seconds, "timed_on": place}
            found.append(about | row.to_json() | times)
        return found


def row_name(table: PaperTable, row: PaperRow) -> str:
    """A name that tells a row from those of all tables: `CNN model 1`, `SGD at 0.001`."""
    match table.number:
        case 7:
            return f"{row.cells[0].partition(' (')[0]} at {row.cells[1]}"
        case 8:
            return f"batch {row.cells[0]} × {row.cells[1]} epochs"
    return row.label


@lru_cache(maxsize=1)
def paper_accuracies() -> dict[str, float]:
    """The paper's accuracy for each of its trainings, by settings key, in either precision."""
    return {key: rows[-1][1].accuracy for key, rows in paper_rows_by_settings().items()}


def paper_accuracy(settings_key: str) -> float | None:
    """The paper's accuracy for exactly these settings, in either precision; None if it has none."""
    return paper_accuracies().get(settings_key)


def beside_paper(settings_key: str, accuracy: float | None) -> str:
    """A result's comparison with the paper's: `paper 97.47 %: +0.02`.

    In points, and only where the two can be compared; without an accuracy the paper's alone.
    Empty where the paper has no such training.
    """
    paper = paper_accuracy(settings_key)
    if paper is None:
        return ""
    apart = points_off(accuracy, paper)
    return f"paper {percent(paper)}" + ("" if apart is None else f": {points(apart)}")


def told_of_collapses(group: Group) -> str:
    """What share of all seeds the collapses of these runs allow, when in a run they come, and
    whether runs recover, in sentences."""
    low, high = group.collapse_interval
    share = f"Of all seeds {100 * low:.0f} to {100 * high:.0f} % collapse (exact 95 % interval)."
    told = [run for run in group.trials if run.epoch_test_accuracies]
    begun: dict[int, list[int]] = {}
    recovered: list[int] = []
    for run in told:
        epochs = collapsed_epochs(run.epoch_test_accuracies)
        if epochs and run.collapsed_to is None:
            recovered.append(run.seed)
        elif epochs:
            learned = set(range(epochs[-1])) - set(epochs)  # 0 is before the first epoch
            begun.setdefault(max(learned) + 1, []).append(run.seed)
    if not begun and not recovered:
        return share
    parts = [f"from epoch {epoch} on {named_seeds(begun[epoch])}" for epoch in sorted(begun)]
    parts.append(f"{named_seeds(recovered)} recovered" if recovered else "none recovered")
    return f"{share} By the epochs of {count(len(told), 'run')}: collapsed {'; '.join(parts)}."


def points_off(accuracy: float | None, paper: float | None) -> float | None:
    """An accuracy minus the paper's, in percentage points.

    None where one is missing, and where the paper's is a collapse: of another kind than a mean.
    """
    if accuracy is None or paper is None or constant_answer(paper) is not None:
        return None
    return 100 * (accuracy - paper)


def compare(
    table: PaperTable,
    summaries: Iterable[RunSummary],
    precision: Precision = "float32",
    imported: Iterable[RunSummary] = (),
) -> TableComparison:
    """A table of the paper beside our runs of exactly its settings, at one precision.

    Imported runs stand in columns of their own.
    """
    return compare_all(summaries, precision, imported, [table])[0]


def compare_all(
    summaries: Iterable[RunSummary],
    precision: Precision = "float32",
    imported: Iterable[RunSummary] = (),
    tables: Sequence[PaperTable] | None = None,
) -> list[TableComparison]:
    """All tables of the paper, in its order, or only these."""
    groups, others = by_settings(summaries), by_settings(imported)

    def compared(key: str, row: PaperRow) -> RowComparison:
        none = Group(key, ())
        return RowComparison(row, key, groups.get(key, none), others.get(key, none))

    return [
        TableComparison(
            table, precision, tuple(map(compared, row_keys(table.number, precision), table.rows))
        )
        for table in (paper_tables() if tables is None else tables)
    ]


def _rounded(value: float | None) -> float | None:
    """Without the dust of binary fractions."""
    return None if value is None else round(value, 6)
