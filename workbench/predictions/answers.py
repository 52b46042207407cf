"""What models answer: one's mistakes, its results class by class, whether its confidence holds;
and several compared image by image, and together."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.errors import RunError
from workbench.formats import count, percent
from workbench.predictions.of_run import Predictions, same_images

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
        seen = self.images + self.taken
        return 2 * self.right / seen if seen else None

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
            images=int(inside),
            confidence=float(sums[number] / inside) if inside else math.nan,
            accuracy=float(right[number] / inside) if inside else math.nan,
        )
        for number, inside in enumerate(images)
    )
    return Calibration(parts, float(np.abs(sums - right).sum() / len(predictions)))


# Several models, image by image


@dataclass(frozen=True, eq=False)
class Pair:
    """Two models, A and B, on the same images; each array holds the indices of its images.

    `p_value` is that of McNemar's exact test: how often two equally good models would differ at
    least as much by chance, as a fraction.
    """

    only_a: Indices
    only_b: Indices
    both: Indices
    neither: Indices
    p_value: float


def check_comparable(runs: Sequence[tuple[str, Predictions]]) -> None:
    """Refuse runs which did not answer the same images.

    Raises:
        RunError: another data set, or another number of images.
    """
    (first_id, first), *others = runs
    for run_id, other in others:
        if not same_images(first, other):
            raise RunError(
                f"runs {first_id} and {run_id} were tested on different images; choose runs of "
                "one data set"
            )


def compare_two(a: Predictions, b: Predictions) -> Pair:
    """Two models' answers side by side; both must stand for the same images."""
    from scipy.stats import binomtest  # loading it takes longer than everything else here

    right_a, right_b = a.right, b.right
    only_a, only_b = np.flatnonzero(right_a & ~right_b), np.flatnonzero(right_b & ~right_a)
    split = len(only_a) + len(only_b)
    return Pair(
        only_a=only_a,
        only_b=only_b,
        both=np.flatnonzero(right_a & right_b),
        neither=np.flatnonzero(~right_a & ~right_b),
        p_value=float(binomtest(len(only_b), split, 0.5).pvalue) if split else 1.0,
    )


def pair_sentence(pair: Pair, name_a: str, name_b: str) -> str:
    """The comparison as a student would say it."""
    lead = len(pair.only_b) - len(pair.only_a)
    if lead == 0:
        return f"{name_a} and {name_b} are right equally often."
    ahead, behind = (name_b, name_a) if lead > 0 else (name_a, name_b)
    return (
        f"{ahead} is right on {count(abs(lead), 'image')} more than {behind}; "
        f"two equally good models differ this much by chance {chance(pair.p_value)}."
    )


def chance(probability: float) -> str:
    """A probability in words: `in 2 of 1,000 cases`."""
    if probability >= 0.995:
        return "nearly always"
    for of in (100, 1_000, 10_000, 100_000, 1_000_000):
        cases = round(probability * of)
        if cases >= 1 and (cases >= 10 or of > 100 or probability * of >= 1):
            return f"in {cases:,} of {of:,} cases"
    return "in less than 1 of 1,000,000 cases"


@dataclass(frozen=True, eq=False)
class Together:
    """Several models on the same images. Accuracies are fractions.

    `mean_probability` is None where a run keeps no probabilities. `agreement[i, j]` is the share of
    images that models i and j answer alike; `wrong[n]` counts the models that get image n wrong.
    """

    accuracies: tuple[float, ...]
    vote: float
    mean_probability: float | None
    agreement: NDArray[np.float64]
    wrong: NDArray[np.intp]

    @property
    def hardest(self) -> Indices:
        """Images that some model gets wrong, those with the most wrong answers first."""
        some = np.flatnonzero(self.wrong)
        return some[np.argsort(-self.wrong[some], kind="stable")]

    @property
    def sentence(self) -> str:
        """What they reach together, beside the best of them."""
        vote = f"majority vote {percent(self.vote)}"
        if self.mean_probability is not None:
            vote = f"mean probability {percent(self.mean_probability)}, {vote}"
        return f"Together: {vote}; the best alone {percent(max(self.accuracies))}."


def compare_all(runs: Sequence[Predictions]) -> Together:
    """What models on the same images reach together.

    A tie between classes in the vote goes to the one with the higher summed confidence of those
    who voted for it.
    """
    truth, classes = runs[0].truth, runs[0].classes
    answers = np.stack([run.predicted for run in runs])
    tables = [run.probabilities for run in runs if run.probabilities is not None]
    mean = None
    if len(tables) == len(runs):
        total = sum(table.astype(np.float32) for table in tables)
        mean = float(np.mean(np.argmax(total, axis=1) == truth))
    agreement = np.array([[float(np.mean(a == b)) for b in answers] for a in answers])
    return Together(
        accuracies=tuple(run.accuracy for run in runs),
        vote=float(np.mean(_vote(runs, classes) == truth)),
        mean_probability=mean,
        agreement=agreement,
        wrong=(answers != truth).sum(axis=0),
    )


def _vote(runs: Sequence[Predictions], classes: int) -> NDArray[np.intp]:
    """The class most models answer for each image, some images at a time: (N,)."""
    images = len(runs[0])
    winners = np.empty(images, np.intp)
    step = max(1, 2**22 // classes)
    for start in range(0, images, step):
        part = slice(start, min(start + step, images))
        rows = np.arange(part.stop - part.start)
        votes = np.zeros((len(rows), classes), np.float64)
        for run in runs:
            # Below one vote in all, whatever the number of models: it decides ties alone.
            weight = 1 + run.confidence[part].astype(np.float64) / (len(runs) + 1)
            votes[rows, run.predicted[part]] += weight
        winners[part] = votes.argmax(axis=1)
    return winners
