"""One worker for run after run: handed over, refused, killed between."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.support import wait_until
from workbench.runs import lock, sequence
from workbench.runs.folder import RunFolder, create_run
from workbench.runs.plan import Plan, specs_for
from workbench.runs.record import Labels
from workbench.runs.sequence import KeptWorker
from workbench.settings import Home

# Stands for a worker: it "trains" each run until the file `go` is there.
WORKER = """
import os, socket, sys, time
from pathlib import Path
from workbench.runs.folder import RunFolder
from workbench.runs.sequence import next_run
channel = socket.socket(fileno=int(sys.argv[3]))
run = RunFolder(Path(sys.argv[1])), int(sys.argv[2])
while run is not None:
    while not (run[0].path / "go").exists():
        time.sleep(0.01)
    (run[0].path / "trained").write_text(str(os.getpid()))
    os.close(run[1])
    if (run[0].path / "deaf").exists():
        time.sleep(60)
    run = next_run(channel, 30)
"""


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[subprocess.Popen[bytes]]]:
    processes: list[subprocess.Popen[bytes]] = []

    def spawn(
        folder: RunFolder, descriptor: int, channel: int, worker: tuple[str, ...]
    ) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-c", WORKER, str(folder.path), str(descriptor), str(channel)]
        processes.append(subprocess.Popen(command, pass_fds=[descriptor, channel]))
        return processes[-1]

    monkeypatch.setattr(sequence, "spawn_worker", spawn)
    yield processes
    for process in processes:
        process.kill()
        process.wait()


@pytest.fixture
def runs(home: Home) -> list[tuple[RunFolder, int]]:
    specs = specs_for(home, "nn-1", Plan(repeats=3))
    return [create_run(home, spec, Labels(), "run") for spec in specs]


def begin(worker: KeptWorker, run: tuple[RunFolder, int], go: bool = True) -> RunFolder:
    folder, descriptor = run
    if go:
        (folder.path / "go").touch()
    worker.train(folder, descriptor)
    os.close(descriptor)
    return folder


def test_one_process_trains_run_after_run(
    started: list[subprocess.Popen[bytes]], runs: list[tuple[RunFolder, int]]
) -> None:
    worker = KeptWorker()
    assert worker.is_idle
    for run in runs:
        folder = begin(worker, run)
        wait_until(lambda: worker.is_idle)
        assert (folder.path / "trained").read_text() == str(started[0].pid)
    assert len(started) == 1
    worker.close()
    assert started[0].wait(10) == 0  # nobody gives it runs any more


def test_while_it_trains_the_lock_is_its_own_and_known(
    started: list[subprocess.Popen[bytes]], runs: list[tuple[RunFolder, int]]
) -> None:
    worker = KeptWorker()
    begin(worker, runs[0])
    wait_until(lambda: worker.is_idle)
    folder = begin(worker, runs[1], go=False)
    assert not worker.is_idle and lock.holder_pid(folder.lock_file) == started[0].pid
    worker.close()  # it ends what it has
    assert lock.is_held(folder.lock_file)
    (folder.path / "go").touch()
    wait_until(lambda: worker.is_idle)
    assert (folder.path / "trained").exists()


def test_killed_it_costs_only_its_own_run(
    started: list[subprocess.Popen[bytes]], runs: list[tuple[RunFolder, int]]
) -> None:
    worker = KeptWorker()
    lost = begin(worker, runs[0], go=False)
    os.kill(started[0].pid, signal.SIGKILL)
    wait_until(lambda: worker.is_idle)
    folder = begin(worker, runs[1])
    wait_until(lambda: worker.is_idle)
    assert not (lost.path / "trained").exists()
    assert (folder.path / "trained").read_text() == str(started[1].pid)


def test_one_that_does_not_answer_is_ended_before_another_has_its_run(
    started: list[subprocess.Popen[bytes]],
    runs: list[tuple[RunFolder, int]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sequence, "TAKE_SECONDS", 0.2)
    worker = KeptWorker()
    (runs[0][0].path / "deaf").touch()
    begin(worker, runs[0])
    wait_until(lambda: worker.is_idle)
    folder = begin(worker, runs[1])
    wait_until(lambda: worker.is_idle)
    assert started[0].returncode == -signal.SIGKILL
    assert (folder.path / "trained").read_text() == str(started[1].pid)


def test_other_threads_need_another_process(
    started: list[subprocess.Popen[bytes]], home: Home, runs: list[tuple[RunFolder, int]]
) -> None:
    worker = KeptWorker()
    begin(worker, runs[0])
    wait_until(lambda: worker.is_idle)
    (spec,) = specs_for(home, "nn-1", Plan(threads=1))
    begin(worker, create_run(home, spec, Labels(), "run"))
    wait_until(lambda: worker.is_idle)
    assert len(started) == 2 and started[0].wait(10) == 0
