"""What is said at once: a run that ends, the terminal's title, what trains on when one leaves."""

from __future__ import annotations

import pytest
from textual.command import CommandPalette
from textual.widgets import OptionList

from tests.support import LivingRun, ended_run, until
from workbench.runs.folder import RunFolder
from workbench.runs.watchlist import WatchedRun, read_run
from workbench.settings import Home
from workbench.tui.app import WorkbenchApp
from workbench.tui.run_feed import severity, title_words, words_of
from workbench.tui.screens.leave import farewell
from workbench.tui.screens.models.screen import ModelList
from workbench.tui.screens.palette import HelpScreen
from workbench.tui.screens.train.screen import TrainScreen


def said(app: WorkbenchApp) -> list[str]:
    return [notice.message for notice in app._notifications]


@pytest.mark.asyncio
async def test_a_run_that_ends_says_so_on_any_screen_but_its_own(home: Home) -> None:
    living, watched = LivingRun(home), LivingRun(home, seed=1)
    app = WorkbenchApp(home)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: len(app.run_feed.last.living) == 2)
        assert said(app) == []
        living.finish(0.9525)
        await until(pilot, lambda: said(app) == ["nn-1 finished: 95.25 %, paper +0.11"])
        app.open_run(watched.folder)
        await until(pilot, lambda: isinstance(app.screen, TrainScreen))
        watched.finish(0.9)
        await until(pilot, lambda: not app.run_feed.last.living)
        await pilot.pause()
        assert len(said(app)) == 1, "its own screen shows it"


@pytest.mark.asyncio
async def test_of_many_that_end_at_once_three_are_told(home: Home) -> None:
    living = [LivingRun(home, seed=seed) for seed in range(5)]
    app = WorkbenchApp(home)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: len(app.run_feed.last.living) == 5)
        # One look finds all of them: it is kept waiting.
        with app.run_feed._watchlist._guard:
            for run in living:
                run.finish()
        await until(pilot, lambda: said(app) and said(app)[-1].endswith("have ended."))
        assert len(said(app)) == 4 and said(app)[-1] == "2 more runs have ended."


@pytest.mark.parametrize(
    ("ending", "accuracy", "words", "loud"),
    [
        ("finished", 0.1135, "nn-1 collapsed: 11.35 %, one class for every image", "warning"),
        ("stopped", 0.9, "nn-1 stopped after 2 of 10 epochs", "information"),
        (None, 0.9, "nn-1 crashed after 2 of 10 epochs", "error"),
    ],
)
def test_how_else_a_run_ends(
    home: Home, ending: str | None, accuracy: float, words: str, loud: str
) -> None:
    run = read_run(ended_run(home, ending, accuracy))
    assert (words_of(run), severity(run)) == (words, loud)


def test_the_title_tells_how_far_it_is_and_no_more(home: Home) -> None:
    assert title_words(()) == "mnist-workbench"
    run = WatchedRun(RunFolder(home.runs / "k7qd-cnn-2"), step=424, planned_steps=1000)
    assert title_words((run,)) == "42 % k7qd-cnn-2 · mnist-workbench"
    bit = WatchedRun(run.folder, step=421, planned_steps=1000)
    assert title_words((bit,)) == title_words((run,)), "few changes, few bytes"
    assert title_words((run, run)) == "42 % of 2 runs · mnist-workbench"


def test_a_name_from_outside_cannot_end_the_title(home: Home) -> None:
    run = WatchedRun(RunFolder(home.runs / "a\x07\x1b]0;b"))
    assert "\x07" not in title_words((run,)) and "\x1b" not in title_words((run,))


@pytest.mark.asyncio
async def test_on_leaving_it_is_said_how_to_follow_what_trains(home: Home) -> None:
    living = LivingRun(home)
    app = WorkbenchApp(home)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: app.run_feed.last.living)
        exits: list[object] = []
        app.exit = lambda *_, message=None, **__: exits.append(message)  # type: ignore[method-assign]
        await pilot.press("q")  # another connection's: it is left without asking
        await until(pilot, lambda: exits)
        name = living.folder.run_id
        assert str(exits[0]) == f"Run {name} trains on: mnist-workbench attach {name}"
        app.ask_about(living.folder)
        await pilot.press("q", "j", "enter")  # stop and save: it is about to end
        await until(pilot, lambda: len(exits) == 2)
        assert not exits[1]
    living.die()
    many = str(farewell([f"run-{number}" for number in range(5)], queue=True)).splitlines()
    assert len(many) == 5
    assert many[3] == "All 5: mnist-workbench runs --status training"
    assert many[4] == "The queue trains on: mnist-workbench queue watch"


@pytest.mark.asyncio
async def test_models_and_runs_are_in_the_palette(home: Home) -> None:
    folder = ended_run(home)
    app = WorkbenchApp(home)

    def found() -> list[str]:
        palette = app.screen
        return [str(option.prompt) for option in palette.query_one(OptionList).options]

    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("4", "ctrl+p")
        await until(pilot, lambda: isinstance(app.screen, CommandPalette))
        await pilot.press(*"model cnn-1.2")
        await until(pilot, lambda: any("cnn-1.2" in line for line in found()))
        await pilot.press("enter")
        await until(pilot, lambda: app.current_mode == "models")
        entry = app.screen.query_one(ModelList).entry
        assert entry is not None and entry.name == "cnn-1.2"
        await pilot.press("question_mark", "ctrl+p")  # from over a dialog too
        await until(pilot, lambda: isinstance(app.screen, CommandPalette))
        await pilot.press(*f"run {folder.run_id[:4]}")
        await until(pilot, lambda: any(folder.run_id in line for line in found()))
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, TrainScreen))
        await pilot.press("Y")
        await until(pilot, lambda: app.clipboard == folder.run_id)


@pytest.mark.asyncio
async def test_a_runs_id_is_copied(home: Home) -> None:
    folder = ended_run(home)
    app = WorkbenchApp(home)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("3", "Y")  # nothing is listed yet, or the run is
        await until(pilot, lambda: getattr(app.screen, "run_here", None))
        await pilot.press("Y")
        await until(pilot, lambda: app.clipboard == folder.run_id)


@pytest.mark.asyncio
async def test_help_has_the_screens_keys_first_and_the_others_under_one_heading(
    home: Home,
) -> None:
    app = WorkbenchApp(home)
    async with app.run_test(size=(100, 60)) as pilot:
        await pilot.press("3", "question_mark")
        await until(pilot, lambda: isinstance(app.screen, HelpScreen))
        shown = app.export_screenshot().replace("&#160;", " ")
        order = ["Open the run", "Copy the run", "Everywhere", "Go to Models", "ctrl+t", "ctrl+p"]
        places = [shown.index(words) for words in order]
        assert places == sorted(places)
        assert "^t" not in shown and "⏎" not in shown
