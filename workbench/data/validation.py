"""Which training images are held out for validation."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def held_out(labels: NDArray[np.int64], images: int, seed: int) -> NDArray[np.int32]:
    """The places of the images held out, ascending: (images,), of labels (N,) with N > images.

    Stratified: each class gives its share, rounded so that the counts add up. Depends on nothing
    but the arguments, and so is the same for all trainings that are to be compared.
    """
    classes, members = np.unique(labels, return_counts=True)
    shares = members * (images / len(labels))
    counts = np.floor(shares).astype(np.int64)
    # What is left over goes to the classes that lost most by rounding, the first of equals.
    short = np.argsort(counts - shares, kind="stable")[: images - int(counts.sum())]
    counts[short] += 1
    draw = np.random.default_rng(seed)
    chosen = [
        draw.permutation(np.flatnonzero(labels == label))[:count]
        for label, count in zip(classes, counts, strict=True)
    ]
    return np.sort(np.concatenate(chosen)).astype(np.int32)
