"""A line to write in, laid over the row whose tags or note it changes."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.events import Blur
from textual.message import Message
from textual.widgets import Input

from workbench.tui.widgets.row_list import RowList


class EditLine(Input):
    """Hidden until `edit` lays it over a row. Enter keeps the text, esc leaves it as it was."""

    DEFAULT_CSS = """
    EditLine {
        layer: edit; position: absolute; display: none; background: $panel; color: $foreground;
    }
    EditLine.editing { display: block; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "cancel", tooltip="Change nothing"),
    ]

    class Kept(Message):
        """The text is to be kept as the run's tags or its note."""

        def __init__(self, run_id: str, what: str, text: str) -> None:
            super().__init__()
            self.run_id, self.what, self.text = run_id, what, text

    class Left(Message):
        """Nothing is changed."""

    def __init__(self) -> None:
        super().__init__(compact=True, select_on_focus=False)
        self._run_id = ""
        self._what = ""

    @property
    def editing(self) -> bool:
        """Whether it is open."""
        return self.has_class("editing")

    def edit(self, rows: RowList, run_id: str, what: str, text: str) -> None:
        """Lay the line over the cell of the row under the cursor, or over all of the row."""
        self._run_id, self._what = run_id, what
        region = rows.row_region(rows.cursor)
        x, width = rows.column_region(what)
        if width < 24:
            x, width = min(x, max(0, rows.line_width - 40)), 40
        self.styles.offset = (x, region.y)
        self.styles.width = min(width, rows.line_width - x)
        self.placeholder = "words, with spaces between" if what == "tags" else "a note"
        self.value = text
        self.cursor_position = len(text)
        self.add_class("editing")
        self.focus()

    def close(self) -> None:
        """Hide it."""
        self.remove_class("editing")

    def action_leave(self) -> None:
        self.close()
        self.post_message(self.Left())

    def on_blur(self, event: Blur) -> None:
        """Clicked elsewhere: as esc."""
        if self.editing:
            self.action_leave()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Keep the text; the screen closes the line once the text is sound."""
        event.stop()
        self.post_message(self.Kept(self._run_id, self._what, event.value))
