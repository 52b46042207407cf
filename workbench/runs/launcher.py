"""Starting workers that outlive the connection they were started from."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

from workbench.errors import EnvironmentProblem, RunError
from workbench.model.spec import TrainingSpec
from workbench.runs import control, lock
from workbench.runs.events import Failed, Preparing, Queued
from workbench.runs.folder import RunFolder, create_run
from workbench.runs.log import EventWriter, last_ending
from workbench.runs.plan import require_memory
from workbench.runs.process import module_command, module_environment
from workbench.runs.record import Labels
from workbench.runs.standby import Standby
from workbench.runs.status import Status
from workbench.settings import Home

WORKER = "workbench.training.worker"
SEQUENCE = "workbench.runs.sequence"


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


def resume(folder: RunFolder) -> subprocess.Popen[bytes]:
    """Take a crashed or stopped run up again from its last whole epoch; its new worker.

    Raises:
        RunError: the run is alive or has come to its end.
    """
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
    folder.record  # noqa: B018  (a damaged spec.json is said here, not in the worker's log)
    descriptor = lock.acquire(folder.lock_file)
    if descriptor is None:
        raise RunError(f"run {folder.run_id} has just been resumed by another process")
    try:
        control.clear(folder.path)
        # From here on its log says that it goes on, however long the worker takes to start.
        writer = EventWriter(folder.events_file)
        writer.write(Preparing(time.time(), "starting the worker"))
        writer.close()
        return spawn_worker(folder, descriptor)
    except OSError as error:
        raise EnvironmentProblem(f"the worker cannot be started: {error}") from error
    finally:
        os.close(descriptor)


def spawn_worker(folder: RunFolder, descriptor: int) -> subprocess.Popen[bytes]:
    """Start the run's worker in a session of its own; it inherits the held lock."""
    arguments = [str(folder.path), "--lock-fd", str(descriptor)]
    return _spawn(WORKER, arguments, [(folder, descriptor)], folder.log_file)


def _spawn_sequence(created: list[tuple[RunFolder, int]]) -> None:
    for folder, _ in created:
        writer = EventWriter(folder.events_file)
        writer.write(Queued(time.time()))
        writer.close()
    arguments = [f"{descriptor}:{folder.path}" for folder, descriptor in created]
    _spawn(SEQUENCE, arguments, created, created[0][0].log_file)


def _spawn(
    module: str, arguments: list[str], held: list[tuple[RunFolder, int]], log_file: Path
) -> subprocess.Popen[bytes]:
    log = os.open(log_file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        process = subprocess.Popen(
            module_command(module, *arguments),
            start_new_session=True,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=[descriptor for _, descriptor in held],
            env=module_environment(),
            cwd=held[0][0].path.parent,
        )
    finally:
        os.close(log)
    for _, descriptor in held:
        lock.write_pid(descriptor, process.pid)
    return process
