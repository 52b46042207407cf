"""The training loop against Keras's own training, step by step, and against itself."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import psutil
import pytest
import tensorflow as tf

from workbench.data.arrays import to_unit_float
from workbench.training import compiled_steps
from workbench.training.bias_gradient import bias_gradients_apart
from workbench.training.datasets import InMemorySource, StreamingSource, choose_source, epoch_order
from workbench.training.dense_gradient import dense_gradients_in_turn
from workbench.training.evaluation import Evaluator
from workbench.training.loop import Chunk, DivergedError, TrainingLoop
from workbench.training.relu_before_pooling import relu_gradient_behind_pooling

CLASSES = 10
SEED = 3
Build = Callable[[], keras.Model]


def patterns(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Noisy pictures of ten fixed patterns: easy to learn, uint8 (count, 8, 8)."""
    base = np.random.default_rng(9).integers(0, 200, (CLASSES, 8, 8))
    draw = np.random.default_rng(seed)
    labels = draw.integers(0, CLASSES, count)
    images = base[labels] + draw.integers(0, 56, (count, 8, 8))
    return images.astype(np.uint8), labels


def compiled(layers: list[keras.Layer], optimizer: keras.optimizers.Optimizer) -> keras.Model:
    model = keras.Sequential([keras.Input((8, 8)), *layers])
    model.compile(optimizer, loss="categorical_crossentropy", metrics=["accuracy"])
    return model


def dense_sgd() -> keras.Model:
    keras.utils.set_random_seed(1)
    return compiled(
        [
            keras.layers.Flatten(),
            keras.layers.Dense(
                16, activation="relu", kernel_regularizer=keras.regularizers.L2(0.01)
            ),
            keras.layers.Dense(CLASSES, activation="softmax"),
        ],
        keras.optimizers.SGD(
            keras.optimizers.schedules.InverseTimeDecay(0.05, 1, 0.01), momentum=0.7
        ),
    )


def dense_dropout_norm() -> keras.Model:
    keras.utils.set_random_seed(1)
    return compiled(
        [
            keras.layers.Flatten(),
            # A bias before a normalization has no gradient but rounding, which Adam blows up.
            keras.layers.Dense(16, use_bias=False),
            keras.layers.BatchNormalization(),
            keras.layers.Activation("relu"),
            keras.layers.Dropout(0.3),
            keras.layers.Dense(CLASSES, activation="softmax"),
        ],
        keras.optimizers.AdamW(0.01),
    )


def convolutions() -> keras.Model:
    keras.utils.set_random_seed(1)
    return compiled(
        [
            keras.layers.Reshape((8, 8, 1)),
            keras.layers.Conv2D(4, 3, padding="same", activation="relu"),
            keras.layers.BatchNormalization(),
            keras.layers.MaxPooling2D(2),
            keras.layers.Dropout(0.3),
            keras.layers.Flatten(),
            keras.layers.Dense(CLASSES, activation="softmax"),
        ],
        keras.optimizers.Nadam(0.01),
    )


def relu_and_pooling() -> keras.Model:
    keras.utils.set_random_seed(1)
    return compiled(
        [
            keras.layers.Reshape((8, 8, 1)),
            keras.layers.Conv2D(4, 3, padding="same", activation="relu"),
            keras.layers.MaxPooling2D(3, strides=1, padding="same"),
            keras.layers.Conv2D(4, 3, padding="same"),
            keras.layers.Activation("relu"),
            keras.layers.MaxPooling2D(2),
            keras.layers.Flatten(),
            keras.layers.Dense(CLASSES, activation="softmax"),
        ],
        keras.optimizers.Adam(0.01),
    )


def memory(count: int, seed: int = 0) -> InMemorySource:
    images, labels = patterns(count, seed)
    return InMemorySource(images, labels, classes=CLASSES)


