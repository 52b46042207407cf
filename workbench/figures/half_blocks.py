"""Small images in a terminal: one cell shows two pixels above each other."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from rich.color import Color
from rich.segment import Segment
from rich.style import Style

Pixels = NDArray[np.uint8]  # (H, W) grey or (H, W, 3) colour, 0 to 255

_UPPER_HALF = "▀"
_SHADES = " .:-=+*#%@"  # from dark to bright, for terminals without colours or block characters


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
    """The image in ⌈H / 2⌉ lines of W cells, dark where it is dark."""
    height, width = pixels.shape[:2]
    if height % 2:
        pixels = np.concatenate([pixels, np.zeros_like(pixels[:1])])
    if pixels.ndim == 2:
        pixels = np.repeat(pixels[:, :, None], 3, axis=2)
    upper, lower = pixels[0::2], pixels[1::2]
    lines = []
    for top, bottom in zip(upper.tolist(), lower.tolist(), strict=True):
        line: list[Segment] = []
        start = 0
        for column in range(1, width + 1):
            # Equal neighbours go out as one run: fewer bytes over the connection.
            if column < width and top[column] == top[start] and bottom[column] == bottom[start]:
                continue
            style = Style.from_color(Color.from_rgb(*top[start]), Color.from_rgb(*bottom[start]))
            line.append(Segment(_UPPER_HALF * (column - start), style))
            start = column
        lines.append(line)
    return lines


def ascii_lines(pixels: Pixels) -> list[str]:
    """The image in ⌈H / 2⌉ lines of W characters, bright where it is bright."""
    grey = pixels if pixels.ndim == 2 else pixels.mean(axis=2)
    if len(grey) % 2:
        grey = np.concatenate([grey, np.zeros_like(grey[:1])])
    mean = (grey[0::2].astype(np.float64) + grey[1::2]) / 2
    levels = np.rint(mean / 255 * (len(_SHADES) - 1)).astype(int)
    return ["".join(_SHADES[level] for level in row) for row in levels.tolist()]
