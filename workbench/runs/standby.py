"""A worker that is warm before it is needed: TensorFlow imported, MNIST read.

One serves all open apps of a data folder, as it takes about 1 GB. The first of them starts it, the
others find its socket. Told what is likely to be trained next, it compiles that ahead. One app
gives it a run through the socket, with the run's held lock, and from then on it is that run's
worker like any other; the others lose it, and one of them starts the next. It ends by itself when
no app is connected any more.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from workbench import __version__
from workbench.files import try_lock
from workbench.runs import lock
from workbench.runs.environment import free_memory_bytes
from workbench.runs.process import module_environment, start_detached
from workbench.settings import PACKAGE

if TYPE_CHECKING:
    from workbench.model.spec import TrainingSpec
    from workbench.runs.folder import RunFolder
    from workbench.settings import Home

STANDBY = "workbench.training.standby"
# What it says when it is warm, when it has done with what it was told to expect, and when the run
# that it was given is its own.
WARM, READY, TAKEN = b"warm\n", b"ready\n", b"taken\n"
SEND_SECONDS = 1.0
ANSWER_SECONDS = 1.0
# The compilers keep some 10 to 50 MB of each that they have compiled, until the process ends.
MOST_COMPILED = 12
# It takes about 1 GB, and the training that it is for as much again.
LEAST_FREE_BYTES = 2 << 30
# Variables, by how they begin, that change what a worker does, as a standby's are long settled
# when it is given a run.
COUNTING_VARIABLES = ("CUDA_", "DNNL_", "HIP_", "KERAS_", "LD_", "MKL_", "NVIDIA_", "OMP_",
                      "ONEDNN_", "PYTHON", "ROCR_", "SLURM_JOB_ID", "TF_", "XLA_")  # fmt: skip


class Standby:
    """An app's connection to the standby worker of its data folder."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._path = Path()  # of its socket, which is gone once it was given a run
        self._channel: socket.socket | None = None
        self._heard = b""
        self._expected: TrainingSpec | None = None
        # Kept so that they are reaped when they end, as children of this process.
        self._started: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        """Connect to the worker, and start to warm one if there is none and memory for it."""
        self._started = [process for process in self._started if process.poll() is None]
        self._hear()
        if self._channel is not None:
            return
        with contextlib.suppress(OSError):  # a training starts a worker of its own then
            place = _runtime_folder() / _name(self._home)
            for path in place.parent.glob(f"{place.name}-*.sock"):
                with contextlib.suppress(OSError):  # left by one that was killed
                    self._connect(path)
                    return
            if free_memory_bytes() >= LEAST_FREE_BYTES:
                self._warm_one(place)

    @property
    def is_warm(self) -> bool:
        """Whether it has said that it has loaded what every run needs."""
        return WARM in self._hear()

    @property
    def is_ready(self) -> bool:
        """Whether it has done with what it was told to expect."""
        return READY in self._hear()

    def expect(self, spec: TrainingSpec) -> None:
        """Have it compile this training ahead, in place of what any app had it compile before.

        Only heard by a warm one; to be said again until then.
        """
        before = self._expected
        if not self.is_warm or self._channel is None:
            return
        if before is not None and compile_alike(spec, before):
            return
        self._expected, self._heard = spec, WARM
        # A dead one is noticed when it is to be taken.
        with contextlib.suppress(OSError):
            _send(self._channel, {"expect": spec.model_dump(mode="json")})

    def take(self, folder: RunFolder, descriptor: int) -> bool:
        """Make the worker that run's; False when there is none, and one must be started.

        `descriptor` is the run's held lock, which the worker inherits.
        """
        if self._channel is None:
            return False
        pid = lock.holder_pid(_lock_file(self._path))
        try:
            if pid is None:  # it has died
                return False
            self._path.unlink()  # of several who would take it at once, one can
            _send(self._channel, {"folder": str(folder.path)}, [descriptor])
            if not _lives_to_take(self._channel):
                return False
        except OSError:
            return False
        finally:
            self.close()
        lock.write_pid(descriptor, pid)
        return True

    def close(self) -> None:
        """Leave the worker, which ends at once unless another app is connected to it."""
        if self._channel is not None:
            self._channel.close()
            self._channel = None

    def _connect(self, path: Path) -> None:
        channel = socket.socket(socket.AF_UNIX)
        try:
            channel.setblocking(False)
            channel.connect(str(path))
        except OSError:
            channel.close()
            raise
        self._channel, self._path = channel, path
        self._heard, self._expected = b"", None

    def _warm_one(self, place: Path) -> None:
        path = place.with_name(f"{place.name}-{secrets.token_hex(4)}.sock")
        held = try_lock(_lock_file(path))
        if held is None:  # another app is starting one
            return
        try:
            for left in place.parent.glob(f"{place.name}-*.sock"):
                left.unlink(missing_ok=True)
            with socket.socket(socket.AF_UNIX) as listener:
                listener.bind(str(path))
                listener.listen()
                self._connect(path)
                inherited = [listener.fileno(), held]
                arguments = [*map(str, inherited), str(_lock_file(path)), str(MOST_COMPILED)]
                process = start_detached(STANDBY, arguments, inherited)
            self._started.append(process)
            lock.write_pid(held, process.pid)
        except OSError:
            self.close()
            path.unlink(missing_ok=True)
            raise
        finally:
            os.close(held)

    def _hear(self) -> bytes:
        """All that the worker has said since it was found or told something."""
        if self._channel is not None:
            with contextlib.suppress(BlockingIOError):
                try:
                    heard = self._channel.recv(64)
                except ConnectionError:
                    heard = b""
                self._heard += heard
                if not heard:  # it has ended, or works for another app
                    self.close()
        return self._heard if self._channel is not None else b""


