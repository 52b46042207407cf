"""Optimizers, learning-rate schedules and the other settings of a training; changing them."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, Field, ValidationError

from workbench.errors import PresetError, nearest
from workbench.formats import count
from workbench.model.validated import Validated, fault_words

Epochs = Annotated[int, Field(ge=1, le=100_000)]
BatchSize = Annotated[int, Field(ge=1, le=1_000_000)]
LearningRate = Annotated[float, Field(gt=0.0, le=1000.0, allow_inf_nan=False)]
Fraction = Annotated[float, Field(ge=0.0, lt=1.0, allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0.0, allow_inf_nan=False)]
Patience = Annotated[int, Field(ge=1, le=100_000)]  # epochs
MinDelta = Annotated[float, Field(ge=0.0, allow_inf_nan=False)]  # of the loss


class SGD(Validated):
    """Stochastic gradient descent, with momentum where it is above 0."""

    kind: Literal["sgd"] = "sgd"
    learning_rate: LearningRate = 0.01
    momentum: Fraction = 0.0
    nesterov: bool = False


class _Moments(Validated):
    kind: str
    learning_rate: LearningRate = 0.001
    beta_1: Fraction = 0.9
    beta_2: Fraction = 0.999
    epsilon: Positive = 1e-7


class Adam(_Moments):
    """Adam, with Keras's defaults."""

    kind: Literal["adam"] = "adam"


class AdamW(_Moments):
    """Adam with decoupled weight decay."""

    kind: Literal["adamw"] = "adamw"
    weight_decay: Annotated[float, Field(ge=0.0, allow_inf_nan=False)] = 0.004


class RMSprop(Validated):
    """RMSprop, with momentum where it is above 0."""

    kind: Literal["rmsprop"] = "rmsprop"
    learning_rate: LearningRate = 0.001
    rho: Fraction = 0.9
    momentum: Fraction = 0.0
    epsilon: Positive = 1e-7


class Nadam(_Moments):
    """Adam with Nesterov momentum."""

    kind: Literal["nadam"] = "nadam"


_Optimizers = SGD | Adam | AdamW | RMSprop | Nadam
Optimizer = Annotated[_Optimizers, Field(discriminator="kind")]
OPTIMIZERS: dict[str, type[_Optimizers]] = {
    cls.model_fields["kind"].default: cls for cls in get_args(_Optimizers)
}
OPTIMIZER_TITLES = {kind: cls.__name__ for kind, cls in OPTIMIZERS.items()}


class Constant(Validated):
    """The optimizer's learning rate throughout."""

    kind: Literal["constant"] = "constant"


class InverseTimeDecay(Validated):
    """learning rate / (1 + decay_rate · step), the `decay` of the paper's Table 9.

    `decay_rate` left out is the paper's: learning rate / epochs.
    """

    kind: Literal["inverse_time_decay"] = "inverse_time_decay"
    decay_rate: Annotated[float, Field(ge=0.0, allow_inf_nan=False)] | None = None


class CosineDecay(Validated):
    """A half cosine from the learning rate down to `alpha` times it at the last step."""

    kind: Literal["cosine"] = "cosine"
    alpha: Annotated[float, Field(ge=0.0, le=1.0)] = 0.0


class ExponentialDecay(Validated):
    """learning rate · decay_rate^epoch, falling smoothly with every step."""

    kind: Literal["exponential"] = "exponential"
    decay_rate: Annotated[float, Field(gt=0.0, le=1.0)] = 0.9


class ReduceOnPlateau(Validated):
    """learning rate · factor whenever the validation loss has not fallen for `patience` epochs."""

    kind: Literal["reduce_on_plateau"] = "reduce_on_plateau"
    factor: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.5
    patience: Patience = 2
    min_delta: MinDelta = 1e-4


_Schedules = Constant | InverseTimeDecay | CosineDecay | ExponentialDecay | ReduceOnPlateau
Schedule = Annotated[_Schedules, Field(discriminator="kind")]
SCHEDULES: dict[str, type[_Schedules]] = {
    cls.model_fields["kind"].default: cls for cls in get_args(_Schedules)
}


class EarlyStopping(Validated):
    """End once the validation loss has not fallen by `min_delta` for `patience` epochs.

    The weights of the best epoch are put back, also where all epochs were trained.
    """

    patience: Patience = 3
    min_delta: MinDelta = 0.0


