"""Columns of a list: which are shown at a width, how wide each is, and what a list is given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from rich.cells import cell_len, set_cell_size

from workbench.leaderboard.fitting import NARROWEST, natural_width
from workbench.leaderboard.table import Align, Table, whole_text

GAP = 2  # letters between two columns

# A cell is plain text, or pieces of text each with the name of its style.
Piece = tuple[str, str]
Content = str | Piece | Sequence[Piece]


@dataclass(frozen=True)
class Column:
    """One column. Those of the greatest `weight` go first; those of weight 0 never go.

    A column with `ideal` has at least that width wherever the columns that never go leave room
    for it, and shrinks to `width` before it goes. Room that is left over goes to columns that
    lack their ideal, then to those with `stretch`, up to `most` letters.
    """

    key: str
    heading: str
    width: int
    weight: int = 0
    right: bool = False
    stretch: int = 0
    most: int = 200
    ideal: int = 0


class Rows(Protocol):
    """What a list shows. `mark` is the letter in the gutter of a selected row, or blank."""

    def __len__(self) -> int: ...

    def key(self, index: int) -> str:
        """What the row is known by, however the order changes."""
        ...

    def mark(self, index: int) -> str | Piece:
        """The selected row's letter."""
        ...

    def cell(self, index: int, column: str, width: int) -> Content:
        """A cell's text for a column of this width; longer ones are cut."""
        ...


class NoRows:
    """Nothing to show."""

    def __len__(self) -> int:
        return 0

    def key(self, index: int) -> str:
        """There is none."""
        raise IndexError(index)

    def mark(self, index: int) -> str:
        """There is none."""
        raise IndexError(index)

    def cell(self, index: int, column: str, width: int) -> Content:
        """There is none."""
        raise IndexError(index)


def list_columns(table: Table, names: Sequence[str]) -> tuple[Column, ...]:
    """The columns of a table as commands show it, by these names, as wide as their texts."""
    shown = []
    for place, (name, heading) in enumerate(zip(names, table.headings, strict=True)):
        widest = natural_width(table, place)
        least = widest if heading.weight else min(widest, NARROWEST)
        right = heading.align is Align.RIGHT
        shown.append(Column(name, heading.text, least, heading.weight, right, ideal=widest))
    return tuple(shown)


class TableRows:
    """The rows of a table as commands show it; `keys` are what they are known by."""

    def __init__(
        self,
        table: Table,
        columns: Sequence[Column],
        keys: Sequence[str],
        marks: Mapping[str, Piece],
    ) -> None:
        self.table, self.keys, self.marks = table, keys, marks
        self._places = {column.key: place for place, column in enumerate(columns)}

    def __len__(self) -> int:
        return len(self.keys)

    def key(self, index: int) -> str:
        """What the row is known by."""
        return self.keys[index]

    def mark(self, index: int) -> str | Piece:
        """The mark of its curve, where it is selected."""
        return self.marks.get(self.key(index), " ")

    def cell(self, index: int, column: str, width: int) -> Content:
        """A cell with its mark before it."""
        found = self.table.rows[index][self._places[column]]
        return (whole_text(found), found.tone.value)


def fitted(columns: Sequence[Column], width: int) -> list[tuple[Column, int]]:
    """The columns shown at a width, each with its own width."""
    widths = {column.key: max(column.width, column.ideal) for column in columns}
    if _needed([column for column in columns if not column.weight], widths) > width:
        widths = {column.key: column.width for column in columns}
    shown = list(columns)
    while (excess := _needed(shown, widths) - width) > 0:
        heaviest = max(shown, key=lambda column: column.weight, default=None)
        if heaviest is None or not heaviest.weight:
            break
        if widths[heaviest.key] - excess >= heaviest.width:
            widths[heaviest.key] -= excess
        else:
            shown.remove(heaviest)
    room = max(0, width - _needed(shown, widths))
    for column in shown:
        grown = min(room, max(0, column.ideal - widths[column.key]))
        widths[column.key] += grown
        room -= grown
    while room > 0:
        growing = [
            column for column in shown if column.stretch and widths[column.key] < column.most
        ]
        if not growing:
            break
        total, left = sum(column.stretch for column in growing), room
        for column in growing:
            share = max(1, left * column.stretch // total)
            grown = min(share, column.most - widths[column.key], room)
            widths[column.key] += grown
            room -= grown
    return [(column, widths[column.key]) for column in shown]


def _needed(columns: Sequence[Column], widths: Mapping[str, int]) -> int:
    return sum(widths[column.key] for column in columns) + GAP * max(0, len(columns) - 1)


def fit(text: str, width: int, right: bool) -> str:
    """The text in exactly this many columns of a terminal, cut with an ellipsis."""
    length = len(text) if text.isascii() else cell_len(text)
    if length > width:
        return set_cell_size(text, width - 1) + "…" if width > 0 else ""
    padding = " " * (width - length)
    return padding + text if right else text + padding
