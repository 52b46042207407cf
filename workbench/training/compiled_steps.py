"""Any number of Keras's own train steps in one compiled call, and the device they run on."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from workbench.training.bias_gradient import bias_gradients_apart
from workbench.training.datasets import BatchSource, IndexArray
from workbench.training.dense_gradient import dense_gradients_in_turn
from workbench.training.relu_before_pooling import relu_gradient_behind_pooling

# XLA makes these faster and convolutions and pooling slower on a CPU; on a GPU, all layers.
XLA_LAYERS = (
    keras.layers.InputLayer,
    keras.layers.Flatten,
    keras.layers.Reshape,
    keras.layers.Dense,
    keras.layers.Dropout,
    keras.layers.Activation,
    keras.layers.ReLU,
    keras.layers.Softmax,
    keras.layers.BatchNormalization,
    keras.layers.LayerNormalization,
)
# A compiled update saves time in proportion to the weights and costs a second to compile.
WEIGHTS_WORTH_COMPILING = 1_000_000
# The stacked batches of one XLA call. Starting one costs as much as three steps of a small model.
XLA_BLOCK_BYTES = 32 * 1024 * 1024
# From this compute capability on a GPU multiplies bfloat16 in hardware; before it, float16 alone.
BFLOAT16_CAPABILITY = (8, 0)

# Has a model's layers compute in another way for as long as it lasts.
Rewrite = Callable[[keras.Model], AbstractContextManager[None]]


def traced(function: Callable[..., Any], **options: Any) -> Any:
    """`tf.function` without AutoGraph: control flow on tensors is written as operations.

    AutoGraph would rewrite each function and import the result from a file in the temporary
    folder, which outlives a process that is killed.
    """
    return tf.function(function, autograph=False, **options)


class CompiledSteps:
    """Runs any number of consecutive train steps and gives each one's metrics.

    With XLA, the loop over a block of batches is one computation whose trip count is an argument:
    one compilation serves every length of chunk. A last batch of another size takes the plain
    graph, since compiling XLA for one step an epoch costs more than it saves.
    """

    def __init__(
        self,
        model: keras.Model,
        source: BatchSource,
        batch_size: int,
        *,
        xla: bool | None = None,
    ) -> None:
        """`xla` None compiles the step with XLA where that is known to make the model faster."""
        if batch_size < 1:
            raise ValueError(f"a batch size of {batch_size}: it must be at least 1")
        self.uses_xla = suits_xla(model) if xla is None else xla
        self.batch_size = min(batch_size, source.image_count)
        self.full_batches = source.image_count // self.batch_size
        self._model = model
        self._source = source
        image_bytes = source.dtype.size * math.prod(source.image_shape) + 4 * source.class_count
        most = XLA_BLOCK_BYTES // (self.batch_size * image_bytes)
        self._block = max(1, min(self.full_batches, most))
        large = model.count_params() >= WEIGHTS_WORTH_COMPILING
        self._compile_update = large and not self.uses_xla
        self.names: list[str] = []
        images, labels = source.stack(np.zeros((1, 1), np.int32))
        # The step Keras's own fit takes first: makes metric and optimizer variables, moves nothing.
        model._symbolic_build(data_batch=(source.unit(images[0]), labels[0]))
        self._graph = traced(
            self._loop,
            input_signature=[
                tf.TensorSpec((None, None, *source.image_shape), source.dtype),
                tf.TensorSpec((None, None, source.class_count), tf.float32),
                tf.TensorSpec((), tf.int32),
            ],
        )
        self._compiled = traced(self._loop, jit_compile=True)
        self._gatherer = ThreadPoolExecutor(1, "gather")

    def trace(self) -> list[tf.Tensor]:
        """Trace the step without running it; the resources it reads or writes, as handles."""
        if self.uses_xla:
            shape = (self._block, self.batch_size)
            graph = self._compiled.get_concrete_function(
                tf.TensorSpec((*shape, *self._source.image_shape), self._source.dtype),
                tf.TensorSpec((*shape, self._source.class_count), tf.float32),
                tf.TensorSpec((), tf.int32),
            )
        else:
            graph = self._graph.get_concrete_function()
        return [tensor for tensor in graph.captured_inputs if tensor.dtype == tf.resource]

    def compile(self) -> None:
        """Compile by taking one step, which moves the model's state like any other."""
        self.run(np.zeros(self._source.image_count, np.int32), 0, 1)

    def run(self, order: IndexArray, first: int, count: int) -> npt.NDArray[np.float32]:
        """Steps `first` to `first + count` of an epoch's order: metrics, (count, metrics).

        The loss and the metrics of each row are the means over that step's own batch, taken
        before its update. Columns are named by `names`.
        """
        size, full = self.batch_size, self.full_batches
        last = min(first + count, full)
        results = []
        if first < last:
            batches = order[first * size : last * size].reshape(-1, size)
            results += self._run_compiled(batches) if self.uses_xla else [self._run_graph(batches)]
        if first + count > full:
            results.append(self._run_graph(order[full * size :].reshape(1, -1)))
        return np.concatenate(results)

    def _run_graph(self, batches: IndexArray) -> npt.NDArray[np.float32]:
        metrics: npt.NDArray[np.float32] = self._graph(
            *self._source.stack(batches), len(batches)
        ).numpy()
        return metrics

    def _run_compiled(self, batches: IndexArray) -> list[npt.NDArray[np.float32]]:
        """Block by block; while one is trained on, the next one is gathered."""
        results = []
        gathered = self._gatherer.submit(self._gather, batches[: self._block])
        for start in range(0, len(batches), self._block):
            count, stacked = gathered.result()
            rest = batches[start + count :]
            if len(rest):
                gathered = self._gatherer.submit(self._gather, rest[: self._block])
            results.append(self._compiled(*stacked, tf.constant(count)).numpy()[:count])
        return results

    def _gather(self, batches: IndexArray) -> tuple[int, tuple[tf.Tensor, tf.Tensor]]:
        """How many batches there are, and a whole block that begins with them."""
        missing = np.zeros((self._block - len(batches), self.batch_size), np.int32)
        return len(batches), self._source.stack(np.concatenate([batches, missing]))

    def _loop(self, images: tf.Tensor, labels: tf.Tensor, count: tf.Tensor) -> tf.Tensor:
        """The traced function: `count` steps over (K, B, ...) batches, (K, metrics) out."""

        def body(step: tf.Tensor, rows: tf.TensorArray) -> tuple[tf.Tensor, tf.TensorArray]:
            # From nothing at each step, the metrics are the batch's own. The caller sums them in
            # double precision, and knows at which step a loss stopped being finite.
            self._model.reset_metrics()
            rewrites: list[Rewrite] = [relu_gradient_behind_pooling]
            if not self.uses_xla:
                rewrites += [bias_gradients_apart, dense_gradients_in_turn]
            with self._update_compiled(), ExitStack() as stack:
                for rewrite in rewrites:
                    stack.enter_context(rewrite(self._model))
                batch = self._source.unit(images[step]), labels[step]
                metrics = self._model.train_step(batch)
            self.names = list(metrics)
            row = tf.stack([tf.cast(value, tf.float32) for value in metrics.values()])
            return step + 1, rows.write(step, row)

        size = tf.shape(images)[0] if images.shape[0] is None else images.shape[0]
        rows = tf.TensorArray(
            tf.float32, size=size, element_shape=(len(self._model.get_metrics_result()),)
        )
        _, rows = tf.while_loop(
            lambda step, _: step < count, body, (tf.constant(0), rows), parallel_iterations=1
        )
        return rows.stack()

    @contextmanager
    def _update_compiled(self) -> Iterator[None]:
        """While tracing, have the optimizer's update compiled by XLA, and it alone.

        Adam is a dozen passes over every weight as separate operations, one when fused.
        """
        if not self._compile_update:
            yield
            return
        optimizer: Any = self._model.optimizer
        apply, variables = optimizer.apply, self._model.trainable_variables

        def update(*gradients: tf.Tensor) -> None:
            pairs = zip(gradients, variables, strict=True)
            apply([tf.cast(gradient, variable.dtype) for gradient, variable in pairs], variables)

        compiled = traced(update, jit_compile=True)
        optimizer.apply = lambda gradients, _variables=None: compiled(*map(_uncast, gradients))
        try:
            yield
        finally:
            del optimizer.apply


