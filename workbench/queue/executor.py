"""The seam between the queue and what trains: local worker processes, or a cluster engine.

The queue knows a trial by its run. Whatever trains it, and wherever, three things hold:

- the run has a folder in this home, whose event log tells how it goes and how it ended;
- the folder's lock is held by a process here while it trains, so that it is seen to live;
- it looks at the folder's control file, so that it can be paused and stopped like any other.

A cluster engine meets them with one small local process a run, which has the run trained over
there and writes here what it is told (`workbench.training.ray_worker`); neither the queue nor the
screens notice.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from workbench.errors import EnvironmentProblem, RunError
from workbench.model.spec import TrainingSpec
from workbench.queue.store import Engine
from workbench.runs import control, lock
from workbench.runs.environment import usable_cores
from workbench.runs.events import Batch, Epoch, Preparing, Started
from workbench.runs.folder import RunFolder, create_run
from workbench.runs.log import backwards
from workbench.runs.record import Labels
from workbench.runs.sequence import KeptWorker
from workbench.runs.service import LOCAL, WorkerKind, take_up, write_stopped
from workbench.settings import Home


class Job(Protocol):
    """A training that was handed over."""

    @property
    def run_id(self) -> str:
        """The id of its run in this home."""

    def ended(self) -> bool:
        """Whether nothing trains it any more."""

    def stop(self) -> None:
        """Ask it to save what it has trained and to stop; it ends soon after."""


class Executor(Protocol):
    """Trains specs, several at once if asked to."""

    @property
    def is_local(self) -> bool:
        """Whether it trains on the cores of this machine, which other trainings keep busy too."""

    def submit(self, spec: TrainingSpec, labels: Labels, by: str, jobs: int) -> Job:
        """Begin a training, one of `jobs` at once: how they share what there is, it decides.

        Raises:
            EnvironmentProblem: it cannot be begun now, but may be later (a full disk).
            UserError: it can never be begun.
        """

    def take_up(self, run_id: str) -> Job | None:
        """Join a run that lives, or go on with one that was interrupted.

        None: there is nothing to go on with (it has finished, diverged, or is gone).

        Raises:
            EnvironmentProblem: it cannot be begun now, but may be later.
        """


@dataclass
class LocalJob:
    """A worker of this machine. `process` is None where another process started it."""

    folder: RunFolder
    process: subprocess.Popen[bytes] | None = None
    _killed: bool = False  # it had trained nothing, and cannot write its own ending

    @property
    def run_id(self) -> str:
        """The id of its run."""
        return self.folder.run_id

    def ended(self) -> bool:
        """Whether the worker has let go of the run's lock."""
        if self.process is not None:
            self.process.poll()  # reaped, where it has ended
        if lock.is_held(self.folder.lock_file):
            return False
        if self._killed:
            self._killed = False
            write_stopped(self.folder)
        return True

    def stop(self) -> None:
        """Ask the worker through the run folder, or by signal where that cannot be written.

        One that has trained nothing yet looks at no request before TensorFlow is loaded, which
        can take a minute; nothing is lost when it is ended at once. Only one's own: another
        process may have other runs to train after this one.
        """
        if self.process is not None and not _trains(self.folder):
            self.process.kill()
            self._killed = True
            return
        control.request(self.folder.path, control.Command.STOP)


class WorkersExecutor:
    """Has detached workers train, each for itself or each on a node of a cluster.

    They go on if the queue's own process dies.
    """

    def __init__(self, home: Home, engine: Engine) -> None:
        self._home = home
        self._engine = engine
        self._kind = LOCAL if engine.is_local else _on_ray(engine)
        self._workers: list[KeptWorker] = []

    @property
    def is_local(self) -> bool:
        """Whether the workers train themselves."""
        return self._engine.is_local

    def submit(self, spec: TrainingSpec, labels: Labels, by: str, jobs: int) -> LocalJob:
        """Create the run and start its worker, with its share of the cores."""
        if spec.threads is None:
            spec = spec.model_copy(update={"threads": self._threads(jobs)})
        folder, descriptor = create_run(self._home, spec, labels, by)
        try:
            return LocalJob(folder, self._idle_worker().train(folder, descriptor))
        except OSError as error:
            os.close(descriptor)
            descriptor = -1
            folder.delete()
            raise EnvironmentProblem(f"the worker cannot be started: {error}") from error
        finally:
            if descriptor >= 0:
                os.close(descriptor)

    def _threads(self, jobs: int) -> int | None:
        """The cores for one of so many trainings at once; None: all."""
        if not self._engine.is_local:
            return self._engine.cpus
        # Several that each take all cores are slower together than one after the other.
        return max(1, usable_cores() // jobs) if jobs > 1 else None

    def _idle_worker(self) -> KeptWorker:
        worker = next((worker for worker in self._workers if worker.is_idle), None)
        if worker is None:
            worker = KeptWorker(self._kind)
            self._workers.append(worker)
        return worker

    def take_up(self, run_id: str) -> LocalJob | None:
        """Join the run's worker, or start a new one that goes on from its last whole epoch."""
        folder = RunFolder(self._home.runs / run_id)
        if not folder.spec_file.exists():
            return None
        if lock.is_held(folder.lock_file):
            return LocalJob(folder)
        try:
            process = take_up(folder, self._kind)
        except RunError:  # it has come to its end, or another process was quicker
            return LocalJob(folder) if lock.is_held(folder.lock_file) else None
        return LocalJob(folder, process)


def seconds_for_all(training: Sequence[float], rest: Iterable[float | None]) -> float | None:
    """How long all of it takes here, as far as it is known; None: nothing is.

    `training` are the times left of what trains, each at its present pace: they share the cores
    and go on side by side. `rest` are times with all cores, however many jobs will share them.
    """
    known = [seconds / len(training) for seconds in training]
    others = list(rest)
    known += [seconds for seconds in others if seconds is not None]
    return sum(known) if known or not others else None


def _trains(folder: RunFolder) -> bool:
    """Whether the worker now at work has trained anything."""
    for event in backwards(folder.events_file):
        if isinstance(event, Batch | Epoch):
            return True
        if isinstance(event, Preparing | Started):
            return False
    return False


def _on_ray(engine: Engine) -> WorkerKind:
    """The worker that has a node of a Ray cluster train."""
    arguments = (
        "--address",
        engine.address,
        "--cpus",
        f"{engine.cpus}",
        "--gpus",
        f"{engine.gpus}",
    )
    return WorkerKind("workbench.training.ray_worker", arguments)
