"""The arrays of a user's file, checked while they stream past: images and their labels."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from functools import partial
from math import prod
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from workbench.data.npz_archive import BLOCK_BYTES, ArrayHeader, NpzArchive
from workbench.errors import DatasetError, refused


class MemoryStore:
    def __init__(self, header: ArrayHeader, keep: int) -> None:
        self._header, self._keep = header, keep
        self._flat = np.empty(_kept_values(header, keep), header.dtype.newbyteorder("="))
        self._next = 0

    def write(self, block: NDArray[Any]) -> None:
        taken = block[: self._flat.size - self._next]
        self._flat[self._next : self._next + taken.size] = taken
        self._next += taken.size

    def array(self) -> NDArray[Any]:
        """The first `keep` rows, C order, native byte order, after everything was written."""
        header = self._header
        if not header.fortran:
            return self._flat.reshape(self._keep, *header.shape[1:])
        rows = self._flat.reshape(header.shape, order="F")[: self._keep]
        return np.ascontiguousarray(rows)


class MappedStore:
    """Images in a temporary file, mapped into memory for reading.

    The file has no name: its space is free again when the process ends, however it ends.
    """

    def __init__(self, header: ArrayHeader, keep: int, scratch: Path | None = None) -> None:
        self._header, self._keep, self._scratch = header, keep, scratch
        self._dtype = header.dtype.newbyteorder("=")
        self._left = _kept_values(header, keep)
        self._file = self._temporary()

    def write(self, block: NDArray[Any]) -> None:
        taken = block[: self._left].astype(self._dtype, copy=False)
        self._left -= taken.size
        self._append(self._file, taken)

    def array(self) -> NDArray[Any]:
        """As of `MemoryStore`, mapped read-only."""
        header = self._header
        if not header.fortran:
            return self._map(self._file, (self._keep, *header.shape[1:]), "C")
        # Training reads whole rows, which Fortran order scatters over the file: lay them out
        # again, some rows at a time.
        scattered = self._map(self._file, header.shape, "F")
        rows = max(1, BLOCK_BYTES // max(1, prod(header.shape[1:]) * self._dtype.itemsize))
        ordered = self._temporary()
        for start in range(0, self._keep, rows):
            self._append(ordered, scattered[start : min(start + rows, self._keep)])
        return self._map(ordered, (self._keep, *header.shape[1:]), "C")

    def _temporary(self) -> IO[bytes]:
        with self._refused():
            return tempfile.TemporaryFile(dir=self._scratch)

    def _append(self, file: IO[bytes], values: NDArray[Any]) -> None:
        # Written, not assigned through a mapping: on a full disk that would kill the process.
        with self._refused():
            file.write(values.tobytes())

    def _map(self, file: IO[bytes], shape: tuple[int, ...], order: Any) -> NDArray[Any]:
        with self._refused():
            file.flush()
        return np.memmap(file, dtype=self._dtype, mode="r", shape=shape, order=order)

    def _refused(self) -> AbstractContextManager[None]:
        needed = _kept_values(self._header, self._keep) * self._dtype.itemsize
        return refused(
            f"scratch folder {self._scratch or tempfile.gettempdir()}: ",
            f", while laying out {needed / 2**20:,.0f} MiB of {self._header.key}; free space "
            "there or train on fewer images",
        )


ImageStore = MemoryStore | MappedStore  # takes an array's values in the order of the file


def _kept_values(header: ArrayHeader, keep: int) -> int:
    """How many values must be kept to have `keep` rows: in Fortran order, all."""
    return header.size if header.fortran else keep * prod(header.shape[1:])


LARGEST_SIDE = 4096
MOST_CHANNELS = 64
DARK = 128  # a data set whose brightest pixel is below it hardly goes from 0 to 255


def image_header(archive: NpzArchive, key: str) -> ArrayHeader:
    """The header of an array of images, (N, H, W) or (N, H, W, C).

    Raises:
        DatasetError: another rank, no images, or images too large.
    """
    header, fault = archive.header(key), partial(archive.fault, key=key)
    shape = header.shape
    if len(shape) not in (3, 4):
        raise fault(
            f"has shape {shape}; reshape it to (N, H, W) for grey or (N, H, W, C) for colour"
        )
    if shape[0] < 1:
        raise fault("holds no images; save one at least")
    height, width, channels = image_shape(header)
    # A square image of 1 or 3 channels before its sides: no image has such a shape.
    if len(shape) == 4 and shape[1] in (1, 3) and shape[2] == shape[3] > 4:
        raise fault(
            f"has shape {shape}, which looks like channels first; save it as (N, H, W, C), such as "
            "x.transpose(0, 2, 3, 1)"
        )
    if not (1 <= height <= LARGEST_SIDE and 1 <= width <= LARGEST_SIDE):
        raise fault(f"has images of {height}×{width}; sides of 1 to {LARGEST_SIDE} are possible")
    if not 1 <= channels <= MOST_CHANNELS:
        raise fault(
            f"has {channels} channels (the last axis of {shape}); 1 to {MOST_CHANNELS} are possible"
        )
    return header


def image_shape(header: ArrayHeader) -> tuple[int, int, int]:
    """Height, width and channels of the images under a header; grey ones have 1 channel."""
    _, height, width, *channels = header.shape
    return height, width, channels[0] if channels else 1


def stream_pixels(
    archive: NpzArchive,
    header: ArrayHeader,
    store: ImageStore | None,
    max_pixel: float | None = None,
) -> float:
    """Look through all pixels, hand them to `store` if there is one, and give the largest.

    Raises:
        DatasetError: pixels that are not finite, below 0, above `max_pixel` (255 if None), or
            of neither scale.
    """
    lowest, highest, broken, passed = np.inf, -np.inf, 0, 0
    first: tuple[int, str] | None = None
    for block in archive.blocks(header.key):
        low, high = float(block.min()), float(block.max())
        # NaN and inf show in the extremes, so that sound blocks are looked through only twice.
        if np.isfinite(low) and np.isfinite(high):
            lowest, highest = min(lowest, low), max(highest, high)
        else:
            places = np.flatnonzero(~np.isfinite(block))
            broken += places.size
            if first is None:
                first = passed + int(places[0]), f"{block[places[0]]}"
        passed += block.size
        if store is not None:
            store.write(block)
    fault = partial(archive.fault, key=header.key)
    if first is not None:
        raise fault(
            f"holds {broken:,} pixels that are not numbers (the first is {first[1]} at "
            f"{header.position(first[0])}); replace them"
        )
    if lowest < 0:
        raise fault(
            f"holds pixels below 0 (the lowest is {lowest:g}); scale pixels to 0…1 or 0…255"
        )
    if highest > (max_pixel or 255):
        raise fault(
            f"holds pixels above {max_pixel or 255:g} (the highest is {highest:g}); scale pixels "
            "to 0…1 or 0…255, or name the highest there can be with --max-pixel"
        )
    if max_pixel is not None:
        return highest
    # A resampling that overshoots 1 must not pass for pixels of 0…255: they would all be black.
    if header.dtype.kind == "f" and 1 < highest < 2:
        raise fault(
            f"holds pixels up to {highest:.6g}, neither 0…1 nor 0…255; clip them to 0…1, or name "
            "the highest there can be with --max-pixel"
        )
    return highest


def usual_scale(highest: float) -> float | None:
    """What pixels up to `highest` are divided by: 1 within 0 to 1, or 255 (Section 1).

    None where it is too low for 255: the images are dark, or go to 16, 63 or the like.
    """
    if highest <= 1:
        return 1.0
    return 255.0 if highest >= DARK else None


def pixel_scale(archive: NpzArchive, train: ArrayHeader, highest: Mapping[str, float]) -> float:
    """What all pixels are divided by; `highest` is the largest of each array, by its key.

    Raises:
        DatasetError: float pixels of which one part is scaled and the other is not, or pixels
            that can be taken in two ways.
    """
    top = max(highest.values())
    scale = usual_scale(top)
    if scale == 1:
        return scale
    if train.dtype.kind == "f" and 0 < min(highest.values()) <= 1:
        each = " and ".join(f"{key} up to {value:g}" for key, value in highest.items())
        raise archive.fault(
            f"{each.replace(' up', ' holds pixels up', 1)}; scale "
            f"{'both' if len(highest) == 2 else 'all'} alike, to 0…1 or 0…255"
        )
    if scale is None:
        raise archive.fault(
            f"holds pixels up to {top:g}, far below 255; if they go from 0 to {top:g}, name it as "
            f"max pixel (--max-pixel {top:g}), and for dark images of 0 to 255 name 255"
        )
    return scale


MOST_CLASSES = 10_000
Fault = Callable[[str], DatasetError]  # the error that says what is wrong with an array


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
    header, fault = archive.header(key), partial(archive.fault, key=key)
    _check_shape(fault, header.shape, images_key, images)
    values = np.empty(header.size, header.dtype.newbyteorder("="))
    start = 0
    for block in archive.blocks(key):
        values[start : start + block.size] = block
        start += block.size
    table = values.reshape(header.shape, order="F" if header.fortran else "C")
    if table.ndim == 2 and table.shape[1] > 1:
        return _from_one_hot(fault, table), table.shape[1]
    return _from_numbers(fault, table.reshape(-1)), None


def _check_shape(fault: Fault, shape: tuple[int, ...], images_key: str, images: int) -> None:
    if len(shape) not in (1, 2):
        raise fault(f"has shape {shape}; save one whole number an image, ({images},)")
    if shape[0] != images:
        raise fault(
            f"has {shape[0]:,} labels for {images:,} images in {images_key}; save one an image"
        )
    if len(shape) == 2 and not 1 <= shape[1] <= MOST_CLASSES:
        raise fault(
            f"has shape {shape}; one-hot labels take 2 to {MOST_CLASSES:,} columns, whole "
            f"numbers the shape ({images},)"
        )


def _from_one_hot(fault: Fault, table: NDArray[Any]) -> NDArray[np.int64]:
    ones = table == 1
    sound = (ones | (table == 0)).all(axis=1) & (ones.sum(axis=1) == 1)
    wrong = np.flatnonzero(~sound)
    if wrong.size:
        raise fault(
            f"has shape {table.shape}, and row {wrong[0]} is not one-hot (one 1, the rest 0); "
            f"save whole numbers of shape ({table.shape[0]},), such as y.argmax(axis=1)"
        )
    labels: NDArray[np.int64] = np.argmax(ones, axis=1).astype(np.int64)
    return labels


def _from_numbers(fault: Fault, values: NDArray[Any]) -> NDArray[np.int64]:
    if values.dtype.kind == "f":
        broken = np.flatnonzero(~np.isfinite(values) | (values != np.floor(values)))
        if broken.size:
            raise fault(
                f"holds {values[broken[0]]} at [{broken[0]}], which is no whole number; number "
                "the classes 0, 1, 2, …"
            )
    outside = np.flatnonzero((values < 0) | (values >= MOST_CLASSES))
    if outside.size:
        raise fault(
            f"holds the label {values[outside[0]]:g} at [{outside[0]}]; number the classes from "
            f"0, to {MOST_CLASSES - 1:,} at most"
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


def to_unit_float(images: NDArray[Any], scale: float) -> NDArray[np.float32]:
    """Images as float32, divided by `scale`: 255 for the paper's pixels (Section 1)."""
    if scale == 1.0:
        return np.ascontiguousarray(images, dtype=np.float32)
    # Divided in float32 from the start where the pixels are no finer: a float64 intermediate
    # would double the peak memory.
    exact = images.dtype if images.dtype == np.float64 else np.float32
    unit: NDArray[np.float32] = np.divide(images, scale, dtype=exact).astype(np.float32, copy=False)
    return unit
