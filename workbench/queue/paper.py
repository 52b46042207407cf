"""What the paper's tables need: each distinct training once, whichever rows it stands in."""

from __future__ import annotations

from collections.abc import Sequence

from workbench.config import MOST_SEEDS
from workbench.errors import RunError
from workbench.model.spec import Precision, TrainingSpec
from workbench.model.tables import TABLE_NUMBERS, PaperRow, PaperTable, paper_table
from workbench.queue.planning import PlannedTrial
from workbench.queue.store import identity


def tables_of(numbers: Sequence[int]) -> tuple[PaperTable, ...]:
    """The tables of these numbers in the paper's order; all five where none is named.

    Raises:
        PresetError: the paper has no such table of results.
    """
    chosen = {number: paper_table(number) for number in numbers or TABLE_NUMBERS}
    return tuple(chosen[number] for number in sorted(chosen))


def rows_of(tables: Sequence[PaperTable]) -> int:
    """How many rows with results the tables have."""
    return sum(len(table.rows) for table in tables)


def trainings_for(
    tables: Sequence[PaperTable], seeds: int = 1, precision: Precision = "float32"
) -> list[PlannedTrial]:
    """The distinct trainings of these tables, with seeds from 0 on.

    All of seed 0 come before the first of seed 1, so that the tables are whole early.

    Raises:
        RunError: a number of seeds out of range.
    """
    if not 1 <= seeds <= MOST_SEEDS:
        raise RunError(f"seeds: must be from 1 to {MOST_SEEDS:,} (given: {seeds})")
    first: dict[tuple[str, int], tuple[TrainingSpec, list[str]]] = {}
    for table in tables:
        for row in table.rows:
            spec = row.spec(precision=precision)
            first.setdefault(identity(spec), (spec, []))[1].append(place(table, row))
    return [
        PlannedTrial(spec.model_copy(update={"seed": seed}), _label(places))
        for seed in range(seeds)
        for spec, places in first.values()
    ]


def place(table: PaperTable, row: PaperRow) -> str:
    """Where a row stands: `7.4` for Table 7's trial 4, the table's number where rows are models."""
    return f"{table.number}.{row.label}" if row.label.isdigit() else str(table.number)


def _label(places: Sequence[str]) -> str:
    listed = list(dict.fromkeys(places))
    return f"Table {listed[0]}" if len(listed) == 1 else f"Tables {', '.join(listed)}"
