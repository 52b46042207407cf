"""From curves to charts: how one looks at them, the axes that fit them, a run's metric."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, replace

from workbench.config import SETTINGS, SMOOTHINGS
from workbench.formats import clock
from workbench.runs.curves import Axis, CurveView, Metric, Samples, Window, axis_style, index_at
from workbench.tui import scales
from workbench.tui.cells import Range
from workbench.tui.plotting import Chart, Note, Reference, Role, Series
from workbench.tui.scales import Scale


@dataclass(frozen=True)
class PlotOptions:
    """How the person looks at the curves."""

    axis: Axis = Axis.EPOCHS
    smoothing: float = SETTINGS["smoothing"].default
    log: bool = False
    zoom: float = 1.0  # the share of the planned run that is shown

    def smoothed(self, step: int) -> PlotOptions:
        """With less or more smoothing."""
        at = max(0, min(SMOOTHINGS.index(self.smoothing) + step, len(SMOOTHINGS) - 1))
        return replace(self, smoothing=SMOOTHINGS[at])

    def with_next_axis(self) -> PlotOptions:
        """Along epochs, steps, time."""
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


class YAxis:
    """The y axis of a metric: its range is kept as long as it suits what is looked at."""

    def __init__(self, metric: str) -> None:
        self.metric = metric
        self.style = axis_style(metric, (), log=False)  # None: of any number
        self._range: Range | None = None
        self._range_for: object = None

    def scale(self, values: Sequence[float], log: bool) -> Scale:
        """The scale on which these values are to be drawn."""
        self.style = axis_style(self.metric, values, log)
        if not log or self.style is None:
            return scales.LINEAR
        return scales.ERROR_LOG if self.style is Metric.ACCURACY else scales.LOG

    def fit(
        self,
        curves: Sequence[Sequence[float]],
        rows: int,
        scale: Scale,
        looked_at: object,
        also: float | None = None,
    ) -> scales.Axis:
        """Around the differences that matter; how far they are from zero does not.

        `also` is a value that has to be inside where there is a curve.
        """
        looked_at = (self.style, scale, looked_at)
        before = self._range if self._range_for == looked_at else None
        self._range_for = looked_at
        ends: list[float] = []
        for values in curves:
            found = (scales.without_outliers(values, top=top) for top in (False, True))
            ends += [end for end in found if end is not None]
        ends += [also] if ends and also is not None else []
        first, last = -math.inf, math.inf
        nothing, axis = (0.0, 0.0), scales.plain_axis
        if self.style is Metric.ACCURACY:
            (first, last), nothing, axis = (
                scales.ACCURACIES,
                scales.ACCURACIES,
                scales.accuracy_axis,
            )
        elif self.style is Metric.LOSS:
            (first, last), nothing, axis = scales.LOSSES, (0.01, 2.5), scales.loss_axis
            first = 0.0 if scale is scales.LINEAR else first
        low, high = (
            scale.forward(min(max(end, first), last))
            for end in ((min(ends), max(ends)) if ends else nothing)
        )
        limits = (first, last) if scale is scales.LINEAR else (
            scale.forward(first), scale.forward(last)
        )  # fmt: skip
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
        self._axis = YAxis(metric)

    @property
    def style(self) -> Metric | None:
        """As which its y axis is made; None: of any number."""
        return self._axis.style

    def make(self, frame: Frame, columns: int, rows: int) -> Chart:
        """The chart for a canvas of so many columns and rows."""
        view, window = frame.view, frame.window
        self.train.update(frame.train, view.axis, window, columns, view.smoothing, frame.span)
        self._test.update(frame.test, view.axis, window, columns, 0.0)
        (raw_xs, raw_ys), (xs, ys) = self.train.raw, self.train.smooth
        test_xs, test_ys = self._test.raw
        scale = self._axis.scale([*ys, *test_ys], view.log)
        start = settled(frame.train, view.axis, frame.first)
        begun = start is None
        accuracy = self.style is Metric.ACCURACY
        # The paper's line belongs into the whole picture; the recent part may lie above it.
        paper = frame.paper if accuracy and view.zoom >= 1.0 else None
        shown = ys if start is None else ys[bisect_left(xs, start) :]
        looked_at = (view.zoom, view.axis, begun)
        y_range, y_ticks = self._axis.fit([shown, test_ys], rows, scale, looked_at, paper)
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
            at = self._trouble_x(frame, frame.trouble_step)
            notes = (Note(at, sum(y_range) / 2, "loss not a number", Role.BAD),)
        reference = None
        if accuracy and frame.paper is not None:
            reference = Reference(forward(frame.paper), f"paper {100 * frame.paper:.2f}")
        return Chart(
            tuple(series),
            (window.low, window.high),
            y_range,
            x_ticks(view.axis, window, columns),
            y_ticks,
            reference,
            notes,
        )

    def _trouble_x(self, frame: Frame, step: int) -> float:
        steps = frame.train.xs(Axis.STEPS)
        index = index_at(steps, step, len(frame.train))
        x = frame.train.xs(frame.view.axis)[index] if index is not None else 0.0
        return min(max(x, frame.window.low), frame.window.high)


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


def x_ticks(axis: Axis, window: Window, columns: int) -> scales.Ticks:
    """Round places along the x axis."""
    most = max(2, columns // 11)
    match axis:
        case Axis.TIME:
            return scales.time_ticks(window.low, window.high, most)
        case Axis.STEPS:
            return scales.whole_ticks(window.low, window.high, most, lambda x: f"{x:,.0f}")
    if window.length < 2:
        return scales.linear_ticks(window.low, window.high, most, lambda x: f"{x:.4g}")
    return scales.whole_ticks(window.low, window.high, most, lambda x: f"{x:.0f}")


def scale_words(style: Metric | None, log: bool) -> str:
    """What a plot's title says of a logarithm, after a comma."""
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
