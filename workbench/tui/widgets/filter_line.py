"""The line to filter with: checked while one types, its fault said in a sentence below."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.widgets import Input, Label, Static

from workbench.errors import QueryError
from workbench.leaderboard.query import parse_filter
from workbench.tui.widgets.row_list import RowList


class Line(Input):
    """Says how to go on from it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "submit", "keep", tooltip="Keep it, and go to the rows"),
    ]


class FilterLine(Vertical):
    """Hidden until it is opened, and while it holds nothing and has not the focus."""

    DEFAULT_CSS = """
    FilterLine { height: auto; display: none; padding: 0 1; }
    FilterLine.open { display: block; }
    FilterLine Horizontal { height: 1; }
    FilterLine Label { color: $muted; width: auto; }
    FilterLine Input { width: 1fr; background: $surface; }
    FilterLine #fault { color: $error; height: auto; display: none; }
    FilterLine.faulty #fault { display: block; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "clear", "all rows", tooltip="Clear the filter"),
        Binding("down", "done", "to the rows", show=False, tooltip="Keep the filter"),
    ]

    class Changed(Message):
        """A filter that can be understood, or none."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

        def can_replace(self, message: Message) -> bool:
            return isinstance(message, FilterLine.Changed)

    def compose(self) -> ComposeResult:
        with Horizontal():
            yield Label("filter ")
            yield Line(
                compact=True, placeholder="preset=cnn-2 lr>=0.001 acc>97 tag:night, or a word"
            )
        yield Static(id="fault", markup=False)

    @property
    def text(self) -> str:
        return self.query_one(Input).value

    def open(self) -> None:
        self.add_class("open")
        self.query_one(Input).focus()

    def set_text(self, text: str) -> None:
        """Filter without going to the line."""
        self.query_one(Input).value = text
        self.set_class(bool(text), "open")

    def action_clear(self) -> None:
        self.set_text("")
        self.screen.query_one(RowList).focus()

    def action_done(self) -> None:
        self.set_class(bool(self.text.strip()), "open")
        self.screen.query_one(RowList).focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        try:
            parse_filter(event.value)
        except QueryError as error:
            self.query_one("#fault", Static).update(f"✗ {error}")
            self.add_class("faulty")
            return
        self.remove_class("faulty")
        self.post_message(self.Changed(event.value))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.action_done()
