"""What was written in the fields, checked by the same code as the command line's options."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from workbench.data.catalogue import DATASET_NAMES
from workbench.errors import RunError, UserError
from workbench.formats import count
from workbench.model.describe import settings_lines
from workbench.model.forms import FieldError, FieldKind, FormField, Limits, field_of
from workbench.model.hyperparameters import (
    OPTIMIZERS,
    SGD,
    EarlyStopping,
    TrainingSettings,
    overrides_from,
    with_overrides,
)
from workbench.model.preset import Preset
from workbench.model.spec import DatasetRef, TrainingSpec
from workbench.queue.search import VALIDATION
from workbench.queue.space import parse_space
from workbench.runs.plan import MOST_REPEATS, Plan, specs_for_preset
from workbench.runs.record import Labels, checked_labels

# Empty, each leaves what the preset has.
NUMBERS = {
    name: replace(field, name=name, optional=True)
    for name, field in {
        "epochs": field_of(TrainingSettings, "epochs"),
        "batch_size": field_of(TrainingSettings, "batch_size"),
        "learning_rate": field_of(SGD, "learning_rate"),
        "momentum": field_of(SGD, "momentum"),
        "early_stopping": field_of(EarlyStopping, "patience"),
        "seed": field_of(TrainingSpec, "seed"),
        "repeats": FormField("repeats", FieldKind.COUNT, limits=Limits(1, MOST_REPEATS)),
        "train_limit": field_of(DatasetRef, "train_limit"),
        "max_pixel": field_of(DatasetRef, "max_pixel"),
    }.items()
}
OVERRIDES = (
    "optimizer",
    "epochs",
    "batch_size",
    "learning_rate",
    "momentum",
    "schedule",
    "early_stopping",
)
# What a search may be begun with from here: a range or a list in one of these fields.
SPACE = ("epochs", "batch_size", "learning_rate", "momentum")
_GROUPED = re.compile(r"\d{1,3}(,\d{3})+")


@dataclass(frozen=True)
class Checked:
    """The trainings that the fields ask for, or one sentence for each field that is wrong.

    Where fields hold ranges, they are the `space` of a search, and `plan` is the rest; `specs`
    are then of the preset's own values in their place.
    """

    specs: list[TrainingSpec] = field(default_factory=list)
    labels: Labels = field(default_factory=Labels)
    errors: Mapping[str, str] = field(default_factory=dict)
    plan: Plan = field(default_factory=Plan)
    space: tuple[str, ...] = ()


def own_values(preset: Preset) -> dict[str, str]:
    """The fields as they are before anything is changed."""
    training, early = preset.training, preset.training.early_stopping
    return {
        "epochs": str(training.epochs),
        "batch_size": str(training.batch_size),
        **optimizer_values(preset, training.optimizer.kind),
        "learning_rate": f"{training.optimizer.learning_rate:g}",
        "validation": VALIDATION if training.goes_by_validation else "",
        "early_stopping": NUMBERS["early_stopping"].text(early.patience if early else None),
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


def is_space(text: str) -> bool:
    """Whether a text is a range or a list of values, and not one number: `1,000` is one."""
    return ".." in text or ("," in text and not _GROUPED.fullmatch(text.strip()))


def check(preset: Preset, values: Mapping[str, str]) -> Checked:
    """The trainings of the fields; an empty field leaves the preset's own setting."""
    given = {name: text.strip() for name, text in values.items()}
    errors: dict[str, str] = {}
    space = {name: given.pop(name) for name in SPACE if is_space(given[name])}
    numbers: dict[str, Any] = {}
    for name, item in NUMBERS.items():
        try:
            numbers[name] = item.parse(given.get(name, ""))
        except FieldError as error:
            errors[name] = str(error)
    overrides = {
        name: numbers.get(name) if name in NUMBERS else given[name] or None for name in OVERRIDES
    }
    labels = Labels()
    try:
        labels = checked_labels(given["tags"].split(), given["note"])
    except RunError as error:
        errors[error.field] = error.reason
    plan = Plan(
        overrides=overrides_from(overrides),
        seed=numbers.get("seed") or 0,
        repeats=numbers.get("repeats") or 1,
        precision=given["precision"],
        dataset=given["dataset"] or "mnist",
        train_limit=numbers.get("train_limit"),
        max_pixel=numbers.get("max_pixel"),
        validation=given["validation"] or None,
    )
    asked = tuple(f"{name}={text}" for name, text in space.items())
    specs: list[TrainingSpec] = []
    try:
        specs = specs_for_preset(preset, plan)
        if asked:
            parse_space(asked, specs[0])
    except UserError as error:
        # What is about no single field is about how model and data go together.
        name = error.field.rpartition(".")[2]
        errors.setdefault(name if name in values else "dataset", error.reason)
    return Checked([] if errors else specs, labels, errors, plan, asked)


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
    if data.validation is not None:
        changed.append(f"{count(data.validation.images, 'image')} for validation")
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
