"""A worker that is warm before it is needed: TensorFlow imported, MNIST read.

Started with the screens. Told what is likely to be trained next, it compiles that ahead. It is
given a run through a socket, with the run's held lock, and from then on it is that run's worker
like any other. It ends by itself when the screens do and no run was given.
"""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
from collections.abc import Sequence
from typing import TYPE_CHECKING

from workbench.runs import lock
from workbench.runs.process import start_detached

if TYPE_CHECKING:
    from workbench.model.spec import TrainingSpec
    from workbench.runs.folder import RunFolder

STANDBY = "workbench.training.standby"
# What it says when it has been started, and when it has done with what it was told to expect.
WARM, READY = b"warm\n", b"ready\n"
SEND_SECONDS = 1.0
# The compilers keep some 10 to 50 MB of each that they have compiled, until the process ends.
MOST_COMPILED = 12


class Standby:
    """One warm worker at a time; a new one is started when the old one was used."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._socket: socket.socket | None = None
        self._heard = b""
        self._expected: TrainingSpec | None = None
        self._compiled = 0
        # Kept so that they are reaped when they end, as children of this process.
        self._let_go: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        """Start to warm a worker, if there is none."""
        self._let_go = [process for process in self._let_go if process.poll() is None]
        if self._process is not None and self._process.poll() is None:
            return
        self.close()
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                self._process = start_detached(STANDBY, [str(theirs.fileno())], [theirs.fileno()])
        except OSError:
            ours.close()
            return
        ours.setblocking(False)
        self._socket, self._heard = ours, b""
        self._expected, self._compiled = None, 0

    @property
    def is_warm(self) -> bool:
        """Whether it has said that it is there and can be told what to expect."""
        return WARM in self._hear()

    @property
    def is_ready(self) -> bool:
        """Whether it has done with what it was told to expect."""
        return READY in self._hear()

    def expect(self, spec: TrainingSpec) -> None:
        """Have it compile this training ahead, in place of what it had compiled before.

        Only heard by a warm one that is not at work; to be said again until then. One that has
        compiled too much ends, and `start` makes another.
        """
        channel, before = self._socket, self._expected
        if channel is None or not self.is_warm:
            return
        if before is not None and (same_but_for_seed(spec, before) or not self.is_ready):
            return
        if self._compiled == MOST_COMPILED:
            self._end()
            return
        self._expected, self._heard = spec, WARM
        self._compiled += 1
        # A dead one is noticed when it is to be taken.
        with contextlib.suppress(OSError):
            _send(channel, {"expect": spec.model_dump(mode="json")})

    def take(self, folder: RunFolder, descriptor: int) -> bool:
        """Make the worker that run's; False when there is none, and one must be started.

        `descriptor` is the run's held lock, which the worker inherits.
        """
        process, channel = self._process, self._socket
        if process is None or channel is None or process.poll() is not None:
            return False
        self._process = self._socket = None
        try:
            _send(channel, {"folder": str(folder.path)}, [descriptor])
        except OSError:
            process.kill()
            process.wait()
            return False
        finally:
            channel.close()
        lock.write_pid(descriptor, process.pid)
        self._let_go.append(process)
        return True

    def close(self) -> None:
        """End the worker that was not needed."""
        process = self._process
        self._end()
        if process is not None:
            process.wait()

    def _end(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        if self._process is not None:
            self._process.kill()
            self._let_go.append(self._process)
            self._process = None

    def _hear(self) -> bytes:
        """All that the worker has said since it was started or told something."""
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._heard += self._socket.recv(16)
        return self._heard


def same_but_for_seed(one: TrainingSpec, other: TrainingSpec) -> bool:
    """Whether two trainings compile the same: they differ in seed and names at most."""
    names = {"preset": one.preset, "title": one.title, "seed": one.seed}
    return one == other.model_copy(update=names)


def _send(channel: socket.socket, message: object, descriptors: Sequence[int] = ()) -> None:
    channel.settimeout(SEND_SECONDS)
    data = json.dumps(message).encode() + b"\n"
    # The descriptors go with the first bytes, and what the socket does not take at once follows.
    rest = data[socket.send_fds(channel, [data], list(descriptors)) :]
    # A worker that has heard all of it goes to work and closes its end: even an empty send fails.
    if rest:
        channel.sendall(rest)
    channel.setblocking(False)
