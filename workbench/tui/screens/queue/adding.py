"""What is put into the queue: the dialogs that ask for it, and say as one types what that means
here, of the paper's tables, of a grid of settings over one model, of a search over ranges of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import ClassVar, TypeVar, cast, get_args

from pydantic import BaseModel
from textual import on
from textual.app import ComposeResult, RenderResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.events import Click, Key
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget
from textual.widgets import Button, Input, Static

from workbench.config import MOST_SEEDS, Config
from workbench.errors import RunError, UserError
from workbench.formats import count, named_seeds
from workbench.leaderboard.store import Leaderboard
from workbench.model.forms import FieldError, FieldKind, FormField, Limits, form_of
from workbench.model.hyperparameters import with_overrides
from workbench.model.preset import Preset
from workbench.model.spec import PRECISIONS, Precision, TrainingSpec
from workbench.model.tables import TABLE_NUMBERS
from workbench.queue import service
from workbench.queue.planning import (
    PlannedTrial,
    SweepAxis,
    grid,
    parse_axis,
    plan_trials,
    rows_of,
    tables_of,
    trainings_for,
)
from workbench.queue.search import (
    VALIDATION,
    Pruner,
    Sampler,
    SearchRequest,
    enqueue_search,
    require_optuna,
    search_cost,
)
from workbench.queue.space import full_name
from workbench.queue.store import MOST_JOBS, MOST_TRIALS, Engine, Origin, QueueStore, asked_for
from workbench.queue.view import plan_sentence
from workbench.runs import service as runs_service
from workbench.runs.environment import slower_here, usable_cores
from workbench.runs.estimate import Speed, known_speeds
from workbench.runs.plan import Plan
from workbench.runs.record import Labels
from workbench.settings import Home
from workbench.tui.screens.dialog import FormDialog
from workbench.tui.widgets.form import Choice

PLAN_DELAY = 0.2  # seconds without a key before the leaderboard is asked
CELL = 5  # letters of ` ✓ 3 `
NOTHING_YET = "nothing can be queued yet"
EXECUTORS = {"local": "this machine", "ray": "a Ray cluster"}


@dataclass(frozen=True)
class Reproduction:
    """Asks for the trainings of these tables, with seeds from 0 on."""

    tables: tuple[int, ...] = TABLE_NUMBERS
    seeds: int = 1
    precision: Precision = "float32"
    jobs: int = 1
    executor: str = "local"
    by: ClassVar[Origin] = "reproduce"

    def trials(self, home: Home) -> list[PlannedTrial]:
        return trainings_for(tables_of(self.tables), self.seeds, self.precision)

    def words(self, trials: Sequence[PlannedTrial]) -> str:
        seeds = f" of {self.seeds} seeds" if self.seeds > 1 else ""
        rows = count(rows_of(tables_of(self.tables)), "row")
        return f"{rows}, {count(len(trials) // self.seeds, 'training')}{seeds}"


@dataclass(frozen=True)
class Sweep:
    """Every combination of some settings of a preset, as `sweep` trains them."""

    preset: str
    axes: tuple[SweepAxis, ...]
    seeds: int = 1
    jobs: ClassVar[None] = None
    executor: ClassVar[None] = None
    by: ClassVar[Origin] = "sweep"

    def trials(self, home: Home) -> list[PlannedTrial]:
        return grid(home, self.preset, self.axes, Plan(), self.seeds)

    def words(self, trials: Sequence[PlannedTrial]) -> str:
        return count(len(trials), "training")


Request = Reproduction | Sweep
Asked = TypeVar("Asked", bound=Request | SearchRequest)


def plan(home: Home, asked: Request | SearchRequest, speeds: Sequence[Speed]) -> str:
    """What comes of it: `24 rows, 20 trainings: 12 trained already, …`, or the cost of a search.

    Asked for in a thread.

    Raises:
        UserError: nothing can; with the field that is wrong, if it is one.
    """
    if isinstance(asked, SearchRequest):
        search = asked.search()
        require_optuna(search.sampler)
        cost = search_cost(search, speeds)
        return "\n".join([cost.sentence, *cost.notes])
    trials = asked.trials(home)
    return f"{asked.words(trials)}: {plan_sentence(plan_trials(home, trials), speeds)}"


class TablesChoice(Widget, can_focus=True):
    """`chosen` are the numbers that are on; all of them at first."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("right,l", "move(1)", "next", show=False, tooltip="The next table"),
        Binding("left,h", "move(-1)", "before", show=False, tooltip="The table before"),
        Binding("space", "take", "take or leave", show=False, tooltip="Take or leave the table"),
    ]
    DEFAULT_CSS = """
    TablesChoice { height: 1; width: auto; background: $surface; color: $foreground; }
    """

    chosen: reactive[tuple[int, ...]] = reactive(TABLE_NUMBERS)
    cursor: reactive[int] = reactive(0)

    class Changed(Message):
        """Another table was taken or left."""

    def render(self) -> RenderResult:
        """A tick before those that are taken; the one under the cursor stands out."""
        parts = []
        for place, number in enumerate(TABLE_NUMBERS):
            text = f" {'✓' if number in self.chosen else '·'} {number} "
            at = place == self.cursor and self.has_focus
            muted = "" if number in self.chosen else "$muted"
            parts.append(Content.styled(text, "reverse" if at else muted))
        return Content("").join(parts)

    def action_move(self, step: int) -> None:
        self.cursor = max(0, min(len(TABLE_NUMBERS) - 1, self.cursor + step))

    def action_take(self) -> None:
        number = TABLE_NUMBERS[self.cursor]
        self.chosen = tuple(
            known for known in TABLE_NUMBERS if (known in self.chosen) is not (known == number)
        )
        self.post_message(self.Changed())

    def on_key(self, event: Key) -> None:
        if event.key.isdecimal() and int(event.key) in TABLE_NUMBERS:
            event.stop()
            event.prevent_default()
            self.cursor = TABLE_NUMBERS.index(int(event.key))
            self.action_take()

    def on_click(self, event: Click) -> None:
        if 0 <= event.x < CELL * len(TABLE_NUMBERS):
            self.cursor = event.x // CELL
            self.action_take()


