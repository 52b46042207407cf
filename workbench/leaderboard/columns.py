"""The columns of runs, of groups and of scripts: the names by which commands and screens filter
and sort them, what a column holds, its heading and what it says.

A sort is written `accuracy`, `-lr`, `preset,accuracy:desc`. A row without a value stands last,
whichever way one sorts: a diverged run is never the best.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Generic, TypeVar

from workbench.errors import QueryError, nearest
from workbench.formats import (
    MISSING,
    duration,
    local_time,
    metric_text,
    number,
    percent,
    percent_spread,
    points,
    seeds_text,
)
from workbench.leaderboard.grouping import Group
from workbench.leaderboard.paper import paper_accuracy, points_off
from workbench.leaderboard.table import RIGHT, Cell, Heading, Tone, cell
from workbench.runs.status import Status
from workbench.runs.summary import HEADLINES, AnySummary, RunSummary, ScriptSummary
from workbench.text import one_line

DEFAULT_SORT = "accuracy"
NO_HEADING = Heading("")
Row = TypeVar("Row")


class Kind(Enum):
    """What a column holds, which decides how it is shown, and how a typed value is compared."""

    TEXT = "text"
    ID = "an id"
    WORDS = "tags"
    STATUS = "a status"
    NUMBER = "a number"
    ACCURACY = "an accuracy"
    SECONDS = "a duration"
    TIME = "a date"
    FLAG = "yes or no"
    ANY = "a value"  # of a script: nobody knows its kind


@dataclass(frozen=True)
class Column(Generic[Row]):
    """One column: its documented name, its kind, and which end comes first by default.

    Those with a heading stand in tables. What they say follows from the kind, with numbers in
    `digits` as of `format`, unless `text` says it. `aliases` are shorter names to type.
    """

    name: str
    kind: Kind = Kind.TEXT
    heading: Heading = NO_HEADING
    text: Callable[[Row], Cell] | None = None
    read: Callable[[Row], Any] | None = None
    descending: bool = False
    digits: str = "g"
    optional: bool = False  # left out of tables where no row has a value
    aliases: tuple[str, ...] = ()

    def value(self, row: Row) -> Any:
        """The value; None where the row has none, as a run of a script has no seed."""
        value = self.read(row) if self.read else getattr(row, self.name, None)
        if isinstance(value, float) and value != value:  # NaN would break every order
            return None
        return value

    def cell(self, row: Row) -> Cell:
        if self.text is not None:
            return self.text(row)
        value = self.value(row)
        match self.kind:
            case Kind.ACCURACY:
                return Cell(percent(value))
            case Kind.SECONDS:
                return Cell(duration(value))
            case Kind.NUMBER:
                return Cell(number(value, self.digits))
            case Kind.TIME:
                return cell(local_time(value))
            case Kind.WORDS:
                return cell(", ".join(value))
        return cell(value)

    def comparable(self, row: Row) -> Any:
        """The value in a form that sorts; None where there is none."""
        value = self.value(row)
        match self.kind:
            case Kind.STATUS:
                return value[0]
            case Kind.WORDS:
                return tuple(word.casefold() for word in value) or None
            case Kind.TEXT | Kind.ID:
                return value.casefold() or None
            case Kind.ANY if value is not None:
                number = isinstance(value, int | float)
                return not number, float(value) if number else 0.0, str(value).casefold()
        return value


# Runs


def run_status(run: AnySummary) -> Cell:
    """How the run came out: a word and a mark."""
    state = run.state
    text = state.word
    if state in (Status.STOPPED, Status.PRUNED) and run.epochs:
        text += f" ({run.epochs_completed}/{run.epochs})"
    elif isinstance(run, RunSummary) and state is Status.COLLAPSED:
        text += f" to {run.collapsed_to}"
    return Cell(text, Tone(state.role), state.mark)


def data_text(run: RunSummary) -> str:
    """The data set, with how many training images where not all."""
    return run.dataset if run.train_limit is None else f"{run.dataset}, {run.train_limit:,}"


def _best_epoch(run: RunSummary) -> Cell:
    best = run.best_epoch_test_accuracy
    return Cell(percent(best) + ("" if best is None else f" ({run.best_epoch})"))


def _paper(run: AnySummary) -> float | None:
    return paper_accuracy(run.settings_key) if isinstance(run, RunSummary) else None


def run_difference(run: AnySummary) -> float | None:
    """Its accuracy minus the paper's, in percentage points."""
    # A collapsed run is of another kind than what the paper reports.
    if not isinstance(run, RunSummary) or run.state is Status.COLLAPSED:
        return None
    return points_off(run.test_accuracy, _paper(run))


