"""A user's own data set: an `.npz` with x_train, y_train, x_test and y_test."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from workbench.data.arrays import ArrayDataset
from workbench.data.facts import DatasetFacts
from workbench.data.image_store import ImageStore, MappedStore, MemoryStore
from workbench.data.labels import read_labels
from workbench.data.npz_archive import ArrayHeader, NpzArchive
from workbench.data.pixels import image_header, image_shape, pixel_scale, stream_pixels, usual_scale
from workbench.files import typed_path


@dataclass(frozen=True, eq=False)
class _Contents:
    train: ArrayHeader
    test: ArrayHeader
    y_train: NDArray[np.int64]
    y_test: NDArray[np.int64]
    classes: int
    pixel_scale: float
    max_pixel: float | None
    sha256: str


def inspect_npz(path: Path, max_pixel: float | None = None) -> DatasetFacts:
    """Look through a whole file, holding some megabytes of it at a time.

    Images are (N, H, W) or (N, H, W, C) with pixels of 0 to 255, 0 to 1 or 0 to `max_pixel`,
    labels (N,) or (N, 1) whole numbers from 0, or one-hot (N, K).

    Raises:
        DatasetError: the first fault, with file, key and what to do.
    """
    path = typed_path(path)
    with NpzArchive(path) as archive:
        contents = _look_through(archive, None, None, max_pixel)
    counts = np.bincount(contents.y_train, minlength=contents.classes)
    return DatasetFacts(
        name=path.name,
        path=str(path),
        sha256=contents.sha256,
        image_shape=image_shape(contents.train),
        classes=contents.classes,
        train_images=contents.train.shape[0],
        test_images=contents.test.shape[0],
        empty_classes=tuple(np.flatnonzero(counts == 0).tolist()),
        max_pixel=contents.max_pixel,
    )


def load_npz(
    path: Path,
    train_limit: int | None = None,
    memory_map: bool = False,
    scratch: Path | None = None,
    max_pixel: float | None = None,
) -> ArrayDataset:
    """The arrays of a file, checked as `inspect_npz` does; the first `train_limit` for training.

    Classes and pixel scale are those of the whole file, whatever the limit. With `memory_map`
    the images lie in unnamed temporary files in `scratch` (the system's own folder if None),
    mapped read-only, and go when the process ends.

    Raises:
        DatasetError: the first fault, with file, key and what to do.
        EnvironmentProblem: `scratch` cannot hold the images.
    """
    path = typed_path(path)

    def make(header: ArrayHeader, keep: int) -> ImageStore:
        return MappedStore(header, keep, scratch) if memory_map else MemoryStore(header, keep)

    with NpzArchive(path) as archive:
        train = image_header(archive, "x_train")
        test = image_header(archive, "x_test")
        keep = min(train.shape[0], train_limit or train.shape[0])
        train_store, test_store = make(train, keep), make(test, test.shape[0])
        contents = _look_through(archive, train_store, test_store, max_pixel)
    shape = image_shape(train)
    return ArrayDataset(
        x_train=train_store.array().reshape(-1, *shape),
        y_train=contents.y_train[:keep],
        x_test=test_store.array().reshape(-1, *shape),
        y_test=contents.y_test,
        classes=contents.classes,
        image_shape=shape,
        sha256=contents.sha256,
        pixel_scale=contents.pixel_scale,
    )


def _look_through(
    archive: NpzArchive,
    train_store: ImageStore | None,
    test_store: ImageStore | None,
    max_pixel: float | None,
) -> _Contents:
    train = image_header(archive, "x_train")
    test = image_header(archive, "x_test")
    if image_shape(train) != image_shape(test):
        raise archive.fault(
            f"x_train has images of {_size(train)} and x_test of {_size(test)}; "
            "save both in one size"
        )
    # Labels first: they are small, and a fault in them is found before the long look at pixels.
    y_train, train_columns = read_labels(archive, "y_train", "x_train", train.shape[0])
    y_test, test_columns = read_labels(archive, "y_test", "x_test", test.shape[0])
    classes = _classes(archive, y_train, train_columns, y_test, test_columns)
    highest = (
        stream_pixels(archive, train, train_store, max_pixel),
        stream_pixels(archive, test, test_store, max_pixel),
    )
    scale = usual_scale(max(highest))
    return _Contents(
        train=train,
        test=test,
        y_train=y_train,
        y_test=y_test,
        classes=classes,
        pixel_scale=max_pixel or pixel_scale(archive, train, highest),
        # Naming what is usual changes nothing: the same training as without it.
        max_pixel=None if max_pixel == scale else max_pixel,
        sha256=archive.sha256(),
    )


def _classes(
    archive: NpzArchive,
    y_train: NDArray[np.int64],
    train_columns: int | None,
    y_test: NDArray[np.int64],
    test_columns: int | None,
) -> int:
    """How many classes: the one-hot columns of training, or its largest label + 1."""
    classes = train_columns or int(y_train.max()) + 1
    if classes < 2:
        raise archive.fault("holds only the label 0; two classes at least are needed", "y_train")
    if test_columns is not None and test_columns != classes:
        raise archive.fault(
            f"has {test_columns} columns and training {classes} classes; save both alike", "y_test"
        )
    beyond = np.flatnonzero(y_test >= classes)
    if beyond.size:
        raise archive.fault(
            f"holds the label {y_test[beyond[0]]} at [{beyond[0]}], and training only 0 to "
            f"{classes - 1}; give every class training images or leave it out",
            "y_test",
        )
    return classes


def _size(header: ArrayHeader) -> str:
    return "×".join(str(side) for side in image_shape(header))