class PlanningDialog(FormDialog[Asked | None]):
    """Returns what is asked for, or None when stepped out of. Says below what comes of it."""

    NAME = "queue-add"
    ACCEPT = ("add", "Queue and start", "enter start")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,f5", "add", "queue and start", tooltip="Queue these and start"),
        Binding("escape", "dismiss(None)", "cancel", tooltip="Queue nothing"),
    ]

    def __init__(self, home: Home) -> None:
        super().__init__()
        self._home = home
        self._speeds: Sequence[Speed] | None = None
        self._asked: Asked | None = None  # what the plan on view is about

    def request(self) -> Asked | dict[str, str]:
        """What the fields ask for, or one sentence for each that is wrong."""
        raise NotImplementedError

    def whole(self, name: str, most: int, errors: dict[str, str]) -> int:
        """The whole number from 1 to `most` in a field; an empty one is 1."""
        field = FormField(name, FieldKind.COUNT, limits=Limits(1, most), optional=True)
        try:
            return cast("int", field.parse(self.text(name)) or 1)
        except FieldError as error:
            errors[name] = str(error)
            return 1

    def advice(self, asked: Asked) -> list[str]:
        return []

    def below(self) -> ComposeResult:
        yield Static(id="plan", markup=False)
        yield Static(id="advice", markup=False)

    def on_mount(self) -> None:
        self.check()

    @on(Input.Changed)
    @on(Choice.Changed)
    @on(TablesChoice.Changed)
    def check(self) -> None:
        """Say what is wrong, or what comes of it."""
        found = self.request()
        faults = found if isinstance(found, dict) else {}
        self.show_errors(faults)
        advice = [] if isinstance(found, dict) else self.advice(found)
        line = self.query_one("#advice", Static)
        line.update("\n".join(advice))
        line.set_class(bool(advice), "shown")
        if isinstance(found, dict):
            self._asked = None
            self._say(NOTHING_YET)
        elif found != self._asked:
            self._asked = found
            self.query_one("#plan", Static).update("looking what is there already …")
            self.run_worker(self._look_up(found), group="plan", exclusive=True)

    async def _look_up(self, asked: Asked) -> None:
        """Ask what comes of it, once the fields rest."""
        await asyncio.sleep(PLAN_DELAY)
        try:
            words = await self._planned(asked)
        except UserError as error:
            if asked == self._asked:
                self._refuse(error)
            return
        if asked == self._asked:
            self._say(words)

    async def _planned(self, asked: Asked) -> str:
        if self._speeds is None:
            self._speeds = await asyncio.to_thread(known_speeds, self._home)
        return await asyncio.to_thread(plan, self._home, asked, self._speeds)

    def _say(self, words: str) -> None:
        for line in self.query("#plan").results(Static):  # none once it was answered
            line.update(words)

    def _refuse(self, error: UserError) -> None:
        """Say what is wrong, under its field where it is one's."""
        if any(error.field == name for name, *_ in self.FIELDS):
            self.show_errors({error.field: error.reason})
            self._say(NOTHING_YET)
        else:
            self._say(f"✗ {error}")

    @on(Input.Submitted)
    @on(Button.Pressed, "#add")
    def action_add(self) -> None:
        found = self.request()
        if isinstance(found, dict):
            self.focus_first_of(found)
        else:
            self.run_worker(self._accept(found), group="accept", exclusive=True)

    async def _accept(self, asked: Asked) -> None:
        """Close, unless something is impossible: what was typed stays then, and why is said."""
        try:
            await self._planned(asked)
        except UserError as error:
            self._refuse(error)
            self.focus_first_of([error.field])
        else:
            self.dismiss(asked)


