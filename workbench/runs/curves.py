"""A run's curves as columns of numbers: growing, smoothed, cut down to what a screen can show.

Everything here costs no more than the points that are new, so that a view of a long run stays
as quick as one of a short run. Nothing is drawn and NumPy is not needed.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from workbench.runs.events import VALIDATION, Batch, Epoch

# The whole run is this many spans of smoothing: about one a column of a plot.
SMOOTHING_SPANS = 200
FAR_SHORTER = 0.25  # than the chunk before: too few images for a point of its own


class Axis(StrEnum):
    EPOCHS = "epochs"
    STEPS = "steps"
    TIME = "time"


class Metric(StrEnum):
    ACCURACY = "accuracy"
    LOSS = "loss"


class Samples:
    """The chunks of a run (or its test results) as columns, in the order of their steps.

    Columns only grow: a thread may read the first `len(samples)` values while more are added.
    What a resumed run trains again is cut off into new columns, never out of these.
    """

    def __init__(self, steps_per_epoch: int) -> None:
        self.steps_per_epoch = max(1, steps_per_epoch)
        self._xs = {axis: array("d") for axis in Axis}
        self._ys: dict[str, array[float]] = {}
        self._count = 0  # set last, so that all columns are at least as long

    def __len__(self) -> int:
        return self._count

    def add_point(self, step: int, seconds: float, values: Mapping[str, float]) -> None:
        """One more row; it stands at the last of its steps. A metric without a value is NaN."""
        self._xs[Axis.STEPS].append(step)
        self._xs[Axis.EPOCHS].append(step / self.steps_per_epoch)
        self._xs[Axis.TIME].append(seconds)
        for name in values.keys() - self._ys.keys():
            self._ys[name] = array("d", [math.nan]) * self._count
        for name, column in self._ys.items():
            column.append(values.get(name, math.nan))
        self._count += 1

    @property
    def names(self) -> list[str]:
        """The metrics there are, in the order in which they came."""
        return list(self._ys)

    def xs(self, axis: Axis) -> array[float]:
        """Where each chunk stands: its step, its place in epochs, or training seconds."""
        return self._xs[axis]

    def ys(self, metric: str) -> array[float]:
        """Each chunk's mean of a metric (accuracy: a fraction); NaN where there was no number."""
        return self._ys[metric] if metric in self._ys else array("d", [math.nan]) * self._count

    def reach_beyond(self, step: int) -> bool:
        """Whether there is something after this step."""
        return len(self) > 0 and self._xs[Axis.STEPS][len(self) - 1] > step

    def until(self, step: int) -> Samples:
        """New columns without the chunks beyond `step`."""
        kept = Samples(self.steps_per_epoch)
        kept._count = bisect_right(self._xs[Axis.STEPS], step, 0, len(self))
        for axis in Axis:
            kept._xs[axis] = self._xs[axis][: kept._count]
        kept._ys = {name: column[: kept._count] for name, column in self._ys.items()}
        return kept

    def by_epochs_of(self, steps: int) -> Samples:
        """New columns, now that it is known how many steps an epoch has."""
        known = self.until(self._count and int(self._xs[Axis.STEPS][-1]))
        known.steps_per_epoch = max(1, steps)
        places = known._xs[Axis.STEPS]
        known._xs[Axis.EPOCHS] = array("d", [place / known.steps_per_epoch for place in places])
        return known


class RunCurves:
    """A run's curves as its log tells them: of its training, and of what it was tested on."""

    def __init__(self, steps_per_epoch: int) -> None:
        self.train, self.test = Samples(steps_per_epoch), Samples(steps_per_epoch)
        self._told: set[str] = set()  # a script's metrics within its epochs

    def add(self, event: Batch | Epoch, steps_per_epoch: int = 0) -> None:
        """Take one event in; a script may tell only later how many steps an epoch has."""
        if event.metrics is not None:
            if steps_per_epoch and steps_per_epoch != self.train.steps_per_epoch:
                self.train = self.train.by_epochs_of(steps_per_epoch)
                self.test = self.test.by_epochs_of(steps_per_epoch)
            self._add_metrics(event, event.metrics)
        elif isinstance(event, Batch):
            self.train.add_point(event.step, event.seconds, event.values)
        else:
            loss, accuracy = event.judged
            values = {"accuracy": accuracy, "loss": loss}
            self.test.add_point(event.step, event.seconds, values)

    def _add_metrics(self, event: Batch | Epoch, metrics: Mapping[str, float]) -> None:
        """A script's metrics, those of the validation data apart."""
        if isinstance(event, Batch):
            self._told.update(metrics)
        else:  # of an epoch only what its stretches have not told
            metrics = {name: value for name, value in metrics.items() if name not in self._told}
        of_validation = {
            name.removeprefix(VALIDATION): value
            for name, value in metrics.items()
            if name.startswith(VALIDATION)
        }
        own = {name: value for name, value in metrics.items() if not name.startswith(VALIDATION)}
        for samples, values in ((self.train, own), (self.test, of_validation)):
            if values:
                samples.add_point(event.step, event.seconds, values)

    def back_to(self, step: int) -> None:
        """Forget what lies beyond a step, as it is trained again."""
        self.train, self.test = (
            samples.until(step) if samples.reach_beyond(step) else samples
            for samples in (self.train, self.test)
        )

    @property
    def names(self) -> list[str]:
        """The metrics, in the order in which they are offered: loss, accuracies, others."""
        found = dict.fromkeys([*self.train.names, *self.test.names])
        return sorted(
            found, key=lambda name: (name != Metric.LOSS, not name.endswith(Metric.ACCURACY))
        )


