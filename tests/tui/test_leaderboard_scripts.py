"""Runs of people's own scripts on the leaderboard's screen, and runs compared."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import OptionList, Static

import workbench
from tests.support import ended_run, until
from workbench.leaderboard.store import Leaderboard
from workbench.runs import logger
from workbench.settings import Home
from workbench.tui.app import WorkbenchApp
from workbench.tui.screens.dialog import ReadingDialog
from workbench.tui.screens.leaderboard.board import SCRIPTS
from workbench.tui.screens.leaderboard.overlay import Overlay
from workbench.tui.screens.leaderboard.parts import ColumnsDialog, TabLine
from workbench.tui.screens.leaderboard.screen import LeaderboardScreen
from workbench.tui.screens.train.screen import TrainScreen
from workbench.tui.widgets.row_list import FilterLine, RowList
from workbench.tui.widgets.steady_lines import SteadyLines


@pytest.fixture
def scripts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """Three runs of scripts that differ in their learning rate, and one of a preset."""
    monkeypatch.setenv("MNIST_WORKBENCH_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(logger, "SECONDS_A_POINT", 0.0)
    home = Home(tmp_path / "home")
    for name, rate, loss in (("small", 0.1, 0.5), ("large", 0.001, 0.25), ("lost", 10.0, math.nan)):
        with workbench.start(name, config={"lr": rate, "seed": 1}, tags=["mine"]) as run:
            for step in range(1, 21):
                run.log(step=step, loss=loss + 1 / step, **{"d/acc": 0.5})
            run.log(step=21, val_loss=loss)
    ended_run(home)
    Leaderboard(home).sync()
    return home


def lines(app: WorkbenchApp) -> list[str]:
    """The list's lines, the heading first."""
    listing = app.screen_stack[0].query_one(RowList)
    found = [listing.render_line(y).text.rstrip() for y in range(listing.size.height)]
    return [line for line in found if line]


async def open_scripts(app: WorkbenchApp, pilot: Pilot[None]) -> LeaderboardScreen:
    await pilot.press("4")
    await until(pilot, lambda: "Scripts" in str(app.screen.query_one(TabLine).render()))
    await pilot.press("left")
    await until(pilot, lambda: len(lines(app)) == 4 and "small" in "".join(lines(app)))
    screen = app.screen
    assert isinstance(screen, LeaderboardScreen)
    return screen


@pytest.mark.asyncio
async def test_they_have_a_tab_with_their_metrics_and_settings(scripts: Home) -> None:
    app = WorkbenchApp(scripts)
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await open_scripts(app, pilot)
        heading, *rows = lines(app)
        for word in ("Name", "val_loss", "d/acc", "lr", "Started↓"):
            assert word in heading
        assert "seed" not in heading  # the same for all
        assert any("no number" in row for row in rows)
        assert "scripts of your own" in str(screen.query_one("#board-panel").border_title)
        detail = screen.query_one("#board-detail", Static)
        # Begun within one second, any of the three may stand first.
        first = {"small": "lr 0.1", "large": "lr 0.001", "lost": "lr 10.0"}
        (shown,) = (text for name, text in first.items() if name in rows[0])
        await until(pilot, lambda: f"{shown}, seed 1" in str(detail.render()))
        for action in ("group", "errors", "train"):
            assert not screen.check_action(action, ())
        # They are in no table of the paper, nor among the runs of presets.
        for number in (0, 3):
            screen._go_to_tab(number)
            await until(pilot, lambda number=number: screen.found.query.tab == number)
            assert not any("small" in line for line in lines(app))
        await pilot.resize_terminal(80, 24)
        await until(pilot, lambda: "[Table 3]" in str(screen.query_one(TabLine).render()))
        assert "Scripts" in str(screen.query_one(TabLine).render())


