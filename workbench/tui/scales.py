"""Axes that a person can read and that stand still: round limits, ticks, logarithms."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from workbench.formats import clock
from workbench.tui.cells import Range
from workbench.tui.even_ticks import even_axis

# Where the accuracy axis may begin, as fractions.
ACCURACY_FLOORS = (0.0, 0.2, 0.4, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.92, 0.94, 0.95, 0.96, 0.97,
                   0.98, 0.985, 0.99)  # fmt: skip
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


def accuracy_axis(low: float, high: float, rows: int, scale: Scale) -> Axis:
    """The range to draw, which may be a little wider, with its ticks, labels in percent.

    `low` and `high` are places on the axis. On a linear one the ticks stand on evenly spaced
    rows; on one of errors they are what can be read easily, wherever it lies.
    """
    most = _most_ticks(rows)
    if scale is LINEAR:
        # There is nothing above 100 %; below the floor curves begin.
        axis = even_axis(low, high, rows, most, LEAST_ACCURACY_STEP, spare_below=low > 0)
        return axis.range, tuple((tick, f"{100 * tick:.4g}") for tick in axis.ticks)
    return (low, high), _log_ticks(
        low, high, most, scale, ERROR_TICKS, lambda value: f"{100 * value:.4g}"
    )


def loss_axis(low: float, high: float, rows: int, scale: Scale) -> Axis:
    """As `accuracy_axis`, labels as plain numbers."""
    most = _most_ticks(rows)
    if scale is LINEAR:
        least = 10.0 ** (math.floor(math.log10(high)) - 2)  # what a label can say
        axis = even_axis(low, high, rows, most, least)
        return axis.range, tuple((tick, short_number(tick)) for tick in axis.ticks)
    powers = range(math.floor(low) - 1, math.ceil(high) + 1)
    values = [factor * 10.0**power for power in powers for factor in (1, 2, 5)]
    return (low, high), _log_ticks(low, high, most, scale, values, short_number)


def plain_axis(low: float, high: float, rows: int, scale: Scale) -> Axis:
    """As `loss_axis` for a metric that may be any number."""
    return (low, high), linear_ticks(low, high, _most_ticks(rows), short_number)


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
    return spaced([(scale.forward(value), text) for value, text in even], low, high, most)


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


def accuracy_range(
    least: float | None, greatest: float | None, before: Range | None, scale: Scale
) -> Range:
    """From a round floor below `least` to all right (on the axis of errors: above `greatest`).

    `before` is the range in force, in places on the axis; it is kept as long as it holds all
    and less than half of it lies empty.
    """
    least = 0.0 if least is None else max(0.0, least)
    greatest = least if greatest is None else max(least, greatest)
    top = 1.0
    if scale is not LINEAR:
        top = min((tick for tick in ERROR_TICKS if tick >= greatest), default=1.0 - LEAST_ERROR)
        top = max(top, 0.99)
    floor = max((one for one in ACCURACY_FLOORS if one <= least), default=0.0)
    wanted = scale.forward(floor), scale.forward(top)
    low, high = scale.forward(least), scale.forward(min(greatest, 1.0))
    if before is not None and before[0] <= low and max(high, wanted[1] - 0.5) <= before[1]:
        used = (before[1] if scale is LINEAR else high) - low
        if used >= 0.5 * (before[1] - before[0]):
            return before
    return wanted


def loss_range(
    least: float | None, greatest: float | None, before: Range | None, scale: Scale
) -> Range:
    """From zero (or a round number, on a logarithmic axis) to a round number above `greatest`."""
    if least is None or greatest is None:
        return before or ((0.0, 2.5) if scale is LINEAR else (-2.0, 1.0))
    if scale is LINEAR:
        high = _round_up(max(greatest, 1e-6))
        if before is not None and before[0] == 0.0 and 0.4 * before[1] <= greatest <= before[1]:
            return before
        return 0.0, high
    low, high = _log(max(least, LOSSES[0])), _log(max(greatest, LOSSES[0]))
    # Sixths of a decade, each about half as much again as the one before.
    wanted = math.floor(low * 6 - 0.1) / 6, math.ceil(high * 6 + 0.1) / 6
    fits = before is not None and before[0] <= low and high <= before[1]
    if before is not None and fits and high - low >= 0.5 * (before[1] - before[0]):
        return before
    return wanted


def _round_up(value: float) -> float:
    power = 10.0 ** math.floor(math.log10(value))
    for factor in (1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0):
        if value <= factor * power * (1 + 1e-9):
            return factor * power
    return 10.0 * power
