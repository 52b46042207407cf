"""The memory a training needs, counted from the architecture.

Counted, as float32: the weights, what the optimizer keeps for each trainable weight, and every
layer's output for one batch; at the peak of a step also the gradients and the labels of all
images. Not counted: scratch space, TensorFlow itself (some 500 MiB), and the images, which stay
on disk where memory cannot hold them.
"""

from __future__ import annotations

from dataclasses import dataclass

from workbench.model.architecture import Analysis, analyse
from workbench.model.hyperparameters import SGD, Optimizer, RMSprop, TrainingSettings
from workbench.model.spec import TrainingSpec

BYTES = 4  # of a float32


@dataclass(frozen=True)
class MemoryNeed:
    """Bytes by what they are for."""

    weights: int
    optimizer: int
    activations: int
    gradients: int
    batch_size: int

    @property
    def total(self) -> int:
        """Weights, optimizer and outputs together."""
        return self.weights + self.optimizer + self.activations


def optimizer_slots(optimizer: Optimizer) -> int:
    """How many numbers an optimizer keeps for each trainable weight, as Keras makes them."""
    match optimizer:
        case SGD():
            return 1 if optimizer.momentum else 0
        case RMSprop():
            return 2 if optimizer.momentum else 1
    return 2  # the two moments of Adam and its kin


def memory_need(analysis: Analysis, training: TrainingSettings) -> MemoryNeed:
    """The memory of the layers that fit, trained with these settings."""
    return MemoryNeed(
        BYTES * analysis.parameters,
        BYTES * analysis.trainable * optimizer_slots(training.optimizer),
        BYTES * analysis.activations * training.batch_size,
        BYTES * analysis.trainable,
        training.batch_size,
    )


def memory_shortage(spec: TrainingSpec, available: int) -> str | None:
    """Why `available` bytes cannot hold a training, with both numbers; None where they can."""
    images = spec.dataset.read_images + spec.dataset.test_images
    batch = min(spec.training.batch_size, spec.dataset.images)
    analysis = analyse(spec.architecture)
    need = memory_need(analysis, spec.training.model_copy(update={"batch_size": batch}))
    # In 16 bits the layers put out values of half the size.
    outputs = need.activations // (1 if spec.precision == "float32" else 2)
    labels = BYTES * images * spec.dataset.classes
    peak = need.weights + need.gradients + need.optimizer + outputs + labels
    if peak <= available:
        return None
    remedy = "fewer units or filters"
    if outputs > need.weights + need.gradients + need.optimizer:
        remedy = "a smaller batch"
    return (
        f"memory: {spec.preset} needs {mebibytes(peak)} MiB (weights {mebibytes(need.weights)}, "
        f"gradients {mebibytes(need.gradients)}, optimizer {mebibytes(need.optimizer)}, outputs "
        f"of a batch of {batch:,} {mebibytes(outputs)}, labels {mebibytes(labels)}) and there "
        f"are {mebibytes(available)} MiB here; use {remedy}"
    )


def mebibytes(size: int) -> str:
    """Bytes in MiB: `53.1`, and without a fraction from a thousand on."""
    amount = size / 2**20
    return f"{amount:,.1f}" if amount < 999.95 else f"{amount:,.0f}"
