"""Would several seeds in one XLA computation pay: `python -m tests.benchmarks.side_by_side [N]`.

NN model 1 with SGD: 1, 2, 4 and 8 seeds with their weights stacked and their own batches, against
this program's own loop, by turns in N rounds (3). Both draw their batches from tensors and take
blocks of the same number of steps. The stacked step is written by hand, which is the least it can
cost: no metrics, no Keras.
"""

from __future__ import annotations

import os
import statistics
import sys
import time
from typing import Any

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf

from tests.benchmarks.training import BATCH_SIZE, Deadline, _spec, processor, stopwatch
from workbench.data.npz import load_mnist
from workbench.training.build import build_model
from workbench.training.datasets import InMemorySource, choose_source
from workbench.training.loop import TrainingLoop

SEEDS = (1, 2, 4, 8)
UNITS, RATE, STEPS, SECONDS = 128, 0.01, 80, 4.0


def stacked(source: InMemorySource, seeds: int) -> float:
    """Images a second, of all seeds together."""
    keras.utils.set_random_seed(0)
    first = tf.Variable(tf.random.normal((seeds, 784, UNITS), stddev=0.05))
    bias = tf.Variable(tf.zeros((seeds, 1, UNITS)))
    second = tf.Variable(tf.random.normal((seeds, UNITS, 10), stddev=0.1))
    last = tf.Variable(tf.zeros((seeds, 1, 10)))
    variables = [first, bias, second, last]

    def step(images: Any, labels: Any) -> Any:
        with tf.GradientTape() as tape:
            hidden = tf.nn.relu(tf.matmul(images, first) + bias)
            logits = tf.matmul(hidden, second) + last
            losses = tf.nn.softmax_cross_entropy_with_logits(labels, logits)
            loss = tf.reduce_sum(tf.reduce_mean(losses, axis=1))
        for variable, gradient in zip(variables, tape.gradient(loss, variables), strict=True):
            variable.assign_sub(RATE * gradient)
        return loss

    @tf.function(jit_compile=True, autograph=False)
    def block(images: Any, labels: Any) -> Any:
        return tf.while_loop(
            lambda place, _: place < STEPS,
            lambda place, _: (place + 1, step(source.unit(images[place]), labels[place])),
            (tf.constant(0), tf.constant(0.0)),
        )[1]

    random = np.random.default_rng(0)

    def draw() -> tuple[Any, Any]:
        order = random.integers(0, source.image_count, (STEPS, seeds * BATCH_SIZE), np.int32)
        images, labels = source.stack(order)
        return (
            tf.reshape(images, (STEPS, seeds, BATCH_SIZE, 784)),
            tf.reshape(labels, (STEPS, seeds, BATCH_SIZE, 10)),
        )

    block(*draw())
    blocks, began = 0, time.perf_counter()
    while time.perf_counter() - began < SECONDS:
        float(block(*draw()))
        blocks += 1
    return blocks * STEPS * seeds * BATCH_SIZE / (time.perf_counter() - began)


def loop() -> float:
    """Images a second of the program's own loop, one seed at a time."""
    data = load_mnist()
    source = choose_source(data.x_train, data.y_train, classes=10)
    deadline = Deadline(SECONDS)
    watch = stopwatch(keras, deadline, len(data.x_train))
    model = build_model(_spec("nn-1", "float32"))
    TrainingLoop(model, source, batch_size=BATCH_SIZE, seed=0).run(10_000, callbacks=[watch])
    return statistics.median(deadline.rates[1:])


def main() -> None:
    """Measure by turns and print a table in markdown."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    data = load_mnist()
    source = InMemorySource(data.x_train, data.y_train, classes=10)
    found: dict[str, list[float]] = {}
    for _ in range(rounds):
        found.setdefault("the loop, one seed", []).append(loop())
        for seeds in SEEDS:
            found.setdefault(f"stacked, {seeds}", []).append(stacked(source, seeds))
    base = statistics.median(found["the loop, one seed"])
    print(f"{processor()}, {os.cpu_count()} cores, medians of {rounds} rounds\n")
    print(
        "| | images/s, all seeds | lowest | highest | the loop's |\n| --- | --: | --: | --: | --: |"
    )
    for name, rates in found.items():
        middle = statistics.median(rates)
        print(f"| {name} | {middle:,.0f} | {min(rates):,.0f} | {max(rates):,.0f} "
              f"| {middle / base:.2f} × |")  # fmt: skip


if __name__ == "__main__":
    main()
