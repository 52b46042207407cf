"""From `t` to the first point: `python -m tests.benchmarks.first_point [ROUNDS] [PRESET...]`.

For each preset, by turns: a standby worker that is warm, one that has also compiled the training
ahead, and the app itself, headless, with the key pressed on the model under its cursor. Told are
the medians of the seconds until the first chunk stands in the run's log, and in the app until the
first point is drawn. The aim is one second. All is slower on a busy machine, so the load is told.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from workbench.model.spec import TrainingSpec
from workbench.runs import lock
from workbench.runs.control import Command, request
from workbench.runs.events import Batch
from workbench.runs.folder import RunFolder
from workbench.runs.log import EventReader
from workbench.runs.plan import Plan, specs_for
from workbench.runs.record import Labels
from workbench.runs.service import launch
from workbench.runs.standby import Standby
from workbench.settings import Home
from workbench.tui.app import WorkbenchApp
from workbench.tui.plotting import Role
from workbench.tui.screens.curves import CurvePlot
from workbench.tui.screens.models.screen import ModelList, ModelsScreen
from workbench.tui.screens.train.screen import TrainScreen

PRESETS = ("nn-1", "cnn-2", "cnn-2-tuned")
LOOK_SECONDS = 0.002
PATIENCE_SECONDS = 180.0


def main(rounds: int, presets: tuple[str, ...]) -> None:
    """Measure and print."""
    print(f"{rounds} rounds, load of the machine {os.getloadavg()[0]:.1f}; medians in seconds")
    print(f"{'':14}{'warm':>8}{'ahead':>8}{'ratio':>8}{'app: log':>10}{'drawn':>8}")
    for preset in presets:
        figures: list[tuple[float, float, float, float]] = []
        for _ in range(rounds):
            with tempfile.TemporaryDirectory() as place:
                home = Home(Path(place) / "home").ensure()
                spec = specs_for(home, preset, Plan())[0]
                warm, ahead = (headless(home, spec, expected) for expected in (None, spec))
                figures.append((warm, ahead, *asyncio.run(in_app(home, preset))))
        warm, ahead, logged, drawn = (median(column) for column in zip(*figures, strict=True))
        print(
            f"{preset:14}{warm:8.2f}{ahead:8.2f}{ahead / warm:8.2f}{logged:10.2f}{drawn:8.2f}",
            flush=True,
        )


def headless(home: Home, spec: TrainingSpec, expected: TrainingSpec | None) -> float:
    """From the launch to the first chunk in the log."""
    standby = Standby(home)
    standby.start()
    wait(lambda: standby.is_warm)
    if expected is not None:
        standby.expect(expected)
        wait(lambda: standby.is_ready)
    begin = time.perf_counter()
    (folder,) = launch(home, [spec], Labels(), "run", standby)
    reader = EventReader(folder.events_file)
    wait(lambda: has_point(reader))
    took = time.perf_counter() - begin
    end(folder)
    standby.close()
    return took


async def in_app(home: Home, preset: str) -> tuple[float, float]:
    """From the key to the first chunk in the log, and to the first drawn point."""
    standby = Standby(home)
    app = WorkbenchApp(home, lambda _home: standby)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(lambda: isinstance(app.screen, ModelsScreen) and bool(chosen(app)))
        while chosen(app) != preset:
            await pilot.press("down")
        await until(lambda: standby.is_ready)
        begin = time.perf_counter()
        pressing = asyncio.create_task(pilot.press("t"))
        await until(lambda: bool(app.started))
        reader = EventReader(app.started[0].events_file)
        logged = 0.0
        while not drawn(app):
            if not logged and has_point(reader):
                logged = time.perf_counter() - begin
            await asyncio.sleep(LOOK_SECONDS)
        took = time.perf_counter() - begin
        await pressing
        await asyncio.to_thread(end, app.started[0])
    standby.close()
    return logged, took


def chosen(app: WorkbenchApp) -> str:
    """The name of the model under the cursor."""
    entry = app.screen.query_one(ModelList).entry
    return entry.name if entry else ""


def drawn(app: WorkbenchApp) -> bool:
    """Whether a point of the training stands in a plot."""
    if not isinstance(app.screen, TrainScreen):
        return False
    return any(
        role in (Role.TRAIN, Role.TRAIN_RAW)
        for plot in app.screen.query(CurvePlot)
        for line in plot._drawing.lines
        for _, role in line
    )


def has_point(reader: EventReader) -> bool:
    """Whether the first chunk has come to the log since the last look."""
    return any(isinstance(event, Batch) for event in reader.read())


def end(folder: RunFolder) -> None:
    """Stop the run and wait until its worker is gone."""
    request(folder.path, Command.STOP)
    wait(lambda: not lock.is_held(folder.lock_file))


def wait(condition: Callable[[], bool]) -> None:
    """Until it holds."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(LOOK_SECONDS)


async def until(condition: Callable[[], bool]) -> None:
    """Until it holds, with the app going on."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        await asyncio.sleep(LOOK_SECONDS)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3, tuple(sys.argv[2:]) or PRESETS)
