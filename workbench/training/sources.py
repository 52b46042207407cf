"""Where batches come from: a data set held as tensors, or one converted chunk by chunk.

No tf.data: while one of its iterators lives in the process, oneDNN's kernels may run one thread
at a time, and its per-step cost is more than a whole step of a small model.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import psutil
import tensorflow as tf

from workbench.data.arrays import held_out
from workbench.model.spec import DatasetRef
from workbench.training.datasets import load_dataset

IndexArray = npt.NDArray[np.int32]


class BatchSource(ABC):
    """Images and one-hot labels that can be drawn by index, many batches at a time."""

    def __init__(self, count: int, shape: tuple[int, ...], classes: int) -> None:
        """`shape` is that of one image, such as (28, 28, 1)."""
        self.image_count, self.image_shape, self.class_count = count, shape, classes

    @abstractmethod
    def stack(self, indices: IndexArray) -> tuple[tf.Tensor, tf.Tensor]:
        """K batches of B images as float32 tensors: (K, B, *image_shape) and (K, B, classes)."""


def epoch_order(seed: int, epoch: int, image_count: int) -> IndexArray:
    """The order in which an epoch sees its images: (image_count,), a permutation.

    It depends on nothing but the arguments (`epoch` counts from 0), so that a resumed run draws
    the same batches as one that was never interrupted.
    """
    return np.random.default_rng([seed, epoch]).permutation(image_count).astype(np.int32)


class StreamingSource(BatchSource):
    """A data set left as it is, an array or a memory map: the slower path that needs no room.

    `images` is (N, ...) and divided by `scale`, `labels` is (N,) class numbers. Only the images
    of one `stack` are held as float32 at a time.
    """

    def __init__(
        self,
        images: npt.NDArray[Any],
        labels: npt.NDArray[Any],
        *,
        classes: int,
        scale: float = 255.0,
    ) -> None:
        super().__init__(len(images), images.shape[1:], classes)
        self._scale = scale
        self._images: Any = images
        self._labels: Any = np.zeros((len(labels), classes), np.float32)
        self._labels[np.arange(len(labels)), labels] = 1  # one-hot

    def stack(self, indices: IndexArray) -> tuple[tf.Tensor, tf.Tensor]:
        # Reading a memory map in ascending order turns scattered page reads into a forward sweep.
        flat = indices.reshape(-1)
        ascending = np.argsort(flat, kind="stable")
        drawn = np.empty((len(flat), *self.image_shape), np.float32)
        drawn[ascending] = to_unit_float(self._images[flat[ascending]], self._scale)
        images = drawn.reshape(*indices.shape, *self.image_shape)
        return tf.convert_to_tensor(images), tf.convert_to_tensor(self._labels[indices])


class InMemorySource(StreamingSource):
    """The same data set converted once and held as tensors: the fast path, with equal values."""

    def __init__(
        self,
        images: npt.NDArray[Any],
        labels: npt.NDArray[Any],
        *,
        classes: int,
        scale: float = 255.0,
    ) -> None:
        super().__init__(images, labels, classes=classes, scale=scale)
        self._images = tf.convert_to_tensor(to_unit_float(images, scale))
        self._labels = tf.convert_to_tensor(self._labels)

    def stack(self, indices: IndexArray) -> tuple[tf.Tensor, tf.Tensor]:
        where = tf.constant(indices)
        return tf.gather(self._images, where), tf.gather(self._labels, where)


class Subset(BatchSource):
    """Some images of another source, by their places there; none of them is copied."""

    def __init__(self, source: BatchSource, places: IndexArray) -> None:
        super().__init__(len(places), source.image_shape, source.class_count)
        self._source = source
        self._places = places

    def stack(self, indices: IndexArray) -> tuple[tf.Tensor, tf.Tensor]:
        return self._source.stack(self._places[indices])


def choose_source(
    images: npt.NDArray[Any], labels: npt.NDArray[Any], *, classes: int, scale: float = 255.0
) -> StreamingSource:
    """The in-memory source where its float32 copy fits into free memory twice over.

    Twice, since the copy is made beside the tensor, and the model needs room as well.
    """
    needed = 2 * 4 * (images.size + len(images) * classes)
    fits = needed <= psutil.virtual_memory().available
    return (InMemorySource if fits else StreamingSource)(
        images, labels, classes=classes, scale=scale
    )


def to_unit_float(images: npt.NDArray[Any], scale: float) -> npt.NDArray[np.float32]:
    """Images as float32, divided by `scale`: 255 for the paper's pixels (Section 1)."""
    if scale == 1.0:
        return np.ascontiguousarray(images, dtype=np.float32)
    # Divided in float32 from the start where the pixels are no finer: a float64 intermediate
    # would double the peak memory.
    exact = images.dtype if images.dtype == np.float64 else np.float32
    unit: npt.NDArray[np.float32] = np.divide(images, scale, dtype=exact).astype(
        np.float32, copy=False
    )
    return unit


@dataclass(frozen=True)
class Sources:
    """A data set's images as sources of batches; `sha256` is that of the data set."""

    train: BatchSource
    test: BatchSource
    sha256: str
    labels: npt.NDArray[np.int64]  # of training, (N,)
    validation: BatchSource | None = None

    def holding_out(self, images: int, seed: int) -> Sources:
        """The same with some training images kept for validation; see `held_out`."""
        kept = held_out(self.labels, images, seed)
        rest = np.setdiff1d(np.arange(len(self.labels), dtype=np.int32), kept)
        return replace(self, train=Subset(self.train, rest), validation=Subset(self.train, kept))


def load_sources(ref: DatasetRef, scratch: Path | None = None) -> Sources:
    """The sources of a data set; those of the last named one are kept.

    Keeping them is for the standby worker, which reads MNIST before it is given a run. A file
    of the user's is read anew each time, since it may have changed.

    Raises:
        DatasetError: it cannot be loaded, or is not what the spec was made for.
        EnvironmentProblem: the shipped MNIST is damaged, or `scratch` is full.
    """
    split = ref.validation if ref.held_out else None
    # What is held out is a view of the whole, so that other splits of it need no reading.
    whole = ref if split is None else ref.model_copy(update={"validation": None})
    sources = _named(whole) if ref.path is None else _load(whole, scratch)
    return sources if split is None else sources.holding_out(split.images, split.seed)


@lru_cache(maxsize=1)
def _named(ref: DatasetRef) -> Sources:
    return _load(ref, None)


def _load(ref: DatasetRef, scratch: Path | None) -> Sources:
    data = load_dataset(ref, scratch)

    def source(images: npt.NDArray[Any], labels: npt.NDArray[Any]) -> BatchSource:
        return choose_source(images, labels, classes=data.classes, scale=data.pixel_scale)

    train, test = source(data.x_train, data.y_train), source(data.x_test, data.y_test)
    own = None
    if data.x_val is not None and data.y_val is not None:
        own = source(data.x_val, data.y_val)
    return Sources(train, test, data.sha256, data.y_train, own)
