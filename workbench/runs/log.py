"""Reading and writing `events.jsonl`: append-only, tolerant of a torn line."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from workbench.runs.events import (
    Batch,
    Ended,
    Epoch,
    Event,
    Preparing,
    Queued,
    Resumed,
    Started,
    parse_line,
)

# The ending event carries the confusion matrix, so a tail of this size always holds it.
TAIL_BYTES = 1 << 19
BLOCK_BYTES = 1 << 20
_EPOCH = b'"event":"epoch"'


class EventWriter:
    """Appends events, each in one write, so that a reader sees whole lines."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        # A worker killed while it wrote leaves half a line; the next event starts a new one.
        self._torn = not _ends_with_newline(path)

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
        """Close the file; further writes fail."""
        os.close(self._descriptor)


def write_event(path: Path, event: Event) -> None:
    """Append one event to the log of a run that no worker has open.

    Raises:
        OSError: the disk is full or the folder is gone.
    """
    writer = EventWriter(path)
    try:
        writer.write(event)
    finally:
        writer.close()


def _ends_with_newline(path: Path) -> bool:
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        if size == 0:
            return True
        file.seek(size - 1)
        return file.read(1) == b"\n"


class EventReader:
    """Reads what was appended since the last call; holds back a line not yet whole."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0
        self._held = b""

    def read(self) -> list[Event]:
        """The new events, in order; none while the file is missing or unchanged."""
        return list(self.events())

    def events(self) -> Iterator[Event]:
        """As `read`, one by one, for a long log whose reader has other things to do as well.

        To be exhausted before it is called again.
        """
        try:
            with self._path.open("rb") as file:
                file.seek(self._offset)
                while block := file.read(BLOCK_BYTES):
                    self._offset += len(block)
                    *lines, self._held = (self._held + block).split(b"\n")
                    for line in lines:
                        event = parse_line(line) if line else None
                        if event is not None:
                            yield event
        except FileNotFoundError:
            return


def backwards(path: Path) -> Iterator[Event]:
    """The events of the log's tail, the last one first; none when the file is missing.

    Reads only the tail, so that thousands of runs can be listed.
    """
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - TAIL_BYTES))
            tail = file.read()
    except FileNotFoundError:
        return
    for line in reversed(tail.split(b"\n")):
        event = parse_line(line) if line else None
        if event is not None:
            yield event


def last_ending(path: Path) -> Ended | None:
    """The ending the log closes with; None while the run goes on, or was cut off."""
    for event in backwards(path):
        if isinstance(event, Ended):
            return event
        if isinstance(event, Resumed | Started | Preparing | Batch | Queued):
            return None
    return None


def whole_epochs(path: Path) -> list[Epoch]:
    """The epochs of a log in their order, each as it was trained last.

    Only the lines of epochs are parsed, one in a thousand or fewer.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return []
    found: dict[int, Epoch] = {}
    place = content.find(_EPOCH)
    while place >= 0:
        end = content.find(b"\n", place)
        end = len(content) if end < 0 else end
        event = parse_line(content[content.rfind(b"\n", 0, place) + 1 : end])
        if isinstance(event, Epoch):
            found[event.epoch] = event
        place = content.find(_EPOCH, end)
    return [found[number] for number in sorted(found)]
