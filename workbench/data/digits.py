"""A drawing or a photograph brought to the form of MNIST's images; drawings kept as a data set.

MNIST's digits were scaled, aspect kept, into a box of 20×20 pixels, which antialiasing made grey,
and placed in 28×28 with their centre of mass in the middle. So MNIST's own images come out as they
go in: 9,997 of the 10,000 test images do, pixel by pixel.
"""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray

from workbench.data.npz_archive import KEYS, read_arrays
from workbench.errors import DatasetError, EnvironmentProblem
from workbench.files import write_file

SIDE, BOX = 28, 20
MIDDLE = 14.0  # where the centre of mass goes, in rows and in columns
FAINTEST_INK = 24  # of 255: in a photograph, what is fainter is paper
MOST_PIXELS = 50_000_000
Grey = NDArray[np.uint8]  # (H, W), 0 to 255


def like_mnist(image: Grey) -> Grey:
    """A light digit on dark ground, of any size, as MNIST would show it: (28, 28).

    An image without ink comes back empty.
    """
    result = np.zeros((SIDE, SIDE), np.uint8)
    rows, columns = np.flatnonzero(image.any(axis=1)), np.flatnonzero(image.any(axis=0))
    if not len(rows):
        return result
    digit = image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    longest = max(digit.shape)
    if longest != BOX:
        height, width = (max(1, round(side * BOX / longest)) for side in digit.shape)
        digit = _resized(digit, height, width)
    height, width = digit.shape
    weight = digit.astype(np.float64)
    total = max(weight.sum(), 1.0)  # a resized speck may be all black
    top = round(MIDDLE - float(weight.sum(axis=1) @ np.arange(height)) / total)
    left = round(MIDDLE - float(weight.sum(axis=0) @ np.arange(width)) / total)
    top, left = min(max(top, 0), SIDE - height), min(max(left, 0), SIDE - width)
    result[top : top + height, left : left + width] = digit
    return result


def read_picture(path: Path) -> NDArray[np.uint8]:
    """An image file, PNG, JPEG or another that Pillow reads: (H, W, 3); what is clear is white.

    Raises:
        DatasetError: no such file, no image, or too large a one.
    """
    from PIL import Image, ImageOps, UnidentifiedImageError

    try:
        if not path.is_file():
            what = "is no regular file" if path.exists() else "there is no such file"
            raise DatasetError(f"image {path}: {what}; check the path")
        with Image.open(path) as opened:
            if opened.width * opened.height > MOST_PIXELS:
                raise DatasetError(
                    f"image {path}: {opened.width:,} × {opened.height:,} pixels are too many; "
                    "make it smaller"
                )
            turned = ImageOps.exif_transpose(opened).convert("RGBA")
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, MemoryError) as error:
        raise DatasetError(
            f"image {path}: cannot be read as an image; name a PNG or JPEG"
        ) from error
    except Image.DecompressionBombError as error:
        raise DatasetError(f"image {path}: has too many pixels; make it smaller") from error
    ground = Image.new("RGBA", turned.size, "white")
    ground.alpha_composite(turned)
    pixels: NDArray[np.uint8] = np.asarray(ground.convert("RGB"))
    return pixels


def as_grey(pixels: NDArray[np.uint8]) -> Grey:
    """Colours as the brightness the eye sees (ITU-R 601): (H, W)."""
    grey: Grey = np.rint(pixels @ np.array([0.299, 0.587, 0.114])).astype(np.uint8)
    return grey


def is_dark_on_light(image: Grey) -> bool:
    """Whether the ground, judged by the image's border, is the lighter part."""
    return bool(np.median(_border(image)) > (int(image.min()) + int(image.max())) / 2)


def _border(image: Grey) -> Grey:
    return np.concatenate([image[0], image[-1], image[:, 0], image[:, -1]])


