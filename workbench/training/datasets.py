"""The data set a spec names, loaded and checked against what the spec says of it, and where batches
come from: one held as tensors, or converted chunk by chunk.

Some data sets Keras fetches at first use and keeps in its own folder. No tf.data: while one of its
iterators lives in the process, oneDNN's kernels may run one thread at a time, and its per-step cost
is more than a whole step of a small model.
"""

from __future__ import annotations

import hashlib
import socket
import sys
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, redirect_stdout, suppress
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from math import prod
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import psutil
import tensorflow as tf
from filelock import FileLock

from workbench.data.arrays import held_out, to_unit_float
from workbench.data.catalogue import KERAS_FILES, KERAS_NAMES, NAMED, keras_folder, unknown_dataset
from workbench.data.facts import DatasetFacts
from workbench.data.npz import ArrayDataset, load_mnist, load_npz
from workbench.errors import DatasetError
from workbench.model.layers import shape_text
from workbench.model.spec import DatasetRef

FLOAT32_BYTES = 4
# What has to be placed there by hand, in words.
_BY_HAND = {
    "fashion_mnist": f"its four files ({', '.join(KERAS_FILES['fashion_mnist'])})",
    "cifar10": "cifar-10-python.tar.gz as cifar-10-batches-py-target_archive",
    "cifar100": "cifar-100-python.tar.gz as cifar-100-python-target_archive",
}
SILENCE_SECONDS = 60.0  # a server that says nothing for this long is taken for unreachable
IndexArray = npt.NDArray[np.int32]


def load_dataset(ref: DatasetRef, scratch: Path | None = None) -> ArrayDataset:
    """The arrays of a data set: training images (N, H, W, C) up to `ref.train_limit`.

    A file too large for memory is laid out in `scratch` (the system's temporary folder if None)
    and mapped; see `fits_memory`.

    Raises:
        DatasetError: it cannot be loaded, or is not what the spec was made for.
        EnvironmentProblem: the shipped MNIST is damaged, or `scratch` is full.
    """
    if ref.path is not None:
        dataset = load_npz(
            Path(ref.path),
            ref.train_limit,
            memory_map=not fits_memory(ref),
            scratch=scratch,
            max_pixel=ref.max_pixel,
            own_validation=ref.validation is not None and ref.validation.own,
        )
    elif ref.name == "mnist":
        dataset = load_mnist(ref.train_limit)
    elif ref.name in KERAS_NAMES:
        dataset = load_keras_dataset(ref.name, ref.train_limit)
    else:
        raise unknown_dataset(ref.name)
    _check(ref, dataset)
    return dataset


def fits_memory(ref: DatasetRef) -> bool:
    """Whether all images in use fit into free memory twice over as float32.

    Twice: once as the tensor the loop gathers from, once while it is being made.
    """
    own = ref.validation.images if ref.validation is not None and ref.validation.own else 0
    images = ref.read_images + ref.test_images + own
    needed = 2 * images * prod(ref.image_shape) * FLOAT32_BYTES
    return bool(needed <= psutil.virtual_memory().available)


def _check(ref: DatasetRef, dataset: ArrayDataset) -> None:
    found = (len(dataset.x_train), len(dataset.x_test))
    if ref.sha256 is not None and dataset.sha256 != ref.sha256:
        hashes = f"SHA-256 {ref.sha256[:12]}… then, {dataset.sha256[:12]}… now"
        fault = f"has changed since the run was planned ({hashes})"
    elif dataset.image_shape != ref.image_shape:
        images, planned = shape_text(dataset.image_shape), shape_text(ref.image_shape)
        fault = f"has images of {images}, and the run was planned for {planned}"
    elif dataset.classes != ref.classes:
        fault = f"has {dataset.classes} classes, and the run was planned for {ref.classes}"
    # A schedule is laid out over the planned steps, so the count is part of the experiment.
    elif found != (ref.read_images, ref.test_images):
        fault = (
            f"has {found[0]:,} training and {found[1]:,} test images, and the run was planned for "
            f"{ref.read_images:,} and {ref.test_images:,}"
        )
    else:
        return
    raise DatasetError(
        f"data set {ref.path or ref.name} {fault}; start a new run, or restore the data of the "
        "old one"
    )


