"""Models compared image by image: what only one gets right, and what they get right together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workbench.errors import RunError
from workbench.formats import count, percent
from workbench.predictions.answers import Indices
from workbench.predictions.of_run import Predictions, same_images


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
