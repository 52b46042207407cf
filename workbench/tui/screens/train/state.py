"""All that the screen knows of a run, built up from its log alone: two viewers see the same."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from enum import StrEnum

from workbench.leaderboard.outcome import constant_answer
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
    killed: bool = False  # on purpose: the worker did not die of itself
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
        return Phase.PREPARING if history.waiting_for else Phase.TRAINING

    @property
    def waiting_for(self) -> str:
        """What a run that does not train yet waits for."""
        if self.history.queued:
            return "waiting for the run before it"
        return self.history.waiting_for

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
        """The epoch that is being trained, from 1; after the last one, that one."""
        history = self.history
        done = history.epochs[-1] if history.epochs else None
        if history.batches and (done is None or history.batches[-1].step > done.step):
            return history.batches[-1].epoch
        return min(done.epoch + 1 if done else 1, history.planned_epochs)

    @property
    def diverged_at(self) -> int | None:
        """The step at which the loss left the numbers; None if it did not."""
        if self.watch.not_a_number is not None:
            return self.watch.not_a_number.step
        # A worker ends at such a loss before it has written of the chunk.
        ending = self.history.ending
        return ending.step if ending is not None and _diverged(ending) else None

    @property
    def word(self) -> str:
        """The phase, or the ending that a phase does not tell; a key of `states.MARKS`."""
        ending = self.history.ending
        match self.phase:
            case Phase.FAILED if ending is not None and _diverged(ending):
                return "diverged"
            case Phase.FINISHED if ending is not None and self._collapsed(ending):
                return "collapsed"
        return self.phase

    def _collapsed(self, ending: Ended) -> bool:
        accuracy = ending.test_accuracy
        mnist = self.spec.dataset.name == "mnist"
        return mnist and accuracy is not None and constant_answer(accuracy) is not None

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


def _diverged(ending: Ended) -> bool:
    return isinstance(ending, Failed) and ending.reason == "diverged"


def _ended(ending: Ended) -> Phase:
    match ending:
        case Finished():
            return Phase.FINISHED
        case Stopped():
            return Phase.STOPPED
        case Failed():
            return Phase.FAILED
    return Phase.CRASHED
