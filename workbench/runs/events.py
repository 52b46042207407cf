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
from collections.abc import Mapping
from dataclasses import MISSING, Field, asdict, dataclass, field, fields
from typing import Any, ClassVar, Literal, get_args

from pydantic_core import from_json

FailureReason = Literal["diverged", "data", "memory", "disk", "cluster", "error"]

LOG_VERSION = 2  # 1: no first line, and no metrics but loss and accuracy
VALIDATION = "val_"
EVALUATED = ("test_accuracy", "test_loss", "validation_accuracy", "validation_loss")
# Written only where there is something to say.
_ABSENT = ("metrics", "validation_loss", "validation_accuracy", "cold_seconds")


_KINDS: dict[str, type[Event]] = {}  # by the names that stand in a log


@dataclass(frozen=True)
class Event:
    """What every event has: when it was written, in seconds since 1970.

    In a log it has the name of its class, in small letters.
    """

    name: ClassVar[str] = ""
    time: float

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

    version: int = LOG_VERSION


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

    pid: int
    parameters: int
    epochs: int
    steps_per_epoch: int
    images: int
    xla: bool
    device: str
    dataset_sha256: str | None = None


@dataclass(frozen=True)
class Batch(Event):
    """A chunk of `steps` optimizer steps: means over the chunk's images."""

    epoch: int
    step: int
    steps: int
    loss: float = math.nan
    accuracy: float = math.nan
    images_per_second: float = math.nan
    seconds: float = 0.0
    metrics: Mapping[str, float] | None = None

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

    epoch: int
    step: int
    loss: float = math.nan
    accuracy: float = math.nan
    test_loss: float = math.nan
    test_accuracy: float = math.nan
    images_per_second: float = math.nan
    epoch_seconds: float = 0.0
    seconds: float = 0.0
    metrics: Mapping[str, float] | None = None
    validation_loss: float | None = None
    validation_accuracy: float | None = None
    cold_seconds: float | None = None

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

    step: int


@dataclass(frozen=True)
class Resumed(Event):
    """Training goes on from `step`; what was logged beyond it is trained again."""

    epoch: int
    step: int
    seconds: float


@dataclass(frozen=True)
class Ended(Event, logged=False):
    """What every ending has: how far the run came and its results so far.

    `test_accuracy` is that of the last whole epoch; `best_*` of the best epoch, in a field
    of its own, since nothing is chosen by it.
    """

    epochs_completed: int
    step: int
    seconds: float
    images_per_second: float | None
    parameters: int | None = None
    test_loss: float | None = None
    test_accuracy: float | None = None
    best_epoch: int | None = None
    best_epoch_test_accuracy: float | None = None
    peak_memory_mib: float | None = None
    exit_code: int | None = None  # of a command
    metrics: Mapping[str, float] | None = None  # a script's last values
    validation_loss: float | None = None
    validation_accuracy: float | None = None


@dataclass(frozen=True)
class Finished(Ended):
    """All planned epochs are done. `confusion[true][predicted]` counts test images."""

    confusion: list[list[int]] = field(default_factory=list)


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
    epoch: int | None = None

    @property
    def diverged(self) -> bool:
        """Whether the loss left the numbers: the same seed would end there again."""
        return self.reason == "diverged"


# What values of a field may be of, by its annotation; others have to be null or be refused.
_TYPES: dict[str, tuple[type, ...]] = {
    "float": (float, int),
    "int": (int,),
    "bool": (bool,),
    "str": (str,),
    "FailureReason": (str,),
    "list[list[int]]": (list,),
    "Mapping[str, float]": (dict,),
}
# What only the workbench's own loop measures; an event with `metrics` does without.
_MEASURED = frozenset({"loss", "accuracy", "test_loss", "test_accuracy", "images_per_second"})
_ALWAYS = frozenset({"seconds", "epoch_seconds"})  # have a default only for the order of fields
_ANY_SIZE = ("loss", "test_loss", "validation_loss")
_LARGEST = 1e15  # of counts and seconds: beyond it no calendar or table goes


class _Field:
    """What a log may hold in one field of an event."""

    def __init__(self, item: Field[Any]) -> None:
        annotation, _, optional = str(item.type).partition(" | ")
        self.name, self.types = item.name, _TYPES[annotation]
        self.optional = bool(optional)  # may be null
        self.number = item.type == "float" and item.name not in ("time", "seconds")  # null: NaN
        has_default = item.default is not MISSING or item.default_factory is not MISSING
        self.required = item.name in _ALWAYS or not has_default
        # Required where there are no `metrics`.
        self.measured = item.name in _MEASURED and not optional
        bounded = int in self.types and item.name not in (*_ANY_SIZE, "exit_code")
        share = item.name.endswith("accuracy")
        self.largest = (1.0 if share else _LARGEST) if bounded else None

    def fits(self, value: Any) -> bool:
        """Whether it may have this value."""
        if value is None:
            return self.optional
        if type(value) not in self.types:
            return False
        if self.largest is not None:
            return bool(0 <= value <= self.largest)
        if self.name == "reason":
            return value in get_args(FailureReason)
        if self.name == "confusion":
            return all(
                type(row) is list
                and len(row) == len(value)
                and all(type(count) is int and 0 <= count <= _LARGEST for count in row)
                for row in value
            )
        return True


# Looked up for each line of a log, so found out once.
_FIELDS = {kind: tuple(map(_Field, fields(kind))) for kind in _KINDS.values()}
# Kinds with the names and types of their values that were found sound, and what their numbers may
# be at most: nearly all lines of a log are of a few of them. Those with a text, list, mapping or
# null in them are looked at one by one.
_sound: dict[tuple[object, ...], tuple[tuple[str, float], ...]] = {}
_MOST_SOUND = 100


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    return value


class UnreadableLine(ValueError):
    """A line that holds no event: torn, or with a value that the event cannot have."""


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
    name = data.pop("event", None) if isinstance(data, dict) else None
    if not isinstance(name, str):
        raise UnreadableLine
    kind = _KINDS.get(name)
    if kind is None:
        return None
    shape = (kind, *data, *map(type, data.values()))
    if shape in _sound:
        for key, largest in _sound[shape]:
            if not 0 <= data[key] <= largest:
                break
        else:
            return kind(**data)
    values: dict[str, Any] = {}
    measured = "metrics" not in data
    for item in _FIELDS[kind]:
        value = data.get(item.name)
        if value is None and item.number and item.name in data:
            values[item.name] = math.nan
        elif item.name == "metrics" and type(value) is dict:
            values[item.name] = {  # what is no number is left out, null is NaN again
                name: math.nan if number is None else number
                for name, number in value.items()
                if number is None or type(number) in (int, float)
            }
        elif item.fits(value):
            values[item.name] = value
        elif item.required or (item.measured and (measured or value is not None)):
            raise UnreadableLine
    plain = all(type(value) in (int, float) for value in data.values())
    if plain and values == data and len(_sound) < _MOST_SOUND:
        _sound[shape] = tuple(
            (item.name, item.largest)
            for item in _FIELDS[kind]
            if item.largest is not None and item.name in data
        )
    return kind(**values)
