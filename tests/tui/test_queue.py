"""The screen of the queue: what it shows, and what its keys do to the queue on disk."""

from __future__ import annotations

import os
import re
import shutil
import signal
from collections.abc import Iterator

import pytest
from textual.widgets import Input, OptionList, Static

from tests.queue.scripted import wanted
from tests.support import LivingRun, ended_run, until
from workbench.leaderboard.store import Leaderboard
from workbench.model.spec import TrainingSpec
from workbench.model.tables import paper_table
from workbench.queue import service
from workbench.queue.planning import PlannedTrial
from workbench.queue.store import QueueDamaged, QueueStore, Trial
from workbench.runs import control, lock
from workbench.runs.folder import RunFolder, all_runs
from workbench.runs.status import Status
from workbench.settings import Home
from workbench.tui.app import WorkbenchApp
from workbench.tui.screens.dialog import ChoiceDialog
from workbench.tui.screens.queue.adding import AddDialog, SweepDialog
from workbench.tui.screens.queue.screen import QueueScreen
from workbench.tui.screens.train.screen import TrainScreen
from workbench.tui.widgets.bars import Hints, TitleBar
from workbench.tui.widgets.form import Choice
from workbench.tui.widgets.row_list import RowList

TRAINS_LONG = 180.0


class RunnerHere:
    """Stands for a runner's process: holds its lock, and trains nothing."""

    def __init__(self) -> None:
        self.held: list[int] = []

    def hold(self, home: Home) -> None:
        """As a runner that was started in another connection."""
        service.QueueStore(home)._ensure()
        descriptor = lock.acquire(QueueStore(home).runner_lock)
        assert descriptor is not None
        self.held.append(descriptor)

    def started(self, module: str, words: list[str], held: list[int], log: object) -> None:
        """In the place of `start_detached`."""
        self.held += [os.dup(descriptor) for descriptor in held]

    def end(self) -> None:
        """The process is gone."""
        while self.held:
            os.close(self.held.pop())


@pytest.fixture
def runner(monkeypatch: pytest.MonkeyPatch) -> Iterator[RunnerHere]:
    here = RunnerHere()
    monkeypatch.setattr(service, "start_detached", here.started)
    yield here
    here.end()


def lines(app: WorkbenchApp) -> list[str]:
    listing = app.screen.query_one(RowList)
    found = [listing.render_line(y).text.rstrip() for y in range(listing.size.height)]
    return [line for line in found[1:] if line]


def has_line(app: WorkbenchApp, *words: str) -> bool:
    return any(all(word in line for word in words) for line in lines(app))


def headline(app: WorkbenchApp) -> str:
    return str(app.screen.query_one("#queue-headline", Static).content)


def detail(app: WorkbenchApp) -> str:
    return str(app.screen.query_one("#queue-detail", Static).content)


def said(app: WorkbenchApp) -> str:
    return "\n".join(notice.message for notice in app._notifications)


def seeds(home: Home) -> list[int]:
    return [trial.spec.seed for trial in QueueStore(home).read().trials]


def put(home: Home, place: int, **values: object) -> Trial:
    """Write what a runner would have written of a trial."""
    with QueueStore(home).change() as state:
        trial = state.trials[place].model_copy(update=values)
        state.put(trial)
    return trial


@pytest.mark.asyncio
async def test_an_empty_queue_says_what_it_is_for(home: Home) -> None:
    app = WorkbenchApp(home)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("5")
        await until(pilot, lambda: has_line(app, "Press a to train what the paper's tables need."))
        for key in ("enter", "J", "K", "d", "space", "x", "escape"):
            await pilot.press(key)
        await pilot.press("s")
        await until(pilot, lambda: "Nothing in the queue is left to train" in said(app))
        assert isinstance(app.screen, QueueScreen)
        assert not QueueStore(home).runs()


