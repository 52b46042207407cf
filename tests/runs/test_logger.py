"""A training loop of the user's own as a run: what is written, how it ends, what it survives."""

from __future__ import annotations

import math
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

import workbench
from workbench.errors import RunError
from workbench.runs import control, lock, logger
from workbench.runs.events import Batch, Ended, Epoch, Failed, Finished, Paused, Resumed, Started
from workbench.runs.folder import RunFolder, all_runs
from workbench.runs.log import EventReader
from workbench.runs.record import ScriptRecord
from workbench.runs.status import Status
from workbench.runs.summary import ScriptSummary, summary_of
from workbench.settings import Home


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setenv("MNIST_WORKBENCH_HOME", str(tmp_path / "home"))
    monkeypatch.delenv(logger.JOIN_VARIABLE, raising=False)
    return Home(tmp_path / "home")


@pytest.fixture
def each_point(monkeypatch: pytest.MonkeyPatch) -> None:
    """Write every step as a point of its own."""
    monkeypatch.setattr(logger, "SECONDS_A_POINT", 0.0)


def only(home: Home) -> RunFolder:
    [folder] = all_runs(home)
    return folder


def events(home: Home, kind: type) -> list:
    return [
        event for event in EventReader(only(home).events_file).read() if isinstance(event, kind)
    ]


def summary(home: Home) -> ScriptSummary:
    found = summary_of(only(home))
    assert isinstance(found, ScriptSummary)
    return found


def test_a_loop_is_a_run_with_its_metrics(home: Home, each_point: None) -> None:
    config = {"lr": 0.1, "model": {"width": 32}, "data": Path("x.npz"), "worst": math.inf}
    with workbench.start("gan", config=config, epochs=3, tags=["night"]) as run:
        assert only(home).status() is Status.RUNNING
        for step in range(1, 4):
            run.log(step=step, loss=1.0 / step, **{"d/accuracy": 0.5})
    folder = only(home)
    assert folder.status() is Status.FINISHED and not lock.is_held(folder.lock_file)
    record = folder.record
    assert isinstance(record, ScriptRecord) and record.script.epochs == 3
    settings = {"lr": 0.1, "model.width": 32, "data": "x.npz", "worst": "inf"}
    assert record.script.config == settings
    assert [(event.step, event.metrics) for event in events(home, Batch)] == [
        (step, {"loss": 1.0 / step, "d/accuracy": 0.5}) for step in range(1, 4)
    ]
    found = summary(home)
    assert found.metrics == {"loss": 1 / 3, "d/accuracy": 0.5}
    assert (found.title, found.tags, found.step) == ("gan", ("night",), 3)
    assert '"event":"log"' in folder.events_file.read_text().splitlines()[0]


