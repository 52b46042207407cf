"""The filter language: `preset=cnn-2 optimizer=adam lr>=0.001 tag:best`.

Terms stand side by side and all must hold; `or`, `not` and parentheses join them otherwise
(`(lr>0.01 or tag:best) not preset=nn-1`), and `or` binds least. A term is a field, an operator
(`= != < <= > >=`, or `:` for "contains") and a value, in quotes where it has spaces; or a bare
word, which is looked for in preset, title, state, note and tags, and as the beginning of the
run's id. A run's id may be cut short, as in commands. Letter case never matters. Accuracies may be
typed as percent or fraction (`97.4`, `97.4%`, `0.974`), durations as `90`, `90s`, `1.5min` or `2h`,
dates, in local time, as far as one likes (`2025`, `2025-11-23`), and `none` is a value that is
missing. Of scripts, `metric.NAME` and `config.NAME` are fields too (`config.lr>0.001`); their names
are as the script gave them, letter case included.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from workbench.errors import QueryError, nearest
from workbench.formats import local_iso
from workbench.leaderboard.columns import Kind, find_field
from workbench.runs.status import STATUS_WORDS
from workbench.runs.summary import AnySummary, RunSummary, ScriptSummary

SomeSummary = TypeVar("SomeSummary", RunSummary, ScriptSummary)
Matcher = Callable[[Any], bool]  # of a value
Test = Callable[[AnySummary, Sequence[str]], bool]  # of a run, and of texts that are said of it

_TERM = re.compile(
    r"""\s*(?:(?P<field>(?:metric|config)\.[^\s"'()=<>!:≠≤≥]+|[A-Za-z_][\w.-]*)\s*(?P<operator>!=|<=|>=|==|=|<|>|:|≠|≤|≥)\s*)?
    (?P<value>"[^"]*"|'[^']*'|[()]|[^\s"'()][^\s()]*)?""",
    re.VERBOSE,
)
_SPELLINGS = {"==": "=", "≠": "!=", "≤": "<=", "≥": ">="}
_ORDERS: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}

MOST_NESTED = 100
OR, NOT, _PARENTHESES = "or", "not", ("(", ")")
_JOINING = {"or": OR, "||": OR, "not": NOT, "and": "", "&&": ""}
MISSING_WORDS = ("none", "missing")
_YES, _NO = ("yes", "true", "1"), ("no", "false", "0")
_NUMBER = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)\s*([a-z%]*)", re.ASCII)
_DATE = re.compile(r"\d{4}(-\d\d(-\d\d([T ]\d\d(:\d\d(:\d\d)?)?)?)?)?", re.ASCII)
_UNITS: dict[Kind, dict[str, float]] = {
    Kind.NUMBER: {"": 1.0, "k": 1e3, "m": 1e6},
    Kind.SECONDS: {"": 1.0, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0},
    Kind.ACCURACY: {"": 1.0, "%": 0.01},
}
_EXAMPLES = {
    Kind.NUMBER: "a number such as 0.001 or 60",
    Kind.SECONDS: "a duration such as 90s, 5min or 2h",
    Kind.ACCURACY: "an accuracy such as 97.4% or 0.974",
}


@dataclass(frozen=True)
class Filter:
    """A filter understood: the test that lets a run through."""

    test: Test

    def matches(self, summary: AnySummary, *more: str) -> bool:
        """Whether the run is let through; bare words may also stand in one of `more` texts."""
        return self.test(summary, more)


def parse_filter(text: str) -> Filter:
    """The filter of a text; an empty text lets all through.

    Raises:
        QueryError: an unknown field, a value of the wrong kind, an unclosed quote or parenthesis,
            `or` or `not` with nothing to join.
    """
    tokens = _tokens(text)
    if not tokens:
        return Filter(lambda run, more: True)
    if sum(token in ("(", NOT) for token in tokens) > MOST_NESTED:
        raise QueryError(f'filter: more than {MOST_NESTED} times "(" or "not"; shorten it')
    test = _either(tokens)
    if tokens:
        raise QueryError('filter: ")" closes what was not opened; quote it to look for it')
    return Filter(test)


