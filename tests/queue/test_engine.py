"""What trains the queue: named by a person, configured, kept with the queue."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator

import pytest

from tests.queue.scripted import wanted
from workbench.config import remember
from workbench.errors import EnvironmentProblem, RunError
from workbench.queue import service
from workbench.queue.store import Engine, QueueStore, asked_for, configured, require_installed
from workbench.runs import lock
from workbench.settings import Home


def test_a_person_names_what_differs_from_the_configuration() -> None:
    assert asked_for() is None
    assert configured() == Engine()
    remember("executor", "ray")
    remember("ray.cpus", 2)
    remember("ray.address", "ray://head:10001")
    assert configured() == Engine(executor="ray", address="ray://head:10001", cpus=2)
    assert asked_for(gpus=0.5) == Engine(
        executor="ray", address="ray://head:10001", cpus=2, gpus=0.5
    )
    assert asked_for("local", None) == Engine(executor="local", address="ray://head:10001", cpus=2)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"executor": "rya"}, 'no executor "rya"; did you mean "ray"?'),
        ({"executor": "ray", "address": "there"}, "address: must be auto, HOST:PORT or"),
        ({"executor": "ray", "cpus": 0}, "cpus: must be a whole number from 1"),
        ({"executor": "ray", "gpus": -1.0}, "gpus: must be a number from 0"),
        ({"cpus": 2}, "--cpus is of a Ray cluster; add --executor ray"),
    ],
)
def test_what_cannot_be_is_one_sentence(given: dict[str, str], words: str) -> None:
    with pytest.raises(RunError, match=words.replace("?", r"\?")):
        asked_for(**given)  # type: ignore[arg-type]


def test_what_is_configured_wrongly_is_said() -> None:
    remember("ray.cpus", "many")
    with pytest.raises(RunError, match="cpus: must be a whole number"):
        configured()


def test_a_missing_package_is_said_before_anything_starts(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    require_installed(Engine())
    service.enqueue(home, wanted(0), "sweep")
    with pytest.raises(EnvironmentProblem, match=r"pip install 'mnist-workbench\[ray\]'"):
        service.start(home, engine=Engine(executor="ray"))
    assert QueueStore(home).read().engine is None
    assert not QueueStore(home).runs()


@pytest.fixture
def running(home: Home) -> Iterator[QueueStore]:
    """A queue whose runner is this process, on two processors of a cluster for each training."""
    store = QueueStore(home)
    service.enqueue(home, wanted(0), "sweep")
    with store.change() as state:
        state.engine = Engine(executor="ray", cpus=2)
    descriptor = lock.acquire(store.runner_lock)
    assert descriptor is not None
    yield store
    os.close(descriptor)


def test_a_running_queue_keeps_its_engine(
    running: QueueStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name)
    assert service.start(running.home, jobs=3)
    assert service.start(running.home, engine=Engine(executor="ray", cpus=2))
    with pytest.raises(RunError, match=r"trains on Ray \(auto\), 2 CPUs a trial; .* queue stop"):
        service.start(running.home, engine=Engine())
    state = running.read()
    assert (state.jobs, state.engine) == (3, Engine(executor="ray", cpus=2))
