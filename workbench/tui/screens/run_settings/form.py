"""What was written in the fields, checked by the same code as the command line's options."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from workbench.data.catalogue import DATASET_NAMES
from workbench.errors import PresetError, RunError, UserError
from workbench.formats import count
from workbench.model.describe import settings_lines
from workbench.model.hyperparameters import OPTIMIZERS
from workbench.model.overrides import overrides_from, with_overrides
from workbench.model.preset import Preset
from workbench.model.spec import TrainingSpec
from workbench.runs.plan import MOST_REPEATS, Plan, specs_for_preset
from workbench.runs.record import Labels, checked_labels

# Each repeat is a run with a process of its own that waits for its turn.
WHOLE = ("epochs", "batch_size", "seed", "repeats", "train_limit")
OVERRIDES = ("optimizer", "epochs", "batch_size", "learning_rate", "momentum", "schedule")


@dataclass(frozen=True)
class Checked:
    """The trainings that the fields ask for, or one sentence for each field that is wrong."""

    specs: list[TrainingSpec] = field(default_factory=list)
    labels: Labels = field(default_factory=Labels)
    errors: Mapping[str, str] = field(default_factory=dict)


def own_values(preset: Preset) -> dict[str, str]:
    """The fields as they are before anything is changed."""
    training = preset.training
    return {
        "epochs": str(training.epochs),
        "batch_size": str(training.batch_size),
        **optimizer_values(preset, training.optimizer.kind),
        "learning_rate": f"{training.optimizer.learning_rate:g}",
        "seed": "0",
        "repeats": "1",
        "precision": "float32",
        "dataset": "mnist",
        "max_pixel": "",
        "train_limit": "",
        "tags": "",
        "note": "",
    }


def optimizer_values(preset: Preset, kind: str) -> dict[str, str]:
    """The fields that an optimizer brings with it: itself, momentum and schedule."""
    training = with_overrides(preset.training, overrides_from({"optimizer": kind}))
    momentum = getattr(training.optimizer, "momentum", None)
    return {
        "optimizer": kind,
        "momentum": "" if momentum is None else f"{momentum:g}",
        "schedule": training.schedule.kind,
    }


def has_momentum(kind: str) -> bool:
    """Whether an optimizer knows momentum."""
    return "momentum" in OPTIMIZERS[kind].model_fields


def reads_a_file(values: Mapping[str, str]) -> bool:
    """Whether checking looks through a file, which may take a moment."""
    return values["dataset"].strip() not in DATASET_NAMES


def check(preset: Preset, values: Mapping[str, str]) -> Checked:
    """The trainings of the fields; an empty field leaves the preset's own setting."""
    given = {name: text.strip() for name, text in values.items()}
    errors: dict[str, str] = {}
    numbers: dict[str, Any] = {}
    for name in _NUMBERS:
        try:
            numbers[name] = _number(name, given[name])
        except PresetError as error:
            errors[name] = str(error)
    overrides: dict[str, Any] = {}
    for name in OVERRIDES:
        value = numbers.get(name) if name in given and name in _NUMBERS else given[name]
        if name in errors or value in (None, ""):
            continue
        try:
            with_overrides(
                preset.training,
                overrides_from({"optimizer": given["optimizer"], name: value}),
            )
        except PresetError as error:
            errors[name] = str(error)
        else:
            overrides[name] = value
    labels = Labels()
    try:
        labels = checked_labels(given["tags"].split(), given["note"])
    except RunError as error:
        errors[error.field] = str(error)
    repeats = 1 if numbers.get("repeats") is None else numbers["repeats"]
    if "repeats" not in errors and not 1 <= repeats <= MOST_REPEATS:
        errors["repeats"] = f"repeats: from 1 to {MOST_REPEATS:,} (given: {repeats})"
    plan = Plan(
        overrides=overrides_from(overrides),
        seed=numbers.get("seed") or 0,
        repeats=1 if "repeats" in errors else repeats,
        precision=given["precision"],
        dataset=given["dataset"] or "mnist",
        train_limit=numbers.get("train_limit"),
        max_pixel=numbers.get("max_pixel"),
    )
    try:
        specs = specs_for_preset(preset, plan)
    except UserError as error:
        # What is about no single field is about how model and data go together.
        errors.setdefault(error.field if error.field in given else "dataset", str(error))
        specs = []
    return Checked([] if errors else specs, labels, errors)


_NUMBERS = (*WHOLE, "learning_rate", "momentum", "max_pixel")


def _number(name: str, text: str) -> int | float | None:
    """The number in a field; None where it is empty. Its range is the core's to check."""
    if not text:
        return None
    label = name.replace("_", " ")
    plain = text.replace(",", "").replace("_", "") if name in WHOLE else text
    try:
        return int(plain) if name in WHOLE else float(plain)
    except ValueError:
        kind = "a whole number" if name in WHOLE else "a number"
        raise PresetError(f"{label}: write {kind} (given: {text})") from None


def work_line(specs: list[TrainingSpec]) -> str:
    """How much is trained: `1,000 steps an epoch, 5,000 in all; 3 runs, seeds 0 to 2`."""
    spec = specs[0]
    steps = spec.steps_per_epoch
    total = steps * spec.training.epochs
    line = f"{steps:,} steps an epoch, {total:,} in all"
    if len(specs) > 1:
        line += f"; {count(len(specs), 'run')} in turn, seeds {spec.seed} to {specs[-1].seed}"
    return line


def differences(preset: Preset, spec: TrainingSpec) -> list[str]:
    """What differs from the preset's own training on full MNIST in float32."""
    changed = [
        f"{line.label.lower()} {line.value}"
        for line in settings_lines(preset, spec.training)
        if line.changed
    ]
    data = spec.dataset
    if data.name != "mnist" or data.path is not None:
        changed.append(f"data {data.name}")
    if data.max_pixel is not None:
        changed.append(f"pixels to {data.max_pixel:g}")
    if data.train_limit is not None:
        changed.append(f"the first {count(data.images, 'image')}")
    if spec.precision != "float32":
        changed.append(spec.precision)
    return changed


def place_line(preset: Preset, spec: TrainingSpec) -> str:
    """Where the paper has this training, or what differs from the preset."""
    from workbench.model.tables import paper_rows_by_settings

    as_float32 = spec.model_copy(update={"precision": "float32"})
    numbers = sorted(
        {table.number for table, _ in paper_rows_by_settings().get(as_float32.settings_key, ())}
    )
    changed = differences(preset, spec)
    if numbers:
        tables = ", ".join(map(str, numbers[:-1]))
        tables = f"Tables {tables} and {numbers[-1]}" if tables else f"Table {numbers[0]}"
        precision = "" if spec.precision == "float32" else f", but in {spec.precision}"
        return f"as in the paper's {tables}{precision}"
    if changed:
        return f"differs from the preset: {', '.join(changed)}"
    return "the preset's own settings"
