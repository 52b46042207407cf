"""The connection of one process to a Ray cluster, and its trainer there."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from workbench.errors import EnvironmentProblem
from workbench.formats import count
from workbench.training.ray_node import Trainer

LOOK_SECONDS = 1.0  # while a node says nothing
HEAD_SECONDS = 2.0  # between two looks whether the head still answers
MOST_SILENCES = 3  # in a row, then it counts as dead
CONNECT_SECONDS = 2.0
# After a node is lost: its head may be just going too, and what is asked of one that is gone hangs.
LOSS_SECONDS = 2.0


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
        """How people know it."""
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
        """What the trainer waits for."""
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
