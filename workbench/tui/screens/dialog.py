"""Small questions over a screen, and dialogs of fields."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar

from rich.console import RenderableType
from textual import on
from textual.app import App, ComposeResult
from textual.await_complete import AwaitComplete
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.events import Resize
from textual.reactive import Reactive
from textual.screen import ModalScreen, ScreenResultType
from textual.widget import Widget
from textual.widgets import Button, Input, Label, OptionList, Static
from textual.widgets.option_list import Option

from workbench.errors import UserError
from workbench.settings import style_sheet
from workbench.tui.keys import with_names
from workbench.tui.widgets.form import Choice, FieldLines
from workbench.tui.widgets.marked_options import MarkedOptions


class Dialog(ModalScreen[ScreenResultType]):
    """What lies over a screen until it is answered, which happens once."""

    # As on the screens below, a change of focus sends what looks different, and no more.
    focused: Reactive[Widget | None] = Reactive(None, repaint=False)

    def __init_subclass__(cls, **options: Any) -> None:
        cls.BINDINGS = with_names(cls.__name__, cls.__dict__.get("BINDINGS", ()))
        super().__init_subclass__(**options)

    def dismiss(self, result: ScreenResultType | None = None) -> AwaitComplete:
        """Answer. A second answer finds it gone, and must not close what lies below."""
        return super().dismiss(result) if self.is_active else AwaitComplete()


class ChoiceDialog(Dialog[str | None]):
    """One question, a few answers; returns the chosen answer's id, None when stepped out of.

    The cursor begins on the answer `at`, or on the first.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "dismiss(None)", "cancel", tooltip="Change nothing"),
        Binding("j", "move(1)", "down", show=False),
        Binding("k", "move(-1)", "up", show=False),
    ]

    def __init__(
        self, question: str, answers: list[tuple[str, str]], at: str | None = None
    ) -> None:
        super().__init__()
        self._question = question
        self._answers = answers
        self._at = at

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog") as box:
            box.border_subtitle = "enter chooses · esc cancels"
            yield Static(self._question, classes="question", markup=False)
            yield MarkedOptions(
                *(Option(label, id=answer) for answer, label in self._answers), markup=False
            )

    def on_mount(self) -> None:
        options = self.query_one(OptionList)
        if self._at is not None:
            options.highlighted = options.get_option_index(self._at)
        options.focus()

    def action_move(self, step: int) -> None:
        """Down or up, for vim fingers."""
        self.query_one(MarkedOptions).move(step)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(event.option.id)


def confirm(
    app: App[Any], question: str, yes: str, then: Callable[[], object], no: str = "Cancel"
) -> None:
    """Ask, and go on if one says so; the cursor begins on what changes nothing."""

    def answered(answer: str | None) -> None:
        if answer == "yes":
            then()

    app.push_screen(ChoiceDialog(question, [("no", no), ("yes", yes)]), answered)


class ReadingDialog(Dialog[None]):
    """Something to be read, scrolled where it is long."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,v,enter", "dismiss(None)", "close", tooltip="Back"),
        Binding("j,down", "page(1)", "down", show=False),
        Binding("k,up", "page(-1)", "up", show=False),
        Binding("pagedown,space", "page(10)", "page down", show=False),
        Binding("pageup", "page(-10)", "page up", show=False),
    ]

    def __init__(self, content: RenderableType) -> None:
        super().__init__()
        self._read = content

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="dialog wide"):
            yield Static(self._read)

    def action_page(self, by: int) -> None:
        self.query_one(VerticalScroll).scroll_relative(y=by, animate=False)


class TextDialog(Dialog[str | None]):
    """One line of text; returns it, or None when stepped out of.

    `check` refuses a text by a UserError: it is said under the line, and what was typed stays.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", "cancel", tooltip="Change nothing"),
    ]

    def __init__(
        self,
        question: str,
        value: str = "",
        placeholder: str = "",
        check: Callable[[str], object] = str,
    ) -> None:
        super().__init__()
        self._question, self._value, self._placeholder = question, value, placeholder
        self._check = check

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog") as box:
            box.border_subtitle = "enter accepts · esc cancels"
            yield Label(self._question, classes="question", markup=False)
            yield Input(self._value, placeholder=self._placeholder, compact=True)
            yield Static(id="fault", markup=False)

    def on_mount(self) -> None:
        self.query_one(Input).focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        try:
            self._check(event.value)
        except UserError as error:
            self.query_one("#fault", Static).update(f"✗ {error}")
        else:
            self.dismiss(event.value)

    def on_input_changed(self) -> None:
        self.query_one("#fault", Static).update("")


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
    title_of_form = ""
    ACCEPT: ClassVar = ("accept", "Accept", "enter accepts")  # id and label of the button, its key

    def editor(self, name: str) -> Widget:
        """The widget in which a field is written."""
        raise NotImplementedError

    def text(self, name: str) -> str:
        """What is written in a field."""
        editor = self.query_one(FieldLines).editors[name]
        assert isinstance(editor, Input | Choice)
        return editor.value.strip()

    def below(self) -> ComposeResult:
        raise NotImplementedError

    def compose(self) -> ComposeResult:
        """A line a field, what comes of them, and the two buttons."""
        button, label, key = self.ACCEPT
        with Vertical(id=self.NAME, classes="dialog form"):
            editors = {name: self.editor(name) for name, *_ in self.FIELDS}
            for name, editor in editors.items():
                editor.id = name.replace(".", "-")
            yield FieldLines(self.FIELDS, editors, id="fields")
            yield from self.below()
            with Horizontal(id="buttons"):
                yield Button(label, id=button, variant="primary", compact=True)
                yield Button("Cancel", id="cancel", compact=True)
                yield Static(f"{key}   esc cancel", classes="muted")

    def on_mount(self) -> None:
        self.query_one(f"#{self.NAME}").border_title = Content(self.title_of_form).markup
        self.query_one(f"#{self.FIELDS[0][0]}").focus()

    def on_resize(self, event: Resize) -> None:
        """In a low window the fields scroll, and what comes of them stays in sight."""
        self.set_class(event.size.height < self.ROOMY, "low")

    def show_errors(self, errors: Mapping[str, str]) -> None:
        """Say under each field what is wrong with it; nothing can be accepted meanwhile."""
        self.query_one(FieldLines).show_errors(errors)
        self.query_one(f"#{self.ACCEPT[0]}", Button).disabled = bool(errors)

    def focus_first_of(self, errors: Iterable[str]) -> None:
        self.query_one(FieldLines).focus_first_of(errors)

    @on(Button.Pressed, "#cancel")
    def _cancel(self) -> None:
        self.dismiss(None)
