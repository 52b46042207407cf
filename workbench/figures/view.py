"""What is plotted and how: the runs as traces, and the choices of who looks at them."""

from __future__ import annotations

import math
from dataclasses import dataclass

from workbench.leaderboard.paper import paper_accuracy
from workbench.model.spec import TrainingSpec
from workbench.runs.curves import SMOOTHING_SPANS, Axis, Metric, Samples
from workbench.runs.folder import RunFolder

SMOOTHING = 0.8  # what is kept of the past
MOST_RUNS = 6


@dataclass(frozen=True)
class View:
    """How the curves are looked at. `log` is for losses, and for accuracies that of the errors."""

    axis: Axis = Axis.EPOCHS
    metrics: tuple[Metric, ...] = (Metric.ACCURACY, Metric.LOSS)
    log: bool = False
    smoothing: float = SMOOTHING


@dataclass(frozen=True)
class Trace:
    """One run's curves: means of its chunks while it trained, and the test set after epochs."""

    run_id: str
    spec: TrainingSpec
    train: Samples
    test: Samples
    alive: bool
    paper: float | None  # the accuracy the paper reports for exactly this training
    fault: str = ""  # what of its log could not be read

    @property
    def empty(self) -> bool:
        """Whether there is nothing to draw yet."""
        return not len(self.train) and not len(self.test)

    @property
    def smoothing_span(self) -> float:
        """The optimizer steps over which smoothing keeps its weight."""
        return self.spec.training.epochs * self.spec.steps_per_epoch / SMOOTHING_SPANS

    def length(self, axis: Axis) -> float:
        """How far the axis has to go: to what is planned while the run lives, else to its end."""
        done = max((samples.xs(axis)[-1] for samples in self._filled), default=0.0)
        if not self.alive or axis is Axis.TIME:
            return done
        epochs = self.spec.training.epochs
        planned = epochs if axis is Axis.EPOCHS else epochs * self.spec.steps_per_epoch
        return max(done, float(planned))

    def lost(self, metric: Metric, axis: Axis) -> tuple[int, float]:
        """How many values are not finite and cannot be drawn, and where the first one stands."""
        places = [
            x
            for samples in self._filled
            for x, y in zip(samples.xs(axis), samples.ys(metric), strict=True)
            if not math.isfinite(y)
        ]
        return len(places), min(places, default=0.0)

    @property
    def _filled(self) -> list[Samples]:
        return [samples for samples in (self.train, self.test) if len(samples)]


def trace_of(folder: RunFolder) -> Trace:
    """The curves of a run in any state. Reads the whole log.

    Raises:
        RunError: the run's folder is gone or its spec.json damaged.
    """
    spec = folder.spec
    alive = folder.status().alive
    history = folder.history()
    train, test = Samples(history.steps_per_epoch), Samples(history.steps_per_epoch)
    for batch in history.batches:
        train.add(batch)
    for epoch in history.epochs:
        test.add_test(epoch)
    paper = paper_accuracy(spec.settings_key)
    return Trace(folder.run_id, spec, train, test, alive, paper, history.fault)
