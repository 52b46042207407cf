"""The lines of a form: a label, an editor and a remark each, and under it what is wrong."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual.app import ComposeResult, RenderResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.events import Click, DescendantFocus, Key
from textual.message import Message
from textual.reactive import reactive
from textual.validation import Function
from textual.widget import Widget
from textual.widgets import Input, Static

from workbench.model.forms import FieldError, FieldKind, FormField
from workbench.tui.widgets.words import say

LONGEST_NUMBER = 40  # characters; no number or size of a form is longer


class Choice(Widget, can_focus=True):
    """One of a few answers on one line, changed with left and right or by its first letter.

    `answers` are values, each with what is shown for it.
    """

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
        choice: Choice
        value: str

        @property
        def control(self) -> Choice:
            """The widget, for selectors of `@on`."""
            return self.choice

    def __init__(self, answers: Mapping[str, str], value: str) -> None:
        super().__init__()
        self._answers = answers
        self.set_reactive(Choice.value, value)

    def render(self) -> RenderResult:
        label = self._answers.get(self.value, self.value)
        return Content.assemble(("‹ ", "$primary"), label, (" ›", "$primary"))

    def watch_value(self, value: str) -> None:
        self.post_message(self.Changed(self, value))

    def action_turn(self, step: int) -> None:
        """The next answer, or the one before; round at the ends."""
        values = list(self._answers)
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
        values = list(self._answers)
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


def editor_of(field: FormField, text: str) -> Input | Choice:
    def is_sound(value: str) -> bool:
        try:
            field.parse(value)
        except FieldError:
            return False
        return True

    if field.kind in (FieldKind.CHOICE, FieldKind.SWITCH):
        return Choice({choice: choice for choice in field.choices}, text)
    editor = Input(
        text,
        placeholder=field.placeholder,
        validators=Function(is_sound),
        max_length=LONGEST_NUMBER,
        compact=True,
    )
    editor.cursor_blink = False  # over a slow line nothing is sent while nobody types
    return editor


def show_error(line: Static, sentence: str) -> None:
    """Say what is wrong in a line that takes no room while nothing is."""
    say(line, f"✗ {sentence}" if sentence else "", layout=True)
    line.set_class(bool(sentence), "shown")


def _id(kind: str, name: str) -> str:
    return f"{kind}-{name.replace('.', '-')}"


class FieldLines(VerticalScroll, can_focus=False, inherit_bindings=False):
    """Fields as (name, label, remark), and the widgets in which they are written by name.

    The arrows are the form's, also where the lines scroll: they go to another field.
    """

    def __init__(
        self,
        fields: Sequence[tuple[str, str, str]],
        editors: Mapping[str, Widget],
        *,
        remarks: bool = True,
        id: str | None = None,  # noqa: A002
    ) -> None:
        super().__init__(id=id)
        self._remarks = remarks
        self._fields, self.editors = fields, editors
        self._faults = {
            name: Static(classes="error", markup=False, id=_id("error", name))
            for name, *_ in fields
        }

    def compose(self) -> ComposeResult:
        for name, title, remark in self._fields:
            with Horizontal(classes="field"):
                yield Static(title, classes="label")
                yield self.editors[name]
                if self._remarks:
                    yield Static(remark, classes="aside", id=_id("aside", name), markup=False)
            yield self._faults[name]

    def on_descendant_focus(self, event: DescendantFocus) -> None:
        """Mark the line one is on; labels do not follow `:focus-within` of their line."""
        for line in self.query(".field"):
            line.set_class(event.widget in line.children, "current")

    def show_errors(self, errors: Mapping[str, str]) -> None:
        for name, line in self._faults.items():
            show_error(line, errors.get(name, ""))

    def focus_first_of(self, errors: Iterable[str]) -> None:
        wrong = set(errors)
        for name, editor in self.editors.items():
            if name in wrong:
                editor.focus()
                return
