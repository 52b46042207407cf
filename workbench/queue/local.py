"""The executor of one machine: a worker process a run, as `run` starts them."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass

from workbench.errors import EnvironmentProblem, RunError
from workbench.model.spec import TrainingSpec
from workbench.runs import control, lock
from workbench.runs.folder import RunFolder, create_run
from workbench.runs.launcher import resume, spawn_worker
from workbench.runs.record import Labels
from workbench.settings import Home


@dataclass
class LocalJob:
    """A worker of this machine. `process` is None where another process started it."""

    folder: RunFolder
    process: subprocess.Popen[bytes] | None = None

    @property
    def run_id(self) -> str:
        """The id of its run."""
        return self.folder.run_id

    def ended(self) -> bool:
        """Whether the worker has let go of the run's lock."""
        if self.process is not None and self.process.poll() is None:
            return False
        return not lock.is_held(self.folder.lock_file)

    def stop(self) -> None:
        """Ask the worker through the run folder, or by signal where that cannot be written."""
        control.request(self.folder.path, control.Command.STOP)


class LocalExecutor:
    """Starts detached workers: they go on if the queue's own process dies."""

    def __init__(self, home: Home) -> None:
        self._home = home

    def submit(self, spec: TrainingSpec, labels: Labels, by: str) -> LocalJob:
        """Create the run and start its worker."""
        folder, descriptor = create_run(self._home, spec, labels, by)
        try:
            return LocalJob(folder, spawn_worker(folder, descriptor))
        except OSError as error:
            os.close(descriptor)
            descriptor = -1
            folder.delete()
            raise EnvironmentProblem(f"the worker cannot be started: {error}") from error
        finally:
            if descriptor >= 0:
                os.close(descriptor)

    def take_up(self, run_id: str) -> LocalJob | None:
        """Join the run's worker, or start a new one that goes on from its last whole epoch."""
        folder = RunFolder(self._home.runs / run_id)
        if not folder.spec_file.exists():
            return None
        if lock.is_held(folder.lock_file):
            return LocalJob(folder)
        try:
            process = resume(folder)
        except RunError:  # it has come to its end, or another process was quicker
            return LocalJob(folder) if lock.is_held(folder.lock_file) else None
        return LocalJob(folder, process)