@pytest.mark.asyncio
async def test_what_waits_stands_in_its_order_with_the_papers_accuracy(home: Home) -> None:
    service.enqueue(home, [PlannedTrial(paper_table(3).rows[0].spec(), "Table 3")], "reproduce")
    service.enqueue(home, [PlannedTrial(paper_table(7).rows[3].spec(), "Table 7.4")], "reproduce")
    app = WorkbenchApp(home)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("5")
        await until(pilot, lambda: len(lines(app)) == 2)
        assert has_line(app, "○ waiting", "3 ", "nn-1 SGD 0.01", "95.14")
        assert has_line(app, "○ waiting", "7.4", "cnn-2", "98.38")
        assert headline(app).startswith("not started, 2 to train; s starts · about ")
        assert headline(app).endswith("(rough: 2 of a kind new here)")
        assert "Table 3: NN model 1, SGD 0.01, batch 32, 10 epochs, seed 0" in detail(app)
        assert "the next to train" in detail(app)
        hints = str(app.screen.query_one(Hints).render())
        assert "s start/stop" in hints and "a add" in hints and "d drop" in hints
        # Filled meanwhile in another connection.
        service.enqueue(home, wanted(5), "sweep")
        await until(pilot, lambda: has_line(app, "seed 5", "nn-1"))


@pytest.mark.asyncio
@pytest.mark.parametrize("width", [80, 120])
async def test_a_training_moves_and_ends_beside_the_paper(
    home: Home, runner: RunnerHere, width: int
) -> None:
    service.enqueue(home, wanted(1, 0, 2), "sweep")
    living = LivingRun(home)
    put(home, 1, state=Status.RUNNING, run_id=living.folder.run_id)
    runner.hold(home)
    app = WorkbenchApp(home)
    async with app.run_test(size=(width, 40)) as pilot:
        await pilot.press("5")
        await until(pilot, lambda: has_line(app, "●"))
        assert app.screen.query_one(RowList).cursor == 1  # on what trains
        for share in (0.3, 0.4, 0.5):
            living.train(share)
        await until(pilot, lambda: has_line(app, "●", "50 %", "95.14"))
        assert has_line(app, "● training", "━━", "50 %") is (width == 120)
        assert headline(app).startswith("0 of 3 done · about ")
        assert " left, until " in headline(app)
        assert "rough" not in headline(app)  # what trains tells the time of its like
        assert any(re.search(r" \d:\d\d left", line) for line in lines(app))
        await pilot.press("d")
        await until(pilot, lambda: "enter opens its run, s stops it there" in said(app))
        assert len(seeds(home)) == 3
        living.finish(0.9524)
        Leaderboard(home).sync()
        put(home, 1, state=Status.FINISHED)
        await until(pilot, lambda: has_line(app, "✓ finished", "95.24", "95.14", "1:00"))
        assert "95.24 %, paper 95.14 %: +0.10" in detail(app)
        assert headline(app).startswith("1 of 3 done")


@pytest.mark.asyncio
async def test_waiting_trials_are_moved_and_the_cursor_with_them(home: Home) -> None:
    service.enqueue(home, wanted(0, 1, 2, 3), "sweep")
    app = WorkbenchApp(home)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("5")
        await until(pilot, lambda: len(lines(app)) == 4)
        await pilot.press("J", "J")  # faster than the screen looks
        await until(pilot, lambda: seeds(home) == [1, 2, 0, 3])
        await until(pilot, lambda: app.screen.query_one(RowList).cursor == 2)
        await pilot.press("K")
        await until(pilot, lambda: seeds(home) == [1, 0, 2, 3])
        await until(pilot, lambda: "number 2 of the waiting" in detail(app))
        await pilot.press("home", "K")  # the first one stays where it is
        await pilot.press("J")
        await until(pilot, lambda: seeds(home) == [0, 1, 2, 3])
        put(home, 0, state=Status.FINISHED)
        await pilot.press("home", "J")
        await until(pilot, lambda: "only waiting trials can be moved" in said(app))


