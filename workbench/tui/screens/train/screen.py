"""The screen of one run: reads the run's folder, shows it, and passes requests on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import ClassVar, Literal

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical

from workbench.errors import UserError
from workbench.runs import service
from workbench.runs.events import Event
from workbench.runs.folder import RunFolder
from workbench.runs.status import Status
from workbench.settings import style_sheet
from workbench.tui import plotting
from workbench.tui.screens.base import COPY_ID, unless_left
from workbench.tui.screens.curves import CURVE_KEYS, CurveScreen
from workbench.tui.screens.dialog import ChoiceDialog
from workbench.tui.screens.train import numbers
from workbench.tui.screens.train.numbers import EpochTable, Verdict, judge
from workbench.tui.screens.train.plots import RunPlots
from workbench.tui.screens.train.state import FolderSays, MachineUse, RunReader, RunState
from workbench.tui.widgets.bars import TitleBar
from workbench.tui.widgets.steady_lines import SteadyLines, wrapped
from workbench.tui.widgets.words import say_in_border

NUMBERS_SECONDS = 0.5
POLL_SECONDS, POLL_SECONDS_ENDED = 0.1, 0.5
# So that a viewer that was suspended catches up without holding the event loop.
MOST_EVENTS = 500
# What tab goes through: with room for both plots, and with room for one.
WIDE_VIEWS = ("both", "accuracy", "loss")
NARROW_VIEWS = ("accuracy", "loss", "epochs")
# The states of a run in which it can be asked for something, or looked at so.
WHEN: dict[str, Callable[[Status], bool]] = {
    "go_on": lambda status: status is Status.PAUSED,
    "pause": lambda status: status.alive and status is not Status.PAUSED,
    "stop": lambda status: status.alive,
    "kill": lambda status: status.alive,
    "resume": lambda status: status.resumable or status is Status.PAUSED,
    "confusion": lambda status: status.completed,
    "errors": lambda status: status.completed,
    "board": lambda status: status.completed or status is Status.STOPPED,
    "again": lambda status: not status.alive,
}


class TrainScreen(CurveScreen):
    """Shows the run in `folder`, living or ended."""

    PLACE = "Train"
    CSS_PATH: ClassVar = style_sheet("train")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("p", "pause", "pause", tooltip="Pause; nothing is lost"),
        Binding("p", "go_on", "resume", show=False, tooltip="Resume after the pause"),
        Binding("s", "stop", "stop & save", tooltip="Stop after this moment's work and save"),
        Binding(
            "r", "resume", "resume", tooltip="Resume after a pause, or from the last whole epoch"
        ),
        Binding("n", "again", "new seed", tooltip="Run it again with the next unused seed"),
        Binding(
            "escape",
            "step_out",
            "leave it",
            key_display="esc",
            tooltip="Take the cursor away; leave the screen, a training goes on",
        ),
        Binding("X", "kill", "kill", tooltip="End the worker at once, unsaved; asks"),
        Binding(
            "l",
            "log_or_right",
            "log file",
            tooltip="The worker's log; with the cursor out, the cursor to the right",
        ),
        Binding("c", "confusion", "confusion", tooltip="What the network took for what"),
        Binding("e", "errors", "errors", tooltip="The images that the model gets wrong"),
        Binding("b", "board", "leaderboard", tooltip="The run on the leaderboard"),
        Binding("tab", "switch_view", "view", tooltip="Both plots, one of them, the epochs"),
        *CURVE_KEYS,
        Binding("z", "zoom", "zoom", tooltip="Only the recent part, and back"),
        Binding("m", "metric(1)", "metric", tooltip="The next metric in the lower plot"),
        Binding("M", "metric(-1)", show=False, tooltip="The metric before it"),
        COPY_ID,
        Binding("j,down", "epochs(1)", show=False, tooltip="Newer epochs"),
        Binding("k,up", "epochs(-1)", show=False, tooltip="Older epochs"),
    ]

    def __init__(self, folder: RunFolder) -> None:
        super().__init__()
        self.folder = folder
        self._state: RunState | None = None
        self._asked = ""  # what was asked for and has not happened yet
        self._use: MachineUse | None = None
        self._verdict: Verdict | None = None
        self._shown = ""
        self._status: Status | None = None

    @property
    def run_here(self) -> str:
        return self.folder.run_id

    @property
    def status(self) -> Status | None:
        """What the run is doing; None until its log has been read."""
        return self._state.status if self._state else None

    def body(self) -> ComposeResult:
        """Plots beside the numbers; in a narrow window one plot between lines of numbers."""
        yield SteadyLines(id="run-head")
        yield SteadyLines(id="run-notice")
        yield SteadyLines(id="run-compact")
        with Horizontal(id="run-main"):
            yield RunPlots(id="run-plots")
            with Vertical(id="run-side", classes="panel"):
                yield SteadyLines(id="run-now", classes="section")
                yield SteadyLines(id="run-progress", classes="section")
                yield SteadyLines(id="run-machine", classes="section")
                yield SteadyLines(id="run-settings", classes="section")
                yield EpochTable(id="run-epochs", classes="section")
                yield SteadyLines(id="run-classes", classes="section")
        yield SteadyLines(id="run-bar")

    def on_mount(self) -> None:
        self.plots.prefer(self.workbench.config)
        self.query_one(TitleBar).detail = self.folder.run_id
        self.query_one("#run-side").border_title = "now"
        for name in ("progress", "machine", "settings", "epochs"):
            self._lines(name).border_title = f" {name} "
        self._lines("classes").border_title = " accuracy by class "
        self._lines("head").show([[(" reading the log…", "muted")]])
        # Threads that read and import take the interpreter from the loop: the first frame first.
        self.call_after_refresh(self._begin)
        self.set_interval(NUMBERS_SECONDS, self._tick)

    def _begin(self) -> None:
        plotting.warm_up()
        self._follow()

    @work(exclusive=True, group="feed")
    async def _follow(self) -> None:
        """Read the folder again and again, also after the run has ended: it may be resumed."""
        reader = RunReader(self.folder)
        try:
            with unless_left(self):
                await self._read_on(reader)
        except UserError as error:
            self._unreadable(error)

    async def _read_on(self, reader: RunReader) -> None:
        state = await asyncio.to_thread(reader.open)
        self._state = state
        if state.history.fault:
            self.notify(state.history.fault, severity="warning", markup=False)
        self.plots.follow(state)
        self._changed()
        while True:
            events = await asyncio.to_thread(reader.look)
            if events or state.folder_says != reader.folder_says:
                for start in range(0, max(1, len(events)), MOST_EVENTS):
                    self._news(state, events[start : start + MOST_EVENTS], reader.folder_says)
                    await asyncio.sleep(0)
            self._use = await asyncio.to_thread(reader.use)
            alive = reader.folder_says.alive
            await asyncio.sleep(POLL_SECONDS if alive else POLL_SECONDS_ENDED)

    # What the folder tells

    def _news(self, state: RunState, events: list[Event], folder_says: FolderSays) -> None:
        first = not len(state.train)
        for event in events:
            state.apply(event)
        state.folder_says = folder_says
        if events:
            self.plots.changed()
        if state.status is not self._status or (first and len(state.train)):
            self._changed()

    def _unreadable(self, error: UserError) -> None:
        self._state = None  # what was read before would be shown over it
        self._lines("head").show([[(" this run cannot be shown", "bad")]])
        self._show_notice(str(error), "bad")

    def _changed(self) -> None:
        state = self._state
        assert state is not None
        status = state.status
        if status is not self._status:
            self._status, self._asked = status, ""
            # A run that has ended has no progress to make and no worker to look at.
            self.set_class(not status.alive, "ended")
            title = " progress " if status.alive else " training "
            self._lines("progress").border_title = title
            self.refresh_bindings()
            if status.completed:
                self._judge()
        self.plots.draw_now_or_soon()
        self._tick()

    @work(exclusive=True, group="verdict")
    async def _judge(self) -> None:
        state = self._state
        if state is None or state.spec is None:
            return
        try:
            self._verdict = await asyncio.to_thread(
                judge, self.workbench.home, self.folder, state.spec
            )
        except UserError as error:
            self.workbench.complain(error)
        self._tick()

    # What is shown

    def _tick(self) -> None:
        """Bring the numbers up to date, and now and then the plots."""
        state = self._state
        if state is None or not self.is_current or self.has_class("too-small"):
            return
        self._show_numbers(state)
        self.plots.draw_if_due()

    def on_screen_resume(self) -> None:
        self.plots.draw_now_or_soon()
        self._tick()

    def _show_numbers(self, state: RunState) -> None:
        width = max(1, self.size.width)
        self._lines("head").show([numbers.head_line(state, self._asked, width)])
        collapsed = self._verdict.collapsed if self._verdict else ""
        self._show_notice(*numbers.notice(state, collapsed))
        reading, use = self.plots.reading(), self._use
        now, progress, machine = map(self._lines, ("now", "progress", "machine"))
        if judged := state.status.completed and self.plots.cursor is None:
            now.show(numbers.verdict_lines(state, self._verdict, now.size.width))
            compact = numbers.compact_verdict(state, self._verdict)
        else:
            now.show(numbers.now_lines(reading, state, now.size.width))
            compact = numbers.compact_lines(reading, state, use, width - 2)
        self._lines("compact").show(compact)
        self._lines("bar").show([numbers.course_line(state, width - 2)])
        progress.show(numbers.course_lines(state, progress.size.width))
        machine.show(numbers.machine_lines(state, use, machine.size.width))
        title = "epochs" if self.has_class("narrow") else "result" if judged else reading.where
        say_in_border(self.query_one("#run-side"), title)
        self._fill_free_rows(state)
        if not self.has_class("narrow") or self.has_class("view-epochs"):
            self.query_one(EpochTable).follow(state)

    def _fill_free_rows(self, state: RunState) -> None:
        """Settings and accuracy by class, each where the epochs leave it all its rows."""
        side = self.query_one("#run-side")
        # Numbers, progress, of a living run its worker, heading and rows of the epochs.
        machine = self._lines("machine").size.height + 1
        used = 7 + machine * state.status.alive + 2
        used += max(3, min(10, state.history.planned_epochs))
        room = 0 if self.has_class("narrow") else side.size.height - used
        width, finished = max(20, side.size.width - 2), state.finished
        confusion = finished.confusion if finished is not None else []
        for name, lines in (
            ("settings", numbers.settings_lines(state, width)),
            ("classes", numbers.class_lines(confusion, width)),
        ):
            panel = self._lines(name)
            fits = bool(lines) and len(lines) < room
            room -= len(lines) + 1 if fits else 0
            panel.display = fits
            if fits:
                panel.show(lines)

    def _show_notice(self, sentence: str, word: str) -> None:
        self._lines("notice").show(wrapped(sentence, word, max(20, self.size.width - 2), 4))

    @property
    def plots(self) -> RunPlots:
        return self.query_one(RunPlots)

    def _lines(self, name: str) -> SteadyLines:
        return self.query_one(f"#run-{name}", SteadyLines)

    # How it is looked at

    def action_metric(self, step: int) -> None:
        self.plots.next_metric(step)
        self._tick()

    def action_zoom(self) -> None:
        self.plots.next_zoom()

    def action_switch_view(self) -> None:
        views: tuple[str, ...] = WIDE_VIEWS
        if self.has_class("narrow"):
            views = NARROW_VIEWS
        elif self.has_class("low"):  # the epochs stand beside the plot
            views = NARROW_VIEWS[:2]
        now = self._shown if self._shown in views else views[0]
        self._shown = views[(views.index(now) + 1) % len(views)]
        for name in {*NARROW_VIEWS, *WIDE_VIEWS}:
            self.set_class(name == self._shown, f"view-{name}")
        self.plots.draw_now_or_soon()
        self.call_after_refresh(self._tick)

    def action_epochs(self, rows: int) -> None:
        self.query_one(EpochTable).scroll_rows(rows)

    def read_off(self) -> None:
        self._tick()

    def action_log_or_right(self) -> None:
        """`l` moves a cursor that is out; without one it opens the log."""
        if self.plots.cursor is not None:
            self.action_cursor(1)
            return
        from workbench.tui.screens.train.dialogs import LogScreen

        self.app.push_screen(LogScreen(self.folder))

    # What the run is asked

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        status = self.status
        script = self._state is not None and self._state.spec is None
        if action == "metric":
            return script
        if script and action in ("resume", "confusion", "errors", "again", "board"):
            return action == "resume" and status is Status.PAUSED
        when = WHEN.get(action)
        return when is None or (status is not None and when(status))

    def _say(self, asked: str) -> None:
        """Have it stand in the head until it has happened."""
        self._asked = asked
        self._tick()

    def action_pause(self) -> None:
        """Pause; once more takes that back."""

        def answered(pausing: bool) -> None:
            resuming = "resuming" if self.status is Status.PAUSED else ""
            self._say("pausing" if pausing else resuming)

        self.carry_out(partial(service.pause_or_resume, self.folder), answered)

    def action_go_on(self) -> None:
        """Take the pause back; once more pauses after all."""
        self.action_pause()

    def action_stop(self) -> None:
        self.carry_out(partial(service.stop, self.folder), lambda _: self._say("stopping"))

    def action_kill(self) -> None:
        if self.status is Status.QUEUED:
            # Its place in the queue is held by the process that runs the whole queue.
            self.notify("It has not begun; s takes it off the queue", timeout=5)
            return

        def answered(answer: str) -> None:
            if answer == "kill":
                self.carry_out(partial(service.kill, self.folder))
            elif answer == "stop":
                self.action_stop()

        run = self.folder.run_id
        question = f"Kill run {run}? What it learned since its last whole epoch is lost."
        answers = [
            ("keep", "Leave it training"),
            ("stop", "Stop and save it instead"),
            ("kill", "Kill it, unsaved"),
        ]
        self.ask_for(ChoiceDialog(question, answers), answered)

    def action_resume(self) -> None:
        # It is asked about on leaving, like the runs that were started here.
        self.carry_out(
            partial(service.resume, self.folder), lambda _: self.workbench.ask_about(self.folder)
        )

    def action_again(self) -> None:
        if self._state is not None and self._state.spec is not None:
            self.workbench.train([self._state.spec], next_seed=True)

    def action_confusion(self) -> None:
        from workbench.tui.screens.train.dialogs import ConfusionScreen

        ending = self._state.finished if self._state else None
        spec = self._state.spec if self._state else None
        if spec is None or ending is None or not ending.confusion:
            self.notify("No confusion matrix was written for this run", timeout=5)
            return
        title = f"{spec.title} · seed {spec.seed}"
        self.app.push_screen(ConfusionScreen(ending.confusion, title), self._look_closer)

    def _look_closer(self, at: tuple[int, int] | Literal["classes"] | None) -> None:
        """The images of a cell of the confusion matrix, or its classes."""
        if at == "classes":
            from workbench.tui.screens.classes import ClassesScreen

            self.app.push_screen(ClassesScreen(self.folder, self._show_errors))
        elif at is not None:
            self._show_errors(*at)

    def action_errors(self) -> None:
        self._show_errors()

    def _show_errors(self, true: int | None = None, predicted: int | None = None) -> None:
        from workbench.tui.screens.errors import ErrorsScreen

        self.app.push_screen(ErrorsScreen(self.workbench.home, [self.folder], true, predicted))

    async def action_board(self) -> None:
        (await self.workbench.go("leaderboard")).show_run(self.folder.run_id)
