"""An executor without workers: it writes run folders as told, so that endings can be chosen."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from zipfile import ZipFile

from workbench.model.spec import TrainingSpec
from workbench.model.tables import paper_table
from workbench.queue.planning import PlannedTrial
from workbench.runs import control, lock
from workbench.runs.events import Ended, Epoch, Failed, FailureReason, Finished, Stopped
from workbench.runs.folder import RunFolder, create_run
from workbench.runs.log import EventWriter
from workbench.runs.record import Labels
from workbench.runs.status import Status
from workbench.settings import Home


def spec(seed: int = 0, row: int = 0, table: int = 3) -> TrainingSpec:
    """A training of the paper."""
    return paper_table(table).rows[row].spec(seed=seed)


def wanted(*seeds: int) -> list[PlannedTrial]:
    """NN model 1 with these seeds."""
    return [PlannedTrial(spec(seed), f"seed {seed}") for seed in seeds]


@dataclass
class ScriptedJob:
    """A run that ends when told, or when it is asked to stop."""

    folder: RunFolder
    descriptor: int
    ending: str

    @property
    def run_id(self) -> str:
        return self.folder.run_id

    def stop(self) -> None:
        control.request(self.folder.path, control.Command.STOP)

    def ended(self) -> bool:
        if self.descriptor < 0:
            return True
        if control.requested(self.folder.path) is control.Command.STOP:
            self.end("stopped")
        elif self.ending != "goes on":
            self.end(self.ending)
        return self.descriptor < 0

    def end(self, ending: str) -> None:
        """Write the ending, then let go, as a worker does."""
        writer = EventWriter(self.folder.events_file)
        writer.write(Epoch(time.time(), 1, 100, 0.2, 0.9, 0.2, 0.95, 9e3, 1.0, 1.0))
        if ending != "crashed":
            writer.write(_ending(ending))
        if ending in ("crashed", "stopped"):
            leave_checkpoint(self.folder)
        writer.close()
        os.close(self.descriptor)
        self.descriptor = -1


def leave_checkpoint(folder: RunFolder) -> None:
    """As a whole epoch does; what is in it matters to workers only."""
    with ZipFile(folder.checkpoint_file, "w") as archive:
        archive.writestr("config.json", "{}")


def _ending(ending: str) -> Ended:
    now, facts = time.time(), (10, 100, 2.0, 9e3)
    match ending:
        case "finished":
            return Finished(now, *facts, test_accuracy=0.95, test_loss=0.2)
        case "stopped":
            return Stopped(now, 1, *facts[1:])
    reason: FailureReason = "error"
    if ending == "diverged" or ending == "cluster":
        reason = ending
    return Failed(now, *facts, reason=reason, message=f"{reason}, as scripted")


@dataclass
class ScriptedExecutor:
    """Ends seed n as `endings[n]` says, finished where it says nothing.

    `before` is called with each spec and may raise what an executor may.
    """

    home: Home
    endings: dict[int, str] = field(default_factory=dict)
    before: Callable[[TrainingSpec], None] = lambda spec: None
    submitted: list[TrainingSpec] = field(default_factory=list)
    at_once: list[int] = field(default_factory=list)  # of how many each was said to be one
    taken_up: list[str] = field(default_factory=list)
    jobs: list[ScriptedJob] = field(default_factory=list)
    most_at_once: int = 0
    is_local: bool = True

    def submit(self, spec: TrainingSpec, labels: Labels, by: str, jobs: int = 1) -> ScriptedJob:
        self.before(spec)
        self.at_once.append(jobs)
        self.submitted.append(spec)
        return self._job(*create_run(self.home, spec, labels, by), seed=spec.seed)

    def take_up(self, run_id: str) -> ScriptedJob | None:
        folder = RunFolder(Path(self.home.runs / run_id))
        if not folder.path.exists() or folder.status() is Status.FINISHED:
            return None
        self.taken_up.append(run_id)
        control.clear(folder.path)
        descriptor = lock.acquire(folder.lock_file)
        assert descriptor is not None
        return self._job(folder, descriptor, seed=folder.record.spec.seed)

    def _job(self, folder: RunFolder, descriptor: int, seed: int) -> ScriptedJob:
        job = ScriptedJob(folder, descriptor, self.endings.get(seed, "finished"))
        self.jobs.append(job)
        self.most_at_once = max(self.most_at_once, sum(job.descriptor >= 0 for job in self.jobs))
        return job