@pytest.mark.asyncio
async def test_one_is_dropped_at_once_several_when_asked(home: Home) -> None:
    service.enqueue(home, wanted(0, 1, 2, 3), "sweep")
    app = WorkbenchApp(home)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("5")
        await until(pilot, lambda: len(lines(app)) == 4)
        await pilot.press("d")
        await until(pilot, lambda: seeds(home) == [1, 2, 3])
        await until(pilot, lambda: len(lines(app)) == 3)
        await pilot.press("space", "j", "space")
        assert "2 selected" in str(app.screen.query_one("#queue-panel").border_subtitle)
        await pilot.press("d")
        await until(pilot, lambda: isinstance(app.screen, ChoiceDialog))
        await pilot.press("enter")  # the first answer changes nothing
        await until(pilot, lambda: isinstance(app.screen, QueueScreen))
        assert seeds(home) == [1, 2, 3]
        await pilot.press("d")
        await until(pilot, lambda: isinstance(app.screen, ChoiceDialog))
        app.screen.query_one(OptionList).action_last()
        await pilot.press("enter")
        await until(pilot, lambda: seeds(home) == [3])
        await until(pilot, lambda: len(lines(app)) == 1)
        put(home, 0, state=Status.FAILED, message="out of memory")
        await until(pilot, lambda: "1 failed" in headline(app))
        assert "s tries again" in headline(app) and "failed: out of memory" in detail(app)
        await pilot.press("x")
        await until(pilot, lambda: has_line(app, "The queue is empty"))


@pytest.mark.asyncio
async def test_s_starts_stops_and_lets_a_stopping_one_go_on(home: Home, runner: RunnerHere) -> None:
    service.enqueue(home, wanted(0, 1), "sweep")
    put(home, 0, state=Status.FAILED, message="the disk was full")
    store = QueueStore(home)
    app = WorkbenchApp(home)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("5")
        await until(pilot, lambda: has_line(app, "✗ failed"))
        await pilot.press("s")
        await until(pilot, lambda: store.runs() and headline(app).startswith("0 of 2 done"))
        assert app.queue_started
        assert [trial.state for trial in store.read().trials] == [Status.WAITING] * 2
        with store.change() as state:
            state.message = "no space left on the device"
        await until(pilot, lambda: headline(app).startswith("waiting: no space left on the device"))
        await pilot.press("s")
        await until(pilot, lambda: headline(app).startswith("stopping: saving what trains"))
        assert store.read().stopping and not app.queue_started
        await pilot.press("s")
        await until(pilot, lambda: not store.read().stopping)
        await until(pilot, lambda: "The queue goes on." in said(app))
        assert app.queue_started
        put(home, 0, state=Status.RUNNING, run_id="gone")
        runner.end()  # killed in the midst, its last message is still there
        gone = "the queue's process is gone, 2 to train; s resumes"
        await until(pilot, lambda: headline(app).startswith(gone))
        assert has_line(app, "✗ crashed")
        await pilot.press("home")
        assert "crashed: nobody trains it now" in detail(app)


