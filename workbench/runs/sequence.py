"""Several runs one after the other, all in one worker while they end well.

`KeptWorker` is such a worker: what it has loaded and compiled serves the next run. It belongs to
the process that started it, which gives it each further run over a socket, with the run's held
lock. When that process has gone, it ends after the run that it has. Killed or crashed, it costs
only the run that it trains: the next one gets a fresh worker.

`Sequence` is a process of its own, so that it outlives the connection. It holds the lock of every
run that waits. Told to end, it has the run that trains stopped and saved, and those that wait are
stopped as well; killed, they show as crashed. Either way they can go on with `resume`.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import traceback
from contextlib import suppress
from pathlib import Path

from workbench.errors import UserError
from workbench.runs import control, lock
from workbench.runs.folder import RunFolder
from workbench.runs.service import LOCAL, spawn_worker, write_stopped
from workbench.runs.standby import TAKEN

LOOK_SECONDS = 0.1
TAKE_SECONDS = 5.0
MOST_BYTES = 65536


class Sequence:
    """The runs still to be trained, and whether they are."""

    def __init__(self) -> None:
        self._stopping = False
        self._worker = KeptWorker()

    def stop(self, number: int = 0, frame: object = None) -> None:
        """Begin no further run; the handler of signals."""
        self._stopping = True

    def train(self, waiting: list[tuple[RunFolder, int]]) -> None:
        """Train the runs in turn. Each comes with its held lock, which its worker takes over."""
        for folder, descriptor in waiting:
            try:
                if self._stopping:
                    write_stopped(folder)
                elif folder.path.is_dir():
                    self._worker.train(folder, descriptor)
            except (OSError, UserError):  # a full disk, say: the next one has its own chance
                traceback.print_exc()
            finally:
                os.close(descriptor)
            told = False
            while not self._worker.is_idle:
                if self._stopping and not told:
                    told = True
                    with suppress(UserError):  # its folder is gone: it ends by itself
                        control.request(folder.path, control.Command.STOP)
                time.sleep(LOOK_SECONDS)
        self._worker.close()


def main(arguments: list[str]) -> None:
    """Run `descriptor:folder` arguments in turn."""
    # A hangup of the terminal it was started from must not end it.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    sequence = Sequence()
    signal.signal(signal.SIGTERM, sequence.stop)
    signal.signal(signal.SIGINT, sequence.stop)
    os.umask(0o077)
    waiting = []
    for argument in arguments:
        number, _, path = argument.partition(":")
        os.set_inheritable(int(number), False)
        waiting.append((RunFolder(Path(path)), int(number)))
    sequence.train(waiting)


class KeptWorker:
    """The side that gives the runs, one at a time."""

    def __init__(self, worker: tuple[str, ...] = LOCAL) -> None:
        self._worker = worker
        self._channel: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._threads: int | None = None  # settled when it imports TensorFlow
        self._folder: RunFolder | None = None

    @property
    def is_idle(self) -> bool:
        return self._folder is None or not lock.is_held(self._folder.lock_file)

    def train(self, folder: RunFolder, descriptor: int) -> subprocess.Popen[bytes]:
        """Have the run trained whose held lock is `descriptor`; the process that does it.

        To be called when it is idle. It takes the lock over; the caller's is to be closed.

        Raises:
            RunError: the run's spec cannot be read.
            OSError: no worker can be started.
        """
        threads = folder.spec.threads
        if threads != self._threads or not self._give(folder, descriptor):
            self.close()
            here, there = socket.socketpair(socket.AF_UNIX)
            with there:
                self._process = spawn_worker(folder, descriptor, there.fileno(), self._worker)
            self._channel, self._threads = here, threads
        assert self._process is not None  # it has just been started, or has answered
        self._folder = folder
        return self._process

    def close(self) -> None:
        """Let it end, after the run that it has."""
        if self._channel is not None:
            self._channel.close()
            self._channel = None

    def _give(self, folder: RunFolder, descriptor: int) -> bool:
        """Whether it has taken the run; one that has not is ended, so that no two have it."""
        if self._channel is None or self._process is None:
            return False
        message = json.dumps({"folder": str(folder.path)}).encode()
        with contextlib.suppress(OSError):
            self._channel.settimeout(TAKE_SECONDS)
            socket.send_fds(self._channel, [message], [descriptor])
            if self._channel.recv(len(TAKEN)) == TAKEN:
                lock.write_pid(descriptor, self._process.pid)
                return True
        self._process.kill()
        self._process.wait()
        return False


def next_run(channel: socket.socket, patience: float) -> tuple[RunFolder, int] | None:
    """The side that trains: the next run and its held lock.

    None when no more can come, or none for so many seconds.
    """
    channel.settimeout(patience)
    try:
        message, descriptors, _, _ = socket.recv_fds(channel, MOST_BYTES, 1)
        if not message:
            return None
        channel.sendall(TAKEN)
    except OSError:
        return None
    return RunFolder(Path(json.loads(message)["folder"])), descriptors[0]


if __name__ == "__main__":
    main(sys.argv[1:])
