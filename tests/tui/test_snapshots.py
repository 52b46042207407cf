"""Pictures of the four main screens, compared with those kept in `__snapshots__`.

When a picture changes on purpose: `pytest tests/tui/test_snapshots.py --snapshot-update`, and look
at what was kept.
"""

from __future__ import annotations

import asyncio
import itertools
import math
import os
import time
from collections.abc import Awaitable, Callable

import pytest
from textual.pilot import Pilot

from tests.support import until
from workbench.leaderboard.store import Leaderboard
from workbench.model.preset import find_preset
from workbench.runs import folder as run_folder
from workbench.runs.events import Batch, Epoch, Finished, Started
from workbench.runs.folder import RunFolder, create_run
from workbench.runs.log import EventWriter
from workbench.runs.plan import Plan, specs_for
from workbench.runs.record import Labels
from workbench.runs.status import Status
from workbench.settings import Home
from workbench.tui import plotting
from workbench.tui.app import WorkbenchApp
from workbench.tui.screens.compose.screen import ComposeScreen
from workbench.tui.screens.train.screen import TrainScreen
from workbench.tui.widgets.row_list import RowList

MORNING = 1_767_258_000.0  # 2026-01-01, 09:00 UTC
EPOCHS, STEPS = 5, 1000

Compare = Callable[..., bool]
Before = Callable[[Pilot[None]], Awaitable[None]]


@pytest.fixture(autouse=True)
def _same_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a picture shows of the terminal and of new runs is the same on every machine."""
    for name in ("NO_COLOR", "LC_ALL", "LC_CTYPE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {"TERM": "xterm-256color", "COLORTERM": "truecolor", "LANG": "C.UTF-8",
                        "TZ": "UTC"}.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    time.tzset()
    monkeypatch.setattr(plotting.locale, "getencoding", lambda: "UTF-8")  # settled at start-up
    letters = itertools.cycle("k7qd2mvxw9tz")
    monkeypatch.setattr(run_folder.secrets, "choice", lambda _: next(letters))
    monkeypatch.setattr(run_folder.time, "time", lambda: MORNING)


def finished_run(home: Home, seed: int, accuracy: float, tags: tuple[str, ...] = ()) -> RunFolder:
    """A run of CNN model 2 whose curves rise and fall as they do, to `accuracy` at the end."""
    spec = specs_for(home, "cnn-2", Plan(seed=seed))[0]
    folder, lock = create_run(home, spec, Labels(tags=tags), "run")
    writer = EventWriter(folder.events_file)
    now = MORNING
    writer.write(Started(now, 1, 3_309_578, EPOCHS, STEPS, 60_000, False, "CPU"))
    for step in range(25, EPOCHS * STEPS + 1, 25):
        learned = 1 - math.exp(-step / 900)
        wobble = math.sin(step * 0.7) * 0.02 * (1.2 - learned)
        loss = 2.3 * (1 - learned) + 0.09 + wobble
        reached = 0.1 + (accuracy - 0.1) * learned + wobble
        seconds = step / 19.3
        epoch = 1 + (step - 1) // STEPS
        writer.write(Batch(now + seconds, epoch, step, 25, loss, reached, 1158.0, seconds))
        if step % STEPS == 0:
            tested = accuracy - 0.02 * (EPOCHS - epoch)
            writer.write(
                Epoch(now + seconds, epoch, step, loss, reached, loss - 0.01, tested, 1158.0,
                      51.8, seconds)
            )  # fmt: skip
    writer.write(
        Finished(
            now + 259.1,
            epochs_completed=EPOCHS,
            step=EPOCHS * STEPS,
            seconds=259.1,
            images_per_second=1158.0,
            parameters=3_309_578,
            test_loss=0.0871,
            test_accuracy=accuracy,
            best_epoch=EPOCHS,
            best_epoch_test_accuracy=accuracy,
        )
    )
    writer.close()
    os.close(lock)
    return folder


@pytest.fixture
def results(home: Home) -> list[RunFolder]:
    """Three finished runs, on the leaderboard."""
    accuracies = (0.9749, 0.9741, 0.9756)
    runs = [
        finished_run(home, seed, accuracy, ("night",) if seed else ())
        for seed, accuracy in enumerate(accuracies)
    ]
    Leaderboard(home).sync()
    return runs


async def settle(pilot: Pilot[None]) -> None:
    """Wait until nothing moves any more."""
    last, same = "", 0
    while same < 4:
        await asyncio.sleep(0.15)
        await pilot.pause()
        now = pilot.app.export_screenshot()
        same = same + 1 if now == last else 0
        last = now


def test_models(snap_compare: Compare, home: Home, results: list[RunFolder]) -> None:
    async def before(pilot: Pilot[None]) -> None:
        await until(pilot, lambda: "97.49" in pilot.app.export_screenshot())
        await pilot.press(*"jjjjjjj")
        await settle(pilot)

    assert snap_compare(WorkbenchApp(home), terminal_size=(120, 40), run_before=before)


def test_compose(snap_compare: Compare, home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    # On any machine the same estimate of an epoch.
    monkeypatch.setattr("workbench.runs.estimate.multiply_add_rate", lambda: 88e9)

    async def before(pilot: Pilot[None]) -> None:
        await pilot.press("ctrl+t", "2")
        await until(pilot, lambda: isinstance(pilot.app.screen, ComposeScreen))
        screen = pilot.app.screen
        assert isinstance(screen, ComposeScreen)
        screen.start_from(find_preset("cnn-2", home))
        await pilot.press("j", "j", "j", "D")
        await until(pilot, lambda: screen._speeds is not None)
        await settle(pilot)

    assert snap_compare(WorkbenchApp(home), terminal_size=(80, 24), run_before=before)


def test_train(snap_compare: Compare, home: Home, results: list[RunFolder]) -> None:
    app = WorkbenchApp(home)

    async def before(pilot: Pilot[None]) -> None:
        screen = TrainScreen(results[0])
        await app.push_screen(screen)
        await until(pilot, lambda: screen.status is Status.FINISHED)
        await until(pilot, lambda: "result" in app.export_screenshot())
        await settle(pilot)

    assert snap_compare(app, terminal_size=(120, 40), run_before=before)


def test_leaderboard(snap_compare: Compare, home: Home, results: list[RunFolder]) -> None:
    app = WorkbenchApp(home)

    async def before(pilot: Pilot[None]) -> None:
        await pilot.press("ctrl+t", "4")
        await until(pilot, lambda: app.screen.query(RowList) and app.screen.query_one(RowList).key)
        await pilot.press("space", "j", "space", "k")
        await settle(pilot)

    assert snap_compare(app, terminal_size=(120, 40), run_before=before)
