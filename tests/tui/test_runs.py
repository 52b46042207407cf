"""The screen of runs: what it lists, and what its keys do."""

from __future__ import annotations

import os
import re
import time
from dataclasses import replace
from pathlib import Path

import pytest
from textual.widgets import Input, OptionList

from tests.support import LivingRun, ended_run, made_run, until
from workbench.formats import clock, moment
from workbench.leaderboard.store import Leaderboard
from workbench.model.tables import paper_table
from workbench.runs import control
from workbench.runs.folder import RunFolder
from workbench.runs.record import LaunchedFrom
from workbench.runs.summary import RunSummary, summarise
from workbench.runs.watchlist import WatchedRun, Watchlist
from workbench.settings import Home
from workbench.tui.app import WorkbenchApp
from workbench.tui.screens.palette import named_actions
from workbench.tui.screens.runs import COLUMNS, RunsScreen, model_text, origin_text, progress_text
from workbench.tui.widgets.bars import Hints, TitleBar
from workbench.tui.widgets.row_list import FilterLine, RowList


def shown(app: WorkbenchApp) -> list[str]:
    """The list's lines as text, without the heading."""
    listing = app.screen.query_one(RowList)
    lines = [listing.render_line(y).text.rstrip() for y in range(listing.size.height)]
    return [line for line in lines[1:] if line]


def ids(app: WorkbenchApp) -> list[str]:
    screen = app.screen
    assert isinstance(screen, RunsScreen)
    return [run.run_id for run in screen.query_one(RowList).rows]


def has_line(app: WorkbenchApp, *words: str) -> bool:
    return any(all(word in line for word in words) for line in shown(app))


@pytest.mark.asyncio
async def test_a_home_without_runs_says_what_to_do(home: Home) -> None:
    app = WorkbenchApp(home)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("3")
        await until(pilot, lambda: has_line(app, "No runs yet. Press t on a model to train it."))
        for key in ("enter", "p", "s", "r", "d", "X", "space"):
            await pilot.press(key)
        assert isinstance(app.screen, RunsScreen)


@pytest.mark.asyncio
async def test_living_runs_stand_on_top_and_move(home: Home) -> None:
    ended_run(home, "finished", 0.9712)
    ended_run(home, "stopped", seed=1)
    ended_run(home, None, seed=2)
    app = WorkbenchApp(home)
    async with app.run_test(size=(100, 30)) as pilot:
        await pilot.press("3")
        await until(pilot, lambda: len(shown(app)) == 3)
        assert has_line(app, "✓ finished", "97.12 %")
        assert has_line(app, "■ stopped", "97.00 %", "2/10")
        assert has_line(app, "✗ crashed")
        # Started meanwhile, by another process.
        living = LivingRun(home)
        await until(pilot, lambda: "● training" in shown(app)[0])
        living.train(0.5)
        await until(pilot, lambda: "50 %" in shown(app)[0] and "━" in shown(app)[0])
        assert app.screen.query_one(TitleBar).living == 1
        living.finish(0.9514)
        await until(pilot, lambda: has_line(app, "✓ finished", "95.14 %"))
        await until(pilot, lambda: app.screen.query_one(TitleBar).living == 0)


@pytest.mark.asyncio
async def test_keys_reach_the_worker(home: Home) -> None:
    living = LivingRun(home)
    app = WorkbenchApp(home)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("3")
        await until(pilot, lambda: has_line(app, "●"))
        path = living.folder.path
        await pilot.press("p")
        await until(pilot, lambda: control.requested(path) is control.Command.PAUSE)
        await pilot.press("p")
        await until(pilot, lambda: control.requested(path) is control.Command.RUN)
        await pilot.press("p")
        await until(pilot, lambda: control.requested(path) is control.Command.PAUSE)
        await pilot.press("r")  # as `resume` does
        await until(pilot, lambda: control.requested(path) is control.Command.RUN)
        await pilot.press("d")  # refused while it lives
        assert isinstance(app.screen, RunsScreen)
        await pilot.press("s")
        await until(pilot, lambda: control.requested(path) is control.Command.STOP)
        await pilot.press("X", "escape")
        assert control.requested(path) is control.Command.STOP
    living.die()


