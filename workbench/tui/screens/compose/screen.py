"""Compose: a model built layer by layer, then trained, saved, compared or taken elsewhere.

Stack, form and totals are shown from one draft, and every change of it can be undone.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.events import AppFocus, Resize
from textual.screen import Screen
from textual.timer import Timer

from workbench.data.catalogue import dataset_with
from workbench.errors import PresetError, UserError
from workbench.formats import moment
from workbench.model.architecture import Analysis, Architecture, analyse
from workbench.model.draft import EMPTY, Draft, DraftFile, DraftHistory, Returned, Step
from workbench.model.forms import new_layer, output_layer
from workbench.model.hyperparameters import TrainingSettings
from workbench.model.layers import LAYER_KINDS, Layer, layer_label, shape_text
from workbench.model.preset import Preset, find_preset, own_presets, shipped_presets
from workbench.model.spec import memory_need
from workbench.runs.estimate import Expected, Speed, expected_epoch, known_speeds, multiply_add_rate
from workbench.runs.plan import Plan, dataset_ref
from workbench.settings import Home, style_sheet
from workbench.tui.screens.base import Latest, WorkbenchScreen
from workbench.tui.screens.compose.dialogs import (
    PickDialog,
    difference_text,
    plan_of,
    save_draft,
    specs_of,
)
from workbench.tui.screens.compose.form import FormView
from workbench.tui.screens.compose.stack import Drawing, LayerStack, Totals
from workbench.tui.screens.dialog import ChoiceDialog, ReadingDialog
from workbench.tui.widgets.words import say_in_border

KEEP_SECONDS = 0.5  # from a change to its file, and between files
FRESH = 10.0  # seconds for which the speeds of earlier runs are not read again
DRAW_DELAY = 0.3  # seconds without a key in the form before the model is drawn anew
TOTALS_LINES = 5
OUTPUT, NOTHING = "Output", "(empty)"  # what can be picked beside kinds of layers and presets
WIDE = 100  # columns from which the form stands beside the stack all the time


class DraftKeeper:
    """Keeps one screen's draft. What the disk refuses goes to the log: nobody asked for it."""

    def __init__(self, screen: Screen[None], home: Home) -> None:
        self._screen = screen
        self._file = DraftFile(home)
        self._seen: DraftHistory | None = None
        self._wanted: DraftHistory | None = None
        self._written = False
        self._write = Latest(screen, self._write_soon)
        # What is dropped or closed on the event loop must not be written after all by a thread.
        self._guard = threading.Lock()

    def take_over(self) -> tuple[Returned | None, list[PresetError]]:
        """What an app left behind, and what of that cannot be read."""
        try:
            returned, errors = self._file.take_over()
        except OSError as error:
            self._screen.log.error(f"unsaved work cannot be looked for: {error}")
            return None, []
        if returned is not None:
            self._seen, self._written = returned.history, True
        return returned, errors

    def changed(self, history: DraftHistory) -> None:
        """The draft may have changed: write it soon."""
        if history is self._seen:
            return
        self._seen = history
        if not history.unsaved and not self._written:
            return
        self._written = True
        self._wanted = history
        self._write()

    async def _write_soon(self) -> None:
        await asyncio.sleep(KEEP_SECONDS)
        await asyncio.to_thread(self._write_now)

    def _write_now(self) -> None:
        with self._guard:
            history, self._wanted = self._wanted, None
            if history is None:
                return
            try:
                self._file.keep(history)
            except OSError as error:
                self._screen.log.error(f"unsaved work cannot be kept: {error}")

    def discard(self) -> None:
        """The work is dropped on purpose and does not come back."""
        with self._guard:
            self._wanted = None
            try:
                self._file.discard()
            except OSError as error:
                self._screen.log.error(f"unsaved work cannot be removed: {error}")

    def close(self) -> None:
        """Write what is still to be written; the next app finds it."""
        self._write_now()
        self._file.close()


