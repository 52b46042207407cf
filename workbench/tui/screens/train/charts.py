"""From a run's state to the chart of one metric: windows, ranges, ticks, curves."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, replace

from workbench.config import SETTINGS
from workbench.runs.curves import Axis, CurveView, Metric, Samples, Window, index_at
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


class MetricChart:
    """Makes the chart of one metric again and again; keeps what it has computed.

    Called on the drawing thread only.
    """

    def __init__(self, metric: str) -> None:
        self.metric = metric
        self.style = axis_style(metric, (), log=False)  # of its axis; None: of any number
        self.train = CurveView(metric)
        self._test = CurveView(metric)
        self._range: Range | None = None
        self._range_for: object = None

    def make(self, frame: Frame, columns: int, rows: int) -> Chart:
        """The chart for a canvas of so many columns and rows."""
        view, window = frame.view, frame.window
        self.train.update(frame.train, view.axis, window, columns, view.smoothing, frame.span)
        self._test.update(frame.test, view.axis, window, columns, 0.0)
        (raw_xs, raw_ys), (xs, ys) = self.train.raw, self.train.smooth
        test_xs, test_ys = self._test.raw
        self.style = axis_style(self.metric, [*ys, *test_ys], view.log)
        scale = self._scale(view.log)
        # The way from a guess to what was learned at once would leave the rest no rows.
        settled = bisect_left(frame.train.xs(Axis.EPOCHS), frame.first - 1e-9, 0, len(frame.train))
        begun = settled >= len(frame.train)
        start = -math.inf if begun else frame.train.xs(view.axis)[settled]
        wanted = self._y_range(ys[bisect_left(xs, start) :], test_ys, frame, scale, begun)
        axis = scales.plain_axis
        if self.style is not None:
            accuracy = self.style is Metric.ACCURACY
            axis = scales.accuracy_axis if accuracy else scales.loss_axis
        y_range, y_ticks = axis(*wanted, rows, scale)
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
        if self.style is Metric.ACCURACY and frame.paper is not None:
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

    def _scale(self, log: bool) -> Scale:
        if not log or self.style is None:
            return scales.LINEAR
        return scales.ERROR_LOG if self.style is Metric.ACCURACY else scales.LOG

    def _y_range(
        self, ys: list[float], test_ys: list[float], frame: Frame, scale: Scale, begun: bool
    ) -> Range:
        """Around the differences that matter; how far they are from zero does not."""
        looked_at = (self.style, scale, frame.view.zoom, frame.view.axis, begun)
        before = self._range if self._range_for == looked_at else None
        self._range_for = looked_at
        ends: list[float] = []
        for values in (ys, test_ys):
            found = (scales.without_outliers(values, top=top) for top in (False, True))
            ends += [end for end in found if end is not None]
        first, last = -math.inf, math.inf
        nothing = 0.0, 0.0
        if self.style is Metric.ACCURACY:
            (first, last), nothing = scales.ACCURACIES, scales.ACCURACIES
            # The paper's line belongs into the whole picture; the recent part may lie above it.
            if ends and frame.paper is not None and frame.view.zoom >= 1.0:
                ends.append(frame.paper)
        elif self.style is Metric.LOSS:
            (first, last), nothing = scales.LOSSES, (0.01, 2.5)
            first = 0.0 if scale is scales.LINEAR else first
        low, high = (
            scale.forward(min(max(end, first), last))
            for end in ((min(ends), max(ends)) if ends else nothing)
        )
        limits = (first, last) if scale is scales.LINEAR else (
            scale.forward(first), scale.forward(last)
        )  # fmt: skip
        self._range = fitted_range(low, high, before, limits)
        return self._range

    def _trouble_x(self, frame: Frame, step: int) -> float:
        steps = frame.train.xs(Axis.STEPS)
        index = index_at(steps, step, len(frame.train))
        x = frame.train.xs(frame.view.axis)[index] if index is not None else 0.0
        return min(max(x, frame.window.low), frame.window.high)


def axis_style(metric: str, values: Sequence[float], log: bool) -> Metric | None:
    """As which a metric's axis is made: an accuracy is a fraction, a loss is not negative."""
    finite = [value for value in values if math.isfinite(value)]
    if metric.endswith(Metric.ACCURACY) and all(0.0 <= value <= 1.0 for value in finite):
        return Metric.ACCURACY
    least = min(finite, default=0.0)
    return Metric.LOSS if least >= 0 and (log or metric.endswith(Metric.LOSS)) else None


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
