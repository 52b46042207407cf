"""What goes to the terminal: nothing that it would obey, and nothing when it has gone away."""

from __future__ import annotations

from contextlib import suppress
from typing import IO, Any

from rich.segment import Segment
from textual.app import App
from textual.color import Color
from textual.drivers.linux_driver import LinuxDriver
from textual.filter import LineFilter

from workbench.text import without_unsafe


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


class TerminalDriver(LinuxDriver):
    """Textual's driver, whose writing outlives the terminal.

    Textual writes in a thread, out of a queue of bounded length. An error would end that thread,
    and once the queue is full, the app would wait for it forever.
    """

    def __init__(self, app: App[Any], **options: Any) -> None:
        super().__init__(app, **options)
        self._file: Any = _Output(self._file)


class _SafeLines(LineFilter):
    """Takes out what a terminal would obey, where no widget has spelled it out."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """The segments of a line; unsafe characters take no cell, so that nothing moves."""
        if all(segment.text.isprintable() for segment in segments):
            return segments
        return [Segment(without_unsafe(text), style, control) for text, style, control in segments]


SAFE_LINES = _SafeLines()
