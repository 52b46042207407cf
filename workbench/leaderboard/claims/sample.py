"""A row of the paper with our runs of it, as the claims look at it."""

from __future__ import annotations

import statistics
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from workbench.leaderboard.grouping import Group
from workbench.leaderboard.machine import Machine
from workbench.leaderboard.paper import RowComparison
from workbench.leaderboard.views import seeds_text
from workbench.leaderboard.wording import count, percent_spread
from workbench.model.shapes import Analysis, analyse
from workbench.runs.summary import RunSummary


@dataclass(frozen=True)
class Sample:
    """Our runs of one row. Accuracies are of the runs that did not collapse."""

    name: str
    row: RowComparison

    @property
    def ours(self) -> Group | None:
        """The runs of these settings."""
        return self.row.ours

    @property
    def trials(self) -> tuple[RunSummary, ...]:
        """The runs that learned something."""
        return self.ours.learned if self.ours else ()

    @property
    def accuracies(self) -> tuple[float, ...]:
        """Their accuracies, as fractions."""
        return self.ours.accuracies if self.ours else ()

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
        """The training times of the runs on one machine."""
        return self.ours.seconds.get(machine, []) if self.ours else []

    def to_json(self) -> dict[str, Any]:
        """The row as plain data."""
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
            "mean_train_seconds": self.ours.train_seconds if self.ours else None,
            "timed_on": self.ours.timed_on.text if self.ours and self.ours.timed_on else None,
            "parameters": self.analysis.parameters,
            "multiply_adds": self.analysis.multiply_adds,
        }


def shared_machine(samples: list[Sample]) -> Machine | None:
    """The machine with the most timed runs of those where every sample has one; None if none."""
    counts = Counter[Machine]()
    for sample in samples:
        seconds = sample.ours.seconds if sample.ours else {}
        counts.update({place: len(times) for place, times in seconds.items()})
    shared = [place for place in counts if all(sample.seconds(place) for sample in samples)]
    return max(shared, key=lambda place: counts[place], default=None)
