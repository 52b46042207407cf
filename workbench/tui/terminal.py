"""What goes to the terminal: nothing that it would obey, and nothing when it has gone away."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import IO, TYPE_CHECKING, Any

from rich.segment import Segment
from textual.app import App
from textual.color import Color
from textual.drivers.linux_driver import LinuxDriver
from textual.filter import LineFilter

from workbench.text import without_unsafe
from workbench.tui import signals

if TYPE_CHECKING:
    from workbench.tui.changed_cells import ChangedCells


class _Output:
    """The terminal as a file to write to; what cannot be written any more is dropped."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file

    def write(self, text: str) -> None:
        with suppress(OSError):
            self._file.write(text)

    def flush(self) -> None:
        with suppress(OSError):
            self._file.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


def _changed_cells() -> ChangedCells | None:
    """What sends only the cells that change; None where Textual's own parts are not as expected."""
    try:
        from workbench.tui.changed_cells import tried
    except ImportError:
        return None
    return tried()


class TerminalDriver(LinuxDriver):
    """Textual's driver, whose writing outlives the terminal.

    Textual writes in a thread, out of a queue of bounded length. An error would end that thread,
    and once the queue is full, the app would wait for it forever.
    """

    def __init__(self, app: App[Any], **options: Any) -> None:
        super().__init__(app, **options)
        self._file: Any = _Output(self._file)
        self._title = self._progress = ""
        self._shown = _changed_cells()
        # The kernel's console has no title, and older ones print what would set it.
        self._has_title = os.environ.get("TERM") != "linux"

    def set_title(self, title: str) -> None:
        """Name the terminal's window or tab; written only where it changes."""
        if self._has_title and title != self._title:
            self._title = title
            self.write(f"\x1b]2;{title}\x07")

    def set_progress(self, share: float | None) -> None:
        """Show progress from 0 to 1 at the window's icon, or none; written when it changes."""
        sequence = signals.progress(share)
        if sequence != self._progress and (self._progress or share is not None):
            self._progress = sequence
            self.write(sequence)

    def notify_desktop(self, words: str) -> None:
        """Show a notification outside of the terminal, where it can."""
        self.write(signals.notification(words))

    def only_changes(self, update: Any) -> Any:
        """In place of an update of the screen one that writes what differs from what is shown."""
        return self._shown.only(update) if self._shown else update

    def start_application_mode(self) -> None:
        """Keep the title that the terminal has; what it shows is not known yet."""
        if self._shown:
            self._shown.forget()
        super().start_application_mode()  # type: ignore[no-untyped-call]
        if self._has_title:
            self._title = ""
            self.write("\x1b[22;2t")

    def stop_application_mode(self) -> None:
        """Put the title back, and take progress away."""
        self.set_progress(None)
        if self._has_title:
            self.write("\x1b[23;2t")
        super().stop_application_mode()


class _SafeLines(LineFilter):
    """Takes out what a terminal would obey, where no widget has spelled it out."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """The segments of a line; unsafe characters take no cell, so that nothing moves."""
        if all(segment.text.isprintable() for segment in segments):
            return segments
        return [Segment(without_unsafe(text), style, control) for text, style, control in segments]


SAFE_LINES = _SafeLines()
