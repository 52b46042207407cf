"""Which cell of a canvas a value falls into: one rule for curves, marks, ticks and the cursor.

A braille character holds 2 × 4 dots, so a curve is finer than the characters over it. A mark
belongs into the very cell that holds the dot of its value, and a label beside that cell.
"""

from __future__ import annotations

import math

DOTS_ACROSS, DOTS_DOWN = 2, 4

Range = tuple[float, float]


def column_of(x: float, x_range: Range, columns: int) -> int:
    """The column from the left that holds `x`; outside of the canvas where `x` is."""
    return dot_of(x, x_range, DOTS_ACROSS * columns) // DOTS_ACROSS


def row_of(y: float, y_range: Range, rows: int) -> int:
    """The row from the bottom that holds `y`; outside of the canvas where `y` is."""
    return dot_of(y, y_range, DOTS_DOWN * rows) // DOTS_DOWN


def column_span(column: int, x_range: Range, columns: int) -> Range:
    """The first and the last x that fall into a column."""
    low, high = x_range
    dot = (high - low) / (DOTS_ACROSS * columns - 1)
    first = low + dot * (DOTS_ACROSS * column - 0.5)
    return first, first + dot * DOTS_ACROSS


def value_for_cell(cell: int, axis: Range, cells: int) -> float:
    """What has to be given to plotext, which rounds to whole cells, to hit just this one."""
    low, high = axis
    return low + (high - low) * cell / max(1, cells - 1)


def dot_of(value: float, axis: Range, dots: int) -> int:
    """Which of so many dots along an axis is nearest to a value."""
    low, high = axis
    share = (value - low) / (high - low) if high > low else 0.0
    # As plotext finds the dot, so that both agree to the last one.
    return math.floor(round(0.5 + (dots - 1) * share, 8))
