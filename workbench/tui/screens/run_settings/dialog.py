"""The dialog: a line a setting, checked as one types, and what will be trained."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar, cast

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.suggester import SuggestFromList
from textual.widgets import Button, Input, Static

from workbench.data.catalogue import DATASET_NAMES
from workbench.model.hyperparameters import OPTIMIZER_TITLES, SCHEDULES
from workbench.model.preset import Preset
from workbench.model.spec import PRECISIONS, TrainingSpec
from workbench.runs.environment import slower_here
from workbench.runs.record import Labels
from workbench.tui.screens.form_dialog import FormDialog
from workbench.tui.screens.run_settings.form import (
    Checked,
    check,
    has_momentum,
    optimizer_values,
    own_values,
    place_line,
    reads_a_file,
    work_line,
)
from workbench.tui.widgets.choice import Choice

if TYPE_CHECKING:
    from workbench.tui.screens.base import Workbench

Answer = tuple[list[TrainingSpec], Labels]
FILE_DELAY = 0.4  # seconds without a key before a data file is looked through

# Field, label, and what is written beside it while it is as the preset has it.
FIELDS: tuple[tuple[str, str, str], ...] = (
    ("epochs", "Epochs", "passes over the training images"),
    ("batch_size", "Batch size", "images a step"),
    ("optimizer", "Optimizer", "a change resets the schedule"),
    ("learning_rate", "Learning rate", ""),
    ("momentum", "Momentum", ""),
    ("schedule", "Schedule", "of the learning rate"),
    ("validation", "Validation", "held out: a share, or a number"),
    ("early_stopping", "Early stopping", "epochs of patience; by validation"),
    ("seed", "Seed", "same seed, same result"),
    ("repeats", "Repeats", "runs in turn, seeds counting up"),
    ("precision", "Precision", ""),
    ("dataset", "Data set", "a name, or the path of an .npz"),
    ("max_pixel", "Max pixel", "if a file's is another"),
    ("train_limit", "Train limit", "only the first N images"),
    ("tags", "Tags", "words to find the run by"),
    ("note", "Note", "kept with the run"),
)
CHOICES: dict[str, list[tuple[str, str]]] = {
    "optimizer": list(OPTIMIZER_TITLES.items()),
    "schedule": [(name, name.replace("_", " ")) for name in SCHEDULES],
    "precision": [(name, name) for name in PRECISIONS],
}
PLACEHOLDERS = {
    "validation": "none",
    "early_stopping": "none",
    "train_limit": "all",
    "dataset": "mnist",
    "max_pixel": "1 or 255",
    "seed": "0",
    "repeats": "1",
}


class RunSettings(FormDialog[Answer | None]):
    """Returns the trainings and their labels, or None when stepped out of."""

    NAME = "run-settings"
    ROOMY = 28
    FIELDS = FIELDS
    ACCEPT = ("train", "Train", "F5 train   F6 search")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f5,ctrl+s", "train", "train", tooltip="Train with these settings"),
        Binding("f6", "search", "search", tooltip="Look for the best of some ranges"),
        Binding("escape", "dismiss(None)", "cancel", tooltip="Train nothing"),
    ]

    def __init__(self, preset: Preset) -> None:
        super().__init__()
        self._preset = preset
        self._own = own_values(preset)
        self._values = dict(self._own)
        self._checked: Checked | None = None  # None while a file is looked through

    def below(self) -> ComposeResult:
        """What will be trained."""
        yield Static(id="summary", markup=False)

    def editor(self, name: str) -> Choice | Input:
        """A line to write in, or a choice of a few."""
        if name in CHOICES:
            return Choice(CHOICES[name], self._own[name], id=name)
        suggester = SuggestFromList(DATASET_NAMES) if name == "dataset" else None
        placeholder = PLACEHOLDERS.get(name, self._own[name])
        return Input(
            self._own[name], placeholder=placeholder, compact=True, id=name, suggester=suggester
        )

    def on_mount(self) -> None:
        title = f"train {self._preset.title}"
        self.query_one("#run-settings").border_title = Content(title).markup
        self._offer_momentum(self._own["optimizer"])
        self.query_one("#epochs").focus()
        self._check()

    # Writing

    @on(Input.Changed)
    def _written(self, event: Input.Changed) -> None:
        if event.input.id is not None:
            self._change(event.input.id, event.value)

    @on(Choice.Changed)
    def _turned(self, event: Choice.Changed) -> None:
        name = event.choice.id
        if name is None or self._values[name] == event.value:
            return
        self._change(name, event.value)
        if name == "optimizer":
            brought = optimizer_values(self._preset, event.value)
            self.query_one("#momentum", Input).value = brought["momentum"]
            self._offer_momentum(event.value)
            self.query_one("#schedule", Choice).value = brought["schedule"]

    def _offer_momentum(self, optimizer: str) -> None:
        """Where the optimizer knows none, nothing can be written that would not count."""
        momentum = self.query_one("#momentum", Input)
        momentum.disabled = not has_momentum(optimizer)
        momentum.placeholder = "none" if momentum.disabled else "0"

    def _change(self, name: str, value: str) -> None:
        if self._values[name] != value:
            self._values[name] = value
            self._check()

    @on(Input.Submitted)
    def _next_field(self, event: Input.Submitted) -> None:
        self.focus_next()

    # Checking

    def _check(self) -> None:
        self.workers.cancel_group(self, "data-file")
        if not reads_a_file(self._values):
            self._show(check(self._preset, self._values))
            return
        self._checked = None
        self.query_one("#summary", Static).update("looking for the data…")
        self._look_through(dict(self._values))

    @work(group="data-file")
    async def _look_through(self, values: dict[str, str]) -> None:
        """Check with the file, once the fields rest."""
        await asyncio.sleep(FILE_DELAY)
        self._show(await asyncio.to_thread(check, self._preset, values))

    def _show(self, checked: Checked) -> None:
        self._checked = checked
        self.show_errors(checked.errors)
        for name, _, aside in FIELDS:
            changed = self._values[name] != self._own[name] and bool(self._own[name])
            text = f"preset: {self._own_label(name)}" if changed else aside
            self.query_one(f"#aside-{name}", Static).update(text)
        self.query_one("#summary", Static).update(Content("\n").join(self._summary(checked)))

    def _own_label(self, name: str) -> str:
        own = self._own[name]
        return dict(CHOICES.get(name, ())).get(own, own)

    def _summary(self, checked: Checked) -> Iterator[Content]:
        if checked.errors:
            count = len(checked.errors)
            fields = "1 field is" if count == 1 else f"{count} fields are"
            yield Content.styled(f"{fields} wrong; nothing can be trained yet", "$error")
            return
        spec = checked.specs[0]
        if checked.space:
            yield Content(f"a search over {', '.join(checked.space)}; F5 goes on to it")
            return
        yield Content(work_line(checked.specs))
        yield Content.styled(place_line(self._preset, spec), "$muted")
        if slower := slower_here(spec.precision):
            yield Content.styled(slower, "$warning")
        if spec.dataset.doubt:
            yield Content.styled(spec.dataset.doubt, "$warning")

    # Leaving

    @on(Button.Pressed, "#train")
    def action_train(self) -> None:
        checked = self._checked
        if checked is None:
            self.notify("The data file is still being looked through.")
            return
        if checked.errors:
            self.focus_first_of(checked.errors)
        elif checked.space:
            self.action_search()
        else:
            self.dismiss((checked.specs, checked.labels))

    def action_search(self) -> None:
        """Go on to a search: with the ranges written here, and the other settings as they are."""
        from workbench.queue.search import SearchRequest
        from workbench.tui.screens.search.dialog import SearchDialog

        checked = self._checked
        if checked is None or checked.errors:
            self.action_train()  # which says why not
            return

        def answered(asked: SearchRequest | None) -> None:
            if asked is not None:
                cast("Workbench", self.app).begin_search(asked)
                self.dismiss(None)

        home = cast("Workbench", self.app).home
        begun = SearchRequest(self._preset, checked.plan, checked.space, labels=checked.labels)
        self.app.push_screen(SearchDialog(home, begun), answered)
