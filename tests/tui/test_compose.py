"""Compose: a model built by keys, seen before it runs, and never lost unasked."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import ClassVar

import pytest
from rich.console import RenderableType
from textual._compositor import Compositor
from textual.pilot import Pilot
from textual.widgets import Static

from tests.support import made_run, until
from workbench.errors import PresetError, UserError
from workbench.model.draft import DraftFile, draft_of
from workbench.model.preset import find_preset, paper_presets, save_preset
from workbench.model.spec import TrainingSpec
from workbench.model.tables import paper_table
from workbench.runs.events import Epoch
from workbench.settings import Home
from workbench.tui.app import WorkbenchApp
from workbench.tui.screens.compose.dialogs import checked_name
from workbench.tui.screens.compose.form import FormView
from workbench.tui.screens.compose.screen import ComposeScreen
from workbench.tui.screens.compose.stack import Drawing, LayerStack
from workbench.tui.screens.dialog import ChoiceDialog, ReadingDialog, TextDialog
from workbench.tui.widgets.steady_lines import SteadyLines

PAPER = {preset.name: preset for preset in paper_presets()}


class ComposeApp(WorkbenchApp):
    """Opens on Compose and writes down what it would train, and what it complains of."""

    DEFAULT_MODE: ClassVar[str] = "compose"

    def __init__(self, home: Home) -> None:
        super().__init__(home)
        self.trained: list[TrainingSpec] = []
        self.complaints: list[str] = []

    def train(
        self, specs: list[TrainingSpec], labels: object = None, *, next_seed: bool = False
    ) -> None:
        self.trained += specs

    def complain(self, error: UserError) -> None:
        self.complaints.append(str(error))


class Driver:
    """The app with words for what the tests look at."""

    def __init__(self, app: ComposeApp, pilot: Pilot[None]) -> None:
        self.app, self.pilot = app, pilot

    @property
    def screen(self) -> ComposeScreen:
        screen = self.app.screen_stack[0]
        assert isinstance(screen, ComposeScreen)
        return screen

    async def keys(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause()

    async def add(self, search: str) -> None:
        """Add a layer by what is searched for, as it is first offered."""
        await self.keys("a", *search, "enter")

    @property
    def kinds(self) -> list[str]:
        return [layer.kind for layer in self.screen.draft.layers]

    def text(self, name: str) -> str:
        """The lines of the stack, the form, the drawing or the totals."""
        if name == "form":
            return "\n".join(
                str(line.content) for line in self.screen.query("#form Static").results(Static)
            )
        if name == "stack":
            return self.screen.query_one(LayerStack).plain
        return self.screen.query_one(f"#{name}", SteadyLines).plain

    def words(self, name: str) -> str:
        """The same, however its lines are broken."""
        return " ".join(self.text(name).split())


@asynccontextmanager
async def composing(
    home: Home, start: str | None = None, size: tuple[int, int] = (120, 40)
) -> AsyncIterator[Driver]:
    app = ComposeApp(home)
    async with app.run_test(size=size) as pilot:
        driver = Driver(app, pilot)
        if start is not None:
            driver.screen.start_from(PAPER[start])
        await pilot.pause()
        yield driver


@pytest.mark.asyncio
async def test_a_model_is_composed_from_nothing_and_trained(home: Home) -> None:
    async with composing(home) as at:
        assert "Press a to add one, n to start" in at.text("stack")
        assert "add Flatten and Dense 10, softmax" in at.text("totals")
        await at.keys("t")
        assert at.app.complaints[-1].startswith("the model has no layers")
        await at.add("flat")
        await at.keys("a", *"dense", "enter", "enter", *"64", "enter")
        assert "✗ the model ends with 64 values for 10 classes" in at.text("stack")
        await at.add("output")
        assert at.kinds == ["Flatten", "Dense", "Dense"]
        assert "ready to train" in at.text("totals")
        assert f"{784 * 64 + 64 + 64 * 10 + 10:,}" in at.text("totals")
        assert at.screen.unsaved
        await at.keys("t")
        (spec,) = at.app.trained
        assert (spec.preset, spec.dataset.name) == ("composed", "mnist")
        assert spec.architecture.layers[1].units == 64


@pytest.mark.asyncio
async def test_stack_operations_with_undo_and_redo(home: Home) -> None:
    async with composing(home, "nn-1") as at:
        begun = at.screen.draft
        await at.keys("j", "D", "D")
        assert at.kinds == ["Flatten", "Dense", "Dense", "Dense", "Dense"]
        await at.keys("K", "K", "K", "K")
        assert (at.kinds[0], at.screen.place) == ("Dense", 1)
        await at.keys("J", "d")
        assert at.kinds == ["Flatten", "Dense", "Dense", "Dense"]
        for _ in range(8):
            await at.keys("u")
        assert at.screen.draft == begun
        assert not at.screen.unsaved
        await at.keys("u")
        assert "nothing to undo" in str(at.screen.query_one(LayerStack).border_subtitle)
        await at.keys("ctrl+r", "ctrl+r")
        assert at.kinds[1:4] == ["Dense", "Dense", "Dense"]
        await at.keys("g", "d", "D", "J", "G", "d")  # neither input nor training
        assert len(at.kinds) == 5


@pytest.mark.asyncio
async def test_a_form_validates_as_it_is_typed_in(home: Home) -> None:
    async with composing(home, "cnn-2") as at:
        begun = at.screen.draft
        await at.keys("enter", *"48")
        assert "28×28×48" in at.text("stack")  # live, before anything is confirmed
        await at.keys("x")
        assert '"48x" is not a whole number from 1 to 1,000,000' in at.words("form")
        assert at.screen.draft == begun  # nothing half-written counts
        await at.keys("enter")
        assert at.screen.query_one(FormView).editing
        await at.keys("backspace", "down", "5", "down", "down", "v", "down", "enter")
        assert at.screen.query_one(LayerStack).has_focus
        layer = at.screen.draft.layers[0]
        assert (layer.filters, layer.kernel_size, layer.padding) == (48, (5, 5), "valid")
        await at.keys("u")  # all of it was one change
        assert at.screen.draft == begun


@pytest.mark.asyncio
async def test_another_field_does_not_send_the_whole_screen(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole: list[Compositor] = []
    send = Compositor.render_full_update

    def seen(self: Compositor, simplify: bool = False) -> RenderableType:
        whole.append(self)
        return send(self, simplify=simplify)

    async with composing(home, "cnn-2") as at:
        await at.keys("enter")
        await at.pilot.pause(0.5)
        monkeypatch.setattr(Compositor, "render_full_update", seen)
        await at.keys("down", "down", "up")
        assert at.screen.query_one(FormView).field is not None
        assert whole == []


@pytest.mark.asyncio
async def test_escape_puts_back_and_typed_letters_are_no_commands(home: Home) -> None:
    async with composing(home, "cnn-2") as at:
        begun = at.screen.draft
        await at.keys("enter", "7", "d", "q", "1", "u", "escape")
        assert at.screen.draft == begun
        assert at.app.current_mode == "compose"
        assert at.screen.query_one(LayerStack).has_focus
        await at.keys("j", "enter", "9", "enter")
        assert at.screen.draft.layers[1].filters == 9


@pytest.mark.asyncio
async def test_training_settings_and_input_have_forms_too(home: Home) -> None:
    async with composing(home, "cnn-2") as at:
        await at.keys("s", *"3", "down", *"128", "down", "right", "enter")
        training = at.screen.draft.training
        assert (training.epochs, training.batch_size) == (3, 128)
        assert (training.optimizer.kind, training.optimizer.learning_rate) == ("adam", 0.002)
        assert training.schedule.kind == "constant"
        await at.keys("g", "enter", *"32x32x3", "down", *"100", "enter")
        assert at.screen.draft.architecture.input_shape == (32, 32, 3)
        assert "✗ the model ends with 10 values for 100 classes" in at.text("stack")
        await at.keys("u", "g", "enter", *"32x32x3", "enter", "t")
        assert at.app.trained[0].dataset.name == "cifar10"
        await at.keys("enter", *"30x30x1", "enter", "t")
        assert "no data set known by name has images of 30×30×1" in at.app.complaints[-1]


@pytest.mark.asyncio
@pytest.mark.parametrize("size", [(120, 40), (80, 24)])
async def test_all_training_settings_are_seen(home: Home, size: tuple[int, int]) -> None:
    async with composing(home, "cnn-2", size) as at:
        height = at.screen.query_one(LayerStack).size.height
        words = " ".join(at.text("stack").replace("·", "").split())
        assert words.endswith(
            "Training 5 epochs batch 60 SGD learning rate 0.002 momentum 0.7 "
            "inverse time decay 0.0004 a step"
        )
        assert "…" not in at.text("stack")
        assert len(at.text("stack").splitlines()) + 1 <= height  # without scrolling
        await at.keys("s")
        assert at.screen.query_one(FormView).editing
        pointed = [line for line in at.text("stack").splitlines() if line.startswith("›")]
        assert len(pointed) == 1 and "Training" in pointed[0]
        assert "learning rate 0.002" in at.text("stack")  # nor cut beside an open form
        assert "…" not in at.text("stack")


async def until_draft(at: Driver, home: Home, there: bool) -> None:
    for _ in range(200):
        if bool(list((home.path / "drafts").glob("*.toml"))) is there:
            return
        await at.pilot.pause(0.02)
    pytest.fail("the draft file is not as it should be")


@pytest.mark.asyncio
async def test_unsaved_work_comes_back_in_the_next_app(home: Home) -> None:
    async with composing(home, "cnn-2") as at:
        await at.keys("j", "d")
        kept = at.screen.draft
        await until_draft(at, home, there=True)
        await at.keys("d", "u")
    async with composing(home) as at:
        assert at.screen.draft == kept
        assert at.screen.unsaved
        assert "Unsaved work from" in str(at.screen.query_one(LayerStack).border_subtitle)
        assert "CNN model 2 · unsaved" in str(at.screen.query_one(LayerStack).border_title)
        await at.keys("u")
        assert at.screen.draft == draft_of(PAPER["cnn-2"])
        await until_draft(at, home, there=False)
        await at.keys("ctrl+r")
        assert at.screen.draft == kept
        await at.keys("w", "ctrl+u", *"kept", "enter")
        await until_draft(at, home, there=False)
    async with composing(home) as at:
        assert at.kinds == []
        assert not at.screen.unsaved


@pytest.mark.asyncio
async def test_what_was_changed_last_is_written_at_the_end(home: Home) -> None:
    async with composing(home, "cnn-2") as at:
        await at.keys("d")
        last = at.screen.draft
    async with composing(home) as at:
        assert at.screen.draft == last


@pytest.mark.asyncio
async def test_two_apps_keep_their_work_apart(home: Home) -> None:
    async with composing(home, "cnn-2") as at:
        await at.keys("d")
        await until_draft(at, home, there=True)
        async with composing(home) as other:
            assert other.kinds == []
            await other.keys("n", *"nn-1.1", "enter", "d")
        assert len(list((home.path / "drafts").glob("*.toml"))) == 2


@pytest.mark.asyncio
async def test_work_dropped_on_purpose_does_not_come_back(home: Home) -> None:
    async with composing(home, "cnn-2") as at:
        await at.keys("d")
        await until_draft(at, home, there=True)
        at.screen.discard_work()
    async with composing(home) as at:
        assert at.kinds == []


@pytest.mark.asyncio
async def test_a_model_opened_over_work_that_came_back_is_asked_about(home: Home) -> None:
    async with composing(home, "cnn-2") as at:
        await at.keys("d")
        last = at.screen.draft
    async with composing(home) as at:
        at.screen.start_from(PAPER["nn-2"])
        await at.pilot.pause()
        assert isinstance(at.app.screen, ChoiceDialog)
        await at.keys("escape")
        assert at.screen.draft == last


@pytest.mark.asyncio
async def test_damaged_work_is_said_and_a_full_disk_is_not(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home.path / "drafts").mkdir()
    (home.path / "drafts" / "0.toml").write_text("no toml [")
    async with composing(home, "cnn-2") as at:
        (complaint,) = at.app.complaints
        assert "unsaved work of Compose is damaged and kept as" in complaint
        assert at.screen.draft == draft_of(PAPER["cnn-2"])

        def full(*_: object) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(DraftFile, "keep", full)
        await at.keys("d")
        await at.pilot.pause(0.8)
        await at.keys("d")
        assert len(at.app.complaints) == 1
        assert at.app.is_running


@pytest.mark.asyncio
async def test_an_impossible_layer_is_marked_where_it_stands(home: Home) -> None:
    async with composing(home, "cnn-2", (80, 24)) as at:
        await at.keys("j", "j", "D", "D", "D", "D", "t")
        stack = at.text("stack").splitlines()
        marked = next(number for number, line in enumerate(stack) if "✗" in line[:8])
        assert "7" in stack[marked][:5]
        assert "its input is 1×1×64" in stack[marked + 1]
        assert 'padding "same"' in stack[marked + 2]
        assert at.app.trained == []
        assert 'padding "same"' in at.app.complaints[-1]
        assert "Traceback" not in at.app.complaints[-1]
        assert at.screen.place == 7


@pytest.mark.asyncio
async def test_the_form_stands_beside_a_narrow_stack_only_while_it_is_used(home: Home) -> None:
    async with composing(home, "cnn-2", (80, 24)) as at:
        form = at.screen.query_one(FormView)
        assert not form.display
        await at.keys("enter")
        assert form.display
        assert form.editing
        for _ in range(8):
            await at.keys("down")
        assert form.field is not None and form.field.name == "l2"
        await at.pilot.resize_terminal(120, 40)
        await at.pilot.resize_terminal(80, 24)
        assert form.editing
        await at.keys("escape")
        assert not form.display
        await at.pilot.resize_terminal(120, 40)
        await at.pilot.pause()
        assert form.display


@pytest.mark.asyncio
async def test_saving_asks_for_a_name_and_before_overwriting(home: Home) -> None:
    async with composing(home, "cnn-2") as at:
        await at.keys("j", "d", "w")
        assert isinstance(at.app.screen, TextDialog)
        await at.keys("ctrl+u", *"cnn-2", "enter")
        assert isinstance(at.app.screen, TextDialog)  # a paper's name is refused
        await at.keys("ctrl+u", *"!?", "enter")
        assert isinstance(at.app.screen, TextDialog)
        await at.keys("ctrl+u", *"My Nét/2", "enter")
        saved = find_preset("my-net-2", home)
        assert (saved.title, draft_of(saved)) == ("My Nét/2", at.screen.draft)
        assert not at.screen.unsaved
        await at.keys("d", "W", "enter")
        assert isinstance(at.app.screen, ChoiceDialog)
        await at.keys("escape")
        assert find_preset("my-net-2", home) == saved
        assert at.screen.unsaved
        await at.keys("W", "enter", "down", "enter")
        assert draft_of(find_preset("my-net-2", home)) == at.screen.draft
        assert find_preset("my-net-2", home).title == "My Nét/2"
        await at.keys("t")
        assert at.app.trained[0].preset == "my-net-2"


@pytest.mark.asyncio
async def test_a_model_of_ones_own_is_saved_at_once(home: Home) -> None:
    async with composing(home, "cnn-2") as at:
        await at.keys("d", "w", "ctrl+u", *"mine", "enter", "d", "w")
        assert at.app.screen is at.screen and not at.screen.unsaved
        saved = find_preset("mine", home)
        assert draft_of(saved) == at.screen.draft
        # What somebody else has changed since is not overwritten unasked.
        save_preset(saved.model_copy(update={"title": "theirs"}), home, overwrite=True)
        await at.keys("d", "w")
        assert isinstance(at.app.screen, TextDialog)
        await at.keys("enter")
        assert isinstance(at.app.screen, ChoiceDialog)
        await at.keys("escape")
        assert find_preset("mine", home).title == "theirs"


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("My Net", "my-net"),
        ("  Café net, 2nd! ", "cafe-net-2nd"),
        ("CNN (3×3) / wide", "cnn-3-3-wide"),
        ("v1.2_final", "v1.2_final"),
        ("x" * 70, "x" * 64),
    ],
)
def test_a_title_becomes_a_name(typed: str, name: str) -> None:
    assert checked_name(typed) == (name, typed.strip())


@pytest.mark.parametrize("typed", ["", "…", "网络", "x" * 81, "CNN 2"])
def test_what_cannot_be_a_name_is_refused(typed: str) -> None:
    with pytest.raises(PresetError):
        checked_name(typed)


@pytest.mark.asyncio
async def test_the_model_is_drawn_live_below_its_layers(home: Home) -> None:
    async with composing(home, "cnn-2") as at:
        drawing = at.screen.query_one(Drawing)
        await until(at.pilot, lambda: drawing.display and bool(drawing.size))
        stack = at.screen.query_one(LayerStack)
        assert drawing.size.height >= len(at.text("drawing").splitlines())
        assert stack.size.height >= len(at.text("stack").splitlines()) + 1
        assert "28×28×64" in at.text("drawing")
        await at.keys("j", "enter", *"48")
        await until(at.pilot, lambda: "28×28×48" in at.text("drawing"))
        await at.keys("escape")
        await until(at.pilot, lambda: "28×28×64" in at.text("drawing"))
        await at.pilot.resize_terminal(80, 24)
        await until(at.pilot, lambda: not drawing.display)  # what is edited comes first
        await at.pilot.resize_terminal(120, 40)
        await until(at.pilot, lambda: drawing.display)


@pytest.mark.asyncio
@pytest.mark.parametrize("kind", ["flatten", "dense", "maxpooling", "dropout", "output"])
async def test_adding_any_layer_leaves_the_keys_with_the_stack(home: Home, kind: str) -> None:
    async with composing(home) as at:
        await at.add(kind)
        assert at.screen.query_one(LayerStack).has_focus and at.screen.place == 1
        await at.add("flatten")
        assert len(at.kinds) == 2


@pytest.mark.asyncio
async def test_starting_anew_asks_before_work_is_lost(home: Home) -> None:
    async with composing(home, "cnn-2") as at:
        at.screen.start_from(PAPER["nn-2"])  # nothing is unsaved: no question
        assert at.screen.draft == draft_of(PAPER["nn-2"])
        await at.keys("d")
        kept = at.screen.draft
        await at.keys("n", *"nn-1.1", "enter")
        assert isinstance(at.app.screen, ChoiceDialog)
        await at.keys("escape")
        assert at.screen.draft == kept
        await at.keys("n", *"nn-1.1", "enter", "down", "enter")
        assert at.screen.draft == draft_of(PAPER["nn-1.1"])
        await at.keys("d", "n", *"empty", "enter", "enter", "ctrl+u", *"kept", "enter")
        assert at.screen.draft.layers == ()
        assert (
            find_preset("kept", home).architecture
            == draft_of(PAPER["nn-1.1"]).deleted(1).architecture
        )


@pytest.mark.asyncio
async def test_the_draft_stays_while_dialogs_come_and_go(home: Home) -> None:
    async with composing(home, "cnn-2") as at:
        await at.keys("v")
        assert isinstance(at.app.screen, ReadingDialog)
        await at.keys("escape", "d", "v")
        dialog = at.app.screen
        assert isinstance(dialog, ReadingDialog)
        assert "-   1 Conv2D 32" in str(dialog.query_one(Static).content)
        await at.keys("escape", "a", *"nothing like it", "enter", "escape")
        assert len(at.kinds) == 8


@pytest.mark.asyncio
async def test_a_keras_script_is_copied(home: Home) -> None:
    async with composing(home, "nn-1") as at:
        await at.keys("c")
        assert "keras.Sequential" in at.app.clipboard
        await at.keys("G", "k", "d", "c")
        assert at.app.complaints[-1].startswith("layer 2, Dense 128")


@pytest.mark.asyncio
async def test_a_damaged_preset_is_said_and_the_others_are_offered(home: Home) -> None:
    (home.presets / "broken.toml").write_text("no toml [")
    async with composing(home) as at:
        await at.keys("n")
        assert "broken.toml" in at.app.complaints[0]
        await at.keys(*"nn-1", "enter")
        assert at.screen.draft == draft_of(PAPER["nn-1"])


@pytest.mark.asyncio
async def test_the_mouse_moves_and_edits(home: Home) -> None:
    async with composing(home, "cnn-2") as at:
        await at.pilot.click(LayerStack, offset=(10, 5))
        await at.pilot.pause()
        assert at.screen.place == 3
        await at.pilot.click(LayerStack, offset=(10, 5), times=2)
        await at.pilot.pause()
        form = at.screen.query_one(FormView)
        assert form.editing
        await at.keys("3")
        await at.pilot.click(LayerStack, offset=(10, 3))
        await at.pilot.pause()
        assert at.screen.draft.layers[2].pool_size == (3, 3)
        assert at.screen.place == 1


@pytest.mark.asyncio
async def test_an_epoch_is_judged_from_earlier_runs(home: Home) -> None:
    epoch = Epoch(0.0, 1, 1000, 0.1, 0.9, 0.1, 0.9, 1000.0, 60.0, 60.0)
    made_run(home, paper_table(6).rows[3].spec(), epoch)
    async with composing(home, "cnn-2") as at:
        for _ in range(100):  # read in a thread
            await at.pilot.pause(0.02)
            if "about" in at.text("totals"):
                break
        assert "epoch about 63 s" in at.words("totals")
        assert "estimated" not in at.words("totals")
        await at.keys("n", *"nn-1", "enter")
        assert "epoch estimated from multiply-adds; no run like it yet" in at.words("totals")
        assert "epoch about" in at.words("totals") or "epoch under" in at.words("totals")


@pytest.mark.asyncio
async def test_brackets_in_a_title_are_no_markup(home: Home) -> None:
    async with composing(home) as at:
        at.screen.start_from(PAPER["nn-1"].model_copy(update={"title": "a [b]c[/] [/x]"}))
        await at.pilot.pause()
        assert str(at.screen.query_one(LayerStack)._border_title) == "a [b]c[/] [/x]"
        await at.keys("d", "n", *"empty", "enter", "escape", "v", "escape")
        assert at.kinds == ["Dense", "Dense"]


@pytest.mark.asyncio
async def test_a_form_left_open_does_not_write_into_the_next_model(home: Home) -> None:
    async with composing(home, "cnn-2", (80, 24)) as at:
        await at.keys("enter")
        at.screen.start_from(PAPER["cnn-1"])
        await at.keys("7", "down")
        assert at.screen.draft == draft_of(PAPER["cnn-1"])
        assert not at.screen.query_one(FormView).display


@pytest.mark.asyncio
async def test_a_model_opened_from_another_place_is_shown(home: Home) -> None:
    app = WorkbenchApp(home)
    async with app.run_test(size=(80, 24)) as pilot:
        (await app.go("compose")).start_from(PAPER["nn-2"])
        await pilot.pause()
        assert isinstance(app.screen, ComposeScreen)
        assert app.screen.draft == draft_of(PAPER["nn-2"])
        assert app.screen.query_one(LayerStack).has_focus
