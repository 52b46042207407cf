"""The screen to draw on: strokes by mouse and keys, answers, and keeping a drawing."""

from __future__ import annotations

import numpy as np
import pytest
from textual.pilot import Pilot

from tests.support import ended_run, until
from workbench.data.npz import load_npz
from workbench.predictions.predictor import Answers, Predictor
from workbench.settings import Home
from workbench.tui.app import WorkbenchApp
from workbench.tui.screens.draw import SIDE, Canvas, CanvasView, DrawScreen, models_for_drawings
from workbench.tui.widgets.pictures import Picture
from workbench.tui.widgets.steady_lines import SteadyLines


def test_a_stroke_is_round_antialiased_and_can_be_undone() -> None:
    canvas = Canvas()
    canvas.begin()
    canvas.line((10, 20), (30, 20))
    assert canvas.pixels[20, 20] == 255 and canvas.pixels[19, 20] == 255
    assert 0 < canvas.pixels[21, 20] < 255 and canvas.pixels[25, 20] == 0
    assert canvas.pixels[19, 7] == 0 < canvas.pixels[19, 9]
    canvas.begin()
    canvas.line((20, 0), (20, SIDE), erase=True)
    assert canvas.pixels[20, 20] == 0 and canvas.pixels[20, 10] == 255
    assert canvas.undo() and canvas.pixels[20, 20] == 255
    assert canvas.undo() and canvas.empty and not canvas.undo()


def test_clearing_and_loading_can_be_undone() -> None:
    canvas = Canvas()
    image = np.zeros((28, 28), np.uint8)
    image[10:18, 10:18] = 255
    canvas.show(image)
    assert canvas.pixels[20, 20] == 255 and canvas.pixels[2, 2] == 0
    canvas.clear()
    assert canvas.empty and canvas.undo() and not canvas.empty


class Asked(Predictor):
    """Answers without a process: the share of ink on the left half is class 1's."""

    def __init__(self) -> None:
        super().__init__()
        self.images: list[np.ndarray] = []

    def warm(self) -> None:
        pass

    def ask(self, runs, images) -> Answers:  # type: ignore[no-untyped-def]
        self.images.append(images)
        table = np.zeros((1, 10))
        table[0, 7], table[0, 1] = 0.75, 0.25
        return Answers({folder.run_id: table for folder in runs}, {})


def answers(pilot: Pilot[None]) -> str:
    """What can be read: a line ends at the panel's edge."""
    panel = pilot.app.screen.query_one("#draw-answer-lines", SteadyLines)
    return " ".join(line[: panel.size.width] for line in panel.plain.splitlines())


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    predictor = Asked()
    monkeypatch.setattr("workbench.tui.screens.draw.Predictor", lambda: predictor)
    return predictor


def trained(home: Home, seed: int = 0, row: int = 0):  # type: ignore[no-untyped-def]
    folder = ended_run(home, seed=seed, row=row)
    folder.model_file.write_bytes(b"a model")
    return folder


@pytest.mark.asyncio
async def test_one_draws_with_the_mouse_and_every_model_answers(home: Home, asked: Asked) -> None:
    trained(home, 0, 0), trained(home, 1, 0), trained(home, 0, 1)
    async with WorkbenchApp(home).run_test(size=(80, 24)) as pilot:
        await pilot.press("6")
        await until(pilot, lambda: "or with arrows and space." in answers(pilot))
        await pilot.mouse_down(CanvasView, offset=(10, 5))
        await pilot.hover(CanvasView, offset=(30, 5))
        await pilot.mouse_up(CanvasView, offset=(30, 5))
        await until(pilot, lambda: "75 %" in answers(pilot))
        assert answers(pilot).count("7  75 %") == 2  # the newest of each model
        assert "nn-1" in answers(pilot) and "nn-1.1" in answers(pilot)
        assert asked.images[-1].shape == (1, 28, 28, 1) and asked.images[-1].any()
        await pilot.press("c")
        await until(pilot, lambda: "Draw a digit" in answers(pilot))


