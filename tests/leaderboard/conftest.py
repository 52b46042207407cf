"""Summaries, run folders and homes for the leaderboard's tests."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support import ending_of, made_run
from workbench.model.hyperparameters import optimizer_text
from workbench.model.tables import paper_table
from workbench.runs.events import Batch
from workbench.runs.folder import RunFolder
from workbench.runs.log import write_event
from workbench.runs.status import Status
from workbench.runs.summary import RunSummary
from workbench.settings import Home

MakeSummary = Callable[..., RunSummary]
MakeRun = Callable[..., RunFolder]

DEFAULTS: dict[str, Any] = {
    "preset": "cnn-2",
    "title": "CNN model 2",
    "status": Status.FINISHED,
    "test_accuracy": 0.9749,
    "test_loss": 0.08,
    "best_epoch_test_accuracy": 0.975,
    "best_epoch": 4,
    "epochs": 5,
    "epochs_completed": 5,
    "batch_size": 60,
    "optimizer": "sgd",
    "optimizer_text": "SGD (momentum 0.7)",
    "learning_rate": 0.002,
    "momentum": 0.7,
    "schedule": "inverse_time_decay",
    "seed": 0,
    "precision": "float32",
    "parameters": 3_309_578,
    "train_seconds": 301.5,
    "images_per_second": 1085.0,
    "started_at": "2025-11-23T06:38:00+00:00",
    "dataset": "mnist",
    "settings_key": "abc123",
    "host": "box",
    "cpu": "A Processor",
    "cores": 2,
    "tensorflow": "2.21.0",
    "keras": "3.15.0",
}


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A home of its own for each test."""
    return Home(tmp_path / "home").ensure()


@pytest.fixture
def make_summary() -> MakeSummary:
    """Makes summaries with ids of their own; any field can be given."""
    made = 0

    def make(**fields: Any) -> RunSummary:
        nonlocal made
        made += 1
        return RunSummary(**{"run_id": f"r{made:04d}-cnn-2", **DEFAULTS, **fields})

    return make


@pytest.fixture
def paper_summary(make_summary: MakeSummary) -> MakeSummary:
    """Makes the summary of a run of a paper row: `(table, row, accuracy, seed)`."""

    def make(table: int, row: int, accuracy: float | None, seed: int = 0, **fields: Any) -> Any:
        precision = fields.pop("precision", "float32")
        spec = paper_table(table).rows[row].spec(seed=seed, precision=precision)
        settings = spec.training
        return make_summary(
            **{
                "preset": spec.preset,
                "title": spec.title,
                "epochs": settings.epochs,
                "batch_size": settings.batch_size,
                "optimizer": settings.optimizer.kind,
                "optimizer_text": optimizer_text(settings.optimizer),
                "learning_rate": settings.optimizer.learning_rate,
                "settings_key": spec.settings_key,
                "precision": precision,
                "seed": seed,
                "test_accuracy": accuracy,
                **fields,
            }
        )

    return make


@pytest.fixture
def make_run(home: Home) -> MakeRun:
    """Makes a real run folder that has ended (or, with `ending=None`, crashed)."""

    def make(ending: str | None = "finished", accuracy: float = 0.97, seed: int = 0) -> RunFolder:
        folder = made_run(home, paper_table(3).rows[0].spec(seed=seed))
        if ending is not None:
            end_run(folder, ending, accuracy)
        return folder

    return make


def end_run(folder: RunFolder, ending: str, accuracy: float) -> None:
    write_event(folder.events_file, Batch(time.time(), 1, 10, 10, 0.5, 0.8, 1000.0, 1.0))
    write_event(folder.events_file, ending_of(ending, accuracy))


@pytest.fixture
def finish() -> Callable[[RunFolder, str, float], None]:
    """Writes an ending into a run's log."""
    return end_run
