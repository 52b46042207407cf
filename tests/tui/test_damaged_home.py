"""The app outlives everything in its data folder, and says what it could not read."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.runs.test_damaged import JUNK, WRONG_FOLDERS, itself
from tests.support import LivingRun, ended_run, until
from workbench.settings import Home
from workbench.tui.app import WorkbenchApp
from workbench.tui.screens.runs import RunsScreen
from workbench.tui.screens.train.screen import TrainScreen


async def visit_all(app: WorkbenchApp) -> list[str]:
    """Go through all places; what the app said meanwhile."""
    said: list[str] = []
    async with app.run_test(size=(100, 30), notifications=True) as pilot:
        await until(pilot, lambda: app.run_feed.looked)
        said += [note.message for note in app._notifications]
        for key, place in enumerate(app.MODES, start=1):
            await pilot.press(str(key))
            await until(pilot, lambda place=place: app.current_mode == place)
        await pilot.press("3")
        await until(pilot, lambda: isinstance(app.screen, RunsScreen))
        await until(pilot, lambda: app.run_feed.last.listed and not app.run_feed.last.unread)
        await pilot.pause()
        runs = app.run_feed.last.runs
        said += [run.fault for run in runs]
        await pilot.press("enter")
        if runs and not runs[0].fault:
            await until(pilot, lambda: isinstance(app.screen, TrainScreen) and app.screen.status)
            said += [note.message for note in app._notifications]
    return said


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("part", "way"), [("presets", os.mkfifo), *(("runs", way) for way in WRONG_FOLDERS)]
)
async def test_a_folder_that_is_none(home: Home, way: Callable[[Path], None], part: str) -> None:
    (home.path / part).rmdir()
    way(home.path / part)
    said = await visit_all(WorkbenchApp(home))
    assert any(f"{home.path / part}: is no folder" in text for text in said)


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("name", "way"),
    [("control", itself), *(("events.jsonl", way) for way in (itself, os.mkfifo, Path.mkdir))],
)
async def test_a_file_of_a_run_that_is_none(
    home: Home, way: Callable[[Path], None], name: str
) -> None:
    run = ended_run(home)
    (run.path / name).unlink(missing_ok=True)
    way(run.path / name)
    said = await visit_all(WorkbenchApp(home))
    if name == "events.jsonl":
        assert any(str(run.events_file) in text for text in said)


@pytest.mark.asyncio
@pytest.mark.parametrize("living", [True, False])
async def test_a_log_with_junk_in_it(home: Home, living: bool) -> None:
    wrong = b'{"event":"batch","time":{},"epoch":[],"step":{},"steps":1,"loss":{},"accuracy":{}}'
    holder = LivingRun(home) if living else None
    folder = holder.folder if holder else ended_run(home)
    with folder.events_file.open("ab") as log:
        log.write(b"".join(line + b"\n" for line in [*JUNK, wrong]))
    said = await visit_all(WorkbenchApp(home))
    assert any(f"run {folder.run_id}: {len(JUNK) + 1} lines" in text for text in said)
    if holder:
        holder.die()


@pytest.mark.asyncio
async def test_a_log_that_goes_while_it_is_shown(home: Home) -> None:
    folder = ended_run(home)
    app = WorkbenchApp(home)
    async with app.run_test(size=(100, 30)) as pilot:
        app.open_run(folder)
        await until(pilot, lambda: isinstance(app.screen, TrainScreen) and app.screen.status)
        folder.events_file.unlink()
        os.mkfifo(folder.events_file)
        notice = app.screen.query_one("#run-notice")
        said = lambda: " ".join(notice.render_line(y).text.strip() for y in range(4))  # noqa: E731
        await until(pilot, lambda: "is no regular file" in said())
