"""The dialog that queues the paper's tables, and says as one types what that means here."""

from __future__ import annotations

import asyncio
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.app import ComposeResult, RenderResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.events import Click, Key
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget
from textual.widgets import Button, Input, Static

from workbench.errors import UserError
from workbench.formats import count
from workbench.model.spec import Precision
from workbench.model.tables import TABLE_NUMBERS
from workbench.queue.paper import MOST_SEEDS, rows_of, tables_of, trainings_for
from workbench.queue.planning import plan_trials
from workbench.queue.store import MOST_JOBS, MOST_TRIALS
from workbench.queue.view import plan_sentence
from workbench.runs.environment import accelerates_bfloat16, usable_cores
from workbench.runs.estimate import Speed, known_speeds
from workbench.settings import Home
from workbench.tui.screens.form_dialog import FormDialog
from workbench.tui.widgets.choice import Choice


@dataclass(frozen=True)
class Reproduction:
    """The trainings of these tables, with seeds from 0 on."""

    tables: tuple[int, ...] = TABLE_NUMBERS
    seeds: int = 1
    precision: Precision = "float32"
    jobs: int = 1


def checked(
    tables: Sequence[int], precision: str, numbers: Mapping[str, str]
) -> Reproduction | dict[str, str]:
    """What is asked for, or one sentence for each field that is wrong."""
    errors: dict[str, str] = {}
    if not tables:
        errors["tables"] = "choose one at least"
    values = {
        name: _whole(numbers[name], most, name, errors)
        for name, most in (("seeds", MOST_SEEDS), ("jobs", MOST_JOBS))
    }
    half: Precision = "bfloat16" if precision == "bfloat16" else "float32"
    if not errors:
        trainings = values["seeds"] * len(trainings_for(tables_of(tables)))
        if trainings > MOST_TRIALS:
            errors["seeds"] = f"{trainings:,} trainings; the queue holds at most {MOST_TRIALS:,}"
    return errors or Reproduction(tuple(tables), values["seeds"], half, values["jobs"])


def _whole(text: str, most: int, name: str, errors: dict[str, str]) -> int:
    """The number in a field; an empty one is 1."""
    plain = text.strip().replace(",", "") or "1"
    try:
        number = int(plain)
    except ValueError:
        errors[name] = f"write a whole number (given: {text.strip()})"
        return 1
    if not 1 <= number <= most:
        errors[name] = f"from 1 to {most:,} (given: {number:,})"
    return number


