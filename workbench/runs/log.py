"""Reading and writing `events.jsonl`: append-only, tolerant of a torn line; and what a log says in
all, its `History`.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from io import BufferedReader
from pathlib import Path
from typing import Any

from workbench.errors import RunError
from workbench.files import open_file, open_to_append
from workbench.runs.events import (
    LOG_VERSION,
    Batch,
    Ended,
    Epoch,
    Event,
    Log,
    Paused,
    Preparing,
    Queued,
    Resumed,
    Started,
    UnreadableLine,
    parse_line,
)

# The ending event carries the confusion matrix, so a tail of this size mostly holds it.
TAIL_BYTES = 1 << 19
BLOCK_BYTES = 1 << 20
LONGEST_LINE = 1 << 24  # bytes; the confusion matrix of 1,000 classes takes half of it
# Junk is passed over without a look at each of its lines.
_EVENT = re.compile(rb'^\{"event": ?"[a-z_]+".*$', re.MULTILINE)
_EPOCH = b'{"event":"epoch"'


class EventWriter:
    """Appends events, each in one write, so that a reader sees whole lines."""

    def __init__(self, path: Path) -> None:
        self._descriptor = open_to_append(path)
        # A worker killed while it wrote leaves half a line; the next event starts a new one.
        with open_file(path) as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - 1))
            self._torn = file.read(1) not in (b"", b"\n")

    def write(self, event: Event, *, durable: bool = False) -> None:
        """Append one event; `durable` also waits until it is on the disk.

        Raises:
            OSError: the disk is full or the folder is gone.
        """
        line = event.to_line().encode()
        data = b"\n" + line if self._torn else line
        self._torn = True
        written = os.write(self._descriptor, data)
        if written != len(data):
            os.write(self._descriptor, data[written:])
        self._torn = False
        if durable:
            os.fsync(self._descriptor)

    def close(self) -> None:
        os.close(self._descriptor)


def newer(what: str, version: int, known: int) -> str:
    """What is wrong with a file of a later version of this program, and what to do."""
    return (
        f"{what} is of a newer mnist-workbench (format {version}, this one reads up to {known}); "
        "upgrade this one to open it"
    )


def write_event(path: Path, event: Event) -> None:
    """Append one event to the log of a run that no worker has open.

    Raises:
        OSError: the disk is full or the folder is gone.
    """
    with closing(EventWriter(path)) as writer:
        writer.write(event)


class EventReader:
    """Reads what was appended since the last call; holds back a line not yet whole.

    `unreadable` counts the whole lines in which there was no event.
    """

    def __init__(self, path: Path) -> None:
        self.unreadable = 0
        self._path = path
        self._offset = 0
        self._held = b""

    def read(self) -> list[Event]:
        """The new events, in order; none while the file is missing or unchanged.

        Raises:
            RunError: what is there cannot be read.
        """
        return list(self.events())

    def events(self) -> Iterator[Event]:
        """As `read`, one by one, for a long log whose reader has other things to do as well.

        To be exhausted before it is called again.
        """
        for lines in self.blocks():
            self.unreadable += lines.count(b"\n")
            for match in _EVENT.finditer(lines):
                try:
                    event = parse_line(match[0])
                except UnreadableLine:
                    continue
                self.unreadable -= 1
                if isinstance(event, Log):
                    if event.version > LOG_VERSION:
                        name = self._path.name
                        sentence = newer(name, event.version, LOG_VERSION)
                        raise RunError(f"run {self._path.parent.name}: {sentence}")
                elif event is not None:
                    yield event

    @property
    def fault(self) -> str:
        """One sentence on what could not be read; empty where all could."""
        if not self.unreadable:
            return ""
        lines = "1 line" if self.unreadable == 1 else f"{self.unreadable:,} lines"
        return (
            f"run {self._path.parent.name}: {lines} of {self._path.name} cannot be read; the rest "
            "is shown"
        )

    def blocks(self) -> Iterator[bytes]:
        """Whole lines, some thousands at a time."""
        file = _opened(self._path)
        if file is None:
            return
        with file:
            file.seek(self._offset)
            while block := file.read(BLOCK_BYTES):
                self._offset += len(block)
                end = block.rfind(b"\n") + 1
                if end:
                    yield self._held + block[:end]
                    self._held = block[end:]
                elif len(self._held) < LONGEST_LINE:  # of a longer one the rest is let go
                    self._held += block


def backwards(path: Path) -> Iterator[Event]:
    """The events of a log, the last one first; none when the file is missing.

    Reads no more of the end than is asked for, so that thousands of runs can be listed.

    Raises:
        RunError: what is there cannot be read.
    """
    for lines in _blocks_backwards(path):
        for match in reversed(list(_EVENT.finditer(lines))):
            try:
                event = parse_line(match[0])
            except UnreadableLine:
                continue
            if event is not None:
                yield event


def _blocks_backwards(path: Path) -> Iterator[bytes]:
    file = _opened(path)
    if file is None:
        return
    with file:
        place = file.seek(0, os.SEEK_END)
        held = b""  # the end of a line that begins further up
        while place:
            size = min(place, TAIL_BYTES)
            place -= size
            file.seek(place)
            block = file.read(size)
            begin = block.find(b"\n") + 1 if place else 0
            if begin or not place:
                yield block[begin:] + held
                held = block[:begin]
            elif len(held) < LONGEST_LINE:  # of a longer one the rest is let go
                held = block + held


def _opened(path: Path) -> BufferedReader | None:
    try:
        return open_file(path)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise RunError(
            f"run {path.parent.name}: {path}: {error.strerror}; restore it or delete the run"
        ) from error


def last_change(path: Path) -> Event | None:
    """The last event of a log that tells what its run does now, or how it ended."""
    telling = Ended | Resumed | Paused | Started | Preparing | Batch | Queued
    return next((event for event in backwards(path) if isinstance(event, telling)), None)


def last_ending(path: Path) -> Ended | None:
    """The ending the log closes with; None while the run goes on, or was cut off."""
    event = last_change(path)
    return event if isinstance(event, Ended) else None


def whole_epochs(path: Path) -> list[Epoch]:
    """The epochs of a log in their order, each as it was trained last.

    Only the lines of epochs are parsed, one in a thousand or fewer.
    """
    found: dict[int, Epoch] = {}
    for lines in EventReader(path).blocks():
        place = lines.find(_EPOCH)
        while place >= 0:
            end = lines.find(b"\n", place)
            with suppress(UnreadableLine):
                event = parse_line(lines[place:end])
                if isinstance(event, Epoch):
                    found[event.epoch] = event
            place = lines.find(_EPOCH, end)
    return [found[number] for number in sorted(found)]


@dataclass
class History:
    """Everything the log has said so far; apply events in order."""

    planned_epochs: int
    steps_per_epoch: int
    queued: bool = False
    preparing: str = ""
    started: Started | None = None
    batches: list[Batch] = field(default_factory=list)
    epochs: list[Epoch] = field(default_factory=list)
    paused: bool = False
    ending: Ended | None = None
    # The last value of each metric that a script logged.
    metrics: dict[str, float] = field(default_factory=dict)
    fault: str = ""  # what of the log could not be read, as a sentence
    _first: Batch | None = None  # the first chunk of the worker now at work
    _test_seconds: float = 0.0  # how long the last test took

    @property
    def planned_steps(self) -> int:
        return self.planned_epochs * self.steps_per_epoch

    @property
    def step(self) -> int:
        last_batch = self.batches[-1].step if self.batches else 0
        return max(last_batch, self.epochs[-1].step if self.epochs else 0)

    @property
    def waiting_for(self) -> str:
        """What a living run waits for before it trains (again); empty while it trains."""
        if self.queued:
            return "waiting for its turn"
        if self.paused:
            return ""
        begun = self.started or self.batches or self.epochs
        return self.preparing or ("" if begun else "starting the worker")

    @property
    def seconds(self) -> float:
        """Training seconds so far, without pauses."""
        if self.ending is not None:
            return self.ending.seconds
        last_batch = self.batches[-1].seconds if self.batches else 0.0
        return max(last_batch, self.epochs[-1].seconds if self.epochs else 0.0)

    @property
    def best(self) -> Epoch | None:
        """The epoch with the highest test accuracy, the earliest of equals; None where untested."""
        tested = [epoch for epoch in self.epochs if math.isfinite(epoch.test_accuracy)]
        return max(tested, key=lambda epoch: epoch.test_accuracy, default=None)

    @property
    def epochs_completed(self) -> int:
        """The number of the last whole epoch; 0 before the first."""
        return self.epochs[-1].epoch if self.epochs else 0

    @property
    def results(self) -> dict[str, Any]:
        """What the whole epochs have come to so far, as fields of an ending."""
        best = self.best
        return {
            **(self.epochs[-1].evaluated if self.epochs else {}),
            "epochs_completed": self.epochs_completed,
            "images_per_second": self.images_per_second,
            "best_epoch": best.epoch if best else None,
            "best_epoch_test_accuracy": best.test_accuracy if best else None,
        }

    @property
    def images_per_second(self) -> float | None:
        """The median of the last chunks' speeds: steady while single chunks jump."""
        recent = sorted(batch.images_per_second for batch in self.batches[-15:])
        return recent[len(recent) // 2] if recent else None

    @property
    def seconds_left(self) -> float | None:
        """Expected seconds until the planned end, the tests after each epoch included.

        None until a second chunk has shown the pace: the first one's time is its compilation's.
        """
        first, step, seconds = self._first, self.step, self.seconds
        if first is None or step <= first.step or seconds <= first.seconds:
            return None
        if not self.planned_steps:
            return None
        pace = (seconds - first.seconds) / (step - first.step)
        tests = self._test_seconds * (self.planned_epochs - len(self.epochs))
        return pace * (self.planned_steps - step) + tests

    def apply(self, event: Event) -> None:
        match event:
            case Queued():
                self.queued = True
            case Preparing():
                # A worker that was killed while it paused took its pause with it.
                self.queued, self.paused, self.preparing = False, False, event.what
            case Started():
                self.queued, self.started, self.ending, self.paused = False, event, None, False
                self.preparing, self._first = "", None
                # Of a script both may become known later, or not at all.
                self.steps_per_epoch = event.steps_per_epoch or self.steps_per_epoch
                self.planned_epochs = event.epochs or self.planned_epochs
            case Batch(steps=0) if event.step < self.step:
                self.metrics.update(event.metrics or {})  # evaluated late, and no step of training
            case Batch():
                if event.step <= self.step:
                    # A worker that died before its first checkpoint: begun anew, from step 0.
                    self._back_to(event.step - event.steps)
                self.batches.append(event)
                self.metrics.update(event.metrics or {})
                self._first = self._first or event
                self.preparing = ""
            case Epoch():
                if self.batches and self.batches[-1].step == event.step:
                    self._test_seconds = max(0.0, event.time - self.batches[-1].time)
                self.epochs.append(event)
                self.metrics.update(event.metrics or {})
                self.steps_per_epoch = self.steps_per_epoch or event.step // max(1, event.epoch)
            case Paused():
                self.paused = True
            case Resumed():
                self._back_to(event.step)
                self.paused, self.ending = False, None
            case Ended():
                self.ending, self.preparing, self.paused = event, "", False
            case _:
                pass

    def _back_to(self, step: int) -> None:
        """Forget what a crashed worker logged beyond its checkpoint."""
        while self.batches and self.batches[-1].step > step:
            self.batches.pop()
        while self.epochs and self.epochs[-1].step > step:
            self.epochs.pop()
