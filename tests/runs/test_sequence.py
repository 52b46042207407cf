"""A sequence of runs: one after the other, and what becomes of those that wait."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from workbench.errors import EnvironmentProblem
from workbench.runs import control, lock, sequence, service
from workbench.runs.events import Queued
from workbench.runs.folder import RunFolder, create_run
from workbench.runs.log import write_event
from workbench.runs.plan import Plan, specs_for
from workbench.runs.record import Labels
from workbench.runs.sequence import Sequence
from workbench.runs.service import write_stopped
from workbench.runs.status import Status
from workbench.settings import Home

Waiting = list[tuple[RunFolder, int]]

# Stands for a worker: it holds the run's lock and ends once it is asked to stop.
WORKER = """
import sys, time
from pathlib import Path
from workbench.runs import control, service
from workbench.runs.folder import RunFolder
folder = RunFolder(Path(sys.argv[1]))
while control.requested(folder.path) is not control.Command.STOP:
    time.sleep(0.02)
service.write_stopped(folder)
"""


@pytest.fixture
def waiting(home: Home) -> Waiting:
    made = []
    for spec in specs_for(home, "nn-1", Plan(repeats=3)):
        folder, descriptor = create_run(home, spec, Labels(), "run")
        write_event(folder.events_file, Queued(time.time()))
        made.append((folder, descriptor))
    return made


def fake_worker(folder: RunFolder, descriptor: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", WORKER, str(folder.path)], pass_fds=[descriptor])


def test_told_to_end_it_stops_what_trains_and_what_waits(
    waiting: Waiting, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A signal, as a person sends it, while the first run trains."""
    told = Sequence()

    def spawn(
        folder: RunFolder, descriptor: int, channel: int, kind: object
    ) -> subprocess.Popen[bytes]:
        assert folder == waiting[0][0], "a run was begun after the signal"
        process = fake_worker(folder, descriptor)
        os.kill(os.getpid(), signal.SIGINT)
        return process

    monkeypatch.setattr(sequence, "spawn_worker", spawn)
    before = signal.signal(signal.SIGINT, told.stop)
    try:
        told.train(waiting)
    finally:
        signal.signal(signal.SIGINT, before)
    for folder, _ in waiting:
        assert folder.status() is Status.STOPPED
        assert folder.status().resumable and not lock.is_held(folder.lock_file)


def test_a_run_that_cannot_be_begun_does_not_end_the_others(
    waiting: Waiting, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    begun = []

    def spawn(
        folder: RunFolder, descriptor: int, channel: int, kind: object
    ) -> subprocess.Popen[bytes]:
        begun.append(folder)
        if len(begun) == 1:
            raise OSError(28, "No space left on device")
        control.request(folder.path, control.Command.STOP)
        return fake_worker(folder, descriptor)

    monkeypatch.setattr(sequence, "spawn_worker", spawn)
    Sequence().train(waiting)
    assert begun == [folder for folder, _ in waiting]
    states = [folder.status() for folder in begun]
    assert states == [Status.CRASHED, Status.STOPPED, Status.STOPPED]
    assert "No space left" in capsys.readouterr().err


def test_the_process_takes_both_signals(waiting: Waiting, monkeypatch: pytest.MonkeyPatch) -> None:
    taken: dict[int, object] = {}
    monkeypatch.setattr(signal, "signal", lambda number, handler: taken.update({number: handler}))
    trained: list[Waiting] = []
    monkeypatch.setattr(Sequence, "train", lambda self, runs: trained.append(runs))
    before = os.umask(0)
    try:
        sequence.main([f"{descriptor}:{folder.path}" for folder, descriptor in waiting])
    finally:
        os.umask(before)
    assert trained == [waiting]
    assert taken[signal.SIGHUP] is signal.SIG_IGN
    for number in (signal.SIGTERM, signal.SIGINT):
        assert getattr(taken[number], "__func__", None) is Sequence.stop


def test_an_ending_that_is_there_stays(waiting: Waiting) -> None:
    folder, descriptor = waiting[0]
    write_stopped(folder)
    content = folder.events_file.read_bytes()
    write_stopped(folder)
    os.close(descriptor)
    assert folder.events_file.read_bytes() == content


def test_a_failed_start_of_a_sequence_leaves_no_run(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuses(*_: object) -> None:
        raise OSError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(service, "start_detached", refuses)
    with pytest.raises(EnvironmentProblem, match="worker cannot be started"):
        service.launch(home, specs_for(home, "nn-1", Plan(repeats=3)), Labels(), "run")
    assert list(Path(home.runs).iterdir()) == []