RUN_COLUMNS: tuple[Column[RunSummary], ...] = (
    Column("run_id", Kind.ID, Heading("Run", weight=1), aliases=("run", "id")),
    Column("preset", heading=Heading("Model"), aliases=("model",)),
    Column("test_accuracy", Kind.ACCURACY, Heading("Accuracy", RIGHT),
           lambda run: Cell(percent(run.test_accuracy),
                            Tone.PLAIN if run.test_accuracy else Tone.MUTED),
           descending=True, aliases=("accuracy", "acc")),
    Column("validation_accuracy", Kind.ACCURACY, Heading("Validation", RIGHT, 3), descending=True,
           optional=True, aliases=("validation", "val")),
    Column("status", Kind.STATUS, Heading("Status"), run_status, lambda run: run.status_words,
           aliases=("state",)),
    Column("optimizer_text", heading=Heading("Optimizer", weight=2)),
    Column("learning_rate", Kind.NUMBER, Heading("LR", RIGHT, 3), aliases=("lr",)),
    Column("batch_size", Kind.NUMBER, Heading("Batch", RIGHT, 4), digits="d",
           aliases=("batch", "bs")),
    Column("epochs", Kind.NUMBER, Heading("Epochs", RIGHT, 5), digits="d", aliases=("epoch",)),
    Column("seed", Kind.NUMBER, Heading("Seed", RIGHT, 6), lambda run: Cell(str(run.seed))),
    Column("precision", heading=Heading("Precision", weight=8)),
    Column("dataset", heading=Heading("Data", weight=9), text=lambda run: cell(data_text(run))),
    Column("best_epoch_test_accuracy", Kind.ACCURACY, Heading("Best epoch", RIGHT, 11),
           _best_epoch, descending=True, aliases=("best",)),
    Column("train_seconds", Kind.SECONDS, Heading("Time", RIGHT, 4), aliases=("time",)),
    Column("seconds_to_99", Kind.SECONDS, Heading("To 99 %", RIGHT, 14), optional=True,
           aliases=("to99",)),
    Column("cold_seconds_to_99", Kind.SECONDS, Heading("From cold", RIGHT, 14), optional=True),
    Column("images_per_second", Kind.NUMBER, Heading("Images/s", RIGHT, 12), descending=True,
           digits=",.0f", aliases=("speed",)),
    Column("parameters", Kind.NUMBER, Heading("Parameters", RIGHT, 12), digits=",d",
           aliases=("params",)),
    Column("started_at", Kind.TIME, Heading("Started", weight=10), descending=True,
           aliases=("started", "date")),
    Column("tags", Kind.WORDS, Heading("Tags", weight=7), aliases=("tag",)),
    Column("note", heading=Heading("Note", weight=13)),
)  # fmt: skip
# By which runs are filtered and sorted, beside those that stand in tables.
_UNSHOWN: tuple[Column[AnySummary], ...] = (
    Column("diverged", Kind.FLAG),
    Column("optimizer", aliases=("opt",)),
    Column("test_loss", Kind.NUMBER, aliases=("loss",)),
    Column("epochs_completed", Kind.NUMBER, descending=True),
    Column("paper_accuracy", Kind.ACCURACY, read=_paper, descending=True, aliases=("paper",)),
    Column("difference", Kind.NUMBER, read=run_difference, descending=True),
    *map(Column, ("title", "message", "schedule", "settings_key", "host", "cpu", "tensorflow",
                  "keras")),
    *(Column(name, Kind.NUMBER)
      for name in ("collapsed_to", "validation_loss", "best_epoch", "momentum", "train_limit",
                   "cores", "threads")),
)  # fmt: skip
_ALL: tuple[Column[Any], ...] = (*RUN_COLUMNS, *_UNSHOWN)
FIELDS = {column.name: column for column in _ALL}
ALIASES = {alias: column.name for column in _ALL for alias in column.aliases}


