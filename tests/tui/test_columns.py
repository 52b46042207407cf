"""Which columns a list shows at a width, and how wide."""

from __future__ import annotations

import pytest

from workbench.formats import clock
from workbench.leaderboard.table import Column, fitted
from workbench.tui.screens.leaderboard.rows import imported_columns, run_columns
from workbench.tui.widgets.row_list import with_arrow

COLUMNS = (
    Column("name", "Name", 10),
    Column("text", "Text", 8, weight=9, ideal=20),
    Column("time", "Time", 6, weight=2),
)


@pytest.mark.parametrize(
    ("width", "widths"),
    [
        (60, {"name": 10, "text": 20, "time": 6}),
        (35, {"name": 10, "text": 15, "time": 6}),  # less than the ideal, before it goes
        (28, {"name": 10, "text": 8, "time": 6}),
        (27, {"name": 10, "time": 6}),
        (12, {"name": 10}),
        (7, {"name": 8}),  # text that never goes is cut
    ],
)
def test_a_column_shrinks_before_it_goes(width: int, widths: dict[str, int]) -> None:
    assert {column.key: wide for column, wide in fitted(COLUMNS, width)} == widths


@pytest.mark.parametrize(
    ("heading", "width", "shown"),
    [("Model", 12, "Model↓"), ("Seed", 4, "See↓"), ("Diff.  ", 7, "Diff.↓ ")],
)
def test_the_direction_of_sorting_is_seen_however_narrow(
    heading: str, width: int, shown: str
) -> None:
    assert with_arrow(heading, "↓", width) == shown


@pytest.mark.parametrize("columns", [run_columns(), imported_columns()])
def test_a_terminal_of_80_columns_shows_how_long_runs_took(columns: tuple[Column, ...]) -> None:
    shown = {column.key: width for column, width in fitted(columns, 74)}
    assert shown["time"] >= len(clock(5025)) and shown["settings"] >= len("Adam 0.002 120×10")
