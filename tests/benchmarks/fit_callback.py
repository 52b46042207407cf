"""What `LiveCallback` costs a `fit`: one model, in turns with it and with an empty callback.

Run as `python -m tests.benchmarks.fit_callback [TURNS] [SECONDS]`. The empty callback is there in
both kinds of turn, since Keras hands its logs to callbacks only where there is one; so the
difference is what the workbench does. A second number is the time in its hooks, measured.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from statistics import median
from typing import Any

import keras
import numpy as np

from workbench import LiveCallback
from workbench.runs.environment import cpu_name, usable_cores
from workbench.settings import HOME_VARIABLE

IMAGES, BATCH = 60_000, 60


class Clock(keras.callbacks.Callback):  # type: ignore[misc]  # Keras is untyped
    """Ends `fit` after some seconds, and knows how many steps there were."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.steps, self._seconds = 0, seconds

    def on_train_begin(self, logs: Any = None) -> None:
        self.steps = 0

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if self.steps == 0:  # compiled by now
            self._begin = time.perf_counter()
        self.steps += 1
        self.taken = time.perf_counter() - self._begin
        if self.taken > self._seconds:
            self.model.stop_training = True


class Measured(LiveCallback):
    """The same, with a clock around what it does for a batch."""

    inside = 0.0

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        begin = time.perf_counter()
        super().on_train_batch_end(batch, logs)
        self.inside += time.perf_counter() - begin


def main(turns: int, seconds: float) -> None:
    """Print the speeds of both kinds of turn."""
    x = np.random.default_rng(0).random((IMAGES, 784), np.float32)
    y = np.random.default_rng(1).integers(0, 10, IMAGES)
    model = keras.Sequential(
        [
            keras.Input((784,)),
            keras.layers.Dense(128, activation="relu"),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x, y, batch_size=BATCH, epochs=1, verbose=0, callbacks=[Clock(1.0)])
    speeds: dict[bool, list[float]] = {True: [], False: []}
    shares = []
    for turn in range(2 * turns):
        watched = turn % 2 == 0
        clock, live = Clock(seconds), Measured("benchmark")
        callbacks = [live, clock] if watched else [clock]
        model.fit(x, y, batch_size=BATCH, epochs=1000, verbose=0, callbacks=callbacks)
        speeds[watched].append(clock.steps / clock.taken)
        if watched:
            shares.append(live.inside / clock.taken)
    with_it, without = median(speeds[True]), median(speeds[False])
    print(f"{cpu_name()}, {usable_cores()} cores, Keras {keras.__version__}")
    print(
        f"steps a second: {without:,.0f} without, {with_it:,.0f} with: {with_it / without - 1:+.2%}"
    )
    print(f"share of the time inside its hooks: {median(shares):.2%}")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as home:
        os.environ[HOME_VARIABLE] = home
        arguments = [float(argument) for argument in sys.argv[1:]]
        main(int(arguments[0]) if arguments else 7, arguments[1] if len(arguments) > 1 else 4.0)
