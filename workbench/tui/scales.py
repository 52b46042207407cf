"""Axes that a person can read and that stand still: round limits, ticks, logarithms."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from workbench.formats import clock
from workbench.tui.cells import DOTS_DOWN, Range, row_of

ERROR_TICKS = (0.0, 0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999, 0.9995, 0.9999)
# One wrong image of 10,000: a logarithm needs an end.
LEAST_ERROR = 1e-4
LEAST_ACCURACY_STEP = 1e-4  # one wrong image of 10,000, and what a label can say
ACCURACIES, LOSSES = (0.0, 1.0), (1e-9, math.inf)  # a logarithm needs an end there too
OUTLIERS = 0.08  # of the points at the far end may lie outside the frame


@dataclass(frozen=True)
class Scale:
    """From a value to its place on the axis, and back."""

    forward: Callable[[float], float]
    back: Callable[[float], float]


def _same(value: float) -> float:
    return value


def _log(value: float) -> float:
    return math.log10(value) if value > 0 else math.nan


def _exp(place: float) -> float:
    return float(10**place)


def _error_log(accuracy: float) -> float:
    return -math.log10(max(LEAST_ERROR, 1.0 - accuracy)) if math.isfinite(accuracy) else math.nan


def _error_exp(place: float) -> float:
    return float(1.0 - 10**-place)


LINEAR = Scale(_same, _same)
LOG = Scale(_log, _exp)
# For accuracies: 90, 99 and 99.9 % equally far apart, as what matters is how many are wrong.
ERROR_LOG = Scale(_error_log, _error_exp)

Ticks = tuple[tuple[float, str], ...]
Axis = tuple[Range, Ticks]


def nice_step(length: float, most: int) -> float:
    """The smallest of 1, 2, 2.5, 5 times a power of ten that makes at most `most` steps."""
    raw = length / max(1, most)
    if raw <= 0 or not math.isfinite(raw):
        return 1.0
    power = 10.0 ** math.floor(math.log10(raw))
    for factor in (1.0, 2.0, 2.5, 5.0, 10.0):
        if raw <= factor * power * (1 + 1e-9):
            return factor * power
    return 10.0 * power


def linear_ticks(low: float, high: float, most: int, label: Callable[[float], str]) -> Ticks:
    """Round places between two values."""
    step = nice_step(high - low, most)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return tuple((n * step, label(n * step)) for n in range(first, last + 1))


def whole_ticks(low: float, high: float, most: int, label: Callable[[float], str]) -> Ticks:
    """As `linear_ticks`, whole numbers only."""
    step = max(1.0, math.ceil(nice_step(high - low, most)))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return tuple((n * step, label(n * step)) for n in range(first, last + 1))


def time_ticks(low: float, high: float, most: int) -> Ticks:
    """Round places on an axis of seconds: 5 s, 30 s, 1:00, 10:00, 1:00:00."""
    steps = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400)
    step = next((one for one in steps if (high - low) / one <= most), nice_step(high - low, most))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return tuple((n * step, _time_label(n * step, step)) for n in range(first, last + 1))


def _time_label(seconds: float, step: float) -> str:
    if step < 1:
        return f"{seconds:.1f}"
    return f"{seconds:.0f} s" if round(seconds) < 60 else clock(seconds)


def spaced(places: Sequence[tuple[float, str]], low: float, high: float, most: int) -> Ticks:
    """Those of the places that lie inside and have at least an equal share of room each."""
    room = (high - low) / max(1, most) * 0.999
    chosen: list[tuple[float, str]] = []
    for place, label in places:
        inside = low - 1e-9 <= place <= high + 1e-9
        if inside and (not chosen or place - chosen[-1][0] >= room):
            chosen.append((place, label))
    return tuple(chosen)


# Rows are whole characters, so round numbers on a given range would stand now two, now three
# rows apart. The range is widened by what little it takes to space them evenly.
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


def accuracy_axis(low: float, high: float, rows: int, scale: Scale) -> Axis:
    """The range to draw, which may be a little wider, with its ticks, labels in percent.

    `low` and `high` are places on the axis. On a linear one the ticks stand on evenly spaced
    rows; on one of errors they are what can be read easily, wherever it lies.
    """
    most = _most_ticks(rows)
    if scale is LINEAR:
        # There is nothing above 100 %; below the floor curves begin.
        axis = even_axis(low, high, rows, most, LEAST_ACCURACY_STEP, spare_below=low > 0)
        return axis.range, _with_halves(axis, rows, lambda value: f"{100 * value:.4g}")
    return (low, high), _log_ticks(
        low, high, most, scale, ERROR_TICKS, lambda value: f"{100 * value:.4g}"
    )


def loss_axis(low: float, high: float, rows: int, scale: Scale) -> Axis:
    """As `accuracy_axis`, labels as plain numbers."""
    most = _most_ticks(rows)
    if scale is LINEAR:
        least = 10.0 ** (math.floor(math.log10(high)) - 2)  # what a label can say
        axis = even_axis(low, high, rows, most, least)
        return axis.range, _with_halves(axis, rows, short_number)
    powers = range(math.floor(low) - 1, math.ceil(high) + 1)
    values = [factor * 10.0**power for power in powers for factor in (1, 2, 5)]
    return (low, high), _log_ticks(low, high, most, scale, values, short_number)


def plain_axis(low: float, high: float, rows: int, scale: Scale) -> Axis:
    """As `loss_axis` for a metric that may be any number."""
    return (low, high), linear_ticks(low, high, _most_ticks(rows), short_number)


def _with_halves(axis: EvenAxis, rows: int, label: Callable[[float], str]) -> Ticks:
    """The labels of an axis; a tick without one half way between them where a row lies there."""
    ticks = [(tick, label(tick)) for tick in axis.ticks]
    first, second = (row_of(tick, axis.range, rows) for tick in axis.ticks[:2])
    if (second - first) % 2 == 0:
        ticks += [((low + high) / 2, "") for low, high in pairwise(axis.ticks)]
    return tuple(sorted(ticks))


def _log_ticks(
    low: float,
    high: float,
    most: int,
    scale: Scale,
    values: Sequence[float],
    label: Callable[[float], str],
) -> Ticks:
    """Those of the values that have room; evenly spaced ones where hardly any lies inside."""
    ticks = spaced([(scale.forward(value), label(value)) for value in values], low, high, most)
    if len(ticks) > 1:
        return ticks
    even = linear_ticks(scale.back(low), scale.back(high), most, label)
    one_each = {text: value for value, text in reversed(even)}  # of values too close to tell apart
    places = [(scale.forward(value), text) for text, value in reversed(one_each.items())]
    return spaced(places, low, high, most)


def _most_ticks(rows: int) -> int:
    return max(2, rows // 2)


def short_number(value: float, most: int = 5) -> str:
    """The number with as many digits, up to four, as fit into so many characters."""
    texts = [f"{value:.{digits}g}" for digits in (4, 3, 2, 1)]
    texts = [bare for text in texts for bare in (text, text.replace("0.", ".", 1))]
    return next((text for text in texts if len(text) <= most), texts[-1])


def without_outliers(values: Sequence[float], *, top: bool) -> float | None:
    """The greatest (or least) value but for a few at that end; None without any."""
    finite = sorted(value for value in values if math.isfinite(value))
    if not finite:
        return None
    dropped = int(len(finite) * OUTLIERS)
    return finite[-1 - dropped] if top else finite[dropped]
