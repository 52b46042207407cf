"""Any command as a run: a process of its own starts it, waits for it, and writes its ending.

That process holds the run's lock, so that the run lives as long as its command does, and outlives
the connection. What the command prints is the run's log. A program in it that uses
`workbench.start` or `LiveCallback` joins the run; without one, stop and pause reach the command by
signals.
"""

from __future__ import annotations

import json
import math
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from workbench.errors import EnvironmentProblem, RunError, UserError
from workbench.runs import control, lock, summary
from workbench.runs.control import Command
from workbench.runs.events import Event, Paused, Resumed, Started
from workbench.runs.folder import RunFolder, run_to_start
from workbench.runs.log import EventWriter, History
from workbench.runs.logger import JOIN_VARIABLE, LONGEST_NAME, script_ending
from workbench.runs.process import start_detached
from workbench.runs.record import Labels, Script
from workbench.settings import Home

MODULE = "workbench.runs.execution"
GIVEN_VARIABLE = "MNIST_WORKBENCH_GIVEN"  # what of the user's own environment is to be put back
LOOK_SECONDS = 0.1
GRACE_SECONDS = 10.0  # that a command has to end by itself when it is stopped
NOT_STARTED = 127  # the exit code that shells give


def execute(
    home: Home, command: list[str], labels: Labels, name: str = "", umask: int = 0o077
) -> RunFolder:
    """Start a command as a run, detached from this terminal, in the current folder.

    Raises:
        RunError: there is no such command.
        EnvironmentProblem: the run's folder cannot be written, or nothing can be started.
    """
    if not command or shutil.which(command[0]) is None:
        given = command[0] if command else ""
        raise RunError(
            f"{given!r}: there is no such command; write the program and its arguments after --, "
            "such as `mnist-workbench exec -- python train.py`"
        )
    text = name or shlex.join([Path(command[0]).name, *command[1:]])
    try:
        folder_of_command = os.getcwd()
    except OSError as error:
        raise EnvironmentProblem("the current folder is gone; change into another one") from error
    script = Script(
        name=text[:LONGEST_NAME],
        named=bool(name),
        command=tuple(command),
        directory=folder_of_command,
    )
    switches = {key: value for key, value in os.environ.items() if key.startswith("PYTHON")}
    variables = {GIVEN_VARIABLE: json.dumps({"switches": switches, "umask": umask})}
    with run_to_start(home, script, labels, "exec", "command") as (folder, descriptor):
        arguments = [str(folder.path), str(descriptor), folder_of_command, *command]
        process = start_detached(MODULE, arguments, [descriptor], folder.log_file, variables)
        lock.write_pid(descriptor, process.pid)
    return folder