@pytest.mark.asyncio
async def test_tables_are_added_by_a_dialog(home: Home, runner: RunnerHere) -> None:
    ended_run(home)  # NN model 1, seed 0: there already
    app = WorkbenchApp(home)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("5", "a")
        await until(pilot, lambda: isinstance(app.screen, AddDialog))

        def plan() -> str:
            return str(app.screen.query_one("#plan", Static).content)

        await until(pilot, lambda: plan().startswith("24 rows, 20 trainings: 1 trained already"))
        await pilot.press("3", "6", "7", "8", "9", "enter")
        assert isinstance(app.screen, AddDialog)
        error = app.screen.query_one("#error-tables", Static)
        assert str(error.content) == "✗ choose one at least"
        await pilot.press("3")
        seeds_field = app.screen.query_one("#seeds", Input)
        for wrong in ("two", "0", "5000"):
            seeds_field.value = wrong
            await until(pilot, lambda: "nothing can be queued" in plan())
            await pilot.press("enter")
            assert app.screen.focused is seeds_field
        seeds_field.value = "2"
        await until(pilot, lambda: plan().startswith("4 rows, 4 trainings of 2 seeds: 1 trained"))
        assert "7 new; 7 to train: about " in plan()
        assert "(rough: 2 of a kind new here)" in plan()
        advice = app.screen.query_one("#advice", Static)
        assert not advice.display
        app.screen.query_one("#jobs", Input).value = "2"
        await until(pilot, lambda: "done little earlier" in str(advice.content))
        assert advice.display
        await pilot.press("enter")
        await until(pilot, lambda: "7 trainings queued" in said(app))
        await until(pilot, lambda: "2 at once" in headline(app))
        state = QueueStore(home).read()
        assert state.jobs == 2 and len(state.trials) == 7
        assert {trial.label for trial in state.trials} == {"Table 3"}
        assert app.queue_started and len(runner.held) == 1


@pytest.mark.asyncio
async def test_a_queue_is_started_on_a_cluster_and_stays_there(
    home: Home, runner: RunnerHere, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "require_installed", lambda engine: None)
    app = WorkbenchApp(home)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("5", "a")
        await until(pilot, lambda: isinstance(app.screen, AddDialog))
        app.screen.query_one("#jobs", Input).value = "3"
        advice = app.screen.query_one("#advice", Static)
        await until(pilot, lambda: advice.display)
        app.screen.query_one("#executor", Choice).value = "ray"
        await until(pilot, lambda: not advice.display)  # no cores of here are shared
        await pilot.press("enter")
        await until(pilot, lambda: "3 at once · on Ray (auto), 1 CPU a trial" in headline(app))
        engine = QueueStore(home).read().engine
        assert engine is not None and engine.executor == "ray"
        await pilot.press("a")
        await until(pilot, lambda: isinstance(app.screen, AddDialog))
        choice = app.screen.query_one("#executor", Choice)
        assert choice.value == "ray"
        choice.value = "local"
        error = app.screen.query_one("#error-executor", Static)
        await until(pilot, lambda: "the queue runs on Ray (auto)" in str(error.content))


@pytest.mark.asyncio
async def test_stepping_out_of_the_dialog_queues_nothing(home: Home) -> None:
    app = WorkbenchApp(home)
    async with app.run_test(size=(60, 18)) as pilot:
        await pilot.press("5", "a")
        await until(pilot, lambda: isinstance(app.screen, AddDialog))
        dialog = app.screen
        assert isinstance(dialog, AddDialog)
        await until(pilot, lambda: dialog._asked is not None)
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, QueueScreen))
        assert not seeds(home) and not app.queue_started
        await until(pilot, lambda: not dialog.is_attached)
        assert dialog._asked is not None
        await dialog._look_up(dialog._asked)  # answered while the leaderboard was read


@pytest.mark.asyncio
async def test_a_damaged_file_is_said_once_and_the_screen_goes_on(home: Home) -> None:
    service.enqueue(home, wanted(0), "sweep")
    store = QueueStore(home)
    app = WorkbenchApp(home)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("5")
        await until(pilot, lambda: len(lines(app)) == 1)
        store.file.write_text('{"trials": [')
        await until(pilot, lambda: "kept as queue.json.damaged-" in said(app))
        await until(pilot, lambda: has_line(app, "The queue is empty"))
        await until(pilot, lambda: "is kept as queue.json.damaged-" in headline(app))
        service.enqueue(home, wanted(7), "sweep")
        await until(pilot, lambda: has_line(app, "seed 7"))
        assert said(app).count("json.damaged-") == 1
        assert "damaged" not in headline(app)


