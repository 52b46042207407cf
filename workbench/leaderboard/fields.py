"""The fields of a run's summary by which the leaderboard is filtered and sorted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any

from workbench.errors import QueryError, nearest
from workbench.leaderboard.paper import paper_accuracy, points_off
from workbench.runs.status import Status
from workbench.runs.summary import AnySummary, RunSummary


class Kind(Enum):
    """What a field holds, which decides how a typed value is read and compared."""

    TEXT = "text"
    ID = "an id"
    WORDS = "tags"
    STATUS = "a status"
    NUMBER = "a number"
    ACCURACY = "an accuracy"
    SECONDS = "a duration"
    TIME = "a date"
    FLAG = "yes or no"


@dataclass(frozen=True)
class Field:
    """One field: its documented name, its kind, and which end comes first by default."""

    name: str
    kind: Kind
    descending: bool = False
    read: Callable[[AnySummary], Any] | None = None

    def value(self, summary: AnySummary) -> Any:
        """The field's value; None where the run has none, as one of a script has no seed."""
        value = self.read(summary) if self.read else getattr(summary, self.name, None)
        if isinstance(value, float) and value != value:  # NaN would break every order
            return None
        return value


def _paper(run: AnySummary) -> float | None:
    return paper_accuracy(run.settings_key) if isinstance(run, RunSummary) else None


def run_difference(run: AnySummary) -> float | None:
    """Its accuracy minus the paper's, in percentage points."""
    # A collapsed run is of another kind than what the paper reports.
    if not isinstance(run, RunSummary) or run.state is Status.COLLAPSED:
        return None
    return points_off(run.test_accuracy, _paper(run))


FIELDS = {
    field.name: field
    for field in (
        Field("run_id", Kind.ID),
        Field("preset", Kind.TEXT),
        Field("title", Kind.TEXT),
        Field("status", Kind.STATUS, read=lambda summary: summary.status_words),
        Field("diverged", Kind.FLAG),
        Field("collapsed_to", Kind.NUMBER),
        Field("message", Kind.TEXT),
        Field("test_accuracy", Kind.ACCURACY, descending=True),
        Field("test_loss", Kind.NUMBER),
        Field("validation_accuracy", Kind.ACCURACY, descending=True),
        Field("validation_loss", Kind.NUMBER),
        Field("best_epoch_test_accuracy", Kind.ACCURACY, descending=True),
        Field("best_epoch", Kind.NUMBER),
        Field("epochs", Kind.NUMBER),
        Field("epochs_completed", Kind.NUMBER, descending=True),
        Field("batch_size", Kind.NUMBER),
        Field("optimizer", Kind.TEXT),
        Field("optimizer_text", Kind.TEXT),
        Field("learning_rate", Kind.NUMBER),
        Field("momentum", Kind.NUMBER),
        Field("schedule", Kind.TEXT),
        Field("seed", Kind.NUMBER),
        Field("precision", Kind.TEXT),
        Field("parameters", Kind.NUMBER),
        Field("train_seconds", Kind.SECONDS),
        Field("images_per_second", Kind.NUMBER, descending=True),
        Field("started_at", Kind.TIME, descending=True),
        Field("dataset", Kind.TEXT),
        Field("train_limit", Kind.NUMBER),
        Field("tags", Kind.WORDS),
        Field("note", Kind.TEXT),
        Field("settings_key", Kind.TEXT),
        Field("host", Kind.TEXT),
        Field("cpu", Kind.TEXT),
        Field("cores", Kind.NUMBER),
        Field("threads", Kind.NUMBER),
        Field("tensorflow", Kind.TEXT),
        Field("keras", Kind.TEXT),
        Field("paper_accuracy", Kind.ACCURACY, descending=True, read=_paper),
        Field("difference", Kind.NUMBER, descending=True, read=run_difference),
    )
}

ALIASES = {
    "acc": "test_accuracy",
    "accuracy": "test_accuracy",
    "batch": "batch_size",
    "best": "best_epoch_test_accuracy",
    "bs": "batch_size",
    "date": "started_at",
    "epoch": "epochs",
    "id": "run_id",
    "loss": "test_loss",
    "lr": "learning_rate",
    "model": "preset",
    "opt": "optimizer",
    "paper": "paper_accuracy",
    "params": "parameters",
    "run": "run_id",
    "speed": "images_per_second",
    "started": "started_at",
    "state": "status",
    "tag": "tags",
    "time": "train_seconds",
    "val": "validation_accuracy",
    "validation": "validation_accuracy",
}


def find_field(name: str) -> Field:
    """The field of a name or a short name, in any case, with `-` or `_`.

    Raises:
        QueryError: there is none; the message has the nearest name.
    """
    plain = name.lower().replace("-", "_")
    field = FIELDS.get(ALIASES.get(plain, plain))
    if field is None:
        known = [*FIELDS, *ALIASES]
        hint = nearest(plain, known)
        if hint.startswith("known"):
            hint = "fields are the names in `leaderboard --format json`, such as accuracy or lr"
        raise QueryError(f'no field "{name}": {hint}')
    return field
