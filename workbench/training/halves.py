"""Convolutions over half a batch on each core, with the gradients summed by the graph.

On two cores one convolution shared by both waits at its end for the slower; two halves of a batch,
each a chain of its own, wait for each other only where they meet again. The result is that of the
whole batch, up to rounding: none of the layers taken this way looks from one image to another.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import takewhile
from typing import Any

import keras
import tensorflow as tf

from workbench.runs.environment import usable_cores
from workbench.training.devices import gpus

# Each image by itself, and nothing drawn at random. Batch normalization needs the whole batch.
SPLIT_LAYERS = (
    keras.layers.Reshape,
    keras.layers.Conv2D,
    keras.layers.MaxPooling2D,
    keras.layers.AveragePooling2D,
    keras.layers.Activation,
    keras.layers.LayerNormalization,
)


def suits_halves(model: keras.Model) -> bool:
    """Whether a training of the model is faster so: it begins with convolutions, on a CPU.

    Measured on two cores; on one there is nothing to share.
    """
    threads = tf.config.threading.get_intra_op_parallelism_threads() or usable_cores()
    first = takewhile(lambda layer: type(layer) in SPLIT_LAYERS, model.layers)
    return threads >= 2 and not gpus() and keras.layers.Conv2D in map(type, first)


@contextmanager
def in_halves(model: keras.Sequential) -> Iterator[None]:
    """While tracing, have the model take each half of a batch up to where they must meet."""
    first = list(takewhile(lambda layer: type(layer) in SPLIT_LAYERS, model.layers))
    rest = model.layers[len(first) :]

    def call(images: Any, training: bool | None = None, mask: Any = None) -> Any:
        # Whether it trains, the layers know from the call of the model that they are within.
        middle = (tf.shape(images)[0] + 1) // 2
        halves = []
        for half in (images[:middle], images[middle:]):
            for layer in first:
                half = layer(half)
            halves.append(half)
        outputs = tf.concat(halves, axis=0)
        for layer in rest:
            outputs = layer(outputs)
        return outputs

    model.call = call
    try:
        yield
    finally:
        del model.call
