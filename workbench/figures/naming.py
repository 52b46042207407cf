"""The words of a plot: what its runs share stands above it, what tells them apart in its legend."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from workbench.figures.view import Trace
from workbench.formats import count
from workbench.model.describe import settings_sentence
from workbench.model.hyperparameters import (
    Constant,
    InverseTimeDecay,
    optimizer_text,
    schedule_text,
)
from workbench.model.spec import TrainingSpec


def heading(traces: Sequence[Trace]) -> tuple[str, str]:
    """The title and the line beneath it; empty where the runs have nothing in common."""
    first = traces[0].spec
    if len(traces) == 1:
        return f"{first.title}, seed {first.seed}", _sentence(first)
    titles = {trace.spec.title for trace in traces}
    title = first.title if len(titles) == 1 else ""
    facts = [_facts(trace.spec) for trace in traces]
    shared = [text for name, text in facts[0].items() if all(one[name] == text for one in facts)]
    return title, ", ".join(text for text in shared if text)


def labels(traces: Sequence[Trace]) -> list[str]:
    """One for each run: its model, the settings that are not the same in all, and its seed.

    Runs that would be called the same are told apart by their ids.
    """
    facts = [_facts(trace.spec) for trace in traces]
    differing = [name for name in facts[0] if len({one[name] for one in facts}) > 1]
    named = []
    for trace, one in zip(traces, facts, strict=True):
        settings = [one[name] for name in differing if one[name]]
        named.append(", ".join([trace.spec.title, *settings, f"seed {trace.spec.seed}"]))
    counted = Counter(named)
    return [
        f"{name}, run {trace.run_id}" if counted[name] > 1 else name
        for name, trace in zip(named, traces, strict=True)
    ]


def _facts(spec: TrainingSpec) -> dict[str, str]:
    """The settings in words; "" where it goes without saying."""
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


def _sentence(spec: TrainingSpec) -> str:
    facts = _facts(spec)
    more = [facts[name] for name in ("precision", "dataset", "images") if facts[name]]
    return ", ".join([settings_sentence(spec.training), *more])
