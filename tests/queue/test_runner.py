"""The runner: order, endings, stopping and going on, whatever executor trains."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable

import pytest

from tests.queue.scripted import ScriptedExecutor, ScriptedJob, spec, wanted
from tests.support import LivingRun
from workbench.errors import EnvironmentProblem
from workbench.leaderboard.store import Leaderboard
from workbench.model.spec import TrainingSpec
from workbench.queue import runner as runner_module
from workbench.queue import service
from workbench.queue.planning import plan_trials
from workbench.queue.runner import Runner
from workbench.queue.store import QueueState, QueueStore, identity
from workbench.runs import lock
from workbench.runs.status import Status
from workbench.settings import Home

WAITING, RUNNING, FINISHED = Status.WAITING, Status.RUNNING, Status.FINISHED


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner_module, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(runner_module, "RETRY_SECONDS", 0.05)
    monkeypatch.setattr(runner_module, "BUSY_SECONDS", 0.05)


class Going:
    """A runner at work in a thread."""

    def __init__(self, home: Home, executor: ScriptedExecutor) -> None:
        self.store = QueueStore(home)
        self.store.folder.mkdir(exist_ok=True)
        descriptor = lock.acquire(self.store.runner_lock)
        assert descriptor is not None
        self._thread = threading.Thread(target=Runner(home, executor, descriptor).run)
        self._thread.start()

    def to_the_end(self) -> list[Status]:
        """What became of the trials, in the queue's order."""
        self.joined()
        return [trial.state for trial in self.store.read().trials]

    def joined(self) -> None:
        """Wait until it has ended."""
        self._thread.join(20)
        assert not self._thread.is_alive()

    def until(self, condition: Callable[[QueueState], object]) -> None:
        """Wait until the queue is so."""
        deadline = time.monotonic() + 20
        while not condition(self.store.read()):
            assert time.monotonic() < deadline, self.store.read()
            time.sleep(0.01)


def run_all(home: Home, executor: ScriptedExecutor) -> list[Status]:
    return Going(home, executor).to_the_end()


def test_trains_each_trial_once_and_in_order(home: Home) -> None:
    service.enqueue(home, wanted(2, 0, 1), "reproduce")
    executor = ScriptedExecutor(home)
    assert run_all(home, executor) == [FINISHED] * 3
    assert [spec.seed for spec in executor.submitted] == [2, 0, 1]
    assert executor.most_at_once == 1
    assert not QueueStore(home).runs()


def test_nothing_is_trained_that_the_leaderboard_has(home: Home) -> None:
    service.enqueue(home, wanted(0, 1), "reproduce")
    # Trained by hand after it was queued.
    ScriptedExecutor(home).submit(spec(1), *_no_labels()).ended()
    executor = ScriptedExecutor(home)
    assert run_all(home, executor) == [FINISHED, Status.PRESENT]
    assert [spec.seed for spec in executor.submitted] == [0]
    assert plan_trials(home, wanted(0, 1)).to_train == 0


def test_failed_and_diverged_trials_do_not_end_the_others(home: Home) -> None:
    service.enqueue(home, wanted(0, 1, 2, 3), "reproduce")
    executor = ScriptedExecutor(home, {0: "diverged", 1: "failed", 2: "crashed"})
    states = run_all(home, executor)
    assert states == [Status.DIVERGED, Status.FAILED, Status.FAILED, FINISHED]
    messages = [trial.message for trial in QueueStore(home).read().trials]
    assert messages[:2] == ["diverged, as scripted", "error, as scripted"]
    assert "the worker died after 1 of 10 epochs" in messages[2]


def test_a_divergence_is_a_result_and_a_failure_is_tried_again(home: Home) -> None:
    service.enqueue(home, wanted(0, 1), "reproduce")
    run_all(home, ScriptedExecutor(home, {0: "diverged", 1: "failed"}))
    found = plan_trials(home, wanted(0, 1))
    assert [item.spec.seed for item, _ in found.present] == [0]
    assert [item.spec.seed for item, _ in found.queued] == [1]
    service.enqueue(home, wanted(0, 1), "reproduce")
    executor = ScriptedExecutor(home)
    assert run_all(home, executor) == [Status.DIVERGED, FINISHED]
    assert executor.submitted == []  # it goes on in the run that failed
    assert len(executor.taken_up) == 1


