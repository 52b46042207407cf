"""What a model makes of one image, layer by layer, as small images for the eye."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Pictures = NDArray[np.uint8]  # (N, H, W) grey or (N, H, W, 3) colour, 0 to 255

SMALL_SIDE = 14
MOST_PICTURES = 256  # of one layer; a layer of 4,096 maps would fill a slow line


@dataclass(frozen=True, eq=False)
class Sheet:
    """The feature maps, the filters or the weights of one layer."""

    layer: str
    what: str
    pictures: Pictures
    total: int  # of the layer; more than there are pictures where it has too many

    @property
    def title(self) -> str:
        """Such as `conv2d_1: 32 feature maps, 28×28`."""
        shown = len(self.pictures)
        count = f"{self.total}" if shown == self.total else f"the first {shown} of {self.total}"
        height, width = self.pictures.shape[1:3]
        return f"{self.layer}: {count} {self.what}, {height}×{width}"

    @property
    def enlarged(self) -> Pictures:
        """The pictures for the eye: those of a filter's 3×3 are made four times as large."""
        factor = max(1, SMALL_SIDE // max(self.pictures.shape[1:3]))
        return self.pictures.repeat(factor, axis=1).repeat(factor, axis=2)


@dataclass(frozen=True, eq=False)
class Inside:
    """What one image does in a model.

    `falls` (H, W) has, for each pixel, by how much the probability of the answer falls, on
    average, while a square around it is covered with black; negative where it rises.
    """

    answer: int
    probability: float
    falls: NDArray[np.float32]
    patch: int  # side of the square in pixels
    sheets: tuple[Sheet, ...]

    @property
    def looked(self) -> NDArray[np.uint8]:
        """`falls` as an image (H, W, 3): red where it falls, blue where it rises."""
        return signed_colours(self.falls)

    def to_json(self) -> dict[str, Any]:
        """As the predictor process sends it."""
        return {
            "answer": self.answer,
            "probability": self.probability,
            "falls": np.round(self.falls, 6).tolist(),
            "patch": self.patch,
            "sheets": [
                {
                    "layer": sheet.layer,
                    "what": sheet.what,
                    "pictures": base64.b64encode(sheet.pictures.tobytes()).decode(),
                    "shape": sheet.pictures.shape,
                    "total": sheet.total,
                }
                for sheet in self.sheets
            ],
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Inside:
        """What `to_json` gave."""
        sheets = []
        for sheet in data["sheets"]:
            pixels = np.frombuffer(base64.b64decode(sheet["pictures"]), np.uint8)
            pictures = pixels.reshape(sheet["shape"])
            sheets.append(Sheet(sheet["layer"], sheet["what"], pictures, sheet["total"]))
        falls = np.array(data["falls"], np.float32)
        return cls(data["answer"], data["probability"], falls, data["patch"], tuple(sheets))


def signed_colours(values: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Values of any shape as RGB: black is 0, red is above, blue is below, by the largest."""
    shares = values / max(float(np.abs(values).max(initial=0.0)), 1e-12)
    above, below = np.clip(shares, 0, 1), np.clip(-shares, 0, 1)
    # Some green with each, as pure blue can hardly be seen on black.
    colours = np.stack([above, 0.35 * above + 0.55 * below, below], axis=-1)
    pixels: NDArray[np.uint8] = np.rint(255 * colours).astype(np.uint8)
    return pixels
