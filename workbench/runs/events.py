"""The events of a run, as they stand in `events.jsonl`: one JSON object a line.

Accuracies are fractions, `seconds` are training seconds without pauses, `epoch` counts from 1,
`step` is the number of optimizer steps done. Values that are not finite are written as null.
"""

from __future__ import annotations

import json
import math
from dataclasses import MISSING, asdict, dataclass, field, fields
from typing import Any, ClassVar, Literal, get_args

from pydantic_core import from_json

FailureReason = Literal["diverged", "data", "memory", "disk", "error"]


@dataclass(frozen=True)
class Event:
    """What every event has: when it was written, in seconds since 1970."""

    name: ClassVar[str] = ""
    time: float

    def to_line(self) -> str:
        """The event as one line of JSON with its newline."""
        data = {"event": self.name, **asdict(self)}
        return json.dumps(_finite(data), separators=(",", ":"), allow_nan=False) + "\n"


@dataclass(frozen=True)
class Queued(Event):
    """The run waits for those before it in its sequence."""

    name: ClassVar[str] = "queued"


@dataclass(frozen=True)
class Preparing(Event):
    """What the worker does before the first step, in words for the viewer."""

    name: ClassVar[str] = "preparing"
    what: str = "starting the worker"


@dataclass(frozen=True)
class Started(Event):
    """Training begins (or begins again, after a crash) with the model built."""

    name: ClassVar[str] = "started"
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

    name: ClassVar[str] = "batch"
    epoch: int
    step: int
    steps: int
    loss: float
    accuracy: float
    images_per_second: float
    seconds: float


@dataclass(frozen=True)
class Epoch(Event):
    """A whole epoch: means over its training images, and the test set after it."""

    name: ClassVar[str] = "epoch"
    epoch: int
    step: int
    loss: float
    accuracy: float
    test_loss: float
    test_accuracy: float
    images_per_second: float
    epoch_seconds: float
    seconds: float


@dataclass(frozen=True)
class Paused(Event):
    """The worker waits; nothing is lost."""

    name: ClassVar[str] = "paused"
    step: int


@dataclass(frozen=True)
class Resumed(Event):
    """Training goes on from `step`; what was logged beyond it is trained again."""

    name: ClassVar[str] = "resumed"
    epoch: int
    step: int
    seconds: float


@dataclass(frozen=True)
class Ended(Event):
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


@dataclass(frozen=True)
class Finished(Ended):
    """All planned epochs are done. `confusion[true][predicted]` counts test images."""

    name: ClassVar[str] = "finished"
    confusion: list[list[int]] = field(default_factory=list)


@dataclass(frozen=True)
class Stopped(Ended):
    """Stopped on request and saved."""

    name: ClassVar[str] = "stopped"


@dataclass(frozen=True)
class Failed(Ended):
    """Ended by a fault. For `diverged`, `epoch` and `step` say where the loss left the numbers."""

    name: ClassVar[str] = "failed"
    reason: FailureReason = "error"
    message: str = ""
    epoch: int | None = None

    @property
    def diverged(self) -> bool:
        """Whether the loss left the numbers: the same seed would end there again."""
        return self.reason == "diverged"


_KINDS: dict[str, type[Event]] = {
    kind.name: kind
    for kind in (
        Queued,
        Preparing,
        Started,
        Batch,
        Epoch,
        Paused,
        Resumed,
        Finished,
        Stopped,
        Failed,
    )
}

# What values of a field may be of, by its annotation; others have to be null or be refused.
_TYPES: dict[str, tuple[type, ...]] = {
    "float": (float, int),
    "int": (int,),
    "bool": (bool,),
    "str": (str,),
    "FailureReason": (str,),
    "list[list[int]]": (list,),
}
_ANY_SIZE = ("loss", "test_loss")
_LARGEST = 1e15  # of counts and seconds: beyond it no calendar or table goes


@dataclass(frozen=True)
class _Field:
    """What a log may hold in one field of an event."""

    name: str
    types: tuple[type, ...]
    optional: bool  # may be null
    number: bool  # a null is read as NaN
    required: bool
    largest: float | None


def _fields(kind: type[Event]) -> tuple[_Field, ...]:
    found = []
    for item in fields(kind):
        annotation, _, optional = str(item.type).partition(" | ")
        types = _TYPES[annotation]
        largest = 1.0 if item.name.endswith("accuracy") else _LARGEST
        bounded = int in types and item.name not in _ANY_SIZE
        found.append(
            _Field(
                item.name,
                types,
                bool(optional),
                item.type == "float" and item.name not in ("time", "seconds"),
                item.default is MISSING and item.default_factory is MISSING,
                largest if bounded else None,
            )
        )
    return tuple(found)


# Looked up for each line of a log, so found out once.
_FIELDS = {kind: _fields(kind) for kind in _KINDS.values()}
_BOUNDS = {
    kind: tuple((item.name, item.largest) for item in items if item.largest is not None)
    for kind, items in _FIELDS.items()
}
# Kinds with the names and types of their values that were found sound: nearly all lines of a log
# are of a few of them. Those with a text, list or null in them are looked at one by one.
_sound: set[tuple[object, ...]] = set()
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
        data = _json(line)
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
        for key, largest in _BOUNDS[kind]:
            if not 0 <= data[key] <= largest:
                break
        else:
            return kind(**data)
    values = {}
    for item in _FIELDS[kind]:
        value = data.get(item.name)
        if value is None and item.number and item.name in data:
            values[item.name] = math.nan
        elif _fits(value, item):
            values[item.name] = value
        elif item.required:
            raise UnreadableLine
    plain = all(type(value) in (int, float) for value in data.values())
    if plain and values == data and len(values) == len(_FIELDS[kind]) and len(_sound) < _MOST_SOUND:
        _sound.add(shape)
    return kind(**values)


def _json(line: bytes | str) -> Any:
    try:
        return from_json(line)
    except ValueError:  # also where a text names a file of bytes that are no characters
        return json.loads(line)


def _fits(value: Any, item: _Field) -> bool:
    """Whether a field may have this value."""
    if value is None:
        return item.optional
    if type(value) not in item.types:
        return False
    if item.largest is not None:
        return bool(0 <= value <= item.largest)
    if item.name == "reason":
        return value in get_args(FailureReason)
    if item.name == "confusion":
        return all(
            type(row) is list
            and len(row) == len(value)
            and all(type(count) is int and 0 <= count <= _LARGEST for count in row)
            for row in value
        )
    return True