def test_a_stopped_queue_goes_on_in_the_same_run(home: Home) -> None:
    service.enqueue(home, wanted(0, 1), "reproduce")
    going = Going(home, ScriptedExecutor(home, {0: "goes on"}))
    going.until(lambda state: state.trials[0].state is RUNNING)
    assert service.stop(home)
    assert going.to_the_end() == [WAITING, WAITING]
    assert not service.stop(home)  # it does not run any more
    state = QueueStore(home).read()
    assert state.stopping is False
    executor = ScriptedExecutor(home)
    assert run_all(home, executor) == [FINISHED, FINISHED]
    assert executor.taken_up == [state.trials[0].run_id]
    assert [spec.seed for spec in executor.submitted] == [1]


def test_a_run_stopped_by_hand_stays_stopped_and_the_queue_goes_on(home: Home) -> None:
    service.enqueue(home, wanted(0, 1), "reproduce")
    executor = ScriptedExecutor(home, {0: "goes on"})
    going = Going(home, executor)
    going.until(lambda state: state.trials[0].state is RUNNING)
    executor.jobs[0].stop()
    assert going.to_the_end() == [Status.STOPPED, FINISHED]


def test_a_run_that_trains_already_is_joined(home: Home) -> None:
    first = ScriptedExecutor(home, {0: "goes on"})
    by_hand = first.submit(spec(0), *_no_labels())
    service.enqueue(home, wanted(0), "reproduce")

    class Joining(ScriptedExecutor):
        def take_up(self, run_id: str) -> object:  # type: ignore[override]
            self.taken_up.append(run_id)
            return by_hand

    executor = Joining(home)
    going = Going(home, executor)
    going.until(lambda state: state.trials[0].state is RUNNING)
    by_hand.ending = "finished"
    assert going.to_the_end() == [FINISHED]
    assert executor.submitted == []
    assert executor.taken_up == [by_hand.run_id]


def test_jobs_train_at_once_and_the_executor_knows_how_many(home: Home) -> None:
    service.enqueue(home, wanted(0, 1, 2), "reproduce")
    with QueueStore(home).change() as state:
        state.jobs = 2
    executor = ScriptedExecutor(home, dict.fromkeys(range(3), "goes on"))
    going = Going(home, executor)
    going.until(lambda state: [trial.state for trial in state.trials].count(RUNNING) == 2)
    assert executor.at_once == [2, 2]
    executor.endings.clear()
    for job in executor.jobs:
        job.ending = "finished"
    assert going.to_the_end() == [FINISHED] * 3
    assert executor.most_at_once == 2


def test_trials_can_be_added_dropped_and_moved_while_it_trains(home: Home) -> None:
    service.enqueue(home, wanted(0, 1, 2), "reproduce")
    executor = ScriptedExecutor(home, {0: "goes on"})
    going = Going(home, executor)
    going.until(lambda state: state.trials[0].state is RUNNING)
    service.enqueue(home, wanted(3), "reproduce")
    trials = QueueStore(home).read().trials
    service.drop(home, [trials[1].id])
    assert service.move(home, trials[3].id, 1) == 1
    with pytest.raises(service.RunError, match="is training"):
        service.drop(home, [trials[0].id])
    executor.jobs[0].ending = "finished"
    assert going.to_the_end() == [FINISHED] * 3
    assert [spec.seed for spec in executor.submitted] == [0, 3, 2]