class Execution:
    """One command, seen from the process that waits for it."""

    def __init__(self, folder: RunFolder, directory: str, command: list[str]) -> None:
        self._folder = folder
        self._directory = directory
        self._command = command
        self._log = EventWriter(folder.events_file)
        self._asked_to_stop = self._heard = self._joined = False
        self._held: float | None = None  # since when it is, by a signal, for a pause
        self._deadline: float | None = None  # for a command that was asked to end
        self._began = time.monotonic()

    def run(self) -> None:
        """Run the command to its end, and write that."""
        # Handlers, and not ignored: a command inherits what is ignored.
        signal.signal(signal.SIGHUP, lambda number, frame: None)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)
        with _guard() as watch:
            try:
                process = self._start()
            except OSError as error:
                message = f"{self._command[0]}: {error.strerror}; it was not started"
                self._write_ending(NOT_STARTED, message)
                return
            watch(process.pid)
            self._write(Started(time.time(), process.pid, 0, 0, 0, 0, False, ""))
            while process.poll() is None:
                self._look(process.pid)
                time.sleep(LOOK_SECONDS)
        self._write_ending(process.returncode)

    def _start(self) -> subprocess.Popen[bytes]:
        # The user's own environment and umask, from what this process was started with.
        given = json.loads(os.environ.get(GIVEN_VARIABLE, '{"switches": {}, "umask": 63}'))
        ours = ("PYTHON", GIVEN_VARIABLE)
        environment = {key: value for key, value in os.environ.items() if not key.startswith(ours)}
        environment |= given["switches"]
        environment[JOIN_VARIABLE] = str(self._folder.path)
        # Else what Python prints would lie in a buffer until the end.
        environment.setdefault("PYTHONUNBUFFERED", "1")
        return subprocess.Popen(
            self._command,
            cwd=self._directory,
            env=environment,
            umask=given["umask"],
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )

    def _look(self, pid: int) -> None:
        """Bring what is asked for to the command, where no program in it sees it by itself."""
        command = control.requested(self._folder.path)
        if command is Command.STOP:
            self._asked_to_stop = True
        # One that was there at the last look may have heard of the stop before this process has.
        was_joined, self._joined = self._joined, lock.is_held(self._folder.path / "joined.lock")
        self._heard = self._heard or (self._asked_to_stop and (self._joined or was_joined))
        if self._joined or self._heard:  # a program that has heard of it takes its time to save
            return
        if self._asked_to_stop:
            self._end(pid)
        elif (command is Command.PAUSE) is not (self._held is not None):
            history, now = self._history(), time.time()
            if self._held is None:
                self._held = time.monotonic()
                _signal_group(pid, signal.SIGSTOP)
                self._write(Paused(now, history.step))
            else:
                self._began += time.monotonic() - self._held  # a pause is no training
                self._held = None
                _signal_group(pid, signal.SIGCONT)
                epoch = len(history.epochs) + 1
                self._write(Resumed(now, epoch, history.step, history.seconds))

    def _end(self, pid: int) -> None:
        """Ask it to end, and make it after a while."""
        now = time.monotonic()
        if self._deadline is None:
            self._deadline = now + GRACE_SECONDS
            _signal_group(pid, signal.SIGTERM)
            _signal_group(pid, signal.SIGCONT)  # one that is held hears nothing
        elif now > self._deadline:
            import psutil

            control.kill_tree(psutil.Process(pid))

    def _history(self) -> History:
        try:
            return self._folder.history()
        except UserError:  # its folder is gone
            return History(0, 0)

    def _write(self, event: Event, *, durable: bool = False) -> None:
        with suppress(OSError):  # a full disk ends no command
            self._log.write(event, durable=durable)

    def _write_ending(self, code: int, message: str = "") -> None:
        history = self._history()
        facts: dict[str, Any] = {
            "epochs_completed": history.epochs_completed,
            "step": history.step,
            "seconds": history.seconds or round(time.monotonic() - self._began, 4),
            "metrics": history.metrics,
            "exit_code": code,
        }
        failed = (message or _how_it_ended(code)) if code else ""
        lost = None if math.isfinite(history.metrics.get("loss", 0.0)) else history.step
        ending = script_ending(facts, stopped=self._asked_to_stop, message=failed, lost=lost)
        self._write(ending, durable=True)
        summary.tell_of_script(self._folder)

    def _on_signal(self, number: int, frame: object) -> None:
        self._asked_to_stop = True


def _how_it_ended(code: int) -> str:
    if code > 0:
        return f"the command ended with exit code {code}"
    try:
        return f"the command was ended by {signal.Signals(-code).name}"
    except ValueError:  # one without a name
        return f"the command was ended by signal {-code}"


@contextmanager
def _guard() -> Iterator[Callable[[int], None]]:
    """Kills the process group that it is given as soon as this process is killed itself.

    Nobody would wait for a command then.
    """
    # A pipe from here ends then, without the line that says all is well.
    script = 'read -r group && { read -r word || kill -s KILL -- "-$group"; }'
    quiet = subprocess.DEVNULL
    guard = subprocess.Popen(
        ["/bin/sh", "-c", script],
        stdin=subprocess.PIPE,
        stdout=quiet,
        stderr=quiet,
        start_new_session=True,  # a signal to this group is none to it
    )
    pipe = guard.stdin
    assert pipe is not None

    def watch(group: int) -> None:
        os.write(pipe.fileno(), f"{group}\n".encode())

    try:
        yield watch
    finally:
        guard.communicate(b"\n\n")


def _signal_group(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(pid, number)


def main(arguments: list[str]) -> None:
    """Run a command: a run's folder, the open, held lock, the command's folder, and itself.

    What the run's folder says of it is for people: there what is no Unicode is lost.
    """
    os.umask(0o077)
    path, descriptor = Path(arguments[0]), int(arguments[1])
    directory, *command = arguments[2:]
    # No child of this process may keep the run alive by holding its lock.
    os.set_inheritable(descriptor, False)
    lock.write_pid(descriptor, os.getpid())
    Execution(RunFolder(path), directory, command).run()


if __name__ == "__main__":
    main(sys.argv[1:])
