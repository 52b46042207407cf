"""Loss, accuracy and confusion matrix of a model on a data set."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from workbench.predictions.of_run import Predictions, keeps_probabilities
from workbench.training.compiled_steps import traced
from workbench.training.datasets import BatchSource

LARGEST_BATCH = 1000
# About 64 MB of float32 activations: enough to keep the cores busy, little beside the training's
# own memory, and some 0.1 s of CNN model 2, so that a stop is answered in time.
ACTIVATIONS_A_CALL = 16 * 1024 * 1024


@dataclass(frozen=True, eq=False)
class Evaluation(Predictions):
    """What a model answers for the N images of a data set, and what it scores.

    `loss` is the mean over images, regularization included, as Keras reports it.
    """

    loss: float

    @property
    def confusion(self) -> npt.NDArray[np.int64]:
        """`confusion[i, j]` is the number of images of class i taken for class j."""
        cells = self.truth.astype(np.int64) * self.classes + self.predicted
        counts = np.bincount(cells, minlength=self.classes**2)
        return counts.reshape(self.classes, self.classes).astype(np.int64)


class Evaluator:
    """Evaluates one model on one source, as often as asked, with one compilation.

    Equal to `model.evaluate` on the same images up to rounding. Between batches it asks
    `should_stop`.
    """

    def __init__(self, model: keras.Model, source: BatchSource, dataset_sha256: str = "") -> None:
        self._model = model
        self._sha256 = dataset_sha256
        self._source = source
        self._batch_size = batch_size_for(model)
        self._batch_function = traced(
            self._one_batch,
            input_signature=[
                tf.TensorSpec((None, *source.image_shape), source.dtype),
                tf.TensorSpec((None, source.class_count), tf.float32),
            ],
        )

    def evaluate(self, should_stop: Callable[[], bool] | None = None) -> Evaluation | None:
        """The model's evaluation as it stands, or None if `should_stop` said so on the way."""
        count, classes = self._source.image_count, self._source.class_count
        truth, predicted = np.empty(count, np.uint16), np.empty(count, np.uint16)
        confidence = np.empty(count, np.float16)
        keeps = keeps_probabilities(count, classes)
        probabilities = np.empty((count, classes), np.float16) if keeps else None
        losses: list[float] = []
        for start in range(0, count, self._batch_size):
            if should_stop is not None and should_stop():
                return None
            part = slice(start, min(start + self._batch_size, count))
            images, labels = self._source.stack(
                np.arange(part.start, part.stop, dtype=np.int32)[None]
            )
            loss, answers = self._batch_function(images[0], labels[0])
            losses.append(float(loss) * (part.stop - part.start))
            found = answers.numpy()
            truth[part] = labels[0].numpy().argmax(axis=1)
            predicted[part] = found.argmax(axis=1)
            confidence[part] = found.max(axis=1)
            if probabilities is not None:
                probabilities[part] = found
        loss = math.fsum(losses) / count if np.isfinite(losses).all() else math.nan
        return Evaluation(truth, predicted, confidence, probabilities, classes, self._sha256, loss)

    def _one_batch(self, images: tf.Tensor, labels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        images = self._source.unit(images)
        # `test_step` keeps its predictions to itself, and they are what is looked at later.
        predicted = self._model(images, training=False)
        loss = self._model.compute_loss(x=images, y=labels, y_pred=predicted, training=False)
        return tf.cast(loss, tf.float32), tf.cast(predicted, tf.float32)


def batch_size_for(model: keras.Model) -> int:
    """Images a call for this model: as many as keep the activations of one call small."""
    activations = sum(
        math.prod(int(size) for size in layer.output.shape[1:]) for layer in model.layers
    )
    return max(1, min(LARGEST_BATCH, ACTIVATIONS_A_CALL // max(1, activations)))
