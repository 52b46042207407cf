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

from workbench.errors import RunError
from workbench.files import replacing

MEMBER = "mnist-workbench.json"


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

    def after_epoch(
        self,
        *,
        step: int,
        seconds: float,
        images_per_second: float,
        test_loss: float,
        test_accuracy: float,
    ) -> Progress:
        """The progress with one more epoch; the best epoch is the earliest of equals."""
        epoch = self.epochs_completed + 1
        best = self.best_epoch_test_accuracy
        is_best = best is None or test_accuracy > best
        return replace(
            self,
            epochs_completed=epoch,
            step=step,
            seconds=seconds,
            images_per_second=images_per_second,
            test_loss=test_loss,
            test_accuracy=test_accuracy,
            best_epoch=epoch if is_best else self.best_epoch,
            best_epoch_test_accuracy=test_accuracy if is_best else best,
        )

    def to_json(self) -> dict[str, Any]:
        """Plain data, for the checkpoint."""
        return asdict(self)


def save_checkpoint(model: keras.Model, progress: Progress, path: Path) -> None:
    """Keep the state, whole or not at all.

    Raises:
        OSError: the disk is full or the folder gone; an older checkpoint is intact.
    """
    with replacing(path, ending=".keras") as new:
        model.save(new)
        extra = {"progress": progress.to_json(), "seeds": _seeds(model)}
        with zipfile.ZipFile(new, "a") as archive:
            archive.writestr(MEMBER, json.dumps(extra))


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
    except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
        raise RunError(
            f"checkpoint {path} is damaged ({type(error).__name__}); delete it and resume to "
            "begin again from the first epoch"
        ) from error


def _seed_variables(model: keras.Model) -> list[Any]:
    """The state of every layer's seed generators, in the order of the layers."""
    return [
        generator.state
        for layer in model.layers
        for generator in getattr(layer, "_seed_generators", [])
    ]


def _seeds(model: keras.Model) -> list[list[int]]:
    return [
        [int(part) for part in np.asarray(variable).ravel()] for variable in _seed_variables(model)
    ]
