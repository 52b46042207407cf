"""Which of the paper's tables: each on or off, on one line."""

from __future__ import annotations

from typing import ClassVar

from textual.app import RenderResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.events import Click, Key
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget

from workbench.model.tables import TABLE_NUMBERS

CELL = 5  # letters of ` ✓ 3 `


class TablesChoice(Widget, can_focus=True):
    """`chosen` are the numbers that are on; all of them at first."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("right,l", "move(1)", "next", show=False, tooltip="The next table"),
        Binding("left,h", "move(-1)", "before", show=False, tooltip="The table before"),
        Binding("space", "take", "take or leave", show=False, tooltip="Take or leave the table"),
    ]
    DEFAULT_CSS = """
    TablesChoice { height: 1; width: auto; background: $surface; color: $foreground; }
    """

    chosen: reactive[tuple[int, ...]] = reactive(TABLE_NUMBERS)
    cursor: reactive[int] = reactive(0)

    class Changed(Message):
        """Another table was taken or left."""

    def render(self) -> RenderResult:
        """A tick before those that are taken; the one under the cursor stands out."""
        parts = []
        for place, number in enumerate(TABLE_NUMBERS):
            text = f" {'✓' if number in self.chosen else '·'} {number} "
            at = place == self.cursor and self.has_focus
            muted = "" if number in self.chosen else "$muted"
            parts.append(Content.styled(text, "reverse" if at else muted))
        return Content("").join(parts)

    def action_move(self, step: int) -> None:
        """To another table."""
        self.cursor = max(0, min(len(TABLE_NUMBERS) - 1, self.cursor + step))

    def action_take(self) -> None:
        """Take the table, or leave it."""
        number = TABLE_NUMBERS[self.cursor]
        self.chosen = tuple(
            known for known in TABLE_NUMBERS if (known in self.chosen) is not (known == number)
        )
        self.post_message(self.Changed())

    def on_key(self, event: Key) -> None:
        """A table's number takes or leaves it."""
        if event.key.isdecimal() and int(event.key) in TABLE_NUMBERS:
            event.stop()
            event.prevent_default()
            self.cursor = TABLE_NUMBERS.index(int(event.key))
            self.action_take()

    def on_click(self, event: Click) -> None:
        """A click takes or leaves the table."""
        if 0 <= event.x < CELL * len(TABLE_NUMBERS):
            self.cursor = event.x // CELL
            self.action_take()
