"""The paper's tables beside ours: accuracy, spread, difference, and whether the two agree."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from workbench.leaderboard.grouping import Group, by_settings
from workbench.leaderboard.outcome import collapse_remark, collapsed_to, constant_answer
from workbench.leaderboard.wording import count, percent, percent_spread, points
from workbench.model.spec import Precision
from workbench.model.tables import PaperRow, PaperTable, paper_tables
from workbench.runs.summary import RunSummary

# From this many trials on, two standard deviations about the mean are taken for our spread.
ENOUGH_FOR_DEVIATION = 3


@dataclass(frozen=True)
class RowComparison:
    """One row of the paper and our runs of the same settings (`ours` is None: not trained).

    `imported` are runs of somebody else with these settings, shown beside and never counted in.
    """

    row: PaperRow
    settings_key: str
    ours: Group | None
    imported: Group | None = None

    @property
    def trained(self) -> bool:
        """Whether there is an accuracy of ours to compare."""
        return self.ours is not None and self.ours.n > 0

    @property
    def difference(self) -> float | None:
        """Our mean minus the paper's accuracy, in percentage points."""
        return self._points(self.ours.mean if self.ours else None)

    @property
    def best_difference(self) -> float | None:
        """Our best of n minus the paper's accuracy, in percentage points."""
        return self._points(self.ours.best if self.ours else None)

    @property
    def within(self) -> bool | None:
        """Whether the paper's value lies within our spread; None (not judged) below two trials.

        Our spread is from our worst to our best, and from three trials on also two sample
        standard deviations about the mean.
        """
        ours = self.ours
        if ours is None or ours.best is None or ours.worst is None or ours.n < 2:
            return None
        tiny = 1e-6  # float32 accuracies are a little off the decimal ones
        if ours.worst - tiny <= self.row.accuracy <= ours.best + tiny:
            return True
        if ours.n < ENOUGH_FOR_DEVIATION or ours.mean is None or ours.deviation is None:
            return False
        return abs(self.row.accuracy - ours.mean) <= 2 * ours.deviation + tiny

    @property
    def remarks(self) -> list[str]:
        """What the numbers do not tell: collapses, the paper's and ours, and divergence."""
        remarks = []
        paper_digit = constant_answer(self.row.accuracy)
        if paper_digit is not None:
            remarks.append("Paper: " + collapse_remark(self.row.accuracy, paper_digit))
        if self.ours is None:
            return remarks
        digits = sorted({str(collapsed_to(run)) for run in self.ours.collapsed})
        if digits:
            answers = " or ".join(digits)
            remarks.append(
                f"Ours: {len(self.ours.collapsed)} of {count(self.ours.n, 'run')} collapsed: "
                f"the network answers {answers} to every test image."
            )
        if self.ours.diverged:
            total = self.ours.n + self.ours.diverged
            remarks.append(
                f"Ours: {self.ours.diverged} of {count(total, 'run')} diverged, "
                "without an accuracy."
            )
        return remarks

    @property
    def verdict(self) -> str:
        """The comparison in one line: `97.49 %, paper 97.47 %: +0.02`."""
        ours = self.ours
        paper = f"paper {percent(self.row.accuracy)}"
        if ours is None or (not ours.n and not ours.diverged):
            return f"not trained yet; {paper}"
        if not ours.n:
            return f"diverged in {ours.diverged} of {count(ours.diverged, 'run')}; {paper}"
        text = f"{percent_spread(ours.mean, ours.deviation)}"
        text += f" (n = {ours.n})" if ours.n > 1 else ""
        text += f", {paper}: {points(self.difference)}"
        match self.within:
            case True:
                text += ", within our spread"
            case False:
                text += ", outside our spread"
        if ours.collapsed:
            text += f"; {len(ours.collapsed)} of {ours.n} collapsed"
        if ours.diverged:
            text += f"; {ours.diverged} more diverged"
        return text

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
            "mean": ours.mean if ours else None,
            "standard_deviation": ours.deviation if ours else None,
            "n": ours.n if ours else 0,
            "best": ours.best if ours else None,
            "worst": ours.worst if ours else None,
            "difference_points": _rounded(self.difference),
            "best_difference_points": _rounded(self.best_difference),
            "within_spread": self.within,
            "diverged": ours.diverged if ours else 0,
            "collapsed": len(ours.collapsed) if ours else 0,
            "paper_train_seconds": self.row.train_seconds,
            "mean_train_seconds": ours.train_seconds if ours else None,
            "seeds": list(ours.seeds) if ours else [],
            **_imported_json(self.imported),
            "verdict": self.verdict.replace("−", "-").replace("±", "+/-"),
            "remarks": self.remarks,
        }

    def _points(self, accuracy: float | None) -> float | None:
        return None if accuracy is None else 100 * (accuracy - self.row.accuracy)


