"""`predictions.npz` in a run's folder: the trained model's answer for each test image.

Up to `PROBABILITIES_BYTES` it holds all class probabilities as float16, beyond that only the class
and its probability: 200 kB for MNIST, 6 MB for a million images of any number of classes.
"""

from __future__ import annotations

import zipfile
import zlib
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.errors import RunError

PROBABILITIES_BYTES = 4 * 2**20
LARGEST_FILE = 2**28  # far above what is ever written: 40 million images


@dataclass(frozen=True, eq=False)
class Predictions:
    """Answers for N test images, in the order of the data set.

    `confidence` is the probability of the predicted class, 0 to 1; `probabilities` is None where
    N times the number of classes is too many to keep.
    """

    truth: NDArray[np.uint16]  # (N,), the class each image is of
    predicted: NDArray[np.uint16]  # (N,), the most probable class, the first of equals
    confidence: NDArray[np.float16]  # (N,)
    probabilities: NDArray[np.float16] | None  # (N, classes)
    classes: int
    dataset_sha256: str

    def __len__(self) -> int:
        return len(self.truth)

    @property
    def accuracy(self) -> float:
        """The share of images answered rightly."""
        return float(np.mean(self.right))

    @property
    def right(self) -> NDArray[np.bool_]:
        """(N,), whether each image is answered rightly."""
        answers: NDArray[np.bool_] = self.truth == self.predicted
        return answers


def keeps_probabilities(images: int, classes: int) -> bool:
    """Whether all class probabilities are kept, or only the class and its own."""
    return images * classes * np.dtype(np.float16).itemsize <= PROBABILITIES_BYTES


def to_bytes(predictions: Predictions) -> bytes:
    """The content of the file."""
    arrays: dict[str, NDArray[Any]] = {
        "truth": predictions.truth,
        "classes": np.uint32(predictions.classes),  # type: ignore[dict-item]  # saved as 0-d
        "dataset_sha256": np.array(predictions.dataset_sha256),
    }
    if predictions.probabilities is not None:
        arrays["probabilities"] = predictions.probabilities
    # float16 may make two classes equal: the class is kept as the model gave it.
    arrays["predicted"] = predictions.predicted
    arrays["confidence"] = predictions.confidence
    buffer = BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def read_predictions(path: Path) -> Predictions:
    """The predictions in a file.

    Raises:
        FileNotFoundError: there is none.
        RunError: the file is damaged.
    """
    try:
        if path.stat().st_size > LARGEST_FILE or not path.is_file():
            raise ValueError("no file of this program")
        with np.load(path, allow_pickle=False) as archive:
            found = Predictions(
                truth=_vector(archive, "truth", np.uint16),
                predicted=_vector(archive, "predicted", np.uint16),
                confidence=_vector(archive, "confidence", np.float16),
                probabilities=archive.get("probabilities"),
                classes=int(archive["classes"]),
                dataset_sha256=str(archive["dataset_sha256"]),
            )
        _check(found)
    except FileNotFoundError:
        raise
    except (
        OSError,
        ValueError,
        TypeError,
        KeyError,
        EOFError,
        OverflowError,
        MemoryError,
        zipfile.BadZipFile,
        zlib.error,
    ) as error:
        raise RunError(
            f"run {path.parent.name}: {path} is damaged; delete it, and it is made anew from the "
            "model"
        ) from error
    return found


def _vector(archive: Any, key: str, kind: type[np.generic]) -> NDArray[Any]:
    values = archive[key]
    if values.ndim != 1 or values.dtype != kind:
        raise ValueError(f"{key}: {values.dtype} {values.shape}")
    checked: NDArray[Any] = values
    return checked


def _check(found: Predictions) -> None:
    count, classes = len(found), found.classes
    table = found.probabilities
    if not count or not len(found.predicted) == len(found.confidence) == count:
        raise ValueError("lengths differ")
    if max(found.truth.max(), found.predicted.max()) >= classes:
        raise ValueError("a class that is none")
    if table is not None and (table.shape != (count, classes) or table.dtype != np.float16):
        raise ValueError(f"probabilities: {table.dtype} {table.shape}")
