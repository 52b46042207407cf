"""Our runs of all the paper's rows, at one precision: what the claims are checked against."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from workbench.leaderboard.claims.contrast import Spread, pooled_spread
from workbench.leaderboard.claims.sample import Sample
from workbench.leaderboard.paper import RowComparison, TableComparison, compare_all
from workbench.model.spec import Precision
from workbench.runs.summary import RunSummary

NEURAL_NETWORKS = 3  # the table without convolutions


@dataclass(frozen=True)
class Evidence:
    """The paper's tables with ours, by number."""

    tables: dict[int, TableComparison]

    @cached_property
    def _samples(self) -> dict[int, list[Sample]]:
        return {
            number: [Sample(_name(number, row), row) for row in table.rows]
            for number, table in self.tables.items()
        }

    def samples(self, number: int) -> list[Sample]:
        """The rows of a table, each with a name that tells it from the others."""
        return list(self._samples[number])

    def spread(self, number: int) -> Spread | None:
        """The spread of runs of one row: of this table's rows, else of all rows of its kind."""
        own = pooled_spread(self.samples(number))
        if own is not None or number == NEURAL_NETWORKS:
            return own
        alike = {
            sample.row.settings_key: sample
            for other in self.tables
            if other != NEURAL_NETWORKS
            for sample in self.samples(other)
        }
        return pooled_spread(alike.values())


def gather(summaries: Iterable[RunSummary], precision: Precision) -> Evidence:
    """The finished runs among these of exactly the paper's settings, full MNIST, one precision."""
    return Evidence({part.table.number: part for part in compare_all(summaries, precision)})


def _name(number: int, row: RowComparison) -> str:
    cells = row.row.cells
    match number:
        case 7:
            return f"{cells[0].partition(' (')[0]} at {cells[1]}"
        case 8:
            return f"batch {cells[0]} × {cells[1]} epochs"
    return row.row.label
