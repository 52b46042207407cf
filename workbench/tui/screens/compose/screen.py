"""Compose: a model built layer by layer, then trained, saved, compared or taken elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual.binding import Binding, BindingType

from workbench.errors import UserError
from workbench.model.draft import EMPTY, History
from workbench.model.preset import Preset
from workbench.model.shapes import analyse
from workbench.tui.screens.compose.editing import EditingScreen
from workbench.tui.screens.compose.form import FormView
from workbench.tui.screens.compose.stack import LayerStack
from workbench.tui.screens.compose.starting import (
    SAVE,
    START,
    picked_preset,
    preset_picks,
    unsaved_dialog,
)
from workbench.tui.screens.compose.training import specs_of
from workbench.tui.styles import style_sheet


class ComposeScreen(EditingScreen):
    """One draft at a time; it stays while other places are visited."""

    PLACE = "Compose"
    CSS_PATH: ClassVar = style_sheet("compose")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a", "add", "add", tooltip="Add a layer below the cursor"),
        Binding("t", "train", "train", tooltip="Train the model as it stands"),
        Binding("w", "save", "save", tooltip="Save as a preset of your own"),
        Binding("n", "start", "new", tooltip="Start empty or from a preset"),
        Binding("d,delete", "delete", "delete", key_display="d", tooltip="Delete the layer"),
        Binding("u", "undo", "undo", tooltip="Undo the last change"),
        Binding("s", "settings", "settings", tooltip="Edit the training settings"),
        Binding("v", "difference", "diff", tooltip="What differs from where it began"),
        Binding("c", "script", "script", tooltip="Copy the model as a Keras script"),
        Binding("D", "duplicate", "double", tooltip="Duplicate the layer"),
        Binding("J", "shift(1)", "move down", tooltip="Move the layer down"),
        Binding("K", "shift(-1)", "move up", tooltip="Move the layer up"),
        Binding("ctrl+r", "redo", "redo", tooltip="Redo what was undone"),
    ]

    _actions: ClassVar = frozenset(
        binding.action.partition("(")[0] for binding in BINDINGS if isinstance(binding, Binding)
    )

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """While the form is written in, the keys of the stack mean nothing."""
        return self._before is None or action not in self._actions

    def on_screen_resume(self) -> None:
        """Coming back to the draft, it is what may be trained next."""
        super().on_screen_resume()
        self._expect()

    def _show(self) -> None:
        super()._show()
        self._expect()

    def _expect(self) -> None:
        if self.is_current:
            self.workbench.expect(lambda: specs_of(self.history.preset()))

    def action_train(self) -> None:
        """Train the model as it stands, or say what keeps it from that."""
        try:
            specs = specs_of(self.history.preset())
        except UserError as error:
            problem = analyse(self.draft.architecture).problem
            if problem is not None:
                self.place = problem.index
                self._show()
            self.workbench.complain(error)
            return
        self.workbench.train(specs, next_seed=True)

    def action_script(self) -> None:
        """Copy the training as a Keras script through the terminal."""
        from workbench.model.keras_script import keras_script

        preset = self.history.preset()
        try:
            script = keras_script(specs_of(preset)[0])
        except UserError as error:
            self.workbench.complain(error)
            return
        self.app.copy_to_clipboard(script)
        lines = len(script.splitlines())
        self.notify(f"Copied {preset.title} as a Keras script of {lines} lines", markup=False)

    def action_difference(self) -> None:
        """Show what differs from the preset the draft began as."""
        from workbench.model.difference import difference
        from workbench.tui.screens.compose.difference_dialog import DifferenceDialog

        origin = self.history.origin
        name = "an empty model" if origin is EMPTY else origin.title
        found = difference(origin, self.draft)
        self.app.push_screen(DifferenceDialog(f"Difference from {name}", found))

    def action_save(self) -> None:
        """Save the model as a preset of one's own."""
        self._save(lambda: None)

    def save_then(self, then: Callable[[], None]) -> None:
        """Ask for a name and save; `then` follows only where that came to be."""
        self._save(then)

    def _save(self, then: Callable[[], None]) -> None:
        from workbench.tui.screens.compose.saving import Saving

        draft = self.draft

        def saved(preset: Preset) -> None:
            if self.draft == draft:
                self.history = self.history.saved_as(preset)
            self._show()
            then()

        Saving(self.app, self.workbench.home, self.history, saved).ask()

    def action_start(self) -> None:
        """Start empty or from a preset."""
        from workbench.tui.screens.compose.pick import PickDialog

        picks, errors = preset_picks(self.workbench.home)
        for error in errors:
            self.workbench.complain(error)

        def picked(name: str | None) -> None:
            if name is None:
                return
            try:
                self.start_from(picked_preset(name, self.workbench.home))
            except UserError as error:
                self.workbench.complain(error)

        self.app.push_screen(PickDialog("Start from", picks), picked)

    def start_from(self, preset: Preset) -> None:
        """Begin anew from a preset; asks before unsaved work is lost."""
        self.bring_back()  # opened from another place, it may not have been yet
        if not self.unsaved:
            self._begin(preset)
            return

        def answered(answer: str | None) -> None:
            if answer == SAVE:
                self._save(lambda: self._begin(preset))
            elif answer == START:
                self._begin(preset)

        self.app.push_screen(unsaved_dialog(self.title_of_work, preset), answered)

    @property
    def title_of_work(self) -> str:
        """What the draft is called in a question about it."""
        kept = self.history.kept
        return "the new model" if kept is EMPTY else kept.title

    def _begin(self, preset: Preset) -> None:
        if self.is_mounted:  # opened from another place, it may not be yet
            self.query_one(FormView).abandon()
            self.set_focus(self.query_one(LayerStack))
        self.history = History.begun(preset)
        self._before = None
        self.place = 1 if preset.architecture.layers else 0
        self._said = ""
        self._arrange(self.size.width)
        self._show()
