"""The screen of one run: it reads the run's folder, shows it, and passes requests on."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.worker import get_current_worker

from workbench.errors import UserError
from workbench.runs import control
from workbench.runs.curves import SMOOTHINGS, Axis, Metric, Window, recent
from workbench.runs.folder import RunFolder
from workbench.settings import Home
from workbench.tui import plotting
from workbench.tui.plotting import Glyphs
from workbench.tui.screens.base import WorkbenchScreen
from workbench.tui.screens.dialog import ChoiceDialog
from workbench.tui.screens.train import feed, numbers, words
from workbench.tui.screens.train.charts import Frame, MetricChart, View
from workbench.tui.screens.train.cursor import reading_at, reading_now
from workbench.tui.screens.train.machine import MachineUse
from workbench.tui.screens.train.panels import EpochTable
from workbench.tui.screens.train.state import Phase, RunState
from workbench.tui.screens.train.verdict import Verdict, judge, next_seed
from workbench.tui.widgets.curve_plot import CurvePlot
from workbench.tui.widgets.steady_lines import Line, SteadyLines
from workbench.tui.widgets.title_bar import TitleBar

NUMBERS_SECONDS = 0.25
PLOT_SECONDS = 0.7  # a redrawn plot is the dearest thing on a slow connection
ZOOMS = (1.0, 0.25, 0.0625)
ZOOM_WORDS = {1.0: "", 0.25: "  last quarter", 0.0625: "  last sixteenth"}
# What tab goes through: with room for both plots, and with room for one.
WIDE_VIEWS = ("both", "accuracy", "loss")
NARROW_VIEWS = ("accuracy", "loss", "epochs")


class TrainScreen(WorkbenchScreen):
    """Shows the run in `folder`, living or ended."""

    PLACE = "Train"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("p", "pause", "pause", tooltip="Pause, and go on again; nothing is lost"),
        Binding("s", "stop", "stop & save", tooltip="Stop after this moment's work and save"),
        Binding("r", "resume", "resume", tooltip="Take the run up again after its last epoch"),
        Binding("n", "again", "new seed", tooltip="Run it again with the next unused seed"),
        Binding("c", "confusion", "confusion", tooltip="What the network took for what"),
        Binding("b", "board", "leaderboard", tooltip="The run on the leaderboard"),
        Binding("tab", "switch_view", "view", tooltip="Both plots, one of them, the epochs"),
        Binding(
            "left_square_bracket", "smooth(-1)", "smooth", key_display="[ ]",
            tooltip="Less and more smoothing",
        ),
        Binding("right_square_bracket", "smooth(1)", show=False),
        Binding("y", "log_scale", "log", tooltip="Logarithmic loss; accuracy by its errors"),
        Binding("x", "axis", "x axis", tooltip="Count in epochs, steps or training time"),
        Binding("z", "zoom", "zoom", tooltip="Only the recent part, and back"),
        Binding("left,h", "cursor(-1)", "read off", key_display="← →",
                tooltip="Read values off: the cursor one column left (H, L: ten)"),
        Binding("right", "cursor(1)", show=False, tooltip="The cursor to the right"),
        Binding("H,shift+left", "cursor(-10)", show=False),
        Binding("L,shift+right", "cursor(10)", show=False),
        Binding("l", "log_or_right", "log file",
                tooltip="The worker's log; with the cursor out, the cursor to the right"),
        Binding("K,X", "kill", "kill", tooltip="End the worker at once, unsaved; asks"),
        Binding("j,down", "epochs(1)", show=False, tooltip="Newer epochs"),
        Binding("k,up", "epochs(-1)", show=False, tooltip="Older epochs"),
        Binding("escape", "step_out", "leave it training", key_display="esc",
                tooltip="Take the cursor away; leave the screen, the training goes on"),
    ]  # fmt: skip

    def __init__(self, folder: RunFolder) -> None:
        super().__init__()
        self._folder = folder
        self._state: RunState | None = None
        self._use: MachineUse | None = None
        self._verdict: Verdict | None = None
        self._paper: float | None = None
        self._view = View()
        self._shown = ""
        self._charts = {metric: MetricChart(metric) for metric in Metric}
        self._expected_seconds = 0.0
        self._cursor: int | None = None
        self._asked = ""
        self._error = ""
        self._phase: Phase | None = None
        self._dirty = True
        self._drawn_at = 0.0
        self._ascii = plotting.terminal_glyphs() is Glyphs.ASCII

    @property
    def folder(self) -> RunFolder:
        """The run that is shown."""
        return self._folder

    @property
    def phase(self) -> Phase | None:
        """What the run is doing; None until its log has been read."""
        return self._state.phase if self._state else None

    def body(self) -> ComposeResult:
        """Plots beside the numbers; in a narrow window one plot between lines of numbers."""
        yield SteadyLines(id="run-head")
        yield SteadyLines(id="run-notice")
        yield SteadyLines(id="run-compact")
        with Horizontal(id="run-main"):
            with Vertical(id="run-plots"):
                yield CurvePlot(id="accuracy", classes="panel plot")
                yield CurvePlot(id="loss", classes="panel plot")
            with Vertical(id="run-side", classes="panel"):
                yield SteadyLines(id="run-now", classes="section")
                yield SteadyLines(id="run-progress", classes="section")
                yield SteadyLines(id="run-machine", classes="section")
                yield EpochTable(id="run-epochs", classes="section")
        yield SteadyLines(id="run-bar")

    def on_mount(self) -> None:
        """Begin to read the run's folder."""
        self.query_one(TitleBar).detail = self._folder.run_id
        self.query_one("#run-side").border_title = "now"
        for name in ("progress", "machine", "epochs"):
            self.query_one(f"#run-{name}").border_title = f" {name} "
        self._title_plots()
        self._lines("#run-head").show([[(" reading the log…", "muted")]])
        # Threads that read and import take the interpreter from the loop: the first frame first.
        self.call_after_refresh(self._begin)
        self.set_interval(NUMBERS_SECONDS, self._tick)

    def _begin(self) -> None:
        plotting.warm_up()
        self._follow()

    @work(thread=True, exclusive=True, group="feed")
    def _follow(self) -> None:
        worker = get_current_worker()
        feed.follow(self._folder, self.post_message, lambda: worker.is_cancelled)

    # What the folder tells

    @on(feed.Opened)
    def _opened(self, message: feed.Opened) -> None:
        self._state = message.state
        self._paper = message.paper
        self._changed()

    @on(feed.News)
    def _news(self, message: feed.News) -> None:
        state = self._state
        if state is None:
            return
        first = not len(state.train)
        for event in message.events:
            state.apply(event)
        state.alive, state.gone = message.alive, message.gone
        self._dirty = self._dirty or bool(message.events)
        if state.phase is not self._phase or (first and len(state.train)):
            self._changed()

    @on(feed.Machine)
    def _machine(self, message: feed.Machine) -> None:
        self._use = message.use

    @on(feed.Unreadable)
    def _unreadable(self, message: feed.Unreadable) -> None:
        self._error = str(message.error)
        self._lines("#run-head").show([[(" this run cannot be shown", "trouble")]])
        self._show_notice([self._error], "trouble")

    @on(CurvePlot.Pointed)
    def _pointed(self, message: CurvePlot.Pointed) -> None:
        self._set_cursor(message.column)

    def _changed(self) -> None:
        """The run has come to another phase."""
        state = self._state
        assert state is not None
        phase = state.phase
        if phase is not self._phase:
            self._phase, self._asked, self._dirty = phase, "", True
            self.refresh_bindings()
            if phase is Phase.FINISHED:
                self._judge()
        self._drawn_at = 0.0
        self._tick()

    @work(thread=True, exclusive=True, group="verdict")
    def _judge(self) -> None:
        home, state = self._home(), self._state
        assert state is not None
        try:
            verdict = judge(home, self._folder, state.spec)
        except UserError as error:
            self.app.call_from_thread(self.app.complain, error)  # type: ignore[attr-defined]
            return
        self.app.call_from_thread(self._judged, verdict)

    def _judged(self, verdict: Verdict) -> None:
        self._verdict = verdict
        self._tick()

    # What is shown

    def _tick(self) -> None:
        """Bring the numbers up to date, and now and then the plots."""
        state = self._state
        if state is None or not self.is_current or self.has_class("too-small"):
            return
        self._show_numbers(state)
        now = time.monotonic()
        if self._dirty and now - self._drawn_at >= PLOT_SECONDS:
            self._dirty, self._drawn_at = False, now
            self._draw(state)

    def on_screen_resume(self) -> None:
        """Come back from another screen: all may have moved on."""
        self._drawn_at, self._dirty = 0.0, True
        self._tick()

    def _show_numbers(self, state: RunState) -> None:
        width = max(1, self.size.width)
        self._lines("#run-head").show([numbers.head_line(state, self._asked, width, self._ascii)])
        collapsed = self._verdict.collapsed if self._verdict else ""
        self._show_notice(*words.notice(state, collapsed))
        reading = self._reading(state)
        ended = state.phase is Phase.FINISHED and self._cursor is None
        if self.has_class("narrow"):
            lines = numbers.compact_lines(reading, state, self._paper, self._use)
            if ended:
                lines = numbers.compact_verdict(state, self._verdict)
            self._lines("#run-compact").show(lines)
            self._lines("#run-bar").show([numbers.progress_line(state, width - 2, self._ascii)])
        else:
            side = self.query_one("#run-side")
            panel = self._lines("#run-now")
            lines = numbers.now_lines(reading, self._paper, panel.size.width)
            if ended:
                lines = numbers.verdict_lines(state, self._verdict, panel.size.width)
            panel.show(lines)
            title = "result" if ended else reading.where
            if side.border_title != title:  # setting it sends the whole panel
                side.border_title = title
            bar = self._lines("#run-progress")
            bar.show(numbers.progress_lines(state, bar.size.width, self._ascii))
            self._lines("#run-machine").show(numbers.machine_lines(state, self._use))
        if self._epochs_visible():
            self.query_one(EpochTable).follow(state)

    def _show_notice(self, sentences: list[str], word: str) -> None:
        import textwrap

        width = max(20, self.size.width - 2)
        lines: list[Line] = [
            [(line, word)] for sentence in sentences for line in textwrap.wrap(sentence, width)
        ]
        self._lines("#run-notice").show(lines[:4])

    def _draw(self, state: RunState) -> None:
        frame = self._frame(state)
        for metric in Metric:
            chart, plot = self._charts[metric], self.query_one(f"#{metric}", CurvePlot)
            plot.draw(
                lambda columns, rows, chart=chart: chart.make(frame, columns, rows)  # type: ignore[misc]
            )

    def _frame(self, state: RunState) -> Frame:
        trouble = state.watch.not_a_number
        return Frame(
            state.train, state.test, self._view, self._window(state), self._paper,
            trouble.step if trouble else None,
        )  # fmt: skip

    def _window(self, state: RunState) -> Window:
        axis = self._view.axis
        planned, done = state.planned(axis), state.done(axis)
        if axis is Axis.TIME and state.phase.alive:
            # The expected time wavers; the axis follows only what it cannot hold.
            held = self._expected_seconds
            if not (planned <= held <= 1.5 * planned):
                self._expected_seconds = planned * 1.1
            planned = self._expected_seconds
        return recent(planned, done, self._view.zoom)

    def _title_plots(self) -> None:
        view = self._view
        line, dot = ("+", "o") if self._ascii else ("—", "●")
        smooth = f"smoothing {view.smoothing:g}, raw behind" if view.smoothing else "not smoothed"
        for metric in Metric:
            plot = self.query_one(f"#{metric}", CurvePlot)
            unit = " %" if metric is Metric.ACCURACY else ""
            how = ""
            if view.log:
                how = ", by errors" if metric is Metric.ACCURACY else ", logarithmic"
            plot.border_title = f"{metric}{unit}{how}"
            plot.border_subtitle = (
                f"{line} train  {dot} test   {smooth}   x: {view.axis}{ZOOM_WORDS[view.zoom]}"
            )

    def _lines(self, selector: str) -> SteadyLines:
        return self.query_one(selector, SteadyLines)

    def _epochs_visible(self) -> bool:
        return not self.has_class("narrow") or self.has_class("view-epochs")

    def _home(self) -> Home:
        return Home(self._folder.path.parent.parent)

    # How it is looked at

    def _look(self, view: View) -> None:
        self._view = view
        self._title_plots()
        self._dirty, self._drawn_at = True, 0.0
        self._tick()

    def action_smooth(self, step: int) -> None:
        """Less or more smoothing."""
        at = SMOOTHINGS.index(self._view.smoothing) + step
        self._look(replace(self._view, smoothing=SMOOTHINGS[max(0, min(at, len(SMOOTHINGS) - 1))]))

    def action_log_scale(self) -> None:
        """Linear or logarithmic."""
        self._look(replace(self._view, log=not self._view.log))

    def action_axis(self) -> None:
        """Epochs, steps, time."""
        axes = list(Axis)
        self._look(replace(self._view, axis=axes[(axes.index(self._view.axis) + 1) % len(axes)]))

    def action_zoom(self) -> None:
        """The whole run, its last quarter, its last sixteenth."""
        at = (ZOOMS.index(self._view.zoom) + 1) % len(ZOOMS)
        self._look(replace(self._view, zoom=ZOOMS[at]))

    def action_switch_view(self) -> None:
        """What takes the room."""
        views = NARROW_VIEWS if self._one_at_a_time() else WIDE_VIEWS
        if self._one_at_a_time() and not self.has_class("narrow"):
            views = NARROW_VIEWS[:2]
        now = self._shown if self._shown in views else views[0]
        self._shown = views[(views.index(now) + 1) % len(views)]
        for name in {*NARROW_VIEWS, *WIDE_VIEWS}:
            self.set_class(name == self._shown, f"view-{name}")
        self._dirty, self._drawn_at = True, 0.0
        self.call_after_refresh(self._tick)

    def _one_at_a_time(self) -> bool:
        return self.has_class("narrow") or self.has_class("low")

    def action_epochs(self, rows: int) -> None:
        """Scroll the table of epochs."""
        self.query_one(EpochTable).scroll_rows(rows)

    # The cursor

    def action_cursor(self, step: int) -> None:
        """Move the cursor; the first move puts it on the newest point."""
        state = self._state
        if state is None or not len(state.train):
            return
        columns = self._canvas_columns()
        if self._cursor is None:
            window = self._window(state)
            done = state.done(self._view.axis)
            part = (done - window.low) / window.length if window.length else 0.0
            self._set_cursor(round(part * (columns - 1)))
        else:
            self._set_cursor(self._cursor + step)

    def _set_cursor(self, column: int | None) -> None:
        if column is not None:
            column = max(0, min(column, self._canvas_columns() - 1))
        self._cursor = column
        for plot in self.query(CurvePlot):
            plot.cursor = column
        self._tick()

    def _canvas_columns(self) -> int:
        return max(plot.canvas_columns if plot.size.height else 0 for plot in self.query(CurvePlot))

    def _reading(self, state: RunState) -> numbers.Reading:
        smoothed = {metric: chart.train.smoothed_values for metric, chart in self._charts.items()}
        if self._cursor is None:
            return reading_now(state, smoothed)
        columns = max(2, self._canvas_columns())
        x = self._window(state).at(self._cursor / (columns - 1))
        return reading_at(state, smoothed, self._view.axis, x)

    # What the run is asked

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Only what can be done now has a hint."""
        phase = self.phase
        if action in ("pause", "stop", "kill"):
            return phase is not None and phase.alive
        if action == "resume":
            return phase in (Phase.STOPPED, Phase.CRASHED, Phase.FAILED)
        if action in ("confusion", "board"):
            return phase is Phase.FINISHED or (action == "board" and phase is Phase.STOPPED)
        if action == "again":
            return phase is not None and not phase.alive
        return True

    def _request(self, command: control.Command, said: str) -> None:
        try:
            control.request(self._folder.path, command)
        except UserError as error:
            self._complain(error)
            return
        self._asked = said
        self._tick()

    def _complain(self, error: UserError) -> None:
        from workbench.tui.app import WorkbenchApp

        if isinstance(self.app, WorkbenchApp):
            self.app.complain(error)

    def action_pause(self) -> None:
        """Pause, or go on."""
        paused = control.requested(self._folder.path) is control.Command.PAUSE
        if paused:
            self._request(control.Command.RUN, "going on" if self.phase is Phase.PAUSED else "")
        else:
            self._request(control.Command.PAUSE, "pausing")

    def action_stop(self) -> None:
        """Stop and save."""
        self._request(control.Command.STOP, "stopping")

    def action_kill(self) -> None:
        """Ask, then end the worker."""
        if self.phase is Phase.QUEUED:
            # Its place in the queue is held by the process that runs the whole queue.
            self.notify("It has not begun; s takes it off the queue", timeout=5)
            return

        def answered(answer: str | None) -> None:
            try:
                if answer == "kill":
                    control.kill(self._folder.path)
                elif answer == "stop":
                    self.action_stop()
            except OSError as error:
                self.notify(f"cannot be killed: {error.strerror}", severity="error")

        self.app.push_screen(
            ChoiceDialog(
                f"Kill run {self._folder.run_id}? What it learned since its last whole epoch is "
                "lost.",
                [
                    ("keep", "Leave it training"),
                    ("stop", "Stop and save it instead"),
                    ("kill", "Kill it, unsaved"),
                ],
            ),
            answered,
        )

    @work(thread=True, exclusive=True, group="resume")
    def action_resume(self) -> None:
        """Take it up again."""
        from workbench.runs import launcher

        try:
            launcher.resume(self._folder)
        except UserError as error:
            self.app.call_from_thread(self._complain, error)

    @work(thread=True, exclusive=True, group="again")
    def action_again(self) -> None:
        """The same settings with the next seed."""
        state = self._state
        if state is None:
            return
        try:
            seed = next_seed(self._home(), state.spec)
        except UserError as error:
            self.app.call_from_thread(self._complain, error)
            return
        spec = state.spec.model_copy(update={"seed": seed})
        self.app.call_from_thread(self.app.train, [spec])  # type: ignore[attr-defined]

    def action_confusion(self) -> None:
        """The confusion matrix."""
        from workbench.tui.screens.train.confusion import ConfusionScreen

        ending = self._state.finished if self._state else None
        if self._state is None or ending is None or not ending.confusion:
            self.notify("No confusion matrix was written for this run", timeout=5)
            return
        title = f"{self._state.spec.title} · seed {self._state.spec.seed}"
        self.app.push_screen(ConfusionScreen(ending.confusion, title))

    async def action_board(self) -> None:
        """Its entry on the leaderboard."""
        await self.app.switch_mode("leaderboard")
        show = getattr(self.app.screen, "show_run", None)
        if show is not None:
            show(self._folder.run_id)

    def action_log_or_right(self) -> None:
        """`l` moves a cursor that is out; without one it opens the log."""
        if self._cursor is not None:
            self.action_cursor(1)
            return
        from workbench.tui.screens.train.log import LogScreen

        self.app.push_screen(LogScreen(self._folder))

    def action_step_out(self) -> None:
        """First the cursor goes, then the screen; the training stays."""
        if self._cursor is not None:
            self._set_cursor(None)
            return
        super().action_step_out()
