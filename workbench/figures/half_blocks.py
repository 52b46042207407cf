"""Small images in a terminal: one cell shows two pixels above each other."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby

import numpy as np
from numpy.typing import NDArray
from rich.color import Color, ColorType
from rich.color_triplet import ColorTriplet
from rich.segment import Segment
from rich.style import Style

Pixels = NDArray[np.uint8]  # (H, W) grey or (H, W, 3) colour, 0 to 255

_UPPER_HALF = "▀"
# Some of the greys that a terminal of 256 colours has, with black and white. Their escape sequences
# are half as long as those of any colour, and equal neighbours are sent as one.
_GREYS = np.array([0, 48, 108, 158, 208, 255])
_GREY_COLOURS = (16, 236, 242, 247, 252, 231)
_SHADES = " .:-=+*#%@"  # from dark to bright, for terminals without colours or block characters


@dataclass(frozen=True)
class Captioned:
    """An image and the line that goes with it."""

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
    rows = np.linspace(0, height, max(1, int(height * scale)) + 1).astype(int)[:-1]
    places = np.linspace(0, width, max(1, int(width * scale)) + 1).astype(int)[:-1]
    sums = np.add.reduceat(np.add.reduceat(pixels.astype(np.float64), rows, axis=0), places, axis=1)
    counts = np.outer(np.diff([*rows, height]), np.diff([*places, width]))
    mean = sums / (counts if pixels.ndim == 2 else counts[:, :, None])
    smaller: Pixels = np.rint(mean).astype(np.uint8)
    return smaller


def half_block_lines(pixels: Pixels) -> list[list[Segment]]:
    """The image in ⌈H / 2⌉ lines of W cells, bright where it is bright."""
    if len(pixels) % 2:
        pixels = np.concatenate([pixels, np.zeros_like(pixels[:1])])
    colour = _rgb if pixels.ndim == 3 else _grey
    values = pixels if pixels.ndim == 3 else _nearest_greys(pixels)
    lines = []
    for top, bottom in zip(values[0::2].tolist(), values[1::2].tolist(), strict=True):
        line: list[Segment] = []
        # Equal neighbours go out as one run: fewer bytes over the connection.
        for (upper, lower), cells in groupby(zip(top, bottom, strict=True)):
            # One colour needs no half: a space takes fewer bytes, and looks the same in any font.
            one = upper == lower
            style = Style.from_color(None if one else colour(upper), colour(lower))
            line.append(Segment((" " if one else _UPPER_HALF) * len(list(cells)), style))
        lines.append(line)
    return lines


def _nearest_greys(pixels: Pixels) -> NDArray[np.intp]:
    middles = (_GREYS[1:] + _GREYS[:-1]) / 2
    return np.searchsorted(middles, pixels)


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
