"""Imported runs as a table that says whose they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from workbench.formats import count
from workbench.leaderboard.grouping import Group
from workbench.leaderboard.table import Table
from workbench.leaderboard.transfer import machines
from workbench.leaderboard.views import grouped_table, leaderboard_table
from workbench.runs.summary import RunSummary

TITLE = "Imported runs"
EMPTY = "nothing is imported; `mnist-workbench leaderboard import FILE` does so"


def imported_table(summaries: Sequence[RunSummary], title: str = TITLE) -> Table:
    """Imported runs in the order given, one a row."""
    return _said(leaderboard_table(summaries, title), summaries)


def imported_groups_table(groups: Sequence[Group], title: str = TITLE) -> Table:
    """Groups of imported runs in the order given, one a row."""
    return _said(
        grouped_table(groups, f"{title} by settings"),
        [run for group in groups for run in group.runs],
    )


def whose(summaries: Sequence[RunSummary]) -> str:
    """A sentence: these are not one's own, and where they were made."""
    made = ", ".join(
        f"{count(runs, 'run')} on {machine}" for machine, runs in machines(summaries).items()
    )
    return f"Not made here: imported for comparison, and counted nowhere else; {made}."


def _said(table: Table, summaries: Sequence[RunSummary]) -> Table:
    notes = (whose(summaries), *table.footnotes) if summaries else ()
    return replace(table, footnotes=notes, empty=EMPTY)
