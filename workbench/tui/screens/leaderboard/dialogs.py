"""What differs between runs, and which columns of scripts are shown."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import SelectionList, Static

from workbench.leaderboard.export.rich import TableView
from workbench.leaderboard.table import Table
from workbench.tui.screens.dialog import Dialog, ReadingDialog


class RunsDifferenceDialog(ReadingDialog):
    """Runs setting by setting: what differs, and what came of it."""

    def __init__(self, table: Table) -> None:
        super().__init__()
        self._table = table

    def content(self) -> TableView:
        """The table."""
        return TableView(self._table)


class ColumnsDialog(Dialog[tuple[str, ...] | None]):
    """Columns to choose from; returns the chosen ones, or None when stepped out of."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "accept", "show", priority=True, tooltip="Show these"),
        Binding("escape,q", "dismiss(None)", "cancel", tooltip="Change nothing"),
        Binding("j", "move(1)", "down", show=False),
        Binding("k", "move(-1)", "up", show=False),
    ]

    def __init__(self, known: Sequence[tuple[str, str]], shown: Collection[str]) -> None:
        super().__init__()
        self._known, self._shown = known, shown

    def compose(self) -> ComposeResult:
        """A line a column."""
        with Vertical(classes="dialog") as box:
            box.border_subtitle = "space chooses · enter shows them · esc cancels"
            yield Static("Columns; with none chosen, those that tell the runs apart.",
                         classes="question")  # fmt: skip
            yield SelectionList(
                *((Content(text), name, name in self._shown) for name, text in self._known)
            )

    def on_mount(self) -> None:
        """Choose at once."""
        self.query_one(SelectionList).focus()

    def action_accept(self) -> None:
        """Those that are marked, in their order."""
        chosen = set(self.query_one(SelectionList).selected)
        self.dismiss(tuple(name for name, _ in self._known if name in chosen))

    def action_move(self, step: int) -> None:
        """Down or up, for vim fingers."""
        columns = self.query_one(SelectionList)
        columns.action_cursor_down() if step > 0 else columns.action_cursor_up()
