"""One line of tabs: all runs, and the tables of the paper."""

from __future__ import annotations

from rich.text import Text
from textual.app import RenderResult
from textual.events import Click
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget

from workbench.tui.screens.leaderboard.board import ALL_RUNS, TABS


def tab_title(tab: int) -> str:
    """`All runs`, `Table 6`."""
    return "All runs" if tab == ALL_RUNS else f"Table {tab}"


class TabLine(Widget):
    """`tab` is the one shown; others are a click or an arrow key away."""

    DEFAULT_CSS = """
    TabLine { height: 1; padding: 0 1; color: $muted; text-wrap: nowrap; }
    """

    tab: reactive[int] = reactive(ALL_RUNS)

    class Chosen(Message):
        """A tab was clicked."""

        def __init__(self, tab: int) -> None:
            super().__init__()
            self.tab = tab

    def render(self) -> RenderResult:
        """All tabs, the chosen one between brackets and bold: not by colour alone."""
        text = Text(no_wrap=True, overflow="ellipsis")
        chosen = self.app.theme_variables.get("foreground", "")
        for tab in TABS:
            here = tab == self.tab
            title = tab_title(tab)
            text.append(f"[{title}]" if here else f" {title} ", f"bold {chosen}" if here else "")
            text.append("  ")
        return text

    def on_click(self, event: Click) -> None:
        """The tab under the mouse."""
        place = event.get_content_offset(self)
        if place is None:
            return
        at = 0
        for tab in TABS:
            at += len(tab_title(tab)) + 4
            if place.x < at:
                self.post_message(self.Chosen(tab))
                return

    def next(self, step: int) -> int:
        """The tab before or after the one shown, around the ends."""
        return TABS[(TABS.index(self.tab) + step) % len(TABS)]
