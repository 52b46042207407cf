"""The tabs: all runs, the paper's tables, its claims, imported runs, scripts; their headings."""

from __future__ import annotations

from rich.text import Text
from textual.app import RenderResult
from textual.events import Click
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget

from workbench.formats import count
from workbench.model.tables import TABLE_NUMBERS
from workbench.text import one_line
from workbench.tui.screens.leaderboard.board import (
    ALL_RUNS,
    CLAIMS,
    IMPORTED,
    SCRIPTS,
    TABS,
    BoardRows,
)
from workbench.tui.screens.leaderboard.rows import tally

_OTHERS = {ALL_RUNS: "All runs", CLAIMS: "Claims", IMPORTED: "Imported", SCRIPTS: "Scripts"}


class TabLine(Widget):
    """`tab` is the one shown; the other `tabs` are a click or an arrow key away."""

    DEFAULT_CSS = """
    TabLine { height: 1; padding: 0 1; color: $muted; text-wrap: nowrap; }
    """

    tab: reactive[int] = reactive(ALL_RUNS)
    tabs: reactive[tuple[int, ...]] = reactive(TABS)

    class Chosen(Message):
        """A tab was clicked."""

        def __init__(self, tab: int) -> None:
            super().__init__()
            self.tab = tab

    def render(self) -> RenderResult:
        """All tabs, the chosen one between brackets and bold: not by colour alone."""
        text = Text(no_wrap=True, overflow="ellipsis")
        chosen = self.app.theme_variables.get("foreground", "")
        for tab, title in self._titles.items():
            here = tab == self.tab
            text.append(f"[{title}]" if here else f" {title} ", f"bold {chosen}" if here else "")
            text.append(" " * self._gap)
        return text

    def on_click(self, event: Click) -> None:
        place = event.get_content_offset(self)
        if place is None:
            return
        at = 0
        for tab, title in self._titles.items():
            at += len(title) + 2 + self._gap
            if place.x < at:
                self.post_message(self.Chosen(tab))
                return

    def next(self, step: int) -> int:
        """The tab before or after the one shown, around the ends."""
        return self.tabs[(self.tabs.index(self.tab) + step) % len(self.tabs)]

    @property
    def _titles(self) -> dict[int, str]:
        """`All runs`, `Table 3`, `Table 6`; where it is narrow `6`, as `Table 3` stands before."""
        found = {tab: _OTHERS.get(tab, f"Table {tab}") for tab in self.tabs}
        if sum(len(title) + 2 for title in found.values()) > self.content_size.width:
            found |= {tab: str(tab) for tab in TABLE_NUMBERS[1:]}
        return found

    @property
    def _gap(self) -> int:
        """Spaces between two tabs, beside those that a bracket may take."""
        needed = sum(len(title) + 4 for title in self._titles.values()) - 2
        return 2 if needed <= self.content_size.width else 0


def titles(found: BoardRows, total: int, selected: int) -> tuple[str, str]:
    """Title and subtitle of the rows on view, of `total` runs."""
    parts = []
    if found.comparison is not None:
        table = found.comparison.table
        title = f"Table {table.number} · {table.title}"
        parts.append(f"{found.comparison.trained} of {count(len(table.rows), 'row')} trained")
    elif found.query.tab == CLAIMS:
        title = "what the paper concludes, and what our runs say"
        parts.append(tally(found.claims))
    elif found.query.tab == IMPORTED:
        title = "imported for comparison · not your own"
        hosts = sorted({run.host for run in found.runs})
        machines = f"on {one_line(hosts[0]) if len(hosts) == 1 else count(len(hosts), 'machine')}"
        parts.append(f"{count(len(found.runs), 'run')} {machines}")
    elif found.query.tab == SCRIPTS:
        title, shown = "scripts of your own", len(found.scripts)
        parts.append(("" if shown == total else f"{shown:,} of ") + count(total, "run"))
    elif found.query.grouped:
        title = "by preset and settings"
        runs = sum(len(group.runs) for group in found.groups)
        parts.append(f"{count(len(found.groups), 'group')} of {count(runs, 'run')}")
    else:
        title, shown = "all runs", len(found.runs)
        if found.query.within is not None:
            title = one_line(f"runs of {found.query.within.title}")
        parts.append(("" if shown == total else f"{shown:,} of ") + count(total, "run"))
        if found.query.within is not None:
            parts.append("esc leads back")
    if selected:
        parts.append(f"{selected} selected")
    return title, " · ".join(parts)
