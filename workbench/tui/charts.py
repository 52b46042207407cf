"""Axes that a person can read and that stand still, and charts of a run's metrics on them."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise

from workbench.config import SETTINGS, SMOOTHINGS
from workbench.formats import clock
from workbench.runs.curves import Axis, CurveView, Metric, Samples, Window, axis_style, index_at
from workbench.tui.plotting import DOTS_DOWN, Chart, Note, Range, Reference, Role, Series, row_of

ERROR_TICKS = (0.0, 0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999, 0.9995, 0.9999)
# One wrong image of 10,000: a logarithm needs an end.
LEAST_ERROR = 1e-4
LEAST_ACCURACY_STEP = 1e-4  # one wrong image of 10,000, and what a label can say
OUTLIERS = 0.08  # of the points at the far end may lie outside the frame


@dataclass(frozen=True)
class Scale:
    """From a value to its place on the axis, and back."""

    forward: Callable[[float], float]
    back: Callable[[float], float]


def _log(value: float) -> float:
    return math.log10(value) if value > 0 else math.nan


def _error_log(accuracy: float) -> float:
    return -math.log10(max(LEAST_ERROR, 1.0 - accuracy)) if math.isfinite(accuracy) else math.nan


LINEAR = Scale(lambda value: value, lambda place: place)
LOG = Scale(_log, lambda place: float(10**place))
# For accuracies: 90, 99 and 99.9 % equally far apart, as what matters is how many are wrong.
ERROR_LOG = Scale(_error_log, lambda place: float(1.0 - 10**-place))

Ticks = tuple[tuple[float, str], ...]
FittedAxis = tuple[Range, Ticks]


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
    return _multiples(nice_step(high - low, most), low, high, label)


def whole_ticks(low: float, high: float, most: int, label: Callable[[float], str]) -> Ticks:
    return _multiples(max(1.0, math.ceil(nice_step(high - low, most))), low, high, label)


def time_ticks(low: float, high: float, most: int) -> Ticks:
    """Round places on an axis of seconds: 5 s, 30 s, 1:00, 10:00, 1:00:00."""
    steps = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400)
    step = next((one for one in steps if (high - low) / one <= most), nice_step(high - low, most))

    def label(seconds: float) -> str:
        if step < 1:
            return f"{seconds:.1f}"
        return f"{seconds:.0f} s" if round(seconds) < 60 else clock(seconds)

    return _multiples(step, low, high, label)


def _multiples(step: float, low: float, high: float, label: Callable[[float], str]) -> Ticks:
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return tuple((n * step, label(n * step)) for n in range(first, last + 1))


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


def accuracy_axis(low: float, high: float, rows: int, scale: Scale) -> FittedAxis:
    """The range to draw, which may be a little wider, with its ticks, labels in percent.

    `low` and `high` are places on the axis. On a linear one the ticks stand on evenly spaced
    rows; on one of errors they are what can be read easily, wherever it lies.
    """
    most = _most_ticks(rows)
    if scale is LINEAR:
        # There is nothing above 100 %; below the floor curves begin.
        axis = even_axis(low, high, rows, most, LEAST_ACCURACY_STEP, spare_below=low > 0)
        return axis.range, _with_halves(axis, rows, _in_percent)
    return (low, high), _log_ticks(low, high, most, scale, ERROR_TICKS, _in_percent)


def _in_percent(accuracy: float) -> str:
    return f"{100 * accuracy:.4g}"


def loss_axis(low: float, high: float, rows: int, scale: Scale) -> FittedAxis:
    """As `accuracy_axis`, labels as plain numbers."""
    most = _most_ticks(rows)
    if scale is LINEAR:
        least = 10.0 ** (math.floor(math.log10(high)) - 2)  # what a label can say
        axis = even_axis(low, high, rows, most, least)
        return axis.range, _with_halves(axis, rows, short_number)
    powers = range(math.floor(low) - 1, math.ceil(high) + 1)
    values = [factor * 10.0**power for power in powers for factor in (1, 2, 5)]
    return (low, high), _log_ticks(low, high, most, scale, values, short_number)


def plain_axis(low: float, high: float, rows: int, scale: Scale) -> FittedAxis:
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


@dataclass(frozen=True)
class PlotOptions:
    axis: Axis = Axis.EPOCHS
    smoothing: float = SETTINGS["smoothing"].default
    log: bool = False
    zoom: float = 1.0  # the share of the planned run that is shown

    def smoothed(self, step: int) -> PlotOptions:
        at = max(0, min(SMOOTHINGS.index(self.smoothing) + step, len(SMOOTHINGS) - 1))
        return replace(self, smoothing=SMOOTHINGS[at])

    def with_next_axis(self) -> PlotOptions:
        axes = list(Axis)
        return replace(self, axis=axes[(axes.index(self.axis) + 1) % len(axes)])


@dataclass(frozen=True)
class Frame:
    """What is to be drawn of a run, as of now. The samples may grow meanwhile, never shrink."""

    train: Samples
    test: Samples
    view: PlotOptions
    window: Window
    paper: float | None = None
    trouble_step: int | None = None
    span: float = 1.0  # the optimizer steps over which smoothing keeps its weight
    first: float = 1.0  # epochs that the y axis need not hold once there is more to show


# Between which values an axis lies, what it shows while there is nothing, and what makes it.
AXES: dict[Metric | None, tuple[Range, Range, Callable[..., FittedAxis]]] = {
    Metric.ACCURACY: ((0.0, 1.0), (0.0, 1.0), accuracy_axis),
    Metric.LOSS: ((1e-9, math.inf), (0.01, 2.5), loss_axis),  # a logarithm needs an end there too
    None: ((-math.inf, math.inf), (0.0, 0.0), plain_axis),
}


class YAxis:
    """The y axis of a metric: its range is kept as long as it suits what is looked at."""

    def __init__(self, metric: str) -> None:
        self.metric = metric
        self.style = axis_style(metric, (), log=False)  # None: of any number
        self._range: Range | None = None
        self._range_for: object = None

    def scale(self, values: Sequence[float], log: bool) -> Scale:
        self.style = axis_style(self.metric, values, log)
        if not log or self.style is None:
            return LINEAR
        return ERROR_LOG if self.style is Metric.ACCURACY else LOG

    def fit(
        self,
        curves: Sequence[Sequence[float]],
        rows: int,
        scale: Scale,
        looked_at: object,
        also: float | None = None,
    ) -> FittedAxis:
        """Around the differences that matter; how far they are from zero does not.

        `also` is a value that has to be inside where there is a curve.
        """
        looked_at = (self.style, scale, looked_at)
        before = self._range if self._range_for == looked_at else None
        self._range_for = looked_at
        ends: list[float] = []
        for values in curves:
            found = (without_outliers(values, top=top) for top in (False, True))
            ends += [end for end in found if end is not None]
        ends += [also] if ends and also is not None else []
        (first, last), nothing, axis = AXES[self.style]
        if self.style is Metric.LOSS and scale is LINEAR:
            first = 0.0
        around = (min(ends), max(ends)) if ends else nothing
        low, high = (scale.forward(min(max(end, first), last)) for end in around)
        limits = scale.forward(first), scale.forward(last)
        self._range = fitted_range(low, high, before, limits)
        return axis(*self._range, rows, scale)


class MetricChart:
    """Makes the chart of one metric again and again; keeps what it has computed.

    Called on the drawing thread only.
    """

    def __init__(self, metric: str) -> None:
        self.metric = metric
        self.train = CurveView(metric)
        self._test = CurveView(metric)
        self.axis = YAxis(metric)

    def make(self, frame: Frame, columns: int, rows: int) -> Chart:
        """The chart for a canvas of so many columns and rows."""
        view, window = frame.view, frame.window
        self.train.update(frame.train, view.axis, window, columns, view.smoothing, frame.span)
        self._test.update(frame.test, view.axis, window, columns, 0.0)
        (raw_xs, raw_ys), (xs, ys) = self.train.raw, self.train.smooth
        test_xs, test_ys = self._test.raw
        scale = self.axis.scale([*ys, *test_ys], view.log)
        start = settled(frame.train, view.axis, frame.first)
        begun = start is None
        accuracy = self.axis.style is Metric.ACCURACY
        # The paper's line belongs into the whole picture; the recent part may lie above it.
        paper = frame.paper if accuracy and view.zoom >= 1.0 else None
        shown = ys if start is None else ys[bisect_left(xs, start) :]
        looked_at = (view.zoom, view.axis, begun)
        y_range, y_ticks = self.axis.fit([shown, test_ys], rows, scale, looked_at, paper)
        forward = scale.forward
        smooth = Series("train", xs, [forward(y) for y in ys], Role.TRAIN)
        series = [smooth]
        if view.smoothing > 0:
            raw = Series("raw", raw_xs, [forward(y) for y in raw_ys], Role.TRAIN_RAW)
            series = [raw, smooth]
            if begun:  # what is smoothed still hangs behind
                series = [replace(smooth, role=Role.TRAIN_RAW), replace(raw, role=Role.TRAIN)]
        # The main curve, so over the others: a mark at each epoch's end, or where those would
        # touch, here and there.
        test = Series("test", test_xs, [forward(y) for y in test_ys], Role.TEST)
        if len(test_xs) > columns / 3:
            series.append(replace(test, mark="●"))
        else:
            series += [test, replace(test, line=False, mark="●")]
        notes: tuple[Note, ...] = ()
        if frame.trouble_step is not None and self.metric in list(Metric):
            index = index_at(frame.train.xs(Axis.STEPS), frame.trouble_step, len(frame.train))
            x = frame.train.xs(view.axis)[index] if index is not None else 0.0
            x = min(max(x, window.low), window.high)
            notes = (Note(x, sum(y_range) / 2, "loss not a number", Role.BAD),)
        reference = None
        if accuracy and frame.paper is not None:
            reference = Reference(forward(frame.paper), f"paper {100 * frame.paper:.2f}")
        x_range, along = (window.low, window.high), x_ticks(view.axis, window, columns)
        return Chart(tuple(series), x_range, y_range, along, y_ticks, reference, notes)


def settled(train: Samples, axis: Axis, epochs: float) -> float | None:
    """Where a run's first epochs end; None while it is in them.

    The way from a guess to what was learned at once would leave the rest of a plot no rows.
    """
    at = bisect_left(train.xs(Axis.EPOCHS), epochs - 1e-9, 0, len(train))
    return None if at >= len(train) else train.xs(axis)[at]


def fitted_range(least: float, greatest: float, before: Range | None, ends: Range) -> Range:
    """Around the places, with a little room; `before` is kept as long as it suits them."""
    length = max(greatest - least, 1e-3 * max(abs(greatest), 1e-3))
    fits = before is not None and before[0] <= least and greatest <= before[1]
    if before is not None and fits and length >= 0.5 * (before[1] - before[0]):
        return before
    return max(ends[0], least - 0.1 * length), min(ends[1], greatest + 0.1 * length)


def x_ticks(axis: Axis, window: Window, columns: int) -> Ticks:
    most = max(2, columns // 11)
    match axis:
        case Axis.TIME:
            return time_ticks(window.low, window.high, most)
        case Axis.STEPS:
            return whole_ticks(window.low, window.high, most, lambda x: f"{x:,.0f}")
    if window.length < 2:
        return linear_ticks(window.low, window.high, most, lambda x: f"{x:.4g}")
    return whole_ticks(window.low, window.high, most, lambda x: f"{x:.0f}")


def scale_words(style: Metric | None, log: bool) -> str:
    if not log or style is None:
        return ""
    return ", log error scale" if style is Metric.ACCURACY else ", logarithmic"


def place_text(axis: Axis, x: float) -> str:
    """A place on an x axis in words: `epoch 2.40`, `step 3,000`, `12:05`."""
    match axis:
        case Axis.TIME:
            return clock(x)
        case Axis.STEPS:
            return f"step {x:,.0f}"
    return f"epoch {x:.2f}" if x < 100 else f"epoch {x:.1f}"