def compile_alike(one: TrainingSpec, other: TrainingSpec) -> bool:
    """Whether what is compiled for one training serves the other, with the same result."""
    return _compiled(one) == _compiled(other)


def _compiled(spec: TrainingSpec) -> TrainingSpec:
    """The spec without what is set before the first step and not traced."""
    training = spec.training.model_copy(update={"early_stopping": None})
    if training.schedule.kind in ("constant", "reduce_on_plateau"):
        # The rate is a variable of the optimizer's; of other schedules it is part of the graph.
        optimizer = training.optimizer.model_copy(update={"learning_rate": 1.0})
        training = training.model_copy(update={"optimizer": optimizer, "epochs": 1})
    return spec.model_copy(update={"preset": "", "title": "", "seed": 0, "training": training})


def _lives_to_take(channel: socket.socket) -> bool:
    """Whether a worker that was given a run has not ended instead of taking it.

    One that lives and is slow to answer has it: another worker would train it a second time.
    """
    channel.settimeout(ANSWER_SECONDS)
    heard = b""
    with contextlib.suppress(TimeoutError):
        while TAKEN not in heard:
            more = channel.recv(64)
            if not more:
                return False
            heard += more
    return True


def _runtime_folder() -> Path:
    """This user's folder for sockets on this machine; the data folder may be on several."""
    place = Path(os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir())
    folder = place / f"mnist-workbench-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    there = folder.lstat()
    if not stat.S_ISDIR(there.st_mode) or there.st_uid != os.getuid() or there.st_mode & 0o077:
        raise PermissionError(f"{folder}: others may write to it")
    return folder


def _name(home: Home) -> str:
    """The same for all apps whose workers would do the same."""
    environment = module_environment()
    counting = {
        name: value for name, value in environment.items() if name.startswith(COUNTING_VARIABLES)
    }
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    alike = [str(home.path.resolve()), sys.executable, str(PACKAGE), __version__, counting, cores]
    return hashlib.sha256(json.dumps(alike, sort_keys=True).encode()).hexdigest()[:16]


def _lock_file(socket_file: Path) -> Path:
    return socket_file.with_name(f"{socket_file.name.partition('-')[0]}.lock")


def _send(channel: socket.socket, message: object, descriptors: Sequence[int] = ()) -> None:
    channel.settimeout(SEND_SECONDS)
    data = json.dumps(message).encode() + b"\n"
    # The descriptors go with the first bytes, and what the socket does not take at once follows.
    rest = data[socket.send_fds(channel, [data], list(descriptors)) :]
    # A worker that has heard all of it goes to work and closes its end: even an empty send fails.
    if rest:
        channel.sendall(rest)
    channel.setblocking(False)
