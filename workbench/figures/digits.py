"""Wrongly answered images side by side, as a figure for a report."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from workbench.figures.half_blocks import Captioned

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLUMNS = 8
MOST_IMAGES = 200
CELL_INCHES = (0.95, 1.1)


def grid_figure(images: Sequence[Captioned], title: str) -> Figure:
    """The images in rows of eight, each with its caption, under a title."""
    from matplotlib.figure import Figure

    columns = min(COLUMNS, len(images))
    rows = math.ceil(len(images) / columns)
    figure = Figure(
        figsize=(max(4.0, columns * CELL_INCHES[0]), 0.4 + rows * CELL_INCHES[1]),
        layout="constrained",
    )
    figure.suptitle(title, fontsize=9)
    places = figure.subplots(rows, columns, squeeze=False).ravel()
    for place, image in zip(places, images, strict=False):
        # Ink on paper: what is bright on the screen is dark here.
        grey = image.pixels.ndim == 2
        place.imshow(image.pixels, cmap="gray_r" if grey else None, vmin=0, vmax=255)
        place.set_title(image.caption, fontsize=7, pad=2)
    for place in places:
        place.set_axis_off()
    return figure


def sheets_figure(
    first: Sequence[Captioned], sheets: Sequence[tuple[str, NDArray[np.uint8]]], title: str
) -> Figure:
    """Captioned images in a row, then each sheet (its title and (N, H, W[, 3]) pictures)."""
    from matplotlib.figure import Figure

    tiled = [(caption, _tiled(pictures)) for caption, pictures in sheets]
    # As high as its tiles are, each a third of an inch wide.
    heights = [1.5, *(6.0 * len(tiles) / tiles.shape[1] + 0.25 for _, tiles in tiled)]
    figure = Figure(figsize=(6.4, 0.4 + sum(heights)), layout="constrained")
    figure.suptitle(title, fontsize=9)
    top, *rows = figure.subfigures(len(heights), 1, height_ratios=heights, squeeze=False).ravel()
    places = [
        *top.subplots(1, len(first), squeeze=False).ravel(),
        *(row.subplots() for row in rows),
    ]
    parts = [*((image.caption, image.pixels) for image in first), *tiled]
    for place, (caption, pixels) in zip(places, parts, strict=True):
        place.imshow(pixels, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
        place.set_title(caption, fontsize=7, pad=2)
        place.set_axis_off()
    return figure


def _tiled(pictures: NDArray[np.uint8], gap: int = 2) -> NDArray[np.uint8]:
    """All of them in one image, in rows of sixteen on grey."""
    number, height, width = pictures.shape[:3]
    columns = min(number, 16)
    rows = math.ceil(number / columns)
    side = height + gap, width + gap
    whole = np.full((rows * side[0], columns * side[1], *pictures.shape[3:]), 110, np.uint8)
    for place, picture in enumerate(pictures):
        top, left = (place // columns) * side[0], (place % columns) * side[1]
        whole[top : top + height, left : left + width] = picture
    return whole[:-gap, :-gap]
