"""The settings before a training: checked as one types, by the core's own checks."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from textual.pilot import Pilot
from textual.widgets import Button, Input, Static

from tests.support import until
from workbench.model.preset import Preset, find_preset
from workbench.model.spec import TrainingSpec
from workbench.model.tables import paper_tables
from workbench.runs.plan import MOST_REPEATS, Plan, specs_for_preset
from workbench.runs.record import Labels
from workbench.settings import Home
from workbench.tui.app import WorkbenchApp
from workbench.tui.screens.run_settings import (
    RunSettings,
    check,
    optimizer_values,
    own_values,
    place_line,
    work_line,
)
from workbench.tui.widgets.form import Choice

Answer = tuple[list[TrainingSpec], Labels] | None


@pytest.fixture
def preset(home: Home) -> Preset:
    return find_preset("cnn-2", home)


def test_untouched_it_is_the_preset(preset: Preset) -> None:
    checked = check(preset, own_values(preset))
    assert not checked.errors and checked.specs == specs_for_preset(preset, Plan())
    assert place_line(preset, checked.specs[0]) == "as in the paper's Tables 6, 7 and 9"
    assert work_line(checked.specs) == "1,000 steps an epoch, 5,000 in all"


def test_every_row_of_the_paper_can_be_written(home: Home) -> None:
    """The dialog reaches the paper's trainings and names their tables."""
    for table in paper_tables():
        for row in table.rows:
            preset = find_preset(row.preset, home)
            values = own_values(preset)
            if "optimizer" in row.set:
                values |= optimizer_values(preset, str(row.set["optimizer"]))
            values |= {name: str(value) for name, value in row.set.items()}
            checked = check(preset, values)
            assert not checked.errors
            assert checked.specs[0].settings_key == row.spec().settings_key
            assert str(table.number) in place_line(preset, checked.specs[0])


@pytest.mark.parametrize(
    ("field", "text", "sentence"),
    [
        ("epochs", "abc", '"abc" is not a whole number from 1 to'),
        ("epochs", "0", "0 is too small; 1 is the least"),
        ("epochs", "2.5", '"2.5" is not a whole number'),
        ("batch_size", "-4", "-4 is too small; 1 is the least"),
        ("learning_rate", "fast", '"fast" is not a number above 0'),
        ("learning_rate", "0", "it must be above 0"),
        ("learning_rate", "nan", "is not a number"),
        ("momentum", "1", "it must be below 1"),
        ("seed", "-1", "-1 is too small; 0 is the least"),
        ("repeats", "0", "0 is too small; 1 is the least"),
        ("repeats", "999999999", "is too large; 1,000 is the most"),
        ("train_limit", "0", "0 is too small; 1 is the least"),
        ("dataset", "mnits", 'no data set "mnits".*mnist'),
        ("max_pixel", "16", "mnist goes to 255"),
        ("max_pixel", "-1", "it must be above 0"),
        ("tags", "a,b", "tag 'a,b'"),
        ("note", "x" * 2001, "longer than 2,000"),
        ("validation", "2.5", "must be a share between 0 and 1"),
        ("validation", "file", "mnist brings no images for it"),
        ("early_stopping", "0", "0 is too small; 1 is the least"),
    ],
)
def test_each_field_says_what_is_wrong(
    preset: Preset, field: str, text: str, sentence: str
) -> None:
    checked = check(preset, {**own_values(preset), field: text})
    assert list(checked.errors) == [field] and not checked.specs
    pattern = sentence.replace("(", r"\(").replace(")", r"\)")
    assert re.search(pattern, checked.errors[field]), checked.errors


def test_momentum_for_adam_is_refused(home: Home) -> None:
    tuned = find_preset("cnn-2-tuned", home)
    checked = check(tuned, own_values(tuned) | {"momentum": "0.7"})
    assert checked.errors["momentum"].startswith("adam has none")


