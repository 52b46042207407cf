"""The events of a run, as they stand in `events.jsonl`: one JSON object a line.

Accuracies are fractions, `seconds` are training seconds without pauses, `epoch` counts from 1,
`step` is the number of optimizer steps done. Values that are not finite are written as null.

The workbench's own loop writes loss and accuracy as fields. A script's metrics have any names; its
events carry all of them in `metrics`, and none of the fields that only the own loop measures.
`val_` before a name says that it is of the validation data, as in Keras.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import MISSING, asdict, dataclass, field, fields
from functools import cache
from typing import Any, ClassVar, Literal, get_args

from pydantic_core import CoreSchema, SchemaValidator, ValidationError, from_json
from pydantic_core import core_schema as core

FailureReason = Literal["diverged", "data", "memory", "disk", "cluster", "error"]

LOG_VERSION = 2  # 1: no first line, and no metrics but loss and accuracy
VALIDATION = "val_"
EVALUATED = ("test_accuracy", "test_loss", "validation_accuracy", "validation_loss")
# Written only where there is something to say.
_ABSENT = ("metrics", "validation_loss", "validation_accuracy", "cold_seconds")
# What only the workbench's own loop measures; an event with `metrics` does without.
_MEASURED = frozenset({"loss", "accuracy", "test_loss", "test_accuracy", "images_per_second"})
_ALWAYS = frozenset({"seconds", "epoch_seconds"})  # have a default only for the order of fields


def _numbers(metrics: object) -> object:
    """Metrics by name: what is no number is left out, null is NaN again."""
    if type(metrics) is not dict:
        return metrics
    plain = {name: math.nan if value is None else value for name, value in metrics.items()}
    return {name: value for name, value in plain.items() if type(value) in (int, float)}


def _square(table: list[list[int]]) -> list[list[int]]:
    if any(len(row) != len(table) for row in table):
        raise ValueError("not square")
    return table


def _null_is_nan(value: object, check: Callable[[object], float]) -> float:
    return math.nan if value is None else check(value)


# What a log may hold in a field, by its annotation. Beyond the largest of counts and seconds no
# calendar or table goes; losses may be of any size.
Count = int
Amount = float
Share = float
Metrics = Mapping[str, float] | None
Confusion = list[list[int]]
_COUNT = core.int_schema(strict=True, ge=0, le=10**15)
_NUMBER = core.float_schema(strict=True)
_SCHEMAS: dict[str, CoreSchema] = {
    "Count": _COUNT,
    "Amount": core.float_schema(strict=True, ge=0, le=1e15),
    "Share": core.float_schema(strict=True, ge=0, le=1),
    "float": _NUMBER,
    "int": core.int_schema(strict=True),
    "bool": core.bool_schema(strict=True),
    "str": core.str_schema(),
    "FailureReason": core.literal_schema(list(get_args(FailureReason))),
    "Metrics": core.no_info_before_validator_function(
        _numbers, core.nullable_schema(core.dict_schema(core.str_schema(), _NUMBER))
    ),
    "Confusion": core.no_info_after_validator_function(
        _square, core.list_schema(core.list_schema(_COUNT))
    ),
}

_KINDS: dict[str, type[Event]] = {}  # by the names that stand in a log


@dataclass(frozen=True)
class Event:
    """What every event has: when it was written, in seconds since 1970.

    In a log it has the name of its class, in small letters.
    """

    name: ClassVar[str] = ""
    time: Amount

    def __init_subclass__(cls, *, logged: bool = True) -> None:
        if logged:
            cls.name = cls.__name__.lower()
            _KINDS[cls.name] = cls

    def to_line(self) -> str:
        data = {"event": self.name, **asdict(self)}
        for name in _ABSENT:
            if data.get(name, 0) is None:
                del data[name]
        if "metrics" in data:
            # What only the own loop measures says nothing where `metrics` does.
            data = {
                key: value
                for key, value in data.items()
                if key not in _MEASURED or not (value is None or value != value)
            }
        return json.dumps(_finite(data), separators=(",", ":"), allow_nan=False) + "\n"


@dataclass(frozen=True)
class Log(Event):
    """The first line: how the lines below it are to be read."""

    version: Count = LOG_VERSION


@dataclass(frozen=True)
class Queued(Event):
    """The run waits for those before it in its sequence."""


@dataclass(frozen=True)
class Preparing(Event):
    """What the worker does before the first step, in words for the viewer."""

    what: str = "starting the worker"


@dataclass(frozen=True)
class Started(Event):
    """Training begins (or begins again, after a crash) with the model built.

    Of a script 0 stands for what is not known.
    """

    pid: Count
    parameters: Count
    epochs: Count
    steps_per_epoch: Count
    images: Count
    xla: bool
    device: str
    dataset_sha256: str | None = None


@dataclass(frozen=True)
class Batch(Event):
    """A chunk of `steps` optimizer steps: means over the chunk's images."""

    epoch: Count
    step: Count
    steps: Count
    loss: float = math.nan
    accuracy: Share = math.nan
    images_per_second: Amount = math.nan
    seconds: Amount = 0.0
    metrics: Metrics = None

    @property
    def values(self) -> Mapping[str, float]:
        if self.metrics is not None:
            return self.metrics
        return {"loss": self.loss, "accuracy": self.accuracy}


