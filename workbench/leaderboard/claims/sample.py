"""Our runs of the paper's rows, at one precision: what the claims are checked against."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from workbench.formats import count, percent_spread
from workbench.leaderboard.grouping import Group, Machine
from workbench.leaderboard.inference import Estimate, Spread, pooled_spreads
from workbench.leaderboard.paper import (
    RowComparison,
    TableComparison,
    compare_all,
    row_name,
)
from workbench.model.architecture import Analysis, analyse
from workbench.model.spec import Precision
from workbench.runs.summary import RunSummary

NEURAL_NETWORKS = 3  # the table without convolutions
FEWEST_CHOICES = 3  # settings among which there is a choice to speak of


@dataclass(frozen=True, eq=False)
class Sample:
    """One row with our runs of it. Accuracies are of the runs that did not collapse."""

    name: str
    row: RowComparison
    ours: Group  # without runs where the row is not trained
    spread: Spread | None  # of single runs, as rows of its kind show it

    @property
    def paper(self) -> float:
        """The paper's accuracy, as a fraction."""
        return self.row.row.accuracy

    @property
    def n(self) -> int:
        """How many runs learned something."""
        return self.ours.n

    @property
    def lost(self) -> int:
        """How many runs collapsed or diverged."""
        return len(self.ours.collapsed) + self.ours.diverged

    @property
    def total(self) -> int:
        """How many runs came to an end, whatever end."""
        return self.n + self.lost

    @cached_property
    def mean(self) -> float:
        """The mean accuracy; the sample must not be empty."""
        return statistics.fmean(self.ours.accuracies)

    @property
    def estimate(self) -> Estimate:
        """The mean, as it is tested; the sample must not be empty."""
        return Estimate(self.name, self.mean, self.n, self.spread)

    @property
    def accuracy(self) -> str:
        """`96.91 ± 0.06 % (n = 5)`; the sample must not be empty."""
        return f"{percent_spread(self.mean, self.ours.deviation)} (n = {self.n})"

    @cached_property
    def analysis(self) -> Analysis:
        """Parameters and multiply-adds of the row's network."""
        return analyse(self.row.row.preset_with_settings().architecture)

    def to_json(self) -> dict[str, Any]:
        """The row as plain data."""
        ours = self.ours
        return {
            "row": self.name,
            "settings_key": self.row.settings_key,
            "paper_accuracy": self.paper,
            "mean": ours.mean,
            "standard_deviation": ours.deviation,
            "n": self.n,
            "best": ours.best,
            "seeds": sorted(run.seed for run in ours.learned),
            "collapsed": len(ours.collapsed),
            "diverged": ours.diverged,
            "mean_train_seconds": ours.train_seconds,
            "timed_on": ours.timed_on.text if ours.timed_on else None,
            "parameters": self.analysis.parameters,
            "multiply_adds": self.analysis.multiply_adds,
        }


@dataclass(frozen=True)
class Choice:
    """Runs of one model, one seed and the same data, of several settings, tested and validated."""

    title: str
    seed: int
    runs: tuple[RunSummary, ...]

    @property
    def best(self) -> float:
        """The highest test accuracy: of what would be chosen by the test images."""
        return max(run.test_accuracy or 0.0 for run in self.runs)

    @property
    def chosen(self) -> float:
        """The test accuracy of what validation chooses: its test images had no part in it."""
        return max(self.runs, key=lambda run: run.validation_accuracy or 0.0).test_accuracy or 0.0


@dataclass(frozen=True)
class Evidence:
    """The paper's tables with ours, by number, and all of our runs at one precision."""

    tables: dict[int, TableComparison]
    runs: tuple[RunSummary, ...] = ()

    @cached_property
    def choices(self) -> list[Choice]:
        """What could be chosen from by validation and by test alike, by model and seed."""
        found: dict[tuple[object, ...], dict[str, RunSummary]] = {}
        for run in self.runs:
            if run.test_accuracy is not None and run.validation_accuracy is not None:
                key = run.title, run.seed, run.dataset, run.train_limit
                found.setdefault(key, {}).setdefault(run.settings_key, run)
        return [
            Choice(str(key[0]), int(str(key[1])), tuple(runs.values()))
            for key, runs in sorted(found.items(), key=lambda item: item[0][:2])
            if len(runs) >= FEWEST_CHOICES
        ]

    @cached_property
    def _samples(self) -> dict[int, dict[str, Sample]]:
        spreads = self._spreads(convolutional=False) | self._spreads(convolutional=True)
        return {
            number: {
                row.row.label: Sample(
                    row_name(table.table, row.row),
                    row,
                    row.ours or Group(row.settings_key, ()),
                    spreads[row.settings_key],
                )
                for row in table.rows
            }
            for number, table in self.tables.items()
        }

    def _spreads(self, *, convolutional: bool) -> dict[str, Spread | None]:
        """The spread of single runs by settings, from all rows of one kind of network."""
        return pooled_spreads(
            {
                row.settings_key: row.ours.accuracies if row.ours else ()
                for number, table in self.tables.items()
                if (number != NEURAL_NETWORKS) is convolutional
                for row in table.rows
            }
        )

    def samples(self, rows: Sequence[str]) -> list[Sample]:
        """The samples of rows: `6/CNN model 1` is one, `6` all of a table."""
        found: list[Sample] = []
        for name in rows:
            number, _, label = name.partition("/")
            table = self._samples[int(number)]
            found += [table[label]] if label else table.values()
        return found


def gather(summaries: Iterable[RunSummary], precision: Precision = "float32") -> Evidence:
    """The finished runs among these of exactly the paper's settings, full MNIST, one precision."""
    runs = tuple(run for run in summaries if run.precision == precision)
    return Evidence({part.table.number: part for part in compare_all(runs, precision)}, runs)


def needs(samples: Sequence[Sample]) -> str:
    """Which rows lost runs or have none: `Not trained yet: CNN model 1.`; or nothing."""
    parts = [
        f"{sample.name}: {sample.lost} of {count(sample.total, 'run')} collapsed or diverged."
        for sample in samples
        if sample.lost
    ]
    names = [sample.name for sample in samples if not sample.total]
    if names:
        parts.append(f"Not trained yet: {', '.join(names)}.")
    return " ".join(parts)


def shared_machine(samples: Iterable[Sample]) -> Machine | None:
    """The machine where every sample was timed: one that was idle, then the one of most runs."""
    timed = [sample.ours.seconds for sample in samples]
    runs = Counter[Machine]()
    for seconds in timed:
        runs.update({place: len(times) for place, times in seconds.items()})
    shared = [place for place in runs if all(place in seconds for seconds in timed)]
    return max(shared, key=lambda place: (place.idle, runs[place]), default=None)
