"""What runs tell beyond chance: Student's t with a pooled spread, Holm's correction, intervals.

All tests are two-sided at the 5 % level, all intervals hold 95 %. SciPy is imported where a
figure is asked for: nothing that only lists runs waits for it.
"""

from __future__ import annotations

import math
import statistics
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

LEVEL = 0.05
# A row that spreads so much more than the rest as chance makes none of the rows in 95 of 100
# cases (F test, Bonferroni over the rows) keeps a spread of its own.
NOISY_LEVEL = 0.05
# Half a test image of 10,000: below that, two means are the same.
SAME = 0.5e-4
# In how many cases the seeds that are asked for would decide a difference of the size seen.
POWER = 0.8
MOST_SEEDS = 99
# Up to how many runs the paper's best of several may be of.
MOST_RUNS = 10
# float32 accuracies are a little off the decimal ones.
_TINY = 1e-6


class Standing(Enum):
    ABOVE = "above"
    BELOW = "below"
    OPEN = "open"  # not told apart by our runs


@dataclass(frozen=True)
class Spread:
    """An estimate of the variance of runs of one row, from `rows` rows with several runs."""

    variance: float
    freedom: int
    rows: int

    @property
    def deviation(self) -> float:
        """The standard deviation, as a fraction."""
        return math.sqrt(self.variance)


@dataclass(frozen=True)
class Estimate:
    """A row's mean accuracy over `n` runs, and the spread of single runs that it is judged by."""

    name: str
    mean: float
    n: float  # infinite for a figure without chance
    spread: Spread | None


@dataclass(frozen=True)
class Contrast:
    """The difference of two means; all in fractions.

    `error` is its standard error, None where no spread is known. `adjusted` is the chance of so
    large a difference between equal rows, corrected by Holm for the `family` of comparisons that
    it belongs to.
    """

    one: Estimate
    other: Estimate
    error: float | None
    freedom: float
    adjusted: float
    family: int

    @property
    def gap(self) -> float:
        """The first mean minus the second."""
        return self.one.mean - self.other.mean

    @property
    def standing(self) -> Standing:
        if self.error is None or self.adjusted > LEVEL or abs(self.gap) < SAME:
            return Standing.OPEN
        return Standing.ABOVE if self.gap > 0 else Standing.BELOW

    @property
    def reach(self) -> float | None:
        """Half the width of the difference's own interval, uncorrected."""
        return None if self.error is None else quantile(1 - LEVEL / 2, self.freedom) * self.error

    @property
    def more_seeds(self) -> int | None:
        """How many more seeds of each row would decide a true difference of the size seen.

        In four of five cases, corrected as now. None where no spread is known or more than
        `MOST_SEEDS` would be needed.
        """
        if self.standing is not Standing.OPEN:
            return 0
        if abs(self.gap) < SAME or self.error is None:
            return None
        growing = sum(math.isfinite(side.n) for side in (self.one, self.other))

        def decides(more: int) -> bool:
            error, freedom = _error(self.one, self.other, more)
            freedom += growing * more
            needed = quantile(1 - LEVEL / 2 / self.family, freedom) + quantile(POWER, freedom)
            return error is not None and needed * error <= abs(self.gap)

        more = 1 + bisect_left(range(1, MOST_SEEDS + 1), True, key=decides)
        return more if more <= MOST_SEEDS else None


def quantile(share: float, freedom: float) -> float:
    """The value below which this share of Student's t lies."""
    from scipy.special import stdtrit

    return float(stdtrit(freedom, share))


def pooled_spreads(rows: Mapping[str, Sequence[float]]) -> dict[str, Spread | None]:
    """For each of these rows the spread that its runs are judged by.

    It is that of all rows with two runs or more together, which many runs make surer than one
    row's own two or three; rows far noisier than the rest keep their own. None where no row tells
    a spread.
    """
    from scipy.special import fdtrc

    several = {
        key: Spread(statistics.variance(values), len(values) - 1, 1)
        for key, values in rows.items()
        if len(values) > 1
    }
    noisy: dict[str, Spread] = {}
    while len(several) > 1:
        key = max(several, key=lambda name: several[name].variance)
        rest = _together([part for name, part in several.items() if name != key])
        if rest is None:
            break
        one = several[key]
        # The chance of so much larger a variance where both spread alike.
        chance = float(fdtrc(one.freedom, rest.freedom, one.variance / rest.variance))
        if chance * len(several) > NOISY_LEVEL:
            break
        noisy[key] = several.pop(key)
    common = _together(list(several.values()))
    return {key: noisy.get(key, common) for key in rows}


