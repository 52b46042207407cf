"""What stands in the border of the table: what it is, and how much of it."""

from __future__ import annotations

from workbench.tui.screens.leaderboard.board import Arranged


def titles(arranged: Arranged, total: int, selected: int) -> tuple[str, str]:
    """Title and subtitle of the rows on view, of `total` runs."""
    parts = []
    if arranged.comparison is not None:
        table = arranged.comparison.table
        title = f"Table {table.number} · {table.title}".replace("[", r"\[")
        parts.append(f"{arranged.comparison.trained} of {len(table.rows)} rows trained")
    elif arranged.view.grouped:
        title = "by preset and settings"
        runs = sum(len(group.runs) for group in arranged.groups)
        parts.append(f"{len(arranged.groups):,} groups of {runs:,} runs")
    else:
        title, shown = "all runs", len(arranged.runs)
        parts.append(f"{shown:,} runs" if shown == total else f"{shown:,} of {total:,} runs")
    if selected:
        parts.append(f"{selected} selected")
    return title, " · ".join(parts)