@pytest.mark.asyncio
async def test_one_draws_with_keys_and_keeps_it(home: Home, asked: Asked) -> None:
    trained(home)
    async with WorkbenchApp(home).run_test(size=(120, 40)) as pilot:
        await pilot.press("6")
        await until(pilot, lambda: "Draw a digit" in answers(pilot))
        await pilot.press("s")  # nothing to keep yet
        await pilot.press("space", *["down"] * 8, "space")
        await until(pilot, lambda: "7  75 %" in answers(pilot))
        await pilot.press("s")
        await pilot.pause()
        await pilot.press("enter")  # what the models say: a 7
        await pilot.pause()
        await pilot.press("space", "right", "space", "s")
        await pilot.pause()
        await pilot.press("up", "enter")
        await pilot.pause()
    kept = load_npz(home.path / "drawings.npz")
    assert kept.y_train.tolist() == [7]
    assert kept.x_train[0].any()


@pytest.mark.asyncio
async def test_models_are_chosen(home: Home, asked: Asked) -> None:
    first, second = trained(home, 0), trained(home, 1)
    async with WorkbenchApp(home).run_test(size=(80, 24)) as pilot:
        await pilot.press("6")
        await until(pilot, lambda: "Draw a digit" in answers(pilot))
        screen = pilot.app.screen
        assert isinstance(screen, DrawScreen) and screen.models == [second]
        await pilot.press("m")
        await pilot.pause()
        await pilot.press("down", "enter")
        await pilot.pause()
        assert screen.models == [first, second]
        await pilot.press("m")
        await pilot.pause()
        await pilot.press("enter")
        await pilot.pause()
        assert screen.models == [first]


@pytest.mark.asyncio
async def test_from_models_one_comes_to_draw_for_a_model(home: Home, asked: Asked) -> None:
    trained(home, 0, 0)
    second = trained(home, 0, 1)
    newest = trained(home, 1, 0)
    async with WorkbenchApp(home).run_test(size=(80, 24)) as pilot:
        await pilot.press("d")  # the cursor is on nn-1
        await until(pilot, lambda: isinstance(pilot.app.screen, DrawScreen))
        screen = pilot.app.screen
        assert isinstance(screen, DrawScreen)
        await until(pilot, lambda: screen.models == [newest, second])
        await pilot.press("1", "down", "d")
        await until(pilot, lambda: screen.models == [second, newest])
        await pilot.press("1", "down", "d")  # nn-1.2 has no run
        await until(pilot, lambda: pilot.app._notifications)
        assert any("has not been trained" in note.message for note in pilot.app._notifications)
        assert screen.models == [second, newest]


@pytest.mark.asyncio
async def test_what_models_see_follows_when_the_pen_rests(home: Home, asked: Asked) -> None:
    trained(home)
    async with WorkbenchApp(home).run_test(size=(120, 40)) as pilot:
        await pilot.press("6")
        await until(pilot, lambda: "Draw a digit" in answers(pilot))
        seen = pilot.app.screen.query_one("#draw-seen", Picture)
        await pilot.mouse_down(CanvasView, offset=(10, 5))
        await pilot.hover(CanvasView, offset=(30, 15))
        await until(pilot, lambda: "75 %" in answers(pilot))
        await until(pilot, lambda: seen.render_line(7).text.strip())
        await pilot.press("c")
        await until(pilot, lambda: not seen.render_line(7).text.strip())


@pytest.mark.asyncio
async def test_without_a_model_it_says_what_to_do(home: Home) -> None:
    ended_run(home)  # finished, but keeps no model
    async with WorkbenchApp(home).run_test(size=(60, 18)) as pilot:
        await pilot.press("6")
        await until(
            pilot,
            lambda: (
                "No trained model of MNIST yet. Press t on a model (1), then come back."
                in answers(pilot)
            ),
        )
        assert models_for_drawings(home) == []
