"""The screen of models: the list, how one looks, how good it is."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.events import Resize
from textual.widgets import Input, Static

from workbench.errors import UserError
from workbench.model.paper_models import PAPER_IN_SHORT
from workbench.settings import style_sheet
from workbench.tui.screens.base import WorkbenchScreen
from workbench.tui.screens.models.accuracy import (
    NO_RESULTS,
    ModelResults,
    accuracy_lines,
    accuracy_sentence,
    read_results,
)
from workbench.tui.screens.models.catalogue import own_entries, shipped_entries, unread_entries
from workbench.tui.screens.models.model_list import ModelList
from workbench.tui.screens.models.model_view import ModelView, settings_text

if TYPE_CHECKING:
    from workbench.model.describe import SettingLine
    from workbench.model.preset import Preset
    from workbench.model.spec import TrainingSpec
    from workbench.runs.record import Labels
    from workbench.tui.run_feed import Seen

REST = 0.02  # seconds that the cursor rests before the model under it is drawn


class ModelsScreen(WorkbenchScreen):
    """Pick a model, see it, train it."""

    PLACE = "Models"
    CSS_PATH: ClassVar = style_sheet("models")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("t", "train", "train", tooltip="Train it at once, with its own settings"),
        Binding(
            "enter",
            "settings",
            "settings",
            tooltip="Change settings, then train it",
        ),
        Binding("e", "edit", "compose", tooltip="Open it in Compose"),
        Binding("Q", "queue", "queue it", tooltip="Put it in the queue, with its own settings"),
        Binding("S", "sweep", "sweep", tooltip="Train it with several settings, one after another"),
        Binding("tab,l,right", "view(1)", "view", tooltip="Diagram, table, settings in turn"),
        Binding("shift+tab,h,left", "view(-1)", show=False, tooltip="The view before"),
        Binding("z", "enlarge", "enlarge", tooltip="The model over the whole width, and back"),
        Binding("slash", "filter", "filter", tooltip="Find models by words"),
        Binding("d", "draw", "draw", tooltip="Draw a digit, and have the model say what it is"),
        Binding("shift+down", "scroll_view(1)", show=False, tooltip="Scroll the model down"),
        Binding("shift+up", "scroll_view(-1)", show=False, tooltip="Scroll the model up"),
        Binding("r", "refresh", "refresh", show=False, tooltip="Read presets and results again"),
        Binding("down", "move(1)", show=False),
        Binding("up", "move(-1)", show=False),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._results: dict[str, ModelResults] = {}
        self._complained = ""
        self._living: set[str] = set()

    def body(self) -> ComposeResult:
        """The list on the left third; on the right the model, its settings, its accuracy."""
        with Horizontal(id="models"):
            with Vertical(id="model-list", classes="panel"):
                yield Input(placeholder="filter", compact=True, id="filter")
                yield Static(id="list-heading")
                yield ModelList(unread_entries())
            with Vertical(id="model-detail"):
                yield ModelView()
                with Horizontal(id="model-facts"):
                    yield Static(id="model-settings", classes="panel", markup=False)
                    yield Static(id="model-accuracy", classes="panel", markup=False)

    def on_mount(self) -> None:
        """Titles in the borders; the keys are the list's."""
        panel = self.query_one("#model-list")
        panel.border_title = f"models of {PAPER_IN_SHORT}"
        panel.border_subtitle = "% · ✓ paper within spread"
        self.query_one("#model-settings").border_title = "settings"
        self.query_one("#model-accuracy").border_title = "accuracy"
        self._follow = self.set_interval(REST, self._show_chosen, pause=True)
        self.workbench.run_feed.seen.subscribe(self, self._runs_seen)
        self._list.focus()

    def on_screen_resume(self) -> None:
        """Coming back: a model may have been saved, a training may have ended."""
        # After the first frame, which a thread that imports would hold up.
        self.call_after_refresh(self.action_refresh)
        self._expect()

    def on_resize(self, event: Resize) -> None:
        super().on_resize(event)
        self.call_after_refresh(self._show_facts)

    @property
    def _list(self) -> ModelList:
        return self.query_one(ModelList)

    @property
    def _view(self) -> ModelView:
        return self.query_one(ModelView)

    # What is read from the disk

    def _runs_seen(self, seen: Seen) -> None:
        """A training that came to its end has a result."""
        living = {run.run_id for run in seen.living}
        if self._living - living and self.is_current:
            self.action_refresh()
        self._living = living

    @work(exclusive=True, group="models")
    async def action_refresh(self) -> None:
        home, complaint = self.workbench.home, ""
        entries = await asyncio.to_thread(lambda: (*shipped_entries(), *own_entries(home)))
        if not self._results:
            self._list.show(entries, {})
        try:
            self._results = await asyncio.to_thread(read_results, home, entries)
        except UserError as error:
            self._results, complaint = {}, str(error)
            if complaint != self._complained:
                self.workbench.complain(error)
        self._complained = complaint
        self._list.show(entries, self._results)

    # What is under the cursor

    @on(ModelList.Chosen)
    def _chosen(self) -> None:
        # Drawing costs more than a held key leaves time for: the cursor runs, the model follows.
        self._follow.reset()
        self._follow.resume()

    def _show_chosen(self) -> None:
        self._follow.pause()
        self.query_one("#list-heading", Static).update(self._list.heading, layout=False)
        self._view.show(self._list.entry)
        self._show_facts()
        self._expect()

    def _show_facts(self) -> None:
        entry = self._list.entry
        settings = self.query_one("#model-settings", Static)
        accuracy = self.query_one("#model-accuracy", Static)
        if entry is None:
            settings.update("", layout=False)
            accuracy.update("", layout=False)
            return
        lines: tuple[SettingLine, ...] = ()
        if entry.preset is not None:
            from workbench.model.describe import settings_lines

            lines = settings_lines(entry.preset)
        width = settings.content_size.width
        settings.update(settings_text(lines, width, reasons=False), layout=False)
        inferred = any(line.inferred for line in lines)
        settings.border_subtitle = "inferred: tab says why" if inferred else ""
        results = self._results.get(entry.name, NO_RESULTS)
        short = self.has_class("narrow") or self.has_class("low")
        lines_of = accuracy_sentence if short else accuracy_lines
        accuracy.update(lines_of(entry, results), layout=False)

    def action_move(self, step: int) -> None:
        """The cursor, also while a filter is being typed."""
        models = self._list
        models.action_cursor_down() if step > 0 else models.action_cursor_up()

    def action_view(self, step: int) -> None:
        self._view.show(self._list.entry, self._view.view.after(step))

    def action_scroll_view(self, step: int) -> None:
        self._view.scroll_relative(y=3 * step, animate=False)

    def action_enlarge(self) -> None:
        self.toggle_class("enlarged")

    # Filter

    def action_filter(self) -> None:
        self.add_class("filtering")
        self.query_one("#filter", Input).focus()

    @on(Input.Changed, "#filter")
    def _filter(self, event: Input.Changed) -> None:
        self._list.show(words=event.value.strip())

    @on(Input.Submitted, "#filter")
    def _filtered(self, event: Input.Submitted) -> None:
        self.set_class(bool(event.value.strip()), "filtering")
        self._list.focus()

    def action_step_out(self) -> None:
        if self.has_class("filtering"):
            self.query_one("#filter", Input).value = ""
            self.remove_class("filtering")
            self._list.focus()
        elif self.has_class("enlarged"):
            self.action_enlarge()
        else:
            super().action_step_out()

    def choose(self, name: str) -> None:
        """Put the cursor on a model; a filter that hides it goes."""
        self.query_one("#filter", Input).value = ""
        self.remove_class("filtering")
        self._list.choose(name)
        self._list.focus()

    # What is done with a model

    def _preset(self) -> Preset | None:
        """The preset under the cursor; says why where there is none to be had."""
        entry = self._list.entry
        if entry is None:
            return None
        if entry.is_unread:
            self._list.show((*shipped_entries(), *own_entries(self.workbench.home)))
            return self._preset()
        if entry.error is not None:
            self.workbench.complain(entry.error)
        return entry.preset

    def _expect(self) -> None:
        entry = self._list.entry
        preset = entry.preset if entry else None
        if preset is not None:
            self.workbench.expect(lambda: _specs(preset))

    def action_train(self) -> None:
        specs = self._own_specs()
        if specs:
            self.workbench.train(specs, next_seed=True)

    def action_queue(self) -> None:
        specs = self._own_specs()
        if specs:
            self.workbench.put_in_line(specs, next_seed=True)

    def action_sweep(self) -> None:
        preset = self._preset()
        if preset is None:
            return
        from workbench.tui.screens.queue.add_dialog import Request, SweepDialog

        def answered(asked: Request | None) -> None:
            if asked is not None:
                self.workbench.queue_up(asked)

        self.app.push_screen(SweepDialog(self.workbench.home, preset), answered)

    def _own_specs(self) -> list[TrainingSpec]:
        """The training of the preset under the cursor; none where it cannot be trained."""
        preset = self._preset()
        try:
            return _specs(preset) if preset else []
        except UserError as error:
            self.workbench.complain(error)
            return []

    def action_settings(self) -> None:
        from workbench.model.architecture import require_sound
        from workbench.tui.screens.run_settings import RunSettings

        preset = self._preset()
        if preset is None:
            return
        try:
            require_sound(preset.architecture)
        except UserError as error:
            self.workbench.complain(error)
            return

        def answered(answer: tuple[list[TrainingSpec], Labels] | None) -> None:
            if answer is not None:
                self.workbench.train(*answer)

        self.app.push_screen(RunSettings(preset), answered)

    async def action_edit(self) -> None:
        preset = self._preset()
        if preset is not None:
            await self.workbench.open_in_compose(preset)

    async def action_draw(self) -> None:
        preset = self._preset()
        if preset is not None:
            await self.workbench.draw_for(preset.name)


def _specs(preset: Preset) -> list[TrainingSpec]:
    """The training of a preset with its own settings."""
    from workbench.runs.plan import Plan, specs_for_preset

    return specs_for_preset(preset, Plan())