class ComposeScreen(WorkbenchScreen):
    """One draft at a time; it stays while other places are visited."""

    PLACE = "Compose"
    CSS_PATH: ClassVar = [style_sheet("form"), style_sheet("compose")]
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a", "add", "add", tooltip="Add a layer below the cursor"),
        Binding("t", "train", "train", tooltip="Train the model as it stands"),
        Binding("w", "save", "save", tooltip="Save as a preset of your own"),
        Binding("W", "save_as", "save as", tooltip="Save under another name"),
        Binding("n", "start", "new", tooltip="Start empty or from a preset"),
        Binding("d,delete", "delete", "delete", key_display="d", tooltip="Delete the layer"),
        Binding("u", "undo", "undo", tooltip="Undo the last change"),
        Binding("s", "settings", "settings", tooltip="Edit the training settings"),
        Binding("v", "difference", "diff", tooltip="What differs from where it began"),
        Binding("S", "search", "search", tooltip="Look for the best of ranges of its settings"),
        Binding("c", "script", "script", tooltip="Copy the model as a Keras script"),
        Binding("D", "duplicate", "duplicate", tooltip="Duplicate the layer"),
        Binding("J", "shift(1)", "move down", tooltip="Move the layer down"),
        Binding("K", "shift(-1)", "move up", tooltip="Move the layer up"),
        Binding("ctrl+r", "redo", "redo", tooltip="Redo what was undone"),
    ]

    _actions: ClassVar = frozenset(
        binding.action.partition("(")[0] for binding in BINDINGS if isinstance(binding, Binding)
    )

    def __init__(self) -> None:
        super().__init__()
        self.history = DraftHistory.begun()
        self.place = 0
        self._before: DraftHistory | None = None  # what cancelling the form goes back to
        self._speeds: list[Speed] | None = None  # None until they were read
        self._speeds_asked = -FRESH
        self._said = ""
        self._keeper: DraftKeeper | None = None
        self._drawing: Timer | None = None

    @property
    def unsaved(self) -> bool:
        return self.history.unsaved

    @property
    def draft(self) -> Draft:
        return self.history.draft

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return self._before is None or action not in self._actions

    def body(self) -> ComposeResult:
        with Horizontal(id="composing"):
            yield LayerStack()
            yield FormView()
        yield Drawing()
        yield Totals()

    def on_mount(self) -> None:
        self.query_one(LayerStack).focus()
        self.bring_back()
        self._show()

    def on_unmount(self) -> None:
        if self._keeper is not None:
            self._keeper.close()

    def bring_back(self) -> None:
        """Take up the work that an app left unsaved, once, before anything is begun here."""
        if self._keeper is not None:
            return
        self._keeper = DraftKeeper(self, self.workbench.home)
        returned, errors = self._keeper.take_over()
        for error in errors:
            self.workbench.complain(error)
        if returned is not None:
            self.history, self.place = returned.history, 0
            when = moment(returned.changed_at)
            self._said = f"Unsaved work from {when} is back; u undoes that"

    def discard_work(self) -> None:
        """Drop unsaved work on purpose: it does not come back at the next start."""
        if self._keeper is not None:
            self._keeper.discard()

    def on_screen_resume(self) -> None:
        """The draft may be trained next; runs that ended meanwhile know more about speed."""
        self._expect()
        if time.monotonic() - self._speeds_asked > FRESH:
            self._speeds_asked = time.monotonic()
            self._read_speeds()

    @work(exclusive=True, group="speeds")
    async def _read_speeds(self) -> None:
        await asyncio.to_thread(multiply_add_rate)  # once measured, it is at hand
        self._speeds = await asyncio.to_thread(known_speeds, self.workbench.home)
        self._show()

    def on_resize(self, event: Resize) -> None:
        self._arrange(event.size.width)

    def on_app_focus(self, event: AppFocus) -> None:
        """The terminal is back: keys must arrive somewhere."""
        if self.focused is None:
            self.query_one(LayerStack).focus()

    def _arrange(self, width: int) -> None:
        if not self.is_mounted:
            return
        # Set here and not by a class: what is hidden cannot take the focus in the same moment.
        self.query_one(FormView).display = width >= WIDE or self._before is not None
        self.call_after_refresh(self._draw_again)

    def _draw_again(self) -> None:
        if self.is_mounted:
            self._draw(analyse(self.draft.architecture))

    # What is shown

    def _show(self) -> None:
        """Show the draft: rows, form and totals from one analysis."""
        if self._keeper is not None:
            self._keeper.changed(self.history)
        if not self.is_mounted:
            return
        draft = self.draft
        analysis = analyse(draft.architecture)
        self.place = max(0, min(self.place, len(draft.layers) + 1))
        stack, form = self.query_one(LayerStack), self.query_one(FormView)
        name = "new model" if self.history.kept is EMPTY else self.history.kept.title
        title = f"{name} · unsaved changes" if self.unsaved else name
        say_in_border(stack, title, self._said)
        stack.show(draft, analysis, self.place)
        form.show(*self._form_content(analysis))
        memory = memory_need(analysis, draft.training)
        self.query_one(Totals).show_costs(analysis, memory, self._epoch(analysis))
        if self._drawing is not None:
            self._drawing.stop()
        if self._before is None:
            self._draw(analysis)
        else:  # a drawing is most of what a key would send
            self._drawing = self.set_timer(DRAW_DELAY, self._draw_again)
        self._expect()

    def _draw(self, analysis: Analysis) -> None:
        """Draw the model where stack and totals leave the lines for it."""
        body = self.query_one("#body").size
        room = body.height - TOTALS_LINES - self.query_one(LayerStack).lines_needed
        self.query_one(Drawing).show_model(self.draft.architecture, analysis, body.width, room)

    def _expect(self) -> None:
        if self.is_current:
            self.workbench.expect(lambda: specs_of(self.history.preset()))

    def _epoch(self, analysis: Analysis) -> Expected | None:
        architecture = self.draft.architecture
        if analysis.problem is not None or self._speeds is None:
            return None
        data = dataset_with(architecture.input_shape, architecture.classes)
        spec = self.history.preset().spec(dataset_ref(data) if data else None)
        return expected_epoch(spec, self._speeds)

    def _form_content(
        self, analysis: Analysis
    ) -> tuple[Architecture | TrainingSettings | Layer, str, str]:
        """What the form shows: a value, a title, and facts that follow from it."""
        layer = self.draft.layer_at(self.place)
        if self.place == 0:
            return self.draft.architecture, "input", ""
        if layer is None:
            return self.draft.training, "training", ""
        facts = ""
        if self.place <= len(analysis.layers):
            placed = analysis.layers[self.place - 1]
            facts = (
                f"{shape_text(placed.input_shape)} → {shape_text(placed.output_shape)}, "
                f"{placed.parameters:,} parameters"
            )
        return layer, f"layer {self.place} · {layer.kind}", facts

    def _change(self, draft: Draft, did: str, place: int) -> None:
        self.history = self.history.changed(draft, did, self.place)
        self.place = place
        self._said = ""
        self._show()

    def _say(self, words: str) -> None:
        self._said = words
        self._show()

    # The form

    @on(LayerStack.Moved)
    def _cursor_moved(self, event: LayerStack.Moved) -> None:
        self.place = event.place
        self._show()

    @on(LayerStack.Chosen)
    def _edit(self) -> None:
        form = self.query_one(FormView)
        if not form.fields:
            self._say("nothing to set here")
            return
        form.display = True
        form.open()

    @on(FormView.Opened)
    def _form_opened(self) -> None:
        if self._before is None:
            self._before = self.history
        self.refresh_bindings()

    @on(FormView.Edited)
    def _form_edited(self, event: FormView.Edited) -> None:
        # All that is typed while the form is open is one change.
        before = self._before or self.history
        layer = before.draft.layer_at(self.place)
        match event.value:
            case None:  # nothing half-written counts
                draft, did = before.draft, ""
            case TrainingSettings():
                draft, did = before.draft.with_training(event.value), "edit training"
            case Architecture():
                draft, did = before.draft.with_input(event.value), "edit input"
            case _ if layer is not None and layer.kind == event.value.kind:
                draft = before.draft.edited(self.place, event.value)
                did = f"edit {layer_label(layer)}"
            case _:  # typed into a form whose layer has gone meanwhile
                return
        self.history = before.changed(draft, did, self.place)
        self._said = ""
        self._show()

    @on(FormView.Closed)
    def _form_closed(self, event: FormView.Closed) -> None:
        if event.cancelled and self._before is not None:
            self.history = self._before
        self._before = None
        form = self.query_one(FormView)
        if form.has_focus_within:
            self.set_focus(self.query_one(LayerStack))
        self._arrange(self.size.width)
        self.refresh_bindings()
        self._show()

    # Changes of the stack

    def action_add(self) -> None:
        architecture = self.draft.architecture
        after = min(self.place, len(architecture.layers))

        def picked(kind: str) -> None:
            layer = output_layer(architecture.classes) if kind == OUTPUT else new_layer(kind)
            self._change(self.draft.added(after, layer), f"add {layer_label(layer)}", after + 1)

        picks = {kind: cls.explanation for kind, cls in LAYER_KINDS.items()}
        picks[OUTPUT] = f"Ends a model: Dense {architecture.classes:,}, softmax"
        where = f"below layer {after}" if after else "first"
        self.ask_for(PickDialog(f"Add a layer, {where}", picks), picked)

    def _change_layer(self, do: str, done: str, change: Callable[[int], Draft], to: int) -> None:
        """Change the layer under the cursor, with the cursor then on the place `to`."""
        layer = self.draft.layer_at(self.place)
        if layer is None:
            self._say(f"only layers can be {done}")
        else:
            self._change(change(self.place), f"{do} {layer_label(layer)}", to)

    def action_delete(self) -> None:
        left = len(self.draft.layers) - 1
        place = max(1, min(self.place, left)) if left else 0
        self._change_layer("delete", "deleted", self.draft.deleted, place)

    def action_duplicate(self) -> None:
        self._change_layer("duplicate", "duplicated", self.draft.duplicated, self.place + 1)

    def action_shift(self, by: int) -> None:
        place = max(1, min(self.place + by, len(self.draft.layers)))
        self._change_layer("move", "moved", lambda at: self.draft.moved(at, by), place)

    def action_undo(self) -> None:
        self._travel("undone", *self.history.undo())

    def action_redo(self) -> None:
        self._travel("redone", *self.history.redo())

    def _travel(self, verb: str, history: DraftHistory, step: Step | None) -> None:
        if step is None:
            self._say("nothing to undo" if verb == "undone" else "nothing to redo")
            return
        self.history, self.place = history, step.place
        self._say(f"{verb}: {step.change}")

    def action_settings(self) -> None:
        self.place = len(self.draft.layers) + 1
        self._show()
        self._edit()

    # What becomes of it

    def action_train(self) -> None:
        preset = self.history.preset()
        self._plan_of(preset)
        if preset.training.goes_by_validation:  # how many images are held out is asked for
            from workbench.tui.screens.run_settings import RunSettings

            self.ask_for(RunSettings(preset), lambda answer: self.workbench.train(*answer))
            return
        self.workbench.train(specs_of(preset), next_seed=True)

    def _plan_of(self, preset: Preset) -> Plan:
        """As `plan_of`; where it refuses the model, the cursor goes to what is wrong."""
        try:
            return plan_of(preset)
        except UserError:
            problem = analyse(self.draft.architecture).problem
            if problem is not None:
                self.place = problem.index
                self._show()
            raise

    def action_search(self) -> None:
        from workbench.queue.search import SearchRequest
        from workbench.tui.screens.queue.adding import SearchDialog

        preset = self.history.preset()
        begun = SearchRequest(preset, self._plan_of(preset))
        self.ask_for(SearchDialog(self.workbench.home, begun), self.workbench.begin_search)

    def action_script(self) -> None:
        from workbench.model.keras_script import keras_script

        preset = self.history.preset()
        script = keras_script(specs_of(preset)[0])
        self.app.copy_to_clipboard(script)
        lines = len(script.splitlines())
        self.notify(f"Copied {preset.title} as a Keras script of {lines} lines", markup=False)

    def action_difference(self) -> None:
        from workbench.model.draft import difference

        origin = self.history.origin
        name = "an empty model" if origin is EMPTY else origin.title
        found, colours = difference(origin, self.draft), self.app.theme_variables
        text = difference_text(f"Difference from {name}", found, colours)
        self.app.push_screen(ReadingDialog(text))

    def action_save(self) -> None:
        self.save_then(lambda: None)

    def action_save_as(self) -> None:
        self.save_then(lambda: None, ask=True)

    @work(group="save")
    async def save_then(self, then: Callable[[], object], *, ask: bool = False) -> None:
        """Save; `then` follows only where that came to be."""
        draft = self.draft
        saved = await save_draft(self.app, self.workbench.home, self.history, ask=ask)
        if saved is None:
            return
        if self.draft == draft:
            self.history = self.history.saved_as(saved)
        self._show()
        then()

    def action_start(self) -> None:
        own, errors = own_presets(self.workbench.home)
        for error in errors:
            self.workbench.complain(error)
        picks = {NOTHING: "No layers"}
        for preset in (*shipped_presets(), *own):
            picks[preset.name] = ": ".join(filter(None, (preset.title, preset.summary)))

        def picked(name: str) -> None:
            self.start_from(EMPTY if name == NOTHING else find_preset(name, self.workbench.home))

        self.ask_for(PickDialog("Start from", picks), picked)

    def start_from(self, preset: Preset) -> None:
        """Begin anew from a preset; asks before unsaved work is lost."""
        self.bring_back()  # opened from another place, it may not have been yet
        if not self.unsaved:
            self._begin(preset)
            return

        def answered(answer: str) -> None:
            if answer == "save":
                self.save_then(lambda: self._begin(preset))
            elif answer == "start":
                self._begin(preset)

        new = "an empty model" if preset is EMPTY else preset.title
        discard = f"Discard them and start from {new}"
        answers = [("save", "Save them first"), ("start", discard), ("stay", "Cancel")]
        question = f"The changes of {self.title_of_work} are not saved."
        self.ask_for(ChoiceDialog(question, answers), answered)

    @property
    def title_of_work(self) -> str:
        """What the draft is called in a question about it."""
        kept = self.history.kept
        return "the new model" if kept is EMPTY else kept.title

    def _begin(self, preset: Preset) -> None:
        if self.is_mounted:  # opened from another place, it may not be yet
            self.query_one(FormView).abandon()
            self.set_focus(self.query_one(LayerStack))
        self.history = DraftHistory.begun(preset)
        self._before = None
        self.place = 1 if preset.architecture.layers else 0
        self._said = ""
        self._arrange(self.size.width)
        self._show()
