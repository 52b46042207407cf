"""Where the marks of curves stand: on their values, and never on the mark of another curve."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from workbench.tui.cells import Range, column_of, row_of

Cell = tuple[int, int]  # column from the left, row from the bottom


class MarkPlaces:
    """Gives out the cells of one drawing.

    Where curves coincide their marks stand side by side, so that each can be seen without
    colour. Marks of one curve may share a cell.
    """

    def __init__(self, x_range: Range, y_range: Range, columns: int, rows: int) -> None:
        self._x_range, self._y_range = x_range, y_range
        self._columns, self._rows = columns, rows
        self._owners: dict[Cell, int] = {}

    def place(self, xs: Sequence[float], ys: Sequence[float], owner: int) -> list[Cell]:
        """The cells for a curve's marks; none for those outside of the canvas."""
        cells = []
        for x, y in zip(xs, ys, strict=True):
            column = column_of(x, self._x_range, self._columns)
            row = row_of(y, self._y_range, self._rows)
            if 0 <= column < self._columns and 0 <= row < self._rows:
                cells.append(self._free_cell(column, row, owner))
        return cells

    def _free_cell(self, column: int, row: int, owner: int) -> Cell:
        for beside in self._nearest(column):
            cell = beside, row
            if self._owners.setdefault(cell, owner) == owner:
                return cell
        return column, row

    def _nearest(self, column: int) -> Iterator[int]:
        yield column
        for away in range(1, self._columns):
            yield from (at for at in (column + away, column - away) if 0 <= at < self._columns)


def spread(
    xs: list[float], ys: list[float], x_range: Range, columns: int, turn: int, turns: int
) -> tuple[list[float], list[float]]:
    """A few points along a line; lines of other turns get theirs elsewhere."""
    apart = max(turns, columns // turns)
    width = (x_range[1] - x_range[0]) / max(1, columns)
    following = x_range[0] + width * apart * (turn % turns) / turns
    chosen_xs, chosen_ys = [], []
    for x, y in zip(xs, ys, strict=True):
        if x >= following:
            chosen_xs.append(x)
            chosen_ys.append(y)
            while following <= x:
                following += apart * width
    if not chosen_xs:
        return xs[-1:], ys[-1:]
    return chosen_xs, chosen_ys
