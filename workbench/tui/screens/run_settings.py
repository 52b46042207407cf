"""The settings to train with: a line each, checked as one types by the code of the options."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar, cast

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.suggester import SuggestFromList
from textual.widgets import Button, Input, Static

from workbench.data.catalogue import DATASET_NAMES
from workbench.errors import RunError, UserError
from workbench.formats import count
from workbench.model.describe import settings_lines
from workbench.model.forms import FieldError, FieldKind, FormField, Limits, field_of
from workbench.model.hyperparameters import (
    OPTIMIZER_TITLES,
    OPTIMIZERS,
    SCHEDULES,
    SGD,
    EarlyStopping,
    Overrides,
    TrainingSettings,
    with_overrides,
)
from workbench.model.preset import Preset
from workbench.model.spec import PRECISIONS, DatasetRef, TrainingSpec
from workbench.queue.search import VALIDATION
from workbench.queue.space import parse_space
from workbench.runs.environment import slower_here
from workbench.runs.plan import MOST_REPEATS, Plan, specs_for_preset
from workbench.runs.record import Labels, checked_labels
from workbench.tui.screens.base import unless_left
from workbench.tui.screens.dialog import FormDialog
from workbench.tui.widgets.form import Choice

if TYPE_CHECKING:
    from workbench.tui.screens.base import Workbench


# Empty, each leaves what the preset has.
NUMBERS = {
    name: replace(field, name=name, optional=True)
    for name, field in {
        "epochs": field_of(TrainingSettings, "epochs"),
        "batch_size": field_of(TrainingSettings, "batch_size"),
        "learning_rate": field_of(SGD, "learning_rate"),
        "momentum": field_of(SGD, "momentum"),
        "early_stopping": field_of(EarlyStopping, "patience"),
        "seed": field_of(TrainingSpec, "seed"),
        "repeats": FormField("repeats", FieldKind.COUNT, limits=Limits(1, MOST_REPEATS)),
        "train_limit": field_of(DatasetRef, "train_limit"),
        "max_pixel": field_of(DatasetRef, "max_pixel"),
    }.items()
}
# What a search may be begun with from here: a range or a list in one of these fields.
SPACE = ("epochs", "batch_size", "learning_rate", "momentum")
_GROUPED = re.compile(r"\d{1,3}(,\d{3})+")


@dataclass(frozen=True)
class Checked:
    """The trainings that the fields ask for, or one sentence for each field that is wrong.

    Where fields hold ranges, they are the `space` of a search, and `plan` is the rest; `specs`
    are then of the preset's own values in their place.
    """

    specs: list[TrainingSpec] = field(default_factory=list)
    labels: Labels = field(default_factory=Labels)
    errors: Mapping[str, str] = field(default_factory=dict)
    plan: Plan = field(default_factory=Plan)
    space: tuple[str, ...] = ()


def own_values(preset: Preset) -> dict[str, str]:
    """The fields as they are before anything is changed."""
    training, early = preset.training, preset.training.early_stopping
    return {
        "epochs": str(training.epochs),
        "batch_size": str(training.batch_size),
        **optimizer_values(preset, training.optimizer.kind),
        "learning_rate": f"{training.optimizer.learning_rate:g}",
        "validation": VALIDATION if training.goes_by_validation else "",
        "early_stopping": NUMBERS["early_stopping"].text(early.patience if early else None),
        "seed": "0",
        "repeats": "1",
        "precision": "float32",
        "dataset": "mnist",
        **dict.fromkeys(("max_pixel", "train_limit", "tags", "note"), ""),
    }


def optimizer_values(preset: Preset, kind: str) -> dict[str, str]:
    """The fields that an optimizer brings with it: itself, momentum and schedule."""
    training = with_overrides(preset.training, Overrides(optimizer=kind))
    momentum = getattr(training.optimizer, "momentum", None)
    text = "" if momentum is None else f"{momentum:g}"
    return {"optimizer": kind, "momentum": text, "schedule": training.schedule.kind}


def is_space(text: str) -> bool:
    """Whether a text is a range or a list of values, and not one number: `1,000` is one."""
    return ".." in text or ("," in text and not _GROUPED.fullmatch(text.strip()))


def check(preset: Preset, values: Mapping[str, str]) -> Checked:
    """The trainings of the fields; an empty field leaves the preset's own setting."""
    given = {name: text.strip() for name, text in values.items()}
    errors: dict[str, str] = {}
    space = {name: given.pop(name) for name in SPACE if is_space(given[name])}
    numbers: dict[str, Any] = {}
    for name, item in NUMBERS.items():
        try:
            numbers[name] = item.parse(given.get(name, ""))
        except FieldError as error:
            errors[name] = str(error)
    overrides: dict[str, Any] = {
        name: numbers.get(name) if name in NUMBERS else given.get(name) or None
        for name in vars(Overrides())
    }
    labels = Labels()
    try:
        labels = checked_labels(given["tags"].split(), given["note"])
    except RunError as error:
        errors[error.field] = error.reason
    plan = Plan(
        overrides=Overrides(**overrides),
        seed=numbers.get("seed") or 0,
        repeats=numbers.get("repeats") or 1,
        precision=given["precision"],
        dataset=given["dataset"] or "mnist",
        train_limit=numbers.get("train_limit"),
        max_pixel=numbers.get("max_pixel"),
        validation=given["validation"] or None,
    )
    asked = tuple(f"{name}={text}" for name, text in space.items())
    specs: list[TrainingSpec] = []
    try:
        specs = specs_for_preset(preset, plan)
        if asked:
            parse_space(asked, specs[0])
    except UserError as error:
        # What is about no single field is about how model and data go together.
        name = error.field.rpartition(".")[2]
        errors.setdefault(name if name in values else "dataset", error.reason)
    return Checked([] if errors else specs, labels, errors, plan, asked)


