"""A searchable list over the screen: kinds of layer to add, models to start from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Input, Label, OptionList
from textual.widgets.option_list import Option

from workbench.settings import style_sheet
from workbench.tui.screens.dialog import Dialog
from workbench.tui.widgets.marked_options import MarkedOptions


@dataclass(frozen=True)
class Pick:
    """One entry: what is returned, its name, and one line about it."""

    key: str
    name: str
    words: str


class PickDialog(Dialog[str | None]):
    """Type to narrow the list; returns the chosen entry's key, None when stepped out of."""

    CSS_PATH: ClassVar = style_sheet("pick")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", "cancel", tooltip="Change nothing"),
        Binding("down,ctrl+n", "move(1)", "down", show=False, priority=True),
        Binding("up,ctrl+p", "move(-1)", "up", show=False, priority=True),
    ]

    def __init__(self, question: str, picks: list[Pick]) -> None:
        super().__init__()
        self._question, self._picks = question, picks

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog wide pick") as box:
            box.border_subtitle = "↑ ↓ move · enter chooses · esc cancels"
            yield Label(self._question, classes="question", markup=False)
            yield Input(placeholder="type to search", compact=True)
            yield MarkedOptions(markup=False)

    def on_mount(self) -> None:
        self._narrow("")
        self.query_one(Input).focus()

    @on(Input.Changed)
    def _searched(self, event: Input.Changed) -> None:
        self._narrow(event.value)

    def _narrow(self, wanted: str) -> None:
        words = wanted.casefold().split()
        by_name, by_words = [], []
        for pick in self._picks:
            if all(word in pick.name.casefold() for word in words):
                by_name.append(pick)
            elif all(word in f"{pick.name} {pick.words}".casefold() for word in words):
                by_words.append(pick)
        column = max((len(pick.name) for pick in self._picks), default=0)
        options = self.query_one(OptionList)
        options.clear_options()
        options.add_options(
            Option(_entry(pick, min(column, 26)), id=pick.key) for pick in [*by_name, *by_words]
        )
        if options.option_count:
            options.highlighted = 0
        else:
            options.add_option(Option(Text("Nothing of this name."), disabled=True))

    def action_move(self, by: int) -> None:
        """Down or up, while the line keeps the focus."""
        options = self.query_one(OptionList)
        options.action_cursor_down() if by > 0 else options.action_cursor_up()

    @on(Input.Submitted)
    def _entered(self) -> None:
        options = self.query_one(OptionList)
        if options.highlighted is not None:
            self.dismiss(options.get_option_at_index(options.highlighted).id)

    @on(OptionList.OptionSelected)
    def _selected(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(event.option.id)


def _entry(pick: Pick, column: int) -> Text:
    text = Text(no_wrap=True, overflow="ellipsis")
    text.append(pick.name.ljust(column), "bold")
    text.append(f"  {pick.words}")
    return text
