"""The values at one place of the curves."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence

from workbench.runs.curves import Axis, Metric, index_at
from workbench.tui.cells import Range
from workbench.tui.screens.train.numbers import Reading, clock
from workbench.tui.screens.train.state import RunState

Smoothed = Mapping[Metric, Sequence[float]]


def reading_now(state: RunState, smoothed: Smoothed) -> Reading:
    """The newest values."""
    count = len(state.train)
    where = ("now" if state.status.alive else "last values") if count else "waiting"
    return _reading(state, smoothed, count - 1, len(state.test) - 1, where)


def reading_at(state: RunState, smoothed: Smoothed, axis: Axis, span: Range) -> Reading:
    """The values in a column from one x to another: of the chunk nearest to its middle, and of
    the last test up to its end, so that a column with a test's mark reads that test."""
    index = index_at(state.train.xs(axis), sum(span) / 2, len(state.train))
    if index is None:
        return Reading("nothing here")
    step = state.train.xs(Axis.STEPS)[index]
    seconds = state.train.xs(Axis.TIME)[index]
    place = state.train.xs(Axis.EPOCHS)[index]
    test = bisect_right(state.test.xs(axis), span[1], 0, len(state.test)) - 1
    epoch = f"{place:.2f}" if place < 100 else f"{place:.1f}"
    where = f"epoch {epoch} · step {step:,.0f} · {clock(seconds)}"
    return _reading(state, smoothed, index, test, where)


def _reading(state: RunState, smoothed: Smoothed, index: int, test: int, where: str) -> Reading:
    def raw(metric: Metric) -> float | None:
        return state.train.ys(metric)[index] if index >= 0 else None

    def smooth(metric: Metric) -> float | None:
        # The drawing thread may not have come to the newest chunks yet.
        values = smoothed[metric]
        count = len(values)
        return values[min(index, count - 1)] if index >= 0 and count else raw(metric)

    def tested(metric: Metric) -> float | None:
        return state.test.ys(metric)[test] if test >= 0 else None

    return Reading(
        where,
        smooth(Metric.ACCURACY),
        smooth(Metric.LOSS),
        raw(Metric.ACCURACY),
        raw(Metric.LOSS),
        tested(Metric.ACCURACY),
        tested(Metric.LOSS),
        state.history.epochs[test].epoch if test >= 0 else 0,
    )
