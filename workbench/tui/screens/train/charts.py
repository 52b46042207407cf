"""From a run's state to the chart of one metric: windows, ranges, ticks, curves."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from workbench.runs.curves import Axis, CurveView, Metric, Samples, Window, index_at
from workbench.tui import scales
from workbench.tui.cells import Range
from workbench.tui.plotting import Chart, Note, Reference, Role, Series
from workbench.tui.scales import Scale


@dataclass(frozen=True)
class PlotOptions:
    """How the person looks at the curves."""

    axis: Axis = Axis.EPOCHS
    smoothing: float = 0.8
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
        wanted = self._y_range(ys, test_ys, frame, scale)
        axis = scales.plain_axis
        if self.style is not None:
            accuracy = self.style is Metric.ACCURACY
            axis = scales.accuracy_axis if accuracy else scales.loss_axis
        y_range, y_ticks = axis(*wanted, rows, scale)
        forward = scale.forward
        series = []
        if view.smoothing > 0:
            series.append(Series("raw", raw_xs, [forward(y) for y in raw_ys], Role.TRAIN_RAW))
        series.append(Series("train", xs, [forward(y) for y in ys], Role.TRAIN))
        places = [forward(y) for y in test_ys]
        # A dot at each epoch and no line, which would cover the train curve where both lie close;
        # where the dots would touch, a line with dots here and there.
        crowded = len(test_xs) > columns / 3
        series.append(Series("test", test_xs, places, Role.TEST, line=crowded, mark="●"))
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

    def _y_range(self, ys: list[float], test_ys: list[float], frame: Frame, scale: Scale) -> Range:
        looked_at = (self.style, scale, frame.view.zoom, frame.view.axis)
        before = self._range if self._range_for == looked_at else None
        self._range_for = looked_at
        least = _least(
            scales.without_outliers(ys, top=False), scales.without_outliers(test_ys, top=False)
        )
        tops = [scales.without_outliers(values, top=True) for values in (ys, test_ys)]
        greatest = max((top for top in tops if top is not None), default=None)
        if self.style is None:
            any_number = -math.inf, math.inf
            self._range = fitted_range(least or 0.0, greatest or 0.0, before, any_number)
        elif frame.view.zoom < 1.0 and least is not None and greatest is not None:
            # Of a part of the run the differences matter, not how far it is from zero.
            first, last = scales.ACCURACIES if self.style is Metric.ACCURACY else scales.LOSSES
            low, high = (scale.forward(min(max(end, first), last)) for end in (least, greatest))
            ends = scale.forward(first), scale.forward(last)
            self._range = fitted_range(low, high, before, ends)
        elif self.style is Metric.ACCURACY:
            # The paper's line belongs into the whole picture; the recent part may lie above it.
            if frame.paper is not None and frame.view.zoom >= 1.0:
                least = _least(least, frame.paper) if least is not None else None
                greatest = max(greatest or 0.0, frame.paper)
            self._range = scales.accuracy_range(least, greatest, before, scale)
        else:
            self._range = scales.loss_range(least, greatest, before, scale)
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


def _least(*values: float | None) -> float | None:
    return min((value for value in values if value is not None), default=None)


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
