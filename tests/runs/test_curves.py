"""Curves: smoothing without bias, bucketing that keeps peaks, windows, values off the curve."""

from __future__ import annotations

import math
import random

import pytest

from workbench.runs.curves import (
    Axis,
    Buckets,
    CurveView,
    Means,
    Metric,
    RunCurves,
    Samples,
    Smoothing,
    Window,
    index_at,
    recent,
)
from workbench.runs.events import Batch, Epoch


def add_batch(samples: Samples, step: int, loss: float) -> None:
    samples.add_point(step, step / 10, {"loss": loss, "accuracy": 0.5})


def samples(losses: list[float]) -> Samples:
    made = Samples(100)
    for number, value in enumerate(losses, 1):
        add_batch(made, 10 * number, value)
    return made


def smoothed_at_once(
    smoothing: Smoothing, values: list[float], places: list[float] | None = None
) -> list[float]:
    """Values that are a span long each, unless their places say otherwise."""
    smoothing.extend(values, places or list(range(1, len(values) + 1)), len(values))
    return list(smoothing.values)


def test_smoothing_starts_at_the_first_value_and_keeps_a_constant() -> None:
    assert smoothed_at_once(Smoothing(0.9), [5.0]) == pytest.approx([5.0])
    assert smoothed_at_once(Smoothing(0.99), [3.0] * 50) == pytest.approx([3.0] * 50)


def test_smoothing_is_the_debiased_mean() -> None:
    values = [1.0, 0.0, 4.0, 2.0]
    weight = 0.6
    smoothed = smoothed_at_once(Smoothing(weight), values)
    for last in range(len(values)):
        weights = [weight ** (last - at) for at in range(last + 1)]
        mean = sum(w * v for w, v in zip(weights, values, strict=False)) / sum(weights)
        assert smoothed[last] == pytest.approx(mean)


def test_smoothing_carried_on_equals_smoothing_at_once() -> None:
    chance = random.Random(1)
    values = [chance.random() for _ in range(300)]
    carried = Smoothing(0.9)
    for count in (1, 2, 100, 101, 300):
        carried.extend(values, range(1, 301), count)
    assert list(carried.values) == smoothed_at_once(Smoothing(0.9), values)


def test_smoothing_passes_over_what_is_no_number() -> None:
    smoothed = smoothed_at_once(Smoothing(0.5), [1.0, math.nan, math.inf, 1.0])
    assert smoothed[0] == smoothed[3] == 1.0
    assert math.isnan(smoothed[1])
    assert math.isnan(smoothed[2])


def test_a_value_over_no_steps_stands_as_it_is_and_weighs_nothing() -> None:
    smoothed = smoothed_at_once(Smoothing(0.9), [4.0, 2.0, 3.0], [0, 1, 1])
    assert smoothed == pytest.approx([4.0, 2.0, 2.0])


def test_smoothing_hangs_on_the_steps_and_not_on_how_they_are_cut_into_chunks() -> None:
    few = smoothed_at_once(Smoothing(0.8, span=20.0), [1.0, 3.0, 2.0], [20.0, 40.0, 60.0])
    many = smoothed_at_once(
        Smoothing(0.8, span=20.0),
        [1.0] * 4 + [3.0] * 4 + [2.0] * 4,
        [5.0 * part for part in range(1, 13)],
    )
    assert [many[3], many[7], many[11]] == pytest.approx(few)


def test_means_are_the_values_themselves_where_there_is_room() -> None:
    means = Means(0.0, 10.0, 5)
    xs, ys = [1.0, 3.0, 3.5, math.pi + 2, 12.0], [1.0, 2.0, 4.0, math.nan, 9.0]
    means.extend(xs, ys, 2)
    means.extend(xs, ys, 5)
    # Two units of 2.0 and half a unit of 4.0 share a part.
    assert means.points() == ([1.0, pytest.approx(3.1)], [1.0, pytest.approx(2.4)])


def test_the_short_last_chunk_of_an_epoch_is_no_point_of_its_own() -> None:
    means = Means(0.0, 40.0, 40)
    xs, ys = [10.0, 20.0, 21.0, 31.0], [1.0, 2.0, 13.0, 3.0]
    means.extend(xs, ys, 4)
    found_xs, found_ys = means.points()
    assert found_ys == [1.0, pytest.approx((10 * 2.0 + 13.0) / 11), 3.0]
    assert found_xs == [10.0, pytest.approx((10 * 20.0 + 21.0) / 11), 31.0]


def test_a_first_chunk_made_long_by_compiling_swallows_one_other_at_most() -> None:
    xs = [20.0 + second for second in range(35)]
    means = Means(0.0, 60.0, 60)
    means.extend(xs, xs, 35)
    assert len(means.points()[0]) == 34


def test_the_end_of_the_range_is_no_part_of_its_own() -> None:
    means = Means(0.0, 4.0, 2)
    means.extend([1.0, 2.0, 3.0, 4.0], [1.0, 2.0, 3.0, 9.0], 4)
    assert means.points() == ([1.0, 3.0], [1.0, pytest.approx(14 / 3)])