def axis_style(metric: str, values: Sequence[float], log: bool) -> Metric | None:
    """As which a metric's axis is made: an accuracy is a fraction, a loss is not negative."""
    finite = [value for value in values if math.isfinite(value)]
    if metric.endswith(Metric.ACCURACY) and all(0.0 <= value <= 1.0 for value in finite):
        return Metric.ACCURACY
    least = min(finite, default=0.0)
    return Metric.LOSS if least >= 0 and (log or metric.endswith(Metric.LOSS)) else None


class Smoothing:
    """A debiased exponential mean, carried on as its column grows.

    The plain exponential mean starts at nothing and is drawn to zero by it; each value here is
    divided by the weight that has come together so far, so that the first one is the column's
    own. Values that are not finite are passed over and stay gaps.

    `weight` is what is kept of the past over `span` along the places given to `extend`, so that
    a curve of many short chunks is as smooth as one of few long ones.
    """

    def __init__(self, weight: float, span: float = 1.0) -> None:
        if not 0.0 <= weight < 1.0:
            raise ValueError(f"smoothing weight {weight} is not in [0, 1)")
        self.weight = weight
        self.span = span
        self.values = array("d")
        self._sum = 0.0
        self._weights = 0.0

    def extend(self, column: Sequence[float], places: Sequence[float], count: int) -> None:
        """Carry on to the column's first `count` values; `places` are where each of them ends,
        ascending from 0.
        """
        first = len(self.values)
        for index, value in enumerate(column[first:count], first):
            length = places[index] - (places[index - 1] if index else 0.0)
            keep = self.weight ** (length / self.span) if self.weight else 0.0
            if math.isfinite(value):
                self._sum = keep * self._sum + (1.0 - keep) * value
                self._weights = keep * self._weights + 1.0 - keep
                # A script may begin at step 0, where nothing has come together yet.
                self.values.append(self._sum / self._weights if self._weights else value)
            else:
                self.values.append(math.nan)


class _Parts(ABC):
    """Equal parts of an x range; as x only grows, one is closed once a later one begins.

    Values outside the range and values that are not finite are left out.
    """

    def __init__(self, low: float, high: float, count: int) -> None:
        self._low, self._high = low, high
        self._count = max(1, count)
        self._width = (high - low) / self._count
        self._read = 0
        self._closed: list[tuple[float, float]] = []
        self._part = -1

    def points(self) -> tuple[list[float], list[float]]:
        """The points of all parts, x ascending."""
        found = self._closed + self._open_points()
        return [x for x, _ in found], [y for _, y in found]

    @abstractmethod
    def _open_points(self) -> list[tuple[float, float]]:
        """Those of the last part, as far as it is read."""

    def _begin(self, part: int) -> None:
        self._closed += self._open_points()
        self._part = part

    def _unread(
        self, xs: Sequence[float], ys: Sequence[float], count: int
    ) -> Iterator[tuple[int, float, float]]:
        """The values to take in, up to the first `count`: the index, x and y of each."""
        first = self._read or bisect_left(xs, self._low, 0, count)
        self._read = max(first, count)
        for index in range(first, count):
            if self._low <= xs[index] <= self._high and math.isfinite(ys[index]):
                yield index, xs[index], ys[index]

    def _part_of(self, x: float) -> int:
        return int((x - self._low) / self._width) if self._width > 0 else 0


