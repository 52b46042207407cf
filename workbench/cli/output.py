"""Output: data on stdout, everything else on stderr, files for others.

The standard streams are such that nothing printed can break them.
"""

from __future__ import annotations

import codecs
import os
import sys
import unicodedata
from collections.abc import Iterable
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from workbench.errors import UserError
from workbench.files import write_export
from workbench.text import json_text, visible

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.live import Live
    from rich.text import Text

    from workbench.leaderboard.table import Table


def say(line: str = "", stream: TextIO | None = None) -> None:
    """One line, on stdout unless said otherwise, whatever the text holds."""
    print(visible(line), file=stream or sys.stdout, flush=True)


def note(message: str) -> None:
    """A line for the person, on stderr."""
    say(message, sys.stderr)


def put(document: str) -> None:
    print(visible(document, keep="\n\t"), end="")


def print_json(data: object) -> None:
    """One JSON document on stdout; letters that stdout cannot write are escaped."""
    put(json_text(data, ascii_only=not speaks_unicode(sys.stdout)) + "\n")


def console(stream: TextIO | None = None) -> Console:
    """A rich console that keeps whole lines where the output is no terminal.

    Text is never markup, and reaches the terminal only as what can be seen.
    """
    from rich.console import Console, ConsoleOptions
    from rich.segment import Segment

    class SafeConsole(Console):
        def render(
            self, renderable: RenderableType, options: ConsoleOptions | None = None
        ) -> Iterable[Segment]:
            for segment in super().render(renderable, options):
                if segment.control or segment.text.isprintable():
                    yield segment
                else:
                    yield Segment(visible(segment.text, keep="\n"), segment.style)

    stream = stream or sys.stdout
    # A pipe has no width of its own: 80 columns would cut tables that a pager shows whole.
    width = None if stream.isatty() or "COLUMNS" in os.environ else 120
    return SafeConsole(
        file=stream, width=width, highlight=False, soft_wrap=False, markup=False, emoji=False
    )


def live_terminal(stream: TextIO) -> bool:
    """Whether a moving display can be drawn on the stream."""
    return stream.isatty() and os.environ.get("TERM", "dumb") != "dumb"


class Display:
    """Where one follows what goes on: lines that stay, and on a terminal some beneath them that
    move, as they are drawn anew in their place; `plain` has none of these, `quiet` neither.
    """

    def __init__(self, stream: TextIO, *, quiet: bool = False, plain: bool = False) -> None:
        self._stream, self._quiet = stream, quiet
        moves = live_terminal(stream) and not (quiet or plain)
        self._console = console(stream) if moves else None
        self._live: Live | None = None

    @property
    def width(self) -> int | None:
        """In letters; None where nothing moves."""
        return self._console.width if self._console else None

    def line(self, text: str | Text, style: str = "", *, soft_wrap: bool = False) -> None:
        """A line that stays; `soft_wrap` leaves it to the terminal to wrap it."""
        if self._console is not None:
            self._console.print(text, style=style, soft_wrap=soft_wrap)
        elif not self._quiet:
            say(str(text), self._stream)

    def draw(self, lines: RenderableType) -> None:
        """The lines that move."""
        from rich.live import Live

        if self._live is None:
            # Drawn here, without rich's refresh thread: one writer, steady numbers.
            self._live = Live(console=self._console, auto_refresh=False, transient=True)
            self._live.start()
        self._live.update(lines, refresh=True)

    def note(self, message: str) -> None:
        """A line for the person, on stderr; what moves is begun anew beneath it."""
        self.close()
        note(message)

    def close(self) -> None:
        """Take the moving lines away, and leave the terminal as it was found."""
        if self._live is not None:
            self._live.stop()
            self._live = None


def line_of(text: str, style: str = "") -> Text:
    """A line that a narrow terminal cuts and does not wrap."""
    from rich.text import Text

    return Text(text, style=style, no_wrap=True, overflow="ellipsis")


def print_table(table: Table) -> None:
    from workbench.leaderboard.table import TableView

    console().print(TableView(table))


def check_free(output: Path, *, force: bool) -> None:
    """Refuse to replace a file without `force`, by a UserError."""
    if output.exists() and not force:
        raise UserError(f"{output} exists already; choose another name, or --force replaces it")


def write_shared(output: Path, content: bytes) -> None:
    """Write a file for others and say so; an EnvironmentProblem where it cannot be."""
    write_export(output, content)
    note(f"wrote {output}")


# A letter for a letter, so that tables keep their columns on a terminal without UTF-8.
_PLAIN = str.maketrans("–−‑×·…─━╸╺│✓✗●○◌■‖±‘’“”", "---x..----|+x*oo#|~''\"\"")


def speaks_unicode(stream: TextIO) -> bool:
    """Whether any letter can be written to the stream as it is."""
    return (stream.encoding or "").lower().replace("-", "") in ("utf8", "utf16", "utf32")


def make_streams_safe() -> None:
    """Stand in for standard streams that are closed, and write what can be written.

    A closed one has to be opened before anything else: the next file of the program would
    otherwise take its number, and a worker started with that as its output would lose it.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            descriptor = os.open(os.devnull, os.O_RDWR)  # the lowest that is free: this one
            mode = "r" if name == "stdin" else "w"
            setattr(sys, name, os.fdopen(descriptor, mode, encoding="utf-8"))
    codecs.register_error("workbench", _plain)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper) and not speaks_unicode(stream):
            stream.reconfigure(errors="workbench")


def _plain(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end].translate(_PLAIN)
    return "".join(_letter(letter) for letter in text), error.end


def _letter(letter: str) -> str:
    base = unicodedata.normalize("NFKD", letter)[0]  # é is e with an accent, ² a raised 2
    return base if base.isascii() else "?"