def find_field(name: str) -> Column[Any]:
    """The column of runs of a name or a short name, in any case, with `-` or `_`.

    Raises:
        QueryError: there is none; the message has the nearest name.
    """
    plain = name.lower().replace("-", "_")
    field = FIELDS.get(ALIASES.get(plain, plain))
    if field is None:
        hint = nearest(plain, [*FIELDS, *ALIASES])
        if hint.startswith("known"):
            hint = "fields are the names in `leaderboard --format json`, such as accuracy or lr"
        raise QueryError(f'no field "{name}": {hint}')
    return field


# Groups


def group_accuracy(group: Group) -> Cell:
    """Mean and spread of the runs that learned; where none did, what became of them."""
    if group.n:
        tone = Tone.WARNING if group.collapsed else Tone.STRONG
        return cell(percent_spread(group.mean, group.deviation), tone)
    if group.collapsed:
        return cell(group.collapsed_text, Tone.WARNING)
    return cell("diverged", Tone.BAD) if group.diverged else cell(MISSING, Tone.MUTED)


def _collapsed(group: Group) -> Cell:
    """`1 of 3`."""
    text = group.collapsed_text.removesuffix(" collapsed") or MISSING
    return cell(text, Tone.WARNING if group.collapsed else Tone.MUTED)


def group_difference(group: Group) -> float | None:
    """Our mean minus the paper's accuracy, in percentage points."""
    return points_off(group.mean, paper_accuracy(group.settings_key))


def _shared(
    name: str, heading: Heading, text: Callable[[RunSummary], Cell] | None = None
) -> Column[Group]:
    """A column of what all runs of a group share, as of one run."""
    of_run = FIELDS[name]
    say = text or of_run.cell
    return Column(
        name,
        of_run.kind,
        heading,
        lambda group: say(group.example),
        lambda group: of_run.value(group.example),
    )


GROUP_COLUMNS: tuple[Column[Group], ...] = (
    _shared("preset", Heading("Model")),
    Column("test_accuracy", Kind.ACCURACY, Heading("Accuracy", RIGHT), group_accuracy,
           lambda group: group.mean, descending=True),
    Column("n", Kind.NUMBER, Heading("n", RIGHT), descending=True),
    Column("collapsed", Kind.NUMBER, Heading("Collapsed", weight=1), _collapsed,
           lambda group: len(group.collapsed), descending=True),
    Column("diverged", Kind.NUMBER, Heading("Diverged", RIGHT, 1),
           lambda group: cell(group.diverged or MISSING,
                              Tone.BAD if group.diverged else Tone.MUTED), descending=True),
    Column("best", Kind.ACCURACY, Heading("Best", RIGHT, 5), descending=True),
    Column("worst", Kind.ACCURACY, Heading("Worst", RIGHT, 7), descending=True),
    Column("paper_accuracy", Kind.ACCURACY, Heading("Paper", RIGHT, 1),
           read=lambda group: paper_accuracy(group.settings_key), descending=True),
    Column("difference", Kind.NUMBER,
           Heading("Difference", RIGHT, 4, "Diff.",
                   "Differences are in points, ours minus the paper's."),
           lambda group: cell(points(group_difference(group))), group_difference, descending=True),
    _shared("optimizer_text", Heading("Optimizer", weight=1)),
    _shared("learning_rate", Heading("LR", RIGHT, 2)),
    _shared("batch_size", Heading("Batch", RIGHT, 3)),
    _shared("epochs", Heading("Epochs", RIGHT, 3)),
    _shared("schedule", Heading("Schedule", weight=8),
            lambda run: cell(run.schedule.replace("_", " "))),
    _shared("precision", Heading("Precision", weight=6)),
    _shared("dataset", Heading("Data", weight=9)),
    Column("train_seconds", Kind.SECONDS, Heading("Time", RIGHT, 6)),
    Column("seeds", Kind.NUMBER, Heading("Seeds", weight=10),
           lambda group: cell(seeds_text(group.seeds))),
)  # fmt: skip
_OF_GROUPS = {column.name: column for column in GROUP_COLUMNS}


