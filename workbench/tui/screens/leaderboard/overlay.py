"""The curves of up to six selected runs in one frame, each with a mark of its own."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from textual.app import ComposeResult
from textual.containers import Vertical

from workbench.errors import UserError
from workbench.leaderboard.grouping import Group
from workbench.leaderboard.paper import RowComparison
from workbench.runs.folder import RunFolder
from workbench.runs.summary import RunSummary
from workbench.settings import Home
from workbench.tui import scales
from workbench.tui.plotting import OVERLAY_MARKS, OVERLAY_ROLES, Chart, Glyphs, Series
from workbench.tui.widgets.curve_plot import CurvePlot
from workbench.tui.widgets.steady_lines import SteadyLines

MOST = len(OVERLAY_MARKS)
# Above and below the curves, so that labels have something to tell apart.
LEAST_ROOM, LEAST_PART = 0.0005, 0.015  # in accuracy; of the greatest loss


class Quantity(Enum):
    """What the curves are of."""

    TEST_ACCURACY = "test accuracy"
    TEST_LOSS = "test loss"
    TRAIN_ACCURACY = "train accuracy, mean of each epoch"
    TRAIN_LOSS = "train loss, mean of each epoch"
    VALIDATION_ACCURACY = "validation accuracy"

    @property
    def after(self) -> Quantity:
        """The next one, around the end."""
        all_of_them = list(Quantity)
        return all_of_them[(all_of_them.index(self) + 1) % len(all_of_them)]


@dataclass(frozen=True)
class Curve:
    """A run's results by epoch, one sequence for each quantity."""

    epochs: tuple[int, ...] = ()
    values: Mapping[Quantity, tuple[float, ...]] | None = None
    fault: str = ""


@dataclass(frozen=True)
class Shown:
    """A selected run with its place among the selected, which decides mark and colour."""

    run: RunSummary
    place: int
    curve: Curve


def read_curve(home: Home, run_id: str) -> Curve:
    """A run's curve from its folder. Reads the whole log."""
    try:
        epochs = RunFolder(home.runs / run_id).history().epochs
    except UserError as error:
        return Curve(fault=str(error))
    except OSError as error:
        return Curve(fault=f"run {run_id}: {error.strerror}")
    return Curve(
        tuple(epoch.epoch for epoch in epochs),
        {
            Quantity.TEST_ACCURACY: tuple(epoch.test_accuracy for epoch in epochs),
            Quantity.TEST_LOSS: tuple(epoch.test_loss for epoch in epochs),
            Quantity.TRAIN_ACCURACY: tuple(epoch.accuracy for epoch in epochs),
            Quantity.TRAIN_LOSS: tuple(epoch.loss for epoch in epochs),
            Quantity.VALIDATION_ACCURACY: tuple(
                math.nan if epoch.validation_accuracy is None else epoch.validation_accuracy
                for epoch in epochs
            ),
        },
    )


def read_curves(home: Home, run_ids: Iterable[str]) -> dict[str, Curve]:
    """The curves of several runs by their ids."""
    return {run_id: read_curve(home, run_id) for run_id in run_ids}


