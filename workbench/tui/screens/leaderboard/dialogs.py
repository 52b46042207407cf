"""What differs between runs, and which columns of scripts are shown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Static

from workbench.leaderboard.table import Table
from workbench.leaderboard.terminal import TableView
from workbench.runs.status import Status
from workbench.tui.screens.dialog import Dialog, ReadingDialog
from workbench.tui.widgets.marked_options import MarkedOptions


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
        Binding("space", "turn", "choose", priority=True, tooltip="Show this column, or not"),
        Binding("enter", "accept", "show", priority=True, tooltip="Show these"),
        Binding("escape,q", "dismiss(None)", "cancel", tooltip="Change nothing"),
        Binding("j", "move(1)", "down", show=False),
        Binding("k", "move(-1)", "up", show=False),
    ]

    def __init__(self, known: Sequence[tuple[str, str]], shown: Iterable[str]) -> None:
        super().__init__()
        self._known, self.chosen = known, set(shown)

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog") as box:
            box.border_subtitle = "space chooses · enter shows them · esc cancels"
            yield Static("Columns; with none chosen, those that tell the runs apart.",
                         classes="question")  # fmt: skip
            yield MarkedOptions(*(self._line(*one) for one in self._known), markup=False)

    def _line(self, name: str, text: str) -> str:
        return f"{Status.FINISHED.mark if name in self.chosen else ' '} {text}"

    def on_mount(self) -> None:
        self.query_one(MarkedOptions).focus()

    @on(MarkedOptions.OptionSelected)
    def action_turn(self) -> None:
        """Choose the column under the cursor, or no longer."""
        columns = self.query_one(MarkedOptions)
        at = columns.highlighted or 0
        self.chosen ^= {self._known[at][0]}
        columns.replace_option_prompt_at_index(at, self._line(*self._known[at]))

    def action_accept(self) -> None:
        self.dismiss(tuple(name for name, _ in self._known if name in self.chosen))

    def action_move(self, step: int) -> None:
        """Down or up, for vim fingers."""
        columns = self.query_one(MarkedOptions)
        columns.action_cursor_down() if step > 0 else columns.action_cursor_up()