def _tokens(text: str) -> list[str | Test]:
    """Tests of single terms, and what joins them."""
    found: list[str | Test] = []
    position, end = 0, len(text.rstrip())
    while position < end:
        match = _TERM.match(text, position)
        assert match is not None  # every part of the pattern may be empty
        name, sign, value = match["field"], match["operator"], match["value"]
        if value is None or (name is not None and value in _PARENTHESES):
            rest = text[match.end() :].strip()
            if rest[:1] in ('"', "'"):
                raise QueryError(f"filter: {rest[0]} is opened and not closed in {rest!r}")
            raise QueryError(f'filter: "{name}{sign}" needs a value')
        position = match.end()
        quoted = value[0] in "\"'" and value[-1] == value[0] and len(value) > 1
        value = value[1:-1] if quoted else value
        if name is not None:
            found.append(_term(name, _SPELLINGS.get(sign, sign), value, quoted))
        elif quoted or value not in _PARENTHESES:
            found += _word(value, quoted)
        else:
            found.append(value)
    return found


def _either(tokens: list[str | Test]) -> Test:
    """One of several, of which each holds as a whole."""
    choices = [_all(tokens)]
    while tokens and tokens[0] == OR:
        del tokens[0]
        choices.append(_all(tokens))
    if len(choices) == 1:
        return choices[0]
    return lambda run, more: any(choice(run, more) for choice in choices)


def _all(tokens: list[str | Test]) -> Test:
    tests = []
    while tokens and tokens[0] not in (OR, ")"):
        tests.append(_one(tokens))
    if not tests:
        raise QueryError(
            'filter: "or", "not" and "(" need a term on each side that they join; quote them to '
            "look for them"
        )
    return lambda run, more: all(test(run, more) for test in tests)


def _one(tokens: list[str | Test]) -> Test:
    token = tokens.pop(0)
    if not isinstance(token, str):
        return token
    if token == NOT:
        if not tokens or tokens[0] in (OR, ")"):
            raise QueryError('filter: "not" needs a term after it; quote it to look for it')
        test = _one(tokens)
        return lambda run, more: not test(run, more)
    test = _either(tokens)
    if not tokens:
        raise QueryError('filter: "(" is opened and not closed; quote it to look for it')
    del tokens[0]
    return test


def filter_runs(summaries: Sequence[SomeSummary], text: str) -> list[SomeSummary]:
    """The runs that a filter lets through, in the order given.

    Raises:
        QueryError: the filter cannot be understood.
    """
    chosen = parse_filter(text)
    return [summary for summary in summaries if chosen.matches(summary)]


def _word(word: str, quoted: bool) -> list[str | Test]:
    """What a bare word means; `and` may be written between terms, as it is meant.

    Raises:
        QueryError: an operator without a field.
    """
    if not quoted and word[0] in "=<>!:≠≤≥":
        raise QueryError(f'filter: "{word}" needs a field before it, such as accuracy{word}')
    joined = None if quoted else _JOINING.get(word.lower())
    if joined is not None:
        return [joined] if joined else []
    wanted = word.casefold()

    def test(run: AnySummary, more: Sequence[str]) -> bool:
        preset, state = getattr(run, "preset", ""), run.state.word
        text = "\n".join((preset, run.title, state, run.note, *run.tags, *more)).casefold()
        return wanted in text or run.run_id.casefold().startswith(wanted)

    return [test]


def _term(name: str, sign: str, text: str, quoted: bool) -> Test:
    """The test of a field; a run that has no such field, as a script has no seed, misses it."""
    missing = text.lower() in MISSING_WORDS and not quoted and sign in ("=", "!=", ":")
    source, _, key = name.partition(".")
    own = {"metric": "metrics", "config": "config"}.get(source.lower()) if key else None
    if own is not None:
        value_of: Callable[[Any], Any] = lambda run: getattr(run, own, {}).get(key)  # noqa: E731
        matches = None if missing else _value_matcher(sign, text)
    else:
        field = find_field(name)
        value_of = field.value
        matches = None if missing else _field_matcher(field.kind, name, sign, text)
    nothing = (None, "", ()) if own is None else (None,)

    def test(run: AnySummary, more: Sequence[str]) -> bool:
        value = value_of(run)
        if matches is None:
            return (value in nothing) is (sign != "!=")
        return sign == "!=" if value is None else matches(value)

    return test


