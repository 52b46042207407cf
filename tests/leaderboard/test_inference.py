"""What runs tell beyond chance."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest

from workbench.leaderboard.inference import (
    Contrast,
    Estimate,
    Spread,
    Standing,
    contrasts,
    pooled_spreads,
    quantile,
    share_interval,
    within_spread,
)


@pytest.mark.parametrize("n", [2, 3, 5, 12])
def test_a_further_run_of_the_same_kind_is_rejected_in_one_case_of_twenty(n: int) -> None:
    draw = random.Random(0)
    trials, rejected = 4_000, 0
    for _ in range(trials):
        runs = [draw.gauss(0.97, 0.001) for _ in range(n)]
        rejected += within_spread(draw.gauss(0.97, 0.001), runs) is False
    assert 0.035 < rejected / trials < 0.065


def test_between_worst_and_best_is_within() -> None:
    assert within_spread(0.94, [0.97, 0.97, 0.97, 0.97, 0.93]) is True
    assert within_spread(0.96, [0.97, 0.9700001, 0.9699999, 0.971]) is False


@pytest.mark.parametrize("runs", [[], [0.97], [0.97, 0.97], [0.97, 0.97, 0.97]])
def test_what_tells_no_spread_is_not_judged(runs: list[float]) -> None:
    assert within_spread(0.96, runs) is None


def test_two_runs_say_yes_only_between_them() -> None:
    assert within_spread(0.9795, [0.9787, 0.9805]) is True
    assert within_spread(0.9679, [0.9787, 0.9805]) is None  # within 15 standard deviations
    assert within_spread(0.9400, [0.9787, 0.9805]) is False


def test_equal_to_equal_runs_is_within() -> None:
    assert within_spread(0.97, [0.97, 0.9699999904632568]) is True


def test_the_best_of_some_runs_is_not_one_run() -> None:
    runs = [0.9700, 0.9705, 0.9710, 0.9702, 0.9708]
    assert within_spread(0.9715, runs) is within_spread(0.9715, runs, most=10) is True
    assert within_spread(0.9722, runs) is False  # too high for one run
    assert within_spread(0.9722, runs, most=10) is None  # how many it is the best of would decide
    assert within_spread(0.9800, runs, most=10) is False  # too high for the best of ten
    assert within_spread(0.9650, runs, most=10) is False  # the best of several lies no lower


def test_students_quantiles() -> None:
    found = [quantile(0.975, freedom) for freedom in (1, 4, 30, 60)]
    assert found == pytest.approx([12.706, 2.776, 2.042, 2.000], abs=1e-3)


def test_exact_interval_of_a_share() -> None:
    assert share_interval(0, 10) == pytest.approx((0, 0.3085), abs=1e-4)
    assert share_interval(5, 10) == pytest.approx((0.1871, 0.8129), abs=1e-4)
    assert share_interval(12, 12) == pytest.approx((0.7354, 1), abs=1e-4)


Rows = dict[str, list[float]]


def estimates(rows: Rows) -> list[Estimate]:
    spreads = pooled_spreads(rows)
    return [
        Estimate(name, sum(values) / len(values), len(values), spreads[name])
        for name, values in rows.items()
    ]


def against_first(rows: Rows) -> list[Contrast]:
    first, *others = estimates(rows)
    return contrasts([(first, other) for other in others])


def test_rows_share_their_spread_and_a_noisy_one_keeps_its_own() -> None:
    rows = {
        "a": [0.950, 0.952],
        "b": [0.955, 0.957, 0.956],
        "single": [0.96],
        "noisy": [0.90, 0.95, 0.99],
    }
    spreads = pooled_spreads(rows)
    common, noisy = spreads["a"], spreads["noisy"]
    assert common is not None and noisy is not None
    assert spreads["b"] == spreads["single"] == common
    assert (common.freedom, common.rows) == (3, 2)
    assert common.variance == pytest.approx((2e-6 + 2e-6) / 3)
    assert (noisy.freedom, noisy.deviation) == (2, pytest.approx(0.0451, abs=1e-4))
    assert pooled_spreads({"a": [0.9], "b": [0.91]}) == {"a": None, "b": None}
    assert pooled_spreads({"a": [0.9, 0.9]}) == {"a": None}  # equal runs tell no spread


def test_a_test_of_two_means() -> None:
    """95.0, 95.2 against 95.5, 95.7 is t = 3.54 with two degrees of freedom; 4.30 is needed."""
    (few,) = against_first({"a": [0.950, 0.952], "b": [0.955, 0.957]})
    assert (few.standing, few.freedom) == (Standing.OPEN, 2)
    assert few.reach == pytest.approx(4.303 * 0.001414, rel=1e-3)
    assert few.adjusted == pytest.approx(0.0713, abs=5e-4)
    (more,) = against_first({"a": [0.950, 0.952] * 2, "b": [0.955, 0.957] * 2})
    assert (more.standing, more.more_seeds) == (Standing.BELOW, 0)
    assert few.more_seeds == 1


def test_what_is_borrowed_and_what_is_not_known() -> None:
    one, other, *_ = estimates({"a": [0.95], "b": [0.97], "c": [0.960, 0.961, 0.9605]})
    assert contrasts([(one, other)])[0].standing is Standing.BELOW
    (unknown,) = against_first({"a": [0.95], "b": [0.97]})
    assert (unknown.standing, unknown.reach, unknown.more_seeds) == (Standing.OPEN, None, None)


def test_holms_correction() -> None:
    """Chances of 0.2, 0.02 and 0.01 of three: 0.2, 2 x 0.02 and 3 x 0.01, none below the last."""
    first, *others = estimates(
        {"a": [0.9700], "b": [0.9681], "c": [0.9664], "d": [0.96594], "e": [0.9600, 0.9614] * 20}
    )
    alone = [contrasts([(first, other)])[0].adjusted for other in others[:3]]
    together = [item.adjusted for item in contrasts([(first, other) for other in others[:3]])]
    assert together == pytest.approx([alone[0], 2 * alone[1], 3 * alone[2]])
    assert alone[1] < 0.05


def test_as_many_more_seeds_decide_in_four_of_five_cases() -> None:
    spread = Spread(1e-6, 20, 8)
    now = contrasts([(Estimate("a", 0.971, 3, spread), Estimate("b", 0.970, 3, spread))])[0]
    more = now.more_seeds
    assert now.standing is Standing.OPEN and more is not None
    draw, hits, trials = random.Random(0), 0, 400
    for _ in range(trials):
        several = drawn(draw, [0.971, 0.970], 3 + more) | {
            f"other {name}": values for name, values in drawn(draw, [0.96] * 8, 3).items()
        }
        one, other, *_ = estimates(several)
        hits += contrasts([(one, other)])[0].standing is Standing.ABOVE
    assert 0.74 < hits / trials < 0.87
    far = contrasts([(Estimate("a", 0.9701, 3, spread), Estimate("b", 0.970, 3, spread))])[0]
    assert far.more_seeds is None  # more than anyone will train


def drawn(draw: random.Random, means: list[float], n: int) -> Rows:
    """Rows with a standard deviation of 0.1 points, in whole test images."""
    return {
        f"row {place}": [round(draw.gauss(mean, 0.001), 4) for _ in range(n)]
        for place, mean in enumerate(means)
    }


def test_more_seeds_decide_more() -> None:
    """A true difference of 0.6 points at a standard deviation of 0.1, beside two other rows."""
    draw, trials = random.Random(0), 200

    def told_apart(n: int) -> float:
        hits = 0
        for _ in range(trials):
            rows = drawn(draw, [0.976, 0.970], n) | {"other": [0.95, 0.951, 0.952]}
            hits += against_first(rows)[0].standing is Standing.ABOVE
        return hits / trials

    shares = [told_apart(n) for n in (1, 2, 3, 4)]
    assert all(fewer - 0.01 <= more for fewer, more in pairwise(shares))
    assert shares[1] > 0.9 and shares[2] > 0.98


@pytest.mark.parametrize("n", [2, 3])
def test_equal_rows_are_told_apart_in_one_case_of_twenty(n: int) -> None:
    """Of eight equal rows the first is above or below any of the others that often, not more."""
    draw, trials = random.Random(n), 500
    above = below = 0
    for _ in range(trials):
        found = {item.standing for item in against_first(drawn(draw, [0.97] * 8, n))}
        above += Standing.ABOVE in found
        below += Standing.BELOW in found
    assert above / trials < 0.05 and below / trials < 0.05
    assert 0.01 < (above + below) / trials < 0.08
