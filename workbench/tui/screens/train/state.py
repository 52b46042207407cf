"""All that the screen knows of a run, built up from its log alone: two viewers see the same."""

from __future__ import annotations

import math
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import NamedTuple

from workbench.errors import RunError
from workbench.model.spec import TrainingSpec
from workbench.runs.curves import SMOOTHING_SPANS, Axis, RunCurves, Samples
from workbench.runs.events import (
    Batch,
    Ended,
    Epoch,
    Event,
    Failed,
    Finished,
    Preparing,
    Pruned,
    Queued,
    Resumed,
    Started,
    Stopped,
)
from workbench.runs.folder import RunFolder
from workbench.runs.log import EventReader, History
from workbench.runs.record import Labels, PresetRecord, RunRecord, ScriptRecord
from workbench.runs.status import Status
from workbench.runs.summary import collapsed_to
from workbench.runs.trouble import Watch


class FolderSays(NamedTuple):
    """What the log cannot tell."""

    alive: bool = True
    killed: bool = False  # on purpose: the worker did not die of itself
    gone: bool = False


ALIVE = FolderSays()


@dataclass
class RunState:
    """One run as far as its log has been read."""

    folder: RunFolder
    record: RunRecord
    history: History
    curves: RunCurves
    watch: Watch
    labels: Labels = field(default_factory=Labels)
    folder_says: FolderSays = ALIVE
    since: float = 0.0  # when the run began to wait for what it now waits for

    @classmethod
    def of(cls, folder: RunFolder) -> RunState:
        """The state before the first event.

        Raises:
            RunError: the folder is gone or its spec.json damaged.
        """
        record = folder.record
        script = isinstance(record, ScriptRecord)
        history = folder.empty_history()
        return cls(
            folder,
            record,
            history,
            RunCurves(history.steps_per_epoch),
            Watch(None if script else folder.spec.dataset.classes),
            labels=folder.labels,
            since=record.created_at,
        )

    @classmethod
    def read(cls, folder: RunFolder) -> RunState:
        """The state after the whole log.

        Raises:
            RunError: the folder is gone, or cannot be read.
        """
        state, reader = cls.of(folder), EventReader(folder.events_file)
        for event in reader.events():
            state.apply(event)
        state.history.fault = reader.fault
        return state

    def apply(self, event: Event) -> None:
        """Take one event into account."""
        self.history.apply(event)
        match event:
            case Batch() | Epoch():
                self.curves.add(event, self.history.steps_per_epoch)
                if isinstance(event, Batch):
                    self.watch.look(event)
            case Resumed():
                if self.train.reach_beyond(event.step):
                    self.watch.forget_after(event.step)
                self.curves.back_to(event.step)
            case Queued() | Preparing():
                self.since = event.time
            case Started():
                self.since = event.time
                if self.spec is None:
                    with suppress(RunError):  # a program that joins tells what it is
                        self.record = self.folder.record
            case _:
                pass

    @property
    def spec(self) -> TrainingSpec | None:
        """What the workbench trains; None of a script."""
        return self.record.spec if isinstance(self.record, PresetRecord) else None

    @property
    def other(self) -> str:
        """Whose values stand beside those of training."""
        return "validation" if self.spec is None else self.spec.dataset.evaluated

    @property
    def train(self) -> Samples:
        """What was trained, chunk by chunk."""
        return self.curves.train

    @property
    def test(self) -> Samples:
        """What was tested, or validated."""
        return self.curves.test

    @property
    def metrics(self) -> list[str]:
        """What can be drawn of a script, in the order in which it is offered."""
        return self.curves.names

    @property
    def status(self) -> Status:
        """What the run is doing, or how it came out, by its log and what the folder tells."""
        if self.folder_says.gone:
            return Status.DELETED
        history = self.history
        # A resumed run says so before it has anything new to show.
        again = self.folder_says.alive and bool(history.preparing)
        if history.ending is not None and not again:
            return self._ended(history.ending)
        if not self.folder_says.alive:
            return Status.KILLED if self.folder_says.killed else Status.CRASHED
        if history.queued:
            return Status.QUEUED
        if history.paused:
            return Status.PAUSED
        return Status.PREPARING if history.waiting_for else Status.RUNNING

    def _ended(self, ending: Ended) -> Status:
        match ending:
            case Pruned():
                return Status.PRUNED
            case Stopped():
                return Status.STOPPED
            case Failed():
                return Status.DIVERGED if ending.diverged else Status.FAILED
            case Finished() if (
                self.spec is not None and collapsed_to(ending, self.spec.dataset.name) is not None
            ):
                return Status.COLLAPSED
        return Status.FINISHED

    @property
    def smoothing_span(self) -> float:
        """Over how many steps smoothing keeps its weight: of those planned, or of a script that
        did not tell, of about those done."""
        guessed = 2.0 ** math.ceil(math.log2(max(1, self.history.step)))
        return (self.history.planned_steps or guessed) / SMOOTHING_SPANS

    @property
    def waited_seconds(self) -> float:
        """How long it has waited for that."""
        return max(0.0, time.time() - self.since)

    @property
    def share(self) -> float:
        """How much of the run is done, from 0 to 1; 0 of a script that has not told its length."""
        planned = self.history.planned_steps
        return min(1.0, self.history.step / planned) if planned else 0.0

    @property
    def epoch(self) -> int:
        """The epoch that is being trained, from 1; after the last one, that one."""
        history = self.history
        done = history.epochs[-1] if history.epochs else None
        if history.batches and (done is None or history.batches[-1].step > done.step):
            return history.batches[-1].epoch
        return min(done.epoch + 1 if done else 1, history.planned_epochs)

    @property
    def evaluating(self) -> str:
        """`testing`, from the last step of an epoch until its results are written."""
        history = self.history
        last, length = history.step, history.steps_per_epoch
        written = history.epochs[-1].step if history.epochs else 0
        if self.status is not Status.RUNNING or not length or last % length or last <= written:
            return ""
        return "testing" if self.other == "test" else "validating"

    @property
    def diverged_at(self) -> int | None:
        """The step at which the loss left the numbers; None if it did not."""
        if self.watch.not_a_number is not None:
            return self.watch.not_a_number.step
        # A worker ends at such a loss before it has written of the chunk.
        ending = self.history.ending
        return ending.step if isinstance(ending, Failed) and ending.diverged else None

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
        if not self.status.alive:
            return max(self.history.seconds, 1e-3)
        left = self.history.seconds_left
        expected = self.history.seconds + (left if left and math.isfinite(left) else 0.0)
        return max(expected, 1.0)