def test_images_are_held_out_and_early_stopping_goes_by_them(home: Home, preset: Preset) -> None:
    checked = check(preset, own_values(preset) | {"validation": "0.15", "early_stopping": "2"})
    (spec,) = checked.specs
    assert spec.dataset.held_out == 9_000 and spec.training.early_stopping is not None
    assert spec.training.early_stopping.patience == 2
    assert "9,000 images for validation" in place_line(preset, spec)
    alone = check(preset, own_values(preset) | {"early_stopping": "2"})
    assert (
        list(alone.errors) == ["validation"] and "none are held out" in alone.errors["validation"]
    )
    own = preset.model_copy(update={"training": spec.training})
    assert own_values(own)["validation"] == "0.15" and own_values(own)["early_stopping"] == "2"
    assert check(own, own_values(own)).specs[0].settings_key == spec.settings_key


def test_several_wrong_fields_are_all_named(preset: Preset) -> None:
    values = {**own_values(preset), "epochs": "x", "seed": "y", "tags": "a b,c"}
    assert set(check(preset, values).errors) == {"epochs", "seed", "tags"}


def test_empty_fields_leave_the_preset(preset: Preset) -> None:
    emptied = dict.fromkeys(own_values(preset), "")
    values = emptied | optimizer_values(preset, "sgd") | {"momentum": "", "precision": "float32"}
    assert check(preset, values).specs == specs_for_preset(preset, Plan())


def test_changes_are_named(preset: Preset) -> None:
    values = own_values(preset) | {"learning_rate": "0.003", "train_limit": "6,000"}
    checked = check(preset, values | {"repeats": "3", "seed": "4", "tags": "a b", "note": "n"})
    line = place_line(preset, checked.specs[0])
    assert "learning rate 0.003" in line and "the first 6,000 images" in line
    assert [spec.seed for spec in checked.specs] == [4, 5, 6]
    assert checked.labels == Labels(tags=("a", "b"), note="n")
    assert work_line(checked.specs).endswith("3 runs in turn, seeds 4 to 6")
    half = check(preset, own_values(preset) | {"precision": "bfloat16"})
    assert place_line(preset, half.specs[0]).endswith("but in bfloat16")


def test_pixels_up_to_16_are_asked_about(preset: Preset, tmp_path: Path) -> None:
    path, labels = tmp_path / "digits.npz", np.arange(10)
    images = np.full((10, 28, 28), 16.0)
    np.savez(path, x_train=images, y_train=labels, x_test=images, y_test=labels)
    values = own_values(preset) | {"dataset": str(path)}
    assert "max pixel (--max-pixel 16)" in check(preset, values).errors["dataset"]
    (spec,) = check(preset, values | {"max_pixel": "16"}).specs
    assert spec.dataset.max_pixel == 16
    assert "pixels to 16" in place_line(preset, spec)


def test_most_repeats_can_be_had(preset: Preset) -> None:
    checked = check(preset, own_values(preset) | {"repeats": str(MOST_REPEATS)})
    assert len(checked.specs) == MOST_REPEATS


class Opened:
    """An app with the dialog open, and its answer."""

    def __init__(self, app: WorkbenchApp, pilot: Pilot[None]) -> None:
        self.app, self.pilot = app, pilot
        self.answers: list[Answer] = []

    async def open(self, preset: Preset) -> None:
        await self.app.push_screen(RunSettings(preset), self.answers.append)
        await self.until(lambda: isinstance(self.app.screen, RunSettings))
        await self.pilot.pause()

    async def until(self, condition: Callable[[], bool]) -> None:
        await until(self.pilot, condition)

    def text(self, selector: str) -> str:
        return str(self.app.screen.query_one(selector, Static).content)


@pytest.mark.asyncio
async def test_write_and_train_by_keys(home: Home, preset: Preset) -> None:
    app = WorkbenchApp(home)
    async with app.run_test(size=(80, 24)) as pilot:
        form = Opened(app, pilot)
        await form.open(preset)
        assert app.focused is not None and app.focused.id == "epochs"
        assert "Tables 6, 7 and 9" in form.text("#summary")
        await pilot.press("2", "down", "1", "0", "0", "enter")
        assert app.focused is not None and app.focused.id == "optimizer"
        await form.until(lambda: "600 steps an epoch, 1,200 in all" in form.text("#summary"))
        assert form.text("#aside-epochs") == "preset: 5"
        await pilot.press("f5")
        await form.until(lambda: bool(form.answers))
    answer = form.answers[0]
    assert answer is not None
    assert answer[0][0].training.epochs == 2 and answer[0][0].training.batch_size == 100


