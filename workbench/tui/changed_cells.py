"""Sends a terminal only the cells that change.

Textual sends a widget's changed lines from their left end up to the last cell that was to be
drawn again. Here the cells that the terminal shows are kept, and of an update only those that
differ are sent; what lies between them is skipped.

The parts of an update are private to Textual, which may change them: `tried` looks whether they
are as they are read here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple

from rich.cells import cell_len
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from textual._compositor import ChopsUpdate, Compositor, CompositorUpdate, LayoutUpdate
from textual.geometry import Region
from textual.strip import Strip

SHORT_GAP = 4  # cells: to write them again is no longer than to move over them


class Ink(NamedTuple):
    """The sequences that begin and end a style; of one without more its two colours.

    The first of them is empty for blanks, on which it would not be seen.
    """

    start: str
    end: str
    colours: tuple[str, ...] = ()


# A character and its ink. Where a part of a line can only be sent whole, each of its cells is
# the whole text and the cell's place in it.
Cell = tuple[str, Ink | int]

PLAIN = Ink("", "")
_COLOUR = r"8;(?:2;\d+;\d+;\d+|5;\d+)"
_TWO_COLOURS = re.compile(rf"\x1b\[(?:(3{_COLOUR});)?(4{_COLOUR})m")
UNKNOWN: Cell = ("", -1)


class ChangedCells:
    """What the terminal shows, and what is to be sent for an update."""

    def __init__(self) -> None:
        self._lines: list[list[Cell]] = []

    def forget(self) -> None:
        """Know nothing of what is shown: another program may have written there."""
        self._lines = []

    def only(self, update: Any) -> Any:
        """In place of an update one that sends what differs; anything else as it is."""
        known = isinstance(update, ChopsUpdate | LayoutUpdate)
        return _Changes(self, update) if known else update

    def text(self, update: ChopsUpdate | LayoutUpdate, console: Console) -> str:
        """What is to be written to the terminal; it counts as shown from then on."""
        if isinstance(update, LayoutUpdate):
            # All of the screen is sent as it is, which repairs what others wrote over it.
            self._lines = [
                [cell for strip in strips for cell in _cells(strip, strip.cell_length, console)]
                for strips in update.strips
            ]
            return update.render_segments(console)
        widths = [ends[-1] for ends in update.chop_ends]
        if [len(line) for line in self._lines] != widths:
            self._lines = [[UNKNOWN] * width for width in widths]
        writing = _Writing()
        for y, left, right in update.spans:
            line, parts = self._lines[y], update.chops[y].items()
            for (x, strip), end in zip(parts, update.chop_ends[y], strict=True):
                if strip is None or x >= right or end <= left:
                    continue
                # All of the part is looked at: it is what the widget shows by now.
                before, after = line[x:end], _cells(strip, end - x, console)
                if before != after:
                    line[x:end] = after
                    writing.add(x, y, before, after)
        return writing.text()


class _Changes(CompositorUpdate):
    """An update whose text is made when it is written: it counts as shown then."""

    def __init__(self, shown: ChangedCells, update: ChopsUpdate | LayoutUpdate) -> None:
        self._shown, self._update = shown, update

    def render_segments(self, console: Console) -> str:
        return self._shown.text(self._update, console)


class _Writing:
    """The text of one update: moves, characters, and colours where they change."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._ink = PLAIN
        self._at: tuple[int, int] | None = None  # the cursor's column and line

    def add(self, x: int, y: int, before: Sequence[Cell], after: Sequence[Cell]) -> None:
        """Write what differs in the part of line `y` that begins at column `x`."""
        whole, ink = after[0]
        if isinstance(ink, int):
            self._put_on(PLAIN)
            self._move(x, y)
            self._parts.append(whole)
            self._at = None  # not all terminals agree how far such characters reach
            return
        for start, end in _runs(before, after):
            self._move(x + start, y)
            for ink, cells in groupby(after[start:end], itemgetter(1)):
                self._put_on(ink)
                self._parts += [character for character, _ in cells]
            self._at = x + end, y

    def text(self) -> str:
        """All of it; it ends without a colour, as it began."""
        self._put_on(PLAIN)
        return "".join(self._parts)

    def _move(self, x: int, y: int) -> None:
        if self._at is not None and self._at[1] == y and x > self._at[0]:
            self._parts.append(f"\x1b[{x - self._at[0]}C")
        elif self._at != (x, y):
            self._parts.append(f"\x1b[{y + 1};{x + 1}H")

    def _put_on(self, ink: Ink) -> None:
        if ink == self._ink:
            return
        if ink.colours and self._ink.colours:  # most often one of them stays
            pairs = list(zip(ink.colours, self._ink.colours, strict=True))
            if changed := [new for new, old in pairs if new not in ("", old)]:
                self._parts.append(f"\x1b[{';'.join(changed)}m")
            ink = ink._replace(colours=tuple(new or old for new, old in pairs))
        else:
            self._parts += [self._ink.end, ink.start]
        self._ink = ink


def _runs(before: Sequence[Cell], after: Sequence[Cell]) -> Iterator[tuple[int, int]]:
    """From where to where cells differ; a short gap in the same ink is sent with them."""
    start = end = None
    for at, (old, new) in enumerate(zip(before, after, strict=True)):
        if old == new:
            continue
        if start is not None and end is not None:
            ink = new[1]
            if at - end > SHORT_GAP or any(cell[1] != ink for cell in after[end - 1 : at]):
                yield start, end
                start = at
        else:
            start = at
        end = at + 1
    if start is not None and end is not None:
        yield start, end


def _cells(strip: Strip, width: int, console: Console) -> list[Cell]:
    """The cells of a part of a line, `width` of them."""
    cells: list[Cell] = []
    for text, style, _ in strip:
        if not _is_plain(text):
            break
        ink = _ink(style, console, text.isspace())
        cells += [(character, ink) for character in text]
    else:
        if len(cells) == width:
            return cells
    # A character of two cells or none: such a part is not cut.
    whole = strip.render(console)
    return [(whole, place) for place in range(width)]


@lru_cache(maxsize=4096)
def _is_plain(text: str) -> bool:
    return text.isascii() or all(cell_len(character) == 1 for character in text)


@lru_cache(maxsize=4096)
def _ink(style: Style | None, console: Console, blank: bool) -> Ink:
    start, _, end = Strip([Segment("x", style)]).render(console).rpartition("x")
    colours = _TWO_COLOURS.fullmatch(start)
    if colours is None or end != "\x1b[0m" or not (colours[1] or blank):
        return Ink(start, end)
    return Ink(start, end, colours.groups(""))


def tried() -> ChangedCells | None:
    """What sends only changes; None where Textual's updates are not what is read here."""
    first = [Strip([Segment("abcd")])]
    then = {0: Strip([Segment("ab")]), 2: Strip([Segment("cx")])}
    shown, console = ChangedCells(), Console()
    try:
        shown.text(LayoutUpdate([first], Region(0, 0, 4, 1)), console)
        spans = list(Compositor._regions_to_spans([Region(2, 0, 2, 1)]))
        text = shown.text(ChopsUpdate([then], spans, [[2, 4]]), console)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError):
        return None
    return ChangedCells() if text == "\x1b[1;4Hx" else None
