"""The dialogs that queue trainings, and say as one types what that means here: those of the
paper's tables, and those of a grid of settings over one model."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, TypeVar, cast

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
from workbench.formats import count
from workbench.model.forms import FieldError, FieldKind, FormField, Limits
from workbench.model.preset import Preset
from workbench.model.spec import Precision
from workbench.model.tables import TABLE_NUMBERS
from workbench.queue.planning import (
    Axis,
    PlannedTrial,
    grid,
    parse_axis,
    plan_trials,
    rows_of,
    tables_of,
    trainings_for,
)
from workbench.queue.store import MOST_JOBS, MOST_TRIALS, Engine, Origin
from workbench.queue.view import plan_sentence
from workbench.runs.environment import slower_here, usable_cores
from workbench.runs.estimate import Speed, known_speeds
from workbench.runs.plan import Plan
from workbench.settings import Home
from workbench.tui.screens.dialog import FormDialog
from workbench.tui.widgets.choice import Choice

PLAN_DELAY = 0.2  # seconds without a key before the leaderboard is asked
CELL = 5  # letters of ` ✓ 3 `
NOTHING_YET = "nothing can be queued yet"
PRECISIONS = [("float32", "float32"), ("bfloat16", "bfloat16")]
EXECUTORS = [("local", "this machine"), ("ray", "a Ray cluster")]


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
        """Each distinct training once."""
        return trainings_for(tables_of(self.tables), self.seeds, self.precision)

    def words(self, trials: Sequence[PlannedTrial]) -> str:
        """`24 rows, 20 trainings of 2 seeds`."""
        seeds = f" of {self.seeds} seeds" if self.seeds > 1 else ""
        rows = count(rows_of(tables_of(self.tables)), "row")
        return f"{rows}, {count(len(trials) // self.seeds, 'training')}{seeds}"


@dataclass(frozen=True)
class Sweep:
    """Every combination of some settings of a preset, as `sweep` trains them."""

    preset: str
    axes: tuple[Axis, ...]
    seeds: int = 1
    jobs: ClassVar[None] = None
    executor: ClassVar[None] = None
    by: ClassVar[Origin] = "sweep"

    def trials(self, home: Home) -> list[PlannedTrial]:
        """A training for each combination and seed."""
        return grid(home, self.preset, self.axes, Plan(), self.seeds)

    def words(self, trials: Sequence[PlannedTrial]) -> str:
        """`12 trainings`."""
        return count(len(trials), "training")


Request = Reproduction | Sweep
Asked = TypeVar("Asked")


class PlanningDialog(FormDialog[Asked | None]):
    """Returns what is asked for, or None when stepped out of. Says below what comes of it."""

    NAME = "queue-add"
    title_of_form = ""
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
            return cast("int", field.parse(self.query_one(f"#{name}", Input).value) or 1)
        except FieldError as error:
            errors[name] = str(error)
            return 1

    def plan(self, asked: Asked, speeds: Sequence[Speed]) -> str:
        """What comes of it, in words; asked for in a thread.

        Raises:
            UserError: nothing can; with the field that is wrong, if it is one.
        """
        raise NotImplementedError

    def advice(self, asked: Asked) -> list[str]:
        """What is to be thought of."""
        return []

    def below(self) -> ComposeResult:
        """What will be trained, and advice."""
        yield Static(id="plan", markup=False)
        yield Static(id="advice", markup=False)

    def on_mount(self) -> None:
        self.query_one("#queue-add").border_title = Content(self.title_of_form)
        self.query_one(f"#{self.FIELDS[0][0]}").focus()
        self.check()

    @on(Input.Changed)
    @on(Choice.Changed)
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
        return await asyncio.to_thread(self.plan, asked, self._speeds)

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


class TrialsDialog(PlanningDialog[Request]):
    """Trainings for the queue, compared with what has been trained."""

    def plan(self, asked: Request, speeds: Sequence[Speed]) -> str:
        """`24 rows, 20 trainings: 12 trained already, 8 new; 8 to train: about 41 min …`"""
        trials = asked.trials(self._home)
        return f"{asked.words(trials)}: {plan_sentence(plan_trials(self._home, trials), speeds)}"


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
        """To another table."""
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


class AddDialog(TrialsDialog):
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
        """A line to write in, or a choice."""
        if name == "tables":
            return TablesChoice(id=name)
        if name == "precision":
            return Choice(PRECISIONS, "float32", id=name)
        if name == "executor":
            now = self._engine.executor if self._engine else Config()["executor"]
            return Choice(EXECUTORS, now, id=name)
        own = self._jobs if name == "jobs" else Config()["seeds"]
        return Input(str(own), placeholder="1", compact=True, id=name)

    @on(TablesChoice.Changed)
    def _tables_changed(self) -> None:
        self.check()

    def request(self) -> Reproduction | dict[str, str]:
        """The tables that are ticked, with what stands beside them."""
        errors: dict[str, str] = {}
        tables = self.query_one(TablesChoice).chosen
        if not tables:
            errors["tables"] = "choose one at least"
        seeds, jobs = (
            self.whole(name, most, errors)
            for name, most in (("seeds", MOST_SEEDS), ("jobs", MOST_JOBS))
        )
        half = self.query_one("#precision", Choice).value == "bfloat16"
        if not errors:
            trainings = seeds * len(trainings_for(tables_of(tables)))
            if trainings > MOST_TRIALS:
                errors["seeds"] = (
                    f"{trainings:,} trainings; the queue holds at most {MOST_TRIALS:,}"
                )
        executor = self.query_one("#executor", Choice).value
        if self._engine is not None and self._engine.executor != executor:
            errors["executor"] = f"the queue runs on {self._engine.words}; stop it first"
        half_or_whole: Precision = "bfloat16" if half else "float32"
        return errors or Reproduction(tables, seeds, half_or_whole, jobs, executor)

    def advice(self, asked: Request) -> list[str]:
        """Of jobs that share the cores, and of bfloat16."""
        advice = []
        if asked.jobs is not None and asked.jobs > 1 and asked.executor == "local":
            cores = usable_cores()
            here = "the one core" if cores == 1 else f"all {cores} cores"
            advice.append(
                f"One training keeps {here} busy: {asked.jobs} at once each take nearly "
                f"{asked.jobs} times as long, and the whole is done little earlier."
            )
        slower = slower_here(asked.precision) if isinstance(asked, Reproduction) else ""
        if slower:
            advice.append(f"{slower[0].upper()}{slower[1:]}.")
        return advice


class SweepDialog(TrialsDialog):
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
        """A line to write in, which shows the preset's own value."""
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
        return Input(str(seeds) if seeds > 1 else "", placeholder=own[name], compact=True, id=name)

    def request(self) -> Sweep | dict[str, str]:
        """The settings that are written in."""
        errors: dict[str, str] = {}
        axes = []
        for name, *_ in self.FIELDS[:-1]:
            text = self.query_one(f"#{name}", Input).value.strip().rstrip(",")
            try:
                axes += [parse_axis(f"{name}={text}")] if text else []
            except RunError as error:
                errors[name] = error.reason
        seeds = self.whole("seeds", MOST_SEEDS, errors)
        return errors or Sweep(self._preset.name, tuple(axes), seeds)