def plan_words(home: Home, asked: Reproduction, speeds: Sequence[Speed]) -> str:
    """`24 rows, 20 trainings: 12 trained already, 8 new; 8 to train: about 41 min, until 16:40.`

    Takes a moment: the leaderboard and the queue are read.
    """
    tables = tables_of(asked.tables)
    wanted = trainings_for(tables, asked.seeds, asked.precision)
    rows = count(rows_of(tables), "row")
    distinct = count(len(wanted) // asked.seeds, "training")
    seeds = f" of {asked.seeds} seeds" if asked.seeds > 1 else ""
    return f"{rows}, {distinct}{seeds}: {plan_sentence(plan_trials(home, wanted), speeds)}"


CELL = 5  # letters of ` ✓ 3 `


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
        """Take the table, or leave it."""
        number = TABLE_NUMBERS[self.cursor]
        self.chosen = tuple(
            known for known in TABLE_NUMBERS if (known in self.chosen) is not (known == number)
        )
        self.post_message(self.Changed())

    def on_key(self, event: Key) -> None:
        """A table's number takes or leaves it."""
        if event.key.isdecimal() and int(event.key) in TABLE_NUMBERS:
            event.stop()
            event.prevent_default()
            self.cursor = TABLE_NUMBERS.index(int(event.key))
            self.action_take()

    def on_click(self, event: Click) -> None:
        """A click takes or leaves the table."""
        if 0 <= event.x < CELL * len(TABLE_NUMBERS):
            self.cursor = event.x // CELL
            self.action_take()


PLAN_DELAY = 0.2  # seconds without a key before the leaderboard is asked
FIELDS = (
    ("tables", "Tables", "space or its number switches"),
    ("seeds", "Seeds", "of each training, from seed 0 on"),
    ("precision", "Precision", ""),
    ("jobs", "Jobs", "trainings at once"),
)
PRECISIONS = [("float32", "float32"), ("bfloat16", "bfloat16")]


class AddDialog(FormDialog[Reproduction | None]):
    """Returns what is to be queued, or None when stepped out of."""

    NAME = "queue-add"
    FIELDS = FIELDS
    ACCEPT = ("add", "Queue and start", "enter start")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,f5", "add", "queue and start", tooltip="Queue these and start"),
        Binding("escape", "dismiss(None)", "cancel", tooltip="Queue nothing"),
    ]

    def __init__(self, home: Home, jobs: int) -> None:
        super().__init__()
        self._home = home
        self._jobs = jobs
        self._speeds: Sequence[Speed] | None = None
        self._asked: Reproduction | None = None  # what the plan on view is about

    def below(self) -> ComposeResult:
        """What will be trained, and advice."""
        yield Static(id="plan", markup=False)
        yield Static(id="advice", markup=False)

    def editor(self, name: str) -> TablesChoice | Choice | Input:
        """A line to write in, or a choice."""
        if name == "tables":
            return TablesChoice(id=name)
        if name == "precision":
            return Choice(PRECISIONS, "float32", id=name)
        own = str(self._jobs) if name == "jobs" else "1"
        return Input(own, placeholder="1", compact=True, id=name)

    def on_mount(self) -> None:
        """The tables first."""
        self.query_one("#queue-add").border_title = "reproduce the paper's tables"
        self.query_one(TablesChoice).focus()
        self._check()

    @on(Input.Changed)
    @on(Choice.Changed)
    @on(TablesChoice.Changed)
    def _check(self) -> None:
        found = self._fields()
        self.show_errors({} if isinstance(found, Reproduction) else found)
        self._advise(found)
        if isinstance(found, Reproduction):
            self._plan(found)
        else:
            self._asked = None
            self.query_one("#plan", Static).update("nothing can be queued yet")

    def _fields(self) -> Reproduction | dict[str, str]:
        numbers = {name: self.query_one(f"#{name}", Input).value for name in ("seeds", "jobs")}
        precision = self.query_one("#precision", Choice).value
        return checked(self.query_one(TablesChoice).chosen, precision, numbers)

    def _advise(self, found: Reproduction | dict[str, str]) -> None:
        advice = []
        if isinstance(found, Reproduction) and found.jobs > 1:
            cores = usable_cores()
            here = "the one core" if cores == 1 else f"all {cores} cores"
            advice.append(
                f"One training keeps {here} busy: {found.jobs} at once each take nearly "
                f"{found.jobs} times as long, and the whole is done little sooner."
            )
        if (
            isinstance(found, Reproduction)
            and found.precision == "bfloat16"
            and accelerates_bfloat16() is False
        ):
            advice.append("This processor has no bfloat16 instructions; float32 is faster here.")
        line = self.query_one("#advice", Static)
        line.update("\n".join(advice))
        line.set_class(bool(advice), "shown")

    def _plan(self, asked: Reproduction) -> None:
        if asked == self._asked:
            return
        self._asked = asked
        self.query_one("#plan", Static).update("looking what is there already …")
        self.run_worker(self._look_up(asked), group="plan", exclusive=True)

    async def _look_up(self, asked: Reproduction) -> None:
        """Ask the leaderboard, once the fields rest."""
        await asyncio.sleep(PLAN_DELAY)
        try:
            if self._speeds is None:
                self._speeds = await asyncio.to_thread(known_speeds, self._home, platform.node())
            words = await asyncio.to_thread(plan_words, self._home, asked, self._speeds)
        except UserError as error:
            words = str(error)
        if asked == self._asked:
            for line in self.query("#plan").results(Static):  # none once it was answered
                line.update(words)

    @on(Input.Submitted)
    @on(Button.Pressed, "#add")
    def action_add(self) -> None:
        """Queue it, or go to the field that is wrong."""
        found = self._fields()
        if isinstance(found, Reproduction):
            self.dismiss(found)
        else:
            self.focus_first_of(found)