def test_ten_points_a_second_each_the_mean_of_its_stretch(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [100.0]
    monkeypatch.setattr(logger.time, "monotonic", lambda: now[0])
    with workbench.start("fast") as run:
        for step in range(1, 101):  # a second of a hundred steps
            run.log(step=step, loss=float(step))
            now[0] += 0.01
    points = events(home, Batch)
    assert len(points) == 11  # the first step, and one every tenth of a second
    assert points[0].metrics == {"loss": 1.0}
    place = 1
    for point in points[1:]:
        assert point.steps == point.step - place
        assert point.metrics == {"loss": pytest.approx((place + 1 + point.step) / 2)}
        place = point.step
    assert place == 100


def test_steps_that_begin_again_are_the_next_epoch(home: Home, each_point: None) -> None:
    with workbench.start("loop", epochs=2) as run:
        for _ in range(2):
            for step in range(5):
                run.log(step=step, loss=1.0)
        run.end_epoch(val_loss=0.5)
    assert [point.step for point in events(home, Batch)] == list(range(1, 11))
    assert [(epoch.epoch, epoch.step) for epoch in events(home, Epoch)] == [(1, 5), (2, 10)]
    assert events(home, Epoch)[1].metrics == {"loss": 1.0, "val_loss": 0.5}
    history = only(home).history()
    assert (history.steps_per_epoch, history.planned_steps) == (5, 10)


def test_epochs_that_are_ended_are_not_counted_twice(home: Home, each_point: None) -> None:
    with workbench.start("loop") as run:
        for _ in range(3):
            for step in range(4):
                run.log(step=step, loss=1.0)
            run.end_epoch()
    assert [(epoch.epoch, epoch.step) for epoch in events(home, Epoch)] == [(1, 4), (2, 8), (3, 12)]


def test_steps_counted_over_all_epochs_stay_so(home: Home, each_point: None) -> None:
    with workbench.start("loop") as run:
        for step in range(1, 9):
            run.log(step=step, loss=1.0)
            if step % 4 == 0:
                run.end_epoch()
    assert [(epoch.epoch, epoch.step) for epoch in events(home, Epoch)] == [(1, 4), (2, 8)]
    assert [point.step for point in events(home, Batch)] == list(range(1, 9))


def test_an_exception_is_a_failure_that_says_which(home: Home) -> None:
    with pytest.raises(ValueError, match="bad data"), workbench.start("x") as run:
        run.log(loss=1.0)
        raise ValueError("bad data")
    assert only(home).status() is Status.FAILED
    assert summary(home).message == "ValueError: bad data"


def test_ctrl_c_is_a_stop(home: Home) -> None:
    with pytest.raises(KeyboardInterrupt), workbench.start("x"):
        raise KeyboardInterrupt
    assert only(home).status() is Status.STOPPED


def test_a_loss_that_is_no_number_at_the_end_has_diverged(home: Home, each_point: None) -> None:
    with workbench.start("x") as run:
        run.log(step=1, loss=1.0)
        run.log(step=2, loss=math.nan)
        run.log(step=3, loss=math.nan)
    [ending] = events(home, Failed)
    assert ending.diverged and ending.step == 2
    assert summary(home).state is Status.DIVERGED and summary(home).metrics == {"loss": None}


def test_stop_and_pause_from_elsewhere(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logger, "SECONDS_A_POINT", 0.0)
    monkeypatch.setattr(logger, "PAUSE_POLL_SECONDS", 0.001)
    with workbench.start("x") as run:
        folder = only(home)
        assert not run.should_stop
        control.request(folder.path, control.Command.PAUSE)
        threading.Timer(0.2, control.request, [folder.path, control.Command.STOP]).start()
        began = time.monotonic()
        run.log(step=1, loss=1.0)
        assert time.monotonic() - began > 0.15  # it was held
        assert run.should_stop
    assert folder.status() is Status.STOPPED
    assert len(events(home, Paused)) == len(events(home, Resumed)) == 1
    assert summary(home).train_seconds < 0.15  # a pause is no training


def test_a_process_that_dies_has_crashed(home: Home) -> None:
    code = "import os, workbench\nrun = workbench.start('x')\nrun.log(loss=1.0)\nos._exit(3)\n"
    assert subprocess.run([sys.executable, "-c", code], env={**os.environ}).returncode == 3
    assert only(home).status() is Status.CRASHED


@pytest.mark.parametrize(
    ("last_line", "status"),
    [
        ("pass", Status.FINISHED),
        ("1 / 0", Status.FAILED),
        ("raise KeyboardInterrupt", Status.STOPPED),
        ("raise SystemExit(0)", Status.FINISHED),
    ],
)
def test_a_run_that_nobody_ends_ends_with_its_process(
    home: Home, last_line: str, status: Status
) -> None:
    code = f"import workbench\nrun = workbench.start('x')\nrun.log(loss=1.0)\n{last_line}\n"
    subprocess.run([sys.executable, "-c", code], capture_output=True)
    assert only(home).status() is status


def test_an_error_at_a_prompt_is_not_how_the_run_ended(home: Home) -> None:
    code = b"import workbench\nrun = workbench.start('x')\nrun.log(loss=1.0)\ntypo\n"
    subprocess.run([sys.executable, "-i"], input=code, capture_output=True)
    assert only(home).status() is Status.FINISHED


def test_nothing_heavy_is_loaded(home: Home) -> None:
    code = (
        "import sys, workbench\nassert 'workbench.runs' not in sys.modules\n"
        "with workbench.start('x') as run: run.log(loss=1.0)\n"
        "heavy = {'tensorflow', 'keras', 'torch', 'textual', 'tinydb', 'matplotlib', 'scipy'}\n"
        "sys.exit(bool(heavy & set(sys.modules)))\n"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_a_forked_child_neither_writes_nor_holds_the_run(home: Home, each_point: None) -> None:
    run = workbench.start("x")
    run.log(loss=1.0)
    here, there = os.pipe()
    pid = os.fork()
    if pid == 0:  # a loader's process, which outlives its parent's run
        run.log(loss=2.0)
        run.finish()
        os.close(there)
        os.read(here, 1)
        os._exit(0)
    os.close(here)
    time.sleep(0.05)
    assert only(home).status() is Status.RUNNING
    run.finish()
    held = lock.is_held(only(home).lock_file)
    os.close(there)
    os.waitpid(pid, 0)
    assert not held
    assert [point.metrics for point in events(home, Batch)] == [{"loss": 1.0}]
    assert len(events(home, Ended)) == 1


def test_threads_may_log_to_one_run(home: Home, each_point: None) -> None:
    with workbench.start("x") as run:

        def work() -> None:
            for _ in range(200):
                run.log(loss=1.0)

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    reader = EventReader(only(home).events_file)
    steps = [event.step for event in reader.read() if isinstance(event, Batch)]
    assert steps == list(range(1, 801)) and not reader.unreadable


@pytest.mark.parametrize("value", ["0.5", None, [1.0, 2.0], {"a": 1}, 10**400])
def test_what_is_no_number_is_named_once_and_left_out(
    home: Home, each_point: None, value: object, caplog: pytest.LogCaptureFixture
) -> None:
    with workbench.start("x") as run:
        for step in range(3):
            run.log(step=step, loss=1.0, **{"acc\x1b[31m": value})
    assert [point.metrics for point in events(home, Batch)] == [{"loss": 1.0}] * 3
    assert len(caplog.records) == 1
    assert "metric 'acc\\x1b[31m' is left out" in caplog.text


def test_numbers_of_any_library_are_numbers(home: Home, each_point: None) -> None:
    numpy = pytest.importorskip("numpy")
    with workbench.start("x") as run:
        run.log(step=1, a=numpy.float32(0.5), b=numpy.array([2.0]), c=True, d=numpy.int64(3))
    [point] = events(home, Batch)
    assert point.metrics == {"a": 0.5, "b": 2.0, "c": 1.0, "d": 3.0}


def test_a_tensor_is_read_as_it_was_and_lets_go_of_its_graph(home: Home) -> None:
    torch = pytest.importorskip("torch")
    with workbench.start("x") as run:
        total = torch.ones(1, requires_grad=True) * 1
        run.log(step=1, loss=0.0)  # a point; the next ones wait for theirs
        for step in (2, 3):
            run.log(step=step, total=total)
            with torch.no_grad():
                total += 2
    assert events(home, Batch)[-1].metrics == {"total": 2.0}


def test_a_home_that_cannot_be_written_costs_one_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("MNIST_WORKBENCH_HOME", str(tmp_path / "file"))
    with workbench.start("x") as run:
        for step in range(100):
            run.log(step=step, loss=1.0)
            assert not run.should_stop
        run.end_epoch()
    assert len(caplog.records) == 1 and "goes on unrecorded" in caplog.text


def test_a_full_disk_costs_one_warning_and_the_points(
    home: Home, each_point: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with workbench.start("x") as run:
        run.log(step=1, loss=1.0)
        with monkeypatch.context() as patch:

            def full(descriptor: int, data: bytes) -> int:
                raise OSError(28, "No space left on device")

            patch.setattr("workbench.runs.log.os.write", full)
            for step in range(2, 50):
                run.log(step=step, loss=1.0)
        run.log(step=50, loss=1.0)
    assert len(caplog.records) == 1 and "No space left" in caplog.text
    assert [point.step for point in events(home, Batch)] == [1, 50]
    assert only(home).status() is Status.FINISHED


def test_a_folder_that_is_deleted_meanwhile_costs_nothing(home: Home, each_point: None) -> None:
    import shutil

    with workbench.start("x") as run:
        run.log(step=1, loss=1.0)
        shutil.rmtree(only(home).path)
        run.log(step=2, loss=1.0)
        assert not run.should_stop


def test_no_step_waits_for_the_disk(
    home: Home, each_point: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = workbench.start("x")
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", lambda descriptor: pytest.fail("fsync"))
        for step in range(1, 10):
            run.log(step=step, loss=1.0)
        run.end_epoch(val_loss=1.0)
    run.finish()


def test_a_tag_that_cannot_be_is_said_at_once(home: Home) -> None:
    with pytest.raises(RunError, match="one word"):
        workbench.start("x", tags=["a b"])


def test_a_run_to_join_that_is_none_is_said(
    home: Home, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv(logger.JOIN_VARIABLE, str(home.runs / "nope-x"))
    with workbench.start("x") as run:
        run.log(loss=1.0)
    assert len(caplog.records) == 1 and "nope-x" in caplog.text
    assert logger.JOIN_VARIABLE not in os.environ


def test_a_program_joins_the_run_of_its_command(
    home: Home, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, each_point: None
) -> None:
    from workbench.runs.folder import create_run
    from workbench.runs.record import Labels, Script

    command = Script(name="python train.py", command=("python", "train.py"))
    folder, descriptor = create_run(home, command, Labels(), "exec")
    monkeypatch.setenv(logger.JOIN_VARIABLE, str(folder.path))
    run = workbench.start("resnet", config={"lr": 0.1})
    run.log(step=1, loss=1.0)
    monkeypatch.setenv(logger.JOIN_VARIABLE, str(folder.path))
    with workbench.start("second") as second:
        second.log(loss=2.0)
    assert "was joined by another process" in caplog.text and len(caplog.records) == 1
    run.finish()
    # Its command goes on, and writes the ending.
    assert folder.status() is Status.RUNNING and not events(home, Ended)
    record = RunFolder(folder.path).record
    assert isinstance(record, ScriptRecord)
    assert (record.script.name, record.script.config) == ("resnet", {"lr": 0.1})
    assert record.script.command == ("python", "train.py")
    monkeypatch.setenv(logger.JOIN_VARIABLE, str(folder.path))
    with workbench.start("evaluation") as third:  # the next program of the same command
        third.log(loss=3.0)
    assert [(point.step, point.metrics) for point in events(home, Batch)] == [
        (1, {"loss": 1.0}),
        (2, {"loss": 3.0}),
    ]
    assert len(events(home, Started)) == 2
    os.close(descriptor)


def test_a_log_of_a_newer_version_says_so(home: Home) -> None:
    with workbench.start("x") as run:
        run.log(loss=1.0)
    folder = only(home)
    text = folder.events_file.read_text()
    folder.events_file.write_text(text.replace('"version":2', '"version":3', 1))
    with pytest.raises(RunError, match="newer mnist-workbench"):
        folder.history()
    spec = folder.spec_file.read_text()
    folder.spec_file.write_text(spec.replace('"format": 2', '"format": 9'))
    with pytest.raises(RunError, match="newer mnist-workbench"):
        _ = RunFolder(folder.path).record


def test_ending_of_a_run_is_sound(home: Home) -> None:
    with workbench.start("x", epochs=1):
        pass
    [ending] = events(home, Finished)
    assert ending.metrics == {}
