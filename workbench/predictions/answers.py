"""One model's answers: its mistakes, its results class by class, whether its confidence holds."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.errors import RunError
from workbench.formats import percent
from workbench.predictions.of_run import Predictions

Indices = NDArray[np.intp]


def mistakes(
    predictions: Predictions, true: int | None = None, predicted: int | None = None
) -> Indices:
    """Indices of wrongly answered images, the surest mistake first; of equals, the first image.

    `true` and `predicted` keep only images of that class, and those taken for that class.

    Raises:
        RunError: the data set has no such class.
    """
    chosen = ~predictions.right
    for name, wanted, found in (
        ("true", true, predictions.truth),
        ("predicted", predicted, predictions.predicted),
    ):
        if wanted is None:
            continue
        if not 0 <= wanted < predictions.classes:
            raise RunError(
                f"{name}: must be a class from 0 to {predictions.classes - 1} (given: {wanted})"
            )
        chosen &= found == wanted
    indices = np.flatnonzero(chosen)
    return indices[np.argsort(-predictions.confidence[indices].astype(np.float32), kind="stable")]


def wrong_in(index: int, runs: Mapping[str, Predictions]) -> list[str]:
    """Which of these runs, by their ids, get the image wrong."""
    return [name for name, run in runs.items() if run.truth[index] != run.predicted[index]]


def caption_of(predictions: Predictions, index: int) -> str:
    """The line that goes with an image: what it is, what it was taken for, and how surely."""
    true, answer = predictions.truth[index], predictions.predicted[index]
    return f"{true} → {answer} {100 * float(predictions.confidence[index]):.0f} %"


def best_guesses(predictions: Predictions, index: int, most: int = 3) -> list[tuple[int, float]]:
    """The most probable classes of an image with their probabilities, the likeliest first."""
    table = predictions.probabilities
    if table is None:
        return [(int(predictions.predicted[index]), float(predictions.confidence[index]))]
    row = table[index].astype(np.float32)
    order = np.argsort(-row, kind="stable")[:most]
    return [(int(answer), float(row[answer])) for answer in order]


CALIBRATION_BINS = 15


@dataclass(frozen=True)
class ClassResult:
    """One class. Precision is None where nothing was taken for it, recall where it has no image."""

    number: int
    images: int  # of this class
    taken: int  # images taken for this class
    right: int  # both

    @property
    def precision(self) -> float | None:
        """The share of right answers among the images taken for this class."""
        return self.right / self.taken if self.taken else None

    @property
    def recall(self) -> float | None:
        """The share of right answers among the images of this class."""
        return self.right / self.images if self.images else None

    @property
    def f1(self) -> float | None:
        """The harmonic mean of precision and recall; None where the class never came up."""
        count = self.images + self.taken
        return 2 * self.right / count if count else None

    def to_json(self) -> dict[str, Any]:
        return {
            "class": self.number,
            "images": self.images,
            "precision": self.precision,
            "recall": self.recall,
            "f1": self.f1,
        }


class ClassOrder(StrEnum):
    """By what classes are sorted; by a measure the worst come first."""

    CLASS = "class"
    PRECISION = "precision"
    RECALL = "recall"
    F1 = "f1"

    def sort(self, results: Iterable[ClassResult]) -> list[ClassResult]:
        """The results in this order; a class that lacks the measure counts as worst."""
        if self is ClassOrder.CLASS:
            return sorted(results, key=lambda result: result.number)
        return sorted(results, key=lambda one: (getattr(one, self.value) or 0.0, one.number))


def by_class(predictions: Predictions) -> list[ClassResult]:
    """The result of each class, in order of their numbers."""
    classes = predictions.classes
    images = np.bincount(predictions.truth, minlength=classes)
    taken = np.bincount(predictions.predicted, minlength=classes)
    right = np.bincount(predictions.truth[predictions.right], minlength=classes)
    return [
        ClassResult(number, int(images[number]), int(taken[number]), int(right[number]))
        for number in range(classes)
    ]


@dataclass(frozen=True)
class CalibrationBin:
    """Answers whose confidence lies above `low` and up to `high`, as fractions."""

    low: float
    high: float
    images: int
    confidence: float  # their mean; nan without images
    accuracy: float  # the share that is right; nan without images

    def to_json(self) -> dict[str, Any]:
        """As commands write it, with nothing in place of nan."""
        return asdict(self) | ({} if self.images else {"confidence": None, "accuracy": None})


@dataclass(frozen=True)
class Calibration:
    """How far confidence and accuracy lie apart.

    `error` is the expected calibration error: the mean over images of the distance between the
    accuracy and the mean confidence of their bin (Guo et al., 2017), as a fraction.
    """

    bins: tuple[CalibrationBin, ...]
    error: float

    @property
    def overconfident(self) -> bool:
        """Whether answers are less often right than their confidence says."""
        return sum(part.images * (part.confidence - part.accuracy) for part in self.filled) > 0

    @property
    def filled(self) -> list[CalibrationBin]:
        return [part for part in self.bins if part.images]

    @property
    def sentence(self) -> str:
        side = "too sure" if self.overconfident else "not too sure"
        return (
            f"Calibration: confidence and accuracy lie {percent(self.error)} apart on average "
            f"(expected calibration error, {len(self.bins)} bins); on the whole the model is "
            f"{side}."
        )

    def to_json(self) -> dict[str, Any]:
        return {"expected_error": self.error, "bins": [part.to_json() for part in self.bins]}


def calibration(predictions: Predictions, bins: int = CALIBRATION_BINS) -> Calibration:
    """The reliability of the confidences in `bins` bins of equal width."""
    confidence = predictions.confidence.astype(np.float64)
    place = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
    images = np.bincount(place, minlength=bins)
    sums = np.bincount(place, weights=confidence, minlength=bins)
    right = np.bincount(place, weights=predictions.right, minlength=bins)
    parts = tuple(
        CalibrationBin(
            low=number / bins,
            high=(number + 1) / bins,
            images=int(count),
            confidence=float(sums[number] / count) if count else math.nan,
            accuracy=float(right[number] / count) if count else math.nan,
        )
        for number, count in enumerate(images)
    )
    return Calibration(parts, float(np.abs(sums - right).sum() / len(predictions)))
