"""What was written in the dialog's fields, checked, and what would come of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from workbench.formats import count
from workbench.model.spec import Precision
from workbench.model.tables import TABLE_NUMBERS
from workbench.queue.paper import MOST_SEEDS, rows_of, tables_of, trainings_for
from workbench.queue.planning import plan_trials
from workbench.queue.store import MOST_JOBS, MOST_TRIALS
from workbench.queue.view import plan_sentence
from workbench.runs.estimate import Speed
from workbench.settings import Home


@dataclass(frozen=True)
class Reproduction:
    """The trainings of these tables, with seeds from 0 on."""

    tables: tuple[int, ...] = TABLE_NUMBERS
    seeds: int = 1
    precision: Precision = "float32"
    jobs: int = 1


def checked(
    tables: Sequence[int], precision: str, numbers: Mapping[str, str]
) -> Reproduction | dict[str, str]:
    """What is asked for, or one sentence for each field that is wrong."""
    errors: dict[str, str] = {}
    if not tables:
        errors["tables"] = "choose one at least"
    values = {
        name: _whole(numbers[name], most, name, errors)
        for name, most in (("seeds", MOST_SEEDS), ("jobs", MOST_JOBS))
    }
    half: Precision = "bfloat16" if precision == "bfloat16" else "float32"
    if not errors:
        trainings = values["seeds"] * len(trainings_for(tables_of(tables)))
        if trainings > MOST_TRIALS:
            errors["seeds"] = f"{trainings:,} trainings; the queue holds at most {MOST_TRIALS:,}"
    return errors or Reproduction(tuple(tables), values["seeds"], half, values["jobs"])


def _whole(text: str, most: int, name: str, errors: dict[str, str]) -> int:
    """The number in a field; an empty one is 1."""
    plain = text.strip().replace(",", "") or "1"
    try:
        number = int(plain)
    except ValueError:
        errors[name] = f"write a whole number (given: {text.strip()})"
        return 1
    if not 1 <= number <= most:
        errors[name] = f"from 1 to {most:,} (given: {number:,})"
    return number


def plan_words(home: Home, asked: Reproduction, speeds: Sequence[Speed]) -> str:
    """`24 rows, 20 trainings: 12 trained already, 8 new; 8 to train: about 41 min, until 16:40.`

    Takes a moment: the leaderboard and the queue are read.
    """
    tables = tables_of(asked.tables)
    wanted = trainings_for(tables, asked.seeds, asked.precision)
    rows = count(rows_of(tables), "row")
    distinct = count(len(wanted) // asked.seeds, "training")
    seeds = f" of {asked.seeds} seeds" if asked.seeds > 1 else ""
    return f"{rows}, {distinct}{seeds}: {plan_sentence(plan_trials(home, wanted), speeds)}"
