"""Run folders: creation, status from lock and log, prefixes, labels."""

from __future__ import annotations

import fcntl
import json
import math
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from workbench.errors import EnvironmentProblem, RunError
from workbench.files import UNFINISHED
from workbench.model.spec import TrainingSpec
from workbench.runs import control, lock
from workbench.runs.events import (
    Batch,
    Epoch,
    Failed,
    Finished,
    Paused,
    Preparing,
    Queued,
    Resumed,
    Started,
    Stopped,
)
from workbench.runs.folder import RunFolder, all_runs, create_run, find_run
from workbench.runs.log import EventWriter
from workbench.runs.plan import Plan, specs_for
from workbench.runs.record import Labels, checked_labels
from workbench.runs.status import Status
from workbench.runs.summary import RunSummary, summarise
from workbench.runs.watchlist import Watchlist
from workbench.settings import Home


@pytest.fixture
def spec(home: Home) -> TrainingSpec:
    return specs_for(home, "nn-1", Plan(seed=3))[0]


def log(folder: RunFolder, *events: object) -> None:
    writer = EventWriter(folder.events_file)
    for event in events:
        writer.write(event)  # type: ignore[arg-type]
    writer.close()


def test_a_run_can_be_repeated_from_its_spec_file(home: Home, spec: TrainingSpec) -> None:
    folder, descriptor = create_run(home, spec, Labels(tags=("best",)), "run")
    os.close(descriptor)
    again = find_run(home, folder.run_id)
    assert again.record.spec == spec
    assert again.record.environment.tensorflow and again.record.environment.host
    assert again.labels.tags == ("best",)
    data = json.loads(folder.spec_file.read_text())
    assert data["spec"]["seed"] == 3 and data["spec"]["dataset"]["name"] == "mnist"


def test_data_is_private(home: Home, spec: TrainingSpec) -> None:
    folder, descriptor = create_run(home, spec, Labels(tags=("a",)), "run")
    os.close(descriptor)
    for path in (home.path, folder.path):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0
    for path in folder.path.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


def test_status_follows_lock_and_log(home: Home, spec: TrainingSpec) -> None:
    folder, descriptor = create_run(home, spec, Labels(), "run")
    assert folder.status() is Status.RUNNING
    log(folder, Queued(1.0))
    assert folder.status() is Status.QUEUED
    log(folder, Paused(1.0, 5))
    assert folder.status() is Status.PAUSED
    log(folder, Resumed(1.0, 1, 5, 0.5))
    assert folder.status() is Status.RUNNING
    os.close(descriptor)
    assert folder.status() is Status.CRASHED
    (folder.path / "killed").touch()
    assert folder.status() is Status.KILLED
    for ending, status in (
        (Stopped(2.0, 0, 5, 0.5, None), Status.STOPPED),
        (Failed(2.0, 0, 5, 0.5, None, message="no"), Status.FAILED),
        (Finished(2.0, 10, 50, 5.0, 10.0), Status.FINISHED),
    ):
        log(folder, ending)
        assert folder.status() is status


def test_the_lock_dies_with_its_holder_and_passes_to_a_child(home: Home, tmp_path: Path) -> None:
    path = tmp_path / "worker.lock"
    descriptor = lock.acquire(path)
    assert descriptor is not None and lock.acquire(path) is None
    child = subprocess.Popen(
        [sys.executable, "-c", "import time; time.sleep(60)"], pass_fds=[descriptor]
    )
    lock.write_pid(descriptor, child.pid)
    os.close(descriptor)
    assert lock.is_held(path) and lock.holder_pid(path) == child.pid
    child.kill()
    child.wait()
    assert not lock.is_held(path) and lock.holder_pid(path) is None


def test_prefixes(home: Home, spec: TrainingSpec) -> None:
    for name in ("7kq2-nn-1", "7kr9-nn-1", "xx22-cnn-2"):
        (home.runs / name).mkdir()
        (home.runs / name / "spec.json").write_text("{}")
    assert find_run(home, "xx").run_id == "xx22-cnn-2"
    assert find_run(home, "7kq2-nn-1").run_id == "7kq2-nn-1"
    with pytest.raises(RunError, match="ambiguous: 7kq2-nn-1, 7kr9-nn-1"):
        find_run(home, "7k")
    with pytest.raises(RunError, match="no run"):
        find_run(home, "zz")
    for rubbish in ("", "../7kq2-nn-1", "/"):
        with pytest.raises(RunError):
            find_run(home, rubbish)


