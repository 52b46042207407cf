"""What `reproduce` and `sweep` ask the queue for."""

from __future__ import annotations

from dataclasses import replace

import pytest

from workbench.errors import PresetError, RunError
from workbench.queue.planning import (
    SweepAxis,
    grid,
    parse_axes,
    parse_axis,
    rows_of,
    tables_of,
    trainings_for,
)
from workbench.queue.store import identity
from workbench.runs.plan import Plan
from workbench.settings import Home


def test_the_paper_has_24_rows_and_20_trainings() -> None:
    tables = tables_of([])
    trainings = trainings_for(tables)
    assert rows_of(tables) == 24
    assert len(trainings) == 20
    assert len({identity(item.spec) for item in trainings}) == 20


def test_a_training_of_several_tables_is_there_once_and_says_so() -> None:
    labels = {item.label for item in trainings_for(tables_of([]))}
    assert "Tables 6, 7.2, 9" in labels
    assert "Tables 7.6, 8.3, 9" in labels
    assert "Table 7.8" in labels
    assert {item.label for item in trainings_for(tables_of([9]))} == {"Table 9"}


def test_all_rows_of_one_seed_come_before_the_next_seed() -> None:
    seeds = [item.spec.seed for item in trainings_for(tables_of([3]), seeds=3)]
    assert seeds == [0] * 4 + [1] * 4 + [2] * 4


def test_precision_makes_other_trainings() -> None:
    single, half = (trainings_for(tables_of([3]), precision=p) for p in ("float32", "bfloat16"))
    assert not {identity(item.spec) for item in single} & {identity(item.spec) for item in half}


def test_tables_that_are_none() -> None:
    with pytest.raises(PresetError, match="no table 4"):
        tables_of([3, 4])
    with pytest.raises(RunError, match="seeds: must be from 1"):
        trainings_for(tables_of([3]), seeds=0)


def test_a_grid_has_every_combination(home: Home) -> None:
    axes = parse_axes(["learning_rate=0.001,0.002", "optimizer=sgd,adam"])
    found = grid(home, "cnn-2", axes, Plan())
    settings = [
        (item.spec.training.optimizer.kind, item.spec.training.optimizer.learning_rate)
        for item in found
    ]
    assert settings == [("sgd", 0.001), ("adam", 0.001), ("sgd", 0.002), ("adam", 0.002)]
    assert [item.label for item in found][1] == "lr=0.001 opt=adam"


def test_a_label_names_what_differs(home: Home) -> None:
    found = grid(home, "nn-1", parse_axes(["lr=0.01,0.02", "epochs=1"]), Plan())
    assert [item.label for item in found] == ["lr=0.01", "lr=0.02"]
    assert [item.label for item in grid(home, "nn-1", [SweepAxis("epochs", (1,))], Plan())] == [
        "epochs=1"
    ]


def test_table_7_is_such_a_grid(home: Home) -> None:
    axes = parse_axes(["optimizer=sgd,adam", "lr=0.001,0.002,0.005,0.01"])
    swept = {identity(item.spec) for item in grid(home, "cnn-2", axes, Plan())}
    assert swept == {identity(item.spec) for item in trainings_for(tables_of([7]))}


def test_table_8_is_such_a_grid(home: Home) -> None:
    axes = parse_axes(["batch=30,60,120", "epochs=5,10"])
    swept = {identity(item.spec) for item in grid(home, "cnn-2-tuned", axes, Plan())}
    assert swept == {identity(item.spec) for item in trainings_for(tables_of([8]))}


def test_equal_values_are_trained_once(home: Home) -> None:
    assert parse_axis("epochs=5,5,3") == SweepAxis("epochs", (5, 3))
    assert len(grid(home, "nn-1", [SweepAxis("learning_rate", (0.01, 0.010))], Plan())) == 1


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("epochs=1..4", (1, 2, 3, 4)),
        ("batch=30..120/4", (30, 60, 90, 120)),
        ("lr=log:1e-4..1e-1/4", (0.0001, 0.001, 0.01, 0.1)),
        ("momentum=0..0.9/4,0.95", (0.0, 0.3, 0.6, 0.9, 0.95)),
        ("batch=log:16..128/4", (16, 32, 64, 128)),
        ("dataset=../mine.npz", ("../mine.npz",)),  # no range
    ],
)
def test_a_range_has_both_of_its_ends(text: str, values: tuple[object, ...]) -> None:
    assert parse_axis(text).values == values


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("lr=0.1..0.2", "say how many values, as in 0.1..0.2/5"),
        ("lr=0.2..0.1/3", "goes up from its first end"),
        ("lr=log:0..1/3", "above 0"),
        ("epochs=1..2/1", "in 2 to"),
        ("epochs=1..many", '"many" is not a whole number'),
        ("lr=nan..1/3", "goes up"),
        ("lr=0..inf/3", "goes up"),
        ("epochs=1..100000000", "in 2 to"),
    ],
)
def test_a_range_that_is_none_is_said(text: str, why: str) -> None:
    with pytest.raises(RunError, match=why):
        parse_axis(text)


def test_seeds_of_a_grid(home: Home) -> None:
    axes = [SweepAxis("epochs", (1, 2))]
    found = grid(home, "nn-1", axes, replace(Plan(), seed=7), seeds=2)
    assert [(item.spec.training.epochs, item.spec.seed) for item in found] == [
        (1, 7), (2, 7), (1, 8), (2, 8),
    ]  # fmt: skip
    swept = grid(home, "nn-1", [SweepAxis("seed", (3, 5))], Plan())
    assert [item.spec.seed for item in swept] == [3, 5]


def test_precision_and_limit_can_be_swept(home: Home) -> None:
    axes = parse_axes(["precision=float32,bfloat16", "train_limit=100,200"])
    found = [item.spec for item in grid(home, "nn-1", axes, Plan())]
    assert {(spec.precision, spec.dataset.train_limit) for spec in found} == {
        ("float32", 100), ("float32", 200), ("bfloat16", 100), ("bfloat16", 200),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ([], "nothing to sweep"),
        (["learning_rat=1"], 'no setting "learning_rat"; did you mean "learning_rate"'),
        (["epochs"], "give values"),
        (["epochs="], "give values"),
        (["epochs=1,,2"], "give values"),
        (["epochs=1.5"], '"1.5" is not a whole number'),
        (["lr=fast"], '"fast" is not a number'),
        (["lr=1", "learning_rate=2"], "named twice"),
    ],
)
def test_axes_that_are_none(texts: list[str], message: str) -> None:
    with pytest.raises(RunError, match=message):
        parse_axes(texts)


def test_values_out_of_range_are_refused_before_anything_is_queued(home: Home) -> None:
    with pytest.raises(PresetError, match="learning rate"):
        grid(home, "nn-1", parse_axes(["lr=0.1,-1"]), Plan())
    with pytest.raises(PresetError, match="precision"):
        grid(home, "nn-1", parse_axes(["precision=float64"]), Plan())
    with pytest.raises(PresetError, match="no preset"):
        grid(home, "nn-9", parse_axes(["lr=0.1"]), Plan())
    with pytest.raises(RunError, match="a grid of 10,000 trainings"):
        grid(home, "nn-1", [SweepAxis("seed", tuple(range(10_000)))], Plan())
    with pytest.raises(RunError, match="give one of them"):
        grid(home, "nn-1", [SweepAxis("seed", (1, 2))], Plan(), seeds=2)
