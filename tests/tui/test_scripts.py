"""Runs of scripts of the user's own, on Runs and on Train."""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from textual.widgets import Log

import workbench
from tests.support import until
from workbench.runs import logger, service
from workbench.runs.execution import execute
from workbench.runs.folder import find_run
from workbench.runs.logger import Run
from workbench.runs.record import Labels, ScriptRecord
from workbench.settings import Home
from workbench.tui.app import WorkbenchApp
from workbench.tui.screens.curves import CurvePlot
from workbench.tui.screens.runs import RunsScreen
from workbench.tui.screens.train.screen import TrainScreen
from workbench.tui.widgets.steady_lines import SteadyLines


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setenv("MNIST_WORKBENCH_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(logger, "SECONDS_A_POINT", 0.0)
    return Home(tmp_path / "home")


@pytest.fixture
def run(home: Home) -> Iterator[Run]:
    with workbench.start("resnet \x1b[2J", config={"lr": 3e-4}, epochs=10) as run:
        for _ in range(3):
            for step in range(1, 11):
                run.log(step=step, loss=1 / step, accuracy=0.5, **{"grad/norm": -3.0 + step})
            run.end_epoch(val_loss=0.25, val_accuracy=0.75)
        yield run


def text(screen: TrainScreen, selector: str) -> str:
    return screen.query_one(selector, SteadyLines).plain


async def opened(app: WorkbenchApp, pilot, run: Run) -> TrainScreen:  # type: ignore[no-untyped-def]
    screen = TrainScreen(find_run(app.home, run.run_id))
    app.push_screen(screen)
    await until(pilot, lambda: screen.is_mounted and screen.status is not None)
    await until(pilot, lambda: "loss" in text(screen, "#run-now"))
    return screen


@pytest.mark.asyncio
async def test_its_metrics_are_shown_and_chosen_by_a_key(home: Home, run: Run) -> None:
    app = WorkbenchApp(home)
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await opened(app, pilot, run)
        now = text(screen, "#run-now")
        assert "accuracy" in now and "val   75.00 %" in now and "grad/norm" in now
        assert "paper" not in now and "test" not in now
        head = text(screen, "#run-head")
        assert r"resnet \x1b[2J" in head and "lr 0.0003" in head and "epoch 4/10" in head
        upper, lower = screen.query(CurvePlot)
        assert "loss" in str(upper.border_title) and "accuracy %" in str(lower.border_title)
        assert "validation" in str(upper.border_subtitle)
        await pilot.press("m")
        await until(pilot, lambda: "grad/norm" in str(lower.border_title))
        await pilot.press("left")
        await until(pilot, lambda: "step" in str(screen.query_one("#run-side").border_title))
        epochs = text(screen, "#run-epochs")
        assert "val_accuracy" in epochs and "75.00 %" in epochs
        # What belongs to presets alone is absent.
        for action in ("again", "confusion", "errors", "board"):
            assert not screen.check_action(action, ())
        run.finish()
        await until(pilot, lambda: screen.status is not None and not screen.status.alive)
        assert not screen.check_action("resume", ()) and not screen.check_action("board", ())


@pytest.mark.asyncio
async def test_one_metric_takes_one_plot_and_an_unknown_length_no_bar(home: Home) -> None:
    with workbench.start("loop") as run:
        for step in range(1, 30):
            run.log(step=step, loss=math.exp(-step))
        app = WorkbenchApp(home)
        async with app.run_test(size=(120, 40)) as pilot:
            screen = await opened(app, pilot, run)
            await until(pilot, lambda: not screen.query_one("#loss").display)
            assert "step 29" in text(screen, "#run-progress")
            assert "%" not in text(screen, "#run-progress")


@pytest.mark.asyncio
async def test_runs_lists_it_by_its_name_and_result(home: Home, run: Run) -> None:
    run.finish()
    app = WorkbenchApp(home)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("3")
        await until(pilot, lambda: isinstance(app.screen, RunsScreen))

        def shown() -> str:
            lines = app.screen._compositor.render_strips()
            return "\n".join(strip.text for strip in lines)

        await until(pilot, lambda: "val_accuracy 75.0" in shown())
        assert "Test accuracy" not in shown()  # it is none
        assert r"resnet \x1" in shown() and "\x1b" not in shown() and "finished" in shown()
        assert "lr 0.0003" in shown() and "seed" not in shown().splitlines()[-3]


def test_what_a_script_does_not_say_is_read_as_nothing(home: Home) -> None:
    with workbench.start() as run:
        pass
    record = find_run(home, run.run_id).record
    assert isinstance(record, ScriptRecord) and record.script.epochs == 0


@pytest.mark.asyncio
async def test_a_command_without_metrics_shows_its_time_its_log_and_what_it_takes(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    busy = [sys.executable, "-c", "print('at work', flush=True)\nwhile True: pass"]
    folder = execute(home, busy, Labels())
    try:
        app = WorkbenchApp(home)
        async with app.run_test(size=(120, 40)) as pilot:
            screen = TrainScreen(folder)
            await app.push_screen(screen)
            await until(pilot, lambda: "logged no metric" in text(screen, "#run-notice"))
            await until(pilot, lambda: "elapsed    0:00" not in text(screen, "#run-progress"))
            pattern = re.compile(r"cpu +(\d+) %")

            def cpu() -> int:
                found = pattern.search(text(screen, "#run-machine"))
                return int(found[1]) if found else 0

            await until(pilot, lambda: cpu() > 5)  # of the command, and not of who waits for it
            await pilot.press("l")
            await until(pilot, lambda: "at work" in str(app.screen.query_one(Log).lines))
    finally:
        service.kill(folder)
