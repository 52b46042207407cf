"""The screen of one search, from its files and its part of the queue: how far it is, what would
be chosen, and what each setting had to do with it.

Optuna is not needed here: the queue's process, which has it, writes down how far a search is.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.events import Resize

from workbench.errors import RunError, UserError
from workbench.files import Stamp
from workbench.formats import clock, count, epochs_done, percent
from workbench.queue.search import (
    FEWEST_FOR_IMPORTANCE,
    Search,
    SearchFolder,
    SearchProgress,
    SearchResult,
    SearchTrial,
)
from workbench.queue.space import Parameter, Value, values_text
from workbench.queue.store import SearchEntry
from workbench.queue.view import QueueView, QueueWatch, short_time_left
from workbench.runs.curves import Metric
from workbench.runs.folder import RunFolder
from workbench.runs.status import Status
from workbench.settings import style_sheet
from workbench.text import one_line
from workbench.tui import plotting
from workbench.tui.charts import (
    ERROR_LOG,
    LINEAR,
    LOG,
    FittedAxis,
    Ticks,
    YAxis,
    linear_ticks,
    short_number,
    spaced,
    whole_ticks,
)
from workbench.tui.plotting import Chart, Range, Role, Series, shown_mark
from workbench.tui.run_feed import Seen
from workbench.tui.screens.base import COPY_ID, Latest, WorkbenchScreen
from workbench.tui.screens.curves import CurvePlot
from workbench.tui.widgets.bars import TitleBar
from workbench.tui.widgets.steady_lines import Line, SteadyLines, wrapped
from workbench.tui.widgets.words import bar_pieces, say_in_border

DRAW_SECONDS = 2.5  # a redrawn plot is the dearest thing on a slow connection
VIEWS = ("trials", "curves", "slice")  # what tab goes through where there is room for one
SHARE, BAR = 5, 12  # cells of ` 71 %` and of the bar before it
MOST_NOW = 2  # trials that train at once and are told
CHOSEN, OTHERS, LOST, NOW = Role.TEST, Role.PAPER, Role.DIM, Role.FIRST
MARKS = {CHOSEN: "◆", OTHERS: "●", LOST: "○", NOW: "▲"}
MOST_CURVES = 60  # the newest; more would only fill the frame


@dataclass(frozen=True)
class Found:
    """All that is known of a search: its files, and its part of the queue."""

    search: Search
    progress: SearchProgress
    result: SearchResult | None
    queue: QueueView

    @property
    def entry(self) -> SearchEntry | None:
        """Its entry in the queue, while it stands there."""
        return next(iter(self.queue.searches), None)

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """What is searched, the most important first."""
        shares = self.progress.importance
        return tuple(sorted(self.search.parameters, key=lambda item: -shares.get(item.name, 0.0)))

    @property
    def run_now(self) -> str | None:
        return next((item.trial.run_id for item in self.queue.training), None)

    @property
    def chosen_run(self) -> str | None:
        """The run of the trial that would be chosen, or was."""
        best = self.progress.best
        return best.run_id if best else None


class SearchScreen(WorkbenchScreen):
    """Shows the search `search_id`, whether it goes on or is over."""

    PLACE = "Search"
    CSS_PATH: ClassVar = style_sheet("search")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open", "open run", tooltip="Open the run that trains now, or the best"),
        Binding("b", "best", "best run", tooltip="Open the run that would be chosen now"),
        Binding("down,j", "parameter(1)", "parameter", key_display="↑ ↓",
                tooltip="The next parameter, drawn against accuracy"),
        Binding("up,k", "parameter(-1)", show=False, tooltip="The parameter before"),
        Binding("tab", "view(1)", "view", tooltip="Trials, their curves, a parameter in turn"),
        Binding("shift+tab", "view(-1)", show=False, tooltip="The view before"),
        Binding("e", "edit", "compose", tooltip="Open the chosen settings in Compose"),
        COPY_ID,
        Binding("escape", "step_out", "back", key_display="esc", tooltip="Leave; it goes on"),
    ]  # fmt: skip

    def __init__(self, search_id: str) -> None:
        super().__init__()
        self.search_id = search_id
        self._found: Found | None = None
        self._version: Stamp | None = None  # of the files as they were read
        self._charts = SearchCharts()
        self._parameter = ""  # its name; empty: the most important one
        self._view = VIEWS[0]
        self._look = Latest(self, self._read)
        self._drawn: object = None
        self._drawn_at = 0.0

    @property
    def run_here(self) -> str | None:
        return (self._found.run_now or self._found.chosen_run) if self._found else None

    def body(self) -> ComposeResult:
        yield SteadyLines(id="search-head")
        yield SteadyLines(id="search-choice")
        with Horizontal(id="search-main"):
            with Vertical(id="search-left"):
                yield CurvePlot(id="search-trials", classes="panel plot")
                yield CurvePlot(id="search-curves", classes="panel plot")
            with Vertical(id="search-right"):
                yield SteadyLines(id="search-parameters", classes="panel")
                yield CurvePlot(id="search-slice", classes="panel plot")
        yield SteadyLines(id="search-now")

    def on_mount(self) -> None:
        self.query_one(TitleBar).detail = self.search_id
        self._watch = QueueWatch(self.workbench.home)
        self._lines("head").show([[(" reading the search…", "muted")]])
        self.set_class(True, f"view-{self._view}")
        plotting.warm_up()
        self.workbench.run_feed.seen.subscribe(self, self._seen)
        self._seen(self.workbench.run_feed.last)

    def on_resize(self, event: Resize) -> None:
        self.call_after_refresh(self._show)

    def on_screen_resume(self) -> None:
        self._seen(self.workbench.run_feed.last)

    def _lines(self, name: str) -> SteadyLines:
        return self.query_one(f"#search-{name}", SteadyLines)

    # Looking

    def _seen(self, _: Seen) -> None:
        if self.is_current:
            self._look()

    async def _read(self) -> None:
        try:
            self._found = await asyncio.to_thread(self._all_known)
        except UserError as error:
            self._lines("head").show([[(f" {error}", "bad")]])
        else:
            self._show()

    def _all_known(self) -> Found:
        """What there is to be known; files that have not changed are not read."""
        folder = SearchFolder(self.workbench.home, self.search_id)
        living = {run.run_id: run for run in self.workbench.run_feed.last.living}
        queue = self._watch.look(living).of_search(self.search_id)
        version, known = folder.version, self._found
        if known is None or version != self._version:
            search, progress = folder.read(), folder.progress()
            self._version = version
        else:
            search, progress = known.search, known.progress
        entry = next(iter(queue.searches), None)
        over = entry is None or not entry.state.pending
        return Found(search, progress, folder.result() if over else None, queue)

    # What is shown

    def _show(self) -> None:
        found = self._found
        if found is None or not self.is_mounted or self.has_class("too-small"):
            return
        width = max(20, self.size.width - 2)
        self._lines("head").show([head_line(found)])
        lines = choice_lines(found, width - 2)
        self._lines("choice").show([[(" ", ""), *line] for line in lines])
        panel = self._lines("parameters")
        panel.show(parameter_lines(found, self._at(found), panel.size.width or 46))
        title = f"parameters (shares after {FEWEST_FOR_IMPORTANCE} whole trials)"
        told = bool(found.progress.importance)
        say_in_border(panel, "what sets the best quarter apart" if told else title)
        self._lines("now").show(now_lines(found, width))
        self._draw(found)

    def _at(self, found: Found) -> int:
        names = [item.name for item in found.parameters]
        return names.index(self._parameter) if self._parameter in names else 0

    def _draw(self, found: Found) -> None:
        """Draw what differs from what is drawn, but not too often."""
        item = found.parameters[self._at(found)]
        wanted = found.progress, item.name
        early = self._drawn is not None and time.monotonic() - self._drawn_at < DRAW_SECONDS
        if early or self._drawn == wanted:
            return
        self._drawn, self._drawn_at = wanted, time.monotonic()
        progress = found.progress
        trials, curves, values = (self.query_one(f"#search-{name}", CurvePlot) for name in VIEWS)
        named = {CHOSEN: "best", OTHERS: "whole", LOST: "given up", NOW: "now"}
        marks = (f"{shown_mark(MARKS[role], trials.glyphs)} {name}" for role, name in named.items())
        legend = "  ".join(marks)
        say_in_border(trials, "validation accuracy % by trial", legend)
        say_in_border(curves, "validation accuracy % by epoch", "given up dim")
        logarithmic = ", logarithmic" if item.log else ""
        say_in_border(values, f"{item.short}{logarithmic}", legend)
        trials.draw(partial(self._charts.trials, progress, found.search.trials))
        curves.draw(partial(self._charts.curves, progress))
        values.draw(partial(self._charts.slice, progress, item))

    # Keys

    def action_parameter(self, step: int) -> None:
        found = self._found
        if found is None:
            return
        place = (self._at(found) + step) % len(found.parameters)
        self._parameter = found.parameters[place].name
        self._drawn = None
        self._show()

    def action_view(self, step: int) -> None:
        self.set_class(False, f"view-{self._view}")
        self._view = VIEWS[(VIEWS.index(self._view) + step) % len(VIEWS)]
        self.set_class(True, f"view-{self._view}")
        self.call_after_refresh(self._show)

    def action_open(self) -> None:
        self._open(self.run_here)

    def action_best(self) -> None:
        self._open(self._found.chosen_run if self._found else None)

    def _open(self, run_id: str | None) -> None:
        if run_id is None:
            self.notify("No trial has a run yet.")
        else:
            self.open_found(lambda: RunFolder(self.workbench.home.runs / run_id))

    async def action_edit(self) -> None:
        found = self._found
        if found is None or found.result is None:
            raise RunError("the search is not over; then its settings are chosen")
        name, title = f"{found.search.preset}-searched", f"{found.search.base.title}, searched"
        compose = await self.workbench.go("compose")
        compose.start_from(found.result.preset(name, title))


# What it says


def head_line(found: Found) -> Line:
    """`● training  12 of 40 trials (3 pruned) · about 40 min left  tpe, hyperband`."""
    entry, search = found.entry, found.search
    outcomes = Counter(trial.outcome for trial in found.progress.trials if trial.outcome)
    told = [f"{n} {outcome}" for outcome, n in outcomes.items() if outcome != "finished"]
    aside = f" ({', '.join(told)})" if told else ""
    words = f"{outcomes.total()} of {count(search.trials, 'trial')}{aside}"
    state: Line = []
    if entry is not None and entry.state.pending and not found.queue.running:
        state = [(" ■ the queue stands still ", "warning")]
    elif entry is not None:
        state = [(f" {entry.state.marked} ", entry.state.role)]
        left = short_time_left(found.queue) if found.queue.running else ""
        words = one_line(entry.message) if entry.state is Status.FAILED else words
        words += f" · {left}" if left else ""
    return [*state, (f" {words}", "strong"), (f"  {search.sampler}, {search.pruner}", "muted")]


def choice_lines(found: Found, width: int) -> list[Line]:
    """What would be chosen now, or what was and how it was tested."""
    best, result = found.progress.best, found.result
    if result is not None:
        tested = ", ".join(percent(accuracy) for accuracy in result.test_accuracies)
        chosen = _settings(found, result.values)
        sentence = (
            f"Chosen: trial {result.number}, {percent(result.validation_accuracy)} of the "
            f"validation images. Trained on all training images: {tested or 'no result'} of the "
            f"test images; no other trial has been tested. {chosen}"
        )
    elif best is not None:
        others = [trial for trial in found.progress.trials if trial.number != best.number]
        whole = sum(trial.accuracy is not None for trial in others)
        given_up = sum(trial.outcome == "pruned" for trial in others)
        beaten = count(whole, "whole trial") + (f" and {given_up} pruned" if given_up else "")
        sentence = (
            f"Would be chosen now: trial {best.number}, {percent(best.accuracy)} of the validation "
            f"images, above {beaten}: {_settings(found, best.values)}"
        )
    else:
        sentence = "Nothing to choose from yet: no trial has been trained to its end."
    return wrapped(sentence, "", width, 2)


def _settings(found: Found, values: dict[str, Value]) -> str:
    return values_text(found.search.parameters, values)


def parameter_lines(found: Found, at: int, width: int) -> list[Line]:
    """A line a parameter: its share in what sets the best apart, and the chosen value."""
    shares, best = found.progress.importance, found.progress.best
    values = found.result.values if found.result else best.values if best else {}
    names = max((len(item.short) for item in found.parameters), default=0)
    names = min(names, max(4, width - BAR - SHARE - 14))
    room = max(0, width - names - BAR - SHARE - 5)
    lines: list[Line] = []
    for place, item in enumerate(found.parameters):
        here = place == at
        share = shares.get(item.name)
        bar = bar_pieces(share, BAR) if share is not None else [(" " * BAR, "muted")]
        said = f"{100 * share:3.0f} %" if share is not None else " " * SHARE
        value = values.get(item.name)
        text = "" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)
        mark, style = ("› ", "strong") if here else ("  ", "")
        head = [(mark, "accent"), (f"{item.short[:names]:<{names}} ", style)]
        lines.append([*head, *bar, (f" {said} ", "muted"), (f" {text}"[:room], "test")])
    return lines


def now_lines(found: Found, width: int) -> list[Line]:
    lines: list[Line] = []
    for item in found.queue.training[:MOST_NOW]:
        trial, run = item.trial, item.run
        number = "final training" if trial.number is None else f"trial {trial.number}"
        summary = run.summary if run is not None else None
        epochs = epochs_done(summary.epochs_completed, summary.epochs) if summary else ""
        so_far = percent(item.accuracy) if item.accuracy is not None else ""
        left = f"{clock(item.seconds_left)} left" if item.seconds_left is not None else ""
        words = [run.preparing if run is not None else "", epochs, so_far, left]
        said = " · ".join(word for word in words if word)
        head = f" ▲ {number}  {one_line(trial.label)}"
        lines.append([(head[: max(10, width - len(said) - 2)], "train"), (f"  {said}", "muted")])
    return lines or [[(" nothing trains now", "muted")]]


# What it draws


def by_role(progress: SearchProgress) -> dict[Role, list[SearchTrial]]:
    """The trials by how they came out; those that count most last, drawn over the others."""
    best = progress.best
    found: dict[Role, list[SearchTrial]] = {role: [] for role in (LOST, OTHERS, NOW, CHOSEN)}
    for trial in progress.trials:
        if best is not None and trial.number == best.number:
            role = CHOSEN
        elif not trial.outcome:
            role = NOW
        else:
            role = LOST if trial.accuracy is None else OTHERS
        found[role].append(trial)
    return found


class SearchCharts:
    """Makes the charts on the drawing thread. Axes stay while what is drawn fits them.

    All have validation accuracy upwards, by its errors: 90, 99 and 99.9 % are equally far apart.
    """

    def __init__(self) -> None:
        self._axes: dict[str, YAxis] = {}

    def trials(self, progress: SearchProgress, planned: int, columns: int, rows: int) -> Chart:
        xs, ys = [], []
        best = 0.0
        for trial in progress.trials:
            if trial.accuracy is not None:
                best = max(best, trial.accuracy)
            if best:
                xs.append(trial.number + 1.0)
                ys.append(ERROR_LOG.forward(best))
        line = Series("best so far", xs, ys, CHOSEN)
        last = max([planned, *(trial.number + 1 for trial in progress.trials)])
        places = {trial.number: trial.number + 1.0 for trial in progress.trials}
        ticks = whole_ticks(1, last, max(2, columns // 11), lambda x: f"{x:.0f}")
        return self._scatter("trials", progress, places, (0.5, last + 0.5), ticks, rows, [line])

    def slice(self, progress: SearchProgress, item: Parameter, columns: int, rows: int) -> Chart:
        told = [trial for trial in progress.trials if item.name in trial.values]
        values = {trial.number: trial.values[item.name] for trial in told}
        most = max(2, columns // 11)
        if item.choices:
            at = {value: place for place, value in enumerate(item.choices)}
            places = {number: float(at.get(value, 0)) for number, value in values.items()}
            width = max(3, columns // len(item.choices) - 1)
            ticks = tuple((float(at[value]), _label(value)[:width]) for value in at)
            low, high = -0.5, len(item.choices) - 0.5
        else:
            scale = LOG if item.log else LINEAR
            places = {number: scale.forward(float(value)) for number, value in values.items()}
            low, high = scale.forward(item.low), scale.forward(item.high)
            even = linear_ticks(item.low, item.high, most, short_number)
            round_ones = [
                (scale.forward(factor * 10.0**power), short_number(factor * 10.0**power))
                for power in range(int(low) - 1, int(high) + 2)
                for factor in ((1, 3) if high - low < 3 else (1,))
            ]
            ticks = spaced(round_ones, low, high, most) if item.log else even
            room = 0.03 * (high - low)
            low, high = low - room, high + room
        return self._scatter(item.name, progress, places, (low, high), ticks, rows)

    def curves(self, progress: SearchProgress, columns: int, rows: int) -> Chart:
        """Validation accuracy by epoch; what was given up is dim."""
        roles = by_role(progress).items()
        drawn = [(role, trial) for role, trials in roles for trial in trials if trial.curve]
        drawn = drawn[-MOST_CURVES:]
        series = []
        for role, trial in drawn:
            xs = sorted(trial.curve)
            ys = [ERROR_LOG.forward(trial.curve[epoch]) for epoch in xs]
            line = Series(f"trial {trial.number}", xs, ys, role)
            series.append(line)
            if role in (NOW, CHOSEN) or len(xs) == 1:
                series.append(replace(line, line=False, mark=MARKS[role]))
        last = max([2, *(max(trial.curve) for _, trial in drawn)])
        values = [value for _, trial in drawn for value in trial.curve.values()]
        y_range, y_ticks = self._y_axis("curves", values, rows)
        ticks = whole_ticks(1, last, max(2, columns // 11), lambda x: f"{x:.0f}")
        return Chart(tuple(series), (1 - 0.02 * last, 1.02 * last), y_range, ticks, y_ticks)

    def _scatter(
        self,
        name: str,
        progress: SearchProgress,
        places: dict[int, float],
        x_range: Range,
        x_ticks: Ticks,
        rows: int,
        lines: Sequence[Series] = (),
    ) -> Chart:
        """A dot a trial, at its place."""
        series = list(lines)
        values: list[float] = []
        for role, trials in by_role(progress).items():
            dots = {trial.number: trial.last for trial in trials if trial.last is not None}
            values += dots.values()
            shown = [number for number in dots if number in places]
            if dots:
                xs = [places[number] for number in shown]
                ys = [ERROR_LOG.forward(dots[number]) for number in shown]
                series.append(Series(role.name, xs, ys, role, line=False, mark=MARKS[role]))
        y_range, y_ticks = self._y_axis(name, values, rows)
        return Chart(tuple(series), x_range, y_range, x_ticks, y_ticks)

    def _y_axis(self, name: str, values: Iterable[float], rows: int) -> FittedAxis:
        """Around what matters: a few that came to nothing lie outside of the frame."""
        found = list(values) or [0.5, 0.99]
        axis = self._axes.setdefault(name, YAxis(Metric.ACCURACY))
        return axis.fit([found], rows, ERROR_LOG, name, max(found))


def _label(value: str | int | float) -> str:
    return value if isinstance(value, str) else short_number(float(value))
