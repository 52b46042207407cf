"""The dialog that queues the paper's tables, and says as one types what that means here."""

from __future__ import annotations

import asyncio
import platform
from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.events import DescendantFocus
from textual.widgets import Button, Input, Static

from workbench.errors import UserError
from workbench.runs.environment import accelerates_bfloat16, usable_cores
from workbench.runs.estimate import Speed, known_speeds
from workbench.settings import Home
from workbench.tui.screens.dialog import Dialog
from workbench.tui.screens.queue.asked import Asked, checked, plan_words
from workbench.tui.screens.queue.tables_choice import TablesChoice
from workbench.tui.styles import style_sheet
from workbench.tui.widgets.choice import Choice

PLAN_DELAY = 0.2  # seconds without a key before the leaderboard is asked
FIELDS = (
    ("tables", "Tables", "space or its number switches"),
    ("seeds", "Seeds", "of each training, from seed 0 on"),
    ("precision", "Precision", ""),
    ("jobs", "Jobs", "trainings at once"),
)
PRECISIONS = [("float32", "float32"), ("bfloat16", "bfloat16")]


class AddDialog(Dialog[Asked | None]):
    """Returns what is to be queued, or None when stepped out of."""

    CSS_PATH: ClassVar = style_sheet("queue_add")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,f5", "add", "queue and start", tooltip="Queue these and start"),
        Binding("escape", "dismiss(None)", "cancel", tooltip="Queue nothing"),
        Binding("down", "app.focus_next", show=False, tooltip="The next field"),
        Binding("up", "app.focus_previous", show=False, tooltip="The field before"),
        Binding("f1", "app.show_help", show=False, tooltip="The keys that work here"),
    ]

    def __init__(self, home: Home, jobs: int) -> None:
        super().__init__()
        self._home = home
        self._jobs = jobs
        self._speeds: Sequence[Speed] | None = None
        self._asked: Asked | None = None  # what the plan on view is about

    def compose(self) -> ComposeResult:
        """A line a field, what will be trained, and the two buttons."""
        with Vertical(id="queue-add", classes="dialog"):
            for name, label, aside in FIELDS:
                with Horizontal(classes="field"):
                    yield Static(label, classes="label")
                    yield self._editor(name)
                    yield Static(aside, classes="aside", markup=False)
                yield Static(classes="error", id=f"error-{name}", markup=False)
            yield Static(id="plan", markup=False)
            yield Static(id="advice", markup=False)
            with Horizontal(id="buttons"):
                yield Button("Queue and start", id="add", variant="primary", compact=True)
                yield Button("Cancel", id="cancel", compact=True)
                yield Static("enter start   esc cancel", classes="muted")

    def _editor(self, name: str) -> TablesChoice | Choice | Input:
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

    def on_descendant_focus(self, event: DescendantFocus) -> None:
        """Mark the line one is on."""
        for line in self.query(".field"):
            line.set_class(event.widget in line.children, "current")

    @on(Input.Changed)
    @on(Choice.Changed)
    @on(TablesChoice.Changed)
    def _check(self) -> None:
        found = self._fields()
        errors = {} if isinstance(found, Asked) else found
        for name, _, _ in FIELDS:
            line = self.query_one(f"#error-{name}", Static)
            line.update(f"✗ {errors[name]}" if name in errors else "")
            line.set_class(name in errors, "shown")
        self.query_one("#add", Button).disabled = bool(errors)
        self._advise(found)
        if isinstance(found, Asked):
            self._plan(found)
        else:
            self._asked = None
            self.query_one("#plan", Static).update("nothing can be queued yet")

    def _fields(self) -> Asked | dict[str, str]:
        numbers = {name: self.query_one(f"#{name}", Input).value for name in ("seeds", "jobs")}
        precision = self.query_one("#precision", Choice).value
        return checked(self.query_one(TablesChoice).chosen, precision, numbers)

    def _advise(self, found: Asked | dict[str, str]) -> None:
        advice = []
        if isinstance(found, Asked) and found.jobs > 1:
            cores = usable_cores()
            here = "the one core" if cores == 1 else f"all {cores} cores"
            advice.append(
                f"One training keeps {here} busy: {found.jobs} at once each take nearly "
                f"{found.jobs} times as long, and the whole is done little sooner."
            )
        if (
            isinstance(found, Asked)
            and found.precision == "bfloat16"
            and accelerates_bfloat16() is False
        ):
            advice.append("This processor has no bfloat16 instructions; float32 is faster here.")
        line = self.query_one("#advice", Static)
        line.update("\n".join(advice))
        line.set_class(bool(advice), "shown")

    def _plan(self, asked: Asked) -> None:
        if asked == self._asked:
            return
        self._asked = asked
        self.query_one("#plan", Static).update("looking what is there already …")
        self.run_worker(self._look_up(asked), group="plan", exclusive=True)

    async def _look_up(self, asked: Asked) -> None:
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

    @on(Button.Pressed, "#cancel")
    def _cancel(self) -> None:
        self.dismiss(None)

    @on(Input.Submitted)
    @on(Button.Pressed, "#add")
    def action_add(self) -> None:
        """Queue it, or go to the field that is wrong."""
        found = self._fields()
        if isinstance(found, Asked):
            self.dismiss(found)
        else:
            self.query_one(f"#{next(name for name, _, _ in FIELDS if name in found)}").focus()