class AddDialog(PlanningDialog[Reproduction]):
    """The trainings of the paper's tables."""

    title_of_form = "reproduce the paper's tables"
    FIELDS = (
        ("tables", "Tables", "space or its number switches"),
        ("seeds", "Seeds", "of each training, from seed 0 on"),
        ("precision", "Precision", ""),
        ("jobs", "Jobs", "trainings at once"),
        ("executor", "Trains on", ""),
    )

    def __init__(self, home: Home, jobs: int, engine: Engine | None) -> None:
        """`engine` is what trains a queue that runs, which stays so."""
        super().__init__(home)
        self._jobs = jobs
        self._engine = engine

    def editor(self, name: str) -> TablesChoice | Choice | Input:
        if name == "tables":
            return TablesChoice()
        if name == "precision":
            return Choice({each: each for each in PRECISIONS}, "float32")
        if name == "executor":
            now = self._engine.executor if self._engine else Config()["executor"]
            return Choice(EXECUTORS, now)
        own = self._jobs if name == "jobs" else Config()["seeds"]
        return Input(str(own), placeholder="1", compact=True)

    def request(self) -> Reproduction | dict[str, str]:
        errors: dict[str, str] = {}
        tables = self.query_one(TablesChoice).chosen
        if not tables:
            errors["tables"] = "choose one at least"
        seeds = self.whole("seeds", MOST_SEEDS, errors)
        jobs = self.whole("jobs", MOST_JOBS, errors)
        precision = cast("Precision", self.text("precision"))
        if not errors:
            trainings = seeds * len(trainings_for(tables_of(tables)))
            if trainings > MOST_TRIALS:
                errors["seeds"] = (
                    f"{trainings:,} trainings; the queue holds at most {MOST_TRIALS:,}"
                )
        executor = self.text("executor")
        if self._engine is not None and self._engine.executor != executor:
            errors["executor"] = f"the queue runs on {self._engine.words}; stop it first"
        return errors or Reproduction(tables, seeds, precision, jobs, executor)

    def advice(self, asked: Reproduction) -> list[str]:
        advice = []
        if asked.jobs > 1 and asked.executor == "local":
            cores = usable_cores()
            here = "the one core" if cores == 1 else f"all {cores} cores"
            advice.append(
                f"One training keeps {here} busy: {asked.jobs} at once each take nearly "
                f"{asked.jobs} times as long, and the whole is done little earlier."
            )
        slower = slower_here(asked.precision)
        if slower:
            advice.append(f"{slower[0].upper()}{slower[1:]}.")
        return advice