@dataclass(frozen=True)
class Epoch(Event):
    """A whole epoch: means over its training images, and what was evaluated after it.

    That is the test set, or where there are validation images those; the other is NaN or None.
    `cold_seconds` are those since its worker's process began, where it began for this run alone.
    """

    epoch: Count
    step: Count
    loss: float = math.nan
    accuracy: Share = math.nan
    test_loss: float = math.nan
    test_accuracy: Share = math.nan
    images_per_second: Amount = math.nan
    epoch_seconds: Amount = 0.0
    seconds: Amount = 0.0
    metrics: Metrics = None
    validation_loss: float | None = None
    validation_accuracy: Share | None = None
    cold_seconds: Amount | None = None

    @property
    def judged(self) -> tuple[float, float]:
        """Loss and accuracy of what was looked at after it: of validation where there is some."""
        if self.validation_loss is None:
            return self.test_loss, self.test_accuracy
        accuracy = self.validation_accuracy
        return self.validation_loss, math.nan if accuracy is None else accuracy

    @property
    def evaluated(self) -> dict[str, Any]:
        """What was evaluated after it, as fields of an ending; None for what was not."""
        found = {name: getattr(self, name) for name in EVALUATED}
        return {name: None if value != value else value for name, value in found.items()}


@dataclass(frozen=True)
class Paused(Event):
    """The worker waits; nothing is lost."""

    step: Count


@dataclass(frozen=True)
class Resumed(Event):
    """Training goes on from `step`; what was logged beyond it is trained again."""

    epoch: Count
    step: Count
    seconds: Amount


@dataclass(frozen=True)
class Ended(Event, logged=False):
    """What every ending has: how far the run came and its results so far.

    `test_accuracy` is that of the last whole epoch; `best_*` of the best epoch, in a field
    of its own, since nothing is chosen by it.
    """

    epochs_completed: Count
    step: Count
    seconds: Amount
    images_per_second: Amount | None = None
    parameters: Count | None = None
    test_loss: float | None = None
    test_accuracy: Share | None = None
    best_epoch: Count | None = None
    best_epoch_test_accuracy: Share | None = None
    peak_memory_mib: Amount | None = None
    exit_code: int | None = None  # of a command
    metrics: Metrics = None  # a script's last values
    validation_loss: float | None = None
    validation_accuracy: Share | None = None


@dataclass(frozen=True)
class Finished(Ended):
    """All planned epochs are done. `confusion[true][predicted]` counts test images."""

    confusion: Confusion = field(default_factory=list)


@dataclass(frozen=True)
class Stopped(Ended):
    """Stopped on request and saved."""


@dataclass(frozen=True)
class Pruned(Stopped):
    """Stopped and saved by a search, which saw that it would not be chosen."""


@dataclass(frozen=True)
class Failed(Ended):
    """Ended by a fault. For `diverged`, `epoch` and `step` say where the loss left the numbers."""

    reason: FailureReason = "error"
    message: str = ""
    epoch: Count | None = None

    @property
    def diverged(self) -> bool:
        """Whether the loss left the numbers: the same seed would end there again."""
        return self.reason == "diverged"


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    return value


class UnreadableLine(ValueError):
    """A line that holds no event: torn, or with a value that the event cannot have."""


@cache
def _reader(name: str) -> tuple[Callable[[object], Event], frozenset[str]]:
    """How events of a name are read, and which of their fields none can do without."""
    kind = _KINDS[name]
    needed, arguments = set(), []
    for item in fields(kind):
        annotation, _, null = str(item.type).partition(" | ")
        schema = _SCHEMAS[annotation]
        if null:
            schema = core.nullable_schema(schema)
        elif schema["type"] == "float" and item.name not in ("time", "seconds"):
            schema = core.no_info_wrap_validator_function(_null_is_nan, schema)
        if item.default_factory is not MISSING:
            schema = core.with_default_schema(schema, default_factory=item.default_factory)
        elif item.default is not MISSING:
            schema = core.with_default_schema(schema, default=item.default)
        else:
            needed.add(item.name)
        arguments.append(core.dataclass_field(item.name, schema))
    names = [item.name for item in fields(kind)]
    needed |= {*names} & (_ALWAYS | (_MEASURED if kind in (Batch, Epoch) else set()))
    schema = core.dataclass_schema(kind, core.dataclass_args_schema(name, arguments), names)
    return SchemaValidator(schema).validate_python, frozenset(needed)


def parse_line(line: bytes | str) -> Event | None:
    """The event of a line; None for an event of a later version.

    A null where a number belongs is read back as NaN. A value that cannot be is taken for missing
    where the event can do without.

    Raises:
        UnreadableLine: there is no event in it.
    """
    try:
        try:
            data = from_json(line)
        except ValueError:  # also where a text names a file of bytes that are no characters
            data = json.loads(line)
    except (ValueError, RecursionError) as error:  # torn by a kill or a full disk
        raise UnreadableLine from error
    name = data.get("event") if isinstance(data, dict) else None
    if not isinstance(name, str):
        raise UnreadableLine
    if name not in _KINDS:
        return None
    read, needed = _reader(name)
    if needed - data.keys() - (_MEASURED if "metrics" in data else frozenset()):
        raise UnreadableLine
    try:
        return read(data)
    except ValidationError as error:
        wrong = {fault["loc"][0] for fault in error.errors(include_url=False)}
        if wrong & needed:
            raise UnreadableLine from error
        return read({name: value for name, value in data.items() if name not in wrong})
