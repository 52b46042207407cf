"""Following runs from a terminal: reads their logs, passes Ctrl-C on, and knows how they ended."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

from workbench.cli.output import note
from workbench.runs import lock
from workbench.runs.events import Event
from workbench.runs.folder import RunFolder
from workbench.runs.history import History
from workbench.runs.log import EventReader
from workbench.runs.status import Status
from workbench.runs.summary import AnySummary, summary_of

POLL_SECONDS = 0.1
EXIT_CODES = {Status.FINISHED: 0, Status.PRUNED: 0, Status.STOPPED: 130}


class View:
    """Shows one run as it goes. This one shows nothing, for --quiet."""

    def begin(self, folder: RunFolder, history: History) -> None:
        """Called once, before the first event."""

    def show(self, event: Event, history: History) -> None:
        """Called after each event, with the history that includes it."""

    def tick(self, history: History) -> None:
        """Called some ten times a second."""

    def say(self, message: str) -> None:
        """A line for the person, on stderr, that leaves what is shown intact."""
        note(message)

    def close(self) -> None:
        """Called once, when the run has ended or following it failed."""


@dataclass
class Interrupts:
    """How often the person pressed Ctrl-C (a TERM signal counts as one)."""

    count: int = 0


@contextmanager
def counted_interrupts() -> Iterator[Interrupts]:
    """Count interrupts instead of raising, while the block runs."""
    interrupts = Interrupts()

    def count(number: int, frame: FrameType | None) -> None:
        interrupts.count += 1

    old = {number: signal.signal(number, count) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield interrupts
    finally:
        for number, handler in old.items():
            signal.signal(number, handler)


def follow(
    folder: RunFolder, view: View, between: Callable[[], None] = lambda: None
) -> AnySummary | None:
    """Show a run until it ends and return its summary; None when its folder was deleted.

    `between` is called some ten times a second, for what the person asks meanwhile.
    """
    reader, history = EventReader(folder.events_file), folder.empty_history()
    try:
        view.begin(folder, history)
        while True:
            # Before reading: what was written up to the lock's release is then surely read.
            alive = lock.is_held(folder.lock_file)
            before = reader.fault
            for event in reader.read():
                history.apply(event)
                view.show(event, history)
            if reader.fault and not before:
                note(f"mnist-workbench: {reader.fault}")
            view.tick(history)
            if not alive:
                break
            between()
            time.sleep(POLL_SECONDS)
    finally:
        view.close()
    return summary_of(folder) if folder.path.is_dir() else None
