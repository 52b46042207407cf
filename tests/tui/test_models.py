"""Models: the list, the model under the cursor, and what is done with it."""

from __future__ import annotations

import os
from types import SimpleNamespace
from typing import Any

import pytest
from textual.widgets import Input, Static

from tests.support import made_run, until
from workbench.leaderboard.store import Leaderboard
from workbench.model.preset import Preset, paper_presets, save_preset
from workbench.model.spec import TrainingSpec
from workbench.runs.events import Finished
from workbench.runs.folder import create_run
from workbench.runs.log import EventWriter
from workbench.runs.plan import Plan, specs_for
from workbench.runs.record import Labels
from workbench.runs.summary import summarise
from workbench.settings import Home
from workbench.tui.app import WorkbenchApp
from workbench.tui.screens.models.catalogue import shipped_entries
from workbench.tui.screens.models.model_view import layer_table
from workbench.tui.screens.models.screen import ModelList, ModelsScreen, short_count
from workbench.tui.screens.run_settings import RunSettings
from workbench.tui.widgets.words import fit

WIDE, NARROW = (120, 40), (80, 24)


class Recorder(WorkbenchApp):
    """The app, noting what it is asked to do instead of starting workers."""

    def __init__(self, home: Home) -> None:
        super().__init__(home)
        self.trained: list[TrainingSpec] = []
        self.labels: Labels | None = None
        self.composed: list[Preset] = []

    def train(
        self, specs: list[TrainingSpec], labels: Labels | None = None, *, next_seed: bool = False
    ) -> None:
        self.trained += specs
        self.labels = labels

    async def go(self, place: str) -> Any:
        assert place == "compose"
        return SimpleNamespace(start_from=self.composed.append)


def text_of(app: WorkbenchApp, selector: str) -> str:
    return str(app.screen.query_one(selector, Static).content)


def list_lines(app: WorkbenchApp) -> list[str]:
    models = app.screen.query_one(ModelList)
    return [str(option.prompt) for option in models.options]


def line_of(app: WorkbenchApp, name: str) -> str:
    return next(line for line in list_lines(app) if line.split()[:1] == [name])


def finish(home: Home, preset: str, accuracy: float, plan: Plan | None = None) -> None:
    """A finished run on the leaderboard."""
    spec = specs_for(home, preset, plan or Plan())[0]
    ending = Finished(2.0, spec.training.epochs, 9, 5.0, 10.0, test_accuracy=accuracy)
    folder = made_run(home, spec, ending)
    Leaderboard(home).record(summarise(folder))


@pytest.mark.asyncio
async def test_the_papers_nine_by_part(home: Home) -> None:
    app = Recorder(home)
    async with app.run_test(size=WIDE) as pilot:
        await until(pilot, lambda: "101,770" in "\n".join(list_lines(app)))
        text = "\n".join(list_lines(app))
        for preset in paper_presets():
            assert preset.name in text and f"{100 * preset.paper.accuracy:.2f}" in text  # type: ignore[union-attr]
        for part in ("Neural networks", "Convolutional networks", "Finely tuned", "Yours"):
            assert part in text
        assert "none yet" in text and "101,770" in line_of(app, "nn-1")


@pytest.mark.asyncio
@pytest.mark.parametrize("size", [WIDE, NARROW])
async def test_the_model_under_the_cursor(home: Home, size: tuple[int, int]) -> None:
    app = Recorder(home)
    async with app.run_test(size=size) as pilot:
        await pilot.press(*"jjjjjjj")
        await until(pilot, lambda: "Conv2D" in text_of(app, "#model-text"))
        view = app.screen.query_one("#model-view")
        assert "CNN model 2 · cnn-2" in str(view.border_title)
        await pilot.press("tab")
        await until(pilot, lambda: "x⁽⁷⁾ = max(0, z⁽⁷⁾)" in text_of(app, "#model-text"))
        assert "3,309,578 parameters" in text_of(app, "#model-text")
        await pilot.press("tab")
        await until(pilot, lambda: "[1] Table 9 writes the decay" in text_of(app, "#model-text"))
        await pilot.press("tab")
        await until(pilot, lambda: "┌" in text_of(app, "#model-text"))
        assert "97.47 %" in text_of(app, "#model-accuracy")
        assert "not trained yet" in text_of(app, "#model-accuracy")


def test_operations_stay_indented_however_narrow() -> None:
    entry = next(entry for entry in shipped_entries() if entry.name == "cnn-2")
    lines = layer_table(entry, 34, operations=True).plain.splitlines()
    wrapped = [line for line in lines if "ReLU" in line and "layer" not in line]
    assert wrapped and all(line.startswith("  ") for line in wrapped)
    assert all(len(line) <= 34 for line in lines)


