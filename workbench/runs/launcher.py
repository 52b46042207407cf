"""Starting workers that outlive the connection they were started from."""

from __future__ import annotations

import os
import subprocess
import time
from dataclasses import dataclass
from typing import Any

from workbench.errors import EnvironmentProblem, RunError, UserError
from workbench.model.spec import TrainingSpec
from workbench.runs import control, lock
from workbench.runs.events import Failed, Preparing, Queued, Stopped
from workbench.runs.folder import RunFolder, create_run
from workbench.runs.log import last_ending, write_event
from workbench.runs.plan import require_memory
from workbench.runs.process import start_detached
from workbench.runs.record import Labels
from workbench.runs.standby import Standby
from workbench.runs.status import Status
from workbench.settings import Home

SEQUENCE = "workbench.runs.sequence"


@dataclass(frozen=True)
class WorkerKind:
    """The module that trains a run, and its own arguments."""

    module: str
    arguments: tuple[str, ...] = ()


LOCAL = WorkerKind("workbench.training.worker")


def launch(
    home: Home,
    specs: list[TrainingSpec],
    labels: Labels,
    by: str,
    standby: Standby | None = None,
) -> list[RunFolder]:
    """Create runs and train them one after the other, detached from this terminal.

    A single run goes to the `standby` worker, if there is one.

    Raises:
        EnvironmentProblem: memory cannot hold a training, or the folders cannot be written;
            none of the runs is left behind.
    """
    require_memory(specs)
    created: list[tuple[RunFolder, int]] = []
    try:
        for spec in specs:
            created.append(create_run(home, spec, labels, by))
        if len(created) == 1:
            # The cores to use are settled when TensorFlow is imported, which a standby has done.
            warm = standby if specs[0].threads is None else None
            if warm is None or not warm.take(*created[0]):
                spawn_worker(*created[0])
        else:
            _spawn_sequence(created)
    except (EnvironmentProblem, OSError) as error:
        for folder, descriptor in created:
            os.close(descriptor)
            folder.delete()
        if isinstance(error, OSError):
            raise EnvironmentProblem(f"the worker cannot be started: {error}") from error
        raise
    for _, descriptor in created:
        os.close(descriptor)
    return [folder for folder, _ in created]


def resume(folder: RunFolder, kind: WorkerKind = LOCAL) -> subprocess.Popen[bytes]:
    """Take a crashed or stopped run up again from its last whole epoch; its new worker.

    Raises:
        RunError: the run is alive or has come to its end.
    """
    _ = folder.spec  # said here and not in a log: it is damaged, or is no run of the workbench's
    status = folder.status()
    if status.alive:
        raise RunError(f"run {folder.run_id} is {status}; there is nothing to resume")
    if status is Status.FINISHED:
        raise RunError(f"run {folder.run_id} has finished; start a new one with `run`")
    ending = last_ending(folder.events_file)
    if isinstance(ending, Failed) and ending.diverged:
        raise RunError(
            f"run {folder.run_id} diverged, and would again with the same seed; start a new one "
            "with a lower learning rate"
        )
    descriptor = lock.acquire(folder.lock_file)
    if descriptor is None:
        raise RunError(f"run {folder.run_id} has just been resumed by another process")
    try:
        control.clear(folder.path)
        # From here on its log says that it goes on, however long the worker takes to start.
        write_event(folder.events_file, Preparing(time.time()))
        return spawn_worker(folder, descriptor, kind=kind)
    except OSError as error:
        raise EnvironmentProblem(f"the worker cannot be started: {error}") from error
    finally:
        os.close(descriptor)


def spawn_worker(
    folder: RunFolder, descriptor: int, channel: int | None = None, kind: WorkerKind = LOCAL
) -> subprocess.Popen[bytes]:
    """Start the run's worker in a session of its own; it inherits the held lock.

    With a `channel`, its end of a socket, it takes further runs there; see `KeptWorker`.
    """
    arguments = [str(folder.path), "--lock-fd", str(descriptor), *kind.arguments]
    inherited = [descriptor]
    if channel is not None:
        arguments += ["--channel", str(channel)]
        inherited.append(channel)
    process = start_detached(kind.module, arguments, inherited, folder.log_file)
    lock.write_pid(descriptor, process.pid)
    return process


def _spawn_sequence(created: list[tuple[RunFolder, int]]) -> None:
    for folder, _ in created:
        write_event(folder.events_file, Queued(time.time()))
    arguments = [f"{descriptor}:{folder.path}" for folder, descriptor in created]
    descriptors = [descriptor for _, descriptor in created]
    process = start_detached(SEQUENCE, arguments, descriptors, created[0][0].log_file)
    for descriptor in descriptors:
        lock.write_pid(descriptor, process.pid)


def write_stopped(folder: RunFolder) -> None:
    """The ending of a run whose worker never trained, or never came: as far as it had come."""
    try:
        if last_ending(folder.events_file) is not None:  # it came to its end in that moment
            return
        write_event(folder.events_file, Stopped(time.time(), **reached(folder)))
    except (OSError, UserError):
        return  # the folder is gone or the disk full: it counts as crashed, and goes on alike


def reached(folder: RunFolder) -> dict[str, Any]:
    """How far the whole epochs in a run's log have come, as the fields of an ending.

    Raises:
        RunError: the run's spec or log cannot be read.
    """
    history = folder.history()
    last = history.epochs[-1] if history.epochs else None
    step, seconds = (last.step, last.seconds) if last else (0, 0.0)
    return {"step": step, "seconds": seconds, **history.results}
