"""All that the screen knows of a run, built up from its folder: two viewers see the same."""

from __future__ import annotations

import gc
import math
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from workbench.errors import RunError
from workbench.leaderboard.paper import paper_accuracy
from workbench.model.spec import TrainingSpec
from workbench.runs import control, lock
from workbench.runs.curves import SMOOTHING_SPANS, Axis, RunCurves, Samples
from workbench.runs.environment import Gpu, GpuMeter
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
)
from workbench.runs.folder import RunFolder
from workbench.runs.log import EventReader
from workbench.runs.status import Status
from workbench.runs.summary import collapsed_to
from workbench.runs.trouble import Watch


class FolderSays(NamedTuple):
    """What the log cannot tell."""

    alive: bool = True
    killed: bool = False  # on purpose: the worker did not die of itself
    gone: bool = False


ALIVE = FolderSays()


class RunState:
    """One run as far as its log has been read, to begin with before its first event.

    Raises:
        RunError: the folder is gone or its spec.json damaged.
    """

    def __init__(self, folder: RunFolder) -> None:
        self.folder, self.record = folder, folder.record
        self.history = folder.empty_history()
        self.curves = RunCurves(self.history.steps_per_epoch)
        self.watch = Watch(self.spec.dataset.classes if self.spec else None)
        self.labels = folder.labels
        # The accuracy that the paper has for such a training.
        self.paper = paper_accuracy(self.spec.settings_key) if self.spec else None
        self.folder_says = ALIVE
        self.since = self.record.created_at  # when it began to wait for what it now waits for

    def apply(self, event: Event) -> None:
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

    @property
    def spec(self) -> TrainingSpec | None:
        """What the workbench trains; None of a script."""
        return self.record.spec

    @property
    def train(self) -> Samples:
        return self.curves.train

    @property
    def test(self) -> Samples:
        return self.curves.test

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
        if isinstance(ending, Failed) and ending.diverged:
            return Status.DIVERGED
        if isinstance(ending, Finished) and self.spec is not None:
            collapsed = collapsed_to(ending, self.spec.dataset.name) is not None
            return Status.COLLAPSED if collapsed else Status.FINISHED
        return Status[ending.name.upper()]

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
        return "testing" if self.record.tested_on == "test" else "validating"

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


MOST_KEPT = 60  # samples of the GPUs


@dataclass(frozen=True)
class MachineUse:
    """CPU in percent of one core, memory in bytes; all GPUs, sample by sample, the last one now.

    `gpu_unseen`: there is one, but what would ask for it is not installed.
    """

    cpu_percent: float
    memory_bytes: int
    gpus: tuple[tuple[Gpu, ...], ...] = ()
    gpu_unseen: bool = False


class Sampler:
    """Asks for a run's process and its children, as a command's, again and again.

    CPU is the mean since the last time.
    """

    def __init__(self, lock_file: Path) -> None:
        self._lock_file = lock_file
        self._process: Any = None
        self._children: dict[int, Any] = {}
        self._gpu_meter: GpuMeter | None = None
        self._gpus: deque[tuple[Gpu, ...]] = deque(maxlen=MOST_KEPT)

    def sample(self) -> MachineUse | None:
        """The use now; None when there is no worker or it cannot be looked at."""
        # Not needed before the first frame.
        import psutil

        try:
            pid = lock.holder_pid(self._lock_file)
            if pid is None:
                return None
            if self._process is None or self._process.pid != pid:
                self._process = psutil.Process(pid)
                self._process.cpu_percent(None)
                time.sleep(0.1)  # the first answer needs two looks
            with self._process.oneshot():
                cpu = self._process.cpu_percent(None)
                memory = self._process.memory_info().rss
            found = {child.pid: child for child in self._process.children(recursive=True)}
            # As they were known before: each remembers when it was asked last.
            self._children = found | {
                pid: child for pid, child in self._children.items() if pid in found
            }
            for child in self._children.values():
                with suppress(psutil.Error):  # gone meanwhile
                    cpu += child.cpu_percent(None)
                    memory += child.memory_info().rss
        except (psutil.Error, OSError):
            self._process = None
            return None
        if self._gpu_meter is None:
            self._gpu_meter = GpuMeter()
        self._gpus.append(self._gpu_meter.read())
        return MachineUse(cpu, memory, tuple(self._gpus), self._gpu_meter.missing)


SAMPLE_SECONDS = 2.0
EVENTS_A_BREATH = 100
MANY_EVENTS = 5_000


class RunReader:
    """Reads a run's folder, in a thread: first `open`, then `look` again and again."""

    def __init__(self, folder: RunFolder) -> None:
        self._folder = folder
        self._reader = EventReader(folder.events_file)
        self._sampler, self._sampled = Sampler(folder.lock_file), 0.0
        self.folder_says = ALIVE
        self._use: MachineUse | None = None

    def open(self) -> RunState:
        """The state after the whole log up to now, which belongs to the caller from then on.

        Raises:
            UserError: the run cannot be shown at all.
        """
        state = RunState(self._folder)
        state.folder_says = self.folder_says = _look(self._folder)
        # Each full collection would walk all events read so far, 70 ms at 50,000, with every
        # other thread waiting. They hold no cycles; frozen, they are not walked later either.
        collecting = gc.isenabled()
        gc.disable()
        try:
            for number, event in enumerate(self._reader.events()):
                state.apply(event)
                if number % EVENTS_A_BREATH == EVENTS_A_BREATH - 1:
                    time.sleep(0.001)  # whoever waits for the interpreter gets it
            if len(state.history.batches) > MANY_EVENTS:
                gc.freeze()
        finally:
            if collecting:
                gc.enable()
        state.history.fault = self._reader.fault
        return state

    def look(self) -> list[Event]:
        """What was added since; `folder_says` is then as of now."""
        # Before reading: what was written up to the lock's release is then surely read.
        self.folder_says = _look(self._folder)
        return self._reader.read()

    def use(self) -> MachineUse | None:
        """What the worker takes, asked now and then; None when it cannot be told."""
        now = time.monotonic()
        if now - self._sampled >= SAMPLE_SECONDS:
            self._sampled = now
            self._use = self._sampler.sample() if self.folder_says.alive else None
        return self._use


def _look(folder: RunFolder) -> FolderSays:
    try:
        alive = lock.is_held(folder.lock_file)
        # A mark is there before the lock is let go, and is taken away once it is held again.
        killed = not alive and control.was_killed(folder.path)
        return FolderSays(alive, killed, not folder.path.is_dir())
    except OSError:  # a file system that went away
        return FolderSays(False, False, True)
