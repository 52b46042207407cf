"""The two plots of a run, how they are looked at, and the cursor that reads values off."""

from __future__ import annotations

import math
import time
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

from textual.app import ComposeResult
from textual.content import Content

from workbench.runs.curves import Axis, Metric, Window, index_at, recent
from workbench.runs.events import VALIDATION
from workbench.text import one_line
from workbench.tui.charts import Frame, MetricChart, place_text, scale_words
from workbench.tui.plotting import (
    Glyphs,
    Range,
    column_of,
    column_span,
    shown_mark,
    terminal_glyphs,
)
from workbench.tui.screens.curves import CurvePlot, CurvePlots
from workbench.tui.screens.train.numbers import MetricReading, Reading, fitting
from workbench.tui.screens.train.state import RunState
from workbench.tui.widgets.words import say_in_border

PLOT_SECONDS = 1.2  # a redrawn plot is the dearest thing on a slow connection
ZOOMS = (1.0, 0.25, 0.0625)
ZOOM_WORDS = {0.25: "quarter", 0.0625: "sixteenth"}


class RunPlots(CurvePlots):
    """Accuracy above loss. `draw_if_due` is to be called a few times a second."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._state: RunState | None = None
        # By its place: a script's loss stands where an accuracy does, and below it what is chosen.
        self._charts = {metric: MetricChart(metric) for metric in Metric}
        self._chosen = 0
        self._held_seconds = 0.0
        self._dirty = True
        self._drawn_at = 0.0
        self._stretch = ""  # the part of the run that is shown, in words

    def compose(self) -> ComposeResult:
        for metric in (Metric.ACCURACY, Metric.LOSS):
            plot = CurvePlot(id=metric.value, classes="panel plot")
            yield plot.data_bind(CurvePlots.cursor)

    def on_resize(self) -> None:
        self.call_after_refresh(self._title)

    def follow(self, state: RunState) -> None:
        self._state = state
        if state.spec is None and not state.history.steps_per_epoch:
            self.view = replace(self.view, axis=Axis.STEPS)  # nobody knows how long an epoch is
        self.draw_now_or_soon()

    def changed(self) -> None:
        """There is something new to draw, when its time comes."""
        self._dirty = True

    def draw_now_or_soon(self) -> None:
        """Draw at the next look, however short the time since the last drawing."""
        self._dirty, self._drawn_at = True, 0.0

    def draw_if_due(self) -> None:
        """Draw what has changed, but not too often."""
        state, now = self._state, time.monotonic()
        if state is None or not self._dirty or now - self._drawn_at < PLOT_SECONDS:
            return
        self._dirty, self._drawn_at = False, now
        if state.spec is None:
            self._take_metrics(state.curves.names)
        window = self._window(state)
        self._stretch = stretch(window, state.planned(self.view.axis), self.view.zoom)
        self._title()
        # Half of the only epoch of a run that has but one.
        first, span = min(1.0, state.planned(Axis.EPOCHS) / 2), state.smoothing_span
        frame = Frame(
            state.train, state.test, self.view, window, state.paper, state.diverged_at, span, first
        )
        for metric, chart in self._charts.items():
            self._plot(metric).draw(partial(chart.make, frame))

    def _window(self, state: RunState) -> Window:
        axis = self.view.axis
        planned, done = state.planned(axis), state.done(axis)
        if axis is Axis.TIME and state.status.alive:
            # The expected time wavers; the axis follows only what it cannot hold.
            if not planned <= self._held_seconds <= 1.5 * planned:
                self._held_seconds = planned * 1.1
            planned = self._held_seconds
        return recent(planned, done, self.view.zoom)

    def _take_metrics(self, names: list[str]) -> None:
        """Give the plots to a script's metrics: the first above, the chosen one of the others."""
        upper, others = (names or [str(Metric.LOSS)])[0], names[1:]
        lower = others[self._chosen % len(others)] if others else ""
        for metric, name in ((Metric.ACCURACY, upper), (Metric.LOSS, lower)):
            if self._charts[metric].metric != name:
                self._charts[metric] = MetricChart(name)
        self.set_class(not lower, "single")

    def next_metric(self, step: int) -> None:
        self._chosen += step
        self.draw_now()

    def _plot(self, metric: Metric) -> CurvePlot:
        return self.query_one(f"#{metric}", CurvePlot)

    def _title(self) -> None:
        view = self.view
        glyphs = terminal_glyphs()
        line, dot = "—" if glyphs is Glyphs.BRAILLE else "+", shown_mark("●", glyphs)
        smooth = f"smoothing {view.smoothing:g}" if view.smoothing else "not smoothed"
        other = self._state.record.tested_on if self._state is not None else "test"
        trained, tested = f"{line} train", f"{dot} {other}"
        parts = [f"{trained}  {tested}", f"x: {view.axis}", self._stretch, smooth]
        raw = "raw behind" if view.smoothing else ""
        for metric in Metric:
            plot = self._plot(metric)
            chart = self._charts[metric]
            style = chart.axis.style
            unit = " %" if style is Metric.ACCURACY else ""
            how = scale_words(style, view.log)
            # Inside of the border two columns on either side are kept free.
            said = fitting([part for part in (*parts, raw) if part], plot.size.width - 4)
            words = Content(said).stylize("$train", 0, len(trained))
            words = words.stylize("$test", len(trained) + 2, len(trained) + 2 + len(tested))
            say_in_border(plot, f"{one_line(chart.metric)}{unit}{how}", words)

    def draw_now(self) -> None:
        self._title()
        self.draw_now_or_soon()
        self.draw_if_due()

    def next_zoom(self) -> None:
        at = (ZOOMS.index(self.view.zoom) + 1) % len(ZOOMS)
        self.look(replace(self.view, zoom=ZOOMS[at]))

    def newest_column(self) -> int | None:
        state = self._state
        if state is None or not len(state.train):
            return None
        window = self._window(state)
        return column_of(state.done(self.view.axis), (window.low, window.high), self.columns)

    def reading(self) -> Reading:
        """The values under the cursor, or the newest ones."""
        state = self._state
        if state is None:
            return Reading("waiting")
        charts = self._charts.values()  # the metrics on view, from above
        smoothed = {str(one.metric): one.train.smoothed_values for one in charts if one.metric}
        if self.cursor is None:
            return reading_now(state, smoothed)
        window = self._window(state)
        span = column_span(self.cursor, (window.low, window.high), self.columns)
        return reading_at(state, smoothed, self.view.axis, span)


