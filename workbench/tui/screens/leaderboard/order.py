"""Sorting by the columns on the screen, runs and groups alike; what is missing stands last."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from workbench.leaderboard.fields import find_field
from workbench.leaderboard.grouping import Group
from workbench.leaderboard.paper import paper_accuracy, points_off
from workbench.leaderboard.sorting import SortKey, by_value, sorted_by
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


# Columns whose key is not the name of a field.
_NAMES = {
    "model": ("preset",),
    "settings": ("optimizer", "learning_rate", "batch_size", "epochs", "precision"),
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
    return points_off(group.mean, paper_accuracy(group.settings_key))


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
    return by_value(groups, value, descending=order.downwards)


def _field_keys(column: str, downwards: bool | None) -> list[SortKey]:
    fields = [find_field(name) for name in _NAMES.get(column, (column,))]
    return [
        SortKey(field, field.descending if downwards is None else downwards) for field in fields
    ]
