"""What a list of rows in columns is given."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from rich.cells import cell_len, set_cell_size

from workbench.leaderboard.table import (
    NARROWEST,
    Align,
    Column,
    Content,
    Piece,
    Table,
    natural_width,
    whole_text,
)

if TYPE_CHECKING:
    from workbench.leaderboard.columns import Column as TableColumn

__all__ = ["NO_ROWS", "Column", "Content", "ListRows", "Piece", "Rows", "fit", "list_columns"]

Row = TypeVar("Row")


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


class ListRows(Generic[Row]):
    """Rows of whatever the columns know to tell of; `marks` are by the rows' keys."""

    def __init__(
        self,
        rows: Sequence[Row],
        key: Callable[[Row], str],
        columns: Sequence[Column],
        marks: Mapping[str, Piece] | None = None,
    ) -> None:
        self._rows, self._key, self._marks = rows, key, marks or {}
        self._columns = {column.key: column for column in columns}

    def __len__(self) -> int:
        return len(self._rows)

    def key(self, index: int) -> str:
        return self._key(self._rows[index])

    def mark(self, index: int) -> str | Piece:
        return self._marks.get(self.key(index), " ")

    def cell(self, index: int, column: str, width: int) -> Content:
        say = self._columns[column].say
        return say(self._rows[index], width) if say is not None else ""


# Nothing to show.
NO_ROWS: ListRows[Any] = ListRows((), str, ())


def list_columns(columns: Sequence[TableColumn[Row]], table: Table) -> tuple[Column, ...]:
    """Columns of commands for a list, as wide as the texts of a table of the same rows."""
    found = []
    for place, column in enumerate(columns):
        widest = natural_width(table, place)
        heading = table.headings[place]

        def say(row: Row, width: int, column: TableColumn[Row] = column) -> Content:
            cell = column.cell(row)
            return whole_text(cell), cell.tone.value

        found.append(
            Column(
                column.name,
                heading.text,
                widest if heading.weight else min(widest, NARROWEST),
                heading.weight,
                heading.align is Align.RIGHT,
                ideal=widest,
                say=say,
            )
        )
    return tuple(found)


def fit(text: str, width: int, right: bool = False) -> str:
    """The text in exactly this many columns of a terminal, cut with an ellipsis."""
    length = len(text) if text.isascii() else cell_len(text)
    if length > width:
        return set_cell_size(text, width - 1) + "…" if width > 0 else ""
    padding = " " * (width - length)
    return padding + text if right else text + padding
