"""The data sets known by name, and the facts of any name or file."""

from __future__ import annotations

import math
import os
from pathlib import Path

from workbench.data.facts import MNIST_SHA256, DatasetFacts
from workbench.errors import DatasetError, nearest

NAMED: dict[str, DatasetFacts] = {
    facts.name: facts
    for facts in (
        DatasetFacts("mnist", None, MNIST_SHA256, (28, 28, 1), 10, 60_000, 10_000),
        DatasetFacts("fashion_mnist", None, None, (28, 28, 1), 10, 60_000, 10_000),
        DatasetFacts("cifar10", None, None, (32, 32, 3), 10, 50_000, 10_000),
        DatasetFacts("cifar100", None, None, (32, 32, 3), 100, 50_000, 10_000),
    )
}
DATASET_NAMES = tuple(NAMED)
# What Keras fetches at first use, and where below its folder of data sets it looks before.
KERAS_FILES: dict[str, tuple[str, ...]] = {
    "fashion_mnist": (
        "fashion-mnist/train-labels-idx1-ubyte.gz",
        "fashion-mnist/train-images-idx3-ubyte.gz",
        "fashion-mnist/t10k-labels-idx1-ubyte.gz",
        "fashion-mnist/t10k-images-idx3-ubyte.gz",
    ),
    "cifar10": ("cifar-10-batches-py-target_archive",),
    "cifar100": ("cifar-100-python-target_archive",),
}
KERAS_NAMES = tuple(KERAS_FILES)


def keras_folder() -> Path:
    home = Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras").expanduser()
    if not os.access(home, os.W_OK):
        home = Path("/tmp/.keras")  # where Keras itself falls back to
    return home / "datasets"


def describe_dataset(
    name_or_path: str, max_pixel: float | None = None, *, own_validation: bool = False
) -> DatasetFacts:
    """The facts of a named data set at once, or of an `.npz` file after looking through it.

    `max_pixel` is what the file's pixels are divided by, where neither 255 nor 1 is meant. With
    `own_validation` the file's x_val and y_val are looked at as well.

    Raises:
        DatasetError: neither a name nor a usable file; the message says what would be.
    """
    if max_pixel is not None and not 0 < max_pixel < math.inf:
        raise DatasetError(f"must be more than 0 (given: {max_pixel:g})", about="max_pixel")
    if name_or_path in NAMED:
        if max_pixel is not None:
            raise DatasetError(f"{name_or_path} goes to 255; leave it out", about="max_pixel")
        if own_validation:
            words = f"{name_or_path} brings no images for it; hold some out, as in 0.15"
            raise DatasetError(words, about="validation")
        return NAMED[name_or_path]
    if _names_a_file(name_or_path):
        # Only files need NumPy, and commands that take a name start faster without it.
        from workbench.data.npz import inspect_npz

        return inspect_npz(Path(name_or_path), max_pixel, own_validation=own_validation)
    raise unknown_dataset(name_or_path)


def dataset_with(image_shape: tuple[int, int, int], classes: int) -> DatasetFacts | None:
    """The first named data set of such images and classes: MNIST where they are its own."""
    wanted = (image_shape, classes)
    return next(
        (facts for facts in NAMED.values() if (facts.image_shape, facts.classes) == wanted), None
    )


def unknown_dataset(name: str) -> DatasetError:
    hint = nearest(name.lower().replace("-", "_"), list(DATASET_NAMES))
    possible = "" if hint.startswith("known") else f"known: {', '.join(DATASET_NAMES)}; "
    return DatasetError(f'no data set "{name}": {hint} ({possible}or the path of an .npz file)')


def _names_a_file(text: str) -> bool:
    if text.lower().endswith(".npz") or "/" in text:
        return True
    try:
        return Path(text).exists()
    except (OSError, ValueError):  # a name too long for a file, or with a NUL in it
        return False
