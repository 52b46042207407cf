"""Trainings that came to nothing: a loss that is no number or runs away, and networks that give
one answer to every image.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from workbench.runs.events import Batch

# A loss this many times what guessing would give is no longer learning.
RUNAWAY_FACTOR = 3.0
RECENT = 5  # chunks in a row that must be that bad; one alone is chance
# How many of MNIST's 10,000 test images show each digit: what a network scores that answers
# this digit to every image.
MNIST_TEST_COUNTS = (980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009)
MNIST_TEST_IMAGES = 10_000
# float32 keeps 0.1135 as 0.11349999904…; shares of different digits lie further apart.
TOLERANCE = 1e-6


@dataclass(frozen=True)
class Trouble:
    step: int
    words: str


class Watch:
    """Looks at each chunk once and remembers where trouble began."""

    def __init__(self, classes: int | None) -> None:
        # Of a script nobody knows what guessing would give.
        self._guessing = math.log(max(2, classes)) if classes is not None else math.inf
        self._bad: list[Batch] = []
        self.not_a_number: Trouble | None = None
        self.runaway: Trouble | None = None

    def look(self, batch: Batch) -> None:
        loss = batch.values.get("loss")
        if loss is None:
            return
        if not math.isfinite(loss):
            if self.not_a_number is None:
                words = (
                    f"the loss is not a number from epoch {batch.epoch}, step {batch.step:,} on: "
                    "diverged; a lower learning rate may fix it"
                )
                self.not_a_number = Trouble(batch.step, words)
            return
        if loss <= RUNAWAY_FACTOR * self._guessing:
            self._bad.clear()
            # It came down again: the words would no longer be true.
            self.runaway = None
            return
        if len(self._bad) < RECENT:
            self._bad.append(batch)
        if len(self._bad) == RECENT and self.runaway is None:
            first = self._bad[0]
            words = (
                f"the loss has run away since epoch {first.epoch}, step {first.step:,}: guessing "
                f"would give {self._guessing:.2f}; a lower learning rate may fix it"
            )
            self.runaway = Trouble(first.step, words)

    def forget_after(self, step: int) -> None:
        """A resumed run trains again what lay beyond `step`."""
        self._bad.clear()
        if self.not_a_number is not None and self.not_a_number.step > step:
            self.not_a_number = None
        if self.runaway is not None and self.runaway.step > step:
            self.runaway = None

    @property
    def trouble(self) -> Trouble | None:
        """The worst of what is the matter now; None when all is well."""
        return self.not_a_number or self.runaway


def only_answer(confusion: Sequence[Sequence[int]]) -> int | None:
    """The class that was answered to every image, by `confusion[true][predicted]`.

    None where several were, or where the images are of one class only.
    """
    answered = [place for place, column in enumerate(zip(*confusion, strict=True)) if any(column)]
    classes = sum(any(row) for row in confusion)
    return answered[0] if len(answered) == 1 and classes > 1 else None


def constant_answer(accuracy: float) -> int | None:
    """The digit whose share of MNIST's test images is exactly this accuracy; None if none is.

    For what has no confusion matrix: the paper's own results, and entries of earlier versions.
    """
    if accuracy > 0.12:  # as nearly all are
        return None
    for digit, count in enumerate(MNIST_TEST_COUNTS):
        if abs(accuracy - count / MNIST_TEST_IMAGES) < TOLERANCE:
            return digit
    return None


def collapsed_epochs(accuracies: Sequence[float]) -> list[int]:
    """The epochs, from 1, after which a network on MNIST answered one digit to every image."""
    return [
        epoch
        for epoch, accuracy in enumerate(accuracies, 1)
        if constant_answer(accuracy) is not None
    ]


def collapse_remark(accuracy: float, answer: int) -> str:
    """What an accuracy of a constant answer means, as a sentence."""
    return (
        f"{100 * accuracy:.2f} % is what a network scores that answers {answer} to every test "
        "image."
    )
