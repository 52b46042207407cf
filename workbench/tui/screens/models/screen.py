"""The screen of models: the list, how one looks, how good it is."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.events import Resize
from textual.geometry import Size
from textual.message import Message
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from workbench.errors import UserError
from workbench.formats import bare_percent
from workbench.model.paper_models import PAPER_IN_SHORT
from workbench.settings import style_sheet
from workbench.tui.screens.base import WorkbenchScreen
from workbench.tui.screens.models.catalogue import (
    NO_RESULTS,
    PART_TITLES,
    Entry,
    ModelResults,
    accuracy_lines,
    accuracy_sentence,
    own_entries,
    read_results,
    shipped_entries,
    unread_entries,
)
from workbench.tui.screens.models.model_view import ModelView, settings_text
from workbench.tui.widgets.marked_options import MarkedOptions
from workbench.tui.widgets.words import fit

if TYPE_CHECKING:
    from workbench.model.describe import SettingLine
    from workbench.model.preset import Preset
    from workbench.model.spec import TrainingSpec
    from workbench.tui.run_feed import Seen

REST = 0.02  # seconds that the cursor rests before the model under it is drawn
MARGIN = " "  # where the cursor's mark stands
WIDE = 38  # columns from which parameters stand in full and n has a column


class ModelList(MarkedOptions, inherit_bindings=False):
    """Headings and models; the cursor walks over models only."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "cursor_down", "next model", show=False, tooltip="The next model"),
        Binding("up,k", "cursor_up", "model before", show=False, tooltip="The model before"),
        Binding("home,g", "first", "first model", show=False, tooltip="The first model"),
        Binding("end,G", "last", "last model", show=False, tooltip="The last model"),
        Binding("pagedown", "page_down", show=False),
        Binding("pageup", "page_up", show=False),
    ]

    class Chosen(Message):
        """The cursor stands on another model, or on one whose results changed."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        super().__init__(markup=False, compact=True)
        self._entries = tuple(entries)
        self.results: Mapping[str, ModelResults] = {}
        self._words = ""
        self._drawn_size = Size(0, 0)
        self._wanted = ""  # where the cursor is to go

    @property
    def entry(self) -> Entry | None:
        option = self.highlighted_option
        key = option.id if option else None
        return next((entry for entry in self._entries if _key(entry) == key), None)

    def show(
        self,
        entries: Iterable[Entry] | None = None,
        results: Mapping[str, ModelResults] | None = None,
        words: str | None = None,
    ) -> None:
        """Change what is listed; what is left out stays as it is."""
        before = self._entries, self.results, self._words
        if entries is not None:
            self._entries = tuple(entries)
        if results is not None:
            self.results = results
        if words is not None:
            self._words = words
        if before != (self._entries, self.results, self._words):
            self._rebuild()

    def choose(self, name: str) -> None:
        """The cursor to a model, as soon as it is listed."""
        self._wanted = name
        self._rebuild()

    @property
    def heading(self) -> Content:
        parameters = "parameters" if self._is_wide else "par."
        return Content.styled(self._in_columns("model", parameters, "paper", "ours", "n"), "$muted")

    @property
    def _line_width(self) -> int:
        return self.scrollable_content_region.width

    @property
    def _is_wide(self) -> bool:
        return self._line_width >= WIDE

    def _in_columns(self, name: str, parameters: str, paper: str, ours: str, n: str) -> str:
        """All but the mark, which is coloured; what the numbers leave is the name's."""
        wide = self._is_wide
        room = 10 if wide else 5
        # The margin, parameters, paper, ours, n, the mark, and spaces between.
        name = fit(name, self._line_width - room - (20 if wide else 15))
        line = f"{MARGIN}{name} {parameters:>{room}} {paper:>5} {ours:>5}"
        return line + (f" {n:>3}" if wide else "")

    def on_resize(self) -> None:
        if self.scrollable_content_region.size != self._drawn_size:
            self._rebuild()

    def _rebuild(self) -> None:
        if self._line_width <= 0:
            return
        self._drawn_size = self.scrollable_content_region.size
        kept = self.highlighted_option.id if self.highlighted_option else None
        listed = [entry for entry in self._entries if entry.matches(self._words)]
        options: list[Option] = []
        parts = {
            part: members
            for part in PART_TITLES
            if (members := [entry for entry in listed if entry.part == part])
            or (part == "own" and not self._words)
        }
        # With a heading each, two lines for one that is empty, and one between two.
        lines = sum(2 + (len(members) or 2) for members in parts.values()) - 1
        is_loose = lines <= self._drawn_size.height
        for part, members in parts.items():
            title = PART_TITLES[part]
            if options and is_loose:
                options.append(Option(" ", disabled=True))
            options.append(Option(Content.styled(f"{MARGIN}{title}", "$muted"), disabled=True))
            options += [Option(self._line(entry), id=_key(entry)) for entry in members]
            if not members:
                text = f"{MARGIN}none yet: e opens a model\n{MARGIN}in Compose, w saves it there"
                if any(entry.is_unread for entry in self._entries):
                    text = f"{MARGIN}reading them…"
                options.append(Option(Content.styled(text, "$muted"), disabled=True))
        if not listed:
            text = f"{MARGIN}nothing matches “{self._words}”; Esc shows all"
            options = [Option(Content.styled(text, "$muted"), disabled=True)]
        with self.prevent(OptionList.OptionHighlighted):
            self.clear_options()
            self.add_options(options)
            places = {option.id: place for place, option in enumerate(options) if option.id}
            first = next(iter(places.values()), None)
            self.highlighted = places.get(kept, first) if kept else first
            wanted = next((key for key in places if key.partition(":")[2] == self._wanted), None)
            if wanted is not None:
                self.highlighted, self._wanted = places[wanted], ""
        self.post_message(self.Chosen())

    def _line(self, entry: Entry) -> Content:
        results = self.results.get(entry.name, NO_RESULTS)
        ours = results.ours
        if entry.problem is not None:
            mark = "✗ damaged" if entry.error else "✗ impossible"
            room = self._line_width - len(MARGIN + mark) - 1
            name = f"{MARGIN}{fit(entry.name, room)} "
            return Content.assemble(name, (mark, "$error"))
        parameters = ""
        if entry.analysis is not None:
            count = entry.analysis.parameters
            parameters = f"{count:,}" if self._is_wide else short_count(count)
        paper, mean = entry.accuracy, ours.mean if ours else None
        accuracies = bare_percent(paper, ""), bare_percent(mean, "")
        n = str(ours.n) if ours and ours.n else ""
        line = self._in_columns(entry.name, parameters, *accuracies, n)
        gap = " " if self._is_wide else ""
        return Content.assemble(line, gap, ("✓" if results.within else " ", "$success"))

    @on(OptionList.OptionHighlighted)
    def _moved(self, event: OptionList.OptionHighlighted) -> None:
        event.stop()
        self.post_message(self.Chosen())

    @on(OptionList.OptionSelected)
    def _clicked(self, event: OptionList.OptionSelected) -> None:
        # A click moves the cursor; it must not open the settings as Enter does.
        event.stop()


