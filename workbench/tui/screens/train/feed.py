"""Reads a run's folder in a thread and tells the screen what is new there.

The first read of a long log builds the whole state aside and hands it over; after that come
small batches of events. Nothing here touches a widget.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable

from textual.message import Message

from workbench.errors import UserError
from workbench.leaderboard.paper import paper_accuracy
from workbench.runs import control, lock
from workbench.runs.events import Event
from workbench.runs.folder import RunFolder
from workbench.runs.log import EventReader
from workbench.tui.screens.train.machine import MachineUse, Sampler
from workbench.tui.screens.train.state import FolderSays, RunState

POLL_SECONDS = 0.1
POLL_SECONDS_ENDED = 0.5
SAMPLE_SECONDS = 2.0
# So that a viewer that was suspended catches up without holding the event loop.
MOST_EVENTS = 500
EVENTS_A_BREATH = 100
MANY_EVENTS = 5_000


class Opened(Message):
    """The log has been read up to now. The state belongs to the receiver from here on."""

    def __init__(self, state: RunState, paper: float | None) -> None:
        super().__init__()
        self.state, self.paper = state, paper


class News(Message):
    """What was added to the log since, and what the folder tells beside it."""

    def __init__(self, events: list[Event], folder_says: FolderSays) -> None:
        super().__init__()
        self.events, self.folder_says = events, folder_says


class Unreadable(Message):
    """The run cannot be shown at all."""

    def __init__(self, error: UserError) -> None:
        super().__init__()
        self.error = error


class Machine(Message):
    """What the worker takes of the machine; None when it cannot be told."""

    def __init__(self, use: MachineUse | None) -> None:
        super().__init__()
        self.use = use

    def can_replace(self, message: Message) -> bool:
        return isinstance(message, Machine)


def follow(
    folder: RunFolder, post: Callable[[Message], object], cancelled: Callable[[], bool]
) -> None:
    """Read the folder until cancelled, also after the run has ended: it may be resumed."""
    try:
        _follow(folder, post, cancelled)
    except UserError as error:
        post(Unreadable(error))


def _follow(
    folder: RunFolder, post: Callable[[Message], object], cancelled: Callable[[], bool]
) -> None:
    state = RunState.of(folder)
    reader = EventReader(folder.events_file)
    said = _look(folder)
    _read_past(reader, state)
    state.folder_says, state.history.fault = said, reader.fault
    post(Opened(state, paper_accuracy(state.spec.settings_key) if state.spec else None))
    del state
    sampler, sampled = Sampler(folder.lock_file), 0.0
    while not cancelled():
        before = said
        # Before reading: what was written up to the lock's release is then surely read.
        said = _look(folder)
        events = reader.read()
        if events or before != said:
            for start in range(0, max(1, len(events)), MOST_EVENTS):
                post(News(events[start : start + MOST_EVENTS], said))
        now = time.monotonic()
        if now - sampled >= SAMPLE_SECONDS:
            sampled = now
            post(Machine(sampler.sample() if said.alive else None))
        time.sleep(POLL_SECONDS if said.alive else POLL_SECONDS_ENDED)


def _read_past(reader: EventReader, state: RunState) -> None:
    """Apply the whole log without getting in the way of the event loop."""
    # Each full collection would walk all events read so far, 70 ms at 50,000, with every other
    # thread waiting. They hold no cycles; frozen, they are not walked later either.
    collecting = gc.isenabled()
    gc.disable()
    try:
        for number, event in enumerate(reader.events()):
            state.apply(event)
            if number % EVENTS_A_BREATH == EVENTS_A_BREATH - 1:
                time.sleep(0.001)  # whoever waits for the interpreter gets it
        if len(state.history.batches) > MANY_EVENTS:
            gc.freeze()
    finally:
        if collecting:
            gc.enable()


def _look(folder: RunFolder) -> FolderSays:
    try:
        alive = lock.is_held(folder.lock_file)
        # A mark is there before the lock is let go, and is taken away once it is held again.
        killed = not alive and control.was_killed(folder.path)
        return FolderSays(alive, killed, not folder.path.is_dir())
    except OSError:  # a file system that went away
        return FolderSays(False, False, True)