@pytest.mark.asyncio
async def test_resume_and_open(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    crashed = ended_run(home, None)
    resumed: list[RunFolder] = []
    opened: list[RunFolder] = []
    monkeypatch.setattr("workbench.runs.service.take_up", resumed.append)
    app = WorkbenchApp(home)
    monkeypatch.setattr(app, "open_run", opened.append)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("3")
        await until(pilot, lambda: has_line(app, "crashed"))
        await pilot.press("r")
        await until(pilot, lambda: resumed == [crashed])
        await until(pilot, lambda: app.started == [crashed])  # to be asked about on leaving
        await until(pilot, lambda: has_line(app, "crashed"))
        await pilot.press("enter")
        assert opened == [crashed]


@pytest.mark.asyncio
async def test_keys_that_only_write_letters_are_not_offered(home: Home) -> None:
    ended_run(home)
    app = WorkbenchApp(home)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("3", "slash", "question_mark")
        await until(pilot, lambda: app.screen.query_one(FilterLine).text == "?")
        line = str(app.screen.query_one(Hints).render())
        assert "enter keep" in line and "esc all rows" in line and "f1 help" in line
        assert "/ filter" not in line and "q quit" not in line
        names = [command.keys for command in named_actions(app, app.screen)]
        assert ("/",) not in names and ("f1",) in names


@pytest.mark.asyncio
async def test_only_keys_that_can_act_on_the_chosen_runs_are_offered(home: Home) -> None:
    ended_run(home, "stopped", seed=1)
    ended_run(home, "finished")
    living = LivingRun(home)
    app = WorkbenchApp(home)

    def offered() -> list[str]:
        words = str(app.screen.query_one(Hints).render())
        keys = ("p pause", "s stop", "r resume", "d delete", "X kill")
        return [key[0] for key in keys if key in words]

    async with app.run_test(size=(120, 24)) as pilot:
        await pilot.press("3")
        await until(pilot, lambda: len(shown(app)) == 3 and offered() == ["p", "s", "r", "X"])
        places = {line.split()[1]: place for place, line in enumerate(shown(app))}
        await pilot.press(*["j"] * places["finished"])
        await until(pilot, lambda: offered() == ["d"])
        await pilot.press("home", *["j"] * places["stopped"])
        await until(pilot, lambda: offered() == ["r", "d"])
        await pilot.press("space", "home", "space")  # the stopped one and the living one
        await until(pilot, lambda: offered() == ["p", "s", "r", "d", "X"])
        await pilot.press("escape")
        await until(pilot, lambda: offered() == ["p", "s", "r", "X"])
    living.die()


@pytest.mark.asyncio
async def test_several_are_deleted_once_asked(home: Home) -> None:
    folders = [ended_run(home, seed=seed) for seed in range(3)]
    Leaderboard(home).sync()
    app = WorkbenchApp(home)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("3")
        await until(pilot, lambda: len(shown(app)) == 3)
        await pilot.press("space", "j", "space", "d")
        await pilot.pause()
        assert "2 runs" in str(app.screen.query_one(".question").render())
        await pilot.press("enter")  # the first answer changes nothing
        await pilot.pause()
        assert all(folder.path.exists() for folder in folders)
        await pilot.press("d")
        await pilot.pause()
        app.screen.query_one(OptionList).action_last()
        await pilot.press("enter")
        await until(pilot, lambda: len(shown(app)) == 1)
        assert len(Leaderboard(home).entries()) == 1


@pytest.mark.asyncio
async def test_damaged_and_deleted_folders_are_listed_not_fatal(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    good, bad = ended_run(home), ended_run(home, seed=1)
    bad.spec_file.write_text("{")
    (home.runs / "stray.txt").write_text("no run")
    app = WorkbenchApp(home)
    monkeypatch.setattr(app, "open_run", lambda folder: None)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("3")
        await until(pilot, lambda: len(shown(app)) == 2)
        assert has_line(app, "? damaged", bad.run_id)
        await pilot.press("k", "k", "enter", "r", "down", "enter")
        await pilot.pause()
        for file in good.path.iterdir():
            file.unlink()
        good.path.rmdir()
        await until(pilot, lambda: len(shown(app)) == 1)


@pytest.mark.asyncio
async def test_filter_says_its_fault_as_one_types(home: Home) -> None:
    ended_run(home, accuracy=0.95)
    ended_run(home, accuracy=0.98, seed=1)
    app = WorkbenchApp(home)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("3")
        await until(pilot, lambda: len(shown(app)) == 2)
        await pilot.press("slash")
        line = app.screen.query_one("FilterLine Input", Input)
        line.value = "acc>97"
        await until(pilot, lambda: len(shown(app)) == 1)
        line.value = "acc>many"
        fault = app.screen.query_one("FilterLine #fault")
        await until(pilot, lambda: fault.display)
        assert "an accuracy such as" in str(fault.render())
        assert len(shown(app)) == 1  # the last filter that was understood holds
        await pilot.press("escape")
        await until(pilot, lambda: len(shown(app)) == 2)
        assert app.focused is app.screen.query_one(RowList)


@pytest.mark.asyncio
async def test_filter_finds_what_the_columns_show(home: Home) -> None:
    ended = ended_run(home)
    living = LivingRun(home, by="app", seed=1)
    broken = ended_run(home, seed=2)
    broken.spec_file.write_text("{")
    app = WorkbenchApp(home)
    async with app.run_test(size=(120, 24)) as pilot:
        await pilot.press("3")
        await until(pilot, lambda: len(shown(app)) == 3)
        for text, found in (
            (ended.run_id[:4], [ended]),
            (f"run={ended.run_id[:4]}", [ended]),
            ("training", [living.folder]),
            ("status=training", [living.folder]),
            ("app", [living.folder]),
            ("status=damaged", [broken]),
            (broken.run_id[:4], [broken]),
            ("damaged seed=2", []),
            ("acc>0", [ended]),
        ):
            app.screen.query_one(FilterLine).set_text(text)
            await until(pilot, lambda found=found: ids(app) == [one.run_id for one in found])
    living.die()


@pytest.mark.parametrize("width", [54, 74, 114, 194])
def test_columns_fit_and_what_matters_first_goes_last(width: int) -> None:
    from workbench.leaderboard.table import GAP, fitted

    columns = fitted(COLUMNS, width)
    total = sum(width for _, width in columns) + GAP * (len(columns) - 1)
    assert total <= width
    shown = {one.key for one, _ in columns}
    assert {"state", "model", "progress", "time"} <= shown
    assert {"settings", "seed"} <= shown or width < 74  # 80 columns of a window
    assert {"when", "tags", "run"} <= shown or width < 114


def test_words_of_a_line() -> None:
    assert clock(161) == "2:41"
    assert clock(3723) == "1:02:03"
    assert moment(time.time()) == time.strftime("%H:%M")
    assert moment(0.0) == time.strftime("%Y-%m-%d", time.localtime(0))
    ssh = LaunchedFrom(by="app", terminal="/dev/pts/3", ssh=True)
    assert origin_text(ssh, 20) == "app ssh pts/3"
    assert origin_text(ssh, 9) == "app ssh"
    assert origin_text(LaunchedFrom(terminal="/dev/pts/0"), 9) == "terminal"


def test_ended_runs_are_read_once(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    folders = [ended_run(home, seed=seed) for seed in range(5)]
    watchlist = Watchlist(home)
    watchlist.look()
    assert watchlist.unread == 5
    watchlist.read_more(seconds=10)
    assert len(watchlist.runs) == 5
    read: list[Path] = []

    def noted(folder: RunFolder) -> RunSummary:
        read.append(folder.path)
        return summarise(folder)

    monkeypatch.setattr("workbench.runs.watchlist.summary_of", noted)
    for _ in range(3):
        watchlist.look()
    assert read == []
    os.utime(folders[2].path)  # labelled, or so it seems
    watchlist.look()
    watchlist.look()
    assert read == [folders[2].path]


def test_a_resumed_run_is_noticed(home: Home) -> None:
    living = LivingRun(home)
    living.train(0.2)
    living.die()
    watchlist = Watchlist(home)
    watchlist.look()
    watchlist.read_more()
    assert [run.state.alive for run in watchlist.runs] == [False]
    from workbench.runs import lock
    from workbench.runs.events import Preparing
    from workbench.runs.log import EventWriter

    held = lock.acquire(living.folder.lock_file)
    writer = EventWriter(living.folder.events_file)
    writer.write(Preparing(time.time(), "starting the worker"))
    watchlist.look()
    watchlist.look()
    assert [run.state.alive for run in watchlist.runs] == [True]
    writer.close()
    assert held is not None
    os.close(held)


@pytest.mark.parametrize("width", [17, 22, 30, 44])
def test_bars_are_of_one_length_and_stand_in_one_place(home: Home, width: int) -> None:
    living = LivingRun(home)
    watched = Watchlist(home)
    watched.look()
    run = watched.living[0]
    assert isinstance(run.summary, RunSummary)
    bars = set()
    for epochs, accuracy, step in ((10, None, 0), (300, 0.98, 9_000), (5000, 0.1135, 18_749)):
        update = {"epochs": epochs, "test_accuracy": accuracy}
        long = replace(run, summary=run.summary.model_copy(update=update), step=step)
        text = "".join(piece[0] for piece in progress_text(long, width))
        assert len(text) <= width and text.endswith(" %")
        bars.add((re.search("[━╸─]+", text) or pytest.fail(text)).span())
    assert len(bars) == 1
    living.die()


def test_a_run_on_few_images_is_marked_before_anything_is_cut(home: Home) -> None:
    spec = paper_table(3).rows[0].spec()
    few = spec.model_copy(update={"dataset": spec.dataset.model_copy(update={"train_limit": 3000})})
    folder = made_run(home, few)
    summary = summarise(folder)
    run = WatchedRun(folder, summary=summary)
    say = {column.key: column.say for column in COLUMNS if column.say}
    for width in (9, 13, 18):
        model = say["model"](run, width)
        assert "".join(text for text, _ in model).endswith(" (3k)")
        assert sum(len(text) for text, _ in model) <= width
    for width, first in ((15, "3k "), (32, "3,000 images"), (58, "3,000 images")):
        assert str(say["settings"](run, width)).startswith(first)
    assert model_text(summarise(ended_run(home)), 9) == "nn-1"


@pytest.mark.asyncio
async def test_runs_are_sorted_by_keys_and_by_a_click_on_a_heading(home: Home) -> None:
    runs = [ended_run(home, accuracy=accuracy, seed=seed) for seed, accuracy in
            ((2, 0.95), (0, 0.97), (1, 0.96))]  # fmt: skip
    broken = ended_run(home, seed=3)
    broken.spec_file.write_text("{")
    by_accuracy, by_seed = [runs[1], runs[2], runs[0], broken], [runs[1], runs[2], runs[0], broken]

    def are(expected: list[RunFolder]) -> bool:
        return ids(app) == [folder.run_id for folder in expected]

    app = WorkbenchApp(home)
    async with app.run_test(size=(120, 24)) as pilot:
        await pilot.press("3")
        await until(pilot, lambda: len(ids(app)) == 4)
        start = ids(app)
        listing = app.screen.query_one(RowList)
        seed_at = listing.column_region("seed")[0]
        await pilot.click(RowList, offset=(seed_at, 0))
        await until(pilot, lambda: are(by_seed))
        assert listing.sorted_by == "seed" and "See↑" in listing.render_line(0).text
        await pilot.click(RowList, offset=(seed_at, 0))
        await until(pilot, lambda: are([runs[0], runs[2], runs[1], broken]))
        await pilot.click(RowList, offset=(seed_at, 0))
        await until(pilot, lambda: listing.sorted_by == "" and ids(app) == start)
        accuracy_at = listing.column_region("progress")[0]
        await pilot.click(RowList, offset=(accuracy_at, 0))
        await until(pilot, lambda: are(by_accuracy))  # the best first
        await pilot.press("R")
        await until(pilot, lambda: are([runs[0], runs[2], runs[1], broken]))
        while listing.sorted_by:
            await pilot.press(">")
        assert ids(app) == start
        for _ in COLUMNS:  # none of them fails on any run
            await pilot.press("<")
            assert len(ids(app)) == 4
