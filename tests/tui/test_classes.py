"""The screen of results class by class."""

from __future__ import annotations

import pytest

from tests.cli.test_predictions import answered
from tests.support import ended_run, until
from workbench.predictions.answers import calibration
from workbench.predictions.of_run import predictions_of
from workbench.settings import Home
from workbench.tui.app import WorkbenchApp
from workbench.tui.screens.classes import ClassesScreen, reliability_chart
from workbench.tui.screens.curves import CurvePlot
from workbench.tui.screens.palette import HelpScreen
from workbench.tui.widgets.bars import Hints
from workbench.tui.widgets.row_list import RowList
from workbench.tui.widgets.steady_lines import SteadyLines

WRONG = {14: 9, 24: 9, 35: 2, 44: 7, 51: 8}


def head(screen: ClassesScreen) -> str:
    return " ".join(screen.query_one("#classes-head", SteadyLines).plain.split())


def rows(screen: ClassesScreen) -> list[list[str]]:
    listing = screen.query_one(RowList)
    lines = [listing.render_line(y).text for y in range(listing.size.height)]
    return [line.replace("▌", " ").split() for line in lines if line.strip(" ▌")]


@pytest.mark.asyncio
@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_classes_and_their_calibration_are_shown(home: Home, size: tuple[int, int]) -> None:
    chosen: list[int] = []
    async with WorkbenchApp(home).run_test(size=size) as pilot:
        screen = ClassesScreen(answered(home, 0, WRONG), chosen.append)
        await pilot.app.push_screen(screen)
        await until(pilot, lambda: "expected calibration error" in head(screen))
        assert head(screen).startswith("accuracy 99.95 % of 10,000 images F1 0.9995, the mean")
        assert "the model is not too sure." in head(screen)
        table = rows(screen)
        assert len(table) == 11  # a heading and ten classes, at either size
        four = next(row for row in table if row[0] == "4")
        assert four == ["4", "1,000", "100.00", "99.70", "0.9985"]
        plot = screen.query_one(CurvePlot)
        await until(pilot, lambda: "●" in plot.plain and "100 %" in plot.plain)
        assert "> sort" in str(screen.query_one(Hints).render())
        await pilot.press(">", ">")
        assert rows(screen)[1][0] == "4" and "recall ↑" in " ".join(rows(screen)[0])
        await pilot.press("<", "<", "down", "down", "enter")
        assert chosen == [2] and pilot.app.screen is not screen


@pytest.mark.asyncio
async def test_its_keys_stand_in_the_help(home: Home) -> None:
    async with WorkbenchApp(home).run_test(size=(80, 24)) as pilot:
        await pilot.app.push_screen(ClassesScreen(answered(home, 0, WRONG), lambda _: None))
        await pilot.press("question_mark")
        await until(pilot, lambda: isinstance(pilot.app.screen, HelpScreen))
        assert "The wrong images of this class" in pilot.app.export_screenshot().replace(
            "&#160;", " "
        )


@pytest.mark.asyncio
async def test_a_run_without_a_model_is_said(home: Home) -> None:
    async with WorkbenchApp(home).run_test(size=(80, 24)) as pilot:
        screen = ClassesScreen(ended_run(home), lambda _: None)
        await pilot.app.push_screen(screen)
        await until(pilot, lambda: "keeps no trained model" in head(screen))
        await pilot.press("enter", ">")  # nothing there to go to, nor to sort
        assert pilot.app.screen is screen


def test_the_plot_has_a_mark_for_each_filled_bin(home: Home) -> None:
    trust = calibration(predictions_of(answered(home, 0, WRONG)))
    diagonal, line, marks = reliability_chart(trust).series
    assert diagonal.xs == diagonal.ys == (0.0, 1.0)
    assert list(marks.xs) == list(line.xs) == [part.confidence for part in trust.filled]
    assert list(marks.ys) == [0.0, 0.0, 1.0]
