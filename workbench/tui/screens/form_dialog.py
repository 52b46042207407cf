"""A dialog of fields: a line each, a sentence under what is wrong, and below what comes of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.events import Resize
from textual.screen import ScreenResultType
from textual.widget import Widget
from textual.widgets import Button, Static

from workbench.settings import style_sheet
from workbench.tui.screens.dialog import Dialog
from workbench.tui.widgets.form import FieldLines


class FormDialog(Dialog[ScreenResultType]):
    """Subclasses name their fields, their main button, and yield what stands below the fields."""

    CSS_PATH: ClassVar = style_sheet("form")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", "cancel", tooltip="Change nothing"),
        Binding("down", "app.focus_next", show=False, tooltip="The next field"),
        Binding("up", "app.focus_previous", show=False, tooltip="The field before"),
        Binding("f1", "app.show_help", show=False, tooltip="The keys that work here"),
    ]
    # Field, label, and what is written beside it.
    FIELDS: tuple[tuple[str, str, str], ...] = ()
    ROOMY: ClassVar = 24  # lines of a window that holds all of it, with a fault or two
    NAME: ClassVar = ""  # the id of the box, for its style sheet
    ACCEPT: ClassVar = ("accept", "Accept", "enter accepts")  # id and label of the button, its key

    def editor(self, name: str) -> Widget:
        """The widget in which a field is written, with the field's name as its id, dots as `-`."""
        raise NotImplementedError

    def below(self) -> ComposeResult:
        """What comes of the fields."""
        raise NotImplementedError

    def compose(self) -> ComposeResult:
        """A line a field, what comes of them, and the two buttons."""
        button, label, key = self.ACCEPT
        with Vertical(id=self.NAME, classes="dialog form"):
            editors = {name: self.editor(name) for name, *_ in self.FIELDS}
            yield FieldLines(self.FIELDS, editors, id="fields")
            yield from self.below()
            with Horizontal(id="buttons"):
                yield Button(label, id=button, variant="primary", compact=True)
                yield Button("Cancel", id="cancel", compact=True)
                yield Static(f"{key}   esc cancel", classes="muted")

    def on_resize(self, event: Resize) -> None:
        """In a low window the fields scroll, and what comes of them stays in sight."""
        self.set_class(event.size.height < self.ROOMY, "low")

    def show_errors(self, errors: Mapping[str, str]) -> None:
        """Say under each field what is wrong with it; nothing can be accepted meanwhile."""
        self.query_one(FieldLines).show_errors(errors)
        self.query_one(f"#{self.ACCEPT[0]}", Button).disabled = bool(errors)

    def focus_first_of(self, errors: Iterable[str]) -> None:
        """Go to the first field that is wrong."""
        self.query_one(FieldLines).focus_first_of(errors)

    @on(Button.Pressed, "#cancel")
    def _cancel(self) -> None:
        self.dismiss(None)
