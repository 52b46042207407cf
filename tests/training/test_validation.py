"""Validation while training: who sees which images, early stopping, and going on after a kill."""

from __future__ import annotations

from dataclasses import asdict, replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from workbench.model.architecture import Architecture
from workbench.model.hyperparameters import (
    SGD,
    EarlyStopping,
    ReduceOnPlateau,
    TrainingSettings,
)
from workbench.model.layers import Dense, Dropout, Flatten
from workbench.model.spec import DatasetRef, TrainingSpec, Validation
from workbench.runs.events import Epoch, Event
from workbench.training.checkpoint import load_best_weights, load_checkpoint, save_checkpoint
from workbench.training.datasets import epoch_order, load_sources
from workbench.training.train import Result, Snapshot, train

# A rate at which the loss soon rises again, and dropout, whose seeds a checkpoint has to keep.
WILD = TrainingSettings(epochs=12, batch_size=50, optimizer=SGD(learning_rate=2.0))
HELD_OUT = DatasetRef(train_limit=1000, validation=Validation(images=200))


def spec(training: TrainingSettings, data: DatasetRef = HELD_OUT, **more: object) -> TrainingSpec:
    layers = (Flatten(), Dropout(rate=0.2), Dense(units=10, activation="softmax"))
    base = TrainingSpec(
        preset="a", title="A", architecture=Architecture(layers=layers), training=training,
        dataset=data,
    )  # fmt: skip
    return base.model_copy(update=more)


def run(
    wanted: TrainingSpec, start: Snapshot | None = None, kept: Path | None = None
) -> tuple[Result, list[Epoch]]:
    events: list[Event] = []

    def keep(snapshot: Snapshot) -> None:
        if kept is not None:
            path = kept / f"{snapshot.progress.epochs_completed}.keras"
            save_checkpoint(snapshot.model, snapshot.progress, path, snapshot.best_weights)

    result = train(wanted, events.append, lambda: False, start=start, keep=keep)
    return result, [event for event in events if isinstance(event, Epoch)]


def facts(result: Result) -> dict[str, object]:
    """All of a result but its times."""
    progress = replace(result.progress, seconds=0, images_per_second=0, monitors=None)
    return asdict(progress) | {"confusion": result.confusion, "step": result.step}


def test_held_out_images_are_trained_on_by_nobody() -> None:
    whole = load_sources(DatasetRef(train_limit=1000))
    split = load_sources(HELD_OUT)
    assert split.validation is not None
    everything = whole.train.stack(np.arange(1000, dtype=np.int32)[None])[0].numpy()[0]
    parts = [
        source.stack(np.arange(source.image_count, dtype=np.int32)[None])[0].numpy()[0]
        for source in (split.train, split.validation)
    ]
    assert [len(part) for part in parts] == [800, 200]
    names = [{image.tobytes() for image in part} for part in (everything, *parts)]
    assert not names[1] & names[2] and names[1] | names[2] == names[0]
    assert len(epoch_order(0, 0, split.train.image_count)) == 800


def test_with_validation_the_test_set_is_looked_at_once_at_the_end() -> None:
    result, epochs = run(spec(WILD.model_copy(update={"epochs": 2})))
    assert [np.isnan(epoch.test_accuracy) for epoch in epochs] == [True, True]
    assert all(epoch.validation_accuracy is not None for epoch in epochs)
    assert result.progress.validation_accuracy == epochs[-1].validation_accuracy
    assert result.progress.test_accuracy is not None and result.predictions is not None
    assert sum(map(sum, result.confusion)) == 10_000
    assert result.progress.best_epoch is None  # nothing was chosen


def test_a_trial_of_a_search_never_sees_the_test_set() -> None:
    result, _ = run(spec(WILD.model_copy(update={"epochs": 1}), tested=False))
    assert result.progress.validation_accuracy is not None
    assert result.progress.test_accuracy is None and result.progress.test_loss is None
    assert result.predictions is None and result.confusion == []


def test_without_validation_nothing_is_said_of_it() -> None:
    settings = WILD.model_copy(update={"epochs": 1})
    result, epochs = run(spec(settings, DatasetRef(train_limit=1000)))
    assert epochs[0].validation_accuracy is None and result.progress.validation_loss is None
    assert result.progress.test_accuracy == epochs[0].test_accuracy


@cache
def stopping() -> TrainingSpec:
    early = EarlyStopping(patience=3)
    return spec(WILD.model_copy(update={"early_stopping": early}))


def test_early_stopping_ends_it_and_puts_the_best_weights_back() -> None:
    result, epochs = run(stopping())
    losses = [epoch.validation_loss for epoch in epochs]
    best = int(np.argmin(losses))
    assert 0 < best < len(epochs) - 1, losses  # neither the first nor the last: it says something
    assert len(epochs) == best + 1 + 3 < WILD.epochs
    assert not result.stopped
    assert result.progress.best_epoch == best + 1
    assert result.progress.validation_loss == losses[best]
    assert result.progress.validation_accuracy == epochs[best].validation_accuracy


def test_a_fall_below_the_least_counts_for_nothing() -> None:
    early = EarlyStopping(patience=2, min_delta=1e6)
    _, epochs = run(spec(WILD.model_copy(update={"early_stopping": early})))
    assert len(epochs) == 3


@pytest.mark.parametrize(
    "settings",
    [
        WILD.model_copy(update={"early_stopping": EarlyStopping(patience=3)}),
        WILD.model_copy(update={"epochs": 8, "schedule": ReduceOnPlateau(factor=0.3, patience=1)}),
    ],
    ids=["early stopping", "reduce on plateau"],
)
def test_killed_after_any_epoch_it_ends_as_uninterrupted(
    settings: TrainingSettings, tmp_path: Path
) -> None:
    wanted = spec(settings)
    whole, epochs = run(wanted, kept=tmp_path)
    # In the midst, where the best epoch is behind it, and where only the ending is missing.
    for done in (len(epochs) - 2, len(epochs)):
        path = tmp_path / f"{done}.keras"
        model, progress = load_checkpoint(path)
        resumed, rest = run(wanted, Snapshot(model, progress, load_best_weights(path)))
        assert [epoch.epoch for epoch in rest] == list(range(done + 1, len(epochs) + 1))
        assert facts(resumed) == facts(whole)
        for mine, theirs in zip(resumed.model.weights, whole.model.weights, strict=True):
            assert np.array_equal(mine.numpy(), theirs.numpy())


def test_the_learning_rate_falls_where_validation_does_not() -> None:
    plateau = ReduceOnPlateau(factor=0.5, patience=1, min_delta=1e6)
    result, epochs = run(spec(WILD.model_copy(update={"epochs": 4, "schedule": plateau})))
    assert len(epochs) == 4
    assert float(result.model.optimizer.learning_rate.numpy()) == pytest.approx(2.0 * 0.5**3)
