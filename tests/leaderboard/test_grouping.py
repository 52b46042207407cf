"""Groups and their statistics."""

from __future__ import annotations

import statistics
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.leaderboard.grouping import by_settings, group_runs, ranked
from workbench.runs.status import Status
from workbench.runs.summary import RunSummary
from workbench.runs.trouble import MNIST_TEST_COUNTS, constant_answer, only_answer

MakeSummary = Callable[..., RunSummary]


def test_statistics_are_those_of_the_statistics_module(make_summary: MakeSummary) -> None:
    accuracies = [0.9516, 0.9535, 0.9522, 0.9519]
    runs = [
        make_summary(test_accuracy=accuracy, seed=seed, train_seconds=10.0 + seed)
        for seed, accuracy in enumerate(accuracies)
    ]
    (group,) = group_runs(runs)
    assert group.n == 4
    assert group.mean == pytest.approx(statistics.mean(accuracies))
    assert group.deviation == pytest.approx(statistics.stdev(accuracies))
    assert (group.best, group.worst) == (0.9535, 0.9516)
    assert group.seeds == (0, 1, 2, 3)
    assert group.train_seconds == pytest.approx(11.5)


def test_one_run_has_no_deviation(make_summary: MakeSummary) -> None:
    (group,) = group_runs([make_summary()])
    assert (group.n, group.mean, group.deviation) == (1, 0.9749, None)


def test_what_does_not_enter(make_summary: MakeSummary) -> None:
    runs = [
        make_summary(seed=0, test_accuracy=0.97),
        make_summary(seed=1, test_accuracy=None, diverged=True, status=Status.FAILED),
        make_summary(seed=2, test_accuracy=0.5, status=Status.STOPPED),
        make_summary(seed=3, test_accuracy=0.6, status=Status.FAILED),
    ]
    (group,) = group_runs(runs)
    assert (group.n, group.mean, group.seeds) == (1, 0.97, (0,))
    assert (group.diverged, group.unfinished) == (1, 2)


def test_only_diverged(make_summary: MakeSummary) -> None:
    (group,) = group_runs([make_summary(test_accuracy=None, diverged=True, status=Status.FAILED)])
    assert (group.n, group.mean, group.deviation, group.best, group.worst) == (0,) + (None,) * 4
    assert group.train_seconds is None
    assert group.diverged == 1


def test_a_seed_is_one_sample_wherever_it_ran(make_summary: MakeSummary) -> None:
    """Other threads, another host and `--jobs` change the rounding, not the trial."""
    again = {"started_at": "2025-11-24T06:38:00+00:00", "test_accuracy": 0.99}
    runs = [
        make_summary(seed=0, **again),
        make_summary(seed=0, test_accuracy=0.97),
        make_summary(seed=0, test_accuracy=0.971, threads=1),
        make_summary(seed=0, test_accuracy=0.972, host="another machine"),
        make_summary(seed=1, test_accuracy=0.97),
    ]
    (group,) = group_runs(runs)
    assert group.accuracies == (0.97, 0.97)  # of seed 0 the oldest, not the best
    assert (group.n, group.repeated, group.seeds) == (2, 3, (0, 1))


def test_a_seed_that_diverged_first_has_diverged(make_summary: MakeSummary) -> None:
    diverged = {"test_accuracy": None, "diverged": True, "status": Status.FAILED}
    later = {"started_at": "2025-11-24T06:38:00+00:00", "host": "another machine"}
    (group,) = group_runs([make_summary(**diverged), make_summary(**later)])
    assert (group.n, group.diverged, group.repeated) == (0, 1, 1)
    (group,) = group_runs([make_summary(), make_summary(**diverged, **later)])
    assert (group.n, group.diverged, group.repeated) == (1, 0, 1)


def test_times_of_a_repeated_seed_count_on_its_machine(make_summary: MakeSummary) -> None:
    runs = [
        make_summary(train_seconds=100.0),
        make_summary(train_seconds=50.0, threads=1),
        make_summary(train_seconds=70.0, threads=1),  # the same seed on the same machine again
        make_summary(train_seconds=60.0, threads=1, seed=1),
    ]
    (group,) = group_runs(runs)
    assert sorted(group.seconds.values()) == [[50.0, 60.0], [100.0]]
    assert (group.n, group.train_seconds) == (2, 55.0)


def test_collapsed_runs_are_counted_apart(make_summary: MakeSummary) -> None:
    values = (0.97, 0.1135, 0.98, 0.0980)
    runs = [make_summary(seed=seed, test_accuracy=value) for seed, value in enumerate(values)]
    (group,) = group_runs(runs)
    assert (group.n, group.mean, group.worst) == (2, pytest.approx(0.975), 0.97)
    assert (group.collapsed_text, group.seeds) == ("2 of 4 collapsed", (0, 1, 2, 3))
    (gone,) = group_runs(runs[1:2])
    assert (gone.n, gone.mean, gone.collapsed_text) == (0, None, "1 of 1 collapsed")
    assert gone.train_seconds == 301.5  # it took its time all the same