def _together(parts: Sequence[Spread]) -> Spread | None:
    freedom = sum(part.freedom for part in parts)
    squares = sum(part.variance * part.freedom for part in parts)
    # Equal runs (up to rounding) tell nothing of the spread.
    return Spread(squares / freedom, freedom, len(parts)) if squares > _TINY**2 else None


def _error(one: Estimate, other: Estimate, more: int = 0) -> tuple[float | None, float]:
    """The standard error of a difference and its degrees of freedom, by Satterthwaite.

    With `more` the error is that after so many further runs of each row.
    """
    if one.spread is None or other.spread is None:
        return None, 0.0
    parts = [side.spread.variance / (side.n + more) for side in (one, other) if side.spread]
    total = sum(parts)
    if one.spread == other.spread:
        return math.sqrt(total), one.spread.freedom
    freedoms = (one.spread.freedom, other.spread.freedom)
    shares = sum(part**2 / freedom for part, freedom in zip(parts, freedoms, strict=True))
    return math.sqrt(total), total**2 / shares


def contrasts(pairs: Sequence[tuple[Estimate, Estimate]]) -> list[Contrast]:
    """The differences of all pairs, tested together: with Holm's correction, in all of them no
    equal pair is told apart in 95 of 100 cases."""
    from scipy.special import stdtr

    errors = [_error(*pair) for pair in pairs]
    chances = [
        1.0 if error is None else 2 * float(stdtr(freedom, -abs(one.mean - other.mean) / error))
        for (one, other), (error, freedom) in zip(pairs, errors, strict=True)
    ]
    adjusted, least = [1.0] * len(pairs), 0.0
    for rank, place in enumerate(sorted(range(len(pairs)), key=chances.__getitem__)):
        least = max(least, min(1.0, (len(pairs) - rank) * chances[place]))
        adjusted[place] = least
    return [
        Contrast(one, other, error, freedom, chance, len(pairs))
        for (one, other), (error, freedom), chance in zip(pairs, errors, adjusted, strict=True)
    ]


def share_interval(hits: int, total: int) -> tuple[float, float]:
    """The exact (Clopper–Pearson) interval of a share of which `hits` of `total` were seen."""
    from scipy.special import betaincinv

    low = float(betaincinv(hits, total - hits + 1, LEVEL / 2)) if hits else 0.0
    high = float(betaincinv(hits + 1, total - hits, 1 - LEVEL / 2)) if hits < total else 1.0
    return low, high


def within_spread(value: float, accuracies: Sequence[float], most: int = 1) -> bool | None:
    """Whether a single run's accuracy lies where these runs lie; None where they do not tell.

    It does between the worst and the best of them, and where 95 % of further runs of the same
    kind would lie (the prediction interval of Student's t). One run, or runs that all came out
    equal, tell no spread. Two tell so little of it (the interval reaches 15 of their standard
    deviations) that of what lies outside of them only a "no" says anything.

    With `most` the accuracy may be the best of up to so many runs, how many is unknown: what is
    too high for one run is a "no" only where the best of so many would not reach it either.
    """
    if len(accuracies) < 2:
        return None
    if min(accuracies) - _TINY <= value <= max(accuracies) + _TINY:
        return True
    deviation = statistics.stdev(accuracies)
    if deviation < _TINY:
        return None
    from scipy.special import stdtr

    n = len(accuracies)
    shift = (value - statistics.fmean(accuracies)) / (deviation * math.sqrt(1 + 1 / n))
    higher = float(stdtr(n - 1, -shift))  # the chance of one further run to come out higher
    if min(higher, 1 - higher) >= LEVEL / 2:
        return None if n == 2 else True
    return None if higher < LEVEL / 2 <= 1 - (1 - higher) ** most else False
