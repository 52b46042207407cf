"""Letting the first compilation pass before a run needs it."""

from __future__ import annotations

import numpy as np

from workbench.model.architecture import Architecture
from workbench.model.hyperparameters import TrainingSettings
from workbench.model.layers import Conv2D, Dense, Dropout, Flatten, MaxPooling2D
from workbench.model.spec import TrainingSpec
from workbench.training.build import build_model
from workbench.training.evaluation import evaluate
from workbench.training.loop import TrainingLoop
from workbench.training.sources import InMemorySource

VECTORS = (Flatten(), Dense(units=4, activation="relu"), Dense(units=10, activation="softmax"))
IMAGES = (Conv2D(filters=2, kernel_size=(3, 3)), MaxPooling2D(), Dropout(rate=0.2), *VECTORS)


def compile_something() -> None:
    """Train two steps of tiny models: the compilers load their parts at their first use.

    One model is of the kind that XLA compiles whole, the other of the kind that it does not.
    Nothing of them stays: each run sets its own seeds and builds its own model.
    """
    for layers in (VECTORS, IMAGES):
        spec = TrainingSpec(
            preset="warm",
            title="warm",
            architecture=Architecture(layers=layers),
            training=TrainingSettings(epochs=1, batch_size=4),
        )
        model = build_model(spec)
        images = np.zeros((8, 28, 28, 1), np.uint8)
        source = InMemorySource(images, np.zeros(8, np.int64), classes=10)
        TrainingLoop(model, source, batch_size=4, seed=0).run(1)
        evaluate(model, source)
