"""Whether a further run lies where runs lie."""

from __future__ import annotations

import random

import pytest

from workbench.leaderboard.prediction import student, within_spread


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


def test_students_quantiles() -> None:
    assert [student(freedom) for freedom in (1, 4.9, 30)] == [12.706, 2.776, 2.042]
    assert student(60) == pytest.approx(2.0003, abs=2e-3)
    assert student(0.5) == 12.706