def drawn(count: int) -> tuple[tf.Tensor, tf.Tensor]:
    """The images as they are trained on (1, count, 8, 8), and their labels."""
    source = memory(count)
    images, labels = source.stack(np.arange(count, dtype=np.int32)[None])
    return source.unit(images), labels


def state(model: keras.Model) -> list[np.ndarray]:
    """Weights, dropout seeds, the moving averages of normalization and the optimizer's own."""
    return [
        v.numpy()
        for v in [*model.variables, *model.optimizer.variables]
        if "Metric" not in v.path and "/total" not in v.path and "/count" not in v.path
    ]


def digest(model: keras.Model) -> str:
    return hashlib.sha256(b"".join(array.tobytes() for array in state(model))).hexdigest()


@pytest.mark.parametrize("build", [dense_sgd, dense_dropout_norm, convolutions, relu_and_pooling])
@pytest.mark.parametrize(("xla", "compile_update"), [(False, False), (False, True), (True, False)])
def test_the_weights_are_those_of_train_on_batch(
    build: Build, xla: bool, compile_update: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if compile_update:
        monkeypatch.setattr(compiled_steps, "WEIGHTS_WORTH_COMPILING", 0)
    # Without a smaller last batch where XLA draws the dropout: that batch isn't XLA's, and the
    # two draw from different streams.
    count = 110 if build is dense_sgd or not xla else 100
    model = build()
    TrainingLoop(model, memory(count), batch_size=20, seed=SEED, xla=xla).run(2)
    assert int(model.optimizer.iterations) == 2 * len(range(0, count, 20))
    for ours, keras_own in zip(state(model), keras_state(build, xla, count), strict=True):
        np.testing.assert_allclose(ours, keras_own, rtol=2e-4, atol=2e-5)


def test_the_gradient_of_relu_is_the_same_behind_the_pooling() -> None:
    model = relu_and_pooling()
    images, labels = drawn(20)

    @tf.function(autograph=False)
    def gradients() -> list[tf.Tensor]:
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(labels[0] * tf.math.log(model(images[0])))
        return tape.gradient(loss, model.trainable_variables)

    plain = gradients.get_concrete_function()
    with relu_gradient_behind_pooling(model):
        behind = tf.function(gradients.python_function, autograph=False).get_concrete_function()
    heights = [
        sorted(op.outputs[0].shape[1] for op in found.graph.get_operations()
               if op.type == "ReluGrad")
        for found in (plain, behind)
    ]  # fmt: skip
    assert heights == [[8, 8], [4, 8]]
    for before, now in zip(plain(), behind(), strict=True):
        assert np.abs(before).max() > 0
        np.testing.assert_array_equal(before, now)
    assert model.layers[1].activation is keras.activations.relu


@pytest.mark.parametrize(("policy", "tolerance"), [("float32", 1e-6), ("mixed_bfloat16", 1e-2)])
@pytest.mark.parametrize("use_bias", [True, False])
def test_the_gradients_of_a_large_dense_layer_are_those_of_keras(
    policy: str, tolerance: float, *, use_bias: bool
) -> None:
    large = keras.layers.Dense(1000, activation="relu", use_bias=use_bias, dtype=policy)
    model = keras.Sequential([keras.Input((20,)), keras.layers.Dense(1000, dtype=policy), large])
    images = np.random.default_rng(0).normal(size=(8, 20)).astype(np.float32)

    @tf.function(autograph=False)
    def gradients() -> list[tf.Tensor]:
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(tf.cast(model(images), tf.float32) ** 2)
        return tape.gradient(loss, model.trainable_variables)

    plain = gradients.get_concrete_function()
    with dense_gradients_in_turn(model):
        assert "call" in vars(large)
        assert "call" not in vars(model.layers[0])
        in_turn = tf.function(gradients.python_function, autograph=False).get_concrete_function()
    assert "call" not in vars(large)
    waits = [sum(bool(op.control_inputs) for op in found.graph.get_operations()
                 if op.type == "MatMul") for found in (plain, in_turn)]  # fmt: skip
    assert waits == [0, 1]
    for before, now in zip(plain(), in_turn(), strict=True):
        scale = np.abs(before).max()
        assert scale > 0
        np.testing.assert_allclose(now / scale, before / scale, atol=tolerance)


@pytest.mark.parametrize(("policy", "left"), [("float32", 1), ("mixed_bfloat16", 2)])
def test_the_gradients_of_a_bias_in_float32_are_those_of_keras(policy: str, left: int) -> None:
    keras.utils.set_random_seed(SEED)
    model = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            keras.layers.Conv2D(4, 3, strides=2, padding="same", activation="relu", dtype=policy),
            keras.layers.Conv2D(4, 2, use_bias=False, dtype=policy),
            keras.layers.Flatten(dtype=policy),
            keras.layers.Dense(CLASSES, dtype=policy),
        ]
    )
    images, labels = drawn(20)

    @tf.function(autograph=False)
    def gradients() -> list[tf.Tensor]:
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum((tf.cast(model(images[0]), tf.float32) - labels[0]) ** 2)
        return tape.gradient(loss, model.trainable_variables)

    plain = gradients.get_concrete_function()
    with bias_gradients_apart(model):
        apart = tf.function(gradients.python_function, autograph=False).get_concrete_function()
    sums = [sum(op.type == "BiasAddGrad" for op in found.graph.get_operations())
            for found in (plain, apart)]  # fmt: skip
    assert sums == [2, left]  # the Dense layer's stays
    for before, now in zip(plain(), apart(), strict=True):
        scale = np.abs(before).max()
        assert scale > 0
        np.testing.assert_allclose(now / scale, before / scale, atol=1e-6)
    assert not any("call" in vars(layer) for layer in model.layers)


