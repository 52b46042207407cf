"""The standby worker: given a run it is a worker like any other; left alone it ends."""

from __future__ import annotations

import os
import select
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import psutil
import pytest

from tests.support import wait_until
from workbench.data.catalogue import describe_dataset
from workbench.model.architecture import Architecture
from workbench.model.hyperparameters import Overrides
from workbench.model.layers import Dense
from workbench.model.spec import TrainingSpec
from workbench.runs import lock
from workbench.runs.events import Preparing
from workbench.runs.folder import RunFolder
from workbench.runs.log import EventReader
from workbench.runs.plan import Plan, dataset_ref, specs_for
from workbench.runs.record import Labels
from workbench.runs.service import launch
from workbench.runs.standby import LEAST_FREE_BYTES, Standby, _name, _runtime_folder
from workbench.runs.status import Status
from workbench.settings import Home
from workbench.training.checkpoint import load_checkpoint


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
def standby(home: Home) -> Iterator[Standby]:
    standby = Standby(home)
    yield standby
    standby.close()


def spec(home: Home, preset: str = "nn-1", seed: int = 0, images: int = 3000) -> TrainingSpec:
    plan = Plan(Overrides(epochs=1), train_limit=images, seed=seed)
    return specs_for(home, preset, plan)[0]


def train(home: Home, standby: Standby | None, what: TrainingSpec | None = None) -> RunFolder:
    (folder,) = launch(home, [what or spec(home)], Labels(), "app", standby)
    wait_until(lambda: not lock.is_held(folder.lock_file))
    assert folder.status() is Status.FINISHED, folder.log_file.read_text()
    return folder


def warmed(standby: Standby, expected: TrainingSpec | None = None) -> Standby:
    standby.start()
    wait_until(lambda: standby.is_warm)
    if expected is not None:
        standby.expect(expected)
    return standby


def compiled_itself(folder: RunFolder) -> bool:
    """Whether the run had to wait for its own compilation."""
    events = EventReader(folder.events_file).read()
    return any(isinstance(event, Preparing) and "compil" in event.what for event in events)


def outcome(folder: RunFolder) -> list[npt.NDArray[Any]]:
    """All that a training leaves behind: weights, seeds, the optimizer's state, the losses."""
    model, progress = load_checkpoint(folder.model_file)
    epoch = folder.history().epochs[-1]
    losses = np.array([epoch.loss, epoch.test_loss, progress.test_accuracy])
    return [np.array(part) for part in (*model.variables, *model.optimizer.variables)] + [losses]


def test_a_cold_and_a_warm_one_train_alike(home: Home, standby: Standby) -> None:
    (alone,) = launch(home, [spec(home)], Labels(), "run")
    standby.start()
    assert not standby.is_warm
    cold = train(home, standby)
    standby.start()
    wait_until(lambda: standby.is_warm)
    pid = standby_processes(home)[0].pid
    warm = train(home, standby)
    started = warm.history().started
    assert started is not None and started.pid == pid
    wait_until(lambda: not lock.is_held(alone.lock_file))
    losses = {folder.history().epochs[-1].test_loss for folder in (cold, warm, alone)}
    assert len(losses) == 1  # warming up has left no trace in the result


# A model that XLA compiles whole, and one with convolutions and dropout that it does not.
@pytest.mark.parametrize(
    ("preset", "expected_seed"), [("nn-1", 0), ("cnn-2-tuned", 0), ("cnn-2-tuned", 3)]
)
def test_compiled_ahead_it_ends_bit_for_bit_as_without(
    home: Home, standby: Standby, preset: str, expected_seed: int
) -> None:
    wanted = spec(home, preset, seed=3, images=630)  # the last batch is half a one
    cold = train(home, None, wanted)
    warmed(standby, spec(home, preset, seed=expected_seed, images=630))
    wait_until(lambda: standby.is_ready)
    warm = train(home, standby, wanted)
    assert compiled_itself(cold) and not compiled_itself(warm)
    first, ahead_first = (folder.history().epochs[0] for folder in (cold, warm))
    assert first.cold_seconds is not None and first.cold_seconds > first.seconds
    assert ahead_first.cold_seconds is None  # how long that one was warm tells nothing
    for alone, ahead in zip(outcome(cold), outcome(warm), strict=True):
        np.testing.assert_array_equal(alone, ahead)


def test_only_the_last_expected_is_kept(home: Home, standby: Standby) -> None:
    warmed(standby, spec(home, "cnn-1"))
    wait_until(lambda: standby.is_ready)
    standby.expect(spec(home))
    assert not standby.is_ready
    wait_until(lambda: standby.is_ready)
    assert compiled_itself(train(home, standby, spec(home, "cnn-1", images=600)))


def test_a_run_that_comes_while_it_compiles_that_one(home: Home, standby: Standby) -> None:
    warmed(standby, spec(home, seed=1))
    folder = train(home, standby)
    assert not compiled_itself(folder)


def test_a_run_that_comes_while_it_compiles_another(home: Home, standby: Standby) -> None:
    alone = train(home, None)
    warmed(standby, spec(home, "cnn-2-tuned"))
    pid = standby_processes(home)[0].pid
    folder = train(home, standby)
    started = folder.history().started
    assert started is not None and started.pid == pid
    assert compiled_itself(folder)
    assert outcome(folder)[-1].tolist() == outcome(alone)[-1].tolist()


