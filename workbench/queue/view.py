"""The queue as people look at it: how far each trial is, and how long all of it will take."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from workbench.model.spec import TrainingSpec
from workbench.queue.store import QueueState
from workbench.queue.trial import Identity, Trial, TrialState
from workbench.runs.estimate import Speed, epoch_seconds
from workbench.runs.summary import RunSummary
from workbench.runs.watchlist import WatchedRun

# From the start of a worker to its first step: TensorFlow's import and the first compilation.
START_SECONDS = 6.0


@dataclass(frozen=True)
class TrialView:
    """One trial and what its run says. `seconds_left` is None where nothing is known yet."""

    trial: Trial
    run: WatchedRun | None = None  # while it trains
    result: RunSummary | None = None  # once it has ended
    seconds_left: float | None = None

    @property
    def progress(self) -> float:
        """The share of its training that is done, from 0 to 1."""
        if self.trial.state.settled:
            return 1.0
        return self.run.progress if self.run is not None else 0.0

    @property
    def paced(self) -> bool:
        """Whether it trains and its own pace tells what is left."""
        return self.run is not None and self.run.seconds_left is not None

    @property
    def accuracy(self) -> float | None:
        """The test accuracy: the final one, or that of the last epoch so far."""
        if self.result is not None:
            return self.result.test_accuracy
        return self.run.summary.test_accuracy if self.run and self.run.summary else None

    def to_json(self) -> dict[str, Any]:
        """The trial as plain data; accuracies are fractions, times seconds."""
        trial, spec = self.trial, self.trial.spec
        return {
            "id": trial.id,
            "state": trial.state.value,
            "label": trial.label,
            "by": trial.by,
            "preset": spec.preset,
            "title": spec.title,
            "seed": spec.seed,
            "precision": spec.precision,
            "settings_key": spec.settings_key,
            "run_id": trial.run_id,
            "progress": round(self.progress, 4),
            "test_accuracy": self.accuracy,
            "seconds_left": None if self.seconds_left is None else round(self.seconds_left, 1),
            "message": trial.message,
        }


@dataclass(frozen=True)
class QueueView:
    """The whole queue. `running`: a runner works it off."""

    running: bool
    stopping: bool
    jobs: int
    message: str
    trials: tuple[TrialView, ...]

    @property
    def ended(self) -> int:
        """Trials that came to an end, whatever it was."""
        return sum(not view.trial.state.pending for view in self.trials)

    @property
    def pending(self) -> tuple[TrialView, ...]:
        """Trials that train or wait."""
        return tuple(view for view in self.trials if view.trial.state.pending)

    @property
    def training(self) -> tuple[TrialView, ...]:
        """Trials that train now."""
        return tuple(view for view in self.trials if view.trial.state is TrialState.RUNNING)

    @property
    def seconds_left(self) -> float | None:
        """How long what is pending should take here, as far as it is known; None: nothing is.

        What waits is counted as if each had all cores, however many jobs will share them; what
        trains has its share already, and goes on side by side.
        """
        training = len(self.training)
        return total_seconds(
            view.seconds_left / training if view.paced and view.seconds_left else view.seconds_left
            for view in self.pending
        )

    @property
    def unknown(self) -> int:
        """Pending trials for which no earlier run tells a time."""
        return sum(view.seconds_left is None for view in self.pending)

    @property
    def interrupted(self) -> bool:
        """Whether something is left to train and nothing works on it."""
        return bool(self.pending) and not self.running

    def only(self, trial_ids: Iterable[str]) -> QueueView:
        """The queue with some of its trials alone."""
        wanted = set(trial_ids)
        trials = tuple(view for view in self.trials if view.trial.id in wanted)
        return QueueView(self.running, self.stopping, self.jobs, self.message, trials)

    def to_json(self) -> dict[str, Any]:
        """The queue as plain data."""
        return {
            "running": self.running,
            "stopping": self.stopping,
            "jobs": self.jobs,
            "message": self.message,
            "trials_ended": self.ended,
            "trials": [view.to_json() for view in self.trials],
            "seconds_left": self.seconds_left,
            "trials_without_estimate": self.unknown,
        }


def total_seconds(times: Iterable[float | None]) -> float | None:
    """The sum of the known times; None where none is known, 0 where there are none."""
    listed = list(times)
    known = [seconds for seconds in listed if seconds is not None]
    return sum(known) if known or not listed else None


def view_of(
    state: QueueState,
    *,
    running: bool,
    living: Mapping[str, WatchedRun],
    results: Mapping[Identity, RunSummary],
    estimate: Callable[[Trial], float | None],
) -> QueueView:
    """Put the queue, the living runs (by run id), the results and the estimates together."""
    views = []
    for trial in state.trials:
        run = living.get(trial.run_id) if trial.run_id else None
        result = results.get(trial.identity) if not trial.state.pending else None
        seconds: float | None = 0.0
        if trial.state.pending:
            left = run.seconds_left if run is not None else None
            seconds = left if left is not None else estimate(trial)
        views.append(TrialView(trial, run, result, seconds))
    return QueueView(running, state.stopping, state.jobs, state.message, tuple(views))


def estimated_seconds(spec: TrainingSpec, speeds: Sequence[Speed]) -> float | None:
    """How long a training should take here from its start; None where no earlier run tells."""
    data = spec.dataset
    epoch = epoch_seconds(
        spec.architecture,
        spec.training.batch_size,
        speeds,
        images=data.images,
        test_images=data.test_images,
        precision=spec.precision,
    )
    return None if epoch is None else START_SECONDS + spec.training.epochs * epoch
