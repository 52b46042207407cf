"""All that the screen knows of a run, built up from its log alone: two viewers see the same."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from enum import StrEnum

from workbench.model.spec import TrainingSpec
from workbench.runs.curves import Axis, Samples
from workbench.runs.events import (
    Batch,
    Ended,
    Epoch,
    Event,
    Failed,
    Finished,
    Preparing,
    Queued,
    Resumed,
    Started,
    Stopped,
)
from workbench.runs.folder import RunFolder
from workbench.runs.history import History
from workbench.runs.trouble import Watch


class Phase(StrEnum):
    """What the run is doing, in the word that is shown."""

    QUEUED = "queued"
    PREPARING = "preparing"
    TRAINING = "training"
    PAUSED = "paused"
    FINISHED = "finished"
    STOPPED = "stopped"
    FAILED = "failed"
    CRASHED = "crashed"
    GONE = "deleted"

    @property
    def alive(self) -> bool:
        """Whether a process stands behind it."""
        return self in (Phase.QUEUED, Phase.PREPARING, Phase.TRAINING, Phase.PAUSED)


# The same marks as in the list of runs.
MARKS = {
    Phase.QUEUED: "…",
    Phase.PREPARING: "◌",
    Phase.TRAINING: "●",
    Phase.PAUSED: "‖",
    Phase.FINISHED: "✓",
    Phase.STOPPED: "■",
    Phase.FAILED: "✗",
    Phase.CRASHED: "!",
    Phase.GONE: "✗",
}


@dataclass
class RunState:
    """One run as far as its log has been read."""

    folder: RunFolder
    spec: TrainingSpec
    created_at: float
    history: History
    train: Samples
    test: Samples
    watch: Watch
    alive: bool = True
    gone: bool = False
    since: float = 0.0  # when the run began to wait for what it now waits for

    @classmethod
    def of(cls, folder: RunFolder) -> RunState:
        """The state before the first event.

        Raises:
            RunError: the folder is gone or its spec.json damaged.
        """
        record = folder.record
        steps = record.spec.steps_per_epoch
        return cls(
            folder,
            record.spec,
            record.created_at,
            folder.empty_history(),
            Samples(steps),
            Samples(steps),
            Watch(record.spec.dataset.classes),
            since=record.created_at,
        )

    def apply(self, event: Event) -> None:
        """Take one event into account."""
        self.history.apply(event)
        match event:
            case Batch():
                self.train.add(event)
                self.watch.look(event)
            case Epoch():
                self.test.add_test(event)
            case Resumed():
                self._back_to(event.step)
            case Queued() | Preparing():
                self.since = event.time
            case Started():
                self.since = event.time
            case _:
                pass

    def _back_to(self, step: int) -> None:
        if len(self.train) and self.train.xs(Axis.STEPS)[-1] > step:
            self.train = self.train.until(step)
            self.watch.forget_after(step)
        if len(self.test) and self.test.xs(Axis.STEPS)[-1] > step:
            self.test = self.test.until(step)

    @property
    def phase(self) -> Phase:
        """What the run is doing now."""
        if self.gone:
            return Phase.GONE
        history = self.history
        # A run taken up again says so before it has anything new to show.
        again = self.alive and bool(history.preparing)
        if history.ending is not None and not again:
            return _ended(history.ending)
        if not self.alive:
            return Phase.CRASHED
        if history.queued:
            return Phase.QUEUED
        if history.paused:
            return Phase.PAUSED
        waiting = again or not (history.batches or history.epochs)
        return Phase.PREPARING if waiting else Phase.TRAINING

    @property
    def waiting_for(self) -> str:
        """What a run that does not train yet waits for."""
        if self.history.queued:
            return "waiting for the run before it"
        if self.history.preparing:
            return self.history.preparing
        return "waiting for the first steps" if self.history.started else "starting the worker"

    @property
    def waited_seconds(self) -> float:
        """How long it has waited for that."""
        return max(0.0, time.time() - self.since)

    @property
    def share(self) -> float:
        """How much of the run is done, from 0 to 1."""
        return min(1.0, self.history.step / max(1, self.history.planned_steps))

    @property
    def epoch(self) -> int:
        """The epoch that is being trained, from 1."""
        history = self.history
        if history.batches:
            return history.batches[-1].epoch
        return history.epochs[-1].epoch if history.epochs else 0

    @property
    def finished(self) -> Finished | None:
        """The ending of a run that came to its planned end."""
        ending = self.history.ending
        return ending if isinstance(ending, Finished) else None

    def done(self, axis: Axis) -> float:
        """How far the run has come on an axis."""
        match axis:
            case Axis.STEPS:
                return float(self.history.step)
            case Axis.EPOCHS:
                return self.history.step / max(1, self.history.steps_per_epoch)
        return self.history.seconds

    def planned(self, axis: Axis) -> float:
        """How long an axis is to be: for time, what is expected now."""
        match axis:
            case Axis.STEPS:
                return float(max(1, self.history.planned_steps))
            case Axis.EPOCHS:
                return float(self.history.planned_epochs)
        if not self.phase.alive:
            return max(self.history.seconds, 1e-3)
        left = self.history.seconds_left
        expected = self.history.seconds + (left if left and math.isfinite(left) else 0.0)
        return max(expected, 1.0)


def _ended(ending: Ended) -> Phase:
    match ending:
        case Finished():
            return Phase.FINISHED
        case Stopped():
            return Phase.STOPPED
        case Failed():
            return Phase.FAILED
    return Phase.CRASHED
