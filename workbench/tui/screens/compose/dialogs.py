"""What Compose asks: which layer, which model to start from, which name to save under."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from contextlib import suppress
from typing import ClassVar

from rich.style import Style
from rich.text import Text
from textual import on
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Input, Label, OptionList
from textual.widgets.option_list import Option

from workbench.data.catalogue import dataset_with
from workbench.errors import DatasetError, PresetError, UserError
from workbench.model.architecture import require_sound
from workbench.model.draft import EMPTY, Difference, DraftHistory, Sign
from workbench.model.layers import shape_text
from workbench.model.paper_models import SHIPPED, why_taken
from workbench.model.preset import (
    Preset,
    find_preset,
    own_preset_files,
    save_preset,
)
from workbench.model.spec import TrainingSpec
from workbench.queue.search import VALIDATION
from workbench.runs.plan import Plan, specs_for_preset
from workbench.settings import Home, style_sheet
from workbench.tui.screens.dialog import ChoiceDialog, Dialog, TextDialog
from workbench.tui.widgets.marked_options import MarkedOptions


class PickDialog(Dialog[str | None]):
    """Type to narrow the list; returns the name that is chosen, None when stepped out of.

    `picks` are names, each with one line about it.
    """

    CSS_PATH: ClassVar = style_sheet("pick")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", "cancel", tooltip="Change nothing"),
        Binding("down,ctrl+n", "move(1)", "down", show=False, priority=True),
        Binding("up,ctrl+p", "move(-1)", "up", show=False, priority=True),
    ]

    def __init__(self, question: str, picks: Mapping[str, str]) -> None:
        super().__init__()
        self._question, self._picks = question, picks

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog wide pick") as box:
            box.border_subtitle = "↑ ↓ move · enter chooses · esc cancels"
            yield Label(self._question, classes="question", markup=False)
            yield Input(placeholder="type to search", compact=True)
            yield MarkedOptions(markup=False)

    def on_mount(self) -> None:
        self._narrow("")
        self.query_one(Input).focus()

    @on(Input.Changed)
    def _searched(self, event: Input.Changed) -> None:
        self._narrow(event.value)

    def _narrow(self, wanted: str) -> None:
        words = wanted.casefold().split()
        by_name, by_words = [], []
        column = min(26, max(map(len, self._picks), default=0))
        for name, about in self._picks.items():
            text = Text(no_wrap=True, overflow="ellipsis")
            text.append(name.ljust(column), "bold").append(f"  {about}")
            if all(word in name.casefold() for word in words):
                by_name.append(Option(text, id=name))
            elif all(word in f"{name} {about}".casefold() for word in words):
                by_words.append(Option(text, id=name))
        options = self.query_one(OptionList)
        options.clear_options()
        options.add_options([*by_name, *by_words])
        if options.option_count:
            options.highlighted = 0
        else:
            options.add_option(Option(Text("Nothing of this name."), disabled=True))

    def action_move(self, by: int) -> None:
        """Down or up, while the line keeps the focus."""
        self.query_one(MarkedOptions).move(by)

    @on(Input.Submitted)
    def _entered(self) -> None:
        options = self.query_one(OptionList)
        if options.highlighted is not None:
            self.dismiss(options.get_option_at_index(options.highlighted).id)

    @on(OptionList.OptionSelected)
    def _selected(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(event.option.id)


_COLOURS = {Sign.ADDED: "success", Sign.REMOVED: "error", Sign.CHANGED: "primary"}


def difference_text(heading: str, difference: Difference, colours: Mapping[str, str]) -> Text:
    """All layers with a sign before each that differs, then settings and totals.

    `colours` are the theme's, by their names.
    """
    text = Text(no_wrap=True, overflow="ellipsis")
    text.append(f"{heading}\n\n", "bold")
    if difference.none:
        return text.append("Nothing has changed.")
    for gap, lines in (("", difference.layers), ("\n", difference.others)):
        text.append(gap if lines else "")
        for line in lines:
            name = _COLOURS.get(line.sign)
            style = Style(color=colours[name]) if name else Style(dim=True)
            text.append(f"{line}\n", style)
    return text.append("\n+ added   - removed   ~ changed", Style(dim=True))


LONGEST_NAME, LONGEST_TITLE = 64, 80  # characters, as in a preset
_QUESTION = "Save the model under which name?"


def checked_name(typed: str) -> tuple[str, str]:
    """A preset's name and title from what was typed: `Café net, 2nd!` is `cafe-net-2nd`.

    Raises:
        PresetError: nothing of it can be a name, it is too long, or a name of the paper.
    """
    title = " ".join("".join(sign for sign in typed if sign.isprintable()).split())
    letters = unicodedata.normalize("NFKD", title.lower())
    plain = "".join(sign for sign in letters if not unicodedata.combining(sign))
    name = re.sub(r"[^a-z0-9._]+", "-", plain).strip("-._")[:LONGEST_NAME].rstrip("-._")
    if not name:
        raise PresetError(f"name: a letter from a to z or a digit at least (given: {title!r})")
    if len(title) > LONGEST_TITLE:
        raise PresetError(f"name: at most {LONGEST_TITLE} characters (given: {len(title)})")
    if name in SHIPPED:
        raise PresetError(f"{why_taken(name)}; choose another name")
    return name, title


async def save_draft(
    app: App[None], home: Home, history: DraftHistory, *, ask: bool
) -> Preset | None:
    """Save the draft as a preset of the user's own; None where one steps out.

    One's own model is saved under its name, unless with `ask`; for any other a name is asked.
    """
    kept, preset, overwrite = history.kept, None, False
    typed = "" if kept is EMPTY else kept.name
    if kept.name in SHIPPED:
        typed = f"{kept.name[:57]}-edited"
    with suppress(UserError):  # never saved, or damaged or deleted since
        if not ask and kept.name not in SHIPPED and find_preset(kept.name, home) == kept:
            preset, typed, overwrite = history.named(kept.name, kept.title), kept.name, True
    while True:
        try:
            if preset is None:
                dialog = TextDialog(_QUESTION, typed, "a-name-of-your-own")
                answer = await app.push_screen_wait(dialog)
                if answer is None:
                    return None
                typed = answer
                name, title = checked_name(typed)
                # A name kept as it was keeps its title too.
                preset = history.named(name, kept.title if kept.name == name else title)
                overwrite = name in {path.stem for path in own_preset_files(home)}
                if overwrite:
                    question = f"A preset {name} exists already."
                    answers = [("other", "Choose another name"), ("overwrite", f"Overwrite {name}")]
                    answer = await app.push_screen_wait(ChoiceDialog(question, answers))
                    if answer is None:
                        return None
                    if answer == "other":
                        preset = None
                        continue
            path = save_preset(preset, home, overwrite=overwrite)
        except UserError as error:
            app.notify(str(error), severity="error", timeout=10, markup=False)
            if not isinstance(error, PresetError):
                return None
            preset = None
        else:
            app.notify(f"Saved as {preset.name} in {path}", markup=False)
            return preset


def specs_of(preset: Preset) -> list[TrainingSpec]:
    """The training of a preset on the data its input says; with what is held out by default where
    it goes by validation.

    Raises: as `plan_of`.
    """
    return specs_for_preset(preset, plan_of(preset))


def plan_of(preset: Preset) -> Plan:
    """The plan of training a preset on the data its input says.

    Raises:
        PresetError: the model is impossible; the message says what would fix it.
        DatasetError: no data set known by name has such images.
    """
    architecture = preset.architecture
    require_sound(architecture)
    data = dataset_with(architecture.input_shape, architecture.classes)
    if data is None:
        raise DatasetError(
            f"no data set known by name has images of {shape_text(architecture.input_shape)} "
            f"in {architecture.classes} classes; set the input to 28×28×1 and 10 for MNIST, or "
            "save the model and name a file: `mnist-workbench run NAME --dataset FILE.npz`"
        )
    by_validation = preset.training.goes_by_validation
    return Plan(dataset=data.name, validation=VALIDATION if by_validation else None)
