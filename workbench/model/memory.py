"""The memory a training needs, counted from the architecture.

Counted, as float32: the weights, what the optimizer keeps for each trainable weight, and every
layer's output for one batch. Not counted: gradients and scratch space, which come and go, the
images, and TensorFlow itself (some 500 MiB).
"""

from __future__ import annotations

from dataclasses import dataclass

from workbench.model.hyperparameters import SGD, Optimizer, RMSprop, TrainingSettings
from workbench.model.shapes import Analysis

BYTES = 4  # of a float32


@dataclass(frozen=True)
class MemoryNeed:
    """Bytes by what they are for."""

    weights: int
    optimizer: int
    activations: int
    batch_size: int

    @property
    def total(self) -> int:
        """All that is counted."""
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
        training.batch_size,
    )


def mebibytes(size: int) -> str:
    """Bytes in MiB: `53.1`, and without a fraction from a thousand on."""
    amount = size / 2**20
    return f"{amount:,.1f}" if amount < 999.95 else f"{amount:,.0f}"