@cache
def keras_state(build: Build, xla: bool, count: int) -> list[np.ndarray]:
    """What two epochs of Keras's own `train_on_batch` make of the model."""
    model = build()
    model.compile(
        model.optimizer, loss="categorical_crossentropy", metrics=["accuracy"], jit_compile=xla
    )
    images, labels = drawn(count)
    for epoch in range(2):
        order = epoch_order(SEED, epoch, count)
        for start in range(0, count, 20):
            batch = order[start : start + 20]
            model.train_on_batch(images[0].numpy()[batch], labels[0].numpy()[batch])
    return state(model)


@pytest.mark.parametrize("build", [dense_dropout_norm, convolutions])
def test_the_lengths_of_chunks_change_nothing(build: Build) -> None:
    digests, logs = set(), []
    for chunk_seconds in (0.0, 0.003, 10.0):
        model = build()
        loop = TrainingLoop(
            model, memory(250), batch_size=8, seed=SEED, chunk_seconds=chunk_seconds
        )
        logs.append(loop.run(2).logs)
        digests.add(digest(model))
    assert len(digests) == 1
    assert logs[0] == logs[1] == logs[2]


REPEAT = """
import sys
sys.path.insert(0, sys.argv[1])
import test_loop
for build in (test_loop.dense_dropout_norm, test_loop.convolutions):
    model = build()
    test_loop.TrainingLoop(model, test_loop.memory(500), batch_size=32, seed=3).run(2)
    print(test_loop.digest(model))
"""


def test_a_fresh_process_repeats_it_bit_for_bit() -> None:
    command = [sys.executable, "-c", REPEAT, str(Path(__file__).parent)]
    root = Path(__file__).parents[2]
    started = [
        subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, text=True) for _ in range(2)
    ]
    first, second = (process.communicate(timeout=300)[0] for process in started)
    assert [process.returncode for process in started] == [0, 0]
    assert first == second
    assert [len(line) for line in first.split()] == [64, 64]


