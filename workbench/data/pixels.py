"""A user's images, checked while they stream past."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from workbench.data.image_store import ImageStore
from workbench.data.npz_archive import ArrayHeader, NpzArchive

LARGEST_SIDE = 4096
MOST_CHANNELS = 64
DARK = 128  # a data set whose brightest pixel is below it hardly goes from 0 to 255


def image_header(archive: NpzArchive, key: str) -> ArrayHeader:
    """The header of an array of images, (N, H, W) or (N, H, W, C).

    Raises:
        DatasetError: another rank, no images, or images too large.
    """
    header = archive.header(key)
    shape = header.shape
    if len(shape) not in (3, 4):
        raise archive.fault(
            f"has shape {shape}; reshape it to (N, H, W) for grey or (N, H, W, C) for colour", key
        )
    if shape[0] < 1:
        raise archive.fault("holds no images; save one at least", key)
    height, width, channels = image_shape(header)
    if _channels_first(shape):
        raise archive.fault(
            f"has shape {shape}, which looks like channels first; save it as (N, H, W, C), such as "
            "x.transpose(0, 2, 3, 1)",
            key,
        )
    if not (1 <= height <= LARGEST_SIDE and 1 <= width <= LARGEST_SIDE):
        raise archive.fault(
            f"has images of {height}×{width}; sides of 1 to {LARGEST_SIDE} are possible", key
        )
    if not 1 <= channels <= MOST_CHANNELS:
        raise archive.fault(
            f"has {channels} channels (the last axis of {shape}); 1 to {MOST_CHANNELS} are "
            "possible",
            key,
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
    key = header.key
    if first is not None:
        raise archive.fault(
            f"holds {broken:,} pixels that are not numbers (the first is {first[1]} at "
            f"{header.position(first[0])}); replace them",
            key,
        )
    if lowest < 0:
        raise archive.fault(
            f"holds pixels below 0 (the lowest is {lowest:g}); scale pixels to 0…1 or 0…255", key
        )
    if highest > (max_pixel or 255):
        raise archive.fault(
            f"holds pixels above {max_pixel or 255:g} (the highest is {highest:g}); scale pixels "
            "to 0…1 or 0…255, or name the highest there can be with --max-pixel",
            key,
        )
    if max_pixel is not None:
        return highest
    # A resampling that overshoots 1 must not pass for pixels of 0…255: they would all be black.
    if header.dtype.kind == "f" and 1 < highest < 2:
        raise archive.fault(
            f"holds pixels up to {highest:.6g}, neither 0…1 nor 0…255; clip them to 0…1, or name "
            "the highest there can be with --max-pixel",
            key,
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


def _channels_first(shape: tuple[int, ...]) -> bool:
    """A square image of 1 or 3 channels before its sides: no image has such a shape."""
    return len(shape) == 4 and shape[1] in (1, 3) and shape[2] == shape[3] > 4