def find_group_column(name: str) -> Column[Group]:
    """The column of groups that a name means: one of their own, or a setting that they share."""
    column = _OF_GROUPS.get(name) or _OF_GROUPS.get(ALIASES.get(name, name))
    return column or _shared(find_field(name).name, NO_HEADING)


# Scripts: runs of people's own, in no table of the paper and no group of seeds

METRIC, CONFIG = "metric.", "config."
MOST_METRICS, MOST_SETTINGS = 4, 6  # shown unasked
SCRIPT_COLUMNS: tuple[Column[ScriptSummary], ...] = (
    Column("title", heading=Heading("Name")),
    Column("status", Kind.STATUS, Heading("Status"), run_status, lambda run: run.status_words),
    Column("epochs_completed", Kind.NUMBER, Heading("Epochs", RIGHT, 3),
           lambda run: Cell(_of_planned(run)), descending=True),
    Column("step", Kind.NUMBER, Heading("Steps", RIGHT, 7), descending=True, digits=",d"),
    Column("train_seconds", Kind.SECONDS, Heading("Time", RIGHT, 4)),
    Column("started_at", Kind.TIME, Heading("Started", weight=6), descending=True),
    Column("framework", heading=Heading("Framework", weight=8)),
    Column("tags", Kind.WORDS, Heading("Tags", weight=5)),
    Column("run_id", Kind.ID, Heading("Run", weight=1)),
)  # fmt: skip
_USUAL = ("epochs_completed", "train_seconds", "started_at", "tags", "run_id")


def _of_planned(run: ScriptSummary) -> str:
    """`3/10`."""
    done = f"{run.epochs_completed}/{run.epochs}" if run.epochs else str(run.epochs_completed)
    return done if run.epochs_completed else MISSING


def _metric(name: str) -> Column[ScriptSummary]:
    def text(run: ScriptSummary) -> Cell:
        value = run.metrics.get(name)
        if value is not None:
            return cell(metric_text(name, value))
        return Cell("no number", Tone.BAD) if name in run.metrics else Cell(MISSING)

    best_last = name.endswith("accuracy")
    heading = Heading(one_line(name), RIGHT)
    return Column(
        METRIC + name, Kind.ANY, heading, text, lambda run: run.metrics.get(name), best_last
    )


def _setting(name: str) -> Column[ScriptSummary]:
    def text(run: ScriptSummary) -> Cell:
        value = run.config.get(name)
        return cell(MISSING if value is None else value)

    heading = Heading(one_line(name), RIGHT, 2)
    return Column(CONFIG + name, Kind.ANY, heading, text, lambda run: run.config.get(name))


def script_columns(runs: Sequence[ScriptSummary]) -> dict[str, Column[ScriptSummary]]:
    """All columns that scripts have, by name: a metric or setting that most have comes first."""
    metrics = Counter(name for run in runs for name in run.metrics)
    settings = Counter(name for run in runs for name in run.config)
    found = [_metric(name) for name, _ in metrics.most_common()]
    found += [_setting(name) for name, _ in settings.most_common()]
    return {column.name: column for column in (*SCRIPT_COLUMNS, *found)}


