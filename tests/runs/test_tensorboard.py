"""Event files of TensorBoard, CSV and JSON lines: out and in, and both ways round."""

from __future__ import annotations

import csv
import json
import math
import os
from pathlib import Path
from typing import Any

import pytest

import workbench
from tests.support import ended_run
from workbench.cli.entry import run as command
from workbench.errors import UserError
from workbench.runs import logger
from workbench.runs.events import Batch, Epoch
from workbench.runs.folder import RunFolder
from workbench.runs.log import EventReader
from workbench.runs.record import Labels, ScriptRecord
from workbench.runs.status import Status
from workbench.runs.summary import summary_of
from workbench.runs.tensorboard import import_logs, read_logs, watch_logs, write_tensorboard
from workbench.settings import Home

pytest.importorskip("tensorboardX")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setenv("MNIST_WORKBENCH_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(logger, "SECONDS_A_POINT", 0.0)
    return Home(tmp_path / "home")


@pytest.fixture
def run(home: Home) -> RunFolder:
    with workbench.start("net", config={"lr": 0.1, "model": "res", "amp": True}) as run:
        for _ in range(2):
            for step in range(1, 6):
                run.log(step=step, loss=1 / 3 / step, **{"d/acc": math.nan if step == 2 else 0.1})
            run.end_epoch(val_loss=1 / 7)
    assert run.folder is not None
    return RunFolder(run.folder)


def points(folder: RunFolder) -> list[Any]:
    """All that a log says in numbers, but for NaN, which equals nothing."""
    return [
        (type(event), event.step, round(event.time, 6), str(event.metrics))
        for event in EventReader(folder.events_file).read()
        if isinstance(event, Batch | Epoch)
    ]


def test_a_run_comes_back_exactly(home: Home, run: RunFolder, tmp_path: Path) -> None:
    write_tensorboard([run], tmp_path / "logs")
    [back] = import_logs(home, tmp_path / "logs", Labels())
    assert points(back) == points(run) and len(points(run)) == 12
    record = back.record
    assert isinstance(record, ScriptRecord)
    assert record.script.config["lr"] == 0.1 and record.script.config["amp"] is True
    assert back.status() is Status.FINISHED
    assert record.created_at == pytest.approx(points(run)[0][2], abs=1e-5)


def test_tensorflow_reads_what_is_written(run: RunFolder, tmp_path: Path) -> None:
    import tensorflow as tf

    [folder] = write_tensorboard([run], tmp_path / "logs")
    [file] = folder.iterdir()
    found: dict[str, list[tuple[int, float]]] = {}
    plugins = set()
    for event in tf.compat.v1.train.summary_iterator(str(file)):
        for value in event.summary.value:
            plugins.add(value.metadata.plugin_data.plugin_name)
            if value.HasField("simple_value"):
                found.setdefault(value.tag, []).append((event.step, value.simple_value))
    assert plugins == {"scalars", "hparams"}
    assert found["loss"][2] == (3, pytest.approx(1 / 9)) and len(found["loss"]) == 10
    assert [step for step, _ in found["epoch/val_loss"]] == [5, 10]


def test_a_presets_run_has_its_test_values(home: Home, tmp_path: Path) -> None:
    write_tensorboard([ended_run(home)], tmp_path / "logs")
    [back] = read_logs(tmp_path / "logs")
    assert [value["test_accuracy"] for value in back.epochs.values()] == [0.97, 0.97]
    assert "val_loss" not in next(iter(back.epochs.values())) and back.config["seed"] == 0


def test_what_keras_and_tensorboardx_write_is_read(home: Home, tmp_path: Path) -> None:
    import tensorflow as tf
    from tensorboardX import SummaryWriter

    for role, value in (("train", 0.5), ("validation", 0.25)):
        writer = tf.summary.create_file_writer(str(tmp_path / "logs" / "fit" / role))
        with writer.as_default():
            for step in range(3):
                # As tf.summary.scalar and image do, which are there only with TensorBoard itself.
                for tag, plugin, tensor in (
                    ("epoch_loss", "scalars", tf.constant(value / (step + 1))),
                    ("weights", "images", tf.zeros((1, 4, 4, 1))),
                ):
                    data = tf.compat.v1.SummaryMetadata.PluginData(plugin_name=plugin)
                    metadata = tf.compat.v1.SummaryMetadata(plugin_data=data)
                    tf.summary.write(tag, tensor, step=step, metadata=metadata)
        writer.close()
    with SummaryWriter(str(tmp_path / "logs" / "torch")) as other:
        other.add_scalar("loss", 0.125, 7, walltime=1e9)
    [fit, torch] = import_logs(home, tmp_path / "logs", Labels(tags=("old",)))
    assert summary_of(fit).title == "fit" and summary_of(fit).tags == ("old",)
    metrics = [event.metrics for event in EventReader(fit.events_file).read()
               if isinstance(event, Batch)]  # fmt: skip
    assert metrics == [
        {"epoch_loss": pytest.approx(0.5 / n), "val_epoch_loss": pytest.approx(0.25 / n)}
        for n in (1, 2, 3)
    ]
    assert points(torch) == [(Batch, 7, 1e9, "{'loss': 0.125}")]
    assert summary_of(torch).started_at.startswith("2001-09-09")


def test_a_file_that_is_still_written_is_read_as_far_as_it_is_whole(
    run: RunFolder, tmp_path: Path
) -> None:
    [folder] = write_tensorboard([run], tmp_path / "logs")
    [file] = folder.iterdir()
    file.write_bytes(file.read_bytes()[:700])
    [back] = read_logs(tmp_path / "logs")
    assert 0 < len(back.steps) < 10


def test_a_csv_file_of_keras_has_epochs(home: Home, tmp_path: Path) -> None:
    path = tmp_path / "training.csv"
    with path.open("w") as file:
        rows = csv.writer(file)
        rows.writerow(["epoch", "loss", "val_loss", "lr"])
        rows.writerows([[0, 0.5, 0.75, "0.1"], [1, 0.25, "nan", "NA"]])
    [folder] = import_logs(home, path, Labels())
    epochs = folder.history().epochs
    assert [(epoch.epoch, epoch.step) for epoch in epochs] == [(1, 1), (2, 2)]
    assert epochs[0].metrics == {"loss": 0.5, "val_loss": 0.75, "lr": 0.1}
    assert folder.record.name == "training"


def test_json_lines(home: Home, tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    lines = [{"step": 10, "train": {"loss": 0.5}, "time": 1e9, "done": False},
             {"step": 20, "train": {"loss": 0.25}, "time": 1e9 + 5}]  # fmt: skip
    path.write_text("\n".join(map(json.dumps, lines)) + '\n{"step": 30, "tr')
    [folder] = import_logs(home, path, Labels())
    assert points(folder) == [
        (Batch, 10, 1e9, "{'train.loss': 0.5}"),
        (Batch, 20, 1e9 + 5, "{'train.loss': 0.25}"),
    ]
    assert summary_of(folder).train_seconds == 5


def test_times_that_are_no_dates_and_numbers_that_are_too_large(home: Home, tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"l\xffg.jsonl")
    lines = [{"step": 1, "loss": 1, "huge": 10**400, "timestamp": 1_764_276_000_000},  # in ms
             {"step": 2, "loss": 1, "timestamp": 1_764_276_001_500},
             {"step": 3, "loss": 1, "timestamp": 1e300},
             {"step": 4, "loss": 1, "timestamp": -1.0}]  # fmt: skip
    text = "\n".join(map(json.dumps, lines))
    path.write_text(text + '\n{"step": 5, "deep": ' + 900 * '{"a": ' + "1" + 901 * "}")
    os.utime(path, (2e9, 2e9))
    [folder] = import_logs(home, path, Labels())
    times = [event.time for event in EventReader(folder.events_file).read()]
    assert times[2:6] == [1_764_276_000.0, 1_764_276_001.5, 2e9, 2e9]
    assert folder.record.name == "l?g"
    assert summary_of(folder).started_at == "2025-11-27T20:40:00+00:00"


def test_a_metric_of_a_name_that_is_no_unicode(home: Home, tmp_path: Path) -> None:
    (tmp_path / "log.jsonl").write_text('{"step": 1, "l\\udcffss": 0.5}\n')
    [folder] = import_logs(home, tmp_path / "log.jsonl", Labels())
    write_tensorboard([folder], tmp_path / "logs")
    [found] = read_logs(tmp_path / "logs")
    assert found.steps == {1: {"l?ss": 0.5}}


def test_settings_of_any_kind_and_damaged_ones(tmp_path: Path) -> None:
    from google.protobuf.struct_pb2 import ListValue, Value
    from tensorboardX.proto import event_pb2, plugin_hparams_pb2, summary_pb2
    from tensorboardX.record_writer import RecordWriter

    def write(name: str, content: bytes) -> Path:
        plugin = summary_pb2.SummaryMetadata.PluginData(plugin_name="hparams", content=content)
        metadata = summary_pb2.SummaryMetadata(plugin_data=plugin)
        values = [
            summary_pb2.Summary.Value(tag="settings", metadata=metadata),
            summary_pb2.Summary.Value(tag="loss", simple_value=0.5),
        ]
        event = event_pb2.Event(step=1, wall_time=1e9, summary=summary_pb2.Summary(value=values))
        writer = RecordWriter(str(tmp_path / name))
        writer.write(event.SerializeToString())
        writer.close()
        return tmp_path / name

    settings = plugin_hparams_pb2.HParamsPluginData()
    numbers = ListValue(values=[Value(number_value=1.0)])
    settings.session_start_info.hparams["sizes"].list_value.CopyFrom(numbers)
    settings.session_start_info.hparams["rate"].number_value = math.nan
    [found] = read_logs(write("a.tfevents.1", settings.SerializeToString()))
    assert found.steps == {1: {"loss": 0.5}}
    assert found.config["rate"] == "nan" and "1" in str(found.config["sizes"])
    with pytest.raises(UserError, match=r"b\.tfevents\.1: is no event file"):
        read_logs(write("b.tfevents.1", b"\xff\xff"))


@pytest.mark.parametrize("content", [b"", b"junk\n", b"\0" * 100, b"[1]\n"])
@pytest.mark.parametrize("name", ["x.csv", "x.jsonl", "events.out.tfevents.1"])
def test_what_holds_no_scalars_is_said(tmp_path: Path, content: bytes, name: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=name):
        read_logs(tmp_path / name)


def test_the_commands(
    home: Home, run: RunFolder, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    logs = str(tmp_path / "logs")
    assert command(["runs", "tensorboard", run.run_id, "-o", logs]) == 0
    assert command(["runs", "tensorboard", run.run_id, "-o", logs]) == 2
    assert "exists already" in capfd.readouterr().err
    assert command(["runs", "import", logs, "--tag", "old"]) == 0
    assert "1 run taken in" in capfd.readouterr().err
    assert command(["runs", "import", str(tmp_path / "nothing")]) == 2
    assert "nothing: No such file" in capfd.readouterr().err


def test_a_log_that_grows_is_watched(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text('{"step": 10, "loss": 0.5, "time": 1e9}\n')
    begun: list[RunFolder] = []
    more = [
        '{"step": 20, "loss": 0.25, "time": 1000000010}\n',
        '{"step": 10, "val_loss": 0.75, "time": 1000000011}\n',
    ]

    def tick(seconds: float) -> None:
        assert begun[0].status() is Status.RUNNING
        if not more:
            raise KeyboardInterrupt
        with path.open("a") as file:
            file.write(more.pop(0))

    monkeypatch.setattr("workbench.runs.tensorboard.time.sleep", tick)
    with pytest.raises(KeyboardInterrupt):
        watch_logs(home, path, Labels(), begun.append)
    [folder] = begun
    assert [(step, metrics) for _, step, _, metrics in points(folder)] == [
        (10, "{'loss': 0.5}"),
        (20, "{'loss': 0.25}"),
        (10, "{'val_loss': 0.75}"),
    ]
    assert folder.status() is Status.STOPPED
    history = folder.history()
    assert (history.step, len(history.batches)) == (20, 2)  # what comes late takes nothing back
    assert summary_of(folder).metrics == {"loss": 0.25, "val_loss": 0.75}