@pytest.mark.asyncio
async def test_a_queue_lost_before_one_looked_is_said_until_it_is_cleared(home: Home) -> None:
    store = QueueStore(home)
    store.folder.mkdir()
    store.file.write_text("{")
    with pytest.raises(QueueDamaged):  # a runner finds it and leaves
        store.read()
    app = WorkbenchApp(home)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("5")
        await until(pilot, lambda: "is kept as queue.json.damaged-" in headline(app))
        await pilot.press("x")
        await until(pilot, lambda: headline(app) == "")


@pytest.mark.asyncio
async def test_the_dialog_begins_with_one_job_when_the_last_queue_has_ended(home: Home) -> None:
    service.enqueue(home, wanted(0), "sweep")
    with QueueStore(home).change() as state:
        state.jobs = 2
    app = WorkbenchApp(home)
    async with app.run_test(size=(80, 24)) as pilot:
        for value, state_now in (("2", Status.WAITING), ("1", Status.FINISHED)):
            put(home, 0, state=state_now)
            await pilot.press("5")
            shown = "waiting" if value == "2" else "finished"
            await until(pilot, lambda shown=shown: has_line(app, shown))
            await pilot.press("a")
            await until(pilot, lambda: isinstance(app.screen, AddDialog))
            assert app.screen.query_one("#jobs", Input).value == value
            await pilot.press("escape")
            await until(pilot, lambda: isinstance(app.screen, QueueScreen))


@pytest.mark.asyncio
async def test_a_file_that_cannot_be_read_is_said_once_until_it_is_mended(home: Home) -> None:
    service.enqueue(home, wanted(0), "sweep")
    file = QueueStore(home).file
    app = WorkbenchApp(home)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("5")
        await until(pilot, lambda: len(lines(app)) == 1)
        kept = file.read_bytes()
        file.unlink()
        file.mkdir()
        await until(pilot, lambda: "fix its access" in said(app))
        looks = app.run_feed.last
        await until(pilot, lambda: app.run_feed.last is not looks)
        again = app.run_feed.last
        await until(pilot, lambda: app.run_feed.last is not again)
        assert said(app).count("fix its access") == 1
        file.rmdir()
        file.write_bytes(kept)
        service.enqueue(home, wanted(1), "sweep")
        await until(pilot, lambda: len(lines(app)) == 2)


@pytest.mark.asyncio
async def test_runs_are_opened_and_missing_ones_are_said(home: Home) -> None:
    folder = ended_run(home)
    service.enqueue(home, wanted(1, 2), "sweep")
    put(home, 0, state=Status.FINISHED, run_id=folder.run_id)
    app = WorkbenchApp(home)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("5")
        await until(pilot, lambda: has_line(app, "✓ finished"))
        assert app.screen.query_one(RowList).cursor == 1  # on the next to train
        await pilot.press("enter")
        await until(pilot, lambda: "has no run yet: it waits for its turn" in said(app))
        await pilot.press("k", "enter")
        await until(pilot, lambda: isinstance(app.screen, TrainScreen))
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, QueueScreen))
        shutil.rmtree(folder.path)
        await pilot.press("enter")
        await until(pilot, lambda: "its folder or spec.json is gone" in said(app))
        assert isinstance(app.screen, QueueScreen)


@pytest.mark.asyncio
@pytest.mark.parametrize("width", [60, 80])
async def test_all_places_stand_in_the_title_beside_what_trains(home: Home, width: int) -> None:
    living = LivingRun(home)
    app = WorkbenchApp(home)
    async with app.run_test(size=(width, 24)) as pilot:
        await pilot.press("5")
        await until(pilot, lambda: app.screen.query_one(TitleBar).living == 1)
        first = app.screen.query_one(TitleBar).render_line(0).text
        assert "4 Leaderboard" in first and "5 Queue" in first and "● 1" in first
        assert ("● 1 training" in first) is (width == 80)
    living.die()


def plan(app: WorkbenchApp) -> str:
    return str(app.screen.query_one("#plan", Static).content)


