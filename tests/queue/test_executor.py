"""The executor of this machine: its share of the cores, and ending what has trained nothing."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from tests.queue.scripted import spec
from workbench.model.spec import TrainingSpec
from workbench.queue import runner
from workbench.queue.runner import LocalJob, WorkersExecutor, outcome_of
from workbench.queue.store import Engine
from workbench.queue.view import seconds_for_all
from workbench.runs import control
from workbench.runs.events import Batch, Epoch, Preparing, Started
from workbench.runs.folder import RunFolder, create_run
from workbench.runs.log import EventWriter
from workbench.runs.record import Labels
from workbench.runs.sequence import KeptWorker
from workbench.runs.status import Status
from workbench.settings import Home


def test_a_cluster_gets_what_each_training_takes(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[tuple[tuple[str, ...], int | None]] = []

    def train(worker: KeptWorker, folder: RunFolder, descriptor: int) -> None:
        begun.append((worker._worker, folder.spec.threads))

    monkeypatch.setattr(KeptWorker, "train", train)
    engine = Engine(executor="ray", address="ray://head:10001", cpus=2, gpus=0.5)
    WorkersExecutor(home, engine).submit(spec(), Labels(), "sweep", 3)
    arguments = ("--address", "ray://head:10001", "--cpus", "2", "--gpus", "0.5")
    assert begun == [(("workbench.training.ray_worker", *arguments), 2)]


@pytest.mark.parametrize(
    ("jobs", "own", "threads"),
    [(1, None, None), (2, None, 4), (3, None, 2), (16, None, 1), (2, 3, 3)],
)
def test_jobs_share_the_cores(
    home: Home, monkeypatch: pytest.MonkeyPatch, jobs: int, own: int | None, threads: int | None
) -> None:
    begun: list[TrainingSpec] = []

    def train(worker: KeptWorker, folder: RunFolder, descriptor: int) -> None:
        begun.append(folder.record.spec)

    monkeypatch.setattr(runner, "usable_cores", lambda: 8)
    monkeypatch.setattr(KeptWorker, "train", train)
    asked = spec().model_copy(update={"threads": own})
    WorkersExecutor(home, Engine()).submit(asked, Labels(), "sweep", jobs)
    assert [item.threads for item in begun] == [threads]


def test_the_time_of_all() -> None:
    assert seconds_for_all([12.0, 20.0], [5.0, None]) == pytest.approx(16.0 + 5.0)
    assert seconds_for_all([], [None]) is None
    assert seconds_for_all([], []) == 0


@pytest.fixture
def job(home: Home) -> Iterator[LocalJob]:
    """A worker that looks at no request, as while TensorFlow is loaded."""
    folder, descriptor = create_run(home, spec(), Labels(), "sweep")
    process = subprocess.Popen(
        [sys.executable, "-c", "import time; time.sleep(600)"], pass_fds=[descriptor]
    )
    os.close(descriptor)
    write(folder, Preparing(time.time(), "loading TensorFlow"))
    yield LocalJob(folder, process)
    process.kill()
    process.wait()


def write(folder: RunFolder, *events: Preparing | Started | Batch | Epoch) -> None:
    writer = EventWriter(folder.events_file)
    for event in events:
        writer.write(event)
    writer.close()


def ended(job: LocalJob) -> bool:
    deadline = time.monotonic() + 10
    while not job.ended():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def test_a_worker_that_has_trained_nothing_is_ended_at_once_and_waits(job: LocalJob) -> None:
    job.stop()
    assert ended(job)
    assert job.folder.status() is Status.STOPPED
    assert outcome_of(job.folder, interrupted=True)["state"] is Status.WAITING


def test_a_run_taken_up_keeps_what_it_had_when_it_is_ended_early(job: LocalJob) -> None:
    now = time.time()
    write(
        job.folder,
        Started(now, 1, 101_770, 10, 1875, 60_000, False, "cpu"),
        Batch(now, 1, 1875, 10, 0.3, 0.9, 9e4, 2.0),
        Epoch(now, 1, 1875, 0.2, 0.9, 0.2, 0.95, 9e3, 1.0, 2.0),
        Preparing(now, "starting the worker"),
    )
    job.stop()
    assert ended(job)
    assert job.folder.status() is Status.STOPPED
    history = job.folder.history()
    assert history.ending is not None
    assert (history.ending.epochs_completed, history.ending.test_accuracy) == (1, 0.95)


def test_a_worker_that_trains_is_asked_to_save(job: LocalJob) -> None:
    now = time.time()
    write(
        job.folder,
        Started(now, 1, 101_770, 10, 1875, 60_000, False, "cpu"),
        Batch(now, 1, 10, 10, 0.3, 0.9, 9e4, 0.1),
    )
    job.stop()
    assert control.requested(job.folder.path) is control.Command.STOP
    time.sleep(0.1)
    assert not job.ended()


def test_a_worker_of_another_process_is_asked_and_not_ended(job: LocalJob) -> None:
    LocalJob(job.folder).stop()
    assert control.requested(job.folder.path) is control.Command.STOP
    time.sleep(0.1)
    assert not job.ended()
