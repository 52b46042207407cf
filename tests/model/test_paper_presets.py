"""The nine presets against the paper: parameters, settings, accuracies, tables."""

from __future__ import annotations

from dataclasses import astuple

import pytest

from workbench.model.architecture import require_sound
from workbench.model.describe import settings_lines, settings_sentence
from workbench.model.hyperparameters import (
    SGD,
    Adam,
    Constant,
    InverseTimeDecay,
    Overrides,
    with_overrides,
)
from workbench.model.paper_models import PAPER_ORDER, shipped_headlines
from workbench.model.preset import paper_presets, preset_toml, read_preset, shipped_presets
from workbench.model.tables import paper_table, paper_tables
from workbench.runs.trouble import constant_answer

PARAMETERS = {
    "nn-1": 101_770,
    "nn-1.1": 235_146,
    "nn-1.2": 50_890,
    "nn-2": 535_818,
    "cnn-1": 3_226_474,
    "cnn-1.1": 13_413_578,
    "cnn-1.2": 2_329_546,
    "cnn-2": 3_309_578,
    "cnn-2-tuned": 3_309_578,
}
# Tables 3 and 6, and Table 9 for the tuned model.
ACCURACIES = {
    "nn-1": 0.9514,
    "nn-1.1": 0.9681,
    "nn-1.2": 0.9503,
    "nn-2": 0.9704,
    "cnn-1": 0.9679,
    "cnn-1.1": 0.9692,
    "cnn-1.2": 0.9679,
    "cnn-2": 0.9747,
    "cnn-2-tuned": 0.9919,
}
# Tables 7 and 8: optimizer, learning rate, batch size, epochs, accuracy, seconds.
SEARCH = {
    7: [
        ("sgd", 0.001, 60, 5, 0.9647, None),
        ("sgd", 0.002, 60, 5, 0.9747, None),
        ("sgd", 0.005, 60, 5, 0.9806, None),
        ("sgd", 0.01, 60, 5, 0.9838, None),
        ("adam", 0.001, 60, 5, 0.9906, None),
        ("adam", 0.002, 60, 5, 0.9919, None),
        ("adam", 0.005, 60, 5, 0.9832, None),
        ("adam", 0.01, 60, 5, 0.1135, None),
    ],
    8: [
        ("adam", 0.002, 30, 5, 0.9885, 14 * 60 + 12),
        ("adam", 0.002, 30, 10, 0.9929, 29 * 60 + 55),
        ("adam", 0.002, 60, 5, 0.9919, 12 * 60 + 10),
        ("adam", 0.002, 60, 10, 0.9909, 22 * 60 + 41),
        ("adam", 0.002, 120, 5, 0.9916, 10 * 60 + 36),
        ("adam", 0.002, 120, 10, 0.9926, 20 * 60 + 16),
    ],
}
PRESETS = pytest.mark.parametrize("preset", paper_presets(), ids=PAPER_ORDER)


def test_there_are_nine() -> None:
    assert tuple(preset.name for preset in paper_presets()) == PAPER_ORDER
    assert set(PAPER_ORDER) == set(PARAMETERS)


def test_headlines_say_what_the_presets_do() -> None:
    for headline, preset in zip(shipped_headlines(), shipped_presets(), strict=True):
        accuracy = preset.paper.accuracy if preset.paper else None
        known = (preset.name, preset.title, preset.part, preset.summary, accuracy)
        assert astuple(headline) == known


def test_what_is_not_the_papers_stands_behind_and_in_none_of_its_tables() -> None:
    others = shipped_presets()[len(PAPER_ORDER) :]
    assert [preset.name for preset in others] == ["speedrun"]
    assert all(preset.paper is None and preset.part == "speed" for preset in others)
    rows = [row for table in paper_tables() for row in table.rows]
    assert rows and not {preset.name for preset in others} & {row.preset for row in rows}


@PRESETS
def test_parameters(preset) -> None:
    analysis = require_sound(preset.architecture)
    assert analysis.parameters == analysis.trainable == PARAMETERS[preset.name]


@PRESETS
def test_accuracy_in_preset_and_table(preset) -> None:
    assert preset.paper.accuracy == ACCURACIES[preset.name]
    table = paper_table(preset.paper.table)
    row = next(row for row in table.rows if row.preset == preset.name)
    assert (row.label, row.accuracy) == (preset.paper.row, preset.paper.accuracy)
    assert row.preset_with_settings() == preset


@PRESETS
def test_settings(preset) -> None:
    training = preset.training
    if preset.part == "nn":
        assert training.optimizer == SGD(learning_rate=0.01)
        assert (training.epochs, training.batch_size) == (10, 32)
    elif preset.part == "cnn":
        assert training.optimizer == SGD(learning_rate=0.002, momentum=0.7)
        assert training.schedule == InverseTimeDecay()
        assert training.decay_rate == pytest.approx(0.002 / 5)
    else:
        assert training.optimizer == Adam(learning_rate=0.002)
        assert training.schedule == Constant()
    if preset.part != "nn":
        assert (training.epochs, training.batch_size) == (5, 60)


@PRESETS
def test_round_trip_through_toml(preset, tmp_path) -> None:
    path = tmp_path / f"{preset.name}.toml"
    path.write_text(preset_toml(preset), encoding="utf-8")
    assert read_preset(path) == preset


def test_tables_have_24_rows_of_20_trainings() -> None:
    rows = [row for table in paper_tables() for row in table.rows]
    assert len(rows) == 24
    assert len({row.spec().settings_key for row in rows}) == 20
    assert len({row.spec(seed=seed).settings_key for row in rows for seed in (0, 1)}) == 20


@pytest.mark.parametrize("number", SEARCH)
def test_search_tables(number) -> None:
    found = []
    for row in paper_table(number).rows:
        training = row.preset_with_settings().training
        optimizer = training.optimizer
        found.append(
            (
                optimizer.kind,
                optimizer.learning_rate,
                training.batch_size,
                training.epochs,
                row.accuracy,
                row.train_seconds,
            )
        )
        # Every SGD row carries momentum and decay; Adam manages its own (Table 9).
        decay = optimizer.learning_rate / training.epochs if optimizer.kind == "sgd" else None
        assert training.decay_rate == (None if decay is None else pytest.approx(decay))
        assert getattr(optimizer, "momentum", 0.7) == 0.7
    assert found == SEARCH[number]


def test_the_dead_network_answers_one_to_everything() -> None:
    dead = min((row for row in paper_table(7).rows), key=lambda row: row.accuracy)
    assert constant_answer(dead.accuracy) == 1
    assert "1" in dead.remark


def test_what_is_inferred_is_marked() -> None:
    by_name = {preset.name: preset for preset in paper_presets()}
    marked = {
        name: {line.label for line in settings_lines(preset) if line.inferred}
        for name, preset in by_name.items()
    }
    assert {"Learning rate", "Epochs", "Batch size"} <= marked["nn-1"]
    assert marked["cnn-2"] == {"Schedule"}
    assert {"Learning rate", "Momentum", "Epochs", "Batch size", "Schedule"} <= marked["cnn-1"]


def test_a_changed_setting_is_no_longer_inferred() -> None:
    preset = paper_presets()[0]
    training = with_overrides(preset.training, Overrides(epochs=3))
    lines = {line.label: line for line in settings_lines(preset, training)}
    assert lines["Epochs"].changed
    assert lines["Epochs"].inferred is None
    assert not lines["Batch size"].changed
    assert lines["Batch size"].inferred
    assert settings_sentence(training) == "SGD at 0.01, 3 epochs, batches of 32"