def work_line(specs: list[TrainingSpec]) -> str:
    """How much is trained: `1,000 steps an epoch, 5,000 in all; 3 runs, seeds 0 to 2`."""
    spec = specs[0]
    steps = spec.steps_per_epoch
    total = steps * spec.training.epochs
    line = f"{steps:,} steps an epoch, {total:,} in all"
    if len(specs) > 1:
        line += f"; {count(len(specs), 'run')} in turn, seeds {spec.seed} to {specs[-1].seed}"
    return line


def differences(preset: Preset, spec: TrainingSpec) -> list[str]:
    """What differs from the preset's own training on full MNIST in float32."""
    changed = [
        f"{line.label.lower()} {line.value}"
        for line in settings_lines(preset, spec.training)
        if line.changed
    ]
    data = spec.dataset
    if data.name != "mnist" or data.path is not None:
        changed.append(f"data {data.name}")
    if data.max_pixel is not None:
        changed.append(f"pixels to {data.max_pixel:g}")
    if data.validation is not None:
        changed.append(f"{count(data.validation.images, 'image')} for validation")
    if data.train_limit is not None:
        changed.append(f"the first {count(data.images, 'image')}")
    if spec.precision != "float32":
        changed.append(spec.precision)
    return changed


def place_line(preset: Preset, spec: TrainingSpec) -> str:
    """Where the paper has this training, or what differs from the preset."""
    from workbench.model.tables import paper_rows_by_settings

    as_float32 = spec.model_copy(update={"precision": "float32"})
    numbers = sorted(
        {table.number for table, _ in paper_rows_by_settings().get(as_float32.settings_key, ())}
    )
    changed = differences(preset, spec)
    if numbers:
        tables = ", ".join(map(str, numbers[:-1]))
        tables = f"Tables {tables} and {numbers[-1]}" if tables else f"Table {numbers[0]}"
        precision = "" if spec.precision == "float32" else f", but in {spec.precision}"
        return f"as in the paper's {tables}{precision}"
    if changed:
        return f"differs from the preset: {', '.join(changed)}"
    return "the preset's own settings"


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
CHOICES: dict[str, Mapping[str, str]] = {
    "optimizer": OPTIMIZER_TITLES,
    "schedule": {name: name.replace("_", " ") for name in SCHEDULES},
    "precision": {name: name for name in PRECISIONS},
}
# Of other fields it is what the preset has.
PLACEHOLDERS = {
    "validation": "none",
    "early_stopping": "none",
    "train_limit": "all",
    "max_pixel": "1 or 255",
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
        self.title_of_form = f"train {preset.title}"
        self._own = own_values(preset)
        self._values = dict(self._own)
        self._checked: Checked | None = None  # None while a file is looked through

    def below(self) -> ComposeResult:
        yield Static(id="summary", markup=False)

    def editor(self, name: str) -> Choice | Input:
        if name in CHOICES:
            return Choice(CHOICES[name], self._own[name])
        suggester = SuggestFromList(DATASET_NAMES) if name == "dataset" else None
        placeholder = PLACEHOLDERS.get(name, self._own[name])
        return Input(self._own[name], placeholder=placeholder, compact=True, suggester=suggester)

    def on_mount(self) -> None:
        self._offer_momentum(self._own["optimizer"])
        self._check()

    # Writing

    @on(Input.Changed)
    @on(Choice.Changed)
    def _changed(self, event: Input.Changed | Choice.Changed) -> None:
        name = event.control.id
        if name is None or self._values[name] == event.value:
            return
        self._values[name] = event.value
        self._check()
        if name == "optimizer":
            brought = optimizer_values(self._preset, event.value)
            self.query_one("#momentum", Input).value = brought["momentum"]
            self._offer_momentum(event.value)
            self.query_one("#schedule", Choice).value = brought["schedule"]

    def _offer_momentum(self, optimizer: str) -> None:
        """Where the optimizer knows none, nothing can be written that would not count."""
        momentum = self.query_one("#momentum", Input)
        momentum.disabled = "momentum" not in OPTIMIZERS[optimizer].model_fields
        momentum.placeholder = "none" if momentum.disabled else "0"

    @on(Input.Submitted)
    def _next_field(self, event: Input.Submitted) -> None:
        self.focus_next()

    # Checking

    def _check(self) -> None:
        self.workers.cancel_group(self, "data-file")
        if self._values["dataset"].strip() in DATASET_NAMES:  # else a file, which takes a moment
            self._show(check(self._preset, self._values))
            return
        self._checked = None
        self.query_one("#summary", Static).update("looking for the data…")
        self._look_through(dict(self._values))

    @work(group="data-file")
    async def _look_through(self, values: dict[str, str]) -> None:
        """Check with the file, once the fields rest."""
        await asyncio.sleep(FILE_DELAY)
        checked = await asyncio.to_thread(check, self._preset, values)
        with unless_left(self):
            self._show(checked)

    def _show(self, checked: Checked) -> None:
        self._checked = checked
        self.show_errors(checked.errors)
        for name, _, aside in FIELDS:
            changed = self._values[name] != self._own[name] and bool(self._own[name])
            own = CHOICES.get(name, {}).get(self._own[name], self._own[name])
            text = f"preset: {own}" if changed else aside
            self.query_one(f"#aside-{name}", Static).update(text)
        self.query_one("#summary", Static).update(Content("\n").join(self._summary(checked)))

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
        from workbench.tui.screens.queue.adding import SearchDialog

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
