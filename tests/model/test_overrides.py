"""Changing settings by name."""

from __future__ import annotations

import pytest

from workbench.errors import PresetError
from workbench.model.hyperparameters import (
    SGD,
    Adam,
    Constant,
    CosineDecay,
    InverseTimeDecay,
    Overrides,
    RMSprop,
    TrainingSettings,
    optimizer_text,
    overrides_from,
    schedule_text,
    with_overrides,
)

PAPER = TrainingSettings(
    optimizer=SGD(learning_rate=0.002, momentum=0.7), schedule=InverseTimeDecay()
)


def changed(**fields) -> TrainingSettings:
    return with_overrides(PAPER, Overrides(**fields))


def test_nothing_changes_nothing() -> None:
    assert changed() == PAPER


def test_the_decay_follows_learning_rate_and_epochs() -> None:
    assert changed(learning_rate=0.01, epochs=10).decay_rate == pytest.approx(0.001)
    assert "learning rate / epochs" in schedule_text(changed(epochs=10))


def test_another_optimizer_keeps_the_rate_and_drops_momentum_and_decay() -> None:
    settings = changed(optimizer="Adam")
    assert settings.optimizer == Adam(learning_rate=0.002)
    assert settings.schedule == Constant()
    assert optimizer_text(settings.optimizer) == "Adam"


def test_naming_the_optimizer_in_force_keeps_everything() -> None:
    assert changed(optimizer="SGD") == PAPER


def test_momentum_and_schedule_after_the_optimizer() -> None:
    settings = changed(optimizer="rmsprop", momentum=0.5, schedule="Cosine")
    assert settings.optimizer == RMSprop(learning_rate=0.002, momentum=0.5)
    assert settings.schedule == CosineDecay()
    assert changed(schedule="inverse-time-decay") == PAPER


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"epochs": 0}, "epochs: .*given: 0"),
        ({"epochs": -5}, "epochs"),
        ({"batch_size": 0}, "batch size"),
        ({"learning_rate": -0.1}, "learning rate"),
        ({"learning_rate": float("nan")}, "learning rate"),
        ({"learning_rate": float("inf")}, "learning rate"),
        ({"momentum": 1.0}, "momentum"),
        ({"optimizer": "adm"}, 'did you mean "adam"'),
        ({"optimizer": "adam", "momentum": 0.5}, "momentum: adam has none"),
        ({"schedule": "cosin"}, 'did you mean "cosine"'),
    ],
)
def test_refused(fields, expected) -> None:
    with pytest.raises(PresetError, match=expected):
        changed(**fields)


def test_a_table_row_with_an_unknown_setting() -> None:
    assert overrides_from({"epochs": 3}) == Overrides(epochs=3)
    with pytest.raises(PresetError, match='did you mean "epochs"'):
        overrides_from({"epoch": 3})