@pytest.mark.asyncio
async def test_a_model_is_put_in_line_with_the_next_free_seed(
    home: Home, runner: RunnerHere
) -> None:
    ended_run(home)  # NN model 1, seed 0
    Leaderboard(home).sync()
    app = WorkbenchApp(home)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "Q queue it" in str(app.screen.query_one(Hints).render()))
        await pilot.press("Q")
        await until(pilot, lambda: "nn-1, seed 1: number 1 of the waiting." in said(app))
        assert seeds(home) == [1] and QueueStore(home).runs() and app.queue_started
        await pilot.press("Q")
        await until(pilot, lambda: "nn-1, seed 2: number 2 of the waiting." in said(app))
        assert seeds(home) == [1, 2]
        assert {trial.by for trial in QueueStore(home).read().trials} == {"app"}
        runner.end()  # stopped, and so it stays
        await pilot.press("Q")
        await until(pilot, lambda: "The queue does not run; s on Queue starts it." in said(app))
        assert seeds(home) == [1, 2, 3] and not QueueStore(home).runs()


@pytest.mark.asyncio
async def test_while_the_cores_are_busy_t_offers_the_queue(
    home: Home, runner: RunnerHere, monkeypatch: pytest.MonkeyPatch
) -> None:
    living = LivingRun(home)
    app = WorkbenchApp(home)
    launched: list[int] = []

    async def launch(specs: list[TrainingSpec], *_: object) -> None:
        launched.append(specs[0].seed)

    monkeypatch.setattr(app, "_train", launch)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: app.run_feed.last.living)
        await pilot.press("t")
        await until(pilot, lambda: isinstance(app.screen, ChoiceDialog))
        question = str(app.screen.query_one(".question", Static).content)
        assert question.startswith(f"Run {living.folder.run_id} trains now; two at once")
        await pilot.press("escape")
        await until(pilot, lambda: not isinstance(app.screen, ChoiceDialog))
        assert not launched and not seeds(home)
        await pilot.press("t")
        await until(pilot, lambda: isinstance(app.screen, ChoiceDialog))
        await pilot.press("enter")
        await until(pilot, lambda: "nn-1, seed 1: number 1 of the waiting." in said(app))
        assert not launched
        await pilot.press("t")
        await until(pilot, lambda: isinstance(app.screen, ChoiceDialog))
        await pilot.press("j", "enter")
        await until(pilot, lambda: launched == [0])
        app._starting = False
        living.pause()  # leaves the cores to others
        await until(pilot, lambda: not app.run_feed.last.living[0].keeps_cores_busy)
        await pilot.press("t")
        await until(pilot, lambda: launched == [0, 0])
    living.die()


@pytest.mark.asyncio
async def test_a_sweep_is_written_as_lists_and_ranges_with_its_cost_before(
    home: Home, runner: RunnerHere
) -> None:
    app = WorkbenchApp(home)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("S")
        await until(pilot, lambda: isinstance(app.screen, SweepDialog))
        await until(pilot, lambda: plan(app).startswith("1 training: 1 new; 1 to train: about "))
        field = {name: app.screen.query_one(f"#{name}", Input) for name, *_ in SweepDialog.FIELDS}
        assert field["learning_rate"].placeholder == "0.01"
        error = app.screen.query_one("#error-learning_rate", Static)
        for wrong, why in (
            ("0.1..0.001/3", "a range goes up from its first end"),
            ("0.001..0.1", "say how many values, as in 0.001..0.1/5"),
            ("many", '"many" is not a number'),
        ):
            field["learning_rate"].value = wrong
            await until(pilot, lambda why=why: why in str(error.content))  # type: ignore[misc]
            assert "--set" not in str(error.content)
        field["learning_rate"].value = "log:0.001..0.1/3"
        field["epochs"].value = "1..2"
        field["optimizer"].value = "sgd, adm"
        wrong_one = app.screen.query_one("#error-optimizer", Static)
        await until(pilot, lambda: 'no "adm"' in str(wrong_one.content))
        await pilot.press("enter")  # what was typed stays
        await pilot.pause()
        assert isinstance(app.screen, SweepDialog) and field["epochs"].value == "1..2"
        field["optimizer"].value = "sgd, adam"
        await until(pilot, lambda: plan(app).startswith("12 trainings: 12 new; 12 to train: about"))
        await pilot.press("enter")
        await until(pilot, lambda: "12 trainings queued" in said(app))
        trials = QueueStore(home).read().trials
        rates = [trial.spec.training.optimizer.learning_rate for trial in trials]
        assert sorted(set(rates)) == [0.001, 0.01, 0.1]
        assert {trial.spec.training.epochs for trial in trials} == {1, 2}
        assert {trial.by for trial in trials} == {"sweep"} and app.queue_started


