"""Checkpoints: one `.keras` file with weights, optimizer, seeds and progress.

A `.keras` file is a zip archive that holds weights and optimizer, but not the state of the seed
generators of Dropout layers; without it a resumed training parts from an uninterrupted one. So
that state and the progress go into the same archive as one more member: one file, one rename,
nothing that can be torn apart by a kill.
"""

from __future__ import annotations

import json
import zipfile
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from workbench.data.npz_archive import DAMAGE
from workbench.errors import RunError
from workbench.files import replacing

Weights = list[npt.NDArray[Any]]
MEMBER = "mnist-workbench.json"
BEST_WEIGHTS = "best-weights.npz"


@dataclass(frozen=True)
class Progress:
    """How far a training has come, after a whole epoch.

    Accuracies are fractions, times are training seconds.
    """

    epochs_completed: int = 0
    step: int = 0
    seconds: float = 0.0
    images_per_second: float | None = None
    test_loss: float | None = None
    test_accuracy: float | None = None
    best_epoch: int | None = None
    best_epoch_test_accuracy: float | None = None
    validation_loss: float | None = None
    validation_accuracy: float | None = None
    monitors: dict[str, dict[str, Any]] | None = None  # what goes by validation has seen

    def after_epoch(self, **reached: Any) -> Progress:
        """With one more epoch and what it came to; the best one is the earliest of equals."""
        now = replace(self, epochs_completed=self.epochs_completed + 1, **reached)
        accuracy, best = now.test_accuracy, now.best_epoch_test_accuracy
        if accuracy is None or (best is not None and accuracy <= best):
            return now
        return replace(now, best_epoch=now.epochs_completed, best_epoch_test_accuracy=accuracy)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def save_checkpoint(
    model: keras.Model, progress: Progress, path: Path, best_weights: Weights | None = None
) -> None:
    """Keep the state, whole or not at all; with `best_weights`, those of the best epoch too.

    Raises:
        OSError: the disk is full or the folder gone; an older checkpoint is intact.
    """
    with replacing(path, ending=".keras") as new:
        model.save(new)
        seeds = [np.asarray(seed).ravel().tolist() for seed in _seed_variables(model)]
        extra = {"progress": progress.to_json(), "seeds": seeds}
        with zipfile.ZipFile(new, "a") as archive:
            archive.writestr(MEMBER, json.dumps(extra))
            if best_weights is not None:
                with archive.open(BEST_WEIGHTS, "w") as stream:
                    np.savez(stream, *best_weights)


def load_checkpoint(path: Path) -> tuple[keras.Model, Progress]:
    """The model as it was, compiled, and how far its training had come.

    Raises:
        RunError: the file is damaged.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            extra: dict[str, Any] = json.loads(archive.read(MEMBER))
        model = keras.saving.load_model(path)
        for variable, state in zip(_seed_variables(model), extra["seeds"], strict=True):
            variable.assign(np.asarray(state, dtype=variable.dtype))
        return model, Progress(**extra["progress"])
    except (*DAMAGE, OSError) as error:
        raise _damaged(path, error) from error


def load_best_weights(path: Path) -> Weights | None:
    """The best epoch's weights beside those of a checkpoint; None where it has none.

    Raises:
        RunError: the file is damaged.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            if BEST_WEIGHTS not in archive.namelist():
                return None
            with archive.open(BEST_WEIGHTS) as stream, np.load(stream) as arrays:
                return [arrays[f"arr_{place}"] for place in range(len(arrays.files))]
    except (*DAMAGE, OSError) as error:
        raise _damaged(path, error) from error


def _damaged(path: Path, error: Exception) -> RunError:
    return RunError(
        f"checkpoint {path} is damaged ({type(error).__name__}); delete it and resume to "
        "begin again from the first epoch"
    )


def _seed_variables(model: keras.Model) -> list[Any]:
    """The state of every layer's seed generators, in the order of the layers."""
    return [
        generator.state
        for layer in model.layers
        for generator in getattr(layer, "_seed_generators", [])
    ]
