"""The worker of a run that trains on a node of a Ray cluster.

A process of this machine like any worker: it holds the run's lock, writes what the node tells into
the run's folder and hands on what the folder's control file asks for. So a run on a cluster is
watched, paused, stopped and killed as one that trains here; killed, Ray ends the node's side too.

With `doctor ADDRESS` it prints as JSON whether the nodes of a cluster can train, a finding a node.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import socket
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from workbench.data.catalogue import KERAS_FILES, keras_folder
from workbench.errors import DatasetError, EnvironmentProblem, RunError, UserError
from workbench.files import write_file
from workbench.formats import count
from workbench.model.spec import DatasetRef
from workbench.runs.control import Command, requested
from workbench.runs.environment import installed
from workbench.runs.events import Ended, Failed, Preparing, Stopped, parse_line
from workbench.runs.folder import RunFolder
from workbench.runs.record import Environment
from workbench.runs.service import reached
from workbench.training.ray_node import Report, Trainer
from workbench.training.worker import Worker
from workbench.training.worker import main as work

MOST_LOSSES = 3  # of nodes in a row, without an epoch between them
LOOK_SECONDS = 1.0  # while a node says nothing
HEAD_SECONDS = 2.0  # between two looks whether the head still answers
MOST_SILENCES = 3  # in a row, then it counts as dead
CONNECT_SECONDS = 2.0
# After a node is lost: its head may be just going too, and what is asked of one that is gone hangs.
LOSS_SECONDS = 2.0
PACKAGES = ("mnist-workbench", "tensorflow", "keras", "numpy")
PATIENCE_SECONDS = 60.0


class ClusterProblem(EnvironmentProblem):
    """The cluster is not there, or cannot be used from here."""


class NodeLost(Exception):
    """The node, or the trainer on it, is gone."""


class Cluster:
    """A Ray cluster; the trainer there holds `cpus` and `gpus` of a node as long as we live."""

    def __init__(self, address: str, cpus: int, gpus: float) -> None:
        self.answered = False  # the trainer, since it was made
        self._address = address
        self._cpus, self._gpus = cpus, gpus
        self._head = ""  # what answers at HOST:PORT while the cluster lives
        self._looked, self._silences = 0.0, 0
        self._trainer: Any = None

    @property
    def name(self) -> str:
        return "the Ray cluster" + ("" if self._address == "auto" else f" at {self._address}")

    def connect(self) -> None:
        """Be connected.

        Raises:
            ClusterProblem: there is no such cluster, or it is of other versions.
        """
        if self._head:
            return
        connect(self._address)
        import ray

        named = self._address.removeprefix("ray://")
        is_client = named != self._address
        self._head = named if is_client else ray.get_runtime_context().gcs_address

    def look(self) -> None:
        """Look now and then whether the head lives: Ray itself waits a minute, then ends us.

        Raises:
            ClusterProblem: it is gone.
        """
        now = time.monotonic()
        if now - self._looked < HEAD_SECONDS:
            return
        self._looked = now
        self._silences = 0 if answers(self._head) else self._silences + 1
        if self._silences == MOST_SILENCES:
            raise self._headless()

    def ask(self, method: str, *arguments: Any, wait: Callable[[], None] = lambda: None) -> Any:
        """What the trainer answers; it is made where there is none. `wait` is called meanwhile.

        Raises:
            NodeLost: it is gone.
            ClusterProblem: the cluster is.
        """
        import ray
        from ray.exceptions import RayError, RayTaskError

        if self._trainer is None:
            self.answered = False
            kind = ray.remote(num_cpus=self._cpus, num_gpus=self._gpus)(Trainer)
            self._trainer = kind.remote()
        answer = getattr(self._trainer, method).remote(*arguments)
        try:
            while not ray.wait([answer], timeout=LOOK_SECONDS)[0]:
                self.look()
                wait()
            self.look()
            found = ray.get(answer)
            self.answered = True
            return found
        except RayTaskError as error:
            raise error.cause or error from error
        except RayError as error:
            if missing := re.search(r"(?:ModuleNotFound|Import)Error: (.+)", str(error)):
                raise ClusterProblem(
                    f"a node cannot train ({missing[1]}); install mnist-workbench there, in the "
                    "Python that runs Ray (`mnist-workbench doctor --executor ray` says where)"
                ) from error
            trainer, self._trainer = self._trainer, None
            time.sleep(LOSS_SECONDS)
            if not answers(self._head):
                raise self._headless() from error
            with suppress(Exception):  # it may be out of reach, and not dead
                ray.kill(trainer)
            raise NodeLost(str(error)) from error
        except ConnectionError as error:  # of `ray://`
            raise self._headless() from error

    def _headless(self) -> ClusterProblem:
        return ClusterProblem(
            f"the head of the Ray cluster at {self._head} does not answer; start it again, all "
            "goes on from the last whole epochs"
        )

    def waiting_words(self) -> str:
        import ray

        what = count(self._cpus, "CPU") + (f" and {self._gpus:g} GPUs" if self._gpus else "")
        nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
        if any(
            node.get("CPU", 0) >= self._cpus and node.get("GPU", 0) >= self._gpus for node in nodes
        ):
            return f"waiting for a node with {what} free"
        return (
            f"waiting for a node with {what}: none of the {count(len(nodes), 'node')} has that many"
        )


def connect(address: str) -> None:
    """Connect this process to a cluster: `auto`, `HOST:PORT` or `ray://HOST:PORT`.

    Raises:
        ClusterProblem: there is none, or it is of other versions.
    """
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    import ray

    named = address.removeprefix("ray://")
    remedy = "start one with `ray start --head`, or name it with --address"
    if named != "auto" and not answers(named):
        raise ClusterProblem(f"no Ray cluster answers at {named}; {remedy}")
    try:
        ray.init(address, log_to_driver=False, configure_logging=False, logging_level="ERROR")
    except ConnectionError as error:
        raise ClusterProblem(f"no Ray cluster found ({_first_line(error)}); {remedy}") from error
    except (RuntimeError, ValueError) as error:
        raise ClusterProblem(f"the Ray cluster cannot be used: {_first_line(error)}") from error


def answers(address: str) -> bool:
    """Whether something listens at HOST:PORT."""
    host, _, port = address.rpartition(":")
    with suppress(OSError):
        socket.create_connection((host.strip("[]"), int(port)), CONNECT_SECONDS).close()
        return True
    return False


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(" .:") if lines else type(error).__name__


def findings(address: str) -> list[dict[str, str]]:
    """What, verdict and detail: of the cluster, then of each node.

    Raises:
        EnvironmentProblem: there is no such cluster.
    """
    connect(address)
    import ray
    from ray.exceptions import RayError
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    def look(packages: tuple[str, ...]) -> dict[str, str]:  # within another, it travels as a whole
        from importlib.metadata import PackageNotFoundError, version

        versions = {}
        for package in packages:
            try:
                versions[package] = version(package)
            except PackageNotFoundError:
                versions[package] = ""
        return versions

    nodes = [node for node in ray.nodes() if node["Alive"]]
    found = [_finding("Ray", "ok", f"{ray.__version__}, {count(len(nodes), 'node')}")]
    remote = ray.remote(num_cpus=0, max_retries=0)(look)
    asked = [
        remote.options(
            scheduling_strategy=NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
        ).remote(PACKAGES)
        for node in nodes
    ]
    ray.wait(asked, num_returns=len(asked), timeout=PATIENCE_SECONDS)
    for node, answer in zip(nodes, asked, strict=True):
        what = f"node {node['NodeManagerHostname']} {node['NodeID'][:6]}"
        try:
            versions = ray.get(answer, timeout=0)
        except RayError as error:
            found.append(_finding(what, "fail", f"does not answer ({type(error).__name__})"))
        else:
            found.append(_of_node(what, node["Resources"], versions))
    return found


def _of_node(what: str, has: dict[str, float], versions: dict[str, str]) -> dict[str, str]:
    """A finding: packages that are missing, versions that are not those of here."""
    missing = [name for name, found in versions.items() if not found]
    if missing:
        remedy = "install mnist-workbench there, in the Python that runs Ray"
        return _finding(what, "fail", f"{' and '.join(missing)} missing; {remedy}")
    gpus = f", {has['GPU']:g} GPUs" if has.get("GPU") else ""
    detail = f"{count(int(has.get('CPU', 0)), 'CPU')}{gpus}, {has.get('memory', 0) / 2**30:.1f} GiB"
    others = [
        f"{name} {found}, here {installed(name)}"
        for name, found in versions.items()
        if found != installed(name)
    ]
    if others:
        return _finding(what, "warn", f"{detail}; {'; '.join(others)}: results may differ")
    return _finding(what, "ok", f"{detail}; versions as here")


def _finding(what: str, verdict: str, detail: str) -> dict[str, str]:
    return {"what": what, "verdict": verdict, "detail": detail}


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
        by_name = ref.name if ref.name in KERAS_FILES else None
        wanted = ref.sha256 if ref.path is not None else by_name
        there, has_data = self._ask("greet", wanted)
        self._note_node(Environment.model_validate(there))
        parts = [] if wanted is None or has_data else _parts(ref)
        if parts:  # what is not here either the node fetches itself
            self._emit(Preparing(time.time(), f"sending {ref.name}"))
            self._ask("keep_dataset", wanted, parts)
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
        folder.record.model_copy(update={"environment": there}).write(folder.spec_file)
        self._folder = RunFolder(folder.path)  # to be read anew

    def _failure(self, error: BaseException) -> Failed:
        failed = super()._failure(error)
        if isinstance(error, ClusterProblem):
            failed = replace(failed, reason="cluster")
        with suppress(UserError, OSError):  # the folder is gone
            failed = replace(failed, **reached(self._folder))
        return failed


def _parts(ref: DatasetRef) -> list[tuple[str, bytes]]:
    """Checksum and content of a data set's files; none where Keras has not fetched it yet.

    A file of one's own is as it was when the run was planned.
    """
    if ref.path is None:
        files = [keras_folder() / file for file in KERAS_FILES[ref.name]]
        contents = [file.read_bytes() for file in files] if all(map(Path.exists, files)) else []
        return [(hashlib.sha256(content).hexdigest(), content) for content in contents]
    try:
        content = Path(ref.path or "").read_bytes()
    except OSError as error:
        raise DatasetError(f"data set {ref.path}: {error.strerror}; put it back") from error
    if hashlib.sha256(content).hexdigest() != ref.sha256:
        raise DatasetError(
            f"data set {ref.path} has changed since the run was planned; start a new run, or put "
            "back the data of the old one"
        )
    return [(ref.sha256, content)]


def main(arguments: list[str] | None = None) -> int:
    """As the worker's, with the cluster and what a training takes of one of its nodes."""
    given = sys.argv[1:] if arguments is None else arguments
    if given[:1] == ["doctor"]:
        try:
            found = findings(given[1])
        except EnvironmentProblem as error:
            found = [_finding("Ray", "fail", str(error))]
        print(json.dumps(found))
        return 0
    parser = argparse.ArgumentParser(description="Train one run on a Ray cluster.")
    parser.add_argument("--address", default="auto")
    parser.add_argument("--cpus", type=int, default=1)
    parser.add_argument("--gpus", type=float, default=0.0)
    options, rest = parser.parse_known_args(given)
    cluster = Cluster(options.address, options.cpus, options.gpus)
    return work(rest, lambda folder, ready: RayWorker(folder, cluster))


if __name__ == "__main__":
    sys.exit(main())