def _key(entry: Entry) -> str:
    return f"{entry.part}:{entry.name}"


def short_count(number: int) -> str:
    """A count in at most five columns: `8,970`, `102 k`, `3.33M`."""
    if number < 10_000:
        return f"{number:,}"
    for size, sign in ((1_000, "k"), (1_000_000, "M"), (1_000_000_000, "G")):
        scaled = number / size
        if scaled < 999.5:
            digits = 2 if scaled < 9.995 else 1 if scaled < 99.95 else 0
            return f"{scaled:.{digits}f}{sign}"
    return f"{number:.0e}"


class ModelsScreen(WorkbenchScreen):
    """Pick a model, see it, train it."""

    PLACE = "Models"
    CSS_PATH: ClassVar = style_sheet("models")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("t", "train", "train", tooltip="Train it at once, with its own settings"),
        Binding("enter", "settings", "settings", tooltip="Change settings, then train it"),
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
        self._complained = ""
        self._living: set[str] = set()

    def body(self) -> ComposeResult:
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
        # After the first frame, which a thread that imports would hold up; the list is drawn a
        # moment after all else, once it knows its width.
        self.call_after_refresh(self.set_timer, REST, self.action_refresh)
        self._expect()

    def on_resize(self, event: Resize) -> None:
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
        if not self._list.results:
            self._list.show(entries)
        results: dict[str, ModelResults] = {}
        try:
            results = await asyncio.to_thread(read_results, home, entries)
        except UserError as error:
            complaint = str(error)
            if complaint != self._complained:
                self.workbench.complain(error)
        self._complained = complaint
        self._list.show(entries, results)

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
        results = self._list.results.get(entry.name, NO_RESULTS)
        short = self.has_class("narrow") or self.has_class("low")
        lines_of = accuracy_sentence if short else accuracy_lines
        accuracy.update(lines_of(entry, results), layout=False)

    def action_move(self, step: int) -> None:
        """The cursor, also while a filter is being typed."""
        self._list.move(step)

    def action_view(self, step: int) -> None:
        self._view.show(self._list.entry, step)

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
        self._with_own_specs(self.workbench.train)

    def action_queue(self) -> None:
        self._with_own_specs(self.workbench.put_in_line)

    def _with_own_specs(self, act: Callable[..., None]) -> None:
        """Train or queue the preset under the cursor, with the lowest seed not used yet."""
        preset = self._preset()
        if preset is not None:
            act(_specs(preset), next_seed=True)

    def action_sweep(self) -> None:
        preset = self._preset()
        if preset is None:
            return
        from workbench.tui.screens.queue.adding import SweepDialog

        self.ask_for(SweepDialog(self.workbench.home, preset), self.workbench.queue_up)

    def action_settings(self) -> None:
        from workbench.model.architecture import require_sound
        from workbench.tui.screens.run_settings import RunSettings

        preset = self._preset()
        if preset is None:
            return
        require_sound(preset.architecture)
        self.ask_for(RunSettings(preset), lambda answer: self.workbench.train(*answer))

    async def action_edit(self) -> None:
        preset = self._preset()
        if preset is not None:
            (await self.workbench.go("compose")).start_from(preset)

    async def action_draw(self) -> None:
        preset = self._preset()
        if preset is not None:
            (await self.workbench.go("draw")).want(preset.name)


def _specs(preset: Preset) -> list[TrainingSpec]:
    from workbench.runs.plan import Plan, specs_for_preset

    return specs_for_preset(preset, Plan())
