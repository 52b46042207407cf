"""Sorting by the columns on the screen, runs and groups alike; what is missing stands last."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from workbench.leaderboard.fields import Field, Kind, find_field
from workbench.leaderboard.grouping import Group
from workbench.leaderboard.paper import paper_accuracy, points_off
from workbench.leaderboard.sorting import SortKey, sorted_by
from workbench.runs.status import Status
from workbench.runs.summary import RunSummary


@dataclass(frozen=True)
class Order:
    """A column's key and which way."""

    column: str = "accuracy"
    downwards: bool = True

    @property
    def text(self) -> str:
        """As `RowList.sorted_by` takes it."""
        return f"-{self.column}" if self.downwards else self.column


def _paper(run: RunSummary) -> float | None:
    return paper_accuracy(run.settings_key)


def run_difference(run: RunSummary) -> float | None:
    """Its accuracy minus the paper's, in percentage points."""
    if run.state is Status.COLLAPSED:  # of another kind than what the paper reports
        return None
    return points_off(run.test_accuracy, _paper(run))


_OWN = {
    "paper": Field("paper", Kind.ACCURACY, descending=True, read=_paper),
    "difference": Field("difference", Kind.NUMBER, descending=True, read=run_difference),
}
# Columns whose key is not the name of a field.
_NAMES = {
    "model": ("preset",),
    "settings": ("optimizer", "learning_rate", "batch_size", "epochs", "precision"),
    "started": ("started_at",),
    "run": ("run_id",),
}

_GROUP_VALUES: dict[str, Callable[[Group], Any]] = {
    "model": lambda group: group.example.preset,
    "settings": lambda group: (
        group.example.optimizer,
        group.example.learning_rate,
        group.example.batch_size,
        group.example.epochs,
    ),
    "accuracy": lambda group: group.mean,
    "n": lambda group: group.n,
    "best": lambda group: group.best,
    "worst": lambda group: group.worst,
    "paper": lambda group: paper_accuracy(group.settings_key),
    "difference": lambda group: group_difference(group),
    "time": lambda group: group.train_seconds,
    "seeds": lambda group: group.seeds,
    "collapsed": lambda group: len(group.collapsed),
    "diverged": lambda group: group.diverged,
}
_GROUPS_DOWNWARDS = {
    "accuracy", "n", "best", "worst", "paper", "difference", "collapsed", "diverged",
}  # fmt: skip


def group_difference(group: Group) -> float | None:
    """Our mean minus the paper's accuracy, in percentage points."""
    return points_off(group.mean, _paper(group.example))


def starts_downwards(column: str, grouped: bool) -> bool:
    """Which way one most often wants a column: the best, the newest, the fastest first."""
    if grouped:
        return column in _GROUPS_DOWNWARDS
    return _field_keys(column, None)[0].descending


def sort_runs(runs: Sequence[RunSummary], order: Order) -> list[RunSummary]:
    """The runs in an order."""
    return sorted_by(runs, _field_keys(order.column, order.downwards))


def sort_groups(groups: Sequence[Group], order: Order) -> list[Group]:
    """The groups in an order; by their mean where the column is none of theirs."""
    value = _GROUP_VALUES.get(order.column, _GROUP_VALUES["accuracy"])
    present = [(value(group), group) for group in groups]
    with_value = [pair for pair in present if pair[0] is not None]
    with_value.sort(key=lambda pair: pair[0], reverse=order.downwards)
    return [group for _, group in with_value] + [group for got, group in present if got is None]


def _field_keys(column: str, downwards: bool | None) -> list[SortKey]:
    fields = [_OWN[column]] if column in _OWN else [find_field(n) for n in _field_names(column)]
    return [
        SortKey(field, field.descending if downwards is None else downwards) for field in fields
    ]


def _field_names(column: str) -> tuple[str, ...]:
    return _NAMES.get(column, (column,))
