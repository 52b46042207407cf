"""Runs of scripts as a table of their own kind: their metrics and their configuration as columns.

They stand in no table of the paper and in no group of seeds: what they mean is the script's affair.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from workbench.errors import QueryError, nearest
from workbench.formats import MISSING, duration, local_time, metric_text
from workbench.leaderboard.table import Align, Cell, Heading, Table, Tone, cell
from workbench.runs.summary import HEADLINES, ScriptSummary

METRIC, CONFIG = "metric.", "config."
MOST_METRICS, MOST_SETTINGS = 4, 6  # shown unasked
# What every one of them has: the heading, and how readily it is left out.
_FACTS = {
    "title": ("Name", 0),
    "status": ("Status", 0),
    "epochs_completed": ("Epochs", 3),
    "step": ("Steps", 7),
    "train_seconds": ("Time", 4),
    "started_at": ("Started", 6),
    "framework": ("Framework", 8),
    "tags": ("Tags", 5),
    "run_id": ("Run", 1),
}
_USUAL = ("epochs_completed", "train_seconds", "started_at", "tags", "run_id")


def value_of(run: ScriptSummary, name: str) -> Any:
    """A column's value; None where the run has none."""
    if name.startswith(METRIC):
        return run.metrics.get(name.removeprefix(METRIC))
    if name.startswith(CONFIG):
        return run.config.get(name.removeprefix(CONFIG))
    return getattr(run, name) or None


def columns_of(runs: Sequence[ScriptSummary], chosen: Iterable[str] = ()) -> list[str]:
    """The columns to show: the chosen ones, or those that tell the runs apart.

    Raises:
        QueryError: no run has one of that name.
    """
    metrics = _by_number(f"{METRIC}{name}" for run in runs for name in run.metrics)
    settings = _by_number(f"{CONFIG}{name}" for run in runs for name in run.config)
    known = [*_FACTS, *metrics, *settings]
    picked = list(dict.fromkeys(chosen))
    for name in picked:
        if name not in known:
            raise QueryError(f'no column "{name}": {nearest(name, known)}')
    if picked:
        return picked
    first = [f"{METRIC}{name}" for name in HEADLINES if f"{METRIC}{name}" in metrics]
    metrics = list(dict.fromkeys([*first, *metrics]))[:MOST_METRICS]
    telling = [name for name in settings if len({repr(value_of(run, name)) for run in runs}) > 1]
    return ["title", "status", *metrics, *telling[:MOST_SETTINGS], *_USUAL]


def sorted_scripts(runs: Sequence[ScriptSummary], order: str) -> list[ScriptSummary]:
    """By a column, `-` before its name for the greatest first; those without a value last.

    Raises:
        QueryError: no run has such a column.
    """
    name = order.removeprefix("-")
    columns_of(runs, [name])

    def rank(run: ScriptSummary) -> tuple[bool, float, str]:
        value = value_of(run, name)
        number = isinstance(value, int | float)
        return not number, float(value) if number else 0.0, str(value).casefold()

    present = [run for run in runs if value_of(run, name) is not None]
    present.sort(key=rank, reverse=order.startswith("-"))
    return present + [run for run in runs if value_of(run, name) is None]


def scripts_table(runs: Sequence[ScriptSummary], columns: Sequence[str]) -> Table:
    """The runs as a table with these columns."""
    rows = tuple(tuple(_cell(run, name) for name in columns) for run in runs)
    records = tuple(run.to_json() for run in runs)
    headings = tuple(map(_heading, columns))
    return Table("Scripts", headings, rows, records=records, empty="no run of a script")


def _heading(name: str) -> Heading:
    if name in _FACTS:
        heading, weight = _FACTS[name]
        right = name in ("epochs_completed", "step", "train_seconds")
        return Heading(heading, Align.RIGHT if right else Align.LEFT, weight)
    plain = name.removeprefix(METRIC).removeprefix(CONFIG)
    return Heading(cell(plain).text, Align.RIGHT, 0 if name.startswith(METRIC) else 2)


def _cell(run: ScriptSummary, name: str) -> Cell:
    value = value_of(run, name)
    if name == "status":
        return Cell(run.state.word, Tone(run.state.role), run.state.mark)
    if name.startswith(METRIC) and name.removeprefix(METRIC) in run.metrics and value is None:
        return Cell("no number", Tone.BAD)
    if value is None:
        return Cell(MISSING)
    if name.startswith(METRIC):
        return cell(metric_text(name, value))
    match name:
        case "train_seconds":
            return Cell(duration(value))
        case "started_at":
            return Cell(local_time(value))
        case "tags":
            return cell(", ".join(value))
        case "epochs_completed" if run.epochs:
            return Cell(f"{value}/{run.epochs}")
    return cell(value)


def _by_number(names: Iterable[str]) -> list[str]:
    """Those that most runs have first; else in the order in which they came."""
    return [name for name, _ in Counter(names).most_common()]
