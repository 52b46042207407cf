"""The connection of one process to a Ray cluster, its trainer there, and whether it is fit.

Run as a process of its own, it prints as JSON whether the nodes can train, a finding a node.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from workbench.errors import EnvironmentProblem
from workbench.formats import count
from workbench.runs.environment import installed
from workbench.training.ray_node import Trainer

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

    nodes = [node for node in ray.nodes() if node["Alive"]]
    found = [_finding("Ray", "ok", f"{ray.__version__}, {count(len(nodes), 'node')}")]
    look = ray.remote(num_cpus=0, max_retries=0)(_look())
    asked = [
        look.options(
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


def _look() -> Callable[[tuple[str, ...]], dict[str, str]]:
    """What a node is asked: a function within a function travels there as a whole."""

    def look(packages: tuple[str, ...]) -> dict[str, str]:
        from importlib.metadata import PackageNotFoundError, version

        found = {}
        for package in packages:
            try:
                found[package] = version(package)
            except PackageNotFoundError:
                found[package] = ""
        return found

    return look


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


def main(arguments: list[str]) -> int:
    """Print the findings about the cluster at the address that is the argument."""
    found: Any
    try:
        found = findings(arguments[0])
    except EnvironmentProblem as error:
        found = [_finding("Ray", "fail", str(error))]
    print(json.dumps(found))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