def test_a_full_disk_holds_the_queue_up_and_costs_nothing(home: Home) -> None:
    service.enqueue(home, wanted(0), "reproduce")
    full = threading.Event()
    full.set()

    def refuse(spec: TrainingSpec) -> None:
        if full.is_set():
            raise EnvironmentProblem("No space left on device")

    going = Going(home, ScriptedExecutor(home, before=refuse))
    going.until(lambda state: state.message == "No space left on device")
    assert QueueStore(home).read().trials[0].state is WAITING
    full.clear()
    assert going.to_the_end() == [FINISHED]
    assert QueueStore(home).read().message == ""


def test_a_run_folder_deleted_underneath_fails_that_trial_alone(home: Home) -> None:
    service.enqueue(home, wanted(0, 1), "reproduce")
    executor = ScriptedExecutor(home, {0: "goes on"})
    going = Going(home, executor)
    going.until(lambda state: state.trials[0].state is RUNNING)
    job = executor.jobs[0]
    lock_descriptor, job.descriptor = job.descriptor, -1
    import os
    import shutil

    shutil.rmtree(job.folder.path)
    os.close(lock_descriptor)
    assert going.to_the_end() == [Status.FAILED, FINISHED]
    assert "is gone" in QueueStore(home).read().trials[0].message


def test_results_reach_the_leaderboard(home: Home) -> None:
    service.enqueue(home, wanted(0, 1), "reproduce")
    run_all(home, ScriptedExecutor(home))
    board = Leaderboard(home)
    board.sync()
    assert sorted(entry.seed for entry in board.entries()) == [0, 1]


def cut_short(home: Home, ending: str = "stopped", seed: int = 0) -> str:
    """A run by hand that is no trial of the queue; its id."""
    executor = ScriptedExecutor(home, {seed: ending})
    job = executor.submit(spec(seed), *_no_labels())
    job.end(ending)
    return job.run_id


@pytest.mark.parametrize("ending", ["stopped", "crashed"])
def test_a_run_that_was_cut_short_is_taken_up_and_not_trained_anew(home: Home, ending: str) -> None:
    run_id = cut_short(home, ending)
    assert plan_trials(home, wanted(0)).epochs_done == {identity(spec()): 1}
    service.enqueue(home, wanted(0), "reproduce")
    executor = ScriptedExecutor(home)
    assert run_all(home, executor) == [FINISHED]
    assert (executor.taken_up, executor.submitted) == ([run_id], [])


def test_the_newest_that_can_be_taken_up_is(home: Home) -> None:
    oldest = cut_short(home)
    middle, newest = cut_short(home, "crashed"), cut_short(home)
    (home.runs / newest / "checkpoint.keras").write_text("torn")
    service.enqueue(home, wanted(0), "reproduce")
    executor = ScriptedExecutor(home)
    assert run_all(home, executor) == [FINISHED]
    assert executor.taken_up == [middle] != [oldest]


def test_a_run_that_the_executor_does_not_take_up_is_passed_over(home: Home) -> None:
    older, newer = cut_short(home), cut_short(home)

    class Choosy(ScriptedExecutor):
        def take_up(self, run_id: str) -> ScriptedJob | None:
            return None if run_id == newer else super().take_up(run_id)

    service.enqueue(home, wanted(0), "reproduce")
    executor = Choosy(home)
    assert run_all(home, executor) == [FINISHED]
    assert executor.taken_up == [older]


def test_a_trial_dropped_and_asked_for_again_goes_on_in_its_run(home: Home) -> None:
    service.enqueue(home, wanted(0), "reproduce")
    going = Going(home, ScriptedExecutor(home, {0: "goes on"}))
    going.until(lambda state: state.trials[0].state is RUNNING)
    service.stop(home)
    assert going.to_the_end() == [WAITING]
    trial = QueueStore(home).read().trials[0]
    service.drop(home, [trial.id])
    service.enqueue(home, wanted(0), "reproduce")
    executor = ScriptedExecutor(home)
    assert run_all(home, executor) == [FINISHED]
    assert executor.taken_up == [trial.run_id]


