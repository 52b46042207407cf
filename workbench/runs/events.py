"""The events of a run, as they stand in `events.jsonl`: one JSON object a line.

Accuracies are fractions, `seconds` are training seconds without pauses, `epoch` counts from 1,
`step` is the number of optimizer steps done. Values that are not finite are written as null.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, field, fields
from typing import Any, ClassVar, Literal

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

# Looked up for each line of a log, so found out once: the fields of a kind, and those that
# hold numbers which may be no number.
_FIELDS = {
    kind: (
        frozenset(item.name for item in fields(kind)),
        tuple(item.name for item in fields(kind) if item.type == "float"),
    )
    for kind in _KINDS.values()
}


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    return value


def parse_line(line: bytes | str) -> Event | None:
    """The event of a line; None for a torn line or an event of a later version.

    A null where a number belongs is read back as NaN.
    """
    try:
        data = json.loads(line)
    except ValueError:  # torn by a kill or a full disk
        return None
    if not isinstance(data, dict):
        return None
    kind = _KINDS.get(data.pop("event", ""))
    if kind is None:
        return None
    known, numbers = _FIELDS[kind]
    values = {key: value for key, value in data.items() if key in known}
    if None in values.values():
        for key in numbers:
            if values.get(key, 0.0) is None:
                values[key] = math.nan
    try:
        return kind(**values)
    except TypeError:  # a required field is missing
        return None