def test_a_damaged_spec_is_one_line(home: Home) -> None:
    (home.runs / "aa22-x").mkdir()
    (home.runs / "aa22-x" / "spec.json").write_text('{"format": 1')
    with pytest.raises(RunError, match=r"aa22-x.*damaged"):
        _ = find_run(home, "aa").record


def test_a_living_run_cannot_be_deleted(home: Home, spec: TrainingSpec) -> None:
    folder, descriptor = create_run(home, spec, Labels(), "run")
    with pytest.raises(RunError, match="still going"):
        folder.delete()
    os.close(descriptor)
    folder.delete()
    assert all_runs(home) == []


def test_a_failed_creation_leaves_nothing(
    home: Home, spec: TrainingSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(EnvironmentProblem, match=r"No space left.*--home"):
        create_run(home, spec, Labels(), "run")
    assert list(home.runs.iterdir()) == []


@pytest.mark.parametrize("call", ["mkdir", "rename"])
def test_what_a_killed_maker_left_is_removed_by_the_next_and_a_living_ones_stays(
    home: Home, spec: TrainingSpec, call: str
) -> None:
    child = os.fork()
    if child == 0:
        real = getattr(os, call)

        def killed(*given: object, **named: object) -> None:
            if call == "mkdir":
                real(*given, **named)
            os.kill(os.getpid(), signal.SIGKILL)

        setattr(os, call, killed)
        create_run(home, spec, Labels(note="x"), "run")
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == -signal.SIGKILL
    (left,) = home.runs.iterdir()
    watchlist = Watchlist(home)
    watchlist.look()
    assert not all_runs(home) and not watchlist.runs and not watchlist.unread
    living = home.runs / f".zzzz{UNFINISHED}"
    living.mkdir()
    held = lock.acquire(living / "worker.lock")
    folder, descriptor = create_run(home, spec, Labels(), "run")
    assert sorted(home.runs.iterdir()) == sorted([living, folder.path])
    assert lock.is_held(folder.lock_file) and not left.exists()
    for number in (held, descriptor):
        assert number is not None
        os.close(number)


def test_a_lock_that_somebody_looks_at_is_not_taken_for_held(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = home.path / "some.lock"
    path.touch()
    glance = os.open(path, os.O_RDONLY)
    fcntl.flock(glance, fcntl.LOCK_SH)
    monkeypatch.setattr("workbench.runs.lock.time.sleep", lambda seconds: os.close(glance))
    held = lock.acquire(path)
    assert held is not None
    monkeypatch.setattr("workbench.runs.lock.time.sleep", lambda seconds: None)
    assert lock.acquire(path) is None
    os.close(held)


def test_a_run_that_was_made_can_tell_of_a_disk_that_is_full_then(
    home: Home, spec: TrainingSpec
) -> None:
    """What a worker writes first has its place already: its log and its process id."""
    folder, descriptor = create_run(home, spec, Labels(), "run")
    assert folder.status() is Status.RUNNING and folder.events_file.stat().st_size
    assert lock.holder_pid(folder.lock_file) is None
    size = folder.lock_file.stat().st_size
    for pid in (1, os.getpid(), 4_194_304, 7):
        lock.write_pid(descriptor, pid)
        assert lock.holder_pid(folder.lock_file) == pid
        assert folder.lock_file.stat().st_size == size
    os.close(descriptor)


def test_labels_are_checked() -> None:
    assert checked_labels(["a", "a", "b"], "x").tags == ("a", "b")
    assert checked_labels([], "bytes of Latin-1: \udce9").note == "bytes of Latin-1: ?"
    for bad in ("two words", "a,b", "a:b", ""):
        with pytest.raises(RunError, match="tag"):
            checked_labels([bad], "")
    with pytest.raises(RunError, match="note"):
        checked_labels([], "x" * 2001)


def test_requests_reach_the_folder(home: Home, spec: TrainingSpec) -> None:
    folder, descriptor = create_run(home, spec, Labels(), "run")
    assert control.requested(folder.path) is control.Command.RUN
    control.request(folder.path, control.Command.PAUSE)
    assert control.requested(folder.path) is control.Command.PAUSE
    (folder.path / "control").write_text("rubbish")
    assert control.requested(folder.path) is control.Command.RUN
    os.close(descriptor)
    assert control.kill(folder.path) is False
    assert not control.was_killed(folder.path)


def test_a_kill_leaves_a_mark_until_the_run_is_taken_up(home: Home, spec: TrainingSpec) -> None:
    folder, descriptor = create_run(home, spec, Labels(), "run")
    worker = subprocess.Popen(["sleep", "60"], pass_fds=[descriptor])
    lock.write_pid(descriptor, worker.pid)
    os.close(descriptor)
    assert control.kill(folder.path) is True
    worker.wait()
    assert control.was_killed(folder.path)
    assert control.kill(folder.path) is False  # it is dead already, and stays killed
    assert control.was_killed(folder.path)
    control.clear(folder.path)
    assert not control.was_killed(folder.path)


def test_another_process_with_the_workers_id_is_not_killed(
    home: Home, spec: TrainingSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, descriptor = create_run(home, spec, Labels(), "run")
    stranger = subprocess.Popen(["sleep", "60"])
    lock.write_pid(descriptor, stranger.pid)
    process = psutil.Process

    def while_the_worker_ends(pid: int) -> psutil.Process:
        os.close(descriptor)
        return process(pid)

    monkeypatch.setattr(psutil, "Process", while_the_worker_ends)
    assert control.kill(folder.path) is False
    assert stranger.poll() is None
    # One that began at another time than the one that is known by its id.
    monkeypatch.setattr(psutil, "Process", process)
    known = process(stranger.pid)
    monkeypatch.setattr(known, "is_running", lambda: False)
    assert control.kill_tree(known) is False
    assert stranger.poll() is None
    stranger.kill()
    stranger.wait()


def test_what_a_run_waits_for(home: Home, spec: TrainingSpec) -> None:
    folder, descriptor = create_run(home, spec, Labels(), "run")
    history = folder.empty_history()
    assert history.waiting_for == "starting the worker"
    history.apply(Queued(0.0))
    assert history.waiting_for == "waiting for its turn"
    history.apply(Preparing(0.0, "building the model"))
    assert history.waiting_for == "building the model"
    history.apply(Started(0.0, 1, 1, 1, 100, 6000, False, "CPU"))
    assert history.waiting_for == ""
    history.apply(Preparing(0.0, "compiling the first steps"))
    assert history.waiting_for == "compiling the first steps"
    history.apply(Batch(1.0, 1, 50, 50, 0.5, 0.9, 100.0, 1.0))
    assert history.waiting_for == ""
    # Killed while it paused, and resumed.
    history.apply(Paused(1.0, 50))
    assert history.paused and history.waiting_for == ""
    history.apply(Preparing(2.0, "starting the worker"))
    assert not history.paused and history.waiting_for == "starting the worker"
    os.close(descriptor)


def test_the_list_of_runs_sees_a_run_prepare_again(home: Home, spec: TrainingSpec) -> None:
    folder, descriptor = create_run(home, spec, Labels(), "run")
    log(folder, Batch(1.0, 1, 50, 50, 0.5, 0.9, 100.0, 1.0), Paused(1.0, 50))
    runs = Watchlist(home)
    runs.look()
    seen = runs.living[0]
    assert seen.summary is not None and seen.summary.status is Status.PAUSED
    log(folder, Preparing(2.0, "starting the worker"))
    runs.look()
    seen = runs.living[0]
    assert seen.summary is not None and seen.summary.status is Status.RUNNING
    assert seen.preparing == "starting the worker"
    os.close(descriptor)


def test_summary_of_each_state(home: Home, spec: TrainingSpec) -> None:
    folder, descriptor = create_run(home, spec, Labels(tags=("x",), note="hm"), "run")
    running = summarise(folder)
    assert running.status is Status.RUNNING and running.test_accuracy is None
    assert running.state is Status.PREPARING and "preparing" not in running.to_json()
    assert running.status_words == ("preparing", "preparing", "running")
    assert running.parameters == 101_770 and running.tags == ("x",) and running.note == "hm"
    os.close(descriptor)
    log(
        folder,
        Failed(2.0, 1, 77, 0.5, None, test_accuracy=0.3, reason="diverged", message="diverged"),
    )
    diverged = summarise(folder)
    assert diverged.diverged and diverged.test_accuracy is None
    assert (diverged.status, diverged.state) == (Status.FAILED, Status.DIVERGED)
    assert len(json.dumps(diverged.to_json())) < 2000


@pytest.mark.parametrize(("told", "completed"), [(3, 3), (3, 2), (2, 3), (0, 0), (101, 101)])
def test_summary_tells_each_epoch_where_all_are_known(
    home: Home, spec: TrainingSpec, told: int, completed: int
) -> None:
    folder, descriptor = create_run(home, spec, Labels(), "run")
    os.close(descriptor)
    values = [0.9, 0.95, 0.123456789, *[0.5] * 98][:told]
    epochs = [
        Epoch(1.0, place, 10 * place, 0.1, 0.9, 0.1, value, 1.0, 1.0, 1.0)
        for place, value in enumerate(values, 1)
    ]
    log(folder, *epochs, Finished(2.0, completed, 9, 0.5, 9.0, test_accuracy=0.95))
    found = summarise(folder).epoch_test_accuracies
    assert found == {3: (0.9, 0.95, 0.123457)[:completed]}.get(told, ())


@pytest.mark.parametrize(
    ("accuracies", "cold", "expected"),
    [
        ((0.98, 0.99, 0.992), (3.0, 4.0, 5.0), (2.0, 4.0)),  # the first that reaches it
        ((0.98, 0.9899, 0.98), (3.0, 4.0, 5.0), (None, None)),
        ((0.99, 0.98, 0.98), (None, None, None), (1.0, None)),  # a worker that stood by
        ((0.98, math.nan, 0.99), (3.0, None, None), (3.0, None)),
    ],
)
def test_summary_tells_when_99_percent_was_reached(
    home: Home,
    spec: TrainingSpec,
    accuracies: tuple[float, ...],
    cold: tuple[float | None, ...],
    expected: tuple[float | None, float | None],
) -> None:
    folder, descriptor = create_run(home, spec, Labels(), "run")
    os.close(descriptor)
    epochs = [
        Epoch(9.0, place, place, test_accuracy=value, seconds=float(place), cold_seconds=seconds)
        for place, (value, seconds) in enumerate(zip(accuracies, cold, strict=True), 1)
    ]
    log(folder, *epochs)
    told = summarise(folder)
    assert (told.seconds_to_99, told.cold_seconds_to_99) == expected
    log(folder, Finished(2.0, 3, 9, 3.0, 9.0, test_accuracy=accuracies[-1]))
    told = summarise(folder)
    assert (told.seconds_to_99, told.cold_seconds_to_99) == expected


@pytest.mark.parametrize(
    ("dataset", "accuracy", "confusion", "answer"),
    [
        ("mnist", 0.5, [[0, 5], [0, 5]], 1),
        ("fashion_mnist", 0.1, [[7, 0], [7, 0]], 0),
        ("mnist", 0.1135, [[4, 1], [2, 3]], None),  # by chance as many as show a 1
        ("mnist", 0.1135, [], 1),  # a log of an earlier version
        ("fashion_mnist", 0.1135, [], None),
    ],
)
def test_a_collapse_is_told_by_what_the_network_answers(
    home: Home,
    spec: TrainingSpec,
    dataset: str,
    accuracy: float,
    confusion: list[list[int]],
    answer: int | None,
) -> None:
    data = spec.dataset.model_copy(update={"name": dataset})
    spec = spec.model_copy(update={"dataset": data})
    folder, descriptor = create_run(home, spec, Labels(), "run")
    os.close(descriptor)
    log(folder, Finished(2.0, 1, 9, 0.5, 9.0, test_accuracy=accuracy, confusion=confusion))
    summary = summarise(folder)
    assert summary.collapsed_to == answer
    assert summary.state is (Status.FINISHED if answer is None else Status.COLLAPSED)
    assert summary.status is Status.FINISHED
    again = RunSummary.model_validate(summary.to_json())
    assert again.collapsed_to == answer  # what was judged once is not judged again
    old = {key: value for key, value in summary.to_json().items() if key != "collapsed_to"}
    by_accuracy = 1 if dataset == "mnist" and accuracy == 0.1135 else None
    assert RunSummary.model_validate(old).collapsed_to == by_accuracy