@pytest.mark.asyncio
@pytest.mark.parametrize("size", [WIDE, NARROW])
async def test_what_only_collapsed_is_said_to(home: Home, size: tuple[int, int]) -> None:
    finish(home, "nn-1", 0.1135, Plan())
    app = Recorder(home)
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: "1 of 1 collapsed" in text_of(app, "#model-accuracy"))


@pytest.mark.asyncio
async def test_no_line_is_wider_than_the_list(home: Home) -> None:
    for number, accuracy in enumerate((0.9742, 0.9749, 0.9751)):
        finish(home, "cnn-2", accuracy, Plan(seed=number))
    app = Recorder(home)
    async with app.run_test(size=NARROW) as pilot:
        await until(pilot, lambda: "✓" in line_of(app, "cnn-2"))
        for size in (NARROW, (100, 30), WIDE, (160, 50)):
            await pilot.resize_terminal(*size)
            await pilot.pause()
            models = app.screen.query_one(ModelList)
            await until(pilot, lambda: "cnn-2-tuned" in "\n".join(list_lines(app)))
            width = models.scrollable_content_region.width
            assert all(len(line) <= width for text in list_lines(app) for line in text.split("\n"))


@pytest.mark.asyncio
async def test_ours_so_far_beside_the_papers(home: Home) -> None:
    for number, accuracy in enumerate((0.9742, 0.9749, 0.9751)):
        finish(home, "cnn-2", accuracy, Plan(seed=number))
    finish(home, "cnn-1", 0.9)
    # Another number of epochs or images is another experiment and does not count.
    finish(home, "nn-1", 0.5, Plan(train_limit=100))
    app = Recorder(home)
    async with app.run_test(size=WIDE) as pilot:
        await until(pilot, lambda: line_of(app, "cnn-2").split()[-3:] == ["97.47", "3", "✓"])
        assert line_of(app, "cnn-1").split()[-2:] == ["90.00", "1"]
        assert line_of(app, "nn-1").split()[-1] == "95.14"
        await pilot.press(*"jjjjjjj")
        await until(pilot, lambda: "within our spread" in text_of(app, "#model-accuracy"))
        assert "± 0.05" in text_of(app, "#model-accuracy")


@pytest.mark.asyncio
async def test_train_settings_compose(home: Home) -> None:
    app = Recorder(home)
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press("j", "t")
        await pilot.pause()
        assert [spec.preset for spec in app.trained] == ["nn-1.1"]
        assert app.trained[0].training == paper_presets()[1].training
        await pilot.press("e")
        await pilot.pause()
        assert [preset.name for preset in app.composed] == ["nn-1.1"]
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, RunSettings))
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, ModelsScreen))
        assert len(app.trained) == 1


@pytest.mark.asyncio
async def test_keys_before_the_models_have_been_read(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ModelsScreen, "action_refresh", lambda self: None)
    app = Recorder(home)
    async with app.run_test(size=WIDE) as pilot:
        await until(pilot, lambda: len(list_lines(app)) > 9)
        assert "reading" in "\n".join(list_lines(app))
        row = line_of(app, "cnn-2")
        assert "97.47" in row and "3,309,578" not in row
        assert "trained" not in text_of(app, "#model-accuracy")  # not known yet
        await pilot.press("j", "t")
        await pilot.pause()
        assert app.trained[0].training == paper_presets()[1].training
        assert "3,309,578" in line_of(app, "cnn-2")


@pytest.mark.asyncio
async def test_a_click_moves_the_cursor_and_trains_nothing(home: Home) -> None:
    app = Recorder(home)
    async with app.run_test(size=NARROW) as pilot:
        await until(pilot, lambda: len(list_lines(app)) > 9)
        await pilot.click(ModelList, offset=(3, 3))
        await until(
            pilot, lambda: "nn-1.2" in str(app.screen.query_one("#model-view").border_title)
        )
        assert isinstance(app.screen, ModelsScreen) and not app.trained