def overlay_chart(shown: Sequence[Shown], quantity: Quantity, columns: int, rows: int) -> Chart:
    """All curves in one frame whose axes hold them all."""
    drawn = [item for item in shown if item.curve.values and item.curve.epochs]
    lines, marks = [], []
    values: list[float] = []
    last = 1
    # A mark at each epoch; where those of all curves would not fit side by side, here and there
    # along the lines.
    room_each = columns / (2 * max(2, len(drawn)))
    for item in drawn:
        assert item.curve.values is not None
        xs, ys = item.curve.epochs, item.curve.values[quantity]
        values += [y for y in ys if math.isfinite(y)]
        last = max(last, xs[-1])
        role, mark = OVERLAY_ROLES[item.place], OVERLAY_MARKS[item.place]
        label = item.run.run_id
        lines.append(Series(label, xs, ys, role))
        marks.append(Series(label, xs, ys, role, line=len(xs) > room_each, mark=mark))
    accuracy = quantity not in (Quantity.TEST_LOSS, Quantity.TRAIN_LOSS)
    y_range, y_ticks = _y_axis(values, rows, accuracy)
    return Chart(
        # Marks after all lines, so that no line hides another's.
        (*lines, *marks),
        (1 - 0.02 * last, last + 0.02 * last),
        y_range,
        scales.whole_ticks(1, last, max(2, columns // 11), lambda x: f"{x:.0f}"),
        y_ticks,
    )


def _y_axis(values: Sequence[float], rows: int, accuracy: bool) -> scales.Axis:
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    room = max(0.06 * (high - low), LEAST_ROOM if accuracy else LEAST_PART * high, 1e-6)
    low, high = max(0.0, low - room), high + room
    if accuracy:
        return scales.accuracy_axis(low, min(1.0, high), rows, scales.LINEAR)
    return scales.loss_axis(low, high, rows, scales.LINEAR)


class Overlay(Vertical):
    """The plot over one line that says whose curve is whose. Hidden while nothing is selected."""

    def compose(self) -> ComposeResult:
        """Plot and legend."""
        yield CurvePlot()
        yield SteadyLines(id="legend")

    def show(self, shown: Sequence[Shown], quantity: Quantity) -> None:
        """Draw these runs."""
        self.set_class(bool(shown), "shown")
        if not shown:
            return
        self.border_title = f"{quantity.value} by epoch"
        self.border_subtitle = "y: other metric"
        plot = self.query_one(CurvePlot)
        items = list(shown)
        plot.draw(lambda columns, rows: overlay_chart(items, quantity, columns, rows))
        self.query_one("#legend", SteadyLines).show([self._legend(items, plot.glyphs)])

    def _legend(self, shown: Sequence[Shown], glyphs: Glyphs) -> list[tuple[str, str]]:
        wide = self.size.width >= 26 * len(shown)
        pieces = []
        for item in shown:
            mark = overlay_mark(item.place, glyphs)
            name = item.run.run_id if wide else item.run.run_id.partition("-")[0]
            words = f"{name}, seed {item.run.seed}" if wide else name
            if item.curve.fault:
                words += " (gone)"
            elif not item.curve.epochs:
                words += " (no epoch)"
            pieces += [
                (f"{mark} ", OVERLAY_ROLES[item.place].name.lower()),
                (f"{words}   ", "muted"),
            ]
        return pieces


def overlay_mark(place: int, glyphs: Glyphs) -> str:
    """The mark of the run selected at this place, as the terminal can show it."""
    from workbench.tui.plotting import PLAIN_MARKS

    mark = OVERLAY_MARKS[place]
    return mark if glyphs is Glyphs.BRAILLE else PLAIN_MARKS.get(mark, "o")


def runs_of(subject: object) -> Sequence[RunSummary]:
    """The runs whose curves a row stands for: one, or the first six trials of several."""
    match subject:
        case RunSummary():
            return [subject]
        case Group():
            return subject.trials[:MOST]
        case RowComparison() if subject.ours is not None:
            return subject.ours.trials[:MOST]
    return []


class Selection:
    """Run ids with their places, which decide mark and colour."""

    def __init__(self, glyphs: Glyphs) -> None:
        self._glyphs = glyphs
        self._places: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._places)

    def __contains__(self, run_id: str) -> bool:
        return run_id in self._places

    @property
    def places(self) -> Mapping[str, int]:
        """The place of each selected run, in the order of the places."""
        return dict(sorted(self._places.items(), key=lambda item: item[1]))

    @property
    def marks(self) -> dict[str, str]:
        """The mark of each selected run."""
        return {run_id: overlay_mark(place, self._glyphs) for run_id, place in self._places.items()}

    def toggle(self, runs: Iterable[RunSummary]) -> bool:
        """Select these runs, or none of them if all were; False where there was no room for all."""
        ids = [run.run_id for run in runs]
        if ids and all(run_id in self._places for run_id in ids):
            for run_id in ids:
                del self._places[run_id]
            return True
        for run_id in ids:
            free = [place for place in range(MOST) if place not in self._places.values()]
            if run_id in self._places:
                continue
            if not free:
                return False
            self._places[run_id] = free[0]
        return True

    def keep_only(self, run_ids: Iterable[str]) -> None:
        """Forget runs that are gone."""
        known = set(run_ids)
        self._places = {run: place for run, place in self._places.items() if run in known}

    def clear(self) -> None:
        """Select nothing."""
        self._places.clear()
