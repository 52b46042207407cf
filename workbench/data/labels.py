"""Labels: a user's, checked and brought to whole numbers from 0; which are held out."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.data.npz_archive import ArrayHeader, NpzArchive

MOST_CLASSES = 10_000


def read_labels(
    archive: NpzArchive, key: str, images_key: str, images: int
) -> tuple[NDArray[np.int64], int | None]:
    """Labels (N,) int64, and the number of columns where they were one-hot.

    Taken are (N,) or (N, 1) whole numbers, also stored as floats or booleans, and one-hot rows
    (N, K), which give K classes even where some class has no image.

    Raises:
        DatasetError: another shape, as many labels as there are images missing, or a value that
            names no class.
    """
    header = archive.header(key)
    _check_shape(archive, header, images_key, images)
    values = np.empty(header.size, header.dtype.newbyteorder("="))
    start = 0
    for block in archive.blocks(key):
        values[start : start + block.size] = block
        start += block.size
    table = values.reshape(header.shape, order="F" if header.fortran else "C")
    if table.ndim == 2 and table.shape[1] > 1:
        return _from_one_hot(archive, key, table), table.shape[1]
    return _from_numbers(archive, key, table.reshape(-1)), None


def _check_shape(archive: NpzArchive, header: ArrayHeader, images_key: str, images: int) -> None:
    shape, key = header.shape, header.key
    if len(shape) not in (1, 2):
        raise archive.fault(f"has shape {shape}; save one whole number an image, ({images},)", key)
    if shape[0] != images:
        raise archive.fault(
            f"has {shape[0]:,} labels for {images:,} images in {images_key}; save one an image",
            key,
        )
    if len(shape) == 2 and not 1 <= shape[1] <= MOST_CLASSES:
        raise archive.fault(
            f"has shape {shape}; one-hot labels take 2 to {MOST_CLASSES:,} columns, whole "
            f"numbers the shape ({images},)",
            key,
        )


def _from_one_hot(archive: NpzArchive, key: str, table: NDArray[Any]) -> NDArray[np.int64]:
    ones = table == 1
    sound = (ones | (table == 0)).all(axis=1) & (ones.sum(axis=1) == 1)
    wrong = np.flatnonzero(~sound)
    if wrong.size:
        raise archive.fault(
            f"has shape {table.shape}, and row {wrong[0]} is not one-hot (one 1, the rest 0); "
            f"save whole numbers of shape ({table.shape[0]},), such as y.argmax(axis=1)",
            key,
        )
    labels: NDArray[np.int64] = np.argmax(ones, axis=1).astype(np.int64)
    return labels


def _from_numbers(archive: NpzArchive, key: str, values: NDArray[Any]) -> NDArray[np.int64]:
    if values.dtype.kind == "f":
        broken = np.flatnonzero(~np.isfinite(values) | (values != np.floor(values)))
        if broken.size:
            raise archive.fault(
                f"holds {values[broken[0]]} at [{broken[0]}], which is no whole number; number "
                "the classes 0, 1, 2, …",
                key,
            )
    outside = np.flatnonzero((values < 0) | (values >= MOST_CLASSES))
    if outside.size:
        raise archive.fault(
            f"holds the label {values[outside[0]]:g} at [{outside[0]}]; number the classes from "
            f"0, to {MOST_CLASSES - 1:,} at most",
            key,
        )
    return values.astype(np.int64)


def held_out(labels: NDArray[np.int64], images: int, seed: int) -> NDArray[np.int32]:
    """The places of the images held out, ascending: (images,), of labels (N,) with N > images.

    Stratified: each class gives its share, rounded so that the counts add up. Depends on nothing
    but the arguments, and so is the same for all trainings that are to be compared.
    """
    classes, members = np.unique(labels, return_counts=True)
    shares = members * (images / len(labels))
    counts = np.floor(shares).astype(np.int64)
    # What is left over goes to the classes that lost most by rounding, the first of equals.
    short = np.argsort(counts - shares, kind="stable")[: images - int(counts.sum())]
    counts[short] += 1
    draw = np.random.default_rng(seed)
    chosen = [
        draw.permutation(np.flatnonzero(labels == label))[:count]
        for label, count in zip(classes, counts, strict=True)
    ]
    return np.sort(np.concatenate(chosen)).astype(np.int32)
