"""Small images: in a terminal, where one cell shows two pixels above each other, and in figures."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from rich.color import Color, ColorType
from rich.color_triplet import ColorTriplet
from rich.segment import Segment
from rich.style import Style

from workbench.figures.rendering import GREY, INK, TEST, TRAIN
from workbench.formats import percent
from workbench.predictions.answers import Calibration, ClassOrder, ClassResult

if TYPE_CHECKING:
    from matplotlib.figure import Figure


Pixels = NDArray[np.uint8]  # (H, W) grey or (H, W, 3) colour, 0 to 255

_UPPER_HALF, _LOWER_HALF = "▀▄"
# Some of the greys that a terminal of 256 colours has, with black and white. Their escape sequences
# are half as long as those of any colour, and equal neighbours are sent as one.
_GREYS = np.array([0, 48, 108, 158, 208, 255])
_BETWEEN_GREYS = (_GREYS[1:] + _GREYS[:-1]) / 2
_GREY_COLOURS = (16, 236, 242, 247, 252, 231)
_SHADES = " .:-=+*#%@"  # from dark to bright, for terminals without colours or block characters


@dataclass(frozen=True)
class Captioned:
    pixels: Pixels
    caption: str


def fitted(pixels: Pixels, columns: int, lines: int) -> Pixels:
    """The image made smaller until it takes at most so many cells; aspect kept, never enlarged.

    Each new pixel is the mean of those it stands for.
    """
    height, width = pixels.shape[:2]
    scale = min(1.0, columns / width, 2 * lines / height)
    if scale >= 1.0:
        return pixels
    from PIL import Image

    size = max(1, int(width * scale)), max(1, int(height * scale))
    smaller: Pixels = np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BOX))
    return smaller


def half_block_lines(pixels: Pixels) -> list[list[Segment]]:
    """The image in ⌈H / 2⌉ lines of W cells, bright where it is bright."""
    if len(pixels) % 2:
        pixels = np.concatenate([pixels, np.zeros_like(pixels[:1])])
    colour = _rgb if pixels.ndim == 3 else _grey
    values = pixels if pixels.ndim == 3 else np.searchsorted(_BETWEEN_GREYS, pixels)
    lines = []
    for top, bottom in zip(values[0::2].tolist(), values[1::2].tolist(), strict=True):
        line: list[Segment] = []
        ink: Any = None  # it and the ground are as they are where the next run begins
        ground: Any = None
        # Equal neighbours go out as one run, and of two ways to draw a run the one which changes
        # fewer colours: fewer bytes over the connection.
        for (upper, lower), cells in groupby(zip(top, bottom, strict=True)):
            half = _UPPER_HALF
            if upper == lower:  # a space looks the same in any font
                half, ground = " ", lower
            elif (upper != ink) + (lower != ground) <= (lower != ink) + (upper != ground):
                ink, ground = upper, lower
            else:
                half, ink, ground = _LOWER_HALF, lower, upper
            style = Style.from_color(None if half == " " else colour(ink), colour(ground))
            line.append(Segment(half * len(list(cells)), style))
        lines.append(line)
    return lines


@lru_cache(maxsize=64)
def _grey(level: int) -> Color:
    # With its red, green and blue, Textual leaves the colour as it is instead of spelling it out.
    number = _GREY_COLOURS[level]
    grey = int(_GREYS[level])
    return Color(f"color({number})", ColorType.EIGHT_BIT, number, ColorTriplet(grey, grey, grey))


def _rgb(value: list[int]) -> Color:
    return Color.from_rgb(*value)


def ascii_lines(pixels: Pixels) -> list[str]:
    """The image in ⌈H / 2⌉ lines of W characters, bright where it is bright."""
    grey = pixels if pixels.ndim == 2 else pixels.mean(axis=2)
    if len(grey) % 2:
        grey = np.concatenate([grey, np.zeros_like(grey[:1])])
    mean = (grey[0::2].astype(np.float64) + grey[1::2]) / 2
    levels = np.rint(mean / 255 * (len(_SHADES) - 1)).astype(int)
    return ["".join(_SHADES[level] for level in row) for row in levels.tolist()]


# Figures for a report


COLUMNS = 8
MOST_IMAGES = 200
CELL_INCHES = (0.95, 1.1)
MOST_CLASSES = 40  # of more, those with the least recall


def grid_figure(images: Sequence[Captioned], title: str) -> Figure:
    """The images in rows of eight, each with its caption, under a title."""
    columns = min(COLUMNS, len(images))
    rows = math.ceil(len(images) / columns)
    figure = _figure(title, max(4.0, columns * CELL_INCHES[0]), 0.4 + rows * CELL_INCHES[1])
    places = figure.subplots(rows, columns, squeeze=False).ravel()
    for place, image in zip(places, images, strict=False):
        # Ink on paper: what is bright on the screen is dark here.
        _show(place, image, "gray_r")
    for place in places[len(images) :]:
        place.set_axis_off()
    return figure


def sheets_figure(
    first: Sequence[Captioned], sheets: Sequence[tuple[str, NDArray[np.uint8]]], title: str
) -> Figure:
    """Captioned images in a row, then each sheet (its title and (N, H, W[, 3]) pictures)."""
    tiled = [Captioned(_tiled(pictures), caption) for caption, pictures in sheets]
    # As high as its tiles are, each a third of an inch wide.
    shapes = [sheet.pixels.shape for sheet in tiled]
    heights = [1.5, *(6.0 * height / width + 0.25 for height, width, *_ in shapes)]
    figure = _figure(title, 6.4, 0.4 + sum(heights))
    top, *rows = figure.subfigures(len(heights), 1, height_ratios=heights, squeeze=False).ravel()
    places = [
        *top.subplots(1, len(first), squeeze=False).ravel(),
        *(row.subplots() for row in rows),
    ]
    for place, image in zip(places, [*first, *tiled], strict=True):
        _show(place, image, "gray", interpolation="nearest")
    return figure


def classes_figure(results: Sequence[ClassResult], trust: Calibration, title: str) -> Figure:
    """Recall and precision of each class, and the reliability plot (Guo et al., 2017, Figure 1)."""
    from matplotlib.ticker import PercentFormatter

    shown = ClassOrder.CLASS.sort(ClassOrder.RECALL.sort(results)[:MOST_CLASSES])
    places = range(len(shown))
    figure = _figure(title, 7.4, 3.2)
    left, right = figure.subplots(1, 2, width_ratios=(3, 2))
    for colour, mark, name in ((TRAIN, "o", "recall"), (TEST, "^", "precision")):
        values = [getattr(result, name) for result in shown]
        left.plot(places, values, mark, color=colour, label=name)
    left.set_xticks(places, [str(result.number) for result in shown])
    left.set_xlabel("class" if len(shown) == len(results) else "class, those with the least recall")
    left.legend()
    right.plot([0, 1], [0, 1], color=GREY, linewidth=0.9, linestyle=(0, (1, 1.5)))
    confidences = [part.confidence for part in trust.filled]
    right.plot(confidences, [part.accuracy for part in trust.filled], "o-", color=INK)
    right.set_xlabel("confidence")
    right.set_ylabel("accuracy")
    right.set_title(f"expected calibration error {percent(trust.error)}", size=9)
    for axis in (left.yaxis, right.xaxis, right.yaxis):
        axis.set_major_formatter(PercentFormatter(1.0))
    return figure


def _figure(title: str, width: float, height: float) -> Figure:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    figure.suptitle(title, fontsize=9)
    return figure


def _show(place: Any, image: Captioned, greys: str, **options: str) -> None:
    """One image in its place; `greys` is Matplotlib's colour map for one without colours."""
    place.imshow(image.pixels, cmap=greys, vmin=0, vmax=255, **options)
    place.set_title(image.caption, fontsize=7, pad=2)
    place.set_axis_off()


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
