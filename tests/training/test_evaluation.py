"""The evaluation against Keras's own."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from workbench.training import evaluation
from workbench.training.datasets import InMemorySource, StreamingSource
from workbench.training.evaluation import Evaluator, batch_size_for

CLASSES = 4


def model_and_data(seed: int = 0) -> tuple[keras.Model, np.ndarray, np.ndarray]:
    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [
            keras.Input((6, 6, 1)),
            keras.layers.Conv2D(3, 3, kernel_regularizer=keras.regularizers.L2(0.1)),
            keras.layers.BatchNormalization(),
            keras.layers.Flatten(),
            keras.layers.Dropout(0.5),
            keras.layers.Dense(CLASSES, activation="softmax"),
        ]
    )
    model.compile("sgd", loss="categorical_crossentropy", metrics=["accuracy"])
    draw = np.random.default_rng(seed)
    return model, draw.integers(0, 256, (205, 6, 6, 1)).astype(np.uint8), draw.integers(0, 4, 205)


@pytest.mark.parametrize("batch_size", [None, 1, 50, 1000])
@pytest.mark.parametrize("kind", [InMemorySource, StreamingSource])
def test_it_agrees_with_keras(
    kind: type[InMemorySource] | type[StreamingSource],
    batch_size: int | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model, images, labels = model_and_data()
    if batch_size is not None:
        monkeypatch.setattr(evaluation, "LARGEST_BATCH", batch_size)
    ours = Evaluator(model, kind(images, labels, classes=CLASSES)).evaluate()
    assert ours is not None
    pixels = images.astype(np.float32) / 255
    loss, accuracy = model.evaluate(pixels, np.eye(CLASSES)[labels], verbose=0)
    assert ours.loss == pytest.approx(loss, rel=1e-5)
    assert ours.accuracy == pytest.approx(accuracy, abs=1e-6)
    predicted = model.predict(pixels, verbose=0).argmax(1)
    expected = np.zeros((CLASSES, CLASSES), int)
    np.add.at(expected, (labels, predicted), 1)
    assert np.array_equal(ours.confusion, expected)
    assert ours.confusion.sum(1).tolist() == np.bincount(labels, minlength=CLASSES).tolist()


def test_it_sees_the_weights_as_they_are_now() -> None:
    model, images, labels = model_and_data()
    evaluator = Evaluator(model, InMemorySource(images, labels, classes=CLASSES))
    before = evaluator.evaluate()
    model.layers[-1].bias.assign([100.0, 0.0, 0.0, 0.0])
    after = evaluator.evaluate()
    assert before is not None and after is not None
    assert after.confusion[:, 0].sum() == 205
    assert after.accuracy == pytest.approx(float((labels == 0).mean()))
    assert after.loss > before.loss


def test_it_leaves_the_model_as_it_was() -> None:
    model, images, labels = model_and_data()
    before = [variable.numpy() for variable in model.variables]
    Evaluator(model, InMemorySource(images, labels, classes=CLASSES)).evaluate()
    for old, variable in zip(before, model.variables, strict=True):
        assert np.array_equal(old, variable.numpy())


def test_it_stops_between_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluation, "LARGEST_BATCH", 10)
    model, images, labels = model_and_data()
    asked = iter([False, False, True])
    source = InMemorySource(images, labels, classes=CLASSES)
    assert Evaluator(model, source).evaluate(lambda: next(asked)) is None


def test_weights_that_are_not_finite_give_a_loss_that_is_not() -> None:
    model, images, labels = model_and_data()
    model.layers[-1].bias.assign([np.nan] * CLASSES)
    result = Evaluator(model, InMemorySource(images, labels, classes=CLASSES)).evaluate()
    assert result is not None
    assert np.isnan(result.loss)


def test_the_batch_follows_from_the_activations() -> None:
    small = keras.Sequential([keras.Input((28, 28)), keras.layers.Flatten()])
    large = keras.Sequential(
        [keras.Input((28, 28, 1)), keras.layers.Conv2D(256, 3, padding="same")]
    )
    assert batch_size_for(small) == 1000
    assert batch_size_for(large) == 83