def test_what_cannot_be_compiled_is_left_to_the_run(home: Home, standby: Standby) -> None:
    impossible = spec(home).model_copy(
        update={"architecture": Architecture(layers=(Dense(units=10),))}
    )
    warmed(standby, impossible)
    wait_until(lambda: standby.is_ready)
    train(home, standby)


def test_one_that_has_compiled_much_is_replaced(
    home: Home, standby: Standby, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workbench.runs.standby.MOST_COMPILED", 1)
    warmed(standby, spec(home))
    wait_until(lambda: standby.is_ready)
    (first,) = standby_processes(home)
    standby.expect(spec(home, seed=5))  # has been compiled already
    assert first.is_running()
    standby.expect(spec(home, "cnn-1"))
    first.wait(timeout=60)
    warmed(standby, spec(home, "cnn-1"))
    wait_until(lambda: standby.is_ready)
    assert not compiled_itself(train(home, standby, spec(home, "cnn-1")))


def test_one_that_is_at_once_at_work_is_left_to_it(
    standby: Standby, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    warmed(standby)
    (process,) = standby_processes(home)
    give = socket.send_fds

    def give_and_wait(*arguments: Any) -> int:
        """As when the worker has heard all and closed its end before the sender goes on."""
        sent = give(*arguments)
        wait_until(lambda: select.select([arguments[0]], [], [], 0)[0])
        return sent

    monkeypatch.setattr(socket, "send_fds", give_and_wait)
    started = train(home, standby).history().started
    assert started is not None and started.pid == process.pid


def test_it_ends_with_the_screens_while_it_compiles(home: Home) -> None:
    standby = warmed(Standby(home), spec(home, "cnn-2-tuned"))
    (process,) = standby_processes(home)
    assert standby._channel is not None
    standby._channel.close()  # as when the screens are killed
    process.wait(timeout=60)


def test_it_ends_when_nobody_wants_it(home: Home, tmp_path: Path) -> None:
    standby = Standby(home)
    standby.start()
    (process,) = standby_processes(home)
    assert standby._channel is not None
    standby._channel.close()  # as when the screens are killed
    process.wait(timeout=60)


def test_a_dead_one_is_no_loss(home: Home, standby: Standby) -> None:
    standby.start()
    for process in standby_processes(home):
        process.kill()
    train(home, standby)


def test_closing_leaves_no_process(home: Home) -> None:
    standby = Standby(home)
    standby.start()
    (process,) = standby_processes(home)
    standby.close()
    process.wait(timeout=60)
    assert not list(_runtime_folder().glob(f"{_name(home)}*"))


def test_one_serves_all_apps_of_a_home(home: Home, standby: Standby) -> None:
    other, third = Standby(home), Standby(home)
    for app in (standby, other, third):
        app.start()
    (process,) = standby_processes(home)
    wait_until(lambda: standby.is_warm and other.is_warm)
    third.close()
    other.expect(spec(home))
    wait_until(lambda: other.is_ready)
    folder = train(home, standby, spec(home))  # what the other has had compiled serves this one
    started = folder.history().started
    assert started is not None and started.pid == process.pid
    assert not compiled_itself(folder)
    assert not other.is_warm  # it is a run's worker now
    other.start()
    (next_one,) = standby_processes(home)
    assert next_one.pid != process.pid
    standby.close()  # one that goes leaves it to the other
    wait_until(lambda: other.is_warm)
    other.close()
    next_one.wait(timeout=60)


def test_of_two_who_take_it_at_once_one_gets_it(home: Home, standby: Standby) -> None:
    other = Standby(home)
    for app in (standby, other):
        app.start()
    (process,) = standby_processes(home)
    folders = [launch(home, [spec(home)], Labels(), "app", app)[0] for app in (standby, other)]
    for folder in folders:
        wait_until(lambda: not lock.is_held(folder.lock_file))  # noqa: B023
    starts = [folder.history().started for folder in folders]
    assert [start is not None and start.pid == process.pid for start in starts] == [True, False]


def test_one_that_is_taken_and_never_given_a_run_ends(home: Home, standby: Standby) -> None:
    standby.start()
    (process,) = standby_processes(home)
    standby._path.unlink()  # as when the app is killed in that moment
    standby.close()
    process.wait(timeout=60)
    assert not list(_runtime_folder().glob(f"{_name(home)}*"))


def test_none_where_memory_is_short(
    home: Home, standby: Standby, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workbench.runs.standby.free_memory_bytes", lambda: LEAST_FREE_BYTES - 1)
    standby.start()
    assert not standby_processes(home)


def test_an_app_whose_workers_would_do_otherwise_has_its_own(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = _name(home)
    monkeypatch.setenv("SSH_TTY", "/dev/pts/9")
    assert _name(home) == name
    assert _name(Home(tmp_path / "other")) != name
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "0")
    assert _name(home) != name


def test_a_place_for_sockets_that_others_may_write_to_is_not_used(
    home: Home, standby: Standby, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    (tmp_path / f"mnist-workbench-{os.getuid()}").mkdir(mode=0o777)
    (tmp_path / f"mnist-workbench-{os.getuid()}").chmod(0o777)
    standby.start()
    assert not standby_processes(home)


def test_what_it_reads_early_is_what_runs_ask_for(home: Home) -> None:
    ready = dataset_ref(describe_dataset("mnist"))
    assert specs_for(home, "nn-1", Plan())[0].dataset == ready
