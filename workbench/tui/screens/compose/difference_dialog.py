"""What the draft changed of the preset it began as."""

from __future__ import annotations

from typing import ClassVar

from rich.style import Style
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widgets import Static

from workbench.model.difference import Difference, DifferenceLine, Sign
from workbench.tui.screens.dialog import Dialog

_COLOURS = {Sign.ADDED: "success", Sign.REMOVED: "error", Sign.CHANGED: "primary"}


class DifferenceDialog(Dialog[None]):
    """All layers with a sign before each that differs, then settings and totals."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,v,enter", "dismiss(None)", "close", tooltip="Back"),
        Binding("j,down", "page(1)", "down", show=False),
        Binding("k,up", "page(-1)", "up", show=False),
        Binding("pagedown,space", "page(10)", "page down", show=False),
        Binding("pageup", "page(-10)", "page up", show=False),
    ]

    def __init__(self, title: str, difference: Difference) -> None:
        super().__init__()
        self._heading, self._difference = title, difference

    def compose(self) -> ComposeResult:
        """The lines, scrolled where they are many."""
        with VerticalScroll(classes="dialog wide"):
            yield Static(self._text())

    def _text(self) -> Text:
        difference = self._difference
        text = Text(self._heading + "\n\n", style="", no_wrap=True, overflow="ellipsis")
        text.stylize("bold", 0, len(self._heading))
        if difference.none:
            text.append("Nothing has changed.")
            return text
        for line in difference.layers:
            self._append(text, line)
        if difference.others:
            text.append("\n")
        for line in difference.others:
            self._append(text, line)
        text.append("\n+ added   - removed   ~ changed", Style(dim=True))
        return text

    def _append(self, text: Text, line: DifferenceLine) -> None:
        colour = _COLOURS.get(line.sign)
        variables = self.app.theme_variables
        style = Style(color=variables[colour]) if colour else Style(dim=True)
        text.append(f"{line}\n", style)

    def action_page(self, by: int) -> None:
        """Scroll."""
        self.query_one(VerticalScroll).scroll_relative(y=by, animate=False)
