"""The screen of one search, from its files and its part of the queue. Optuna is not needed here:
the queue's process, which has it, writes down how far a search is.
"""

from __future__ import annotations

import asyncio
import time
from functools import partial
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.events import Resize

from workbench.errors import RunError, UserError
from workbench.files import Stamp
from workbench.queue.search import Search, SearchFolder, SearchProgress
from workbench.queue.view import QueueWatch
from workbench.runs.folder import RunFolder
from workbench.settings import style_sheet
from workbench.tui import plotting
from workbench.tui.plotting import PLAIN_MARKS, Glyphs
from workbench.tui.run_feed import Seen
from workbench.tui.screens.base import COPY_ID, WorkbenchScreen
from workbench.tui.screens.search import words
from workbench.tui.screens.search.charts import (
    CHOSEN,
    LOST,
    MARKS,
    NOW,
    OTHERS,
    SearchCharts,
    drawn,
)
from workbench.tui.screens.search.words import Found
from workbench.tui.widgets.borders import say_in_border
from workbench.tui.widgets.curve_plot import CurvePlot
from workbench.tui.widgets.steady_lines import SteadyLines
from workbench.tui.widgets.title_bar import TitleBar

DRAW_SECONDS = 2.5  # a redrawn plot is the dearest thing on a slow connection
VIEWS = ("trials", "curves", "slice")  # what tab goes through where there is room for one


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
        self._search: Search | None = None  # what the files said last
        self._progress = SearchProgress()
        self._version: Stamp | None = None
        self._charts = SearchCharts()
        self._parameter = ""  # its name; empty: the most important one
        self._view = VIEWS[0]
        self._looking = False
        self._drawn: object = None
        self._drawn_at = 0.0

    @property
    def run_here(self) -> str | None:
        return (self._found.run_now or self._found.chosen_run) if self._found else None

    def body(self) -> ComposeResult:
        """How far it is and what would be chosen, over plots and parameters; what trains below."""
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
        super().on_resize(event)
        self.call_after_refresh(self._show)

    def on_screen_resume(self) -> None:
        self._seen(self.workbench.run_feed.last)

    def _lines(self, name: str) -> SteadyLines:
        return self.query_one(f"#search-{name}", SteadyLines)

    # Looking

    def _seen(self, _: Seen) -> None:
        if self.is_current and not self._looking:
            self._looking = True
            self.run_worker(self._look(), group="search-look")

    async def _look(self) -> None:
        try:
            self._found = await asyncio.to_thread(self._read)
        except UserError as error:
            self._lines("head").show([[(f" {error}", "bad")]])
            return
        finally:
            self._looking = False
        self._show()

    def _read(self) -> Found:
        """What there is to be known, in a thread; files that have not changed are not read."""
        folder = SearchFolder(self.workbench.home, self.search_id)
        living = {run.run_id: run for run in self.workbench.run_feed.last.living}
        queue = self._watch.look(living).of_search(self.search_id)
        version = folder.version
        if self._search is None or version != self._version:
            self._search, self._progress = folder.read(), folder.progress()
            self._version = version
        entry = next(iter(queue.searches), None)
        over = entry is None or not entry.state.pending
        return Found(self._search, self._progress, folder.result() if over else None, queue)

    # What is shown

    def _show(self) -> None:
        found = self._found
        if found is None or not self.is_mounted or self.has_class("too-small"):
            return
        width = max(20, self.size.width - 2)
        self._lines("head").show([words.head_line(found)])
        lines = words.choice_lines(found, width - 2)
        self._lines("choice").show([[(" ", ""), *line] for line in lines])
        panel = self._lines("parameters")
        panel.show(words.parameter_lines(found, self._at(found), panel.size.width or 46))
        say_in_border(panel, words.importance_title(found))
        self._lines("now").show(words.now_lines(found, width))
        self._draw(found)

    def _at(self, found: Found) -> int:
        """Which of the parameters is drawn."""
        names = [item.name for item in found.parameters]
        return names.index(self._parameter) if self._parameter in names else 0

    def _draw(self, found: Found, *, now: bool = False) -> None:
        """Draw what differs from what is drawn, but not too often."""
        item = found.parameters[self._at(found)]
        wanted = found.progress, item.name
        same = self._drawn == wanted
        if same or (not now and time.monotonic() - self._drawn_at < DRAW_SECONDS and self._drawn):
            return
        self._drawn, self._drawn_at = wanted, time.monotonic()
        progress = drawn(found.progress, found.search.trials)
        trials, curves, values = (self.query_one(f"#search-{name}", CurvePlot) for name in VIEWS)
        plain = trials.glyphs is not Glyphs.BRAILLE
        marks = {role: PLAIN_MARKS[mark] if plain else mark for role, mark in MARKS.items()}
        named = {CHOSEN: "best", OTHERS: "whole", LOST: "given up", NOW: "now"}
        legend = "  ".join(f"{marks[role]} {name}" for role, name in named.items())
        say_in_border(trials, "validation accuracy % by trial", legend)
        say_in_border(curves, "validation accuracy % by epoch", "given up dim")
        logarithmic = ", logarithmic" if item.log else ""
        say_in_border(values, f"{item.short}{logarithmic}", legend)
        trials.draw(partial(self._charts.trials, progress))
        curves.draw(partial(self._charts.curves, progress))
        values.draw(partial(self._charts.slice, progress, item))

    # Keys

    def action_parameter(self, step: int) -> None:
        found = self._found
        if found is None:
            return
        place = (self._at(found) + step) % len(found.parameters)
        self._parameter = found.parameters[place].name
        self._show()
        self._draw(found, now=True)

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
            return
        self.run_worker(self._open_run(run_id), group="search-open", exclusive=True)

    async def _open_run(self, run_id: str) -> None:
        folder = RunFolder(self.workbench.home.runs / run_id)
        try:
            await asyncio.to_thread(lambda: folder.record)  # says where it is gone or damaged
        except UserError as error:
            self.workbench.complain(error)
            return
        if self.app.screen is self:
            self.workbench.open_run(folder)

    async def action_edit(self) -> None:
        found = self._found
        if found is None or found.result is None:
            self.workbench.complain(
                RunError("the search is not over; then its settings are chosen")
            )
            return
        name, title = f"{found.search.preset}-searched", f"{found.search.base.title}, searched"
        try:
            await self.workbench.open_in_compose(found.result.preset(name, title))
        except UserError as error:
            self.workbench.complain(error)
