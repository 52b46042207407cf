"""The screen that looks into a model."""

from __future__ import annotations

import numpy as np
import pytest

from tests.cli.test_predictions import answered
from tests.support import until
from workbench.errors import RunError
from workbench.predictions.predictor import Inside, Predictor, Sheet
from workbench.settings import Home
from workbench.tui.app import WorkbenchApp
from workbench.tui.screens.errors import ErrorsScreen
from workbench.tui.screens.inside import InsideScreen
from workbench.tui.widgets.pictures import Picture, PictureGrid
from workbench.tui.widgets.steady_lines import SteadyLines

MAPS = Sheet("conv2d_1", "feature maps", np.full((40, 28, 28), 200, np.uint8), 40)
FILTERS = Sheet("conv2d_1", "filters", np.full((4, 3, 3, 3), 90, np.uint8), 4)


class Looking(Predictor):
    """Answers without a process."""

    sheets: tuple[Sheet, ...] = (MAPS, FILTERS)
    broken = False

    def look_inside(self, run, image) -> Inside:  # type: ignore[no-untyped-def]
        if self.broken:
            raise RunError(f"run {run.run_id}: it keeps no trained model")
        falls = np.linspace(-0.1, 0.42, 784, dtype=np.float32).reshape(28, 28)
        return Inside(int(image.sum()) % 10, 0.75, falls, 4, self.sheets)


def head(screen: InsideScreen) -> str:
    return screen.query_one("#inside-head", SteadyLines).plain


def layer(screen: InsideScreen) -> str:
    return str(screen.query_one("#inside-layer").border_title)


async def opened(pilot, home: Home) -> InsideScreen:  # type: ignore[no-untyped-def]
    errors = ErrorsScreen(home, [answered(home, 0, {14: 9, 24: 9, 35: 2})])
    await pilot.app.push_screen(errors)
    await until(pilot, lambda: errors._images is not None)
    await pilot.press("i")
    await until(pilot, lambda: isinstance(pilot.app.screen, InsideScreen))
    screen = pilot.app.screen
    assert isinstance(screen, InsideScreen)
    return screen


@pytest.mark.asyncio
@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_one_goes_through_layers_and_images(
    home: Home, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]
) -> None:
    monkeypatch.setattr("workbench.tui.screens.inside.Predictor", Looking)
    async with WorkbenchApp(home).run_test(size=size) as pilot:
        screen = await opened(pilot, home)
        await until(pilot, lambda: "75.0 % sure" in head(screen))
        assert "image 35" in head(screen) and "up to 42.0 points. Blue: surer." in head(screen)
        assert layer(screen) == "conv2d_1: 40 feature maps, 28×28  (1 of 2)"
        assert screen.query_one("#inside-looked", Picture).render_line(0).text.strip()
        grid = screen.query_one(PictureGrid)
        assert "▸0 " in grid.render_line(0).text
        await pilot.press("pagedown")
        await pilot.pause()
        assert f"▸{grid.a_page} " in grid.render_line(0).text
        await pilot.press("tab")
        assert layer(screen) == "conv2d_1: 4 filters, 3×3  (2 of 2)"
        await pilot.press("right")
        await until(pilot, lambda: "image 24" in head(screen) and "sure" in head(screen))
        assert "filters" in layer(screen)
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(pilot.app.screen, ErrorsScreen))


@pytest.mark.asyncio
async def test_what_cannot_be_seen_is_said(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workbench.tui.screens.inside.Predictor", Looking)
    monkeypatch.setattr(Looking, "sheets", ())
    async with WorkbenchApp(home).run_test(size=(80, 24)) as pilot:
        screen = await opened(pilot, home)
        await until(pilot, lambda: "no convolution" in layer(screen))
        monkeypatch.setattr(Looking, "broken", True)
        await pilot.press("right")
        await until(pilot, lambda: "it keeps no trained model" in head(screen))
