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
from workbench.runs.record import ScriptRecord
from workbench.text import one_line


def heading(traces: Sequence[Trace]) -> tuple[str, str]:
    """The title and the line beneath it; empty where the runs have nothing in common."""
    facts = [_facts(trace) for trace in traces]
    if len(traces) == 1:
        return _full_name(traces[0]), _sentence(traces[0], facts[0])
    titles = {_title(trace) for trace in traces}
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
        seed = [f"seed {trace.spec.seed}"] if trace.spec else []
        named.append(", ".join([_title(trace), *settings, *seed]))
    counted = Counter(named)
    return [
        f"{name}, run {trace.run_id}" if counted[name] > 1 else name
        for name, trace in zip(named, traces, strict=True)
    ]


def _title(trace: Trace) -> str:
    return trace.spec.title if trace.spec else one_line(trace.record.name)


def _full_name(trace: Trace) -> str:
    return f"{_title(trace)}, seed {trace.spec.seed}" if trace.spec else _title(trace)


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


def _sentence(trace: Trace, facts: dict[str, str]) -> str:
    if trace.spec is None:
        return ", ".join(facts.values())
    more = [facts[name] for name in ("precision", "dataset", "images") if facts[name]]
    return ", ".join([settings_sentence(trace.spec.training), *more])
