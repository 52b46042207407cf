"""A data set as arrays, as the file holds them: not yet scaled, not yet one-hot."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class ArrayDataset:
    """Images and labels for training and test, and the file's own for validation.

    Section 1 of the paper divides pixels by 255 and one-hot encodes labels; `pixel_scale` is
    that divisor, 1 where the pixels lie within 0 to 1 already, or what the user named. Who
    trains applies both.
    """

    x_train: NDArray[Any]  # (N, H, W, C), bool, integer or float as stored, native byte order
    y_train: NDArray[np.int64]  # (N,), 0 to classes − 1
    x_test: NDArray[Any]  # (M, H, W, C)
    y_test: NDArray[np.int64]  # (M,)
    classes: int
    image_shape: tuple[int, int, int]  # height, width, channels
    sha256: str  # of the file, or of the arrays' bytes where Keras brought them
    pixel_scale: float  # what pixels are divided by
    x_val: NDArray[Any] | None = None  # (V, H, W, C), where the file's own were asked for
    y_val: NDArray[np.int64] | None = None  # (V,)