@pytest.mark.asyncio
async def test_own_presets_whole_damaged_and_impossible(home: Home) -> None:
    save_preset(paper_presets()[0].model_copy(update={"name": "mine", "title": "[b]x[/b]"}), home)
    (home.presets / "broken.toml").write_text('title = "x"\n[architecture]\nlayers = 3\n')
    (home.presets / "flat.toml").write_text(
        'title = "Flat"\n[architecture]\nlayers = [{ kind = "Flatten" }]\n'
    )
    app = Recorder(home)
    async with app.run_test(size=NARROW, notifications=True) as pilot:
        await until(pilot, lambda: "mine" in "\n".join(list_lines(app)))
        assert "✗ damaged" in line_of(app, "broken") and "✗ impossible" in line_of(app, "flat")
        await pilot.press("G")
        await until(
            pilot, lambda: r"\[b]x" in str(app.screen.query_one("#model-view").border_title)
        )
        await pilot.press("k", "t")
        await until(pilot, lambda: any("10 classes" in note.message for note in app._notifications))
        assert not app.trained
        await pilot.press("k")
        await until(pilot, lambda: "broken.toml" in text_of(app, "#model-text"))
        for key in ("t", "enter", "e"):
            await pilot.press(key)
        await pilot.pause()
        assert isinstance(app.screen, ModelsScreen) and not app.trained and not app.composed
        (home.presets / "broken.toml").unlink()
        await pilot.press("r")
        await until(pilot, lambda: "broken" not in "\n".join(list_lines(app)))


@pytest.mark.asyncio
async def test_a_damaged_leaderboard_is_said_once(home: Home) -> None:
    home.leaderboard.write_text("{ torn")
    app = Recorder(home)
    async with app.run_test(size=NARROW, notifications=True) as pilot:
        await until(pilot, lambda: len(app._notifications) > 0)
        assert any("leaderboard" in note.message for note in app._notifications)
        assert len(list_lines(app)) > 9


@pytest.mark.asyncio
async def test_filter(home: Home) -> None:
    app = Recorder(home)
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press("slash", *"cnn-1", "enter")
        names = [line.split()[0] for line in list_lines(app) if "cnn-" in line]
        assert names == ["cnn-1", "cnn-1.1", "cnn-1.2"]
        await pilot.press("j", "t")
        await pilot.pause()
        assert [spec.preset for spec in app.trained] == ["cnn-1.1"]
        await pilot.press("slash", *"zzz", "enter", "t")
        await pilot.pause()
        assert "nothing matches" in list_lines(app)[0] and len(app.trained) == 1
        await pilot.press("escape")
        await pilot.pause()
        assert app.screen.query_one("#filter", Input).value == ""
        assert "nn-2" in "\n".join(list_lines(app))


@pytest.mark.asyncio
async def test_results_are_read_again_on_coming_back(home: Home) -> None:
    app = Recorder(home)
    async with app.run_test(size=WIDE) as pilot:
        await until(pilot, lambda: len(list_lines(app)) > 9)
        await pilot.press("j", "j", "question_mark")
        await pilot.pause()
        finish(home, "nn-2", 0.97)
        await pilot.press("escape")
        await until(pilot, lambda: line_of(app, "nn-2").split()[-2:] == ["97.00", "1"])
        entry = app.screen.query_one(ModelList).entry
        assert entry is not None and entry.name == "nn-1.2"


@pytest.mark.asyncio
async def test_enlarged_the_model_has_the_whole_width(home: Home) -> None:
    app = Recorder(home)
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press(*"jjjj", "z")
        await pilot.pause()
        assert app.screen.query_one("#model-detail").region.width == 80
        await pilot.press("j")
        await until(
            pilot, lambda: "cnn-1.1" in str(app.screen.query_one("#model-view").border_title)
        )
        await pilot.press("escape")
        await pilot.pause()
        assert app.screen.query_one("#model-detail").region.width < 80


def test_columns() -> None:
    assert [short_count(n) for n in (0, 9_999, 10_000, 101_770, 999_600, 3_309_578)] == [
        "0", "9,999", "10.0k", "102k", "1.00M", "3.31M",
    ]  # fmt: skip
    assert fit("abcdef", 4) == "abc…" and fit("ab", 4) == "ab  " and fit("a", 0) == ""


@pytest.mark.asyncio
async def test_a_training_that_ends_meanwhile_shows_its_result(home: Home) -> None:
    spec = specs_for(home, "nn-2", Plan())[0]
    folder, descriptor = create_run(home, spec, Labels(), "run")
    app = Recorder(home)
    async with app.run_test(size=WIDE) as pilot:
        await until(pilot, lambda: len(app.run_feed.last.living) == 1)
        writer = EventWriter(folder.events_file)
        writer.write(Finished(2.0, 10, 9, 5.0, 10.0, test_accuracy=0.97))
        writer.close()
        Leaderboard(home).record(summarise(folder))
        os.close(descriptor)
        await until(pilot, lambda: line_of(app, "nn-2").split()[-2:] == ["97.00", "1"])
