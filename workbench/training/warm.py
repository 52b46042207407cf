"""Letting the first compilation pass before a run needs it."""

from __future__ import annotations

import numpy as np

from workbench.model.architecture import Architecture
from workbench.model.hyperparameters import TrainingSettings
from workbench.model.layers import Dense, Flatten
from workbench.model.spec import TrainingSpec
from workbench.training.build import build_model
from workbench.training.evaluation import evaluate
from workbench.training.loop import TrainingLoop
from workbench.training.sources import InMemorySource


def compile_something() -> None:
    """Train two steps of a tiny model: the compilers load their parts at their first use.

    Nothing of it stays: each run sets its own seeds and builds its own model.
    """
    spec = TrainingSpec(
        preset="warm",
        title="warm",
        architecture=Architecture(
            layers=(
                Flatten(),
                Dense(units=4, activation="relu"),
                Dense(units=10, activation="softmax"),
            )
        ),
        training=TrainingSettings(epochs=1, batch_size=4),
    )
    model = build_model(spec)
    images = np.zeros((8, 28, 28, 1), np.uint8)
    source = InMemorySource(images, np.zeros(8, np.int64), classes=10)
    TrainingLoop(model, source, batch_size=4, seed=0).run(1)
    evaluate(model, source)