def find_script_columns(
    runs: Sequence[ScriptSummary], names: Iterable[str]
) -> list[Column[ScriptSummary]]:
    """The columns of these names, each once.

    Raises:
        QueryError: no run has one of that name.
    """
    known = script_columns(runs)
    for name in names:
        if name not in known:
            raise QueryError(f'no column "{name}": {nearest(name, list(known))}')
    return [known[name] for name in dict.fromkeys(names)]


def telling_columns(runs: Sequence[ScriptSummary]) -> list[Column[ScriptSummary]]:
    """What is shown unasked: the main metrics, and the settings that tell these runs apart."""
    known = script_columns(runs)
    first = [METRIC + name for name in HEADLINES]
    metrics = [name for name in (*first, *known) if name.startswith(METRIC) and name in known]
    settings = [
        name
        for name, column in known.items()
        if name.startswith(CONFIG) and len({repr(column.value(run)) for run in runs}) > 1
    ]
    names = ("title", "status", *list(dict.fromkeys(metrics))[:MOST_METRICS],
             *settings[:MOST_SETTINGS], *_USUAL)  # fmt: skip
    return [known[name] for name in names]


# Sorting

# Names that stand for several columns together.
_TOGETHER = {"settings": ("optimizer", "learning_rate", "batch_size", "epochs", "precision")}


@dataclass(frozen=True)
class SortKey(Generic[Row]):
    column: Column[Row]
    descending: bool


def parse_sort(
    text: str, find: Callable[[str], Column[Any]] = find_field
) -> tuple[SortKey[Any], ...]:
    """The sort keys of a text, the most important first; accuracy for an empty text.

    `-field` and `field:desc` sort downwards, `+field` and `field:asc` upwards; a bare field
    starts with what one most often looks for: the best accuracy, the newest run, the fastest.
    `find` gives the column of a name.

    Raises:
        QueryError: an unknown field or direction.
    """
    keys: list[SortKey[Any]] = []
    for part in text.split(","):
        name, _, direction = part.strip().partition(":")
        sign, direction = "", direction.strip().lower()
        if name[:1] in ("-", "−", "+"):
            sign, name = name[0], name[1:]
        if not name.strip():
            if text.strip():
                raise QueryError(f'sort: a field is missing in "{text}"')
            name = DEFAULT_SORT
        name = name.strip()
        columns = [find(one) for one in _TOGETHER.get(name, (name,))]
        if direction not in ("", "asc", "desc"):
            raise QueryError(f'sort: "{direction}" is neither asc nor desc')
        sign = {"asc": "+", "desc": "-"}.get(direction, sign)
        keys += [
            SortKey(column, sign in ("-", "−") if sign else column.descending) for column in columns
        ]
    return tuple(keys)


def sort_runs(summaries: Iterable[RunSummary], text: str = DEFAULT_SORT) -> list[RunSummary]:
    """The runs sorted by the keys of a text; runs that are equal in all of them by age.

    Raises:
        QueryError: the text cannot be understood.
    """
    runs = sorted(summaries, key=lambda summary: (summary.started_at, summary.run_id))
    return sorted_rows(runs, parse_sort(text))


def sorted_rows(rows: Iterable[Row], keys: Sequence[SortKey[Row]]) -> list[Row]:
    """The rows by these keys; equal ones stay in their order."""
    found = list(rows)
    # Python's sort keeps the order of equals, so the least important key goes first.
    for key in reversed(keys):
        found = by_value(found, key.column.comparable, descending=key.descending)
    return found


def by_value(rows: Iterable[Row], value: Callable[[Row], Any], *, descending: bool) -> list[Row]:
    """The rows by their values; those whose value is None last, either way."""
    valued = [(value(row), row) for row in rows]
    present = [pair for pair in valued if pair[0] is not None]
    present.sort(key=lambda pair: pair[0], reverse=descending)
    return [row for _, row in present] + [row for found, row in valued if found is None]
