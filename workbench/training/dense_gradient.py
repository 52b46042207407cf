"""The gradients of a large Dense layer on a processor: one product after the other, not at once.

Both are bound by memory, and each reads what the other would push out of the cache. In float32 the
input's gradient is also taken from its other side: oneDNN multiplies a large matrix by a narrow one
in two thirds of the time it takes the narrow one by the large one.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import keras
import tensorflow as tf

from workbench.training.layer_calls import calls_replaced

LARGE = 1_000_000  # weights; with fewer there is nothing to gain


def dense_gradients_in_turn(model: keras.Model) -> AbstractContextManager[None]:
    """While tracing a train step, for each Dense layer of a million weights on flat inputs."""
    layers = [
        layer
        for layer in model.layers
        if type(layer) is keras.layers.Dense
        and layer.kernel.shape[0] * layer.kernel.shape[1] >= LARGE
        and len(layer.input.shape) == 2
    ]
    return calls_replaced(layers, _call)


def _call(layer: Any, inputs: tf.Tensor, training: bool | None = None) -> tf.Tensor:
    """What `Dense.call` computes; `training` is as there, and as little used."""
    outputs = _product(inputs, keras.ops.convert_to_tensor(layer.kernel))
    if layer.bias is not None:
        outputs = keras.ops.add(outputs, layer.bias)
    return outputs if layer.activation is None else layer.activation(outputs)


@tf.custom_gradient  # type: ignore[untyped-decorator]
def _product(
    inputs: tf.Tensor, kernel: tf.Tensor
) -> tuple[tf.Tensor, Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]]]:
    def gradients(gradient: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        if kernel.dtype == tf.float32:
            of_inputs = tf.transpose(tf.matmul(kernel, gradient, transpose_b=True))
        else:
            of_inputs = tf.matmul(gradient, kernel, transpose_b=True)
        with tf.control_dependencies([of_inputs]):
            return of_inputs, tf.matmul(inputs, gradient, transpose_a=True)

    return tf.matmul(inputs, kernel), gradients
