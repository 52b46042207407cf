"""The form of what is under the cursor: always seen, written in while a field has the focus."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from pydantic import BaseModel
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.events import DescendantBlur, DescendantFocus, Key
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input, Static

from workbench.model.forms import FieldKind, Form, FormField, form_of
from workbench.tui.widgets.form import Choice, FieldLines, editor_of, show_error
from workbench.tui.widgets.words import say


class FormView(VerticalScroll, can_focus=False):
    """Shows one value's form. While it is written in, valid values are told as they are typed."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "enter",
            "keep",
            "done",
            key_display="enter",
            priority=True,
            tooltip="Keep the values and go back to the layers",
        ),
        Binding("escape", "cancel", "cancel", tooltip="Back to the layers without the changes"),
        Binding("down,tab", "next(1)", "next", key_display="↓", tooltip="Next field"),
        Binding("up,shift+tab", "next(-1)", "previous", key_display="↑", tooltip="Field before"),
    ]

    class Opened(Message):
        """The form is written in from now on."""

    @dataclass
    class Edited(Message):
        """The fields make this value; None while one of them is wrong."""

        value: Any

    @dataclass
    class Closed(Message):
        """The form is left; `cancelled` asks for what was there before."""

        cancelled: bool

    def __init__(self) -> None:
        super().__init__(id="form", classes="panel form")
        self._form: Form | None = None
        self._value: BaseModel | None = None
        self._texts: dict[str, str] = {}
        self._begun: dict[str, str] = {}
        self._errors: Mapping[str, str] = {}
        # A kind's lines stay once they were made: moving through a stack makes none.
        self._made: dict[tuple[str, tuple[FormField, ...]], FieldLines] = {}
        self._lines = FieldLines((), {}, remarks=False)  # those on view
        self.editing = False

    def compose(self) -> ComposeResult:
        yield Static(id="about", classes="muted", markup=False)
        yield Static(id="problem", classes="error", markup=False)
        yield Static(id="facts", classes="muted", markup=False)
        yield Static(id="help", classes="muted", markup=False)

    @property
    def fields(self) -> tuple[FormField, ...]:
        return self._form.fields if self._form else ()

    @property
    def field(self) -> FormField | None:
        focused = self.screen.focused
        return next((item for item in self.fields if self._editor(item.name) is focused), None)

    def _editor(self, name: str) -> Widget | None:
        return self._lines.editors.get(name)

    def show(self, value: BaseModel, title: str, facts: str) -> None:
        """Show a value; while one is edited here, only the facts beside it change."""
        if self.border_title != title:
            self.border_title = title
        say(self.query_one("#facts", Static), facts)
        if self.editing or value == self._value:
            return
        self._value = value
        form = form_of(value)
        self._load(form, form.texts(value))
        self._begun = dict(self._texts)

    def _load(self, form: Form, texts: dict[str, str]) -> None:
        if form is not self._form:
            nothing = "" if form.fields else " Nothing to set."
            say(self.query_one("#about", Static), f"{form.explanation}.{nothing}")
        self._form, self._texts, self._errors = form, texts, {}
        key = (form.title, form.fields)
        lines = self._made.get(key)
        if lines is None:
            editors = {item.name: editor_of(item, texts[item.name]) for item in form.fields}
            labels = [(item.name, item.label, "") for item in form.fields]
            lines = FieldLines(labels, editors, remarks=False)
            self._made[key] = lines
            self.mount(lines, after="#about")
        for name, editor in lines.editors.items():
            assert isinstance(editor, Input | Choice)
            if editor.value != texts[name]:
                with self.prevent(Input.Changed, Choice.Changed):
                    editor.value = texts[name]
        before, self._lines = self._lines, lines
        lines.display = True
        if before is not lines:
            before.display = False
        self._show_errors()

    def _show_errors(self) -> None:
        self._lines.show_errors(self._errors)
        show_error(self.query_one("#problem", Static), self._errors.get("", ""))

    # Coming and going

    def open(self) -> None:
        """Write in the first field. At once: the keys that follow are the form's."""
        first = self._editor(self.fields[0].name)
        self.screen.set_focus(first)

    def on_descendant_focus(self, event: DescendantFocus) -> None:
        if not self.editing:
            self.editing = True
            self.set_class(True, "editing")
            self._begun = dict(self._texts)
            self.post_message(self.Opened())
        if (field := self.field) is not None:
            choices = f"\n{'  '.join(field.choices)}" if field.kind is FieldKind.CHOICE else ""
            say(self.query_one("#help", Static), field.explanation + choices)

    def on_descendant_blur(self, event: DescendantBlur) -> None:
        """Left by mouse or by a dialog: what is right stays, what is not goes."""
        if self.editing and self.app.app_focus:
            self.call_later(self._left)

    def _left(self) -> None:
        if self.editing and self.field is None and self.app.app_focus:
            self._close(cancelled=False)

    def abandon(self) -> None:
        """Forget what is written here: the draft is another one."""
        self.editing = False
        self.set_class(False, "editing")
        self._value = None  # loaded anew from the draft, whatever was typed
        say(self.query_one("#help", Static), "")

    def _close(self, cancelled: bool) -> None:
        self.abandon()
        self.post_message(self.Closed(cancelled))

    def action_keep(self) -> None:
        if not self._errors:
            self._close(cancelled=False)
        elif self.field is None or self.field.name not in self._errors:
            self._lines.focus_first_of(self._errors)

    def action_cancel(self) -> None:
        self._close(cancelled=True)

    def action_next(self, by: int) -> None:
        if self.field is not None:
            place = (self.fields.index(self.field) + by) % len(self.fields)
            self.screen.set_focus(self._editor(self.fields[place].name))

    def on_key(self, event: Key) -> None:
        if event.is_printable:
            event.stop()

    # Writing

    @on(Input.Changed)
    @on(Choice.Changed)
    def _typed(self, event: Input.Changed | Choice.Changed) -> None:
        """A field has another text: check all, and tell the value if there is one."""
        if not self.editing or self._form is None:
            return
        editors, text = self._lines.editors, event.value
        names = [name for name, each in editors.items() if each is event.control]
        if not names or text == self._texts[names[0]]:
            return
        form, texts = self._form.refitted({**self._texts, names[0]: text}, names[0], self._begun)
        if form is self._form:
            self._texts = texts
        else:
            self._load(form, texts)
            self.screen.set_focus(self._editor(names[0]))
        checked = form.check(texts)
        self._errors = checked.errors
        self._show_errors()
        self.post_message(self.Edited(checked.value))
