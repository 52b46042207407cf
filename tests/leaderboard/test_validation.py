"""Validation accuracies have a column of their own, and only where there are some."""

from __future__ import annotations

from tests.leaderboard.conftest import MakeSummary
from workbench.cli.runs import _table
from workbench.leaderboard.grouping import group_runs
from workbench.leaderboard.query import filter_runs
from workbench.leaderboard.table import Table
from workbench.leaderboard.views import leaderboard_table


def shown(table: Table) -> list[dict[str, str]]:
    heads = [heading.text for heading in table.headings]
    return [dict(zip(heads, (cell.text for cell in row), strict=True)) for row in table.rows]


def test_a_column_beside_the_accuracy_of_the_test(make_summary: MakeSummary) -> None:
    plain = make_summary(test_accuracy=0.9)
    trial = make_summary(test_accuracy=None, validation_accuracy=0.95)
    for table in (leaderboard_table([plain, trial]), _table([(plain, "run"), (trial, "search")])):
        first, second = shown(table)
        assert (first["Accuracy"], second["Accuracy"]) == ("90.00 %", "–")
        assert (first["Validation"], second["Validation"]) == ("–", "95.00 %")
    assert "Validation" not in shown(leaderboard_table([plain]))[0]
    assert "Validation" not in shown(_table([(plain, "run")]))[0]


def test_it_is_filtered_by_and_counts_as_no_result(make_summary: MakeSummary) -> None:
    trial = make_summary(test_accuracy=None, validation_accuracy=0.95)
    runs = [make_summary(test_accuracy=0.9), trial]
    assert filter_runs(runs, "val>=95") == [trial]
    assert group_runs([trial])[0].n == 0