def _uncast(gradient: tf.Tensor) -> tf.Tensor:
    """A gradient before it was made longer, which the compiled update does in passing."""
    is_longer = (
        gradient.op.type == "Cast" and gradient.op.inputs[0].dtype.size < gradient.dtype.size
    )
    return gradient.op.inputs[0] if is_longer else gradient


def suits_xla(model: keras.Model) -> bool:
    """Whether XLA makes the model faster: on a GPU any, on a CPU one of `XLA_LAYERS` alone."""
    return bool(gpus()) or all(type(layer) in XLA_LAYERS for layer in model.layers)


@dataclass(frozen=True)
class Gpu:
    """A GPU as TensorFlow sees it; `capability` is NVIDIA's compute capability."""

    name: str
    capability: tuple[int, int] | None = None

    @property
    def half_precision(self) -> str:
        """The format of 16 bits that it computes in hardware; empty where that is not known."""
        if self.capability is None:
            return ""
        return "bfloat16" if self.capability >= BFLOAT16_CAPABILITY else "float16"

    def __str__(self) -> str:
        if self.capability is None:
            return self.name
        return f"{self.name} (compute capability {self.capability[0]}.{self.capability[1]})"


@lru_cache(maxsize=1)
def gpus() -> tuple[Gpu, ...]:
    """The GPUs that TensorFlow can use, the one that trains first; none on a processor alone."""
    found = []
    for device in tf.config.list_physical_devices("GPU"):
        details = tf.config.experimental.get_device_details(device)
        name = details.get("device_name") or "GPU"
        found.append(Gpu(name, details.get("compute_capability")))
    return tuple(found)


def device_text() -> str:
    """`CPU`, or the GPU that trains by its name."""
    return f"GPU {gpus()[0].name}" if gpus() else "CPU"
