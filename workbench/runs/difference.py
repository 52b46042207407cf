"""Runs of any kind compared setting by setting, and what came of each."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from workbench.runs.folder import RunFolder
from workbench.runs.record import RunRecord, ScriptRecord, Setting, flat_settings
from workbench.runs.summary import RunSummary, summary_of

Values = tuple[Setting, ...]  # of a setting, one a run; None where it has none


@dataclass(frozen=True)
class Difference:
    """What differs between runs: settings, then results, each by its name."""

    run_ids: tuple[str, ...]
    settings: dict[str, Values]
    results: dict[str, Values]


def difference(folders: Sequence[RunFolder]) -> Difference:
    """Compare runs; what they share is left out.

    Raises:
        RunError: a run's folder is gone or damaged.
    """
    summaries = [summary_of(folder) for folder in folders]
    results: list[dict[str, Setting]] = []
    for summary in summaries:
        found: dict[str, Setting] = {"state": summary.state.word, "seconds": summary.train_seconds}
        if isinstance(summary, RunSummary):
            names = ("test_accuracy", "test_loss", "validation_accuracy", "validation_loss")
            found |= {name: getattr(summary, name) for name in names}
        else:
            found |= summary.metrics
        results.append(found)
    return Difference(
        tuple(folder.run_id for folder in folders),
        _differing([settings_of(folder.record) for folder in folders]),
        _differing(results),
    )


def settings_of(record: RunRecord) -> dict[str, Setting]:
    """All that a run was started with, by name: what decides its result, then where it ran."""
    found: dict[str, Setting]
    if isinstance(record, ScriptRecord):
        script = record.script
        found = {"name": script.name, "command": shlex.join(script.command), **script.config}
        found |= {"framework": script.framework, **script.versions}
        environment = record.environment.model_dump(exclude={"tensorflow", "keras", "numpy"})
    else:
        spec = record.spec
        layers = enumerate(spec.architecture.layers, 1)
        found = {f"layer {number}": layer.words() for number, layer in layers}
        rest = spec.model_dump(mode="json", exclude={"architecture", "title", "training"})
        found |= flat_settings({**spec.training.model_dump(mode="json"), **rest})
        environment = record.environment.model_dump()
    return found | flat_settings(environment)


def _differing(runs: Sequence[dict[str, Setting]]) -> dict[str, Values]:
    names = dict.fromkeys(name for run in runs for name in run)
    rows = {name: tuple(run.get(name) for run in runs) for name in names}
    return {name: values for name, values in rows.items() if len(set(map(repr, values))) > 1}