class Means(_Parts):
    """The mean place and value in each of `count` equal parts of an x range.

    Each value counts by the length from the one before it, which is what it is the mean of. One
    that is far shorter, as the last chunk of an epoch may be, would be mostly noise: it is taken
    to those before it. Where there is one value a part, it is that value.
    """

    _sums = (0.0, 0.0, 0.0)  # of places and values, and how much they count
    _length = 0.0  # of the last value

    def extend(self, xs: Sequence[float], ys: Sequence[float], count: int) -> None:
        """Carry on to the first `count` values of two columns."""
        for index, x, y in self._unread(xs, ys, count):
            length = x - (xs[index - 1] if index else 0.0)
            part = min(self._part_of(x), self._count - 1)  # the last holds the range's end too
            if part != self._part and length >= FAR_SHORTER * self._length:
                self._begin(part)
                self._sums = (0.0, 0.0, 0.0)
            # Also of one far shorter: where compiling made the first value the longest by far, the
            # next one is taken to it, and those after that are as long as the one before them.
            self._length = length
            x_sum, y_sum, seen = self._sums
            share = length or 1.0  # two values at one place
            self._sums = (x_sum + x * share, y_sum + y * share, seen + share)

    def _open_points(self) -> list[tuple[float, float]]:
        x_sum, y_sum, seen = self._sums
        return [(x_sum / seen, y_sum / seen)] if seen else []


class Buckets(_Parts):
    """The least and the greatest value of each of `count` equal parts of an x range.

    A line through the points looks like the line through all values.
    """

    _open: tuple[tuple[float, float], ...] = ()  # the least and the greatest so far

    def extend(self, xs: Sequence[float], ys: Sequence[float], count: int) -> None:
        """Carry on to the first `count` values of two columns."""
        for _, x, y in self._unread(xs, ys, count):
            part = self._part_of(x)
            if part != self._part:
                self._begin(part)
                self._open = (x, y), (x, y)
            elif y < self._open[0][1]:
                self._open = (x, y), self._open[1]
            elif y > self._open[1][1]:
                self._open = self._open[0], (x, y)

    def _open_points(self) -> list[tuple[float, float]]:
        return sorted(set(self._open))


@dataclass(frozen=True)
class Window:
    low: float
    high: float

    @property
    def length(self) -> float:
        return self.high - self.low


def recent(planned: float, done: float, share: float) -> Window:
    """The stretch before `done` that is `share` of what is planned; all of it at a share of 1.

    Its ends lie on quarters of its length, so that it moves in steps and not with each point.
    """
    if share >= 1.0 or planned <= 0:
        return Window(0.0, max(planned, done) or 1.0)
    length = planned * share
    quarter = length / 4
    high = max(length, min(math.ceil(done / quarter - 1e-9) * quarter, max(planned, done)))
    return Window(max(0.0, high - length), high)


def index_at(xs: Sequence[float], x: float, count: int | None = None) -> int | None:
    """The index of the value nearest to `x` in an ascending column; None when it is empty."""
    count = len(xs) if count is None else count
    if count == 0:
        return None
    right = min(bisect_left(xs, x, 0, count), count - 1)
    left = max(0, right - 1)
    return left if x - xs[left] <= xs[right] - x else right


class CurveView:
    """One metric of a run, raw and smoothed, cut down to a number of columns.

    Keeps what it has computed: asked again with the same view of a longer run, it reads only
    the new chunks. Belongs to one thread.
    """

    def __init__(self, metric: str) -> None:
        self.metric = metric
        self._samples: Samples | None = None
        self._smoothing = Smoothing(0.0)
        self._frame: tuple[object, ...] = ()
        self._raw = Means(0, 1, 1)
        self._smooth = Buckets(0, 1, 1)

    def update(
        self,
        samples: Samples,
        axis: Axis,
        window: Window,
        columns: int,
        weight: float,
        span: float = 1.0,
    ) -> None:
        """Bring the view up to date with all chunks there are now.

        `weight` is what smoothing keeps of the past over `span` optimizer steps.
        """
        count = len(samples)
        smoothing = self._smoothing
        if samples is not self._samples or (weight, span) != (smoothing.weight, smoothing.span):
            self._samples, self._smoothing, self._frame = samples, Smoothing(weight, span), ()
        frame = (axis, window, columns)
        if frame != self._frame:
            self._frame = frame
            # Means, since the extremes of many small chunks would fill the whole frame.
            self._raw = Means(window.low, window.high, columns)
            self._smooth = Buckets(window.low, window.high, columns)
        xs, ys = samples.xs(axis), samples.ys(self.metric)
        self._smoothing.extend(ys, samples.xs(Axis.STEPS), count)
        self._raw.extend(xs, ys, count)
        self._smooth.extend(xs, self._smoothing.values, count)

    @property
    def raw(self) -> tuple[list[float], list[float]]:
        """The chunks' own values, the mean where several share a column."""
        return self._raw.points()

    @property
    def smooth(self) -> tuple[list[float], list[float]]:
        return self._smooth.points()

    @property
    def smoothed_values(self) -> array[float]:
        return self._smoothing.values