def load_keras_dataset(name: str, train_limit: int | None = None) -> ArrayDataset:
    """One of `KERAS_NAMES`, images (N, H, W, C) uint8, the first `train_limit` for training.

    Raises:
        DatasetError: it is not on this machine and could not be fetched, or what is on this
            machine is damaged; the message says what failed and what to do.
    """
    facts = NAMED[name]
    folder = keras_folder()
    try:
        with _one_at_a_time(folder), _impatient_network(), redirect_stdout(sys.stderr):
            parts = getattr(keras.datasets, name).load_data()
    except MemoryError:
        raise
    # Keras raises bare Exception for a failed download, and a damaged file comes up as whatever
    # its unpacking hits (EOFError, zlib.error, ValueError).
    except Exception as error:
        raise _refusal(name, folder, error) from error
    return _arrays(facts, folder, parts, train_limit)


def _arrays(facts: DatasetFacts, folder: Path, parts: Any, limit: int | None) -> ArrayDataset:
    """The arrays of (images, labels) for training and for the test, as Keras gives them."""
    images, labels, digest = [], [], hashlib.sha256()
    height, width, channels = facts.image_shape
    for (x, y), count in zip(parts, (facts.train_images, facts.test_images), strict=True):
        # A keras.json that says channels_first turns CIFAR's axes around.
        if x.shape[1:] == (channels, height, width) != facts.image_shape:
            x = x.transpose(0, 2, 3, 1)
        x = np.ascontiguousarray(x.reshape(x.shape[0], *x.shape[1:3], -1))
        if x.shape != (count, *facts.image_shape):
            raise _refusal(facts.name, folder, ValueError(f"images of shape {x.shape}"))
        y = np.asarray(y).reshape(-1).astype(np.int64)
        if y.size != count or not 0 <= int(y.min()) <= int(y.max()) < facts.classes:
            raise _refusal(facts.name, folder, ValueError("labels that do not fit the images"))
        images.append(x)
        labels.append(y)
    for array in (*images, *labels):
        digest.update(array.data)
    keep = min(limit or facts.train_images, facts.train_images)
    return ArrayDataset(
        x_train=images[0][:keep],
        y_train=labels[0][:keep],
        x_test=images[1],
        y_test=labels[1],
        classes=facts.classes,
        image_shape=facts.image_shape,
        sha256=digest.hexdigest(),
        pixel_scale=255.0,
    )


def _refusal(name: str, folder: Path, error: Exception) -> DatasetError:
    reason = " ".join(str(error).split()) or type(error).__name__
    cached = [folder / file for file in KERAS_FILES[name]]
    if all(file.is_file() for file in cached):
        place = cached[0].parent if len(cached) > 1 else cached[0]
        return DatasetError(
            f'data set "{name}": what is in {place} cannot be used ({reason}); delete it, connect '
            "this machine and run again"
        )
    return DatasetError(
        f'data set "{name}" is not on this machine and could not be fetched ({reason}); connect '
        f"this machine once, or copy {_BY_HAND[name]} into {folder}, or pass an .npz file to "
        "--dataset"
    )


@contextmanager
def _one_at_a_time(folder: Path) -> Iterator[None]:
    """Keep two workers from fetching into one file: the second then finds it in place."""
    with ExitStack() as stack:
        with suppress(OSError):  # a read-only folder: nothing can be fetched into it anyway
            folder.mkdir(parents=True, exist_ok=True)
            stack.enter_context(FileLock(folder / ".mnist-workbench.lock"))
        yield