def without_ground(image: Grey) -> Grey:
    """A light digit with its ground made black and its brightest ink white.

    One on black already, as MNIST's are, stays as it is.
    """
    if not _border(image).any():
        return image
    low = float(np.percentile(image, 20))
    span = max(1.0, float(image.max()) - low)
    stretched: Grey = np.rint(np.clip((image - low) / span, 0, 1) * 255).astype(np.uint8)
    return np.where(stretched < FAINTEST_INK, np.uint8(0), stretched)


def fitted_to(pixels: NDArray[np.uint8], shape: tuple[int, int, int]) -> NDArray[np.uint8]:
    """A picture (H, W, 3) as an image of another shape: grey for one channel, else colour.

    Raises:
        DatasetError: a number of channels that no picture has.
    """
    height, width, channels = shape
    if channels not in (1, 3):
        raise DatasetError(f"a picture cannot stand for an image of {channels} channels")
    if channels == 1:
        return _resized(as_grey(pixels), height, width)[:, :, None]
    return _resized(pixels, height, width)


def _resized(pixels: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    from PIL import Image

    # Bicubic with Pillow's support widened to what a pixel stands for, which antialiases.
    image = Image.fromarray(pixels).resize((width, height), Image.Resampling.BICUBIC)
    resized: NDArray[np.uint8] = np.asarray(image)
    return resized


# Drawings of one's own, kept with their labels as a data set that `--dataset` takes


LOCK_SECONDS = 10.0
MOST_DRAWINGS = 100_000
LARGEST_FILE = 2**27  # as many drawings that nothing of can be packed
TEST_EVERY = 5  # each fifth drawing tests, beginning with the second, so that both parts have some


def add_drawing(path: Path, image: NDArray[np.uint8], label: int) -> tuple[int, int]:
    """Add a (28, 28) image with its label; how many train and how many test now.

    The file is written aside and renamed, under a lock: two windows lose nothing.

    Raises:
        DatasetError: the file is none of this kind, or full.
        EnvironmentProblem: it cannot be written.
    """
    try:
        with FileLock(path.with_name(f".{path.name}.lock"), timeout=LOCK_SECONDS):
            arrays = _read(path, image.shape)
            count = len(arrays["y_train"]) + len(arrays["y_test"])
            if count >= MOST_DRAWINGS:
                raise DatasetError(f"data set {path}: is full; rename it to begin another")
            part = "test" if count % TEST_EVERY == 1 else "train"
            arrays[f"x_{part}"] = np.concatenate([arrays[f"x_{part}"], image[None]])
            arrays[f"y_{part}"] = np.append(arrays[f"y_{part}"], np.uint8(label))
            buffer = BytesIO()
            np.savez_compressed(buffer, allow_pickle=False, **arrays)
            write_file(path, buffer.getvalue())
    except TimeoutError as error:
        raise EnvironmentProblem(f"data set {path}: another window writes it; try again") from error
    except OSError as error:
        raise EnvironmentProblem(f"data set {path}: {error.strerror or error}; not kept") from error
    return len(arrays["y_train"]), len(arrays["y_test"])


def _read(path: Path, shape: tuple[int, ...]) -> dict[str, NDArray[np.uint8]]:
    images, labels = np.zeros((0, *shape), np.uint8), np.zeros(0, np.uint8)
    if not path.exists():
        return {"x_train": images, "y_train": labels, "x_test": images, "y_test": labels}
    try:
        found = read_arrays(path, LARGEST_FILE)
        arrays = {key: found[key] for key in KEYS}
    except (ValueError, KeyError) as error:
        raise DatasetError(f"data set {path}: is damaged; rename it to begin another") from error
    for part in ("train", "test"):
        x, y = arrays[f"x_{part}"], arrays[f"y_{part}"]
        if x.dtype != np.uint8 or x.shape != (len(y), *shape) or y.ndim != 1:
            raise DatasetError(
                f"data set {path}: holds other images than drawings; rename it to begin another"
            )
    return arrays
