"""A search's three charts: its trials in turn, their curves, and one parameter against accuracy.

All have validation accuracy upwards, by its errors: 90, 99 and 99.9 % are equally far apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from workbench.queue.search import SearchProgress, SearchTrial
from workbench.queue.space import Parameter
from workbench.tui.charts import (
    ERROR_LOG,
    LINEAR,
    LOG,
    FittedAxis,
    Ticks,
    accuracy_axis,
    fitted_range,
    linear_ticks,
    short_number,
    spaced,
    whole_ticks,
    without_outliers,
)
from workbench.tui.plotting import Chart, Range, Role, Series

CHOSEN, OTHERS, LOST, NOW = Role.TEST, Role.PAPER, Role.DIM, Role.FIRST
MARKS = {CHOSEN: "◆", OTHERS: "●", LOST: "○", NOW: "▲"}
MOST_CURVES = 60  # the newest; more would only fill the frame


@dataclass(frozen=True)
class Progress:
    """What is drawn: a search's trials, and how many there will be."""

    trials: tuple[SearchTrial, ...]
    planned: int
    best: int | None  # the number of the trial that would be chosen now

    def role(self, trial: SearchTrial) -> Role:
        """Chosen, whole, lost on the way, or training."""
        if trial.number == self.best:
            return CHOSEN
        if not trial.outcome:
            return NOW
        return LOST if trial.accuracy is None else OTHERS

    @property
    def in_order(self) -> list[SearchTrial]:
        """Those that count most last, over the others."""
        order = [LOST, OTHERS, NOW, CHOSEN]
        return sorted(self.trials, key=lambda trial: order.index(self.role(trial)))


def drawn(progress: SearchProgress, planned: int) -> Progress:
    """What there is to draw of a search."""
    best = progress.best
    return Progress(progress.trials, planned, best.number if best else None)


class SearchCharts:
    """Makes the charts on the drawing thread. Axes stay while what is drawn fits them."""

    def __init__(self) -> None:
        self._ranges: dict[str, Range] = {}

    def trials(self, progress: Progress, columns: int, rows: int) -> Chart:
        """Each trial where it came to, and the best so far as a line."""
        xs, ys = [], []
        best = 0.0
        for trial in progress.trials:
            if trial.accuracy is not None:
                best = max(best, trial.accuracy)
            if best:
                xs.append(trial.number + 1.0)
                ys.append(ERROR_LOG.forward(best))
        line = Series("best so far", xs, ys, CHOSEN)
        last = max([progress.planned, *(trial.number + 1 for trial in progress.trials)])
        places = {trial.number: trial.number + 1.0 for trial in progress.trials}
        ticks = whole_ticks(1, last, max(2, columns // 11), lambda x: f"{x:.0f}")
        return self._scatter("trials", progress, places, (0.5, last + 0.5), ticks, rows, [line])

    def slice(self, progress: Progress, item: Parameter, columns: int, rows: int) -> Chart:
        """What each trial came to over one parameter's value."""
        values = {
            trial.number: trial.values[item.name]
            for trial in progress.trials
            if item.name in trial.values
        }
        most = max(2, columns // 11)
        if item.choices:
            at = {value: place for place, value in enumerate(item.choices)}
            places = {number: float(at.get(value, 0)) for number, value in values.items()}
            width = max(3, columns // len(item.choices) - 1)
            ticks = tuple((float(at[value]), _label(value)[:width]) for value in at)
            low, high = -0.5, len(item.choices) - 0.5
        else:
            scale = LOG if item.log else LINEAR
            places = {number: scale.forward(float(value)) for number, value in values.items()}
            low, high = scale.forward(item.low), scale.forward(item.high)
            even = linear_ticks(item.low, item.high, most, short_number)
            round_ones = [
                (scale.forward(factor * 10.0**power), short_number(factor * 10.0**power))
                for power in range(int(low) - 1, int(high) + 2)
                for factor in ((1, 3) if high - low < 3 else (1,))
            ]
            ticks = spaced(round_ones, low, high, most) if item.log else even
            room = 0.03 * (high - low)
            low, high = low - room, high + room
        return self._scatter(item.name, progress, places, (low, high), ticks, rows)

    def curves(self, progress: Progress, columns: int, rows: int) -> Chart:
        """Validation accuracy by epoch; what was given up is dim."""
        kept = [trial for trial in progress.in_order if trial.curve][-MOST_CURVES:]
        series = []
        for trial in kept:
            role = progress.role(trial)
            xs = sorted(trial.curve)
            ys = [ERROR_LOG.forward(trial.curve[epoch]) for epoch in xs]
            line = Series(f"trial {trial.number}", xs, ys, role)
            marked = role in (NOW, CHOSEN) or len(xs) == 1
            series += [line, Series(line.label, xs, ys, role, line=False, mark=MARKS[role])][
                : 1 + marked
            ]
        last = max([2, *(max(trial.curve) for trial in kept)])
        values = [value for trial in kept for value in trial.curve.values()]
        y_range, y_ticks = self._y_axis("curves", values, rows)
        ticks = whole_ticks(1, last, max(2, columns // 11), lambda x: f"{x:.0f}")
        return Chart(tuple(series), (1 - 0.02 * last, 1.02 * last), y_range, ticks, y_ticks)

    def _scatter(
        self,
        name: str,
        progress: Progress,
        places: dict[int, float],
        x_range: Range,
        x_ticks: Ticks,
        rows: int,
        lines: Sequence[Series] = (),
    ) -> Chart:
        """A dot a trial, at its place."""
        found = [trial for trial in progress.in_order if trial.last is not None]
        series = list(lines)
        for role in dict.fromkeys(progress.role(trial) for trial in found):
            dots = [
                (places[trial.number], ERROR_LOG.forward(trial.last or 0.0))
                for trial in found
                if progress.role(trial) is role and trial.number in places
            ]
            xs, ys = [x for x, _ in dots], [y for _, y in dots]
            series.append(Series(role.name, xs, ys, role, line=False, mark=MARKS[role]))
        y_range, y_ticks = self._y_axis(name, (trial.last or 0.0 for trial in found), rows)
        return Chart(tuple(series), x_range, y_range, x_ticks, y_ticks)

    def _y_axis(self, name: str, values: Iterable[float], rows: int) -> FittedAxis:
        """Around what matters: a few that came to nothing lie outside of the frame."""
        found = list(values)
        low = without_outliers(found, top=False)
        ends = (0.5, 0.99) if low is None else (low, max(found))
        least, greatest = (ERROR_LOG.forward(end) for end in ends)
        limits = ERROR_LOG.forward(0.0), ERROR_LOG.forward(1.0)
        wanted = fitted_range(least, greatest, self._ranges.get(name), limits)
        self._ranges[name] = wanted
        return accuracy_axis(*wanted, rows, ERROR_LOG)


def _label(value: str | int | float) -> str:
    return value if isinstance(value, str) else short_number(float(value))
