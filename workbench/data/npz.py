"""Data sets in `.npz` files, with x_train, y_train, x_test and y_test: a user's own, and MNIST.

Arrays are as the file holds them: not yet scaled, not yet one-hot.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.data.arrays import (
    ImageStore,
    MappedStore,
    MemoryStore,
    image_header,
    image_shape,
    pixel_scale,
    read_labels,
    stream_pixels,
    usual_scale,
)
from workbench.data.facts import MNIST_SHA256, DatasetFacts
from workbench.data.npz_archive import ArrayHeader, NpzArchive
from workbench.errors import DatasetError, EnvironmentProblem
from workbench.files import typed_path
from workbench.settings import MNIST_FILE


@dataclass(frozen=True, eq=False)
class ArrayDataset:
    """Images and labels for training and test, and the file's own for validation.

    Section 1 of the paper divides pixels by 255 and one-hot encodes labels; `pixel_scale` is
    that divisor, 1 where the pixels lie within 0 to 1 already, or what the user named. Who
    trains applies both.
    """

    x_train: NDArray[Any]  # (N, H, W, C), bool, integer or float as stored, native byte order
    y_train: NDArray[np.int64]  # (N,), 0 to classes − 1
    x_test: NDArray[Any]  # (M, H, W, C)
    y_test: NDArray[np.int64]  # (M,)
    classes: int
    image_shape: tuple[int, int, int]  # height, width, channels
    sha256: str  # of the file, or of the arrays' bytes where Keras brought them
    pixel_scale: float  # what pixels are divided by
    x_val: NDArray[Any] | None = None  # (V, H, W, C), where the file's own were asked for
    y_val: NDArray[np.int64] | None = None  # (V,)


@dataclass(frozen=True, eq=False)
class _Contents:
    labels: dict[str, NDArray[np.int64]]  # by role: train, test and, where asked for, val
    classes: int
    pixel_scale: float
    max_pixel: float | None
    sha256: str


def inspect_npz(
    path: Path, max_pixel: float | None = None, *, own_validation: bool = False
) -> DatasetFacts:
    """Look through a whole file, holding some megabytes of it at a time.

    Images are (N, H, W) or (N, H, W, C) with pixels of 0 to 255, 0 to 1 or 0 to `max_pixel`,
    labels (N,) or (N, 1) whole numbers from 0, or one-hot (N, K). Its x_val and y_val are looked
    at with `own_validation`, which has to find them.

    Raises:
        DatasetError: the first fault, with file, key and what to do.
    """
    path = typed_path(path)
    with NpzArchive(path) as archive:
        try:
            str(path).encode()
        except UnicodeEncodeError as error:  # no run could keep where its images are
            raise archive.fault("has a path that is no Unicode; rename it") from error
        headers = _headers(archive, own_validation)
        contents = _look_through(archive, headers, {}, max_pixel)
    counts = np.bincount(contents.labels["train"], minlength=contents.classes)
    return DatasetFacts(
        name=path.name,
        path=str(path),
        sha256=contents.sha256,
        image_shape=image_shape(headers["train"]),
        classes=contents.classes,
        train_images=len(contents.labels["train"]),
        test_images=len(contents.labels["test"]),
        empty_classes=tuple(np.flatnonzero(counts == 0).tolist()),
        validation_images=len(contents.labels.get("val", ())),
        max_pixel=contents.max_pixel,
    )


def load_npz(
    path: Path,
    train_limit: int | None = None,
    memory_map: bool = False,
    scratch: Path | None = None,
    max_pixel: float | None = None,
    *,
    own_validation: bool = False,
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
    with NpzArchive(path) as archive:
        headers = _headers(archive, own_validation)
        kept = {role: header.shape[0] for role, header in headers.items()}
        kept["train"] = min(kept["train"], train_limit or kept["train"])
        stores: dict[str, ImageStore] = {
            role: MappedStore(header, kept[role], scratch)
            if memory_map
            else MemoryStore(header, kept[role])
            for role, header in headers.items()
        }
        contents = _look_through(archive, headers, stores, max_pixel)
    shape = image_shape(headers["train"])
    arrays = {role: store.array().reshape(-1, *shape) for role, store in stores.items()}
    return ArrayDataset(
        x_train=arrays["train"],
        y_train=contents.labels["train"][: kept["train"]],
        x_test=arrays["test"],
        y_test=contents.labels["test"],
        classes=contents.classes,
        image_shape=shape,
        sha256=contents.sha256,
        pixel_scale=contents.pixel_scale,
        x_val=arrays.get("val"),
        y_val=contents.labels.get("val"),
    )


def load_mnist(train_limit: int | None = None) -> ArrayDataset:
    """The 60,000 training images, or the first `train_limit`, and the 10,000 test images.

    Images are (N, 28, 28, 1) uint8, labels (N,) int64 (Section 1 of the paper).

    Raises:
        EnvironmentProblem: the shipped file is missing or is not the one that was shipped.
    """
    ahead = _ahead.pop(train_limit, None)
    return _read_mnist(train_limit) if ahead is None else ahead.result()


def _read_mnist(train_limit: int | None) -> ArrayDataset:
    found = "another checksum"
    try:
        dataset = load_npz(MNIST_FILE, train_limit)
        if dataset.sha256 == MNIST_SHA256:
            return dataset
    except DatasetError as error:
        found = str(error).removeprefix(f"data set {MNIST_FILE}: ")
    what = f"is not the one shipped ({found})" if MNIST_FILE.is_file() else "is missing"
    raise EnvironmentProblem(
        f"the MNIST file {MNIST_FILE} {what}; install mnist-workbench again "
        "(pip install --force-reinstall --no-deps mnist-workbench)"
    )


_ahead: dict[int | None, Future[ArrayDataset]] = {}


def read_mnist_ahead(train_limit: int | None) -> None:
    """Begin to read MNIST in a thread, for the next `load_mnist`."""
    pool = ThreadPoolExecutor(1)
    _ahead[train_limit] = pool.submit(_read_mnist, train_limit)
    pool.shutdown(wait=False)


def _headers(archive: NpzArchive, own_validation: bool) -> dict[str, ArrayHeader]:
    """The headers of the images, by role."""
    if own_validation:
        archive.require("x_val", "y_val")
    roles = ("train", "test", "val") if own_validation else ("train", "test")
    headers = {role: image_header(archive, f"x_{role}") for role in roles}
    train = headers["train"]
    for header in headers.values():
        if image_shape(header) != image_shape(train):
            raise archive.fault(
                f"x_train has images of {_size(train)} and {header.key} of {_size(header)}; "
                "save both in one size"
            )
    return headers


def _look_through(
    archive: NpzArchive,
    headers: Mapping[str, ArrayHeader],
    stores: Mapping[str, ImageStore],
    max_pixel: float | None,
) -> _Contents:
    # Labels first: they are small, and a fault in them is found before the long look at pixels.
    read = {
        role: read_labels(archive, f"y_{role}", f"x_{role}", header.shape[0])
        for role, header in headers.items()
    }
    y_train, columns = read["train"]
    classes = columns or int(y_train.max()) + 1
    if classes < 2:
        raise archive.fault("holds only the label 0; two classes at least are needed", "y_train")
    for role, (labels, own_columns) in read.items():
        _check_labels(archive, f"y_{role}", labels, own_columns, classes)
    highest = {
        header.key: stream_pixels(archive, header, stores.get(role), max_pixel)
        for role, header in headers.items()
    }
    scale = usual_scale(max(highest.values()))
    return _Contents(
        labels={role: labels for role, (labels, _) in read.items()},
        classes=classes,
        pixel_scale=max_pixel or pixel_scale(archive, headers["train"], highest),
        # Naming what is usual changes nothing: the same training as without it.
        max_pixel=None if max_pixel == scale else max_pixel,
        sha256=archive.sha256(),
    )


def _check_labels(
    archive: NpzArchive, key: str, labels: NDArray[np.int64], columns: int | None, classes: int
) -> None:
    """Refuse labels that training does not have."""
    if columns is not None and columns != classes:
        raise archive.fault(
            f"has {columns} columns and training {classes} classes; save both alike", key
        )
    beyond = np.flatnonzero(labels >= classes)
    if beyond.size:
        raise archive.fault(
            f"holds the label {labels[beyond[0]]} at [{beyond[0]}], and training only 0 to "
            f"{classes - 1}; give every class training images or leave it out",
            key,
        )


def _size(header: ArrayHeader) -> str:
    return "×".join(str(side) for side in image_shape(header))


# Beyond this images are laid out in an unnamed temporary file instead of memory.
MOST_BYTES_IN_MEMORY = 2**29


@dataclass(frozen=True, eq=False)
class TestImages:
    """`images` as stored, (N, H, W, C); `scale` is the value of the brightest possible pixel."""

    __test__ = False  # no class of tests, whatever its name

    images: NDArray[Any]
    scale: float

    def __len__(self) -> int:
        return len(self.images)

    def stored(self, index: int) -> NDArray[np.uint8]:
        """One image as models see it, (H, W, C), as bytes of 0 to 255.

        Raises:
            DatasetError: there are not so many.
        """
        if not 0 <= index < len(self):
            raise DatasetError(f"image {index}: the test images are 0 to {len(self) - 1:,}")
        image = self.images[index].astype(np.float32) * (255.0 / self.scale)
        rounded: NDArray[np.uint8] = np.clip(np.rint(image), 0, 255).astype(np.uint8)
        return rounded

    def pixels(self, index: int) -> NDArray[np.uint8]:
        """One image for the eye: (H, W) grey or (H, W, 3) colour, 0 to 255.

        Of images with another number of channels the first is shown.
        """
        image = self.stored(index)
        return image if image.shape[2] == 3 else image[:, :, 0]


def read_test_images(
    path: Path | None, sha256: str | None, max_pixel: float | None = None
) -> TestImages:
    """The test images of an `.npz`; of the shipped MNIST where `path` is None.

    `max_pixel` is the spec's: what pixels are divided by, where it had to be named.

    Raises:
        DatasetError: the file is gone, damaged, or another than the one with this checksum.
    """
    path = path or MNIST_FILE
    with NpzArchive(path) as archive:
        if sha256 is not None and archive.sha256() != sha256:
            raise DatasetError(
                f"data set {path} has changed since the run was trained; put the old file back to "
                "see its images"
            )
        header = image_header(archive, "x_test")
        size = prod(header.shape) * header.dtype.itemsize
        make: type[ImageStore] = MemoryStore if size <= MOST_BYTES_IN_MEMORY else MappedStore
        store, highest = make(header, header.shape[0]), 0.0
        for block in archive.blocks("x_test"):
            highest = max(highest, float(block.max()))
            store.write(block)
    images = store.array().reshape(-1, *image_shape(header))
    return TestImages(images, max_pixel or usual_scale(highest) or 255.0)
