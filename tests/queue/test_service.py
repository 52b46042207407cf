"""Adding to the queue, moving, dropping, and a file that others write or damage."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.queue.scripted import spec, wanted
from workbench.errors import EnvironmentProblem, RunError
from workbench.queue import service
from workbench.queue.planning import PlannedTrial, plan_trials
from workbench.queue.store import QueueDamaged, QueueNewer, QueueStore
from workbench.runs import lock
from workbench.runs.status import Status
from workbench.settings import Home

ADDER = """
import sys
from tests.queue.scripted import wanted
from workbench.queue import service
from workbench.settings import default_home
first = int(sys.argv[1])
for seed in range(first, first + 10):
    service.enqueue(default_home(), wanted(seed), "sweep")
"""


def seeds(home: Home) -> list[int]:
    return [trial.spec.seed for trial in QueueStore(home).read().trials]


def test_the_same_training_is_queued_once(home: Home) -> None:
    first = service.enqueue(home, wanted(0, 1, 0), "reproduce")
    assert seeds(home) == [0, 1]
    second = service.enqueue(home, wanted(1, 2), "sweep")
    assert seeds(home) == [0, 1, 2]
    assert second[0] == first[1]
    assert plan_trials(home, wanted(0, 1, 2, 3)).to_train == 4


def test_a_queue_whose_trials_are_all_done_begins_anew(home: Home) -> None:
    service.enqueue(home, wanted(0), "reproduce")
    with QueueStore(home).change() as state:
        state.put(state.trials[0].model_copy(update={"state": Status.FINISHED}))
    service.enqueue(home, wanted(1), "reproduce")
    assert seeds(home) == [1]


def test_moving(home: Home) -> None:
    ids = service.enqueue(home, wanted(0, 1, 2, 3), "reproduce")
    assert service.move(home, ids[3], 1) == 1
    assert seeds(home) == [3, 0, 1, 2]
    assert service.move(home, ids[3], 4) == 4
    assert seeds(home) == [0, 1, 2, 3]
    for nowhere in (0, 5, 99, -1):
        with pytest.raises(
            RunError, match=rf"from 1 to 4, the .* waiting trials \(given: {nowhere}\)"
        ):
            service.move(home, ids[3], nowhere)
    assert seeds(home) == [0, 1, 2, 3]
    with pytest.raises(RunError, match="does not wait"):
        service.move(home, "nope", 1)


def test_moving_leaves_what_trains_where_it_is(home: Home) -> None:
    ids = service.enqueue(home, wanted(0, 1, 2), "reproduce")
    with QueueStore(home).change() as state:
        state.put(state.trials[1].model_copy(update={"state": Status.RUNNING}))
    service.move(home, ids[2], 1)
    assert seeds(home) == [2, 1, 0]


def test_dropping(home: Home) -> None:
    ids = service.enqueue(home, wanted(0, 1, 2), "reproduce")
    assert service.drop(home, [ids[1], "nope"]) == 1
    assert seeds(home) == [0, 2]


def test_finding_a_trial_by_the_beginning_of_its_id(home: Home) -> None:
    ids = service.enqueue(home, wanted(0, 1), "reproduce")
    state = QueueStore(home).read()
    assert service.find_trial(state, ids[1]).spec.seed == 1
    with pytest.raises(RunError, match='no trial "aa"'):
        service.find_trial(state, "aa")
    with pytest.raises(RunError, match="no trial"):
        service.find_trial(state, "")


def test_nothing_to_start(home: Home) -> None:
    assert service.start(home) is False
    assert not QueueStore(home).runs()


@pytest.mark.parametrize("jobs", [0, -1, 129])
def test_jobs_out_of_range(home: Home, jobs: int) -> None:
    with pytest.raises(RunError, match="jobs: must be from 1 to 128"):
        service.start(home, jobs)


def test_a_dead_runner_is_no_runner(home: Home) -> None:
    service.enqueue(home, wanted(0), "reproduce")
    store = QueueStore(home)
    descriptor = lock.acquire(store.runner_lock)
    assert descriptor is not None
    assert store.runs()
    os.close(descriptor)
    assert not store.runs()


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"trials": [1]}', '{"format": 0, "trials": []}', "\0" * 100]
)
def test_a_damaged_queue_is_kept_aside_and_said(home: Home, content: str) -> None:
    store = QueueStore(home)
    store.folder.mkdir()
    store.file.write_text(content)
    with pytest.raises(QueueDamaged, match=r"queue\.json was damaged and is kept as"):
        store.read()
    (kept,) = store.folder.glob("queue.json.damaged-*")
    assert kept.read_text() == content
    # Whoever looks next is told too, until a person changes the queue.
    assert "is kept as queue.json.damaged-" in store.read().notice
    service.enqueue(home, wanted(0), "reproduce")  # an empty queue begins
    assert seeds(home) == [0]
    assert store.read().notice == ""


@pytest.mark.parametrize("run_id", ["../other", "/etc", "a\0b", "", "..", 300 * "a"])
def test_a_trial_whose_run_could_be_elsewhere_is_damage(home: Home, run_id: str) -> None:
    service.enqueue(home, wanted(0), "reproduce")
    store = QueueStore(home)
    content = json.loads(store.file.read_text())
    content["trials"][0]["run_id"] = run_id
    store.file.write_text(json.dumps(content))
    with pytest.raises(QueueDamaged):
        store.read()


def test_what_was_lost_is_said_until_it_is_dropped(home: Home) -> None:
    store = QueueStore(home)
    store.folder.mkdir()
    store.file.write_text("{")
    with pytest.raises(QueueDamaged), store.change():  # a runner's look, say
        pass
    assert not service.start(home)
    assert store.read().notice
    service.drop(home, [])
    assert store.read().notice == ""


@pytest.mark.parametrize("content", ['{"format": 2, "trials": []}', '{"format": 7, "rows": 1}'])
def test_a_queue_of_a_newer_version_is_refused_and_left(home: Home, content: str) -> None:
    store = QueueStore(home)
    store.folder.mkdir()
    store.file.write_text(content)
    for use in (store.read, lambda: service.enqueue(home, wanted(0), "sweep")):
        with pytest.raises(QueueNewer, match=r"queue\.json is of a newer version \(format \d\)"):
            use()
    assert store.file.read_text() == content
    assert not list(store.folder.glob("queue.json.damaged-*"))


def test_jobs_are_said_for_one_queue_and_not_the_next(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "start_detached", lambda *_: None)  # dies at once
    store = QueueStore(home)
    service.enqueue(home, wanted(0), "reproduce")
    service.start(home, 3)
    service.start(home)  # it was interrupted, and goes on as it was
    assert store.read().jobs == 3
    service.enqueue(home, wanted(1), "reproduce")
    service.start(home)
    assert store.read().jobs == 3
    with store.change() as state:
        state.trials = [trial.model_copy(update={"state": Status.FAILED}) for trial in state.trials]
    service.enqueue(home, wanted(2), "reproduce")
    service.start(home)
    assert store.read().jobs == 1


def test_a_living_runner_keeps_its_jobs(home: Home) -> None:
    store = QueueStore(home)
    service.enqueue(home, wanted(0), "reproduce")
    with store.change() as state:
        state.jobs = 2
        state.put(state.trials[0].model_copy(update={"state": Status.FINISHED}))
    descriptor = lock.acquire(store.runner_lock)
    assert descriptor is not None
    service.enqueue(home, wanted(1), "reproduce")
    service.start(home)
    assert store.read().jobs == 2
    os.close(descriptor)


def test_a_second_damaged_queue_does_not_replace_the_first(home: Home) -> None:
    store = QueueStore(home)
    store.folder.mkdir()
    for content in ("one", "two"):
        store.file.write_text(content)
        with pytest.raises(QueueDamaged):
            store.read()
    kept = {path.read_text() for path in store.folder.glob("queue.json.damaged-*")}
    assert kept == {"one", "two"}


def test_more_than_a_queue_holds(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "MOST_TRIALS", 2)
    with pytest.raises(RunError, match="3 trials: the queue holds at most 2"):
        service.enqueue(home, wanted(0, 1, 2), "sweep")
    assert seeds(home) == []


def test_a_write_that_fails_changes_nothing(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    service.enqueue(home, wanted(0), "reproduce")

    def full(path: Path, text: str) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("workbench.queue.store.write_file", full)
    with pytest.raises(EnvironmentProblem, match="No space left on device; nothing was changed"):
        service.enqueue(home, wanted(1), "reproduce")
    assert seeds(home) == [0]


def test_four_processes_at_once_lose_nothing(home: Home) -> None:
    processes = [
        subprocess.Popen([sys.executable, "-c", ADDER, str(first)], cwd=Path(__file__).parents[2])
        for first in (0, 10, 20, 30)
    ]
    assert [process.wait(120) for process in processes] == [0] * 4
    assert sorted(seeds(home)) == list(range(40))
    ids = [trial.id for trial in QueueStore(home).read().trials]
    assert len(set(ids)) == 40


def test_labels_and_origin_stay_with_the_trial(home: Home) -> None:
    from workbench.runs.record import Labels

    service.enqueue(home, [PlannedTrial(spec(), "what for")], "sweep", Labels(tags=("night",)))
    trial = QueueStore(home).read().trials[0]
    assert (trial.by, trial.label, trial.labels.tags) == ("sweep", "what for", ("night",))