@pytest.mark.asyncio
async def test_they_are_filtered_sorted_labelled_copied_opened_and_deleted(scripts: Home) -> None:
    app = WorkbenchApp(scripts)
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await open_scripts(app, pilot)
        screen._sort_by("metric.val_loss")
        await until(pilot, lambda: "large" in lines(app)[1] and "lost" in lines(app)[3])
        await pilot.press("R")
        await until(pilot, lambda: "small" in lines(app)[1] and "lost" in lines(app)[3])
        screen.query_one(FilterLine).set_text("config.lr<1")
        await until(pilot, lambda: len(lines(app)) == 3)
        await pilot.press("c")
        await until(pilot, lambda: "Scripts where config.lr" in app.clipboard)
        await pilot.press("N", *"good", "enter")
        await until(
            pilot, lambda: any(run.note == "good" for run in Leaderboard(scripts).recorded()[1])
        )
        await until(
            pilot, lambda: "good" in str(screen.query_one("#board-detail", Static).render())
        )
        await pilot.press("d", "down", "enter")
        await until(pilot, lambda: len(lines(app)) == 2)
        assert len(list(scripts.runs.iterdir())) == 3
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, TrainScreen))


@pytest.mark.asyncio
async def test_their_columns_are_chosen(scripts: Home) -> None:
    app = WorkbenchApp(scripts)
    async with app.run_test(size=(120, 40)) as pilot:
        await open_scripts(app, pilot)
        await pilot.press("C")
        await until(pilot, lambda: isinstance(app.screen, ColumnsDialog))
        dialog = app.screen
        assert isinstance(dialog, ColumnsDialog)
        assert "metric.val_loss" in dialog.chosen and "config.seed" not in dialog.chosen
        for _ in range(len(dialog._known)):
            if dialog._known[dialog.query_one(OptionList).highlighted or 0][0] in dialog.chosen:
                await pilot.press("space")
            await pilot.press("j")
        assert not dialog.chosen
        await pilot.press("space", "end", "space", "enter")
        await until(pilot, lambda: lines(app)[0].split() == ["Name", "seed"])
        await pilot.press("C", "space", "end", "space", "enter")  # none
        await until(pilot, lambda: "val_loss" in lines(app)[0])


@pytest.mark.asyncio
async def test_their_curves_and_what_differs_between_them(scripts: Home) -> None:
    app = WorkbenchApp(scripts)
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await open_scripts(app, pilot)
        screen._sort_by("metric.val_loss")
        await until(pilot, lambda: "large" in lines(app)[1] and "small" in lines(app)[2])
        await pilot.press("space")
        assert not screen.check_action("difference", ())
        await pilot.press("down", "space")
        overlay = screen.query_one(Overlay)
        legend = overlay.query_one("#legend", SteadyLines)
        await until(pilot, lambda: "● large" in legend.plain and "▲ small" in legend.plain)
        assert "validation loss" in str(overlay.border_title)
        await pilot.press("tab")
        await until(pilot, lambda: "train loss" in str(overlay.border_title))
        await pilot.press("v")
        await until(pilot, lambda: isinstance(app.screen, ReadingDialog))
        said = app.export_screenshot()
        for word in ("lr", "0.1", "0.001", "small", "large"):
            assert word in said
        assert "python" not in said  # the same for both
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is screen)


@pytest.mark.asyncio
async def test_a_script_is_compared_with_the_run_of_a_preset(scripts: Home) -> None:
    app = WorkbenchApp(scripts)
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await open_scripts(app, pilot)
        await pilot.press("space", "right")
        await until(pilot, lambda: "nn-1" in "".join(lines(app)))
        assert not screen.check_action("difference", ())
        await pilot.press("space")
        await until(pilot, lambda: bool(screen.check_action("difference", ())))
        await pilot.press("v")
        await until(pilot, lambda: isinstance(app.screen, ReadingDialog))
        said = app.export_screenshot()
        for word in ("lr", "preset", "nn-1"):
            assert word in said


@pytest.mark.asyncio
async def test_runs_of_presets_are_compared_likewise(home: Home) -> None:
    for row in (0, 3):
        ended_run(home, row=row)
    Leaderboard(home).sync()
    app = WorkbenchApp(home)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("4")
        await until(pilot, lambda: len(lines(app)) == 3)
        await pilot.press("space", "down", "space", "v")
        await until(pilot, lambda: isinstance(app.screen, ReadingDialog))
        said = app.export_screenshot()
        assert "layer&#160;2" in said and "preset" in said and "nn-2" in said


def test_the_number_of_their_tab_is_no_table() -> None:
    from workbench.model.tables import TABLE_NUMBERS

    assert SCRIPTS not in TABLE_NUMBERS
