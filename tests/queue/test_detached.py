"""The queue as processes: real workers, a runner that is killed, one that is told to stop."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator

import pytest

from tests.support import wait_until
from workbench.model.spec import TrainingSpec
from workbench.queue import service
from workbench.queue.planning import PlannedTrial, tables_of, trainings_for
from workbench.queue.store import QueueState, QueueStore
from workbench.runs import control, lock
from workbench.runs.folder import RunFolder, all_runs
from workbench.runs.status import Status
from workbench.settings import Home

SECONDS = 180.0


@pytest.fixture(autouse=True)
def _nothing_is_left(home: Home) -> Iterator[None]:
    yield
    pid = lock.holder_pid(QueueStore(home).runner_lock)
    if pid is not None:
        os.kill(pid, signal.SIGKILL)
    for folder in all_runs(home):
        control.kill(folder.path)


def small(seed: int, epochs: int) -> TrainingSpec:
    """NN model 1 on few images; an epoch takes milliseconds."""
    spec = trainings_for(tables_of([3]))[0].spec
    return spec.model_copy(
        update={
            "seed": seed,
            "training": spec.training.model_copy(update={"epochs": epochs}),
            "dataset": spec.dataset.model_copy(update={"train_limit": 640}),
        }
    )


def until(store: QueueStore, condition: Callable[[QueueState], object]) -> QueueState:
    wait_until(lambda: condition(store.read()), "the queue", SECONDS)
    return store.read()


def trained_epochs(home: Home, state: QueueState, place: int) -> int:
    run_id = state.trials[place].run_id
    return len(RunFolder(home.runs / run_id).history().epochs) if run_id else 0


def test_a_killed_runner_costs_nothing(home: Home) -> None:
    store = QueueStore(home)
    service.enqueue(home, [PlannedTrial(small(0, 5000)), PlannedTrial(small(1, 1))], "sweep")
    assert service.start(home)
    state = until(store, lambda state: trained_epochs(home, state, 0))
    runner = lock.holder_pid(store.runner_lock)
    assert runner is not None
    os.kill(runner, signal.SIGHUP)  # the connection drops
    os.kill(runner, 0)
    os.kill(runner, signal.SIGKILL)
    folder = RunFolder(home.runs / str(state.trials[0].run_id))
    until(store, lambda state: not store.runs())
    before = len(folder.history().epochs)
    until(store, lambda state: len(folder.history().epochs) > before)  # the worker goes on
    assert service.start(home)  # a new runner joins it
    until(store, lambda state: lock.holder_pid(store.runner_lock) not in (None, runner))
    until(store, lambda state: state.trials[0].state is Status.RUNNING)
    assert service.stop(home)
    until(store, lambda state: not store.runs())
    state = store.read()
    assert [trial.state for trial in state.trials] == [Status.WAITING] * 2
    assert folder.status() is Status.STOPPED
    assert len(all_runs(home)) == 1  # the second was not begun, the first not twice


def test_a_stopped_queue_goes_on_and_trains_nothing_twice(home: Home) -> None:
    store = QueueStore(home)
    service.enqueue(home, [PlannedTrial(small(0, 60)), PlannedTrial(small(1, 1))], "sweep")
    assert service.start(home)
    state = until(store, lambda state: trained_epochs(home, state, 0))
    runner = lock.holder_pid(store.runner_lock)
    assert runner is not None
    os.kill(runner, signal.SIGTERM)  # as a machine that shuts down does
    until(store, lambda state: not store.runs())
    if store.read().trials[0].state is Status.WAITING:
        assert RunFolder(home.runs / str(state.trials[0].run_id)).status() is Status.STOPPED
    assert service.start(home)
    until(store, lambda state: not store.runs())
    trials = store.read().trials
    assert [trial.state for trial in trials] == [Status.FINISHED] * 2
    assert trials[0].run_id == state.trials[0].run_id
    assert len(all_runs(home)) == 2
    assert len(RunFolder(home.runs / str(trials[0].run_id)).history().epochs) == 60
    # The same once more: all is there.
    assert (
        service.enqueue(home, [PlannedTrial(small(0, 60)), PlannedTrial(small(1, 1))], "sweep")
        == []
    )
    assert service.start(home) is False
