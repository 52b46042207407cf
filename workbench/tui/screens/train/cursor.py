"""The values at one place of the curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from workbench.runs.curves import Axis, Metric, index_at
from workbench.tui.screens.train.numbers import Reading, clock
from workbench.tui.screens.train.state import RunState

Smoothed = Mapping[Metric, Sequence[float]]


def reading_now(state: RunState, smoothed: Smoothed) -> Reading:
    """The newest values."""
    count = len(state.train)
    where = "waiting" if not count else "now"
    return _reading(state, smoothed, count - 1, len(state.test) - 1, where)


def reading_at(state: RunState, smoothed: Smoothed, axis: Axis, x: float) -> Reading:
    """The values at `x`: of the nearest chunk, and of the last test up to it."""
    index = index_at(state.train.xs(axis), x, len(state.train))
    if index is None:
        return Reading("nothing here")
    step = state.train.xs(Axis.STEPS)[index]
    seconds = state.train.xs(Axis.TIME)[index]
    place = state.train.xs(Axis.EPOCHS)[index]
    tests = state.test.xs(Axis.STEPS)
    test = index_at(tests, step, len(state.test))
    if test is not None and tests[test] > step:
        test -= 1
    where = f"at epoch {place:.2f} · step {step:,.0f} · {clock(seconds)}"
    return _reading(state, smoothed, index, -1 if test is None else test, where)


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
