"""The lines of a form: a label, an editor and a remark each, and under it what is wrong."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from textual.app import ComposeResult
from textual.containers import Horizontal, VerticalScroll
from textual.events import DescendantFocus
from textual.validation import ValidationResult, Validator
from textual.widget import Widget
from textual.widgets import Input, Static

from workbench.model.forms import FieldError, FieldKind, FormField
from workbench.tui.widgets.choice import Choice

LONGEST_NUMBER = 40  # characters; no number or size of a form is longer


class FieldValidator(Validator):
    """A field's own check, in its own words."""

    def __init__(self, field: FormField) -> None:
        super().__init__()
        self._field = field

    def validate(self, value: str) -> ValidationResult:
        try:
            self._field.parse(value)
        except FieldError as error:
            return self.failure(str(error))
        return self.success()


def editor_of(field: FormField, text: str) -> Input | Choice:
    """A line to write in, or a choice of a few."""
    if field.kind in (FieldKind.CHOICE, FieldKind.SWITCH):
        return Choice([(choice, choice) for choice in field.choices], text)
    editor = Input(
        text,
        placeholder=field.placeholder,
        validators=FieldValidator(field),
        max_length=LONGEST_NUMBER,
        compact=True,
    )
    editor.cursor_blink = False  # over a slow line nothing is sent while nobody types
    return editor


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
        """Say under each field what is wrong with it."""
        for name, line in self._faults.items():
            sentence = errors.get(name, "")
            text = f"✗ {sentence}" if sentence else ""
            if line.content != text:
                line.update(text)
                line.set_class(bool(sentence), "shown")

    def focus_first_of(self, errors: Iterable[str]) -> None:
        """Go to the first field that is wrong."""
        wrong = set(errors)
        for name, editor in self.editors.items():
            if name in wrong:
                editor.focus()
                return
