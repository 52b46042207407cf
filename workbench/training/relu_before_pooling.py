"""ReLU before a maximum pooling: its gradient taken behind the pooling, where there is less of it.

A maximum that is over zero comes from a value over zero, which ReLU let through; one of zero has
nothing that its gradient could go to. So the gradient of ReLU on the pooled values, passed through
the pooling, is that of ReLU on all the values, to the last bit, for a fraction of the work.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

import keras
import tensorflow as tf


@contextmanager
def relu_gradient_behind_pooling(model: keras.Model) -> Iterator[None]:
    """While tracing a train step, for each layer with ReLU that only a maximum pooling follows."""
    pairs: list[tuple[Any, Any]] = [
        (layer, pool)
        for layer, pool in pairwise(model.layers if isinstance(model, keras.Sequential) else ())
        if getattr(layer, "activation", None) is keras.activations.relu
        and isinstance(pool, keras.layers.MaxPooling2D)
    ]
    for layer, pool in pairs:
        layer.activation = _passing
        pool.call = _masking(pool.call)
    try:
        yield
    finally:
        for layer, pool in pairs:
            layer.activation = keras.activations.relu
            del pool.call


def _masking(call: Callable[[tf.Tensor], tf.Tensor]) -> Callable[[tf.Tensor], tf.Tensor]:
    return lambda values: _masked(call(values))


@tf.custom_gradient  # type: ignore[untyped-decorator]
def _passing(values: tf.Tensor) -> tuple[tf.Tensor, Callable[[tf.Tensor], tf.Tensor]]:
    return tf.nn.relu(values), lambda gradient: gradient


@tf.custom_gradient  # type: ignore[untyped-decorator]
def _masked(pooled: tf.Tensor) -> tuple[tf.Tensor, Callable[[tf.Tensor], tf.Tensor]]:
    def masked(gradient: tf.Tensor) -> tf.Tensor:
        return tf.raw_ops.ReluGrad(gradients=gradient, features=pooled)

    return tf.identity(pooled), masked
