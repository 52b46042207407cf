"""Runs of the same settings together: mean, spread, best and worst of those that learned, and
the machines they were made on."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from workbench.formats import count
from workbench.leaderboard.inference import share_interval
from workbench.runs.status import Status
from workbench.runs.summary import RunSummary
from workbench.runs.trouble import collapsed_epochs

# The tag of runs that had the machine to themselves, so that their times can be trusted.
IDLE = "idle"


class Machine(NamedTuple):
    """Times are compared within one of these only.

    `threads` is None where a run had all the cores; `idle` says that nothing else ran there.
    """

    host: str
    cpu: str
    cores: int
    threads: int | None = None
    idle: bool = False

    @property
    def text(self) -> str:
        """`box (A Processor, 2 cores (1 thread a run))`."""
        return f"{self.host} ({self.cpu}, {self.cores_text})"

    @property
    def cores_text(self) -> str:
        """`2 cores (1 thread a run)`, the threads only where held to fewer; `2 cores, idle`."""
        idle = ", idle" if self.idle else ""
        held = "" if self.threads is None else f" ({count(self.threads, 'thread')} a run)"
        return f"{count(self.cores, 'core')}{held}{idle}"


def machine_of(run: RunSummary) -> Machine:
    """Where a run trained, and with how many threads."""
    held = run.threads is not None and run.threads < run.cores
    threads = run.threads if held else None
    return Machine(run.host, run.cpu, run.cores, threads, IDLE in run.tags)


@dataclass(frozen=True)
class Group:
    """Runs that differ in nothing but the seed (and the machine).

    A seed counts once. A run counts if it finished without diverging. Accuracies are of the
    counted runs that learned: a network that answers one class to every image has left the
    others' distribution, so it is counted apart and enters no mean. Accuracies are fractions.
    """

    settings_key: str
    runs: tuple[RunSummary, ...]

    @property
    def example(self) -> RunSummary:
        """A run of the group, for the settings that all share."""
        return self.runs[0]

    @cached_property
    def _ended(self) -> list[RunSummary]:
        """The runs that trained to an end of their own, finished or diverged; the oldest first."""
        ended = [
            run
            for run in self.runs
            if run.diverged or (run.status is Status.FINISHED and run.test_accuracy is not None)
        ]
        return sorted(ended, key=lambda run: (run.started_at, run.run_id))

    @cached_property
    def _samples(self) -> tuple[RunSummary, ...]:
        """One run a seed, the oldest: the same seed on another host, with other threads or beside
        another training differs in rounding only, and tells nothing new of how runs spread."""
        first: dict[int, RunSummary] = {}
        for run in self._ended:
            first.setdefault(run.seed, run)
        return tuple(first.values())

    @cached_property
    def trials(self) -> tuple[RunSummary, ...]:
        """The runs that count, one a seed, collapsed ones among them."""
        return tuple(run for run in self._samples if not run.diverged)

    @cached_property
    def collapsed(self) -> tuple[RunSummary, ...]:
        """The counted runs that ended answering one class to every image."""
        return tuple(run for run in self.trials if run.state is Status.COLLAPSED)

    @cached_property
    def learned(self) -> tuple[RunSummary, ...]:
        """The counted runs that did not collapse: what mean and spread are of."""
        return tuple(run for run in self.trials if run.state is not Status.COLLAPSED)

    @cached_property
    def accuracies(self) -> tuple[float, ...]:
        """Their test accuracies after the last epoch."""
        return tuple(run.test_accuracy for run in self.learned if run.test_accuracy is not None)

    @property
    def n(self) -> int:
        return len(self.learned)

    @cached_property
    def mean(self) -> float | None:
        """The mean accuracy; None where no run learned."""
        return mean_of(self.accuracies)

    @cached_property
    def deviation(self) -> float | None:
        """The sample standard deviation (n - 1); None below two runs."""
        return deviation_of(self.accuracies)

    @property
    def best(self) -> float | None:
        return max(self.accuracies, default=None)

    @property
    def worst(self) -> float | None:
        """The worst accuracy of those that learned."""
        return min(self.accuracies, default=None)

    @cached_property
    def by_epoch(self) -> tuple[tuple[float, ...], ...]:
        """The test accuracies after each epoch of the runs that learned and tell them.

        A run that had collapsed then and recovered later enters no mean of that epoch.
        """
        told = [run.epoch_test_accuracies for run in self.learned if run.epoch_test_accuracies]
        return tuple(
            tuple(
                values[epoch - 1]
                for values in told
                if len(values) >= epoch and epoch not in collapsed_epochs(values)
            )
            for epoch in range(1, max(map(len, told), default=0) + 1)
        )

    @property
    def seeds(self) -> tuple[int, ...]:
        """The seeds of the runs that count, each once."""
        return tuple(sorted({run.seed for run in self.trials}))

    @cached_property
    def seconds(self) -> dict[Machine, list[float]]:
        """Training times by machine, in seconds: on each of them one a seed."""
        found: dict[Machine, dict[int, float]] = {}
        for run in self._ended:
            if run.train_seconds is not None and not run.diverged:
                found.setdefault(machine_of(run), {}).setdefault(run.seed, run.train_seconds)
        return {place: list(times.values()) for place, times in found.items()}

    @property
    def timed_on(self) -> Machine | None:
        """The machine of most of these times, an idle one first: `train_seconds` is of it alone."""
        return timed_machine([self])

    @property
    def train_seconds(self) -> float | None:
        """The mean training time on that machine, in seconds."""
        return self.seconds_on(self.timed_on)

    def seconds_on(self, machine: Machine | None) -> float | None:
        """The mean training time on a machine; None where it has none."""
        times = self.seconds.get(machine) if machine is not None else None
        return statistics.fmean(times) if times else None

    @property
    def diverged(self) -> int:
        """How many seeds diverged; they have no accuracy and enter no mean."""
        return len(self._samples) - len(self.trials)

    @property
    def collapsed_text(self) -> str:
        """`1 of 3 collapsed`; nothing where none did."""
        return f"{len(self.collapsed)} of {len(self.trials)} collapsed" if self.collapsed else ""

    @property
    def collapse_interval(self) -> tuple[float, float]:
        """What share of all seeds the collapses allow: the exact 95 % interval."""
        return share_interval(len(self.collapsed), len(self._samples))

    @property
    def unfinished(self) -> int:
        """How many runs were stopped or failed otherwise; they enter nothing."""
        return sum(run.status is not Status.FINISHED and not run.diverged for run in self.runs)

    @property
    def repeated(self) -> int:
        """How many runs repeat a seed and are not counted."""
        return len(self._ended) - len(self._samples)

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
            "timed_on": self.timed_on.text if self.timed_on else None,
            "diverged": self.diverged,
            "collapsed": len(self.collapsed),
            "unfinished": self.unfinished,
            "repeated": self.repeated,
            "run_ids": [run.run_id for run in self.runs],
        }


def timed_machine(groups: Iterable[Group]) -> Machine | None:
    """The machine that has timed the most of these groups, so that they can be compared.

    Of several, one that was idle, then the one with the most runs.
    """
    timed = [group.seconds for group in groups]
    rows = Counter(place for seconds in timed for place in seconds)
    runs = Counter(place for seconds in timed for place in seconds for _ in seconds[place])
    return max(rows, key=lambda place: (rows[place], place.idle, runs[place]), default=None)


def mean_of(values: Sequence[float]) -> float | None:
    """The mean; None of nothing."""
    return statistics.fmean(values) if values else None


def deviation_of(values: Sequence[float]) -> float | None:
    """The sample standard deviation (n - 1); None below two values."""
    return statistics.stdev(values) if len(values) > 1 else None


def group_runs(summaries: Iterable[RunSummary]) -> list[Group]:
    """Groups by preset and settings, in the order their first run has in the input."""
    grouped: dict[tuple[str, str], list[RunSummary]] = {}
    for summary in summaries:
        grouped.setdefault((summary.preset, summary.settings_key), []).append(summary)
    return [Group(key, tuple(runs)) for (_, key), runs in grouped.items()]


def ranked(groups: Sequence[Group]) -> list[Group]:
    """Groups by their mean accuracy, the best first, those without one last."""
    return sorted(
        groups, key=lambda group: -1.0 if group.mean is None else group.mean, reverse=True
    )


def by_settings(summaries: Iterable[RunSummary]) -> dict[str, Group]:
    """Groups by settings alone: a training of two names is one, as in the paper's tables."""
    grouped: dict[str, list[RunSummary]] = {}
    for summary in summaries:
        grouped.setdefault(summary.settings_key, []).append(summary)
    return {key: Group(key, tuple(runs)) for key, runs in grouped.items()}
