"""Changing a preset's training settings by name, as the command line and the tables do."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from pydantic import BaseModel, ValidationError

from workbench.errors import PresetError, nearest
from workbench.model.hyperparameters import (
    OPTIMIZERS,
    SCHEDULES,
    Constant,
    EarlyStopping,
    TrainingSettings,
)
from workbench.model.validated import fault_words


@dataclass(frozen=True)
class Overrides:
    """Settings to change; None leaves the preset's."""

    epochs: int | None = None
    batch_size: int | None = None
    optimizer: str | None = None
    learning_rate: float | None = None
    momentum: float | None = None
    schedule: str | None = None
    early_stopping: int | None = None  # epochs of patience
    min_delta: float | None = None  # of early stopping


def with_overrides(settings: TrainingSettings, overrides: Overrides) -> TrainingSettings:
    """The settings with the given changes.

    A change of optimizer keeps the learning rate and drops momentum and schedule, as the
    paper's Table 9 does from SGD with decay to Adam ("internally managed by Adam").

    Raises:
        PresetError: an unknown name, a value out of range, or momentum for an optimizer
            that has none.
    """
    optimizer: Any = settings.optimizer
    schedule: Any = settings.schedule
    if overrides.optimizer is not None and overrides.optimizer.lower() != optimizer.kind:
        kind = OPTIMIZERS.get(overrides.optimizer.lower())
        if kind is None:
            hint = nearest(overrides.optimizer.lower(), list(OPTIMIZERS))
            raise _about("optimizer", f'no "{overrides.optimizer}"; {hint}')
        optimizer = kind(learning_rate=optimizer.learning_rate)
        schedule = Constant()
    if overrides.learning_rate is not None:
        optimizer = _changed(optimizer, "learning_rate", overrides.learning_rate)
    if overrides.momentum is not None:
        if not hasattr(optimizer, "momentum"):
            words = f"{optimizer.kind} has none; leave it out or use sgd or rmsprop"
            raise _about("momentum", words)
        optimizer = _changed(optimizer, "momentum", overrides.momentum)
    if overrides.schedule is not None:
        name = overrides.schedule.lower().replace("-", "_")
        chosen = SCHEDULES.get(name)
        if chosen is None:
            hint = nearest(name, list(SCHEDULES))
            raise _about("schedule", f'no "{overrides.schedule}"; {hint}')
        # The preset's own schedule of this kind keeps its rate.
        schedule = schedule if schedule.kind == name else chosen()
    changed: Any = settings.model_copy(update={"optimizer": optimizer, "schedule": schedule})
    for name in ("epochs", "batch_size"):
        value = getattr(overrides, name)
        if value is not None:
            changed = _changed(changed, name, value)
    early = changed.early_stopping
    if overrides.early_stopping is not None:
        early = early or EarlyStopping()
        early = _changed(early, "patience", overrides.early_stopping, "early_stopping")
    if overrides.min_delta is not None:
        if early is None:
            raise _about("min_delta", "belongs to early stopping; add --early-stopping 3")
        early = _changed(early, "min_delta", overrides.min_delta)
    result: TrainingSettings = changed.model_copy(update={"early_stopping": early})
    return result


def overrides_from(data: dict[str, Any]) -> Overrides:
    """Overrides from a table row's `set` section.

    Raises:
        PresetError: a key that is no setting.
    """
    known = list(asdict(Overrides()))
    for key in data:
        if key not in known:
            raise PresetError(f'setting "{key}": {nearest(key, known)}')
    return Overrides(**data)


def _about(field: str, words: str) -> PresetError:
    """An error that begins with a setting's name, and carries it."""
    return PresetError(words, field=field, named=field.replace("_", " "))


def _changed(model: Any, field: str, value: object, name: str = "") -> Any:
    """The model with one field changed and checked; the error names the field, or `name`."""
    assert isinstance(model, BaseModel)
    try:
        return type(model).model_validate({**model.model_dump(), field: value})
    except ValidationError as error:
        words = fault_words(error.errors(include_url=False)[0])
        raise _about(name or field, f"{words} (given: {value})") from error
