"""The form of what is under the cursor: seen always, written in once it has the focus.

It is one widget, not one a field: moving through a long stack shows a form a row, and over a
slow line only lines that differ may be sent.
"""

from __future__ import annotations

import textwrap
from typing import Any, ClassVar

from pydantic import BaseModel
from rich.style import Style
from rich.text import Text
from textual.binding import Binding, BindingType
from textual.events import Click, Key, Paste
from textual.message import Message

from workbench.model.fields import FieldKind, FormField
from workbench.model.forms import Checked, Form, form_of
from workbench.tui.screens.compose.lines import LineView

LONGEST = 40  # characters; no value of a form is longer
_KEYS = {
    "home": "start",
    "ctrl+a": "start",
    "end": "end",
    "ctrl+e": "end",
    "backspace": "before",
    "ctrl+h": "before",
    "delete": "after",
    "ctrl+u": "line",
    "ctrl+w": "line",
}


class TextLine:
    """`text` with a caret. A text just entered is chosen as a whole: typing replaces it."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.caret = len(text)
        self.chosen = bool(text)

    def move(self, by: int) -> None:
        """Move the caret."""
        self.chosen = False
        self.caret = max(0, min(self.caret + by, len(self.text)))

    def insert(self, typed: str) -> None:
        """Write at the caret, or over what is chosen."""
        if self.chosen:
            self.text, self.caret, self.chosen = "", 0, False
        typed = "".join(sign for sign in typed if sign.isprintable())
        typed = typed[: LONGEST - len(self.text)]
        self.text = self.text[: self.caret] + typed + self.text[self.caret :]
        self.caret += len(typed)

    def takes(self, key: str) -> bool:
        """Whether a key that types nothing means anything here."""
        return key in _KEYS

    def key(self, key: str, typed: str | None) -> bool:
        """Take a key; whether it means anything here."""
        if typed:
            self.insert(typed)
            return True
        match _KEYS.get(key):
            case "start":
                self.move(-LONGEST)
            case "end":
                self.move(LONGEST)
            case "before":
                self._cut(self.caret - 1, self.caret)
            case "after":
                self._cut(self.caret, self.caret + 1)
            case "line":
                self._cut(0, self.caret)
            case _:
                return False
        return True

    def _cut(self, start: int, end: int) -> None:
        if self.chosen:
            start, end, self.chosen = 0, len(self.text), False
        start = max(0, start)
        self.text = self.text[:start] + self.text[end:]
        self.caret = start

    def shown(self) -> Text:
        """The text with its caret, or its choice, in reverse."""
        if self.chosen:
            return Text.assemble((self.text, Style(reverse=True)))
        under = self.text[self.caret : self.caret + 1] or " "
        return Text.assemble(
            self.text[: self.caret], (under, Style(reverse=True)), self.text[self.caret + 1 :]
        )


_SHORT = 20  # lines
_CHOSEN = (FieldKind.CHOICE, FieldKind.SWITCH)


class FormView(LineView, can_focus=True):
    """Shows one value's form. While it has the focus, valid values are told as they are typed."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "enter",
            "keep",
            "keep",
            key_display="enter",
            tooltip="Keep the values and step back to the layers",
        ),
        Binding("escape", "put_back", "put back", tooltip="Put back what was there before"),
        Binding("down,tab", "next(1)", "next", key_display="↓", tooltip="Next field"),
        Binding("up,shift+tab", "next(-1)", "previous", key_display="↑", tooltip="Field before"),
        Binding("right", "right", "choose", key_display="←→", tooltip="Right, or next choice"),
        Binding("left", "left", "choose", show=False, tooltip="Left, or choice before"),
    ]

    class Opened(Message):
        """The form is written in from now on."""

    class Edited(Message):
        """The fields make this value; None while one of them is wrong."""

        def __init__(self, value: Any) -> None:
            super().__init__()
            self.value = value

    class Closed(Message):
        """The form is left; `put_back` asks for what was there before."""

        def __init__(self, put_back: bool) -> None:
            super().__init__()
            self.put_back = put_back

    def __init__(self) -> None:
        super().__init__(id="form", classes="panel")
        self._form: Form | None = None
        self._value: BaseModel | None = None
        self._texts: dict[str, str] = {}
        self._begun: dict[str, str] = {}
        self._checked = Checked()
        self._facts = self._title = ""
        self._index = 0
        self._editing = False
        self._line = TextLine("")
        self._owners: list[int] = []

    def show(self, value: BaseModel, title: str, facts: str) -> None:
        """Show a value; while one is edited here, only the facts beside it change."""
        self._facts = facts
        if self._title != title:  # a title resends the whole widget
            self.border_title = self._title = title
        if not self._editing:
            self._load(value)
        self.rebuild()

    def _load(self, value: BaseModel) -> None:
        if value == self._value:
            return
        form = form_of(value)
        if form is not self._form:
            self._index = 0
            self.scroll_to(y=0, animate=False)
        self._form, self._value = form, value
        self._texts = form.texts(value)
        self._begun = dict(self._texts)
        self._checked = Checked(value)

    @property
    def fields(self) -> tuple[FormField, ...]:
        """The fields on view."""
        return self._form.fields if self._form else ()

    @property
    def field(self) -> FormField | None:
        """The field that is written in."""
        return self.fields[self._index] if self._index < len(self.fields) else None

    def on_focus(self) -> None:
        """Begin, or go on after the terminal itself was away."""
        if not self._editing:
            self._editing = True
            self._begun = dict(self._texts)
            self._enter(self._index)
            self.post_message(self.Opened())
        self.rebuild()

    def on_blur(self) -> None:
        """Left by mouse or by a dialog: what is right stays, what is not goes."""
        if self._editing and self.app.app_focus:
            self._close(put_back=False)

    def abandon(self) -> None:
        """Forget what is written here: the draft is another one."""
        self._editing = False
        self._index = 0
        self._value = None  # loaded anew from the draft, whatever was typed

    def _close(self, put_back: bool) -> None:
        self.abandon()
        self.post_message(self.Closed(put_back))

    def action_keep(self) -> None:
        """Step back with the values, unless one is wrong."""
        wrong = [i for i, item in enumerate(self.fields) if item.name in self._checked.errors]
        if wrong:
            if self._index not in wrong:
                self._enter(wrong[0])
            self.rebuild()
        elif not self._checked.errors:
            self._close(put_back=False)

    def action_put_back(self) -> None:
        """Step back without the values."""
        self._close(put_back=True)

    def action_next(self, by: int) -> None:
        """Another field, around the end."""
        if self.fields:
            self._enter((self._index + by) % len(self.fields))
            self.rebuild()

    def _enter(self, index: int) -> None:
        self._index = index
        if self.field is not None:
            self._line = TextLine(self._texts[self.field.name])

    def action_right(self) -> None:
        """The caret to the right, or the next choice."""
        self._sideways(1)

    def action_left(self) -> None:
        """The caret to the left, or the choice before."""
        self._sideways(-1)

    def _sideways(self, by: int) -> None:
        field = self.field
        if field is None:
            return
        if field.kind in _CHOSEN:
            at = field.choices.index(self._texts[field.name])
            self._typed(field.choices[(at + by) % len(field.choices)])
        else:
            self._line.move(by)
            self.rebuild()

    def check_consume_key(self, key: str, character: str | None) -> bool:
        """Everything that can be typed belongs to the form."""
        return bool(character and character.isprintable()) or self._line.takes(key)

    def on_key(self, event: Key) -> None:
        """Write, or choose by a first letter."""
        if not self._editing:  # the form was just left, and the focus is about to follow
            event.stop()
            return
        field = self.field
        typed = event.character if event.is_printable else None
        if field is None:
            if typed:
                event.stop()
        elif field.kind in _CHOSEN:
            if typed:
                event.stop()
                self._choose(field, typed)
        elif self._line.key(event.key, typed):
            event.stop()
            event.prevent_default()
            self._typed(self._line.text)

    def _choose(self, field: FormField, letter: str) -> None:
        """The next choice, or the next one that begins with the letter."""
        at = field.choices.index(self._texts[field.name])
        later = [*field.choices[at + 1 :], *field.choices[: at + 1]]
        fits = [choice for choice in later if letter == " " or choice[0] == letter.lower()]
        if fits:
            self._typed(fits[0])

    def on_paste(self, event: Paste) -> None:
        """Paste into the line."""
        event.stop()
        if self._editing and self.field is not None and self.field.kind not in _CHOSEN:
            self._line.insert(event.text.strip().partition("\n")[0])
            self._typed(self._line.text)

    def on_click(self, event: Click) -> None:
        """A click goes to a field, a second one on a choice takes the next."""
        line = self.line_at(event.get_content_offset_capture(self).y)
        index = self._owners[line] if line is not None and line < len(self._owners) else -1
        if index < 0 or not self._editing:
            return
        again = index == self._index
        self._enter(index)
        if again and self.field is not None and self.field.kind in _CHOSEN:
            self._sideways(1)
        self.rebuild()

    def _typed(self, text: str) -> None:
        """A field has another text: check all, and tell the value if there is one."""
        assert self._form is not None and self.field is not None
        name = self.field.name
        if text != self._texts[name]:
            self._texts[name] = text
            self._form, self._texts = self._form.refitted(self._texts, name, self._begun)
            self._index = [item.name for item in self._form.fields].index(name)
            self._checked = self._form.check(self._texts)
            self.post_message(self.Edited(self._checked.value))
        self.rebuild()

    def lay_out(self) -> tuple[Text | None, list[Text]]:
        """Explanation, fields with their errors, and what belongs in the one written in."""
        if self._form is None:
            return None, []
        width = self.line_width
        muted, error = self.paint("muted"), self.paint("error")
        # Where lines are few, those of the fields come first.
        short = self._editing and self.scrollable_content_region.height < _SHORT
        about = [*_paragraph(self._form.explanation + ".", width, muted), Text()]
        lines = [] if short else about
        owners = [-1] * len(lines)
        label = max((len(item.label) for item in self.fields), default=0)
        last = 0
        for index, item in enumerate(self.fields):
            lines.append(self._field_line(index, item, label))
            owners.append(index)
            if item.name in self._checked.errors:
                part = _paragraph(f"✗ {self._checked.errors[item.name]}", width - 2, error, "  ")
                lines += part
                owners += [index] * len(part)
            if index == self._index:
                last = len(lines) - 1
        if not self.fields:
            lines.append(Text("Nothing to set.", style=muted))
        if "" in self._checked.errors:
            lines += [Text(), *_paragraph(f"✗ {self._checked.errors['']}", width, error)]
        lines.append(Text())
        if self._facts:
            lines += _paragraph(self._facts, width, muted)
        if self._editing and self.field is not None:
            lines += self._help(self.field, width)
        self._owners = owners
        if self._editing:
            self.call_after_refresh(self.show_lines, 0 if last < 8 else last, last)
        return None, [_no_wrap(line) for line in lines]

    def _field_line(self, index: int, item: FormField, label: int) -> Text:
        here = self._editing and index == self._index
        base = self.paint("cursor") if here else Style()
        text = Text("› " if here else "  ", style=base)
        text.append(item.label.ljust(label) + "  ", Style() if here else self.paint("muted"))
        value = self._texts[item.name]
        if item.kind in _CHOSEN:
            text.append(f"‹ {value} ›" if here else value, Style(bold=here))
        elif here:
            text.append_text(self._line.shown())
        elif value:
            text.append(value)
        else:
            text.append(item.placeholder, self.paint("muted"))
        return text

    def _help(self, item: FormField, width: int) -> list[Text]:
        muted = self.paint("muted")
        lines = _paragraph(item.explanation, width, muted)
        if item.kind is FieldKind.CHOICE:
            words = Text("  ").join(
                Text(choice, Style(bold=True) if choice == self._texts[item.name] else muted)
                for choice in item.choices
            )
            lines += list(words.wrap(self.app.console, width))
        return lines


def _paragraph(text: str, width: int, style: Style, indent: str = "") -> list[Text]:
    parts = textwrap.wrap(text, max(10, width - len(indent)))
    return [Text(indent + part, style=style) for part in parts]


def _no_wrap(text: Text) -> Text:
    text.no_wrap = True
    return text