@contextmanager
def _impatient_network() -> Iterator[None]:
    """Let a connection that has gone silent fail: Keras itself waits for ever."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(SILENCE_SECONDS)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


class BatchSource(ABC):
    """Images and one-hot labels that can be drawn by index, many batches at a time.

    Images are drawn as they are kept, bytes where the data set has bytes: a quarter of what
    float32 would move. `unit` makes them what is trained on, within the compiled step.
    """

    def __init__(
        self, count: int, shape: tuple[int, ...], classes: int, dtype: tf.DType, scale: float
    ) -> None:
        """`shape` is that of one image, such as (28, 28, 1); bytes are divided by `scale`."""
        self.image_count, self.image_shape, self.class_count = count, shape, classes
        self.dtype, self.scale = dtype, scale
        # A number of the graph's own would be turned into its inverse, with other last digits.
        self._divisor = tf.constant(scale, tf.float32)

    @abstractmethod
    def stack(self, indices: IndexArray) -> tuple[tf.Tensor, tf.Tensor]:
        """K batches of B: images of `dtype` (K, B, *image_shape), float32 labels (K, B, C)."""

    def unit(self, images: tf.Tensor) -> tf.Tensor:
        """Images that were drawn, as float32 divided by 255 (Section 1 of the paper) or `scale`."""
        if images.dtype == tf.float32:
            return images
        return tf.cast(images, tf.float32) / self._divisor


def epoch_order(seed: int, epoch: int, image_count: int) -> IndexArray:
    """The order in which an epoch sees its images: (image_count,), a permutation.

    It depends on nothing but the arguments (`epoch` counts from 0), so that a resumed run draws
    the same batches as one that was never interrupted.
    """
    return np.random.default_rng([seed, epoch]).permutation(image_count).astype(np.int32)


class StreamingSource(BatchSource):
    """A data set left as it is, an array or a memory map: the slower path that needs no room.

    `images` is (N, ...) and divided by `scale`, `labels` is (N,) class numbers. What is not bytes
    is divided as it is drawn.
    """

    def __init__(
        self,
        images: npt.NDArray[Any],
        labels: npt.NDArray[Any],
        *,
        classes: int,
        scale: float = 255.0,
    ) -> None:
        dtype = tf.uint8 if images.dtype == np.uint8 else tf.float32
        super().__init__(len(images), images.shape[1:], classes, dtype, scale)
        self._images: Any = images
        self._labels: Any = np.zeros((len(labels), classes), np.float32)
        self._labels[np.arange(len(labels)), labels] = 1  # one-hot

    def stack(self, indices: IndexArray) -> tuple[tf.Tensor, tf.Tensor]:
        # Reading a memory map in ascending order turns scattered page reads into a forward sweep.
        flat = indices.reshape(-1)
        ascending = np.argsort(flat, kind="stable")
        drawn = np.empty((len(flat), *self.image_shape), self.dtype.as_numpy_dtype)
        drawn[ascending] = self._kept(self._images[flat[ascending]])
        images = drawn.reshape(*indices.shape, *self.image_shape)
        return tf.convert_to_tensor(images), tf.convert_to_tensor(self._labels[indices])

    def _kept(self, images: npt.NDArray[Any]) -> npt.NDArray[Any]:
        return images if self.dtype == tf.uint8 else to_unit_float(images, self.scale)


class InMemorySource(StreamingSource):
    """The same data set held as tensors, divided once if at all: the fast path, equal values."""

    def __init__(self, images: npt.NDArray[Any], labels: npt.NDArray[Any], **facts: Any) -> None:
        super().__init__(images, labels, **facts)
        self._images = tf.convert_to_tensor(self._kept(images))
        self._labels = tf.convert_to_tensor(self._labels)

    def stack(self, indices: IndexArray) -> tuple[tf.Tensor, tf.Tensor]:
        where = tf.constant(indices)
        return tf.gather(self._images, where), tf.gather(self._labels, where)


class Subset(BatchSource):
    """Some images of another source, by their places there; none of them is copied."""

    def __init__(self, source: BatchSource, places: IndexArray) -> None:
        super().__init__(
            len(places), source.image_shape, source.class_count, source.dtype, source.scale
        )
        self._source = source
        self._places = places

    def stack(self, indices: IndexArray) -> tuple[tf.Tensor, tf.Tensor]:
        return self._source.stack(self._places[indices])


def choose_source(
    images: npt.NDArray[Any], labels: npt.NDArray[Any], *, classes: int, scale: float = 255.0
) -> StreamingSource:
    """The in-memory source where what it keeps fits into free memory twice over.

    Twice, since it is made beside the array, and the model needs room as well.
    """
    kept = images.size * (1 if images.dtype == np.uint8 else FLOAT32_BYTES)
    needed = 2 * (kept + len(images) * classes * FLOAT32_BYTES)
    fits = needed <= psutil.virtual_memory().available
    return (InMemorySource if fits else StreamingSource)(
        images, labels, classes=classes, scale=scale
    )


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
    source = partial(choose_source, classes=data.classes, scale=data.pixel_scale)
    train, test = source(data.x_train, data.y_train), source(data.x_test, data.y_test)
    own = None
    if data.x_val is not None and data.y_val is not None:
        own = source(data.x_val, data.y_val)
    return Sources(train, test, data.sha256, data.y_train, own)
