"""What is plotted and how: the runs as traces, and the choices of who looks at them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from workbench.formats import count
from workbench.leaderboard.paper import paper_accuracy
from workbench.model.describe import settings_sentence
from workbench.model.hyperparameters import (
    Constant,
    InverseTimeDecay,
    optimizer_text,
    schedule_text,
)
from workbench.model.spec import TrainingSpec
from workbench.runs.curves import SMOOTHING_SPANS, Axis, Metric, RunCurves, Samples, axis_style
from workbench.runs.events import Batch, Epoch
from workbench.runs.folder import RunFolder
from workbench.runs.record import RunRecord, ScriptRecord
from workbench.text import one_line

SMOOTHING = 0.8  # what is kept of the past
MOST_RUNS = 6


@dataclass(frozen=True)
class CurveOptions:
    """How the curves are looked at. `log` is for losses, and for accuracies that of the errors."""

    axis: Axis = Axis.EPOCHS
    metrics: tuple[str, ...] = tuple(Metric)
    log: bool = False
    smoothing: float = SMOOTHING


class Quantity(NamedTuple):
    """A metric as it is drawn: as which one its axis is made (None: of any number), and how."""

    name: str
    style: Metric | None
    log: bool

    @classmethod
    def of(cls, name: str, traces: Sequence[Trace], view: CurveOptions) -> Quantity:
        """The metric of these runs; one with negative values has no logarithm."""
        values = [y for trace in traces for samples in trace.filled for y in samples.ys(name)]
        style = axis_style(name, values, view.log)
        return cls(name, style, view.log and style is not None)


@dataclass(frozen=True)
class Trace:
    """One run's curves: means of its chunks while it trained, and what came of its tests."""

    run_id: str
    record: RunRecord
    curves: RunCurves
    planned_epochs: int  # 0: it has not said
    alive: bool
    paper: float | None  # the accuracy the paper reports for exactly this training
    fault: str = ""  # what of its log could not be read

    @property
    def train(self) -> Samples:
        return self.curves.train

    @property
    def test(self) -> Samples:
        return self.curves.test

    @property
    def empty(self) -> bool:
        return not self.filled

    @property
    def smoothing_span(self) -> float:
        """The optimizer steps over which smoothing keeps its weight."""
        planned = self.planned_epochs * self.train.steps_per_epoch
        return (planned or self.length(Axis.STEPS)) / SMOOTHING_SPANS

    def length(self, axis: Axis) -> float:
        """How far the axis has to go: to what is planned while the run lives, else to its end."""
        done = max((samples.xs(axis)[-1] for samples in self.filled), default=0.0)
        if not self.alive or axis is Axis.TIME:
            return done
        epochs = self.planned_epochs
        planned = epochs if axis is Axis.EPOCHS else epochs * self.train.steps_per_epoch
        return max(done, float(planned))

    def lost(self, metric: str, axis: Axis) -> tuple[int, float]:
        """How many values are not finite and cannot be drawn, and where the first one stands."""
        if self.record.spec is None:  # it need not log each metric at each step
            return 0, 0.0
        places = [
            x
            for samples in self.filled
            for x, y in zip(samples.xs(axis), samples.ys(metric), strict=True)
            if not math.isfinite(y)
        ]
        return len(places), min(places, default=0.0)

    @property
    def filled(self) -> list[Samples]:
        return [samples for samples in (self.train, self.test) if len(samples)]


def trace_of(folder: RunFolder) -> Trace:
    """The curves of a run in any state. Reads the whole log.

    Raises:
        RunError: the run's folder is gone or its spec.json damaged.
    """
    record = folder.record
    alive = folder.status().alive
    history = folder.history()
    curves = RunCurves(history.steps_per_epoch)
    events: list[Batch | Epoch] = [*history.batches, *history.epochs]
    for event in events:
        curves.add(event)
    paper = paper_accuracy(record.spec.settings_key) if record.spec else None
    planned = history.planned_epochs
    return Trace(folder.run_id, record, curves, planned, alive, paper, history.fault)


def heading(traces: Sequence[Trace]) -> tuple[str, str]:
    """The title and the line beneath it; empty where the runs have nothing in common."""
    facts = [_facts(trace) for trace in traces]
    if len(traces) == 1:
        (trace,), (own,) = traces, facts
        title, spec = trace.record.title, trace.record.spec
        if spec is None:
            return title, ", ".join(own.values())
        more = [own[name] for name in ("precision", "dataset", "images") if own[name]]
        sentence = ", ".join([settings_sentence(spec.training), *more])
        return f"{title}, seed {spec.seed}", sentence
    titles = {trace.record.title for trace in traces}
    title = titles.pop() if len(titles) == 1 else ""
    shared = [
        text for name, text in facts[0].items() if all(one.get(name) == text for one in facts)
    ]
    return title, ", ".join(text for text in shared if text)


def labels(traces: Sequence[Trace]) -> list[str]:
    """One for each run: its model, the settings that are not the same in all, and its seed.

    Runs that would be called the same are told apart by their ids.
    """
    facts = [_facts(trace) for trace in traces]
    names = dict.fromkeys(name for one in facts for name in one)
    differing = [name for name in names if len({one.get(name) for one in facts}) > 1]
    named = []
    for trace, one in zip(traces, facts, strict=True):
        settings = [one[name] for name in differing if one.get(name)]
        spec = trace.record.spec
        seed = [f"seed {spec.seed}"] if spec else []
        named.append(", ".join([trace.record.title, *settings, *seed]))
    counted = Counter(named)
    return [
        f"{name}, run {trace.run_id}" if counted[name] > 1 else name
        for name, trace in zip(named, traces, strict=True)
    ]


def _facts(trace: Trace) -> dict[str, str]:
    """The settings in words; "" where it goes without saying."""
    if isinstance(trace.record, ScriptRecord):
        config = trace.record.script.config
        return {name: one_line(f"{name} {value}") for name, value in config.items()}
    spec = trace.record.spec
    training, dataset = spec.training, spec.dataset
    epochs = training.epochs
    return {
        "optimizer": optimizer_text(training.optimizer),
        "learning rate": f"learning rate {training.optimizer.learning_rate:g}",
        "schedule": _schedule(spec),
        "epochs": count(epochs, "epoch"),
        "batch size": f"batches of {training.batch_size:,}",
        "precision": "" if spec.precision == "float32" else spec.precision,
        "dataset": "" if dataset.name == "mnist" and not dataset.path else dataset.name,
        "images": count(dataset.images, "image") if dataset.train_limit else "",
    }


def _schedule(spec: TrainingSpec) -> str:
    schedule = spec.training.schedule
    match schedule:
        case Constant():
            return ""
        case InverseTimeDecay(decay_rate=None):
            # As the paper writes it: the number would differ with every learning rate.
            return "decay learning rate / epochs"
    return schedule_text(spec.training).partition(" (")[0]
