"""Networks that give one answer to every image: how they are told from those that learned."""

from __future__ import annotations

from collections.abc import Sequence

# How many of MNIST's 10,000 test images show each digit: what a network scores that answers
# this digit to every image.
MNIST_TEST_COUNTS = (980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009)
MNIST_TEST_IMAGES = 10_000
# float32 keeps 0.1135 as 0.11349999904…; shares of different digits lie further apart.
TOLERANCE = 1e-6


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
