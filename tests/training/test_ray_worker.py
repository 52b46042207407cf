"""The two sides of a training on a cluster, without one: what is said, kept, and given up."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.queue.scripted import spec
from workbench.errors import EnvironmentProblem
from workbench.leaderboard.store import Leaderboard
from workbench.model.spec import DatasetRef, TrainingSpec
from workbench.runs import control
from workbench.runs.environment import this_environment
from workbench.runs.events import Epoch, Failed, Finished, Preparing, Stopped
from workbench.runs.folder import RunFolder, create_run
from workbench.runs.log import EventReader
from workbench.runs.record import Labels
from workbench.runs.status import Status
from workbench.settings import Home
from workbench.training.ray_node import Outbox, Report, Trainer
from workbench.training.ray_worker import Cluster, ClusterProblem, NodeLost, RayWorker, answers

HERE = this_environment()


def epoch(number: int) -> Epoch:
    return Epoch(time.time(), number, number * 100, 0.2, 0.9, 0.2, 0.95, 9e3, 1.0, float(number))


def finished() -> Report:
    ending = Finished(time.time(), 10, 1000, 9.0, 9e3, test_accuracy=0.95, test_loss=0.2)
    return Report([ending.to_line()], {"model.keras": b"trained"}, ended=True)


@dataclass
class ScriptedCluster(Cluster):
    """Answers `report` with what comes next in `reports`; an exception there is raised."""

    reports: list[Report | Exception] = field(default_factory=list)
    environment: dict[str, object] = field(default_factory=HERE.model_dump)
    has_data: bool = True
    asked: list[tuple[Any, ...]] = field(default_factory=list)
    name: str = "a cluster"
    answered: bool = True

    def connect(self) -> None:
        pass

    def ask(self, method: str, *arguments: Any, wait: Callable[[], None] = lambda: None) -> Any:
        self.asked.append((method, *arguments))
        wait()
        if method == "greet":
            return self.environment, self.has_data
        if method != "report":
            return None
        report = self.reports.pop(0)
        if isinstance(report, Exception):
            raise report
        return report


def trained(home: Home, cluster: ScriptedCluster, what: TrainingSpec | None = None) -> RunFolder:
    """The run that a worker has trained on a cluster, to whatever end."""
    folder, descriptor = create_run(home, what or spec(), Labels(), "sweep")
    RayWorker(folder, cluster).run()
    os.close(descriptor)
    return folder


def said(folder: RunFolder) -> list[str]:
    events = EventReader(folder.events_file).read()
    return [event.what for event in events if isinstance(event, Preparing)]


@pytest.fixture(autouse=True)
def _signals_as_before() -> Any:
    import signal

    numbers = (signal.SIGHUP, signal.SIGTERM, signal.SIGINT)
    before = {number: signal.getsignal(number) for number in numbers}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def test_what_a_node_tells_is_the_runs(home: Home) -> None:
    reports = [Report([epoch(1).to_line()], {"checkpoint.keras": b"after 1"}), finished()]
    folder = trained(home, ScriptedCluster(reports=list(reports)))
    assert folder.status() is Status.FINISHED
    assert [event.epoch for event in folder.history().epochs] == [1]
    assert folder.checkpoint_file.read_bytes() == b"after 1"
    assert folder.model_file.read_bytes() == b"trained"


def test_a_node_of_other_versions_is_said_and_kept(home: Home) -> None:
    there = HERE.model_copy(update={"host": "node-b", "tensorflow": "1.0", "keras": ""})
    cluster = ScriptedCluster(reports=[finished()], environment=there.model_dump())
    folder = trained(home, cluster)
    assert (
        f"training on node-b; tensorflow 1.0, {HERE.tensorflow} before; keras missing, "
        f"{HERE.keras} before"
    ) in said(folder)
    environment = RunFolder(folder.path).record.environment
    assert (environment.host, environment.tensorflow) == ("node-b", "1.0")
    (entry,) = Leaderboard(home).entries()
    assert entry.host == "node-b"


def test_a_lost_node_is_followed_by_another_from_the_last_whole_epoch(home: Home) -> None:
    first = Report([epoch(1).to_line()], {"checkpoint.keras": b"after 1"})
    cluster = ScriptedCluster(reports=[first, NodeLost("gone"), finished()])
    folder = trained(home, cluster)
    assert folder.status() is Status.FINISHED
    begun = [asked for asked in cluster.asked if asked[0] == "begin"]
    assert [asked[3] for asked in begun] == [None, b"after 1"]
    assert any(
        f"on node {HERE.host} is gone; going on elsewhere" in words for words in said(folder)
    )


def test_a_training_that_kills_its_nodes_is_given_up(home: Home) -> None:
    lost = [NodeLost("gone") for _ in range(3)]
    cluster = ScriptedCluster(reports=[Report([epoch(1).to_line()], {}), *lost])
    folder = trained(home, cluster)
    ending = folder.history().ending
    assert isinstance(ending, Failed)
    assert (ending.reason, ending.epochs_completed) == ("data", 1)
    assert "is gone, as 2 before it" in ending.message


def test_a_cluster_that_goes_is_the_ending_and_what_was_whole_stays(home: Home) -> None:
    gone = ClusterProblem("the head does not answer")
    folder = trained(home, ScriptedCluster(reports=[Report([epoch(2).to_line()], {}), gone]))
    ending = folder.history().ending
    assert isinstance(ending, Failed)
    assert (ending.reason, ending.message) == ("cluster", "the head does not answer")
    assert (ending.epochs_completed, ending.test_accuracy) == (2, 0.95)


def test_a_stop_need_not_wait_for_a_node(home: Home) -> None:
    folder, descriptor = create_run(home, spec(), Labels(), "sweep")
    control.request(folder.path, control.Command.STOP)
    RayWorker(folder, ScriptedCluster()).run()
    os.close(descriptor)
    assert isinstance(folder.history().ending, Stopped)


def test_a_fault_of_the_node_names_the_run_here(home: Home) -> None:
    message = "OSError: no message (traceback in /there/runs/x/worker.log)"
    ending = Failed(time.time(), 0, 0, 0.0, None, reason="error", message=message)
    report = Report([ending.to_line()], {}, ended=True, scratch="/there/runs/x")
    folder = trained(home, ScriptedCluster(reports=[report]))
    failed = folder.history().ending
    assert isinstance(failed, Failed)
    assert failed.message == f"OSError: no message (traceback in {folder.log_file})"


@pytest.mark.parametrize("fate", ["there", "changed", "gone"])
def test_a_data_set_is_sent_as_it_was_planned(home: Home, tmp_path: Path, fate: str) -> None:
    own = tmp_path / "own.npz"
    own.write_bytes(b"images")
    sha256 = hashlib.sha256(b"images").hexdigest()
    ref = DatasetRef(name="own", path=str(own), sha256=sha256)
    if fate == "changed":
        own.write_bytes(b"others")
    elif fate == "gone":
        own.unlink()
    cluster = ScriptedCluster(reports=[finished()], has_data=False)
    folder = trained(home, cluster, spec().model_copy(update={"dataset": ref}))
    sent = [asked for asked in cluster.asked if asked[0] == "keep_dataset"]
    if fate == "there":
        assert sent == [("keep_dataset", sha256, [(sha256, b"images")])]
        return
    ending = folder.history().ending
    assert isinstance(ending, Failed) and ending.reason == "data"
    remedy = "has changed since" if fate == "changed" else "put it back"
    assert str(own) in ending.message and remedy in ending.message
    assert not sent


@pytest.fixture
def trainer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Trainer:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    mask = os.umask(0)
    os.umask(mask)
    made = Trainer()
    os.umask(mask)
    return made


def test_a_node_keeps_a_data_set_for_all(trainer: Trainer) -> None:
    sha256 = hashlib.sha256(b"images").hexdigest()
    assert trainer.greet(sha256) == (HERE.model_dump(), False)
    with pytest.raises(EnvironmentProblem, match="came damaged"):
        trainer.keep_dataset(sha256, [(sha256, b"image")])
    trainer.keep_dataset(sha256, [(sha256, b"images")])
    assert trainer.greet(sha256)[1]
    assert trainer.greet(None)[1]


def test_a_node_hands_over_in_order_what_came_while_it_did() -> None:
    box = Outbox()
    for number in (1, 2):
        box.write(epoch(number), durable=True)
    assert len(box.take()) == 2
    box.write(epoch(3))
    assert '"epoch":3' in "".join(box.take())
    assert box.take() == []


def test_nothing_listens_at_a_free_port() -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
        assert answers(address)
    assert not answers(address)


def test_a_head_that_is_silent_counts_as_dead(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = Cluster("auto", 1, 0.0)
    cluster._head = "127.0.0.1:1"
    monkeypatch.setattr("workbench.training.ray_worker.HEAD_SECONDS", 0.0)
    cluster.look()
    cluster.look()
    with pytest.raises(ClusterProblem, match="head of the Ray cluster at 127"):
        cluster.look()


def test_no_cluster_is_one_sentence() -> None:
    pytest.importorskip("ray", reason="ray is not installed: pip install 'mnist-workbench[ray]'")
    cluster = Cluster("127.0.0.1:1", 1, 0.0)
    with pytest.raises(ClusterProblem, match=r"no Ray cluster answers at 127.0.0.1:1; start one"):
        cluster.connect()