def _value_matcher(sign: str, text: str) -> Matcher:
    """Compares with a value of a script, whose kind nobody knows: as numbers where both are.

    Raises:
        QueryError: the text is no number where one is needed.
    """
    plain = text.strip().casefold()
    number = _NUMBER.fullmatch(plain)
    factor = ({"%": 0.01} | _UNITS[Kind.NUMBER]).get(number[2]) if number else None
    wanted = float(number[1]) * factor if number and factor else None
    if sign in _ORDERS and wanted is None:
        raise QueryError(f'filter: "{text}" is no number; use = != or : with other values')

    def compare(value: Any) -> bool:
        numeric = isinstance(value, int | float) and not isinstance(value, bool)
        if sign in _ORDERS:
            return numeric and bool(_ORDERS[sign](value, wanted))
        if sign == ":":
            return plain in str(value).casefold()
        if numeric and wanted is not None:
            equal = abs(value - wanted) <= 1e-6 * abs(wanted)
        else:
            equal = str(value).casefold() == plain
        return equal is (sign == "=")

    return compare


def _field_matcher(kind: Kind, name: str, sign: str, text: str) -> Matcher:
    if kind in (Kind.TEXT, Kind.ID, Kind.WORDS, Kind.STATUS, Kind.FLAG) and sign in _ORDERS:
        raise QueryError(f"filter: {name} is {kind.value}; use = != or : with it")
    wanted = _read_value(kind, name, text)
    equals, order = _equality(kind, sign, wanted), _ORDERS.get(sign)

    def matches(value: Any) -> bool:
        if kind is Kind.TIME:
            # As many letters as were typed, so that a day holds all its hours; local time.
            value = local_iso(value)[: len(wanted)]
        equal = equals(value)
        if order is None:
            return equal is (sign != "!=")
        return "=" in sign if equal else order(value, wanted)

    return matches


def _equality(kind: Kind, sign: str, wanted: Any) -> Matcher:
    match kind:
        case Kind.TEXT | Kind.ID if sign == ":":
            return lambda value: wanted in value.casefold()
        case Kind.TEXT:
            return lambda value: bool(value.casefold() == wanted)
        case Kind.ID:
            return lambda value: bool(value.casefold().startswith(wanted))
        case Kind.WORDS | Kind.STATUS:
            return lambda value: wanted in (word.casefold() for word in value)
        case Kind.FLAG | Kind.TIME:
            return lambda value: bool(value == wanted)
    # What is shown as 97.49 % equals 97.49: half of the last place shown, and for other
    # numbers what float32 loses.
    slack = 5e-5 if kind is Kind.ACCURACY else 1e-6 * abs(wanted)
    return lambda value: bool(abs(value - wanted) < slack or value == wanted)


def _read_value(kind: Kind, name: str, text: str) -> Any:
    """The typed text as a value that the field can be compared with; text in lower case.

    Raises:
        QueryError: the text is no value of this kind.
    """
    plain = text.strip().casefold()
    match kind:
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
            return _number(kind, name, plain, text)
    return plain


def _number(kind: Kind, name: str, plain: str, text: str) -> float:
    match = _NUMBER.fullmatch(plain)
    factor = _UNITS[kind].get(match[2]) if match else None
    if match is None or factor is None:
        raise QueryError(f'filter: {name} is {_EXAMPLES[kind]}, not "{text}"')
    value = float(match[1]) * factor
    if kind is Kind.ACCURACY:
        if match[2] == "" and value > 1.0:  # typed as percent
            value /= 100.0
        if not 0.0 <= value <= 1.0:
            raise QueryError(f"filter: {name} lies between 0 and 100 %, not at {text}")
    if not math.isfinite(value):
        raise QueryError(f"filter: {name}: {text} is beyond all numbers")
    return value
