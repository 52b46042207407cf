"""A y axis whose round numbers stand on evenly spaced rows.

Rows are whole characters, so round numbers on a given range would stand now two, now three
rows apart. The range is widened by what little it takes to space them evenly.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from workbench.tui.cells import DOTS_DOWN, Range

# What a choice costs, as parts of the height that might lie empty instead.
_FACTORS = {1.0: 0.0, 2.0: 0.0, 2.5: 0.03, 5.0: 0.0}  # of powers of ten
_FEW = {1: 0.3, 2: 0.06}  # by steps between labels
_MANY, _EACH_MORE = 6, 0.03
_CLOSE = {1: 0.3, 2: 0.06}  # by rows from label to label
_NEARLY = 1e-9


@dataclass(frozen=True)
class EvenAxis:
    """The range to draw, and the places of its labels from the lowest up."""

    range: Range
    ticks: tuple[float, ...]


@lru_cache(maxsize=64)
def even_axis(
    low: float,
    high: float,
    rows: int,
    most: int,
    least_step: float = 0.0,
    spare_below: bool = False,
) -> EvenAxis:
    """The narrowest range around `low` to `high` with round numbers on evenly spaced rows.

    At most `most` steps, each a multiple of `least_step` where that is given. Where no range
    will do, the one given, with labels at its ends. Rows to spare are above all else, or
    below it.
    """
    best: tuple[float, EvenAxis] | None = None
    for step, unwelcome in _steps(high - low, most, least_step):
        first = math.ceil(low / step - _NEARLY)
        count = math.floor(high / step + _NEARLY) - first
        if not 1 <= count <= most:
            continue
        fitted = _fitted(low, high, rows, step, first, count, spare_below)
        if fitted is None:
            continue
        apart, axis = fitted
        empty = (axis.range[1] - axis.range[0]) / (high - low) - 1
        cost = empty + unwelcome + _FEW.get(count, 0.0)
        cost += _EACH_MORE * max(0, count - _MANY) + _CLOSE.get(apart, 0.0)
        if best is None or cost < best[0]:
            best = cost, axis
    return best[1] if best else EvenAxis((low, high), (low, high))


def _steps(length: float, most: int, least: float) -> Iterator[tuple[float, float]]:
    power = 10.0 ** math.floor(math.log10(length / max(1, most)))
    for scale in (power, 10 * power):
        for factor, unwelcome in _FACTORS.items():
            step = factor * scale
            parts = step / least if least else 1.0
            if parts > 0.5 and math.isclose(parts, round(parts), rel_tol=_NEARLY):
                yield step, unwelcome


def _fitted(
    low: float, high: float, rows: int, step: float, first: int, count: int, spare_below: bool
) -> tuple[int, EvenAxis] | None:
    """The widest spacing of `count` steps at which all from `low` to `high` is inside."""
    dots = DOTS_DOWN * rows - 1
    for apart in range((rows - 1) // count, 0, -1):
        # Dots a step: no fewer than bring each label to its row, no more than leave it there.
        least = DOTS_DOWN * apart
        greatest = least + (DOTS_DOWN - 1) / count
        for by_step in (min(greatest, dots * step / (high - low)), float(least)):
            if by_step < least - _NEARLY:
                continue
            below = max(0.0, (first * step - low) * by_step / step)
            row = math.ceil(below / DOTS_DOWN - _NEARLY)
            used = DOTS_DOWN * row + (high - first * step) * by_step / step
            if used <= dots + _NEARLY * dots:
                if spare_below:
                    row += int((dots - used + _NEARLY) / DOTS_DOWN)
                bottom = first * step - DOTS_DOWN * row * step / by_step
                top = bottom + dots * step / by_step
                ticks = tuple((first + at) * step for at in range(count + 1))
                return apart, EvenAxis((bottom, top), ticks)
    return None