def test_going_on_from_an_epoch_is_the_same_as_never_having_stopped() -> None:
    whole, halves = dense_sgd(), dense_sgd()
    TrainingLoop(whole, memory(100), batch_size=20, seed=SEED).run(3)
    TrainingLoop(halves, memory(100), batch_size=20, seed=SEED).run(1)
    result = TrainingLoop(halves, memory(100), batch_size=20, seed=SEED).run(3, initial_epoch=1)
    assert (result.epochs, result.steps) == (3, 15)
    assert digest(whole) == digest(halves)


def test_chunks_and_logs_add_up() -> None:
    model = dense_dropout_norm()
    source = memory(107)
    loop = TrainingLoop(
        model, source, batch_size=25, seed=SEED, validation=Evaluator(model, memory(60, seed=1))
    )
    chunks: list[Chunk] = []
    epochs: list[dict[str, float]] = []

    class Listener(keras.callbacks.Callback):  # type: ignore[misc]
        def on_train_batch_end(self, batch: int, logs: dict[str, float]) -> None:
            assert loop.last_chunk is not None
            chunks.append(loop.last_chunk)
            assert batch == (loop.last_chunk.first_step + loop.last_chunk.steps - 1) % 5

        def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
            epochs.append(dict(logs))

    loop.run(2, callbacks=[Listener()])
    assert [set(logs) for logs in epochs] == [{"loss", "accuracy", "val_loss", "val_accuracy"}] * 2
    assert sum(chunk.images for chunk in chunks) == 2 * 107
    assert [c.first_step for c in chunks] == np.cumsum([0, *(c.steps for c in chunks)])[
        :-1
    ].tolist()
    for epoch in range(2):
        own = [chunk for chunk in chunks if chunk.epoch == epoch]
        mean = sum(chunk.loss * chunk.images for chunk in own) / 107
        assert mean == pytest.approx(epochs[epoch]["loss"], rel=1e-6)
    assert model.history.history["val_accuracy"] == [logs["val_accuracy"] for logs in epochs]


@pytest.mark.parametrize(("count", "batch_size", "steps"), [(7, 60, 1), (1, 1, 1), (61, 60, 2)])
@pytest.mark.parametrize("build", [dense_sgd, convolutions])
def test_few_images(build: Build, count: int, batch_size: int, steps: int) -> None:
    model = build()
    result = TrainingLoop(model, memory(count), batch_size=batch_size, seed=SEED).run(1)
    assert (result.steps, result.images, result.stopped) == (steps, count, False)
    assert int(model.optimizer.iterations) == steps


def test_it_learns() -> None:
    model = dense_dropout_norm()
    result = TrainingLoop(
        model, memory(1000), batch_size=20, seed=SEED, validation=Evaluator(model, memory(300, 1))
    ).run(5)
    assert result.logs["val_accuracy"] > 0.95


def smooth_convolutions() -> keras.Model:
    """Without ReLU and max pooling, which make 0 of a NaN in some processors' kernels."""
    keras.utils.set_random_seed(1)
    return compiled(
        [
            keras.layers.Reshape((8, 8, 1)),
            keras.layers.Conv2D(4, 3, padding="same", activation="tanh"),
            keras.layers.Flatten(),
            keras.layers.Dense(CLASSES, activation="softmax"),
        ],
        keras.optimizers.Nadam(0.01),
    )


@pytest.mark.parametrize("build", [dense_sgd, smooth_convolutions])
def test_a_loss_that_is_not_finite_is_told_with_its_step(build: Build) -> None:
    images, labels = patterns(200)
    floats = images.astype(np.float32) / 255
    # The batch that holds this image is the first whose loss can't be a number.
    floats[epoch_order(SEED, 0, 200)[20 * 7 + 3]] = np.nan
    source = InMemorySource(floats, labels, classes=CLASSES, scale=1.0)
    with pytest.raises(DivergedError, match="epoch 1, at step 7") as caught:
        TrainingLoop(build(), source, batch_size=20, seed=SEED, chunk_seconds=10).run(2)
    assert (caught.value.epoch, caught.value.step) == (0, 7)
    assert np.isnan(caught.value.loss)


