"""The standby worker: given a run it is a worker like any other; left alone it ends."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from workbench.data.catalogue import describe_dataset
from workbench.model.overrides import Overrides
from workbench.model.spec import TrainingSpec
from workbench.runs import lock
from workbench.runs.folder import RunFolder, RunStatus
from workbench.runs.launcher import launch
from workbench.runs.plan import Plan, dataset_ref, specs_for
from workbench.runs.record import Labels
from workbench.runs.standby import Standby
from workbench.settings import Home


def wait_for(condition: Callable[[], object], seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.05)


def standby_processes(home: Home) -> list[psutil.Process]:
    found = []
    for process in psutil.Process().children(recursive=True):
        try:
            if "workbench.training.standby" in process.cmdline() and process.status() != "zombie":
                found.append(process)
        except psutil.Error:
            continue
    return found


@pytest.fixture
def standby() -> Iterator[Standby]:
    standby = Standby()
    yield standby
    standby.close()


def spec(home: Home) -> TrainingSpec:
    return specs_for(home, "nn-1", Plan(Overrides(epochs=1), train_limit=3000))[0]


def train(home: Home, standby: Standby) -> RunFolder:
    (folder,) = launch(home, [spec(home)], Labels(), "app", standby)
    wait_for(lambda: not lock.is_held(folder.lock_file))
    assert folder.status() is RunStatus.FINISHED, folder.log_file.read_text()
    return folder


def test_a_cold_and_a_warm_one_train_alike(home: Home, standby: Standby) -> None:
    (alone,) = launch(home, [spec(home)], Labels(), "run")
    standby.start()
    assert not standby.is_warm
    cold = train(home, standby)
    standby.start()
    wait_for(lambda: standby.is_warm)
    pid = standby_processes(home)[0].pid
    warm = train(home, standby)
    started = warm.history().started
    assert started is not None and started.pid == pid
    wait_for(lambda: not lock.is_held(alone.lock_file))
    losses = {folder.history().epochs[-1].test_loss for folder in (cold, warm, alone)}
    assert len(losses) == 1  # warming up has left no trace in the result


def test_it_ends_when_nobody_wants_it(home: Home, tmp_path: Path) -> None:
    standby = Standby()
    standby.start()
    (process,) = standby_processes(home)
    assert standby._socket is not None
    standby._socket.close()  # as when the screens are killed
    process.wait(timeout=60)


def test_a_dead_one_is_no_loss(home: Home, standby: Standby) -> None:
    standby.start()
    for process in standby_processes(home):
        process.kill()
    train(home, standby)


def test_closing_leaves_no_process(home: Home) -> None:
    standby = Standby()
    standby.start()
    assert standby_processes(home)
    standby.close()
    assert not standby_processes(home)


def test_what_it_reads_early_is_what_runs_ask_for(home: Home) -> None:
    ready = dataset_ref(describe_dataset("mnist"))
    assert specs_for(home, "nn-1", Plan())[0].dataset == ready
