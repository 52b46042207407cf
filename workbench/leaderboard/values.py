"""What a user types as the value of a filter's term, read by the kind of its field."""

from __future__ import annotations

import math
import re
from typing import Any

from workbench.errors import QueryError, nearest
from workbench.leaderboard.fields import Field, Kind
from workbench.runs.status import STATUS_WORDS

MISSING_WORDS = ("none", "missing")
_YES, _NO = ("yes", "true", "1"), ("no", "false", "0")
_NUMBER = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)\s*([a-z%]*)", re.ASCII)
_DATE = re.compile(r"\d{4}(-\d\d(-\d\d([T ]\d\d(:\d\d(:\d\d)?)?)?)?)?", re.ASCII)
_UNITS: dict[Kind, dict[str, float]] = {
    Kind.NUMBER: {"": 1.0, "k": 1e3, "m": 1e6},
    Kind.SECONDS: {"": 1.0, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0},
    Kind.ACCURACY: {"": 1.0, "%": 0.01},
}


def read_value(field: Field, name: str, text: str) -> Any:
    """The typed text as a value that the field can be compared with; text in lower case.

    Raises:
        QueryError: the text is no value of this kind.
    """
    plain = text.strip().casefold()
    match field.kind:
        case Kind.FLAG:
            if plain not in _YES + _NO:
                raise QueryError(f'filter: {name} is yes or no, not "{text}"')
            return plain in _YES
        case Kind.STATUS:
            if plain not in STATUS_WORDS:
                raise QueryError(f'filter: no status "{text}"; {nearest(plain, STATUS_WORDS)}')
            return plain
        case Kind.TIME:
            if not _DATE.fullmatch(text.strip()):
                raise QueryError(f'filter: {name} is a date such as 2025-11-23, not "{text}"')
            return text.strip().replace(" ", "T")
        case Kind.NUMBER | Kind.SECONDS | Kind.ACCURACY:
            return _number(field.kind, name, plain, text)
    return plain


def _number(kind: Kind, name: str, plain: str, text: str) -> float:
    match = _NUMBER.fullmatch(plain)
    factor = _UNITS[kind].get(match[2]) if match else None
    if match is None or factor is None:
        raise QueryError(f'filter: {name} is {_example(kind)}, not "{text}"')
    value = float(match[1]) * factor
    if kind is Kind.ACCURACY:
        if match[2] == "" and value > 1.0:  # typed as percent
            value /= 100.0
        if not 0.0 <= value <= 1.0:
            raise QueryError(f"filter: {name} lies between 0 and 100 %, not at {text}")
    if not math.isfinite(value):
        raise QueryError(f"filter: {name}: {text} is beyond all numbers")
    return value


def _example(kind: Kind) -> str:
    match kind:
        case Kind.ACCURACY:
            return "an accuracy such as 97.4% or 0.974"
        case Kind.SECONDS:
            return "a duration such as 90s, 5min or 2h"
    return "a number such as 0.001 or 60"