def stretch(window: Window, planned: float, zoom: float) -> str:
    """Which part of the planned run a zoomed window shows; empty for all of it."""
    if zoom >= 1.0:
        return ""
    which = "first" if window.low <= 0 else "last" if window.high >= planned else "recent"
    return f"{which} {ZOOM_WORDS[zoom]}"


# Smoothed values of the metrics on view; the drawing thread may be some chunks behind.
Smoothed = Mapping[str, Sequence[float]]


def reading_now(state: RunState, smoothed: Smoothed) -> Reading:
    """The newest values; of a script those of all its metrics, the ones on view first."""
    count = len(state.train)
    where = ("now" if state.status.alive else "last values") if count else "waiting"
    reading = _reading(state, smoothed, count - 1, len(state.test) - 1, where)
    if state.spec is not None:
        return reading
    last = state.history.metrics  # it need not log each metric at each step
    metrics = (
        MetricReading(name, None, last.get(name), last.get(f"{VALIDATION}{name}"))
        for name in dict.fromkeys([*smoothed, *state.curves.names])
    )
    return replace(reading, metrics=tuple(metrics))


def reading_at(state: RunState, smoothed: Smoothed, axis: Axis, span: Range) -> Reading:
    """The values in a column from one x to another: of the chunk nearest to its middle, and of
    the last test up to its end, so that a column with a test's mark reads that test."""
    index = index_at(state.train.xs(axis), sum(span) / 2, len(state.train))
    if index is None:
        return _reading(state, smoothed, -1, -1, "nothing here")
    test = bisect_right(state.test.xs(axis), span[1], 0, len(state.test)) - 1
    where = " · ".join(place_text(each, state.train.xs(each)[index]) for each in Axis)
    return _reading(state, smoothed, index, test, where)


def _reading(state: RunState, smoothed: Smoothed, index: int, test: int, where: str) -> Reading:
    metrics = []
    for name, values in smoothed.items():
        raw = state.train.ys(name)[index] if index >= 0 else None
        tested = state.test.ys(name)[test] if test >= 0 else None
        if state.spec is None and tested is not None and not math.isfinite(tested):
            tested = None
        # The drawing thread may not have come to the newest chunks yet.
        smooth = values[min(index, len(values) - 1)] if index >= 0 and len(values) else raw
        metrics.append(MetricReading(name, smooth, raw, tested))
    epochs = state.history.epochs
    epoch = epochs[test].epoch if 0 <= test < len(epochs) else 0
    return Reading(where, tuple(metrics), epoch)