class SweepDialog(PlanningDialog[Sweep]):
    """A grid of settings over a preset; an empty field leaves a setting as the preset has it."""

    FIELDS = (
        ("optimizer", "Optimizer", "sgd, adam"),
        ("learning_rate", "Learning rate", "0.001, 0.01 or log:0.001..0.1/5"),
        ("batch_size", "Batch", "30, 60 or 30..120/4"),
        ("epochs", "Epochs", "5, 10 or 1..5"),
        ("momentum", "Momentum", "0, 0.7 or 0..0.9/4"),
        ("seeds", "Seeds", "of each, from seed 0 on"),
    )

    def __init__(self, home: Home, preset: Preset) -> None:
        super().__init__(home)
        self._preset = preset
        self.title_of_form = f"sweep of {preset.name}: lists or ranges of settings"

    def editor(self, name: str) -> Input:
        training = self._preset.training
        own = {
            "optimizer": training.optimizer.kind,
            "learning_rate": f"{training.optimizer.learning_rate:g}",
            "batch_size": str(training.batch_size),
            "epochs": str(training.epochs),
            "momentum": f"{getattr(training.optimizer, 'momentum', 0) or 0:g}",
            "seeds": "1",
        }
        seeds = Config()["seeds"] if name == "seeds" else 1
        return Input(str(seeds) if seeds > 1 else "", placeholder=own[name], compact=True)

    def request(self) -> Sweep | dict[str, str]:
        errors: dict[str, str] = {}
        axes = []
        for name, *_ in self.FIELDS[:-1]:
            text = self.text(name).rstrip(",")
            try:
                axes += [parse_axis(f"{name}={text}")] if text else []
            except RunError as error:
                errors[name] = error.reason
        seeds = self.whole("seeds", MOST_SEEDS, errors)
        return errors or Sweep(self._preset.name, tuple(axes), seeds)


# Of the search itself, with what it is unless something else is written.
OWN = (
    ("trials", "Trials", "settings to try"),
    ("timeout", "Time", "no trial begins after 30m, 2h"),
    ("seeds", "Final seeds", "of the chosen settings"),
    ("validation", "Validation", "held out: a share, or a number"),
    ("sampler", "Sampler", ""),
    ("pruner", "Pruner", "ends hopeless trials"),
)
CHOICES = {"sampler": get_args(Sampler), "pruner": get_args(Pruner)}
DEFAULTS = {
    item.name: str(item.default)
    for item in fields(SearchRequest)
    if any(item.name == name for name, *_ in OWN)
}


