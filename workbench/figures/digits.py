"""Wrongly answered images side by side, as a figure for a report."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from workbench.figures.half_blocks import Pixels

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLUMNS = 8
MOST_IMAGES = 200
CELL_INCHES = (0.95, 1.1)


@dataclass(frozen=True)
class Captioned:
    """An image and the line under it."""

    pixels: Pixels
    caption: str


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
