"""The gradient of a convolution's bias in float32 on a processor: a sum of its own.

TensorFlow has oneDNN compute it together with the kernel's gradient, and in float32 that takes
longer than both apart, nearly twice as long for CNN model 2's second. In bfloat16 it costs nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import keras
import tensorflow as tf

from workbench.training.layer_calls import calls_replaced


def bias_gradients_apart(model: keras.Model) -> AbstractContextManager[None]:
    """While tracing a train step, for each Conv2D that computes in float32."""
    layers = [
        layer
        for layer in model.layers
        if type(layer) is keras.layers.Conv2D
        and layer.use_bias
        and layer.data_format == "channels_last"
        and layer.compute_dtype == "float32"
    ]
    return calls_replaced(layers, _call)


def _call(layer: Any, inputs: tf.Tensor) -> tf.Tensor:
    """What `Conv2D.call` computes."""
    outputs = layer.convolution_op(inputs, layer.kernel)
    outputs = _biased(outputs, keras.ops.convert_to_tensor(layer.bias))
    return outputs if layer.activation is None else layer.activation(outputs)


@tf.custom_gradient  # type: ignore[untyped-decorator]
def _biased(
    outputs: tf.Tensor, bias: tf.Tensor
) -> tuple[tf.Tensor, Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]]]:
    def gradients(gradient: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        # Not `BiasAddGrad`, which is what TensorFlow looks for beside the kernel's gradient.
        return gradient, tf.reduce_sum(gradient, axis=(0, 1, 2))

    return tf.nn.bias_add(outputs, bias), gradients
