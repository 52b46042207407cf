"""The data set a spec names, loaded and checked against what the spec says of it.

Some Keras fetches at first use and keeps in its own folder.
"""

from __future__ import annotations

import hashlib
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from filelock import FileLock

from workbench.data.catalogue import KERAS_NAMES, NAMED, DatasetFacts, unknown_dataset
from workbench.data.npz import ArrayDataset, load_mnist, load_npz
from workbench.errors import DatasetError
from workbench.model.layers import shape_text
from workbench.model.spec import DatasetRef

FLOAT32_BYTES = 4
# Where Keras looks, below its `datasets` folder, before it fetches.
CACHED_FILES: dict[str, tuple[str, ...]] = {
    "fashion_mnist": (
        "fashion-mnist/train-labels-idx1-ubyte.gz",
        "fashion-mnist/train-images-idx3-ubyte.gz",
        "fashion-mnist/t10k-labels-idx1-ubyte.gz",
        "fashion-mnist/t10k-images-idx3-ubyte.gz",
    ),
    "cifar10": ("cifar-10-batches-py-target_archive",),
    "cifar100": ("cifar-100-python-target_archive",),
}
# What has to be placed there by hand, in words.
_BY_HAND = {
    "fashion_mnist": f"its four files ({', '.join(CACHED_FILES['fashion_mnist'])})",
    "cifar10": "cifar-10-python.tar.gz as cifar-10-batches-py-target_archive",
    "cifar100": "cifar-100-python.tar.gz as cifar-100-python-target_archive",
}
SILENCE_SECONDS = 60.0  # a server that says nothing for this long is taken for unreachable


def load_dataset(ref: DatasetRef, scratch: Path | None = None) -> ArrayDataset:
    """The arrays of a data set: training images (N, H, W, C) up to `ref.train_limit`.

    A file too large for memory is laid out in `scratch` (the system's temporary folder if None)
    and mapped; see `fits_memory`.

    Raises:
        DatasetError: it cannot be loaded, or is not what the spec was made for.
        EnvironmentProblem: the shipped MNIST is damaged, or `scratch` is full.
    """
    dataset = _load(ref, scratch)
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


def _load(ref: DatasetRef, scratch: Path | None) -> ArrayDataset:
    if ref.path is not None:
        return load_npz(
            Path(ref.path),
            ref.train_limit,
            memory_map=not fits_memory(ref),
            scratch=scratch,
            max_pixel=ref.max_pixel,
            own_validation=ref.validation is not None and ref.validation.own,
        )
    if ref.name == "mnist":
        return load_mnist(ref.train_limit)
    if ref.name in KERAS_NAMES:
        return load_keras_dataset(ref.name, ref.train_limit)
    raise unknown_dataset(ref.name)


def _check(ref: DatasetRef, dataset: ArrayDataset) -> None:
    what = f"data set {ref.path or ref.name}"
    remedy = "start a new run, or restore the data of the old one"
    if ref.sha256 is not None and dataset.sha256 != ref.sha256:
        raise DatasetError(
            f"{what} has changed since the run was planned (SHA-256 {ref.sha256[:12]}… then, "
            f"{dataset.sha256[:12]}… now); {remedy}"
        )
    if dataset.image_shape != ref.image_shape:
        raise DatasetError(
            f"{what} has images of {shape_text(dataset.image_shape)}, and the run was planned "
            f"for {shape_text(ref.image_shape)}; {remedy}"
        )
    if dataset.classes != ref.classes:
        raise DatasetError(
            f"{what} has {dataset.classes} classes, and the run was planned for {ref.classes}; "
            f"{remedy}"
        )
    # A schedule is laid out over the planned steps, so the count is part of the experiment.
    found = (len(dataset.x_train), len(dataset.x_test))
    if found != (ref.read_images, ref.test_images):
        raise DatasetError(
            f"{what} has {found[0]:,} training and {found[1]:,} test images, and the run was "
            f"planned for {ref.read_images:,} and {ref.test_images:,}; {remedy}"
        )


def load_keras_dataset(name: str, train_limit: int | None = None) -> ArrayDataset:
    """One of `KERAS_NAMES`, images (N, H, W, C) uint8, the first `train_limit` for training.

    Raises:
        DatasetError: it is not on this machine and could not be fetched, or what is on this
            machine is damaged; the message says what failed and what to do.
    """
    import keras  # which takes seconds, and the other data sets do without it

    facts = NAMED[name]
    folder = cache_folder()
    try:
        with _one_at_a_time(folder), _impatient_network(), redirect_stdout(sys.stderr):
            (x_train, y_train), (x_test, y_test) = getattr(keras.datasets, name).load_data()
    except MemoryError:
        raise
    # Keras raises bare Exception for a failed download, and a damaged file comes up as whatever
    # its unpacking hits (EOFError, zlib.error, ValueError).
    except Exception as error:
        raise _refusal(name, folder, error) from error
    return _arrays(facts, folder, (x_train, y_train, x_test, y_test), train_limit)


def cache_folder() -> Path:
    home = Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras").expanduser()
    if not os.access(home, os.W_OK):
        home = Path("/tmp/.keras")  # where Keras itself falls back to
    return home / "datasets"


def _arrays(
    facts: DatasetFacts, folder: Path, parts: tuple[Any, Any, Any, Any], limit: int | None
) -> ArrayDataset:
    x_train, y_train, x_test, y_test = parts
    images, digest = [], hashlib.sha256()
    for x, count in ((x_train, facts.train_images), (x_test, facts.test_images)):
        height, width, channels = facts.image_shape
        # A keras.json that says channels_first turns CIFAR's axes around.
        if x.shape[1:] == (channels, height, width) != facts.image_shape:
            x = x.transpose(0, 2, 3, 1)
        x = np.ascontiguousarray(x.reshape(x.shape[0], *x.shape[1:3], -1))
        if x.shape != (count, *facts.image_shape):
            raise _refusal(facts.name, folder, ValueError(f"images of shape {x.shape}"))
        images.append(x)
        digest.update(x.data)
    labels = [np.asarray(y).reshape(-1).astype(np.int64) for y in (y_train, y_test)]
    for y, x in zip(labels, images, strict=True):
        if y.size != x.shape[0] or not 0 <= int(y.min()) <= int(y.max()) < facts.classes:
            raise _refusal(facts.name, folder, ValueError("labels that do not fit the images"))
        digest.update(y.data)
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
    cached = [folder / file for file in CACHED_FILES[name]]
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
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / ".mnist-workbench.lock")
        lock.acquire()
    except OSError:  # a read-only folder: nothing can be fetched into it anyway
        yield
        return
    try:
        yield
    finally:
        lock.release()


@contextmanager
def _impatient_network() -> Iterator[None]:
    """Let a connection that has gone silent fail: Keras itself waits for ever."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(SILENCE_SECONDS)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
