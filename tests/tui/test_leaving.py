"""Starting a training and leaving: nothing waits for the disk, nothing is lost unasked."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

import pytest
from textual.app import ComposeResult
from textual.css.query import NoMatches
from textual.pilot import Pilot
from textual.widgets import Input, OptionList, Static

from tests.support import LivingRun, until
from workbench.errors import EnvironmentProblem
from workbench.model.preset import find_preset, own_preset_files
from workbench.model.spec import TrainingSpec
from workbench.queue import service
from workbench.queue.planning import PlannedTrial
from workbench.queue.store import QueueStore
from workbench.runs import control, lock
from workbench.runs import service as runs
from workbench.runs.folder import RunFolder, create_run
from workbench.runs.plan import Plan, specs_for
from workbench.runs.record import Labels
from workbench.runs.status import Status
from workbench.settings import Home
from workbench.tui.app import LEAVING, WorkbenchApp
from workbench.tui.screens.base import WorkbenchScreen, unless_left
from workbench.tui.screens.compose.screen import ComposeScreen
from workbench.tui.screens.dialog import ChoiceDialog, TextDialog
from workbench.tui.screens.train.screen import TrainScreen


class ComposeApp(WorkbenchApp):
    """Opens on Compose."""

    DEFAULT_MODE: ClassVar[str] = "compose"


async def change_a_model(app: WorkbenchApp, pilot: Pilot[None]) -> ComposeScreen:
    """Leave Compose with NN model 1 less its first layer."""
    await until(pilot, lambda: isinstance(app.screen, ComposeScreen))
    screen = app.screen
    assert isinstance(screen, ComposeScreen)
    screen.start_from(find_preset("nn-1", app.home))
    await pilot.press("d")
    await until(pilot, lambda: screen.unsaved)
    return screen


def question(app: WorkbenchApp) -> str:
    return str(app.screen.query_one(".question", Static).content)


def answers(app: WorkbenchApp) -> list[str]:
    return [str(option.prompt) for option in app.screen.query_one(OptionList).options]


@pytest.mark.asyncio
async def test_unsaved_work_is_asked_about(home: Home) -> None:
    app = ComposeApp(home)
    async with app.run_test(size=(80, 24)) as pilot:
        await change_a_model(app, pilot)
        await pilot.press("1")
        await until(pilot, lambda: app.current_mode == "models")
        await pilot.press("q")
        await until(pilot, lambda: app.screen.id == LEAVING)
        assert "changes of NN model 1 in Compose are not saved" in question(app)
        assert answers(app) == ["Save and quit", "Discard them and quit", "Cancel"]
        await pilot.press("escape")
        await until(pilot, lambda: app.screen.id != LEAVING)
        assert not app._exit
        await pilot.press("q")
        await until(pilot, lambda: app.screen.id == LEAVING)
        await pilot.press("j", "enter")
        await until(pilot, lambda: app._exit)
    assert not list(own_preset_files(home))


@pytest.mark.asyncio
async def test_unsaved_work_is_saved_before_leaving(home: Home) -> None:
    app = ComposeApp(home)
    async with app.run_test(size=(80, 24)) as pilot:
        await change_a_model(app, pilot)
        await pilot.press("4")
        await until(pilot, lambda: app.current_mode == "leaderboard")
        await pilot.press("q")
        await until(pilot, lambda: app.screen.id == LEAVING)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, TextDialog))
        await pilot.press("escape")  # thought better of it
        await until(pilot, lambda: isinstance(app.screen, ComposeScreen))
        assert not app._exit
        await pilot.press("q")
        await until(pilot, lambda: app.screen.id == LEAVING)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, TextDialog))
        app.screen.query_one(Input).value = "mine"
        await pilot.press("enter")
        await until(pilot, lambda: app._exit)
    assert [path.stem for path in own_preset_files(home)] == ["mine"]


@pytest.mark.asyncio
async def test_one_question_for_trainings_and_unsaved_work(home: Home) -> None:
    run = LivingRun(home, by="app")
    app = ComposeApp(home)
    app.started.append(run.folder)
    async with app.run_test(size=(80, 24)) as pilot:
        await change_a_model(app, pilot)
        await pilot.press("q")
        await until(pilot, lambda: app.screen.id == LEAVING)
        assert "still training" in question(app) and "are not saved" in question(app)
        assert answers(app)[0] == "Save the changes first" and answers(app)[-1] == "Cancel"
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, TextDialog))
        app.screen.query_one(Input).value = "mine"
        await pilot.press("enter")
        await until(pilot, lambda: app.screen.id == LEAVING)  # now about the training alone
        assert "not saved" not in question(app) and "Save the changes first" not in answers(app)
        await pilot.press("j", "enter")
        await until(pilot, lambda: app._exit)
    assert control.requested(run.folder.path) is control.Command.STOP
    run.die()


def drafts(home: Home) -> list[Path]:
    """The files of unsaved work that apps left behind or have open."""
    return list((home.path / "drafts").glob("*.toml"))


@pytest.mark.asyncio
@pytest.mark.parametrize("training", [False, True])
async def test_work_dropped_at_leaving_does_not_come_back(home: Home, training: bool) -> None:
    """Whichever answer drops it: the one about the work alone, or one about the training."""
    app = ComposeApp(home)
    run = LivingRun(home, by="app") if training else None
    if run is not None:
        app.started.append(run.folder)
    async with app.run_test(size=(80, 24)) as pilot:
        await change_a_model(app, pilot)
        await until(pilot, lambda: drafts(home))
        await pilot.press("q")
        await until(pilot, lambda: app.screen.id == LEAVING)
        assert answers(app)[1] == (
            "Leave it training and quit" if training else "Discard them and quit"
        )
        await pilot.press("j", "enter")
        await until(pilot, lambda: app._exit)
    assert not drafts(home)
    if run is not None:
        assert control.requested(run.folder.path) is control.Command.RUN
        run.die()


@pytest.mark.asyncio
async def test_work_stays_where_nobody_dropped_it(home: Home) -> None:
    """Staying keeps it, and so does a terminal that has gone: nothing was asked then."""
    app = ComposeApp(home)
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await change_a_model(app, pilot)
        await until(pilot, lambda: drafts(home))
        last = screen.draft
        await pilot.press("q")
        await until(pilot, lambda: app.screen.id == LEAVING)
        await pilot.press("j", "j", "enter")  # stay here
        await until(pilot, lambda: app.screen is screen)
        assert drafts(home)
        app.leave()
        await until(pilot, lambda: app._exit)
    assert drafts(home)
    again = ComposeApp(home)
    async with again.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: isinstance(again.screen, ComposeScreen))
        returned = again.screen
        assert isinstance(returned, ComposeScreen)
        await until(pilot, lambda: returned.draft == last)


class SlowDisk:
    """A launch that takes as long as the test wants it to."""

    def __init__(self) -> None:
        self.begun, self.go_on = threading.Event(), threading.Event()
        self.times = 0
        self.held: list[int] = []

    def __call__(
        self, home: Home, specs: list[TrainingSpec], labels: Labels, *_: object
    ) -> list[RunFolder]:
        self.times += 1
        self.begun.set()
        assert self.go_on.wait(10)
        folder, descriptor = create_run(home, specs[0], labels, "app")
        self.held.append(descriptor)
        return [folder]


async def on_models(app: WorkbenchApp, pilot: Pilot[None]) -> Callable[[], None]:
    """A function that trains NN model 1."""
    specs = specs_for(app.home, "nn-1", Plan())
    await pilot.pause()
    return lambda: app.train(specs)


@pytest.mark.asyncio
async def test_a_slow_disk_does_not_hold_the_screen(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = SlowDisk()
    monkeypatch.setattr(runs, "launch", disk)
    app = WorkbenchApp(home)
    async with app.run_test(size=(80, 24)) as pilot:
        train = await on_models(app, pilot)
        train()
        await until(pilot, disk.begun.is_set)
        train()  # pressed twice
        await pilot.press("3")
        await until(pilot, lambda: app.current_mode == "runs")
        await pilot.press("q")  # what has just been started would not be asked about yet
        await pilot.pause()
        assert not app._exit and not app.started
        disk.go_on.set()
        await until(pilot, lambda: isinstance(app.screen, TrainScreen))
        assert disk.times == 1 and len(app.started) == 1
        await until(pilot, lambda: app.run_feed.last.living)
        train()  # while that one keeps the cores busy
        await until(pilot, lambda: isinstance(app.screen, ChoiceDialog))
        await pilot.press("j", "enter")
        await until(pilot, lambda: disk.times == 2)
    for descriptor in disk.held:
        os.close(descriptor)


@pytest.mark.asyncio
async def test_a_training_that_cannot_start_is_said(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> list[RunFolder]:
        raise EnvironmentProblem("no space left on device")

    monkeypatch.setattr(runs, "launch", full)
    app = WorkbenchApp(home)
    async with app.run_test(size=(80, 24)) as pilot:
        train = await on_models(app, pilot)
        for _ in range(2):
            train()
            await until(pilot, lambda: not app._starting)
        assert not isinstance(app.screen, TrainScreen) and not app.started
        said = [notice.message for notice in app._notifications]
        assert said and all("no space left" in message for message in said)


def running_queue(home: Home) -> int:
    """A queue of one waiting trial, whose runner's lock is held here."""
    service.enqueue(home, [PlannedTrial(specs_for(home, "nn-1", Plan())[0])], "reproduce")
    held = lock.acquire(QueueStore(home).runner_lock)
    assert held is not None
    return held


