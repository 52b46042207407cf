"""What can be asked of runs: launch, pause, resume, stop, kill, delete, and the next seed.

Commands and screens ask here, so that the same verb does, and refuses, the same everywhere.
Workers outlive the connection that they were started from. Requests reach them through the run's
folder; all functions read files, so screens call them in a thread. What the state of a run forbids
(one has ended, another still trains) is refused with a `RunError`.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from typing import Any, Protocol

from workbench.errors import RunError, UserError, refused
from workbench.model.spec import TrainingSpec
from workbench.runs import control, lock
from workbench.runs.events import Failed, Preparing, Queued, Stopped
from workbench.runs.folder import RunFolder, all_runs, run_to_start
from workbench.runs.log import last_ending, write_event
from workbench.runs.plan import require_memory
from workbench.runs.process import start_detached
from workbench.runs.record import Labels
from workbench.runs.standby import Standby
from workbench.runs.status import Status
from workbench.runs.summary import RunSummary
from workbench.settings import Home

SEQUENCE = "workbench.runs.sequence"


class Results(Protocol):
    """The results of a home, as the leaderboard keeps them."""

    home: Home

    def entries(self) -> list[RunSummary]:
        """The runs that have ended."""

    def remove(self, run_ids: Iterable[str]) -> int:
        """Forget these runs."""


def each(folders: Iterable[RunFolder], action: Callable[[RunFolder], object]) -> list[UserError]:
    """Do something with each run; what went wrong with some does not spare the others."""
    faults = []
    for folder in folders:
        try:
            action(folder)
        except UserError as error:
            faults.append(error)
    return faults


def require_alive(folder: RunFolder) -> Status:
    """What a living run does; one that has ended is refused."""
    status = folder.status()
    if not status.alive:
        raise RunError(f"run {folder.run_id} has ended already ({status.word})")
    return status


def pause(folder: RunFolder) -> None:
    """Have it wait after its current chunk; its worker keeps its memory."""
    require_alive(folder)
    control.request(folder.path, control.Command.PAUSE)


def asked_to_pause(folder: RunFolder) -> bool:
    """Whether it is paused, or will be as soon as its worker comes to it."""
    return control.requested(folder.path) is control.Command.PAUSE


def resume(folder: RunFolder) -> bool:
    """Let a paused run go on, or one that was cut short from its last whole epoch.

    Returns whether that took a new worker.
    """
    status = folder.status()
    if not status.alive:
        take_up(folder)
        return True
    if not asked_to_pause(folder):
        raise RunError(f"run {folder.run_id} is {status.word}; there is nothing to resume")
    control.request(folder.path, control.Command.RUN)
    return False


def pause_or_resume(folder: RunFolder) -> bool:
    """Pause a run that trains, let a paused one go on; whether it is to pause now."""
    require_alive(folder)
    paused = asked_to_pause(folder)
    (resume if paused else pause)(folder)
    return not paused


def stop(folder: RunFolder) -> None:
    """Have it stop after its current chunk and be saved; one that waits is taken back."""
    require_alive(folder)
    control.request(folder.path, control.Command.STOP)


def kill(folder: RunFolder) -> None:
    """End its worker at once, without saving.

    Raises:
        EnvironmentProblem: its worker cannot be signalled.
    """
    if require_alive(folder) is Status.QUEUED:
        # What holds its lock is the process of the whole sequence.
        raise RunError(f"run {folder.run_id} has not begun; stop takes it back")
    with refused(f"run {folder.run_id}: cannot kill: "):
        control.kill(folder.path)


def delete(folders: Iterable[RunFolder], results: Results) -> list[UserError]:
    """Delete runs that have ended: their folders, then their results. What refused is returned."""
    gone: list[str] = []

    def one(folder: RunFolder) -> None:
        folder.delete()
        gone.append(folder.run_id)

    faults = each(folders, one)
    try:
        results.remove(gone)
    except UserError as error:
        faults.append(error)
    return faults


def next_seed(spec: TrainingSpec, results: Results, queued: Iterable[int] = ()) -> int:
    """The lowest seed that no run of these settings has, living or ended, nor one `queued`.

    Raises:
        UserError: the results cannot be read.
    """
    key = spec.settings_key
    entries = results.entries()
    used = set(queued)
    used |= {entry.seed for entry in entries if entry.settings_key == key}
    known = {entry.run_id for entry in entries}
    for folder in all_runs(results.home):
        if folder.run_id not in known:
            try:
                other = folder.spec
            except UserError:  # a damaged folder uses no seed
                continue
            if other.settings_key == key:
                used.add(other.seed)
    return next(seed for seed in range(len(used) + 1) if seed not in used)


LOCAL = ("workbench.training.worker",)  # what trains a run: a module, and arguments of its own


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
    with ExitStack() as stack:
        begun = [run_to_start(home, spec, labels, by) for spec in specs]
        created = [stack.enter_context(run) for run in begun]
        if len(created) == 1:
            # The cores to use are settled when TensorFlow is imported, which a standby has done.
            warm = standby if specs[0].threads is None else None
            if warm is None or not warm.take(*created[0]):
                spawn_worker(*created[0])
        else:
            for folder, _ in created:
                write_event(folder.events_file, Queued(time.time()))
            arguments = [f"{descriptor}:{folder.path}" for folder, descriptor in created]
            descriptors = [descriptor for _, descriptor in created]
            process = start_detached(SEQUENCE, arguments, descriptors, created[0][0].log_file)
            for descriptor in descriptors:
                lock.write_pid(descriptor, process.pid)
    return [folder for folder, _ in created]


def take_up(folder: RunFolder, worker: tuple[str, ...] = LOCAL) -> subprocess.Popen[bytes]:
    """Take a crashed or stopped run up again from its last whole epoch; its new worker."""
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
    with refused(f"run {folder.run_id}: its worker cannot be started: "):
        descriptor = lock.acquire(folder.lock_file)
        if descriptor is None:
            raise RunError(f"run {folder.run_id} has just been resumed by another process")
        try:
            control.clear(folder.path)
            # From here on its log says that it goes on, however long the worker takes to start.
            write_event(folder.events_file, Preparing(time.time()))
            return spawn_worker(folder, descriptor, worker=worker)
        finally:
            os.close(descriptor)


def spawn_worker(
    folder: RunFolder, descriptor: int, channel: int | None = None, worker: tuple[str, ...] = LOCAL
) -> subprocess.Popen[bytes]:
    """Start the run's worker in a session of its own; it inherits the held lock.

    With a `channel`, its end of a socket, it takes further runs there; see `KeptWorker`.
    """
    module, *own = worker
    arguments = [str(folder.path), "--lock-fd", str(descriptor), *own]
    inherited = [descriptor]
    if channel is not None:
        arguments += ["--channel", str(channel)]
        inherited.append(channel)
    process = start_detached(module, arguments, inherited, folder.log_file)
    lock.write_pid(descriptor, process.pid)
    return process


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
