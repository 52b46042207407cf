"""A row of the paper with our runs of it, as the claims look at it."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from workbench.leaderboard.grouping import Group
from workbench.leaderboard.outcome import Outcome, outcome
from workbench.leaderboard.paper import RowComparison
from workbench.leaderboard.views import seeds_text
from workbench.leaderboard.wording import count, percent_spread
from workbench.model.shapes import Analysis, analyse
from workbench.runs.summary import RunSummary

# Times are compared within one machine only: host, processor, cores in use.
Machine = tuple[str, str, int]


@dataclass(frozen=True)
class Sample:
    """Our runs of one row. Accuracies are of the trials that did not collapse.

    A network that answers one digit to every image has left the others' distribution: it is
    counted, and enters no mean here.
    """

    name: str
    row: RowComparison

    @property
    def ours(self) -> Group | None:
        """The runs of these settings."""
        return self.row.ours

    @cached_property
    def trials(self) -> tuple[RunSummary, ...]:
        """The runs that learned something."""
        runs = self.ours.trials if self.ours else ()
        return tuple(run for run in runs if outcome(run) is not Outcome.COLLAPSED)

    @cached_property
    def accuracies(self) -> tuple[float, ...]:
        """Their accuracies, as fractions."""
        return tuple(run.test_accuracy for run in self.trials if run.test_accuracy is not None)

    @property
    def n(self) -> int:
        """How many."""
        return len(self.accuracies)

    @cached_property
    def lost(self) -> int:
        """How many runs collapsed or diverged."""
        return len(self.ours.collapsed) + self.ours.diverged if self.ours else 0

    @property
    def ran(self) -> bool:
        """Whether any run came to an end, whatever end."""
        return self.n + self.lost > 0

    @cached_property
    def mean(self) -> float:
        """The mean accuracy; the sample must not be empty."""
        return statistics.fmean(self.accuracies)

    @cached_property
    def deviation(self) -> float | None:
        """The sample standard deviation; None below two trials."""
        return statistics.stdev(self.accuracies) if self.n > 1 else None

    @property
    def variance(self) -> float:
        """The sample variance; of two trials or more."""
        assert self.deviation is not None
        return self.deviation**2

    @property
    def best(self) -> float:
        """The best accuracy; the sample must not be empty."""
        return max(self.accuracies)

    @property
    def spread(self) -> str:
        """`96.91 ± 0.06 %`; the sample must not be empty."""
        return percent_spread(self.mean, self.deviation)

    @cached_property
    def size(self) -> str:
        """`n = 5, seeds 0–4`."""
        seeds = sorted({run.seed for run in self.trials})
        return f"n = {self.n}, {'seed' if len(seeds) == 1 else 'seeds'} {seeds_text(seeds)}"

    @property
    def accuracy(self) -> str:
        """The spread with the sample's size and its seeds: `… (n = 5, seeds 0–4)`."""
        return f"{self.spread} ({self.size})"

    @property
    def losses(self) -> str:
        """How many runs collapsed or diverged, as a sentence; nothing where none did."""
        total = self.n + self.lost
        if not self.lost:
            return ""
        return f"{self.name}: {self.lost} of {count(total, 'run')} collapsed or diverged."

    @cached_property
    def analysis(self) -> Analysis:
        """Parameters and multiply-adds of the row's network."""
        return analyse(self.row.row.preset_with_settings().architecture)

    def seconds(self, machine: Machine) -> list[float]:
        """The training times of the trials on one machine."""
        runs = self.ours.trials if self.ours else ()
        return [
            run.train_seconds
            for run in runs
            if run.train_seconds is not None and machine_of(run) == machine
        ]

    def to_json(self) -> dict[str, Any]:
        """The row as plain data."""
        seconds = [run.train_seconds for run in self.trials if run.train_seconds is not None]
        return {
            "row": self.name,
            "settings_key": self.row.settings_key,
            "paper_accuracy": self.row.row.accuracy,
            "mean": self.mean if self.n else None,
            "standard_deviation": self.deviation,
            "n": self.n,
            "best": self.best if self.n else None,
            "seeds": sorted({run.seed for run in self.trials}),
            "collapsed": len(self.ours.collapsed) if self.ours else 0,
            "diverged": self.ours.diverged if self.ours else 0,
            "mean_train_seconds": statistics.fmean(seconds) if seconds else None,
            "parameters": self.analysis.parameters,
            "multiply_adds": self.analysis.multiply_adds,
        }


def machine_of(run: RunSummary) -> Machine:
    """Where a run trained."""
    return run.host, run.cpu, min(run.cores, run.threads or run.cores)


def shared_machine(samples: list[Sample]) -> Machine | None:
    """The machine with the most timed runs of those where every sample has one; None if none."""
    counts: dict[Machine, int] = {}
    for sample in samples:
        for run in sample.ours.trials if sample.ours else ():
            counts[machine_of(run)] = counts.get(machine_of(run), 0) + 1
    shared = [place for place in counts if all(sample.seconds(place) for sample in samples)]
    return max(shared, key=lambda place: counts[place], default=None)