@pytest.mark.asyncio
async def test_a_wrong_field_is_said_under_it_and_holds_the_training_back(
    home: Home, preset: Preset
) -> None:
    app = WorkbenchApp(home)
    async with app.run_test(size=(80, 24)) as pilot:
        form = Opened(app, pilot)
        await form.open(preset)
        app.screen.query_one("#seed", Input).value = "-1"
        await form.until(lambda: "0 is the least" in form.text("#error-seed"))
        await form.until(lambda: app.screen.query_one("#error-seed").region.height == 1)
        assert app.screen.query_one("#train", Button).disabled
        await pilot.press("ctrl+s")
        await pilot.pause()
        assert isinstance(app.screen, RunSettings)
        assert app.focused is not None and app.focused.id == "seed"
        app.screen.query_one("#seed", Input).value = "7"
        await form.until(lambda: form.text("#error-seed") == "")
        await pilot.press("escape")
        await form.until(lambda: bool(form.answers))
    assert form.answers == [None]


@pytest.mark.asyncio
async def test_an_optimizer_brings_its_own_settings(home: Home, preset: Preset) -> None:
    app = WorkbenchApp(home)
    async with app.run_test(size=(80, 24)) as pilot:
        form = Opened(app, pilot)
        await form.open(preset)
        app.screen.query_one("#optimizer").focus()
        await pilot.press("right")
        momentum = app.screen.query_one("#momentum", Input)
        schedule = app.screen.query_one("#schedule", Choice)
        await form.until(lambda: momentum.disabled)
        await form.until(lambda: schedule.value == "constant")
        # Table 9's finely tuned model.
        await form.until(lambda: "Table" in form.text("#summary"))
        await pilot.press("left")
        await form.until(lambda: momentum.value == "0.7")
        assert schedule.value == "inverse_time_decay" and not momentum.disabled
        await form.until(lambda: "Tables 6, 7 and 9" in form.text("#summary"))


@pytest.mark.asyncio
async def test_no_momentum_can_be_written_for_adam(home: Home) -> None:
    app = WorkbenchApp(home)
    async with app.run_test(size=(80, 24)) as pilot:
        form = Opened(app, pilot)
        await form.open(find_preset("cnn-2-tuned", home))
        momentum = app.screen.query_one("#momentum", Input)
        assert momentum.disabled and momentum.placeholder == "none"
        app.screen.query_one("#learning_rate").focus()
        await pilot.press("down")
        assert app.focused is not None and app.focused.id == "schedule"


@pytest.mark.asyncio
async def test_the_button_by_keys_and_mouse(home: Home, preset: Preset) -> None:
    app = WorkbenchApp(home)
    async with app.run_test(size=(80, 24)) as pilot:
        form = Opened(app, pilot)
        await form.open(preset)
        assert app.screen.query_one("#run-settings").region.bottom <= 24
        assert await pilot.click("#cancel")
        await form.until(lambda: form.answers == [None])
        await form.open(preset)
        app.screen.query_one("#train", Button).focus()
        await pilot.press("enter")
        await form.until(lambda: len(form.answers) == 2)
        assert form.answers[1] is not None


@pytest.mark.asyncio
async def test_a_data_file_is_looked_through_aside(
    home: Home, preset: Preset, tmp_path: Path
) -> None:
    path = tmp_path / "own [data].npz"
    images = np.arange(200 * 28 * 28, dtype=np.uint32).astype(np.uint8).reshape(200, 28, 28)
    labels = (np.arange(200) % 10).astype(np.uint8)
    np.savez(path, x_train=images, y_train=labels, x_test=images[:50], y_test=labels[:50])
    app = WorkbenchApp(home)
    async with app.run_test(size=(80, 24)) as pilot:
        form = Opened(app, pilot)
        await form.open(preset)
        app.screen.query_one("#dataset", Input).value = str(path)
        await form.until(lambda: "looking" in form.text("#summary"))
        await form.until(lambda: "4 steps an epoch" in form.text("#summary"))
        app.screen.query_one("#dataset", Input).value = str(tmp_path / "none.npz")
        await form.until(lambda: "none.npz" in form.text("#error-dataset"))
        assert app.screen.query_one("#train", Button).disabled