@pytest.mark.asyncio
async def test_a_queue_started_here_is_asked_about(home: Home) -> None:
    held = running_queue(home)
    app = WorkbenchApp(home)
    app.queue_started = True
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("q")
        await until(pilot, lambda: app.screen.id == LEAVING)
        assert question(app) == "The queue is still training."
        assert answers(app)[0] == "Leave it training and quit"
        await pilot.press("escape")
        await until(pilot, lambda: app.screen.id != LEAVING)
        assert not app._exit and not QueueStore(home).read().stopping
        await pilot.press("q")
        await until(pilot, lambda: app.screen.id == LEAVING)
        await pilot.press("j", "enter")  # stop and save
        await until(pilot, lambda: app._exit)
    assert QueueStore(home).read().stopping
    os.close(held)


@pytest.mark.asyncio
async def test_a_killed_queue_takes_what_trains_with_it(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed: list[str] = []
    monkeypatch.setattr(control, "kill", lambda folder: killed.append(folder.name))
    held = running_queue(home)
    run = LivingRun(home, by="reproduce")
    with QueueStore(home).change() as state:
        update = {"state": Status.RUNNING, "run_id": run.folder.run_id}
        state.put(state.trials[0].model_copy(update=update))
    app = WorkbenchApp(home)
    app.queue_started = True
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("q")
        await until(pilot, lambda: app.screen.id == LEAVING)
        await pilot.press("j", "j", "enter")
        await until(pilot, lambda: app._exit)
    assert killed == [run.folder.run_id] and QueueStore(home).read().stopping
    run.die()
    os.close(held)


@pytest.mark.asyncio
async def test_a_queue_of_others_or_one_that_has_ended_is_not_asked_about(home: Home) -> None:
    held = running_queue(home)
    others, ended = WorkbenchApp(home), WorkbenchApp(home)
    async with others.run_test(size=(80, 24)) as pilot:
        await pilot.press("q")
        await until(pilot, lambda: others._exit)
    os.close(held)
    ended.queue_started = True
    async with ended.run_test(size=(80, 24)) as pilot:
        await pilot.press("q")
        await until(pilot, lambda: ended._exit)


class Bare(WorkbenchScreen):
    """A screen on which nothing stands."""

    def body(self) -> ComposeResult:
        yield Static()


@pytest.mark.asyncio
async def test_what_comes_after_a_screen_was_left_is_not_shown(home: Home) -> None:
    app = WorkbenchApp(home)
    async with app.run_test() as pilot:
        screen = Bare()
        await app.push_screen(screen)
        with pytest.raises(NoMatches), unless_left(screen):
            screen.query_one("#nothing")
        await pilot.press("escape")
        await until(pilot, lambda: not screen.display)
        with unless_left(screen):
            screen.query_one("#nothing")
