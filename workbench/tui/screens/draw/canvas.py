"""What is drawn on: grey pixels, a round pen, and steps back."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SIDE = 40  # pixels: 20 lines of half blocks, which is what 80×24 has room for
PEN_RADIUS = 1.7
MOST_STEPS_BACK = 100


class Canvas:
    """`pixels` are (40, 40), 0 to 255, light on dark. Places are (x, y) in pixels."""

    def __init__(self) -> None:
        self.pixels: NDArray[np.uint8] = np.zeros((SIDE, SIDE), np.uint8)
        self._before: list[NDArray[np.uint8]] = []

    @property
    def empty(self) -> bool:
        """Whether nothing is drawn."""
        return not self.pixels.any()

    def begin(self) -> None:
        """What comes now is undone as one."""
        self._before = [*self._before[1 - MOST_STEPS_BACK :], self.pixels]

    def line(
        self, start: tuple[float, float], end: tuple[float, float], *, erase: bool = False
    ) -> None:
        """Draw from one place to another, both ends round and the edge antialiased."""
        y, x = np.mgrid[0:SIDE, 0:SIDE] + 0.5
        (ax, ay), (bx, by) = start, end
        length = (bx - ax) ** 2 + (by - ay) ** 2
        along = ((x - ax) * (bx - ax) + (y - ay) * (by - ay)) / length if length else 0.0
        share = np.clip(along, 0.0, 1.0)
        distance = np.hypot(x - ax - share * (bx - ax), y - ay - share * (by - ay))
        ink = np.rint(np.clip(PEN_RADIUS + 0.5 - distance, 0, 1) * 255).astype(np.uint8)
        if erase:
            self.pixels = np.minimum(self.pixels, 255 - ink)
        else:
            self.pixels = np.maximum(self.pixels, ink)

    def clear(self) -> None:
        """Nothing drawn; can be undone."""
        self.show(np.zeros((SIDE, SIDE), np.uint8))

    def show(self, pixels: NDArray[np.uint8]) -> None:
        """Another picture, scaled to the canvas; can be undone."""
        from PIL import Image

        self.begin()
        scaled = Image.fromarray(pixels).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
        self.pixels = np.asarray(scaled)

    def undo(self) -> bool:
        """One step back; False where there is none."""
        if not self._before:
            return False
        self.pixels = self._before.pop()
        return True
