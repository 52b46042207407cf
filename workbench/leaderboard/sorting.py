"""Sorting runs by any field: `accuracy`, `-lr`, `preset,accuracy:desc`.

A run without a value stands last, whichever way one sorts: a diverged run is never the best.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from workbench.errors import QueryError
from workbench.leaderboard.fields import Field, Kind, find_field
from workbench.runs.summary import RunSummary

DEFAULT_SORT = "accuracy"
Item = TypeVar("Item")


@dataclass(frozen=True)
class SortKey:
    """One field to sort by, and which way."""

    field: Field
    descending: bool


def parse_sort(text: str) -> tuple[SortKey, ...]:
    """The sort keys of a text, the most important first; accuracy for an empty text.

    `-field` and `field:desc` sort downwards, `+field` and `field:asc` upwards; a bare field
    starts with what one most often looks for: the best accuracy, the newest run, the fastest.

    Raises:
        QueryError: an unknown field or direction.
    """
    keys = []
    for part in text.split(","):
        name, _, direction = part.strip().partition(":")
        sign, direction = "", direction.strip().lower()
        if name[:1] in ("-", "−", "+"):
            sign, name = name[0], name[1:]
        if not name.strip():
            if text.strip():
                raise QueryError(f'sort: a field is missing in "{text}"')
            name = DEFAULT_SORT
        field = find_field(name.strip())
        if direction and direction not in ("asc", "desc"):
            raise QueryError(f'sort: "{direction}" is neither asc nor desc')
        if direction:
            descending = direction == "desc"
        else:
            descending = sign in ("-", "−") if sign else field.descending
        keys.append(SortKey(field, descending))
    return tuple(keys)


def sort_runs(summaries: Sequence[RunSummary], text: str = DEFAULT_SORT) -> list[RunSummary]:
    """The runs sorted by the keys of a text; runs that are equal in all of them by age.

    Raises:
        QueryError: the text cannot be understood.
    """
    return sorted_by(summaries, parse_sort(text))


def sorted_by(summaries: Sequence[RunSummary], keys: Sequence[SortKey]) -> list[RunSummary]:
    """The runs sorted by keys already parsed."""
    runs = sorted(summaries, key=lambda summary: (summary.started_at, summary.run_id))
    # Python's sort keeps the order of equals, so the least important key goes first.
    for key in reversed(keys):
        runs = by_value(runs, partial(_comparable, key.field), descending=key.descending)
    return runs


def by_value(
    items: Iterable[Item], value: Callable[[Item], Any], *, descending: bool
) -> list[Item]:
    """The items by their values; those whose value is None last, either way."""
    present: list[tuple[Any, Item]] = []
    missing: list[Item] = []
    for item in items:
        found = value(item)
        if found is None:
            missing.append(item)
        else:
            present.append((found, item))
    present.sort(key=lambda pair: pair[0], reverse=descending)
    return [item for _, item in present] + missing


def _comparable(field: Field, summary: RunSummary) -> Any:
    """The value in a form that sorts; None where there is none."""
    value = field.value(summary)
    match field.kind:
        case Kind.STATUS:
            return value[0]
        case Kind.WORDS:
            return tuple(word.casefold() for word in value) or None
        case Kind.TEXT | Kind.ID:
            return value.casefold() or None
    return value