# With real processes


@pytest.fixture
def _nothing_is_left(home: Home) -> Iterator[None]:
    yield
    pid = lock.holder_pid(QueueStore(home).runner_lock)
    if pid is not None:
        os.kill(pid, signal.SIGKILL)
    for folder in all_runs(home):
        control.kill(folder.path)


def small(seed: int, epochs: int) -> TrainingSpec:
    """NN model 1 on few images; an epoch takes milliseconds."""
    spec = paper_table(3).rows[0].spec(seed=seed)
    training = spec.training.model_copy(update={"epochs": epochs})
    data = spec.dataset.model_copy(update={"train_limit": 640})
    return spec.model_copy(update={"training": training, "dataset": data})


@pytest.mark.asyncio
@pytest.mark.usefixtures("_nothing_is_left")
async def test_a_real_queue_is_started_killed_taken_up_stopped_and_finished(home: Home) -> None:
    store = QueueStore(home)
    service.enqueue(
        home, [PlannedTrial(small(0, 5000), "long"), PlannedTrial(small(1, 2), "short")], "sweep"
    )
    app, other = WorkbenchApp(home), WorkbenchApp(home)
    async with app.run_test(size=(120, 30)) as pilot, other.run_test(size=(80, 24)) as second:
        await pilot.press("5")
        await second.press("5")
        await until(pilot, lambda: len(lines(app)) == 2)
        await pilot.press("s")
        await until(pilot, lambda: has_line(app, "● training", "long", "%"), TRAINS_LONG)
        await until(second, lambda: has_line(other, "●", "long", "%"))  # both see it
        await until(pilot, lambda: "so far" in detail(app), TRAINS_LONG)
        killed = lock.holder_pid(store.runner_lock)
        assert killed is not None
        os.kill(killed, signal.SIGKILL)
        await until(pilot, lambda: headline(app).startswith("the queue's process is gone; run "))
        assert "trains on, 2 to train; s resumes" in headline(app)
        folder = RunFolder(home.runs / str(store.read().trials[0].run_id))
        assert folder.status() is Status.RUNNING  # what trains goes on
        await pilot.press("s")
        await until(pilot, lambda: store.runs() and headline(app).startswith("0 of 2 done"), 30.0)
        await until(pilot, lambda: store.read().trials[0].state is Status.RUNNING, 30.0)
        await pilot.press("J", "d")  # what trains is neither moved nor dropped
        await until(pilot, lambda: "s stops it there" in said(app))
        await pilot.press("s")
        await until(pilot, lambda: headline(app).startswith("stopped, 2 to train"), 60.0)
        assert folder.status() is Status.STOPPED
        assert "resumes from its last whole epoch" in detail(app)
        await pilot.press("d")  # the long one; the short one is trained to its end
        await until(pilot, lambda: len(lines(app)) == 1)
        await pilot.press("s")
        await until(pilot, lambda: has_line(app, "✓ finished", "short"), TRAINS_LONG)
        await until(pilot, lambda: headline(app).startswith("done at "))
        await until(second, lambda: has_line(other, "✓ finished", "short"))
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, TrainScreen))
