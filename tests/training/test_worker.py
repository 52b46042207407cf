"""The worker's own part, without TensorFlow: what it writes when the disk is full."""

from __future__ import annotations

import errno
import io
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import made_run
from workbench.runs.events import Ended, Stopped
from workbench.runs.folder import RunFolder
from workbench.runs.log import EventWriter
from workbench.runs.status import Status
from workbench.runs.summary import summarise
from workbench.settings import Home
from workbench.training import worker as worker_module
from workbench.training.worker import Worker

FULL = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.fixture
def folder(home: Home) -> Iterator[RunFolder]:
    before = {number: signal.getsignal(number) for number in (1, 2, 15)}
    folder = made_run(home)
    yield folder
    for number, handler in before.items():
        signal.signal(number, handler)


def full(*_: object, **__: object) -> None:
    raise FULL


def test_a_full_disk_is_told_though_its_log_takes_nothing(
    folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Worker, "_train", full)
    log = io.StringIO()  # as worker.log on that disk
    monkeypatch.setattr(log, "write", full)
    monkeypatch.setattr(sys, "stderr", log)
    assert Worker(folder).run() == 1
    summary = summarise(folder)
    assert summary.status is Status.FAILED
    assert "No space left on device" in summary.message and "resume" in summary.message


def test_without_room_for_the_reserve_it_is_told_all_the_same(
    folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_module, "TemporaryFile", full)
    assert Worker(folder).run() == 1
    assert "No space left on device" in summarise(folder).message


def test_the_reserve_is_free_before_the_ending_is_written_and_leaves_no_file(
    folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[str, int]] = []

    def reserved() -> int:
        sizes = [os.fstat(number).st_size for number in open_files()]
        return sum(size for size in sizes if size == worker_module.RESERVE_BYTES)

    def train(self: Worker) -> Ended:
        seen.append(("training", reserved()))
        assert not any("reserve" in name or "tmp" in name for name in os.listdir(folder.path))
        return Stopped(0.0, 0, 0, 0.0, None)

    real = EventWriter.write

    def write(self: EventWriter, event: Ended, *, durable: bool = False) -> None:
        seen.append(("ending", reserved()))
        real(self, event, durable=durable)

    monkeypatch.setattr(Worker, "_train", train)
    monkeypatch.setattr(EventWriter, "write", write)
    assert Worker(folder).run() == 0
    assert seen == [("training", worker_module.RESERVE_BYTES), ("ending", 0)]


def open_files() -> list[int]:
    found = []
    for name in os.listdir("/proc/self/fd"):
        try:
            os.fstat(int(name))
        except OSError:  # the listing's own
            continue
        found.append(int(name))
    return found


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="Linux alone begins it anew")
def test_the_peak_of_memory_is_not_that_of_the_run_before() -> None:
    block = bytearray(b"x") * (200 << 20)
    high = worker_module._peak_memory_mib()
    del block
    worker_module.forget_peak_memory()
    assert worker_module._peak_memory_mib() < high - 150


def test_keras_comes_without_what_it_can_do_without_and_the_process_leaves_at_once() -> None:
    code = """
import atexit, gc, sys
from workbench.runs.process import leave
from workbench.training.worker import load_keras

load_keras()
print(*(name for name in ("keras", "matplotlib", "scipy") if name in sys.modules), gc.isenabled())
atexit.register(print, "taken down in good order")
import matplotlib, scipy  # as whoever wants them may
leave(3)
"""
    done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert (done.stdout, done.returncode) == ("keras True\n", 3)
