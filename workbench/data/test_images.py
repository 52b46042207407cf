"""A data set's test images, to be looked at: read by NumPy alone."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.data.image_store import ImageStore, MappedStore, MemoryStore
from workbench.data.npz_archive import NpzArchive
from workbench.data.pixels import image_header, image_shape, usual_scale
from workbench.errors import DatasetError
from workbench.settings import MNIST_FILE

# Beyond this images are laid out in an unnamed temporary file instead of memory.
MOST_BYTES_IN_MEMORY = 2**29


@dataclass(frozen=True, eq=False)
class TestImages:
    """`images` as stored, (N, H, W, C); `scale` is the value of the brightest possible pixel."""

    __test__ = False  # no class of tests, whatever its name

    images: NDArray[Any]
    scale: float

    def __len__(self) -> int:
        return len(self.images)

    def stored(self, index: int) -> NDArray[np.uint8]:
        """One image as models see it, (H, W, C), as bytes of 0 to 255.

        Raises:
            DatasetError: there are not so many.
        """
        if not 0 <= index < len(self):
            raise DatasetError(f"image {index}: the test images are 0 to {len(self) - 1:,}")
        image = self.images[index].astype(np.float32) * (255.0 / self.scale)
        rounded: NDArray[np.uint8] = np.clip(np.rint(image), 0, 255).astype(np.uint8)
        return rounded

    def pixels(self, index: int) -> NDArray[np.uint8]:
        """One image for the eye: (H, W) grey or (H, W, 3) colour, 0 to 255.

        Of images with another number of channels the first is shown.
        """
        image = self.stored(index)
        return image if image.shape[2] == 3 else image[:, :, 0]


def read_test_images(
    path: Path | None, sha256: str | None, max_pixel: float | None = None
) -> TestImages:
    """The test images of an `.npz`; of the shipped MNIST where `path` is None.

    `max_pixel` is the spec's: what pixels are divided by, where it had to be named.

    Raises:
        DatasetError: the file is gone, damaged, or another than the one with this checksum.
    """
    path = path or MNIST_FILE
    with NpzArchive(path) as archive:
        if sha256 is not None and archive.sha256() != sha256:
            raise DatasetError(
                f"data set {path} has changed since the run was trained; put the old file back to "
                "see its images"
            )
        header = image_header(archive, "x_test")
        size = prod(header.shape) * header.dtype.itemsize
        make: type[ImageStore] = MemoryStore if size <= MOST_BYTES_IN_MEMORY else MappedStore
        store, highest = make(header, header.shape[0]), 0.0
        for block in archive.blocks("x_test"):
            highest = max(highest, float(block.max()))
            store.write(block)
    images = store.array().reshape(-1, *image_shape(header))
    return TestImages(images, max_pixel or usual_scale(highest) or 255.0)
