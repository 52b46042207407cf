"""A run's answer for each test image, and the images: read where they are kept or else made.

`predictions.npz` in its folder holds up to `PROBABILITIES_BYTES` all class probabilities as
float16, beyond that only the class and its probability: 200 kB for MNIST, 6 MB for a million images
of any number of classes. Making predictions, and reading a data set that Keras keeps, is done by a
process of its own: whoever asks here may be a screen, which never loads Keras.
"""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.data.catalogue import KERAS_NAMES, NAMED
from workbench.data.npz import TestImages, read_test_images
from workbench.data.npz_archive import read_arrays
from workbench.errors import EnvironmentProblem, RunError
from workbench.files import write_file
from workbench.runs.folder import RunFolder, all_runs
from workbench.runs.process import module_command, module_environment
from workbench.settings import Home

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
        return float(np.mean(self.right))

    @property
    def right(self) -> NDArray[np.bool_]:
        """(N,), whether each image is answered rightly."""
        answers: NDArray[np.bool_] = self.truth == self.predicted
        return answers


def same_images(a: Predictions, b: Predictions) -> bool:
    return a.dataset_sha256 == b.dataset_sha256 and np.array_equal(a.truth, b.truth)


def keeps_probabilities(images: int, classes: int) -> bool:
    """Whether all class probabilities are kept, or only the class and its own."""
    return images * classes * np.dtype(np.float16).itemsize <= PROBABILITIES_BYTES


def to_bytes(predictions: Predictions) -> bytes:
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
        arrays = read_arrays(path, LARGEST_FILE)
        found = Predictions(
            truth=arrays["truth"],
            predicted=arrays["predicted"],
            confidence=arrays["confidence"],
            probabilities=arrays.get("probabilities"),
            classes=int(arrays["classes"]),
            dataset_sha256=str(arrays["dataset_sha256"]),
        )
        if not _is_sound(found):
            raise ValueError("no predictions of this program")
    except FileNotFoundError:
        raise
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise RunError(
            f"run {path.parent.name}: {path} is damaged; delete it, and it is made anew from the "
            "model"
        ) from error
    return found


def _is_sound(found: Predictions) -> bool:
    vectors = (found.truth, found.predicted, found.confidence)
    number, table = len(found), found.probabilities
    return (
        number > 0
        and all(values.shape == (number,) for values in vectors)
        and [values.dtype for values in vectors] == [np.uint16, np.uint16, np.float16]
        and max(found.truth.max(), found.predicted.max()) < found.classes
        and (
            table is None or (table.shape == (number, found.classes) and table.dtype == np.float16)
        )
    )


MAKER = "workbench.training.predictor"
CANNOT = 2  # its exit code for a fault from outside, with the reason as a line on stdout


def save_predictions(folder: RunFolder, predictions: Predictions) -> None:
    """Keep them with the run, whole or not at all.

    Raises:
        OSError: the disk is full or the folder gone.
    """
    write_file(folder.predictions_file, to_bytes(predictions))


def kept_predictions(folder: RunFolder) -> Predictions | None:
    """The run's predictions where they are kept and sound; None where they have to be made."""
    try:
        return read_predictions(folder.predictions_file)
    except (FileNotFoundError, RunError):
        return None


def predictions_of(folder: RunFolder, asking: Callable[[], None] | None = None) -> Predictions:
    """The run's predictions, made anew from its model where there are none that can be used.

    Damaged ones cannot, nor can those of another data set than the run's. `asking` is called
    before the model is asked, which takes some seconds.

    Raises:
        RunError: the run has no model or is not to be tested, or it does not fit its data set any
            more.
        EnvironmentProblem: they cannot be made here.
    """
    # Of a script's run there is no spec: it answers nothing here, whatever it keeps.
    spec, kept = folder.spec, kept_predictions(folder)
    dataset = spec.dataset
    named = NAMED.get(dataset.name) if dataset.path is None else None
    known = dataset.sha256 or (named.sha256 if named else None)
    if kept is not None and known in (None, kept.dataset_sha256):
        return kept
    if not spec.tested:
        raise RunError(
            f"run {folder.run_id}: a trial of a search, chosen by validation images and never "
            "tested; look at a run that has the chosen settings"
        )
    if not folder.model_file.is_file():
        what = "keeps no trained model"
        if kept is not None:
            what = f"has predictions of another data set, and {what} to make them anew"
        raise RunError(
            f"run {folder.run_id}: it {what}; look at a run that has finished, or "
            f"`mnist-workbench resume {folder.run_id}` first"
        )
    if asking is not None:
        asking()
    make(folder)
    return read_predictions(folder.predictions_file)


def make(folder: RunFolder) -> None:
    """Make the predictions from the model; takes some seconds, most of them for TensorFlow."""
    _ask_maker(folder, "predictions", str(folder.path))


def images_of(folder: RunFolder) -> TestImages:
    """The test images of the run's data set.

    Raises:
        UserError: the data set is gone, damaged, or another than the run was trained on.
    """
    dataset = folder.spec.dataset
    if dataset.name not in KERAS_NAMES or dataset.path is not None:
        path = Path(dataset.path) if dataset.path else None
        return read_test_images(path, dataset.sha256, dataset.max_pixel)
    with tempfile.TemporaryDirectory(prefix="mnist-workbench-") as scratch:
        file = Path(scratch) / "images.npy"
        _ask_maker(folder, "images", str(folder.path), str(file))
        return TestImages(np.load(file, allow_pickle=False), 255.0)


def other_answers(home: Home, predictions: Predictions, run_id: str) -> dict[str, Predictions]:
    """Kept predictions of this home's other runs for the same images, by the runs' ids."""
    runs = {folder.run_id: folder for folder in all_runs(home) if folder.run_id != run_id}
    found = ((name, kept_predictions(folder)) for name, folder in sorted(runs.items()))
    return {name: kept for name, kept in found if kept and same_images(predictions, kept)}


def _ask_maker(folder: RunFolder, *arguments: str) -> None:
    try:
        done = subprocess.run(
            module_command(MAKER, *arguments),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            env=module_environment(),
            cwd=folder.path.parent,
            check=False,
        )
    except OSError as error:
        raise EnvironmentProblem(f"run {folder.run_id}: {MAKER} cannot start: {error}") from error
    if done.returncode == CANNOT:
        raise RunError(f"run {folder.run_id}: {done.stdout.strip().splitlines()[-1]}")
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        raise EnvironmentProblem(f"run {folder.run_id}: its {arguments[0]} cannot be had: {last}")
