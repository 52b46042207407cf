"""Which test images a model gets wrong, the surest mistakes first."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from workbench.errors import RunError
from workbench.predictions.file import Predictions

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
