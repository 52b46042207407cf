"""Help: the keys that work where one came from, read from the bindings themselves."""

from __future__ import annotations

from typing import ClassVar

from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import Screen
from textual.widgets import Static

from workbench.tui.palette import named_actions
from workbench.tui.screens.dialog import Dialog


class HelpScreen(Dialog[None]):
    """A page of keys over the screen that asked."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,question_mark,f1", "dismiss", "close", tooltip="Back"),
        Binding("j,down", "page(1)", "down", show=False),
        Binding("k,up", "page(-1)", "up", show=False),
    ]

    def __init__(self, about: Screen[object]) -> None:
        super().__init__()
        self._about = about

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="dialog wide"):
            yield Static(self._keys())

    def _keys(self) -> Table:
        table = Table.grid(padding=(0, 2))
        table.add_column(justify="right", no_wrap=True)
        table.add_column()
        actions = list(named_actions(self.app, self._about))
        everywhere = [action for action in actions if action.active.node is self.app]
        place = getattr(self._about, "PLACE", "") or "Here"
        for heading, listed in ((place, actions), ("Everywhere", everywhere)):
            table.add_row("", Text(heading, style="bold"))
            for action in listed:
                if listed is everywhere or action not in everywhere:
                    table.add_row(Text(" ".join(action.keys), style="bold"), Text(action.name))
            if listed is actions:
                table.add_row()
        table.add_row(Text("ctrl+p", style="bold"), Text("Actions, models and runs by name"))
        return table

    def action_page(self, step: int) -> None:
        """Scroll a line."""
        scroll = self.query_one(VerticalScroll)
        scroll.scroll_relative(y=step, animate=False)