def test_a_stop_is_answered_between_chunks() -> None:
    asked: list[float] = []
    loop = TrainingLoop(
        dense_sgd(), memory(20_000), batch_size=20, seed=SEED, should_stop=lambda: bool(asked)
    )

    class Stopper(keras.callbacks.Callback):  # type: ignore[misc]
        ended = 0

        def on_train_batch_end(self, batch: int, logs: dict[str, float]) -> None:
            if batch > 100 and not asked:
                asked.append(time.perf_counter())

        def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
            self.ended += 1

    stopper = Stopper()
    result = loop.run(5, callbacks=[stopper])
    assert result.stopped
    assert (result.epochs, stopper.ended) == (0, 0)
    assert 100 < result.steps < 1000
    assert int(loop.model.optimizer.iterations) == result.steps
    assert time.perf_counter() - asked[0] < 0.3


def test_a_callback_may_end_the_training_after_an_epoch() -> None:
    class Ender(keras.callbacks.Callback):  # type: ignore[misc]
        def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
            self.model.stop_training = epoch == 1

    result = TrainingLoop(dense_sgd(), memory(60), batch_size=20, seed=SEED).run(
        4, callbacks=[Ender()]
    )
    assert (result.epochs, result.steps, result.stopped) == (2, 6, True)


@pytest.mark.parametrize("as_float", [False, True])
def test_streaming_gives_what_memory_gives(as_float: bool, tmp_path: Path) -> None:
    images, labels = patterns(90)
    scale = 255.0
    if as_float:
        images, scale = images.astype(np.float32) / 255, 1.0
    np.save(tmp_path / "images.npy", images)
    mapped = np.load(tmp_path / "images.npy", mmap_mode="r")
    streamed, held = dense_sgd(), dense_sgd()
    source = StreamingSource(mapped, labels, classes=CLASSES, scale=scale)
    TrainingLoop(streamed, source, batch_size=20, seed=SEED).run(2)
    held_source = InMemorySource(images, labels, classes=CLASSES, scale=scale)
    TrainingLoop(held, held_source, batch_size=20, seed=SEED).run(2)
    assert digest(streamed) == digest(held)


@pytest.mark.parametrize("xla", [True, False])
@pytest.mark.parametrize("scale", [255.0, 201.0])
def test_bytes_give_what_their_float32_gives_to_the_last_bit(xla: bool, scale: float) -> None:
    images, labels = patterns(110)
    assert images.dtype == np.uint8
    digests, losses = set(), set()
    for pixels, divisor in ((images, scale), (to_unit_float(images, scale), 1.0)):
        model = dense_sgd()
        source = InMemorySource(pixels, labels, classes=CLASSES, scale=divisor)
        TrainingLoop(model, source, batch_size=20, seed=SEED, xla=xla).run(2)
        digests.add(digest(model))
        evaluation = Evaluator(model, source).evaluate()
        assert evaluation is not None
        losses.add(evaluation.loss)
    assert len(digests) == len(losses) == 1


def test_the_source_follows_from_the_memory_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    images, labels = patterns(50)
    assert isinstance(choose_source(images, labels, classes=CLASSES), InMemorySource)
    little = SimpleNamespace(available=10_000)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: little)
    small = choose_source(images, labels, classes=CLASSES)
    assert not isinstance(small, InMemorySource)


def test_the_order_of_an_epoch_depends_on_seed_and_epoch_alone() -> None:
    assert np.array_equal(epoch_order(5, 2, 100), epoch_order(5, 2, 100))
    assert not np.array_equal(epoch_order(5, 2, 100), epoch_order(5, 3, 100))
    assert not np.array_equal(epoch_order(5, 2, 100), epoch_order(6, 2, 100))
    assert sorted(epoch_order(5, 2, 100)) == list(range(100))
