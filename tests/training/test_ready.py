"""A training compiled ahead is in the state that a model built anew is in."""

from __future__ import annotations

import tempfile
from pathlib import Path

import keras
import pytest
from keras.ops import convert_to_numpy as to_numpy

from workbench.model.architecture import Architecture
from workbench.model.hyperparameters import (
    SGD,
    Adam,
    AdamW,
    CosineDecay,
    Nadam,
    Optimizer,
    RMSprop,
)
from workbench.model.hyperparameters import TrainingSettings as Settings
from workbench.model.layers import (
    BatchNormalization,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    MaxPooling2D,
    SpatialDropout2D,
)
from workbench.model.spec import DatasetRef, TrainingSpec
from workbench.runs.standby import compile_alike
from workbench.training import train as train_module
from workbench.training.build import build_model
from workbench.training.train import train

VECTORS = (
    Flatten(),
    Dense(units=8, activation="relu"),
    BatchNormalization(),
    Dropout(rate=0.3),
    Dense(units=10, activation="softmax"),
)
IMAGES = (
    Conv2D(filters=2, kernel_size=(3, 3)),
    SpatialDropout2D(rate=0.2),
    MaxPooling2D(),
    *VECTORS,
)
OPTIMIZERS: list[Optimizer] = [
    SGD(learning_rate=0.1, momentum=0.9),
    Adam(learning_rate=0.1),
    AdamW(learning_rate=0.1),
    Nadam(learning_rate=0.1),
    RMSprop(learning_rate=0.1, momentum=0.5),
]


def spec(optimizer: Optimizer = OPTIMIZERS[0], images: bool = False) -> TrainingSpec:
    return TrainingSpec(
        preset="a",
        title="A",
        architecture=Architecture(layers=IMAGES if images else VECTORS),
        training=Settings(epochs=1, batch_size=20, optimizer=optimizer),
        dataset=DatasetRef(train_limit=50),
    )


def state(model: keras.Model) -> dict[str, list[float]]:
    """What a training goes on from, found by other ways than the code under test."""
    found = {f"weight {v.path}": to_numpy(v) for v in model.weights}
    found |= {f"optimizer {n}": to_numpy(v) for n, v in enumerate(model.optimizer.variables)}
    for layer in model.layers:
        for number, generator in enumerate(getattr(layer, "_seed_generators", [])):
            found[f"seed {layer.name} {number}"] = to_numpy(generator.state)
    return {name: value.ravel().tolist() for name, value in found.items()}


@pytest.mark.parametrize(
    ("optimizer", "images"),
    [*((optimizer, False) for optimizer in OPTIMIZERS), (Adam(learning_rate=0.1), True)],
)
def test_compiling_leaves_no_trace(optimizer: Optimizer, images: bool) -> None:
    expected = spec(optimizer, images)
    got = train_module.get_ready(expected, lambda: True)
    assert got is not None
    assert state(got.model_for(expected)) == state(build_model(expected))
    other = expected.model_copy(update={"seed": 9})
    assert state(got.model_for(other)) == state(build_model(other)) != state(build_model(expected))


@pytest.mark.parametrize("images", [False, True])
def test_a_run_after_another_gives_what_it_would_alone(images: bool) -> None:
    first = train(spec(images=images), lambda _: None, lambda: False)
    assert first.ready is not None
    rate = SGD(learning_rate=0.05, momentum=0.9)
    other = spec(rate, images).model_copy(update={"seed": 9})
    alone = train(other, lambda _: None, lambda: False)
    after = train(other, lambda _: None, lambda: False, ready=first.ready)
    assert after.ready is not None and after.ready.steps is first.ready.steps
    assert state(after.model) == state(alone.model)
    assert after.progress.test_loss == alone.progress.test_loss


def test_what_is_part_of_the_graph_is_traced_anew() -> None:
    first = train(spec(), lambda _: None, lambda: False)
    for other in (spec(SGD(learning_rate=0.1, momentum=0.5)), spec(Adam()), spec(images=True)):
        after = train(other, lambda _: None, lambda: False, ready=first.ready)
        assert first.ready and after.ready and after.ready.steps is not first.ready.steps
    training = spec().training.model_copy(update={"schedule": CosineDecay()})
    slower = training.model_copy(update={"optimizer": SGD(learning_rate=0.05, momentum=0.9)})
    one, other = (spec().model_copy(update={"training": each}) for each in (training, slower))
    assert not compile_alike(one, other)


def test_compiling_writes_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # A standby that is not needed is killed, and would leave it behind each time.
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert train_module.get_ready(spec(images=True), lambda: True) is not None
    assert list(tmp_path.iterdir()) == []


def test_compiling_does_move_the_state(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without putting it back there would be a trace: the test above can fail."""
    monkeypatch.setattr(train_module, "_put", lambda model, values: None)
    got = train_module.get_ready(spec(images=True), lambda: True)
    assert got is not None
    moved, fresh = state(got.model_for(spec(images=True))), state(build_model(spec(images=True)))
    kinds = {name.partition(" ")[0] for name in fresh if moved[name] != fresh[name]}
    assert kinds == {"weight", "optimizer", "seed"}


def test_state_that_it_would_not_put_back_is_not_touched(monkeypatch: pytest.MonkeyPatch) -> None:
    known = train_module._state
    monkeypatch.setattr(train_module, "_state", lambda model: known(model)[:-1])
    assert train_module.get_ready(spec(), lambda: True) is None


@pytest.mark.parametrize("asked", [1, 2])
def test_it_is_given_up_between_two_parts_of_the_work(
    asked: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiled = []
    monkeypatch.setattr(train_module.CompiledSteps, "compile", lambda self: compiled.append(self))
    answers = iter([True] * (asked - 1) + [False])
    assert train_module.get_ready(spec(), lambda: next(answers)) is None
    assert not compiled


@pytest.mark.parametrize(
    "dataset", [DatasetRef(name="cifar10", image_shape=(32, 32, 3)), DatasetRef(path="/a.npz")]
)
def test_what_is_fetched_or_may_change_is_not_read_ahead(dataset: DatasetRef) -> None:
    assert (
        train_module.get_ready(spec().model_copy(update={"dataset": dataset}), lambda: True) is None
    )
