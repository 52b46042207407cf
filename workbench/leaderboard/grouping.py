"""Runs of the same settings together: mean, spread, best and worst over their seeds."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from workbench.leaderboard.outcome import Outcome, outcome
from workbench.runs.folder import RunStatus
from workbench.runs.summary import RunSummary


@dataclass(frozen=True)
class Group:
    """Runs that differ in nothing but the seed (and the machine).

    Statistics are over the trials: runs that finished without diverging. A run that gives to
    the last digit what another run with the same seed gave is the same trial done twice; it
    tells nothing new of the spread and is counted once. Accuracies are fractions.
    """

    settings_key: str
    runs: tuple[RunSummary, ...]

    @property
    def example(self) -> RunSummary:
        """A run of the group, for the settings that all share."""
        return self.runs[0]

    @cached_property
    def trials(self) -> tuple[RunSummary, ...]:
        """The runs that enter the statistics."""
        finished = (
            run
            for run in self.runs
            if run.status is RunStatus.FINISHED
            and not run.diverged
            and run.test_accuracy is not None
        )
        return tuple({(run.seed, run.test_accuracy): run for run in finished}.values())

    @cached_property
    def accuracies(self) -> tuple[float, ...]:
        """The trials' test accuracies after their last epoch."""
        return tuple(run.test_accuracy for run in self.trials if run.test_accuracy is not None)

    @property
    def n(self) -> int:
        """How many trials."""
        return len(self.trials)

    @property
    def mean(self) -> float | None:
        """The mean accuracy; None without trials."""
        return statistics.fmean(self.accuracies) if self.accuracies else None

    @property
    def deviation(self) -> float | None:
        """The sample standard deviation (n - 1); None below two trials."""
        return statistics.stdev(self.accuracies) if self.n > 1 else None

    @property
    def best(self) -> float | None:
        """The best trial's accuracy."""
        return max(self.accuracies, default=None)

    @property
    def worst(self) -> float | None:
        """The worst trial's accuracy."""
        return min(self.accuracies, default=None)

    @property
    def seeds(self) -> tuple[int, ...]:
        """The trials' seeds, each once."""
        return tuple(sorted({run.seed for run in self.trials}))

    @property
    def train_seconds(self) -> float | None:
        """The mean training time of the trials, in seconds."""
        times = [run.train_seconds for run in self.trials if run.train_seconds is not None]
        return statistics.fmean(times) if times else None

    @property
    def diverged(self) -> int:
        """How many seeds diverged; they have no accuracy and enter no mean."""
        return len({run.seed for run in self.runs if run.diverged})

    @property
    def collapsed(self) -> tuple[RunSummary, ...]:
        """The trials that ended answering one digit to every image; they do enter the mean."""
        return tuple(run for run in self.trials if outcome(run) is Outcome.COLLAPSED)

    @property
    def unfinished(self) -> int:
        """How many runs were stopped or failed otherwise; they enter nothing."""
        return sum(run.status is not RunStatus.FINISHED and not run.diverged for run in self.runs)

    @property
    def repeated(self) -> int:
        """How many finished runs repeat another to the last digit and are not counted."""
        finished = sum(
            run.status is RunStatus.FINISHED and not run.diverged and run.test_accuracy is not None
            for run in self.runs
        )
        return finished - self.n

    def to_json(self) -> dict[str, Any]:
        """The group as plain data: settings, then statistics, accuracies as fractions."""
        example = self.example
        settings = (
            "preset", "title", "optimizer", "optimizer_text", "learning_rate", "momentum",
            "schedule", "batch_size", "epochs", "precision", "dataset", "train_limit",
            "parameters",
        )  # fmt: skip
        return {
            **{name: getattr(example, name) for name in settings},
            "settings_key": self.settings_key,
            "n": self.n,
            "mean": self.mean,
            "standard_deviation": self.deviation,
            "best": self.best,
            "worst": self.worst,
            "seeds": list(self.seeds),
            "mean_train_seconds": self.train_seconds,
            "diverged": self.diverged,
            "collapsed": len(self.collapsed),
            "unfinished": self.unfinished,
            "repeated": self.repeated,
            "run_ids": [run.run_id for run in self.runs],
        }


def group_runs(summaries: Iterable[RunSummary]) -> list[Group]:
    """Groups by preset and settings, in the order their first run has in the input."""
    grouped: dict[tuple[str, str], list[RunSummary]] = {}
    for summary in summaries:
        grouped.setdefault((summary.preset, summary.settings_key), []).append(summary)
    return [Group(key, tuple(runs)) for (_, key), runs in grouped.items()]


def ranked(groups: Sequence[Group]) -> list[Group]:
    """Groups by their mean accuracy, the best first, those without a trial last."""
    return sorted(
        groups, key=lambda group: -1.0 if group.mean is None else group.mean, reverse=True
    )


def by_settings(summaries: Iterable[RunSummary]) -> dict[str, Group]:
    """Groups by settings alone: a training of two names is one, as in the paper's tables."""
    grouped: dict[str, list[RunSummary]] = {}
    for summary in summaries:
        grouped.setdefault(summary.settings_key, []).append(summary)
    return {key: Group(key, tuple(runs)) for key, runs in grouped.items()}