def test_no_smoothing_gives_the_values_themselves() -> None:
    assert smoothed_at_once(Smoothing(0.0), [3.0, 1.0, 2.0]) == [3.0, 1.0, 2.0]
    with pytest.raises(ValueError, match="not in"):
        Smoothing(1.0)


def test_buckets_keep_every_peak_in_two_points_a_column() -> None:
    chance = random.Random(2)
    xs = [float(x) for x in range(10_000)]
    ys = [chance.random() for _ in xs]
    ys[4321], ys[777] = 50.0, -50.0
    buckets = Buckets(0.0, 10_000.0, 70)
    buckets.extend(xs, ys, len(xs))
    found_xs, found_ys = buckets.points()
    assert len(found_xs) <= 140
    assert found_xs == sorted(found_xs)
    assert max(found_ys) == 50.0
    assert min(found_ys) == -50.0


def test_buckets_carried_on_equal_buckets_at_once() -> None:
    chance = random.Random(3)
    xs = sorted(chance.uniform(0, 100) for _ in range(500))
    ys = [chance.random() if chance.random() > 0.05 else math.nan for _ in xs]
    carried = Buckets(20.0, 90.0, 13)
    for count in (3, 100, 101, 350, 500):
        carried.extend(xs, ys, count)
    at_once = Buckets(20.0, 90.0, 13)
    at_once.extend(xs, ys, 500)
    assert carried.points() == at_once.points()
    assert all(20.0 <= x <= 90.0 for x in carried.points()[0])
    assert all(math.isfinite(y) for y in carried.points()[1])


def test_a_bucket_with_one_value_gives_one_point() -> None:
    buckets = Buckets(0.0, 1.0, 10)
    buckets.extend([0.5], [2.0], 1)
    assert buckets.points() == ([0.5], [2.0])
    assert Buckets(0.0, 1.0, 10).points() == ([], [])


def test_samples_know_all_three_axes() -> None:
    made = samples([1.0, 2.0])
    assert list(made.xs(Axis.STEPS)) == [10.0, 20.0]
    assert list(made.xs(Axis.EPOCHS)) == [0.1, 0.2]
    assert list(made.xs(Axis.TIME)) == [1.0, 2.0]
    curves = RunCurves(100)
    curves.add(Batch(0.0, 1, 100, 10, 0.5, 0.9, 1000.0, 10.0))
    curves.add(Epoch(0.0, 1, 100, 0.5, 0.9, 0.4, 0.91, 1.0, 1.0, 10.0))
    assert list(curves.train.ys(Metric.LOSS)) == [0.5]
    assert curves.test.ys(Metric.ACCURACY)[-1] == 0.91
    assert curves.test.ys(Metric.LOSS)[-1] == 0.4


def test_what_is_trained_again_is_cut_off_and_the_old_columns_stay() -> None:
    made = samples([1.0, 2.0, 3.0])
    cut = made.until(20)
    assert list(cut.ys(Metric.LOSS)) == [1.0, 2.0]
    assert len(made) == 3
    add_batch(cut, 30, 9.0)
    assert made.ys(Metric.LOSS)[-1] == 3.0


def test_a_window_of_all_is_what_is_planned() -> None:
    assert recent(5.0, 1.3, 1.0) == Window(0.0, 5.0)
    assert recent(5.0, 6.0, 1.0) == Window(0.0, 6.0)  # more than was planned
    assert recent(0.0, 0.0, 1.0).length > 0


def test_the_recent_window_holds_the_newest_point_and_moves_in_steps() -> None:
    windows = []
    for thousandth in range(1, 1001):
        done = 8.0 * thousandth / 1000
        window = recent(8.0, done, 0.25)
        assert window.low <= done <= window.high + 1e-9
        assert window.length == pytest.approx(2.0)
        windows.append(window)
    assert len(set(windows)) == 13


def test_the_nearest_value_is_found() -> None:
    xs = [1.0, 2.0, 4.0]
    assert [index_at(xs, x) for x in (-5.0, 1.4, 1.6, 2.9, 3.1, 99.0)] == [0, 0, 1, 1, 2, 2]
    assert index_at([], 1.0) is None
    assert index_at(xs, 99.0, 1) == 0


def test_a_view_brought_up_to_date_equals_a_new_one() -> None:
    chance = random.Random(4)
    made = Samples(100)
    view = CurveView(Metric.LOSS)
    window = Window(0.0, 40.0)
    for step in range(1, 400):
        add_batch(made, 10 * step, chance.random())
        if step % 7 == 0:
            view.update(made, Axis.EPOCHS, window, 30, 0.8)
    view.update(made, Axis.EPOCHS, window, 30, 0.8)
    fresh = CurveView(Metric.LOSS)
    fresh.update(made, Axis.EPOCHS, window, 30, 0.8)
    assert view.raw == fresh.raw
    assert view.smooth == fresh.smooth
    view.update(made, Axis.TIME, Window(0.0, 500.0), 50, 0.3)
    fresh.update(made, Axis.TIME, Window(0.0, 500.0), 50, 0.3)
    assert view.smooth == fresh.smooth
    assert len(view.smoothed_values) == len(made)