class SearchDialog(PlanningDialog[SearchRequest]):
    """Returns the search that is asked for, or None when stepped out of."""

    ACCEPT = ("add", "Search", "enter search")

    def __init__(self, home: Home, begun: SearchRequest) -> None:
        super().__init__(home)
        preset = begun.preset
        self._begun = begun
        pairs = (text.split("=", 1) for text in begun.space)
        self._written = {full_name(name): values for name, values in pairs}
        self._own: dict[str, str] = {}  # what each setting is where no range is written
        lines = self._settings("", with_overrides(preset.training, begun.plan.overrides))
        lines += OWN
        for place, layer in enumerate(preset.architecture.layers, 1):
            lines += self._settings(f"layers.{place}.", layer)
        self.FIELDS = tuple(lines)
        self.title_of_form = f"search {preset.name}: ranges or lists of any settings"

    def _settings(self, prefix: str, value: BaseModel) -> list[tuple[str, str, str]]:
        """A line for each setting of the training or of a layer."""
        lines = []
        form = form_of(value)
        texts = form.texts(value)
        for field in form.fields:
            if field.name.startswith("early_stopping"):  # is not searched
                continue
            full = f"{prefix}{field.name}"
            self._own[full] = texts[field.name]
            label = f"{prefix.split('.')[1]} {field.label}" if prefix else field.label
            lines.append((full, label.capitalize(), _example(field)))
        return lines

    def editor(self, name: str) -> Input | Choice:
        if name in CHOICES:
            answers = {choice: choice for choice in CHOICES[name]}
            return Choice(answers, getattr(self._begun, name))
        if name in self._own:
            text, placeholder = self._written.get(name, ""), self._own[name] or "–"
        elif name == "validation":
            text, placeholder = self._begun.plan.validation or "", VALIDATION
        else:
            text, placeholder = "", DEFAULTS[name] or "none"
        return Input(text, placeholder=placeholder, compact=True)

    def request(self) -> SearchRequest | dict[str, str]:
        """What is written; the core says in a thread what of it is wrong."""
        space = tuple(f"{name}={text}" for name in self._own if (text := self.text(name)))
        plan = replace(self._begun.plan, validation=self.text("validation") or VALIDATION)
        own = {name: self.text(name) or DEFAULTS[name] for name in DEFAULTS}
        return replace(self._begun, plan=plan, space=space, **own)  # type: ignore[arg-type]


def _example(field: FormField) -> str:
    """How a range of a setting may be written."""
    match field.kind:
        case FieldKind.COUNT | FieldKind.SIZES:
            return "16..128 or 30,60" if field.kind is FieldKind.COUNT else "3,5"
        case FieldKind.NUMBER:
            return "log:1e-4..1e-1 or 0.1,0.2" if "rate" in field.name else "0..0.9 or 0,0.7"
    return ",".join(field.choices[:3])


# Putting it there: done in a thread; the sentence to say comes back


def add(home: Home, asked: Request) -> str:
    """Queue what is asked for and is not there yet, and let the queue run."""
    ids = set(service.enqueue(home, asked.trials(home), asked.by))
    if not ids:
        return "Nothing to train: the leaderboard has all of it."
    earlier = sum(trial.id not in ids for trial in QueueStore(home).read().waiting)
    runs = QueueStore(home).runs()
    service.start(home, asked.jobs, None if runs else asked_for(asked.executor))
    first = f"; {earlier} queued earlier go first" if earlier else ""
    return f"{count(len(ids), 'training')} queued{first}."


def search(home: Home, asked: SearchRequest) -> str:
    """Queue a search, or go on with the one that asks the same, and let the queue run; its id."""
    wanted = asked.search()
    enqueue_search(home, wanted)
    service.start(home)
    return wanted.id


def put_in_line(
    home: Home, specs: Sequence[TrainingSpec], labels: Labels, *, next_seed: bool
) -> tuple[str, bool]:
    """Queue trainings; what is to be said of it, and whether the queue was started for them.

    With `next_seed` the first one alone, with the lowest seed that is neither run nor queued. A
    queue that was stopped with others waiting stays stopped.
    """
    store = QueueStore(home)
    before, running = store.read(), store.runs()
    if next_seed:
        key = specs[0].settings_key
        queued = [t.spec.seed for t in before.trials if t.spec.settings_key == key]
        seed = runs_service.next_seed(specs[0], Leaderboard(home), queued)
        specs = [specs[0].model_copy(update={"seed": seed})]
    ids = service.enqueue(home, [PlannedTrial(spec) for spec in specs], "app", labels)
    if not ids:
        return "Nothing to train: the leaderboard has all of it.", False
    waiting = [trial.id for trial in store.read().waiting]
    place = waiting.index(ids[0]) + 1 if ids[0] in waiting else 0
    what = f"{specs[0].preset}, {named_seeds([spec.seed for spec in specs])}"
    words = f"{what}: number {place} of the waiting." if place else f"{what}: trains already."
    if running or not before.waiting:
        return words, service.start(home) and not running
    return f"{words} The queue does not run; s on Queue starts it.", False
