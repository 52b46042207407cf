"""One neutral table: what every view is turned into before it is drawn or written.

It has two sides: cells as people read them, and records as programs do. Renderers for people
(markdown, LaTeX, the terminal) use the first, CSV and JSON the second.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import Any, NamedTuple

from workbench.formats import MISSING
from workbench.text import one_line


class Align(Enum):
    """Which way a column is aligned; numbers to the right."""

    LEFT = "left"
    RIGHT = "right"


class Tone(StrEnum):
    """What a cell means, where it means something. Never told by colour alone."""

    PLAIN = ""
    GOOD = "good"
    WARNING = "warning"
    BAD = "bad"
    MUTED = "muted"
    STRONG = "strong"


@dataclass(frozen=True)
class Heading:
    """A column: its heading, alignment and weight. On a narrow terminal the columns of the
    greatest weight go first; those of weight 0 never go.

    `note` is a footnote that stands only where the column does. Where not all columns fit,
    `short` stands for the text, and on a terminal a column with `folds_into` is left out, the
    marks of its cells standing in the column of that name. The note of such a column begins
    with its text.
    """

    text: str
    align: Align = Align.LEFT
    weight: int = 0
    short: str = ""
    note: str = ""
    folds_into: str = ""


class Cell(NamedTuple):
    """A cell's text, its meaning, and a mark that tells the meaning without colour.

    A tuple, since ten thousand runs make two hundred thousand of them. A text that comes from
    outside goes through `cell`, which makes it one safe line.
    """

    text: str
    tone: Tone = Tone.PLAIN
    mark: str = ""


@dataclass(frozen=True)
class Table:
    """A table ready to be drawn. All texts are single lines without control characters."""

    title: str
    headings: tuple[Heading, ...]
    rows: tuple[tuple[Cell, ...], ...]
    footnotes: tuple[str, ...] = ()
    records: tuple[dict[str, Any], ...] = ()
    empty: str = "nothing here"

    def __post_init__(self) -> None:
        if any(len(row) != len(self.headings) for row in self.rows):
            raise ValueError(f"table {self.title!r}: a row does not have a cell a heading")

    def filled_columns(self) -> list[int]:
        """The places of the columns worth showing: those that say something, and the main ones."""
        return [
            place
            for place, heading in enumerate(self.headings)
            if not heading.weight or any(row[place].text not in ("", MISSING) for row in self.rows)
        ]

    def notes(self, shown: Iterable[int]) -> list[str]:
        """The footnotes, and those of the columns that are shown."""
        own = dict.fromkeys(self.headings[place].note for place in shown)
        return [*self.footnotes, *(note for note in own if note)]


def cell(text: object, tone: Tone = Tone.PLAIN, mark: str = "") -> Cell:
    """A cell of any text, made one line."""
    return Cell(one_line(str(text)), tone, mark)


def whole_text(cell: Cell) -> str:
    """A cell's text after its mark."""
    return f"{cell.mark} {cell.text}" if cell.mark else cell.text