@dataclass(frozen=True)
class TableComparison:
    """One table of the paper with our rows, at one precision."""

    table: PaperTable
    precision: Precision
    rows: tuple[RowComparison, ...]

    @property
    def trained(self) -> int:
        """How many rows have an accuracy of ours."""
        return sum(row.trained for row in self.rows)

    @property
    def best_counts(self) -> bool:
        """Whether the paper gives the best of several runs (Table 6), so ours is shown too."""
        return self.table.accuracy_heading.lower().startswith("best")

    @property
    def shows_best(self) -> bool:
        """Whether our best stands beside our mean: where the two can differ."""
        return self.best_counts or any(row.ours is not None and row.ours.n > 1 for row in self.rows)

    @property
    def imported(self) -> tuple[RunSummary, ...]:
        """The imported runs of all rows."""
        return tuple(run for row in self.rows if row.imported for run in row.imported.runs)

    @property
    def timed(self) -> bool:
        """Whether the paper gives training times (Table 8)."""
        return any(row.row.train_seconds is not None for row in self.rows)

    def to_json(self) -> list[dict[str, Any]]:
        """The rows as plain data, each with the table's number and the precision."""
        headings = (self.table.label_heading, *self.table.cell_headings)
        return [
            {
                "table": self.table.number,
                "precision": self.precision,
                "cells": dict(zip(headings, (row.row.label, *row.row.cells), strict=True)),
                **row.to_json(),
            }
            for row in self.rows
        ]


@lru_cache(maxsize=64)
def _row_keys(number: int, precision: Precision) -> tuple[str, ...]:
    table = next(table for table in paper_tables() if table.number == number)
    return tuple(row.spec(precision=precision).settings_key for row in table.rows)


@lru_cache(maxsize=1)
def paper_accuracies() -> dict[str, float]:
    """The paper's accuracy for each of its trainings, by settings key, in either precision."""
    precisions: tuple[Precision, ...] = ("float32", "bfloat16")
    return {
        key: row.accuracy
        for precision in precisions
        for table in paper_tables()
        for key, row in zip(_row_keys(table.number, precision), table.rows, strict=True)
    }


def compare(
    table: PaperTable,
    summaries: Iterable[RunSummary],
    precision: Precision = "float32",
    imported: Iterable[RunSummary] = (),
) -> TableComparison:
    """A table of the paper beside our runs of exactly its settings, at one precision.

    Imported runs stand in columns of their own.
    """
    return _compare(table, by_settings(summaries), precision, by_settings(imported))


def compare_all(
    summaries: Iterable[RunSummary],
    precision: Precision = "float32",
    imported: Iterable[RunSummary] = (),
) -> list[TableComparison]:
    """All tables of the paper, in its order."""
    groups, others = by_settings(summaries), by_settings(imported)
    return [_compare(table, groups, precision, others) for table in paper_tables()]


def _compare(
    table: PaperTable, groups: dict[str, Group], precision: Precision, imported: dict[str, Group]
) -> TableComparison:
    keys = _row_keys(table.number, precision)
    rows = tuple(
        RowComparison(row, key, groups.get(key), imported.get(key))
        for key, row in zip(keys, table.rows, strict=True)
    )
    return TableComparison(table, precision, rows)


def _imported_json(group: Group | None) -> dict[str, Any]:
    return {
        "imported_n": group.n if group else 0,
        "imported_mean": group.mean if group else None,
        "imported_standard_deviation": group.deviation if group else None,
        "imported_best": group.best if group else None,
        "imported_worst": group.worst if group else None,
    }


def _rounded(value: float | None) -> float | None:
    """Without the dust of binary fractions."""
    return None if value is None else round(value, 6)