def test_what_ended_while_no_runner_lived_has_its_own_result(home: Home) -> None:
    service.enqueue(home, wanted(0, 1, 2), "reproduce")
    finished, diverged = cut_short(home, "finished", 0), cut_short(home, "diverged", 1)
    cut_short(home, "diverged", 2)  # another run than the trial's
    with QueueStore(home).change() as state:
        for trial, run_id in zip(state.trials, (finished, diverged, None), strict=True):
            state.put(trial.model_copy(update={"run_id": run_id}))
    executor = ScriptedExecutor(home)
    assert run_all(home, executor) == [FINISHED, Status.DIVERGED, Status.DIVERGED]
    assert executor.submitted == []
    assert QueueStore(home).read().trials[2].message == "diverged, as scripted"


def test_a_file_of_a_newer_version_ends_the_runner_and_stays(home: Home) -> None:
    service.enqueue(home, wanted(0), "reproduce")
    going = Going(home, ScriptedExecutor(home, {0: "goes on"}))
    going.until(lambda state: state.trials[0].state is RUNNING)
    newer = '{"format": 2, "trials": []}'
    aside = going.store.folder / "newer"
    aside.write_text(newer)
    aside.replace(going.store.file)  # whole at once, as every writer does
    going.joined()
    assert going.store.file.read_text() == newer


def _no_labels() -> tuple[object, str]:
    from workbench.runs.record import Labels

    return Labels(), "run"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_to_its_process_stops_and_saves_what_trains(
    home: Home, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    service.enqueue(home, wanted(0, 1), "sweep")
    executor = ScriptedExecutor(home, {0: "goes on"}, lambda spec: os.kill(os.getpid(), number))
    monkeypatch.setattr(runner_module, "WorkersExecutor", lambda home, engine: executor)
    store = QueueStore(home)
    descriptor = lock.acquire(store.runner_lock)
    numbers = (signal.SIGHUP, signal.SIGTERM, signal.SIGINT)
    before = {kind: signal.getsignal(kind) for kind in numbers}
    mask = os.umask(0)
    try:
        assert runner_module.main([str(home.path), str(descriptor)]) == 0
    finally:
        os.umask(mask)
        for kind, handler in before.items():
            signal.signal(kind, handler)
    assert [trial.state for trial in store.read().trials] == [WAITING, WAITING]
    assert not store.runs()


def test_a_cluster_that_goes_holds_the_queue_up_and_costs_nothing(home: Home) -> None:
    service.enqueue(home, wanted(0, 1), "sweep")
    executor = ScriptedExecutor(home, {0: "cluster"}, is_local=False)
    going = Going(home, executor)
    going.until(lambda state: state.message == "cluster, as scripted")
    assert going.store.read().trials[0].state is WAITING
    going.until(lambda state: len(executor.taken_up) > 1)  # it is tried again, and again
    executor.endings[0] = "finished"
    assert going.to_the_end() == [FINISHED, FINISHED]
    assert len({job.run_id for job in executor.jobs}) == 2
    assert going.store.read().message == ""


def test_a_cluster_is_begun_with_while_these_cores_are_busy(home: Home) -> None:
    other = LivingRun(home, seed=7)
    other.train(0.1)
    service.enqueue(home, wanted(0), "sweep")
    assert run_all(home, ScriptedExecutor(home, is_local=False)) == [FINISHED]
    other.die()


def test_no_trial_begins_while_a_run_of_others_keeps_the_cores_busy(home: Home) -> None:
    service.enqueue(home, wanted(0), "app")
    other = LivingRun(home, seed=7)
    executor = ScriptedExecutor(home)
    going = Going(home, executor)
    going.until(lambda state: other.folder.run_id in state.message)
    assert executor.submitted == []
    other.finish()
    assert going.to_the_end() == [FINISHED]
    assert QueueStore(home).read().message == ""


def test_a_paused_run_is_not_waited_for(home: Home) -> None:
    service.enqueue(home, wanted(0), "app")
    other = LivingRun(home, seed=7)
    other.pause()
    assert run_all(home, ScriptedExecutor(home)) == [FINISHED]
    other.die()
