"""Where one further run would lie, by the runs there are."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

# Student's t, two-sided 5 %, by degrees of freedom from 1 on.
_STUDENT = (
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228,
    2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086,
    2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
)  # fmt: skip
# float32 accuracies are a little off the decimal ones.
_TINY = 1e-6


def student(freedom: float) -> float:
    """The quantile of Student's t, two-sided 5 %, for these degrees of freedom (1 or more)."""
    place = max(1, math.floor(freedom))
    return _STUDENT[place - 1] if place <= len(_STUDENT) else 1.96 + 2.5 / place


def within_spread(value: float, accuracies: Sequence[float]) -> bool | None:
    """Whether a single run's accuracy lies where these runs lie; None where they do not tell.

    It does between the worst and the best of them, and where 95 % of further runs of the same
    kind would lie (the prediction interval of Student's t). One run, or runs that all came out
    equal, tell no spread. Two tell so little of it (the interval reaches 15 of their standard
    deviations) that of what lies outside of them only a "no" says anything.
    """
    if len(accuracies) < 2:
        return None
    if min(accuracies) - _TINY <= value <= max(accuracies) + _TINY:
        return True
    deviation = statistics.stdev(accuracies)
    if deviation < _TINY:
        return None
    n = len(accuracies)
    reach = student(n - 1) * deviation * math.sqrt(1 + 1 / n)
    inside = abs(value - statistics.fmean(accuracies)) <= reach + _TINY
    return None if inside and n == 2 else inside
