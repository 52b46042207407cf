"""What stands in the border of the table: what it is, and how much of it."""

from __future__ import annotations

from workbench.leaderboard.wording import count
from workbench.text import one_line
from workbench.tui.screens.leaderboard.board import CLAIMS, IMPORTED, Arranged
from workbench.tui.screens.leaderboard.claims import tally


def titles(arranged: Arranged, total: int, selected: int) -> tuple[str, str]:
    """Title and subtitle of the rows on view, of `total` runs."""
    parts = []
    if arranged.comparison is not None:
        table = arranged.comparison.table
        title = f"Table {table.number} · {table.title}"
        parts.append(f"{arranged.comparison.trained} of {len(table.rows)} rows trained")
    elif arranged.view.tab == CLAIMS:
        title = "what the paper concludes, and what our runs say"
        parts.append(tally(arranged.claims))
    elif arranged.view.tab == IMPORTED:
        title = "imported for comparison · not your own"
        hosts = sorted({run.host for run in arranged.runs})
        machines = f"on {one_line(hosts[0])}" if len(hosts) == 1 else f"on {len(hosts)} machines"
        parts.append(f"{count(len(arranged.runs), 'run')} {machines}")
    elif arranged.view.grouped:
        title = "by preset and settings"
        runs = sum(len(group.runs) for group in arranged.groups)
        parts.append(f"{len(arranged.groups):,} groups of {runs:,} runs")
    else:
        title, shown = "all runs", len(arranged.runs)
        if arranged.view.within is not None:
            title = one_line(f"runs of {arranged.view.within.title}")
        parts.append(f"{shown:,} runs" if shown == total else f"{shown:,} of {total:,} runs")
        if arranged.view.within is not None:
            parts.append("esc leads back")
    if selected:
        parts.append(f"{selected} selected")
    return title, " · ".join(parts)
