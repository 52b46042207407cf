"""What is known of a data set before it is loaded."""

from __future__ import annotations

from dataclasses import dataclass

MNIST_SHA256 = "06af5dfe73b70e3bc1c36439982b18a8d76803db9b544f6fdf838a37fbb01b64"


@dataclass(frozen=True)
class DatasetFacts:
    """A data set's name or file, and the shape of what it holds."""

    name: str
    path: str | None  # absolute, for a file of the user's
    sha256: str | None  # of the file; None where only the download will tell
    image_shape: tuple[int, int, int]  # height, width, channels
    classes: int
    train_images: int
    test_images: int
    empty_classes: tuple[int, ...] = ()  # labels below `classes` that no training image has
    validation_images: int = 0  # of x_val, where it was asked for
    max_pixel: float | None = None  # what pixels are divided by, where a person had to say it
