"""Where the marks of curves stand: on their values, and never on the mark of another curve."""

from __future__ import annotations

from collections.abc import Sequence

from workbench.tui.cells import Range, column_of, row_of

Cell = tuple[int, int]  # column from the left, row from the bottom
Points = tuple[Sequence[float], Sequence[float]]


def mark_cells(
    curves: Sequence[Points], x_range: Range, y_range: Range, columns: int, rows: int
) -> list[list[Cell]]:
    """The cells for the marks of each curve; none for those outside of the canvas.

    Where curves meet, the cell goes to the one that has the fewest marks so far: a mark beside
    its value would be read as another value.
    """
    wanted: dict[Cell, dict[int, None]] = {}
    for curve, (xs, ys) in enumerate(curves):
        for x, y in zip(xs, ys, strict=True):
            cell = column_of(x, x_range, columns), row_of(y, y_range, rows)
            if 0 <= cell[0] < columns and 0 <= cell[1] < rows:
                wanted.setdefault(cell, {})[curve] = None
    found: list[list[Cell]] = [[] for _ in curves]
    # First where there is no choice.
    for cell, claims in sorted(wanted.items(), key=lambda item: (len(item[1]), item[0])):
        found[min(claims, key=lambda curve: len(found[curve]))].append(cell)
    return found


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
