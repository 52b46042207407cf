"""A worker that is warm before it is needed: TensorFlow imported, MNIST read.

Started with the screens. It is given a run through a socket, with the run's held lock, and from
then on it is that run's worker like any other. It ends by itself when the screens do and no run
was given.
"""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
from typing import TYPE_CHECKING

from workbench.runs import lock
from workbench.runs.process import module_command, module_environment

if TYPE_CHECKING:
    from workbench.runs.folder import RunFolder

STANDBY = "workbench.training.standby"


class Standby:
    """One warm worker at a time; a new one is started when the old one was used."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._socket: socket.socket | None = None
        self._warm = False
        # Kept so that they are reaped when they end, as children of this process.
        self._handed_over: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        """Start to warm a worker, if there is none."""
        self._handed_over = [process for process in self._handed_over if process.poll() is None]
        if self._process is not None and self._process.poll() is None:
            return
        self.close()
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                self._process = subprocess.Popen(
                    module_command(STANDBY, str(theirs.fileno())),
                    start_new_session=True,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    pass_fds=[theirs.fileno()],
                    env=module_environment(),
                )
        except OSError:
            ours.close()
            return
        ours.setblocking(False)
        self._socket, self._warm = ours, False

    @property
    def is_warm(self) -> bool:
        """Whether it has said that it is ready."""
        if not self._warm and self._socket is not None:
            with contextlib.suppress(OSError):
                self._warm = self._socket.recv(16) == b"warm\n"
        return self._warm

    def take(self, folder: RunFolder, descriptor: int) -> bool:
        """Make the worker that run's; False when there is none, and one must be started.

        `descriptor` is the run's held lock, which the worker inherits.
        """
        process, channel = self._process, self._socket
        if process is None or channel is None or process.poll() is not None:
            return False
        self._process = self._socket = None
        try:
            channel.setblocking(True)
            channel.settimeout(1.0)
            message = json.dumps({"folder": str(folder.path)}).encode() + b"\n"
            socket.send_fds(channel, [message], [descriptor])
        except OSError:
            process.kill()
            process.wait()
            return False
        finally:
            channel.close()
        lock.write_pid(descriptor, process.pid)
        self._handed_over.append(process)
        return True

    def close(self) -> None:
        """End the worker that was not needed."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
