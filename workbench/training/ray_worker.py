"""The worker of a run that trains on a node of a Ray cluster.

A process of this machine like any worker: it holds the run's lock, writes what the node tells into
the run's folder and hands on what the folder's control file asks for. So a run on a cluster is
watched, paused, stopped and killed as one that trains here; killed, Ray ends the node's side too.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from workbench.errors import DatasetError, EnvironmentProblem, RunError, UserError
from workbench.files import write_file
from workbench.model.spec import DatasetRef
from workbench.runs.control import Command, requested
from workbench.runs.events import Ended, Failed, Preparing, Stopped, parse_line
from workbench.runs.folder import RunFolder
from workbench.runs.record import Environment, write_json
from workbench.runs.service import reached
from workbench.training.ray_cluster import Cluster, ClusterProblem, NodeLost
from workbench.training.ray_node import Report
from workbench.training.worker import Worker
from workbench.training.worker import main as work

MOST_LOSSES = 3  # of nodes in a row, without an epoch between them


class StopAsked(Exception):
    """There is a request to stop, and nothing trains yet."""


class RayWorker(Worker):
    """One run's training, somewhere else."""

    def __init__(self, folder: RunFolder, cluster: Cluster) -> None:
        super().__init__(folder)
        self._cluster = cluster
        self._node = ""

    def _train(self) -> Ended:
        losses = epochs = 0
        try:
            self._emit(Preparing(time.time(), f"connecting to {self._cluster.name}"))
            self._cluster.connect()
            self._heed_signals()  # Ray has set its own
            while True:
                try:
                    return self._train_on_a_node()
                except NodeLost as lost:
                    print(lost, file=sys.stderr, flush=True)
                    done: int = reached(self._folder)["epochs_completed"]
                    losses, epochs = (losses + 1 if done == epochs else 1), done
                    words = f"the trainer on node {self._node or '(none found)'} is gone"
                    if losses == MOST_LOSSES:
                        raise RunError(f"{words}, as {losses - 1} before it; see its log") from lost
                    words = f"{words}; going on elsewhere from its last whole epoch"
                    self._emit(Preparing(time.time(), words))
        except StopAsked:
            return Stopped(time.time(), **reached(self._folder))

    def _train_on_a_node(self) -> Ended:
        """Train from the last whole epoch to the end, or until the node is lost."""
        folder = self._folder
        ref = folder.spec.dataset
        wanted = ref.sha256 if ref.path is not None else None
        there, has_data = self._ask("greet", wanted)
        self._note_node(Environment.model_validate(there))
        if wanted is not None and not has_data:
            self._emit(Preparing(time.time(), f"sending {ref.name}"))
            self._ask("keep_dataset", wanted, _content(ref))
        checkpoint = folder.checkpoint_file
        state = checkpoint.read_bytes() if checkpoint.exists() else None
        self._cluster.ask("begin", folder.run_id, folder.spec_file.read_text(), state)
        while True:
            report: Report = self._cluster.ask("report", self._command)
            ending = self._take(report)
            if ending is not None:
                return ending

    def _ask(self, method: str, *arguments: Any) -> Any:
        """Ask the trainer before it trains: a stop need not wait for it."""
        begun, said = time.monotonic(), False

        def wait() -> None:
            nonlocal said
            if self._command in (Command.STOP, Command.PRUNE):
                raise StopAsked
            if not said and not self._cluster.answered and time.monotonic() - begun > 3.0:
                said = True
                self._emit(Preparing(time.time(), self._cluster.waiting_words()))

        return self._cluster.ask(method, *arguments, wait=wait)

    @property
    def _command(self) -> Command:
        if not self._folder.path.is_dir():
            raise EnvironmentProblem(f"the run folder {self._folder.path} was deleted")
        return Command.STOP if self.told_to_end else requested(self._folder.path)

    def _take(self, report: Report) -> Ended | None:
        """Write what the node tells; the ending, once it has come, is left to be written."""
        events = [event for line in report.lines if (event := parse_line(line)) is not None]
        ending = events.pop() if report.ended else None
        for event in events:
            self._emit(event)
        for name, content in report.files.items():
            write_file(self._folder.path / name, content)
        if not report.ended:
            return None
        assert isinstance(ending, Ended)  # the last line of a report that says so
        self.compiled = report.compiled
        if report.fault:
            print(report.fault, file=sys.stderr, flush=True)
        if isinstance(ending, Failed):
            message = ending.message.replace(report.scratch, str(self._folder.path))
            return replace(ending, message=message)
        return ending

    def _note_node(self, there: Environment) -> None:
        """Keep with the run where it trains, and say what differs from where it did before."""
        folder = self._folder
        before = folder.record.environment
        differs = [
            f"{name} {getattr(there, name) or 'missing'}, {getattr(before, name)} before"
            for name in ("python", "workbench", "tensorflow", "keras", "numpy")
            if getattr(there, name) != getattr(before, name)
        ]
        if folder.checkpoint_file.exists() and there.cpu != before.cpu:
            differs.append(f"another processor ({there.cpu}, {before.cpu} before)")
        self._node = there.host
        words = "; ".join([f"training on {there.host}", *differs])
        if differs:
            print(words, file=sys.stderr, flush=True)
        self._emit(Preparing(time.time(), words))
        record = folder.record.model_copy(update={"environment": there})
        write_json(folder.spec_file, record.model_dump(mode="json"))
        self._folder = RunFolder(folder.path)  # to be read anew

    def _failure(self, error: BaseException) -> Failed:
        failed = super()._failure(error)
        if isinstance(error, ClusterProblem):
            failed = replace(failed, reason="cluster")
        with suppress(UserError, OSError):  # the folder is gone
            failed = replace(failed, **reached(self._folder))
        return failed


def _content(ref: DatasetRef) -> bytes:
    """The file of a data set, as it was when the run was planned.

    Raises:
        DatasetError: it is gone, or has changed.
    """
    try:
        content = Path(ref.path or "").read_bytes()
    except OSError as error:
        raise DatasetError(f"data set {ref.path}: {error.strerror}; put it back") from error
    if hashlib.sha256(content).hexdigest() != ref.sha256:
        raise DatasetError(
            f"data set {ref.path} has changed since the run was planned; start a new run, or put "
            "back the data of the old one"
        )
    return content


def main(arguments: list[str] | None = None) -> int:
    """As the worker's, with the cluster and what a training takes of one of its nodes."""
    parser = argparse.ArgumentParser(description="Train one run on a Ray cluster.")
    parser.add_argument("--address", default="auto")
    parser.add_argument("--cpus", type=int, default=1)
    parser.add_argument("--gpus", type=float, default=0.0)
    options, rest = parser.parse_known_args(arguments)
    cluster = Cluster(options.address, options.cpus, options.gpus)
    return work(rest, lambda folder, ready: RayWorker(folder, cluster))


if __name__ == "__main__":
    sys.exit(main())
