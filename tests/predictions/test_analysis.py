import numpy as np
import pytest

from tests.predictions.test_file import made
from workbench.errors import RunError
from workbench.predictions.answers import (
    best_guesses,
    by_class,
    calibration,
    chance,
    check_comparable,
    compare_all,
    compare_two,
    mistakes,
    pair_sentence,
    wrong_in,
)


def answers(truth, predicted, classes=10, confidence=0.9):
    table = np.full((len(truth), classes), (1 - confidence) / (classes - 1))
    table[np.arange(len(truth)), predicted] = confidence
    return made(truth, table)


def test_the_surest_mistake_comes_first():
    found = made([0, 1, 2, 0], [[0.1, 0.9, 0], [0.6, 0.4, 0], [0, 0.05, 0.95], [0.2, 0, 0.8]])
    assert list(mistakes(found)) == [0, 3, 1]
    assert list(mistakes(found, true=0)) == [0, 3]
    assert list(mistakes(found, true=0, predicted=2)) == [3]
    assert list(mistakes(found, predicted=0)) == [1]
    assert list(mistakes(found, true=2)) == []


@pytest.mark.parametrize("asked", [{"true": 3}, {"predicted": -1}])
def test_a_class_that_is_not_there_is_said(asked):
    with pytest.raises(RunError, match="must be a class from 0 to 2"):
        mistakes(made([0], [[1, 0, 0]]), **asked)


def test_other_runs_and_second_guesses():
    a, b = answers([1, 2], [1, 3]), answers([1, 2], [2, 4])
    assert wrong_in(0, {"a": a, "b": b}) == ["b"]
    assert wrong_in(1, {"a": a, "b": b}) == ["a", "b"]
    guesses = best_guesses(made([0], [[0.25, 0.5, 0.125, 0.125]]), 0, 2)
    assert guesses == [(1, 0.5), (0, 0.25)]


def test_precision_recall_and_f1_as_in_scikit_learns_documentation():
    # classification_report: y_true = [0, 1, 2, 2, 2], y_pred = [0, 0, 2, 2, 1]
    found = by_class(answers([0, 1, 2, 2, 2], [0, 0, 2, 2, 1], classes=4))
    assert [result.precision for result in found] == [0.5, 0.0, 1.0, None]
    assert [result.recall for result in found] == [1.0, 0.0, pytest.approx(2 / 3), None]
    assert [result.f1 for result in found] == [pytest.approx(2 / 3), 0.0, pytest.approx(0.8), None]


def test_expected_calibration_error_as_in_torchmetrics_documentation():
    # MulticlassCalibrationError(num_classes=3, n_bins=3, norm="l1"): 0.2000
    found = made(
        [0, 1, 2, 0],
        [[0.25, 0.20, 0.55], [0.55, 0.05, 0.40], [0.10, 0.30, 0.60], [0.90, 0.05, 0.05]],
    )
    result = calibration(found, bins=3)
    assert result.error == pytest.approx(0.2, abs=1e-3)  # confidences are kept as float16
    assert [part.images for part in result.bins] == [0, 3, 1]
    assert result.overconfident


def split(only_a, only_b, both, neither):
    right = [(1, 0)] * only_a + [(0, 1)] * only_b + [(1, 1)] * both + [(0, 0)] * neither
    truth = np.zeros(len(right), int)
    a, b = (np.array([0 if pair[side] else 1 for pair in right]) for side in (0, 1))
    return answers(truth, a), answers(truth, b)


def test_mcnemars_exact_test_as_in_its_published_examples():
    # Agresti, Categorical Data Analysis: approval in two surveys, 150 and 86 changed: p = 3.7e-5.
    pair = compare_two(*split(150, 86, 794, 570))
    assert pair.p_value == pytest.approx(3.716e-05, rel=1e-3)
    assert (len(pair.only_a), len(pair.only_b), len(pair.both), len(pair.neither)) == (
        150,
        86,
        794,
        570,
    )
    # 2 × P(X ≤ 1), X binomial of 6 and 1/2: 2 × 7/64
    assert compare_two(*split(1, 5, 3, 0)).p_value == pytest.approx(14 / 64)


def test_equal_models_differ_by_chance_always():
    model = answers([0, 1], [0, 2])
    pair = compare_two(model, model)
    assert pair.p_value == 1.0
    assert pair_sentence(pair, "A", "B") == "A and B are right equally often."


def test_the_sentence_names_the_leader_first():
    sentence = pair_sentence(compare_two(*split(1, 12, 3, 2)), "nn-1", "cnn-2")
    assert sentence == (
        "cnn-2 is right on 11 images more than nn-1; two equally good models differ this much by "
        "chance in 3 of 1,000 cases."
    )
    assert "nn-1 is right on 1 image more" in pair_sentence(
        compare_two(*split(1, 0, 3, 2)), "nn-1", "cnn-2"
    )


@pytest.mark.parametrize(
    ("probability", "words"),
    [
        (1.0, "nearly always"),
        (0.4, "in 40 of 100 cases"),
        (0.05, "in 5 of 100 cases"),
        (0.002, "in 2 of 1,000 cases"),
        (3.7e-5, "in 4 of 100,000 cases"),
        (1e-9, "in less than 1 of 1,000,000 cases"),
        (0.0, "in less than 1 of 1,000,000 cases"),
    ],
)
def test_chances_in_words(probability, words):
    assert chance(probability) == words


def test_several_together():
    truth = [0, 0, 0]
    runs = [
        answers(truth, [0, 1, 1], 3),
        answers(truth, [0, 0, 2], 3),
        answers(truth, [1, 0, 2], 3),
    ]
    together = compare_all(runs)
    assert together.accuracies == pytest.approx((1 / 3, 2 / 3, 1 / 3))
    assert together.vote == pytest.approx(2 / 3)
    assert together.mean_probability == pytest.approx(2 / 3)
    assert list(together.wrong) == [1, 1, 3]
    assert list(together.hardest) == [2, 0, 1]
    assert together.agreement[0, 1] == pytest.approx(1 / 3)
    assert np.array_equal(together.agreement, together.agreement.T)


def test_a_tied_vote_goes_to_the_surer_answer():
    sure = made([0], [[0.9, 0.1]])
    unsure = made([0], [[0.4, 0.6]])
    assert compare_all([sure, unsure]).vote == 1.0
    assert compare_all([unsure, sure]).vote == 1.0


def test_a_majority_beats_the_surer_answer():
    runs = [made([0], [[0.02, 0.98]]), made([0], [[0.51, 0.49]]), made([0], [[0.51, 0.49]])]
    assert compare_all(runs).vote == 1.0


def test_other_images_cannot_be_compared():
    a, b = made([0], [[1, 0]]), made([0], [[1, 0]], sha256="1" * 64)
    with pytest.raises(RunError, match="x and y were tested on different images"):
        check_comparable([("x", a), ("y", b)])
    with pytest.raises(RunError, match="different images"):
        check_comparable([("x", a), ("y", made([0, 0], [[1, 0], [1, 0]]))])
    check_comparable([("x", a), ("y", a)])


def test_a_million_images_are_compared_within_their_memory():
    draw = np.random.default_rng(0)
    truth = draw.integers(0, 10, 1_000_000)
    runs = [answers(truth, draw.integers(0, 10, 1_000_000)) for _ in range(3)]
    together = compare_all(runs)
    assert together.vote == pytest.approx(0.1, abs=0.01)
    assert len(together.wrong) == 1_000_000
