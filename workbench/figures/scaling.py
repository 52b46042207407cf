"""Axes that a person can read: limits that hold what matters, ticks in the words of the field."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from workbench.figures.view import Quantity
from workbench.formats import clock
from workbench.runs.curves import Axis, Metric
from workbench.text import one_line

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Where an accuracy axis may begin, as fractions.
FLOORS = (0.0, 0.2, 0.4, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.92, 0.94, 0.95, 0.96, 0.97, 0.98,
          0.985, 0.99)  # fmt: skip
# One wrong image of 10,000: a logarithm needs an end.
LEAST_ERROR = 1e-4
LEAST_LOSS = 1e-6
# Of the values at the far end, this share may lie outside: the first steps of a training.
OUTLIERS = 0.08
ERROR_TICKS = (0.9, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001, 0.0005, 0.0002, 0.0001)
SECONDS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400,
           28800, 86400)  # fmt: skip
MOST_TICKS = 6
X_NAMES = {Axis.EPOCHS: "epoch", Axis.STEPS: "step", Axis.TIME: "training time"}

Range = tuple[float, float]


def place(metric: Quantity, value: float) -> float:
    """Where a value is drawn; on the logarithmic axis of accuracies, errors are."""
    if not metric.log:
        return value
    if metric.style is Metric.ACCURACY:
        return max(LEAST_ERROR, 1.0 - value)
    return max(LEAST_LOSS, value)


def limits(
    metric: Quantity, curves: Sequence[Sequence[float]], marks: Sequence[float] = ()
) -> Range:
    """The y range, lower end first, for curves of finite places; `marks` lie inside in any case.

    A few values at a curve's worse end may lie outside, so that the first steps of a training
    do not press all others together.
    """
    worse = metric.log or metric.style is Metric.LOSS
    bounds = [_without_outliers(values, top=worse) for values in curves if values]
    if metric.style is None:  # neither end is the worse one
        bounds = [(min(values), max(values)) for values in curves if values]
    low = min([bound[0] for bound in bounds] + list(marks), default=0.0)
    high = max([bound[1] for bound in bounds] + list(marks), default=1.0)
    if metric.log:
        return low / 1.25, high * 1.25
    if metric.style is None:
        room = 0.05 * (high - low) or 0.05 * abs(high) or 1.0
        return low - room, high + room
    if metric.style is Metric.ACCURACY:
        # A little below the lowest, so that its mark is whole.
        floor = max((one for one in FLOORS if one <= low - 0.02 * (1.0 - one)), default=0.0)
        return floor, 1.0 + 0.01 * (1.0 - floor)
    return 0.0, max(1.05 * high, LEAST_LOSS)


def _without_outliers(values: Sequence[float], *, top: bool) -> Range:
    ordered = sorted(values)
    dropped = int(len(ordered) * OUTLIERS)
    kept = ordered[: len(ordered) - dropped] if top else ordered[dropped:]
    return kept[0], kept[-1]


def held(values: Sequence[float], within: Range, log: bool) -> list[float]:
    """The values, those far outside drawn in: astronomic ones break the arithmetic of drawing."""
    low, high = within
    if log:
        return [min(max(value, low / 1e3), high * 1e3) for value in values]
    room = 10 * (high - low)
    return [min(max(value, low - room), high + room) for value in values]


def dress_y(axes: Axes, metric: Quantity, within: Range) -> None:
    """Limits, scale, ticks and name of the y axis."""
    from matplotlib.ticker import FixedLocator, MaxNLocator, NullFormatter, NullLocator

    log, accuracy = metric.log, metric.style is Metric.ACCURACY
    name = one_line(metric.name) + (" (%)" if accuracy else "")
    axes.set_ylabel(f"{name}, log scale" if log else name)
    axis = axes.yaxis
    if log:
        axes.set_yscale("log")
        axis.set_minor_locator(NullLocator())
        axis.set_minor_formatter(NullFormatter())
        ticks = _error_ticks(*within) if accuracy else _one_two_five(*within)
        words = [f"{100 * (1 - tick):.4g}" if accuracy else f"{tick:.3g}" for tick in ticks]
    else:
        placed = MaxNLocator(MOST_TICKS, steps=[1, 2, 5, 10]).tick_values(*within)
        ticks = [float(tick) for tick in placed if within[0] <= tick <= within[1]]
        words = _alike([100 * tick for tick in ticks] if accuracy else ticks)
    axis.set_major_locator(FixedLocator(ticks))
    axis.set_ticklabels(words)
    axes.set_ylim(*(reversed(within) if log and accuracy else within))


def _alike(values: Sequence[float]) -> list[str]:
    """The numbers with as many decimals as all of them need."""
    if max((abs(value) for value in values), default=0.0) >= 1e6:
        return [f"{value:.3g}" for value in values]
    decimals = next(
        (d for d in range(8) if all(abs(value - round(value, d)) < 1e-9 for value in values)), 8
    )
    return [f"{value:,.{decimals}f}" for value in values]


def _error_ticks(low: float, high: float) -> list[float]:
    return [error for error in ERROR_TICKS if low <= error <= high]


def _one_two_five(low: float, high: float) -> list[float]:
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    ticks = [factor * 10.0**power for power in powers for factor in (1, 2, 5)]
    inside = [tick for tick in ticks if low <= tick <= high]
    if len(inside) <= 2 * MOST_TICKS:
        return inside
    return [tick for tick in inside if round(math.log10(tick), 6).is_integer()]


def dress_x(axes: Axes, x: Axis, length: float) -> None:
    """Limits, ticks and name of the x axis; `length` in the axis's own unit."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator, MultipleLocator

    length = length or 1.0
    # A little more, so that the last test's mark is whole.
    axes.set_xlim(0.0, 1.02 * length)
    if x is Axis.TIME:
        step = next((one for one in SECONDS if length / one <= MOST_TICKS), SECONDS[-1])
        unit = "h:min:s" if length >= 3600 else "min:s" if length >= 60 else "s"
        axes.set_xlabel(f"{X_NAMES[x]} ({unit})")
        axes.xaxis.set_major_locator(MultipleLocator(max(step, length / 50)))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: axis_time(value, length)))
        return
    axes.set_xlabel(X_NAMES[x])
    whole = length >= 2
    axes.xaxis.set_major_locator(MaxNLocator(MOST_TICKS, integer=whole, steps=[1, 2, 2.5, 5, 10]))
    axes.xaxis.set_major_formatter(
        FuncFormatter(lambda value, _: f"{value:,.0f}" if whole else f"{value:.4g}")
    )


def axis_time(seconds: float, longest: float) -> str:
    """Seconds as they are written on an axis that reaches to `longest`."""
    return f"{seconds:.4g}" if longest < 60 else clock(seconds)


def where(x: Axis, value: float, longest: float) -> str:
    """A place on the x axis in words: `epoch 1.3`, `step 1,200`, `1:05`."""
    match x:
        case Axis.EPOCHS:
            return f"epoch {value:.3g}"
        case Axis.STEPS:
            return f"step {value:,.0f}"
    return axis_time(value, longest) + (" s" if longest < 60 else "")
