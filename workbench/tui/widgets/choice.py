"""One of a few answers on one line, changed with left and right or by its first letter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual.app import RenderResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.events import Click, Key
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget


class Choice(Widget, can_focus=True):
    """`answers` are pairs of a value and what is shown for it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("right", "turn(1)", "next", show=False, tooltip="The next answer"),
        Binding("left", "turn(-1)", "before", show=False, tooltip="The answer before"),
    ]
    DEFAULT_CSS = """
    Choice { height: 1; width: auto; background: $surface; color: $foreground; }
    Choice:focus { background-tint: $foreground 5%; text-style: bold; }
    """

    value: reactive[str] = reactive("")

    @dataclass
    class Changed(Message):
        """Another answer was chosen."""

        choice: Choice
        value: str

        @property
        def control(self) -> Choice:
            """The widget, for selectors of `@on`."""
            return self.choice

    def __init__(
        self,
        answers: Sequence[tuple[str, str]],
        value: str,
        *,
        id: str | None = None,  # noqa: A002
    ) -> None:
        super().__init__(id=id)
        self._answers = list(answers)
        self.set_reactive(Choice.value, value)

    def render(self) -> RenderResult:
        label = dict(self._answers).get(self.value, self.value)
        return Content.assemble(("‹ ", "$primary"), label, (" ›", "$primary"))

    def watch_value(self, value: str) -> None:
        self.post_message(self.Changed(self, value))

    def action_turn(self, step: int) -> None:
        """The next answer, or the one before; round at the ends."""
        values = [value for value, _ in self._answers]
        place = values.index(self.value) if self.value in values else -step
        self.value = values[(place + step) % len(values)]

    def check_consume_key(self, key: str, character: str | None) -> bool:
        """Everything that can be typed belongs to the choice."""
        return bool(character and character.isprintable())

    def on_key(self, event: Key) -> None:
        """A letter takes the next answer that begins with it; those of vim move where none does."""
        if not event.is_printable or event.character is None:
            return
        event.stop()
        event.prevent_default()
        values = [value for value, _ in self._answers]
        place = values.index(self.value) + 1 if self.value in values else 0
        letter = event.character.lower()
        after = [*values[place:], *values[:place]]
        fits = [value for value in after if value.lower().startswith(letter)]
        if fits:
            self.value = fits[0]
        elif letter in "hl ":
            self.action_turn(-1 if letter == "h" else 1)

    def on_click(self, event: Click) -> None:
        self.action_turn(-1 if event.x < 2 else 1)
