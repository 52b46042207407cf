"""Trainings on a real Ray cluster of nodes on loopback, through the queue as a person starts it."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
import pytest

from tests.cli.conftest import Runner
from tests.ray_nodes import Nodes
from tests.support import place_fashion_mnist
from workbench.data.catalogue import KERAS_FILES
from workbench.leaderboard.store import Leaderboard
from workbench.model.spec import TrainingSpec
from workbench.queue import service
from workbench.queue.planning import PlannedTrial
from workbench.queue.store import Engine, QueueState, QueueStore
from workbench.runs import control, lock
from workbench.runs.events import Paused, Preparing
from workbench.runs.folder import RunFolder, all_runs
from workbench.runs.log import EventReader
from workbench.runs.plan import Plan, specs_for
from workbench.runs.record import Labels
from workbench.runs.service import launch
from workbench.runs.status import Status
from workbench.settings import Home

pytest.importorskip("ray", reason="ray is not installed: pip install 'mnist-workbench[ray]'")

SECONDS = 180.0  # at most, for anything that is waited for
EPOCHS = 120  # some seconds, in which it can be paused


@pytest.fixture
def here(tmp_path: Path) -> RunFolder:
    """The training of these tests, begun on this machine while the cluster starts."""
    apart = Home(tmp_path / "apart").ensure()
    (folder,) = launch(apart, [small(apart, EPOCHS)], Labels(), "run")
    return folder


@pytest.fixture
def nodes() -> Iterator[Nodes]:
    found = Nodes()
    yield found
    found.close()


@pytest.fixture(autouse=True)
def _no_runner_is_left(home: Home, _no_worker_is_left: None) -> Iterator[None]:
    yield
    pid = lock.holder_pid(QueueStore(home).runner_lock)
    if pid is not None:
        os.kill(pid, signal.SIGKILL)


def small(home: Home, epochs: int, **plan: Any) -> TrainingSpec:
    """NN model 1 on few images, on one core as the nodes have it."""
    (spec,) = specs_for(home, "nn-1", Plan(threads=1, **{"train_limit": 640, **plan}))
    return spec.model_copy(update={"training": spec.training.model_copy(update={"epochs": epochs})})


def start(home: Home, nodes: Nodes, *specs: TrainingSpec) -> QueueStore:
    service.enqueue(home, [PlannedTrial(spec) for spec in specs], "sweep")
    assert service.start(home, engine=Engine(executor="ray", address=nodes.address))
    return QueueStore(home)


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it did not come to pass in time"
        time.sleep(0.05)


def run_of(store: QueueStore) -> RunFolder:
    """The run of the first trial, once it has one."""
    until(lambda: store.read().trials[0].run_id)
    return RunFolder(store.home.runs / str(store.read().trials[0].run_id))


def paused_on_its_way(folder: RunFolder) -> None:
    """Wait until some whole epochs have come home, and pause it: it cannot end by itself now."""
    until(lambda: len(folder.history().epochs) >= 3 and folder.checkpoint_file.exists())
    control.request(folder.path, control.Command.PAUSE)
    until(lambda: folder.status() is Status.PAUSED)


def said(folder: RunFolder) -> list[str]:
    events = EventReader(folder.events_file).read()
    return [event.what for event in events if isinstance(event, Preparing)]


def weights(folder: RunFolder) -> list[Any]:
    """All weights of a finished run, without Keras."""
    import h5py

    found: list[tuple[str, Any]] = []

    def visit(name: str, item: Any) -> None:
        if hasattr(item, "shape"):
            found.append((name, item[()]))

    with (
        ZipFile(folder.model_file) as archive,
        archive.open("model.weights.h5") as file,
        h5py.File(file) as content,
    ):
        content.visititems(visit)
    return sorted(found, key=lambda pair: pair[0])


def assert_equal(folder: RunFolder, here: RunFolder) -> None:
    """The run of a cluster has the losses, the accuracy and the weights of the one from here."""
    until(lambda: here.status() is Status.FINISHED)
    ours, theirs = weights(folder), weights(here)
    assert len(ours) > 4
    assert [name for name, _ in ours] == [name for name, _ in theirs]
    for (_, our), (_, their) in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(our, their)
    found, expected = folder.history(), here.history()
    assert found.results["test_loss"] == expected.results["test_loss"]
    assert [epoch.loss for epoch in found.epochs] == [epoch.loss for epoch in expected.epochs]
    assert len(found.epochs) == EPOCHS


def test_a_trial_trains_on_a_node_and_lands_on_the_leaderboard(
    home: Home,
    here: RunFolder,
    nodes: Nodes,
    workbench: Runner,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "keras").mkdir()
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    place_fashion_mnist(tmp_path / "keras")
    images = np.arange(40 * 28 * 28, dtype=np.uint8).reshape(40, 28, 28)
    labels = np.arange(40) % 10
    own = tmp_path / "own.npz"
    np.savez(own, x_train=images, y_train=labels, x_test=images[:20], y_test=labels[:20])
    specs = [
        small(home, 2, dataset=dataset, train_limit=limit, seed=seed)
        for dataset, limit in ((str(own), None), ("fashion_mnist", 100))
        for seed in (0, 1)
    ]
    service.enqueue(home, [PlannedTrial(small(home, EPOCHS)), *map(PlannedTrial, specs)], "sweep")
    done = workbench("queue", "start", "--executor", "ray", "--address", nodes.address)
    assert done.returncode == 0, done.stderr
    store = QueueStore(home)
    until(lambda: not store.runs())
    assert [trial.state for trial in store.read().trials] == [Status.FINISHED] * 5
    folder = run_of(store)
    assert_equal(folder, here)
    assert folder.predictions_file.exists()
    entries = {entry.run_id: entry for entry in Leaderboard(home).entries()}
    assert {str(trial.run_id) for trial in store.read().trials} <= entries.keys()
    assert any("training on" in words for words in said(folder))
    # A data set of one's own went to the node once, for both of its trainings; so did Keras's.
    runs = [RunFolder(home.runs / str(trial.run_id)) for trial in store.read().trials[1:]]
    assert [sum("sending" in words for words in said(run)) for run in runs] == [1, 0, 1, 0]
    files = {Path(file).name for file in KERAS_FILES["fashion_mnist"]}
    assert nodes.datasets() == sorted({f"{specs[0].dataset.sha256}.npz", *files})
    shown = workbench("doctor", "--executor", "ray", "--address", nodes.address, "--format", "json")
    found = {item["what"]: item for item in json.loads(shown.stdout)}
    assert sum(what.startswith("node ") for what in found) == 2
    assert all(item["verdict"] == "ok" for what, item in found.items() if what.startswith("node "))


def test_a_node_that_dies_costs_nothing_that_was_whole(
    home: Home, here: RunFolder, nodes: Nodes
) -> None:
    store = start(home, nodes, small(home, EPOCHS))
    folder = run_of(store)
    paused_on_its_way(folder)
    nodes.kill(nodes.nodes[0])
    nodes.add()
    control.request(folder.path, control.Command.RUN)
    until(lambda: not store.runs())
    assert store.read().trials[0].state is Status.FINISHED
    assert any("going on elsewhere" in words for words in said(folder))
    assert any(isinstance(e, Paused) for e in EventReader(folder.events_file).read())
    assert_equal(folder, here)


def test_a_driver_that_dies_is_taken_up_again(home: Home, here: RunFolder, nodes: Nodes) -> None:
    store = start(home, nodes, small(home, EPOCHS))
    folder = run_of(store)
    paused_on_its_way(folder)
    assert service.stop(home)
    until(lambda: not store.runs())
    assert folder.status() is Status.STOPPED
    assert service.start(home)
    until(lambda: sum("training on" in words for words in said(folder)) == 2)
    runner = lock.holder_pid(store.runner_lock)
    assert runner is not None
    os.kill(runner, signal.SIGKILL)
    assert control.kill(folder.path)
    until(lambda: not store.runs() and folder.status() is Status.KILLED)
    assert service.start(home)
    until(lambda: not store.runs())
    assert store.read().trials[0].state is Status.FINISHED
    assert len(all_runs(home)) == 1
    assert_equal(folder, here)


def test_a_head_that_dies_is_said_and_loses_nothing(
    home: Home, here: RunFolder, nodes: Nodes
) -> None:
    store = start(home, nodes, small(home, EPOCHS))
    folder = run_of(store)
    paused_on_its_way(folder)
    port = int(nodes.address.rpartition(":")[2])
    nodes.cluster.shutdown()
    until(lambda: waits_for_cluster(store.read()))
    assert folder.status() is Status.FAILED
    nodes.start_head(port)
    nodes.add()
    until(lambda: not store.runs())
    assert store.read().trials[0].state is Status.FINISHED
    assert_equal(folder, here)


def waits_for_cluster(state: QueueState) -> bool:
    return state.trials[0].state is Status.WAITING and "Ray" in state.message
