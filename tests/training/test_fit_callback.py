"""`LiveCallback` in `fit` and `evaluate`, as people use them."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from workbench import LiveCallback
from workbench.runs import control, lock, logger
from workbench.runs.events import Batch, Ended, Epoch, Event, Failed, Finished, Paused
from workbench.runs.folder import RunFolder, all_runs
from workbench.runs.log import EventReader
from workbench.runs.record import ScriptRecord
from workbench.runs.status import Status
from workbench.runs.summary import ScriptSummary, summary_of
from workbench.settings import Home

X = np.random.default_rng(0).random((64, 4), np.float32)
Y = (X.sum(axis=1) > 2).astype(np.int32)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setenv("MNIST_WORKBENCH_HOME", str(tmp_path / "home"))
    monkeypatch.delenv(logger.JOIN_VARIABLE, raising=False)
    monkeypatch.setattr(logger, "SECONDS_A_POINT", 0.0)  # each step is a point
    return Home(tmp_path / "home")


def model(**settings: Any) -> Any:
    keras.utils.set_random_seed(0)
    made = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2, activation="softmax")])
    made.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"], **settings)
    return made


def fit(made: Any, live: LiveCallback, **settings: Any) -> Any:
    return made.fit(X, Y, **({"batch_size": 16, "verbose": 0, "callbacks": [live]} | settings))


def only(home: Home) -> RunFolder:
    [folder] = all_runs(home)
    return folder


def events(home: Home, kind: type[Event]) -> list[Any]:
    found = EventReader(only(home).events_file).read()
    return [event for event in found if isinstance(event, kind)]


def summary(home: Home) -> ScriptSummary:
    found = summary_of(only(home))
    assert isinstance(found, ScriptSummary)
    return found


class Steps(keras.callbacks.Callback):  # type: ignore[misc]  # Keras is untyped
    """The loss of each batch by itself, measured as Keras cannot: means begun anew each time."""

    def __init__(self) -> None:
        super().__init__()
        self.running: list[float] = []

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        self.running.append((logs or {})["loss"])


def test_each_point_is_its_own_stretch_and_no_running_mean(home: Home) -> None:
    steps = Steps()
    live = LiveCallback("x")
    history = fit(model(), live, epochs=2, callbacks=[live, steps])
    points = events(home, Batch)
    assert [point.step for point in points] == list(range(1, 9))
    for epoch in range(2):
        own = [point.metrics["loss"] for point in points[4 * epoch : 4 * epoch + 4]]
        running = steps.running[4 * epoch : 4 * epoch + 4]
        assert [sum(own[:n]) / n for n in range(1, 5)] == pytest.approx(running, rel=1e-4)
        assert own[3] != pytest.approx(running[3], rel=1e-3)
    assert [epoch.metrics["loss"] for epoch in events(home, Epoch)] == history.history["loss"]


def test_validation_is_validation_and_the_model_is_described(home: Home) -> None:
    made = model()
    live = LiveCallback("resnet", config={"lr": 3e-4}, save_model=True)
    fit(made, live, epochs=3, validation_data=(X, Y))
    folder = only(home)
    assert folder.status() is Status.FINISHED and not lock.is_held(folder.lock_file)
    last = events(home, Epoch)[-1]
    assert set(last.metrics) == {"loss", "accuracy", "val_loss", "val_accuracy"}
    assert math.isnan(last.test_accuracy)
    assert json.loads((folder.path / "model.json").read_text())["class_name"] == "Sequential"
    assert "Total params" in (folder.path / "summary.txt").read_text()
    kept = keras.models.load_model(folder.model_file)
    assert np.allclose(kept.predict(X, verbose=0), made.predict(X, verbose=0))
    history = folder.history()
    assert (history.planned_epochs, history.steps_per_epoch, history.step) == (3, 4, 12)
    assert history.started is not None and history.started.parameters == 10
    record = folder.record
    assert isinstance(record, ScriptRecord)
    assert record.script.framework == f"keras on {keras.backend.backend()}"
    assert record.script.config == {"lr": 3e-4}
    assert summary(home).epochs_completed == 3


def test_a_metric_that_is_no_mean_is_left_as_it_is(home: Home) -> None:
    made = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1, activation="sigmoid")])
    made.compile("sgd", "binary_crossentropy", metrics=[keras.metrics.AUC(name="auc")])
    fit(made, LiveCallback("x"))
    assert all(0 <= point.metrics["auc"] <= 1 for point in events(home, Batch))


def test_several_outputs_have_their_own_metrics(home: Home) -> None:
    inputs = keras.Input((4,))
    outputs = [keras.layers.Dense(2, "softmax", name=name)(inputs) for name in ("a", "b")]
    made = keras.Model(inputs, outputs)
    made.compile(
        "sgd",
        ["sparse_categorical_crossentropy"] * 2,
        metrics=[["accuracy"], ["accuracy"]],
    )
    made.fit(X, [Y, Y], batch_size=16, verbose=0, callbacks=[LiveCallback("x")])
    point = events(home, Batch)[-1]
    assert {"loss", "a_loss", "b_loss", "a_accuracy", "b_accuracy"} <= set(point.metrics)
    assert point.metrics["loss"] == pytest.approx(
        point.metrics["a_loss"] + point.metrics["b_loss"], rel=1e-3
    )


@pytest.mark.parametrize(
    "settings",
    [{"class_weight": {0: 1.0, 1: 3.0}}, {"batch_size": 30}, {"validation_split": 0.25}],
)
def test_other_ways_to_fit(home: Home, settings: dict[str, Any]) -> None:
    fit(model(), LiveCallback("x"), epochs=2, **settings)
    history = only(home).history()
    assert len(history.epochs) == 2 and history.step == 2 * history.steps_per_epoch > 0


def test_steps_per_execution(home: Home) -> None:
    fit(model(steps_per_execution=2), LiveCallback("x"), epochs=2)
    assert [(point.step, point.steps) for point in events(home, Batch)] == [
        (2, 2), (4, 2), (6, 2), (8, 2),
    ]  # fmt: skip


def test_a_generator_of_unknown_length(home: Home) -> None:
    def batches() -> Iterator[tuple[Any, Any]]:
        for _ in range(12):
            yield X[:16], Y[:16]

    model().fit(batches(), epochs=1, verbose=0, callbacks=[LiveCallback("x")])
    history = only(home).history()
    assert (history.step, history.steps_per_epoch) == (12, 12)


def test_initial_epoch_and_a_second_fit_go_on_counting(home: Home) -> None:
    made, live = model(), LiveCallback("x")
    fit(made, live, initial_epoch=3, epochs=5)
    assert [(epoch.epoch, epoch.step) for epoch in events(home, Epoch)] == [(4, 16), (5, 20)]
    assert [event.epochs_completed for event in events(home, Ended)] == [5]
    fit(made, live, initial_epoch=5, epochs=6)
    fit(made, live, epochs=2)
    assert [(epoch.epoch, epoch.step) for epoch in events(home, Epoch)][2:] == [
        (6, 24), (7, 28), (8, 32),
    ]  # fmt: skip
    history = only(home).history()
    assert history.planned_epochs == 8 and len(history.epochs) == 5
    assert only(home).status() is Status.FINISHED
    assert not lock.is_held(only(home).lock_file)


def test_evaluate_is_kept_with_the_run(home: Home) -> None:
    made, live = model(), LiveCallback("x")
    fit(made, live)
    found = made.evaluate(X, Y, verbose=0, callbacks=[live], return_dict=True)
    assert summary(home).metrics["evaluate/accuracy"] == pytest.approx(found["accuracy"])
    assert summary(home).step == 4 and only(home).status() is Status.FINISHED


def test_evaluate_alone_is_a_run(home: Home) -> None:
    model().evaluate(X, Y, verbose=0, callbacks=[LiveCallback("only tested")])
    assert set(summary(home).metrics) == {"evaluate/loss", "evaluate/accuracy"}


def at_step(number: int, action: Callable[[], object]) -> keras.callbacks.Callback:
    def reached(batch: int, logs: object) -> None:
        if batch == number:
            action()

    return keras.callbacks.LambdaCallback(on_train_batch_end=reached)


def test_a_stop_from_elsewhere_ends_fit_within_the_epoch(home: Home) -> None:
    def stop() -> None:
        control.request(only(home).path, control.Command.STOP)

    fit(model(), live := LiveCallback("x"), epochs=50, callbacks=[at_step(1, stop), live],
        validation_data=(X, Y))  # fmt: skip
    assert only(home).status() is Status.STOPPED
    assert only(home).history().step == 2
    found = summary(home)
    assert found.epochs_completed == 0 and "val_loss" in found.metrics


def test_a_pause_holds_between_two_batches(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logger, "PAUSE_POLL_SECONDS", 0.001)

    def pause() -> None:
        path = only(home).path
        control.request(path, control.Command.PAUSE)
        threading.Timer(0.3, control.request, [path, control.Command.RUN]).start()

    fit(model(), live := LiveCallback("x"), callbacks=[at_step(1, pause), live])
    assert [event.step for event in events(home, Paused)] == [2]
    assert [point.step for point in events(home, Batch)] == [1, 2, 3, 4]
    assert only(home).status() is Status.FINISHED


def test_a_loss_that_is_no_number(home: Home) -> None:
    wrong = X.copy()
    wrong[20] = np.nan  # the second of four batches
    model().fit(wrong, Y, batch_size=16, shuffle=False, verbose=0, callbacks=[LiveCallback("x")])
    [ending] = events(home, Failed)
    assert ending.diverged and ending.step == 2
    assert math.isfinite(events(home, Batch)[0].metrics["loss"])
    assert math.isnan(events(home, Batch)[1].metrics["loss"])


@pytest.mark.parametrize(
    ("error", "status"), [(ValueError, Status.FAILED), (KeyboardInterrupt, Status.STOPPED)]
)
def test_an_exception_in_a_with_block(
    home: Home, error: type[BaseException], status: Status
) -> None:
    def fail() -> None:
        raise error("inside")

    with pytest.raises(error), LiveCallback("x") as live:
        fit(model(), live, callbacks=[live, at_step(2, fail)])
    assert only(home).status() is status and only(home).history().step == 3


def test_an_exception_that_the_program_catches_has_failed(home: Home) -> None:
    def fail() -> None:
        raise ValueError("too large a batch")

    live = LiveCallback("x")
    for last in (at_step(2, fail), at_step(100, fail)):
        try:
            fit(model(), live, callbacks=[live, last])
        except ValueError:
            pass
        else:
            break
        assert only(home).status() is Status.FAILED
        assert "the program caught it" in summary(home).message
        assert not lock.is_held(only(home).lock_file)
    assert only(home).status() is Status.FINISHED  # the second fit went on with it


def test_fit_goes_on_where_the_workbench_cannot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("MNIST_WORKBENCH_HOME", str(tmp_path / "file"))
    history = fit(model(), LiveCallback("x", save_model=True), epochs=2)
    assert len(history.history["loss"]) == 2
    assert [record.name for record in caplog.records] == ["workbench"]


def test_a_fault_of_the_callback_itself_ends_the_recording_alone(
    home: Home, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(LiveCallback, "_point", lambda *given: 1 / 0)
    history = fit(model(), LiveCallback("x"), epochs=2)
    assert len(history.history["loss"]) == 2
    assert "ZeroDivisionError" in caplog.text and len(caplog.records) == 1


SCRIPT = """
import os, sys
os.environ["KERAS_BACKEND"] = sys.argv[1]
import keras, numpy as np
from workbench import LiveCallback
x = np.random.rand(64, 4).astype("float32"); y = (x.sum(axis=1) > 2).astype("int32")
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2, activation="softmax")])
model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(x, y, epochs=2, verbose=0, validation_data=(x, y), callbacks=[LiveCallback("x")])
def broken(batch, logs): raise RuntimeError("lost the data")
last = keras.callbacks.LambdaCallback(on_train_batch_end=broken)
model.fit(x, y, verbose=0, callbacks=[LiveCallback("broken"), last])
"""


@pytest.mark.parametrize("backend", ["torch", "jax"])
def test_other_backends_and_an_exception_that_ends_the_program(home: Home, backend: str) -> None:
    pytest.importorskip(backend)
    done = subprocess.run([sys.executable, "-c", SCRIPT, backend], env=os.environ.copy())
    assert done.returncode == 1
    runs = {folder.record.name: folder for folder in all_runs(home)}
    assert runs["x"].status() is Status.FINISHED
    assert runs["x"].history().step == 4 and len(runs["x"].history().epochs) == 2
    broken = summary_of(runs["broken"])
    assert broken.status is Status.FAILED and broken.message == "RuntimeError: lost the data"
    assert broken.framework == f"keras on {backend}"


def test_finished_is_the_end_of_a_plain_fit(home: Home) -> None:
    fit(model(), LiveCallback("x"))
    assert [type(event) for event in events(home, Ended)] == [Finished]
