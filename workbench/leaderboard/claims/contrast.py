"""Whether two rows differ by more than runs of one row do.

Two means differ clearly where a two-sided t test at the 5 % level says so: Welch's, where both
rows have two runs or more; else with the spread of other rows like them, since a single run has
none of its own.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum

from workbench.leaderboard.claims.sample import Sample
from workbench.leaderboard.prediction import student

# Half a test image of 10,000: below that, two means are the same.
SAME = 0.5e-4


class Standing(Enum):
    """How one row stands to another."""

    ABOVE = "above"
    BELOW = "below"
    OPEN = "open"  # not told apart by our runs


@dataclass(frozen=True)
class Spread:
    """The standard deviation of runs of one row, as rows with several runs show it."""

    deviation: float
    freedom: int
    rows: int

    @property
    def text(self) -> str:
        """What single runs were judged by, as a sentence."""
        rows = "one row" if self.rows == 1 else f"{self.rows} rows"
        return (
            f"Single runs are judged by the spread of {rows} with several "
            f"(± {100 * self.deviation:.2f} points)."
        )


def pooled_spread(samples: Iterable[Sample]) -> Spread | None:
    """The common spread of the rows with two runs or more; None if there is none."""
    several = [sample for sample in samples if sample.n > 1]
    freedom = sum(sample.n - 1 for sample in several)
    if not freedom:
        return None
    squares = sum((sample.n - 1) * sample.variance for sample in several)
    return Spread(math.sqrt(squares / freedom), freedom, len(several))


def difference(one: Sample, other: Sample) -> float:
    """The first mean minus the second, in percentage points; both rows must have runs."""
    return 100 * (one.mean - other.mean)


def standing(one: Sample, other: Sample, spread: Spread | None = None) -> Standing:
    """How the first row stands to the second. `spread` is of rows like them."""
    least = least_clear(one, other, spread)
    gap = one.mean - other.mean
    if least is None or abs(gap) < max(least, SAME):
        return Standing.OPEN
    return Standing.ABOVE if gap > 0 else Standing.BELOW


def least_clear(one: Sample, other: Sample, spread: Spread | None) -> float | None:
    """The least difference of the means (a fraction) that is clear; None if no spread is known."""
    if one.n > 1 and other.n > 1:
        parts = [side.variance / side.n for side in (one, other)]
        total = sum(parts)
        if total:  # else both happen to have equal runs, which tells nothing of the spread
            freedom = total**2 / sum(
                part**2 / (side.n - 1) for part, side in zip(parts, (one, other), strict=True)
            )
            return student(freedom) * math.sqrt(total)
    if spread is None or not spread.deviation:
        return None
    error = spread.deviation * math.sqrt(1 / one.n + 1 / other.n)
    return student(spread.freedom) * error


def borrowed(spread: Spread | None, samples: Sequence[Sample]) -> str:
    """What to say of single runs among the samples; nothing where there are none."""
    if all(sample.n != 1 for sample in samples):
        return ""
    if spread is None:
        return "How far runs of one row lie apart is not known yet; more seeds would tell."
    return spread.text