class TrainingSettings(Validated):
    """How a model is trained: everything but the architecture, the data and the seed."""

    epochs: Epochs = 5
    batch_size: BatchSize = 60
    optimizer: Optimizer = SGD()
    schedule: Schedule = Constant()
    early_stopping: EarlyStopping | None = None

    @property
    def goes_by_validation(self) -> str:
        """What of it looks at validation images, in words; empty where nothing does."""
        if self.early_stopping is not None:
            return "early stopping"
        return "reduce on plateau" if self.schedule.kind == "reduce_on_plateau" else ""

    @property
    def decay_rate(self) -> float | None:
        """The inverse-time decay in force a step, the paper's where none was given."""
        if not isinstance(self.schedule, InverseTimeDecay):
            return None
        if self.schedule.decay_rate is not None:
            return self.schedule.decay_rate
        return self.optimizer.learning_rate / self.epochs

    def rate_at(self, step: int, steps_per_epoch: int) -> float | None:
        """The learning rate after so many optimizer steps; None where losses decide on it."""
        rate, schedule = self.optimizer.learning_rate, self.schedule
        match schedule:
            case InverseTimeDecay():
                return rate / (1.0 + (self.decay_rate or 0.0) * step)
            case CosineDecay():
                share = min(1.0, step / (self.epochs * steps_per_epoch))
                cosine = 0.5 * (1.0 + math.cos(math.pi * share))
                return rate * (schedule.alpha + (1.0 - schedule.alpha) * cosine)
            case ExponentialDecay():
                return float(rate * schedule.decay_rate ** (step / steps_per_epoch))
            case ReduceOnPlateau():
                return None
        return rate


def optimizer_text(optimizer: Optimizer) -> str:
    """The optimizer as the paper's Table 7 writes it: `SGD (momentum 0.7)`."""
    title = OPTIMIZER_TITLES[optimizer.kind]
    extra = []
    momentum = getattr(optimizer, "momentum", 0.0)
    if momentum:
        extra.append(f"momentum {momentum:g}")
    if getattr(optimizer, "nesterov", False):
        extra.append("nesterov")
    if isinstance(optimizer, AdamW):
        extra.append(f"weight decay {optimizer.weight_decay:g}")
    return f"{title} ({', '.join(extra)})" if extra else title


def schedule_text(settings: TrainingSettings) -> str:
    """The schedule in a few words, with the decay in force."""
    schedule = settings.schedule
    match schedule:
        case InverseTimeDecay():
            source = "learning rate / epochs" if schedule.decay_rate is None else "given"
            return f"inverse time decay {settings.decay_rate:g} a step ({source})"
        case CosineDecay():
            return "cosine" if not schedule.alpha else f"cosine to {schedule.alpha:g} of it"
        case ExponentialDecay():
            return f"exponential, × {schedule.decay_rate:g} an epoch"
        case ReduceOnPlateau():
            waits = count(schedule.patience, "epoch")
            return f"× {schedule.factor:g} after {waits} without a lower validation loss"
        case Constant():
            return "constant"


def early_stopping_text(early: EarlyStopping) -> str:
    least = f" by {early.min_delta:g}" if early.min_delta else ""
    waits = count(early.patience, "epoch")
    return f"after {waits} without a validation loss lower{least}, best weights back"


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
            raise PresetError(f'no "{overrides.optimizer}"; {hint}', about="optimizer")
        optimizer = kind(learning_rate=optimizer.learning_rate)
        schedule = Constant()
    if overrides.learning_rate is not None:
        optimizer = _changed(optimizer, "learning_rate", overrides.learning_rate)
    if overrides.momentum is not None:
        if not hasattr(optimizer, "momentum"):
            words = f"{optimizer.kind} has none; leave it out or use sgd or rmsprop"
            raise PresetError(words, about="momentum")
        optimizer = _changed(optimizer, "momentum", overrides.momentum)
    if overrides.schedule is not None:
        name = overrides.schedule.lower().replace("-", "_")
        chosen = SCHEDULES.get(name)
        if chosen is None:
            hint = nearest(name, list(SCHEDULES))
            raise PresetError(f'no "{overrides.schedule}"; {hint}', about="schedule")
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
            words = "belongs to early stopping; add --early-stopping 3"
            raise PresetError(words, about="min_delta")
        early = _changed(early, "min_delta", overrides.min_delta)
    result: TrainingSettings = changed.model_copy(update={"early_stopping": early})
    return result


def overrides_from(data: dict[str, Any]) -> Overrides:
    """Overrides from a table row's `set` section; a PresetError where a key is no setting."""
    known = list(asdict(Overrides()))
    for key in data:
        if key not in known:
            raise PresetError(f'setting "{key}": {nearest(key, known)}')
    return Overrides(**data)


def _changed(model: Any, field: str, value: object, name: str = "") -> Any:
    """The model with one field changed and checked; the error names the field, or `name`."""
    assert isinstance(model, BaseModel)
    try:
        return type(model).model_validate({**model.model_dump(), field: value})
    except ValidationError as error:
        words = fault_words(error.errors(include_url=False)[0])
        raise PresetError(f"{words} (given: {value})", about=name or field) from error
