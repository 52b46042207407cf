"""How a run came out, in one word; and networks that give one answer to every image."""

from __future__ import annotations

from enum import StrEnum

from workbench.runs.folder import RunStatus
from workbench.runs.summary import RunSummary

# How many of MNIST's 10,000 test images show each digit: what a network scores that answers
# this digit to every image.
MNIST_TEST_COUNTS = (980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009)
MNIST_TEST_IMAGES = 10_000
# float32 keeps 0.1135 as 0.11349999904…; shares of different digits lie further apart.
TOLERANCE = 1e-6


class Outcome(StrEnum):
    """A run's status, with the two endings that a status does not tell."""

    QUEUED = "queued"
    RUNNING = "running"
    PAUSED = "paused"
    FINISHED = "finished"
    STOPPED = "stopped"
    FAILED = "failed"
    CRASHED = "crashed"
    DIVERGED = "diverged"  # the loss left the numbers
    COLLAPSED = "collapsed"  # trained to the end, answers one digit to every image


def outcome(summary: RunSummary) -> Outcome:
    """How the run came out."""
    if summary.diverged:
        return Outcome.DIVERGED
    if summary.status is RunStatus.FINISHED and collapsed_to(summary) is not None:
        return Outcome.COLLAPSED
    return Outcome(summary.status.value)


def collapsed_to(summary: RunSummary) -> int | None:
    """The digit a run's network answers to every test image; None if it tells them apart."""
    if summary.dataset != "mnist" or summary.test_accuracy is None:
        return None
    return constant_answer(summary.test_accuracy)


def constant_answer(accuracy: float) -> int | None:
    """The digit whose share of MNIST's test images is exactly this accuracy; None if none is."""
    if accuracy > 0.12:  # as nearly all are
        return None
    for digit, count in enumerate(MNIST_TEST_COUNTS):
        if abs(accuracy - count / MNIST_TEST_IMAGES) < TOLERANCE:
            return digit
    return None


def collapse_remark(accuracy: float, digit: int) -> str:
    """What an accuracy of a constant answer means, as a sentence."""
    return (
        f"{100 * accuracy:.2f} % is what a network scores that answers {digit} to every test image."
    )
