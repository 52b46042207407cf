"""Drawings of one's own, kept with their labels as a data set that `--dataset` takes."""

from __future__ import annotations

import zipfile
import zlib
from io import BytesIO
from pathlib import Path

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray

from workbench.errors import DatasetError, EnvironmentProblem
from workbench.files import write_file

LOCK_SECONDS = 10.0
MOST_DRAWINGS = 100_000
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
            _write(path, arrays)
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
        with np.load(path, allow_pickle=False) as archive:
            arrays = {key: archive[key] for key in ("x_train", "y_train", "x_test", "y_test")}
    except (ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise DatasetError(f"data set {path}: is damaged; rename it to begin another") from error
    for part in ("train", "test"):
        x, y = arrays[f"x_{part}"], arrays[f"y_{part}"]
        if x.dtype != np.uint8 or x.shape != (len(y), *shape) or y.ndim != 1:
            raise DatasetError(
                f"data set {path}: holds other images than drawings; rename it to begin another"
            )
    return arrays


def _write(path: Path, arrays: dict[str, NDArray[np.uint8]]) -> None:
    buffer = BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    write_file(path, buffer.getvalue())