def test_accuracies_after_an_epoch(make_summary: MakeSummary) -> None:
    by_epoch = ((0.9, 0.95), (0.1135, 0.96), (), (0.1135, 0.1135))
    runs = [
        make_summary(
            seed=seed, test_accuracy=0.97 if seed < 3 else 0.1135, epoch_test_accuracies=told
        )
        for seed, told in enumerate(by_epoch)
    ]
    (group,) = group_runs(runs)
    # One tells no epochs, one ended collapsed, and one recovered after the first epoch.
    assert group.by_epoch == ((0.9,), (0.95, 0.96))
    (recovered,) = group_runs(runs[1:2])
    assert recovered.by_epoch == ((), (0.96,))


def test_times_are_of_the_machine_with_the_most_runs(make_summary: MakeSummary) -> None:
    runs = [
        make_summary(seed=0, train_seconds=100.0, threads=1),
        make_summary(seed=1, train_seconds=10.0, test_accuracy=0.96),
        make_summary(seed=2, train_seconds=20.0, test_accuracy=0.95),
    ]
    (group,) = group_runs(runs)
    assert group.train_seconds == 15.0
    assert group.timed_on is not None
    assert group.timed_on.text == "box (A Processor, 2 cores)"
    assert group.to_json()["timed_on"] == "box (A Processor, 2 cores)"
    (group,) = group_runs([*runs, make_summary(seed=3, train_seconds=9.0, tags=("idle",))])
    assert group.to_json()["timed_on"] == "box (A Processor, 2 cores, idle)"
    assert group.train_seconds == 9.0


def test_groups_by_preset_and_settings(make_summary: MakeSummary) -> None:
    runs = [
        make_summary(preset="cnn-2", settings_key="adam", test_accuracy=0.97),
        make_summary(preset="cnn-2-tuned", settings_key="adam", test_accuracy=0.98, seed=1),
        make_summary(preset="cnn-2", settings_key="sgd", test_accuracy=None, diverged=True),
    ]
    assert [(g.example.preset, g.settings_key) for g in ranked(group_runs(runs))] == [
        ("cnn-2-tuned", "adam"), ("cnn-2", "adam"), ("cnn-2", "sgd"),
    ]  # fmt: skip
    assert by_settings(runs)["adam"].n == 2


@given(st.lists(st.floats(0, 1), min_size=2, max_size=20))
def test_mean_lies_between_worst_and_best(accuracies: list[float]) -> None:
    runs = [
        EXAMPLE.model_copy(update={"test_accuracy": accuracy, "seed": seed})
        for seed, accuracy in enumerate(accuracies)
    ]
    (group,) = group_runs(runs)
    assert group.mean is not None and group.best is not None and group.worst is not None
    assert group.worst - 1e-12 <= group.mean <= group.best + 1e-12
    assert group.deviation is not None and group.deviation >= 0


EXAMPLE = RunSummary(
    run_id="a", preset="nn-1", title="NN", status=Status.FINISHED, test_accuracy=0.9,
    epochs=5, batch_size=60, optimizer="sgd", optimizer_text="SGD", learning_rate=0.01,
    schedule="constant", seed=0, precision="float32", started_at="2025-11-23T06:38:00+00:00",
    dataset="mnist", settings_key="k", host="h", cpu="c", cores=2, tensorflow="2", keras="3",
)  # fmt: skip


@pytest.mark.parametrize(
    ("accuracy", "digit"),
    [(0.1135, 1), (0.11349999904632568, 1), (0.0980, 0), (0.0892, 5), (0.1009, 9), (0.1, None)],
)
def test_constant_answers(make_summary: MakeSummary, accuracy: float, digit: int | None) -> None:
    assert constant_answer(accuracy) == digit
    run = make_summary(test_accuracy=accuracy)
    assert run.collapsed_to == digit
    assert run.state is (Status.FINISHED if digit is None else Status.COLLAPSED)
    other = make_summary(test_accuracy=accuracy, dataset="fashion_mnist")
    assert other.state is Status.FINISHED


def test_a_confusion_matrix_tells_a_collapse() -> None:
    assert only_answer([[0, 5, 0], [0, 4, 0], [0, 3, 0]]) == 1
    assert only_answer([[0, 5, 0], [1, 4, 0], [0, 3, 0]]) is None
    assert only_answer([[0, 0], [0, 9]]) is None  # all images are of the class that is answered


def test_the_digits_shares_are_those_of_the_test_set() -> None:
    import numpy

    from workbench.settings import MNIST_FILE

    with numpy.load(MNIST_FILE) as data:
        assert tuple(numpy.bincount(data["y_test"])) == MNIST_TEST_COUNTS
