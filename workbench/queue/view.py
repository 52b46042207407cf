"""The queue as people look at it: how far each trial is, and how long all of it will take."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from workbench.model.spec import TrainingSpec
from workbench.queue.local import seconds_for_all
from workbench.queue.store import QueueState
from workbench.queue.trial import Identity, Trial
from workbench.runs.calibration import rough_images_a_second
from workbench.runs.estimate import TEST_SHARE, Speed, epoch_seconds
from workbench.runs.status import Status
from workbench.runs.summary import RunSummary
from workbench.runs.watchlist import WatchedRun

# From the start of a worker to its first step: TensorFlow's import and the first compilation.
START_SECONDS = 6.0


@dataclass(frozen=True)
class TrialView:
    """One trial and what its run says. `seconds_left` is None where nothing is known yet.

    `lost`: it was training when the queue's process went, and nobody trains it now; what its run
    has come to.
    """

    trial: Trial
    run: WatchedRun | None = None  # while it trains
    result: RunSummary | None = None  # once it has ended
    seconds_left: float | None = None
    lost: Status | None = None

    @property
    def state(self) -> Status:
        """What it is doing, or how it came out, alike in commands and on the screen."""
        if self.lost is not None:
            return self.lost
        state = self.trial.state
        if state is Status.RUNNING and self.run is not None and self.run.summary is not None:
            return self.run.state
        if self.result is not None and self.result.state is Status.COLLAPSED:
            return Status.COLLAPSED
        return state

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
            "state": (self.lost or trial.state).value,
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
    """The whole queue.

    `running`: a runner works it off; `notice`: what was lost before it. `orphans` are the runs
    that train on though the runner was killed in the midst; None where it was not.
    """

    running: bool
    stopping: bool
    jobs: int
    message: str
    trials: tuple[TrialView, ...]
    notice: str = ""
    orphans: tuple[str, ...] | None = None

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
        return tuple(
            view for view in self.trials if view.trial.state is Status.RUNNING and view.lost is None
        )

    @property
    def seconds_left(self) -> float | None:
        """How long what is pending should take, as far as it is known; None: nothing is."""
        paced = [view.seconds_left for view in self.pending if view.paced and view.seconds_left]
        rest = [
            view.seconds_left for view in self.pending if not (view.paced and view.seconds_left)
        ]
        return seconds_for_all(paced, rest)

    @property
    def unknown(self) -> int:
        """Pending trials for which no earlier run tells a time."""
        return sum(view.seconds_left is None for view in self.pending)

    @property
    def interrupted(self) -> bool:
        """Whether something is left to train and no runner works on it."""
        return bool(self.pending) and not self.running

    @property
    def lost(self) -> bool:
        """Whether the runner was killed in the midst: nobody told it to stop."""
        return self.orphans is not None

    def only(self, trial_ids: Iterable[str]) -> QueueView:
        """The queue with some of its trials alone."""
        wanted = set(trial_ids)
        trials = tuple(view for view in self.trials if view.trial.id in wanted)
        return replace(self, trials=trials)

    def to_json(self) -> dict[str, Any]:
        """The queue as plain data."""
        return {
            "running": self.running,
            "stopping": self.stopping,
            "jobs": self.jobs,
            "message": self.message,
            "notice": self.notice,
            "trials_ended": self.ended,
            "trials": [view.to_json() for view in self.trials],
            "seconds_left": self.seconds_left,
            "trials_without_estimate": self.unknown,
        }


def view_of(
    state: QueueState,
    *,
    running: bool,
    living: Mapping[str, WatchedRun],
    results: Mapping[Identity, RunSummary],
    estimate: Callable[[Trial], float | None],
    fate: Callable[[Trial], Status] = lambda trial: Status.CRASHED,
) -> QueueView:
    """Put the queue, the living runs (by run id), the results and the estimates together.

    A run that ended while no runner lived has its result, though its trial says it trains; `fate`
    tells what became of one without a result.
    """
    views = []
    for trial in state.trials:
        run = living.get(trial.run_id) if trial.run_id else None
        lost = trial.state is Status.RUNNING and run is None and not running
        result = results.get(trial.identity) if lost or not trial.state.pending else None
        if lost and result is not None:
            ended = Status.DIVERGED if result.diverged else Status.FINISHED
            trial = trial.model_copy(update={"state": ended, "message": result.message})
            lost = False
        seconds: float | None = 0.0
        if trial.state.pending:
            left = run.seconds_left if run is not None else None
            seconds = left if left is not None else estimate(trial)
        views.append(TrialView(trial, run, result, seconds, fate(trial) if lost else None))
    # A queue that has come to its end says nothing about how many train at once in the next.
    jobs = state.jobs if running or any(view.trial.state.pending for view in views) else 1
    view = QueueView(running, state.stopping, jobs, state.message, tuple(views), state.notice)
    if running or not any(item.trial.state is Status.RUNNING for item in views):
        return view
    return replace(view, orphans=tuple(item.run.run_id for item in views if item.run))


def estimated_seconds(
    spec: TrainingSpec, speeds: Sequence[Speed], epochs_done: int = 0
) -> float | None:
    """How long a training should take here from its start; None where no earlier run tells.

    `epochs_done`: whole epochs it goes on from.
    """
    data = spec.dataset
    epoch = epoch_seconds(
        spec.architecture,
        spec.training.batch_size,
        speeds,
        images=data.images,
        test_images=data.test_images,
        precision=spec.precision,
    )
    return None if epoch is None else _seconds(spec, epoch, epochs_done)


def guessed_seconds(
    spec: TrainingSpec, operations_a_second: float, epochs_done: int = 0
) -> float | None:
    """The same from the processor's speed alone; None where it says nothing of the training."""
    if spec.precision != "float32":
        return None
    images = spec.dataset.images + TEST_SHARE * spec.dataset.test_images
    epoch = images / rough_images_a_second(spec.architecture, operations_a_second)
    return _seconds(spec, epoch, epochs_done)


def _seconds(spec: TrainingSpec, epoch: float, epochs_done: int) -> float:
    return START_SECONDS + max(0, spec.training.epochs - epochs_done) * epoch
