"""A model's training settings as short labelled lines, with what the paper leaves out marked."""

from __future__ import annotations

from dataclasses import dataclass

from workbench.formats import count
from workbench.model.hyperparameters import (
    OPTIMIZER_TITLES,
    AdamW,
    RMSprop,
    TrainingSettings,
    optimizer_text,
    schedule_text,
)
from workbench.model.preset import Preset


@dataclass(frozen=True)
class SettingLine:
    """One setting. `inferred` says why, where the paper leaves the setting out."""

    field: str  # dotted, as in a preset file: `training.optimizer.learning_rate`
    label: str
    value: str
    inferred: str | None = None
    changed: bool = False  # differs from the preset


def settings_lines(
    preset: Preset, training: TrainingSettings | None = None
) -> tuple[SettingLine, ...]:
    """The settings of a preset, or those it is about to be trained with.

    A setting that was changed from the preset's is the user's own and no longer inferred.
    """
    own = dict(_values(preset.training))
    lines = []
    for field, (label, value) in _values(training or preset.training):
        changed = own.get(field) != (label, value)
        inferred = None if changed else _inferred(preset, field)
        lines.append(SettingLine(field, label, value, inferred, changed))
    return tuple(lines)


def settings_sentence(training: TrainingSettings) -> str:
    """The settings on one line: `SGD (momentum 0.7) at 0.002, 5 epochs, batches of 60`."""
    epochs = count(training.epochs, "epoch")
    parts = [
        f"{optimizer_text(training.optimizer)} at {training.optimizer.learning_rate:g}",
        epochs,
        f"batches of {training.batch_size:,}",
    ]
    if training.schedule.kind != "constant":
        parts.insert(1, schedule_text(training))
    return ", ".join(parts)


def _values(training: TrainingSettings) -> list[tuple[str, tuple[str, str]]]:
    """(field, (label, value)) of every setting in force, the commonest first."""
    optimizer = training.optimizer
    values = [
        ("training.optimizer.kind", ("Optimizer", OPTIMIZER_TITLES[optimizer.kind])),
        ("training.optimizer.learning_rate", ("Learning rate", f"{optimizer.learning_rate:g}")),
    ]
    momentum = getattr(optimizer, "momentum", None)
    if momentum is not None:
        nesterov = ", Nesterov" if getattr(optimizer, "nesterov", False) else ""
        text = f"{momentum:g}{nesterov}" if momentum else f"none{nesterov}"
        values.append(("training.optimizer.momentum", ("Momentum", text)))
    beta_1 = getattr(optimizer, "beta_1", None)
    if beta_1 is not None:
        betas = f"{beta_1:g}, {getattr(optimizer, 'beta_2', 0.0):g}"
        values.append(("training.optimizer.beta_1", ("Betas", betas)))
    if isinstance(optimizer, RMSprop):
        values.append(("training.optimizer.rho", ("Rho", f"{optimizer.rho:g}")))
    epsilon = getattr(optimizer, "epsilon", None)
    if epsilon is not None:
        values.append(("training.optimizer.epsilon", ("Epsilon", f"{epsilon:g}")))
    if isinstance(optimizer, AdamW):
        decay = f"{optimizer.weight_decay:g}"
        values.append(("training.optimizer.weight_decay", ("Weight decay", decay)))
    values += [
        ("training.schedule", ("Schedule", schedule_text(training))),
        ("training.epochs", ("Epochs", f"{training.epochs:,}")),
        ("training.batch_size", ("Batch size", f"{training.batch_size:,}")),
    ]
    return values


def _inferred(preset: Preset, field: str) -> str | None:
    """The reason of the most particular note that covers the field."""
    covering = [
        note
        for note in preset.inferred
        if field == note.setting or field.startswith(f"{note.setting}.")
    ]
    return max(covering, key=lambda note: len(note.setting)).reason if covering else None
