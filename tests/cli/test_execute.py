"""`exec`: any command as a run, with processes as they are."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.support import wait_until
from workbench.cli.entry import run as command
from workbench.runs import execution, lock, service
from workbench.runs.events import Paused, Resumed
from workbench.runs.folder import RunFolder, all_runs
from workbench.runs.log import EventReader
from workbench.runs.record import Labels, ScriptRecord
from workbench.runs.status import Status
from workbench.runs.summary import ScriptSummary, summary_of
from workbench.settings import Home

LOOP = """
import os, subprocess, sys, time, workbench
with workbench.start("gan", config={"lr": 0.1}) as run:
    code = "import os; print('child:', os.environ.get('MNIST_WORKBENCH_RUN'))"
    subprocess.run([sys.executable, "-c", code])
    for step in range(int(sys.argv[1])):
        run.log(step=step, loss=1.0)
        if run.should_stop: break
        time.sleep(0.01)
print("left the loop")
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setenv("MNIST_WORKBENCH_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return Home(tmp_path / "home")


def only(home: Home) -> RunFolder:
    [folder] = all_runs(home)
    return folder


def summary(folder: RunFolder) -> ScriptSummary:
    found = summary_of(folder)
    assert isinstance(found, ScriptSummary)
    return found


def ended(folder: RunFolder) -> bool:
    return not lock.is_held(folder.lock_file)


def gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_a_command_keeps_its_output_exit_code_folder_and_environment(
    home: Home, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PYTHONWARNINGS", "error::DeprecationWarning")
    script = 'echo "hello $PYTHONWARNINGS \033[31m"; pwd; exit 7'
    code = command(["exec", "--name", "try", "--tag", "night", "--", "sh", "-c", script])
    out, err = capfd.readouterr()
    assert code == 7
    assert out == f"hello error::DeprecationWarning \\x1b[31m\n{tmp_path}\n"
    assert "the command ended with exit code 7" in err
    found = summary(only(home))
    assert (found.title, found.exit_code, found.tags) == ("try", 7, ("night",))
    assert found.status is Status.FAILED and found.command == ("sh", "-c", script)
    assert only(home).log_file.read_bytes().startswith(b"hello")


def test_a_program_in_it_joins_and_its_children_do_not(home: Home, tmp_path: Path) -> None:
    script = tmp_path / "own.py"
    script.write_text(LOOP)
    assert command(["exec", sys.executable, str(script), "3"]) == 0
    folder = only(home)
    record = folder.record
    assert isinstance(record, ScriptRecord)
    assert (record.script.name, record.script.config) == ("gan", {"lr": 0.1})
    assert record.script.command == (sys.executable, str(script), "3")
    found = summary(folder)
    assert (found.status, found.step, found.exit_code) == (Status.FINISHED, 3, 0)
    assert found.metrics == {"loss": 1.0}
    assert "child: None" in folder.log_file.read_text()


def test_stop_reaches_the_program_that_joined(home: Home, tmp_path: Path) -> None:
    script = tmp_path / "own.py"
    script.write_text(LOOP)
    argv = [sys.executable, str(script), "1000000"]
    folder = execution.execute(home, argv, Labels(), "mine")
    wait_until(lambda: folder.history().step)
    service.stop(folder)
    wait_until(lambda: ended(folder))
    found = summary(folder)
    assert (found.title, found.status, found.exit_code) == ("mine", Status.STOPPED, 0)
    assert "left the loop" in folder.log_file.read_text()


def test_a_program_that_stops_at_once_is_left_to_end(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    from workbench.runs.execution import Execution
    from workbench.runs.folder import create_run
    from workbench.runs.record import Script

    ended: list[int] = []
    monkeypatch.setattr(Execution, "_end", lambda self, pid: ended.append(pid))
    folder, descriptor = create_run(home, Script(name="x"), Labels(), "exec")
    watcher = Execution(folder, "/", ["x"])
    program = lock.acquire(folder.path / "joined.lock")
    assert program is not None
    watcher._look(1)
    service.stop(folder)
    os.close(program)  # it has heard of the stop and left its loop
    for _ in range(3):
        watcher._look(1)
    assert not ended
    os.close(descriptor)


def test_pause_and_stop_reach_a_command_without_one(home: Home, tmp_path: Path) -> None:
    script = "i=0; while true; do i=$((i+1)); echo $i > count; sleep 0.02; done"
    folder = execution.execute(home, ["sh", "-c", script], Labels())
    count = tmp_path / "count"
    wait_until(lambda: folder.status() is Status.RUNNING and count.exists() and count.read_text())
    service.pause(folder)
    wait_until(lambda: folder.status() is Status.PAUSED)
    before = count.read_text()
    time.sleep(0.3)
    assert count.read_text() == before
    service.resume(folder)
    wait_until(lambda: count.read_text() not in (before, ""))
    service.stop(folder)
    wait_until(lambda: ended(folder))
    assert folder.status() is Status.STOPPED
    assert summary(folder).exit_code == -signal.SIGTERM
    log = EventReader(folder.events_file).read()
    assert [type(event) for event in log if isinstance(event, Paused | Resumed)] == [
        Paused,
        Resumed,
    ]


def test_kill_takes_what_the_command_started(home: Home, tmp_path: Path) -> None:
    script = "sleep 600 & echo $! > child; sleep 601"
    folder = execution.execute(home, ["sh", "-c", script], Labels())
    child = tmp_path / "child"
    wait_until(lambda: child.exists() and child.read_text())
    wait_until(lambda: folder.status() is Status.RUNNING)
    service.kill(folder)
    wait_until(lambda: ended(folder))
    wait_until(lambda: _gone(int(child.read_text())))
    assert folder.status() is Status.KILLED


def _gone(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return True
    return state == "Z"


def test_a_command_that_no_signal_ends_is_killed(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from workbench.runs.execution import Execution
    from workbench.runs.folder import create_run
    from workbench.runs.record import Script

    monkeypatch.setattr(execution, "GRACE_SECONDS", 0.2)
    stubborn = ["sh", "-c", "trap '' TERM; echo > there; while true; do sleep 0.05; done"]
    folder, descriptor = create_run(home, Script(name="x"), Labels(), "exec")
    control_file = folder.path / "control"
    handlers = {number: signal.getsignal(number) for number in
                (signal.SIGHUP, signal.SIGTERM, signal.SIGINT)}  # fmt: skip
    import threading

    def stop() -> None:
        wait_until(lambda: (tmp_path / "there").exists())
        control_file.write_text("stop")

    asker = threading.Thread(target=stop)
    asker.start()
    try:
        Execution(folder, str(tmp_path), stubborn).run()
    finally:
        asker.join()
        for number, handler in handlers.items():
            signal.signal(number, handler)
        os.close(descriptor)
    assert folder.status() is Status.STOPPED and summary(folder).exit_code == -signal.SIGKILL


def test_a_detached_command_is_followed_later(
    home: Home, capfd: pytest.CaptureFixture[str]
) -> None:
    assert command(["exec", "--detach", "--", "sh", "-c", "sleep 0.2"]) == 0
    run_id = capfd.readouterr().out.strip()
    assert run_id == only(home).run_id
    assert command(["attach", run_id]) == 0
    assert "finished  sh -c 'sleep 0.2'" in capfd.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["exec"], "Missing argument"),
        (["exec", "--", "no-such-program"], "'no-such-program': there is no such command"),
        (["exec", "--tag", "a b", "--", "true"], "a tag is one word"),
    ],
)
def test_bad_use_is_one_line(
    home: Home, capfd: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    assert command(arguments) == 2
    err = capfd.readouterr().err
    assert words in err and err.count("\n") == 1
    assert not home.runs.exists() or not all_runs(home)


def test_what_only_the_workbench_trains_can_do_is_refused(
    home: Home, capfd: pytest.CaptureFixture[str]
) -> None:
    assert command(["exec", "--name", "x\x1b[2J", "--", "false"]) == 1
    capfd.readouterr()
    run_id = only(home).run_id
    for arguments in (["resume", run_id], ["runs", "errors", run_id]):
        assert command(arguments) == 2
        err = capfd.readouterr().err
        assert "is of a script of your own" in err and err.count("\n") == 1 and "\x1b" not in err
    assert command(["runs"]) == 0
    assert "x\\x1b[2J" in capfd.readouterr().out


def test_a_command_ends_with_the_process_that_waits_for_it(home: Home, tmp_path: Path) -> None:
    script = "sleep 600 & echo $! > child; wait"
    folder = execution.execute(home, ["sh", "-c", script], Labels())
    child = tmp_path / "child"
    wait_until(lambda: child.exists() and child.read_text().endswith("\n"))
    waiting = lock.holder_pid(folder.lock_file)
    assert waiting is not None
    os.kill(waiting, signal.SIGKILL)
    wait_until(lambda: gone(int(child.read_text())))
    assert folder.status() is Status.CRASHED


def test_a_command_may_name_files_of_bytes_that_are_no_characters(
    home: Home, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    odd = os.fsdecode(b"a\xffb")
    (tmp_path / odd).mkdir()
    (tmp_path / odd / odd).write_text("found\n")
    os.chdir(tmp_path / odd)
    assert command(["exec", "--", "cat", odd]) == 0
    assert capfd.readouterr().out == "found\n"
    found = summary(only(home))
    assert (found.title, found.command) == ("cat 'a?b'", ("cat", "a?b"))
    assert command(["runs"]) == 0
