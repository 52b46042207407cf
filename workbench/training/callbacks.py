"""What listens to the training loop, as ordinary Keras callbacks.

One turns it into events. The others go by validation: early stopping and reduce on plateau are
Keras's own, and begin anew with each `on_train_begin`, so what they have seen is kept with the
checkpoint and put back: a resumed training ends where an uninterrupted one does.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median
from typing import Any

import keras
import numpy as np

from workbench.model.hyperparameters import ReduceOnPlateau, TrainingSettings
from workbench.runs.events import Batch, Epoch, Event
from workbench.training.checkpoint import Progress, Weights
from workbench.training.loop import TrainingLoop

# What Keras's callbacks remember, beside the weights of the best epoch.
_REMEMBERED = {
    "early_stopping": ("wait", "best", "best_epoch", "stopped_epoch"),
    "reduce_on_plateau": ("wait", "best", "cooldown_counter"),
}


class LoopCallback(keras.callbacks.Callback):  # type: ignore[misc]  # Keras is untyped
    """Emits an event a chunk and one an epoch, and hands each whole epoch on to be kept.

    `progress` is how far the training has come, in whole epochs; `step` and `seconds` go on
    within an epoch.
    """

    def __init__(
        self,
        loop: TrainingLoop,
        emit: Callable[[Event], None],
        progress: Progress,
        keep: Callable[[Progress], None],
        *,
        validates: bool = False,
    ) -> None:
        """`validates`: what the loop evaluates are validation images, not those of the test."""
        super().__init__()
        self._validates = validates
        self.progress = progress
        self.step = progress.step
        self.seconds = progress.seconds
        self._loop = loop
        self._emit = emit
        self._keep = keep
        self._speeds: list[float] = []
        self._epoch_speeds: list[float] = []
        self._epoch_seconds = 0.0

    @property
    def images_per_second(self) -> float | None:
        """The median over all chunks, so that the first one's compilation doesn't weigh."""
        return median(self._speeds) if self._speeds else self.progress.images_per_second

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._epoch_speeds, self._epoch_seconds = [], 0.0

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        chunk = self._loop.last_chunk
        assert chunk is not None  # the loop sets it before it calls
        self.step = chunk.first_step + chunk.steps
        self.seconds += chunk.seconds
        self._epoch_seconds += chunk.seconds
        self._speeds.append(chunk.images_per_second)
        self._epoch_speeds.append(chunk.images_per_second)
        self._emit(
            Batch(
                time=time.time(),
                epoch=chunk.epoch + 1,
                step=self.step,
                steps=chunk.steps,
                loss=chunk.loss,
                accuracy=chunk.accuracy,
                images_per_second=round(chunk.images_per_second, 1),
                seconds=round(self.seconds, 4),
            )
        )

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Emit the epoch with what was evaluated after it, then keep the state."""
        logs = logs or {}
        role = "validation" if self._validates else "test"
        evaluated: dict[str, Any] = {
            f"{role}_loss": logs["val_loss"],
            f"{role}_accuracy": logs["val_accuracy"],
        }
        speed = median(self._epoch_speeds)
        self.progress = self.progress.after_epoch(
            step=self.step,
            seconds=round(self.seconds, 4),
            images_per_second=round(self.images_per_second or speed, 1),
            **evaluated,
        )
        # The event first: a kill between the two must not leave a checkpoint whose epoch the
        # log has never heard of.
        self._emit(
            Epoch(
                time=time.time(),
                epoch=epoch + 1,
                step=self.step,
                loss=logs["loss"],
                accuracy=logs["accuracy"],
                images_per_second=round(speed, 1),
                epoch_seconds=round(self._epoch_seconds, 4),
                seconds=round(self.seconds, 4),
                **evaluated,
            )
        )
        self._keep(self.progress)


class Monitors:
    """The callbacks of some settings, in the order in which they have to stand."""

    def __init__(
        self,
        settings: TrainingSettings,
        state: dict[str, dict[str, Any]] | None = None,
        best_weights: Weights | None = None,
    ) -> None:
        """`state` and `best_weights` are what an earlier one of the same training had seen."""
        self._known: dict[str, Any] = {}
        early, schedule = settings.early_stopping, settings.schedule
        if early is not None:
            self._known["early_stopping"] = keras.callbacks.EarlyStopping(
                monitor="val_loss",
                mode="min",
                patience=early.patience,
                min_delta=early.min_delta,
                restore_best_weights=True,
            )
        if isinstance(schedule, ReduceOnPlateau):
            self._known["reduce_on_plateau"] = keras.callbacks.ReduceLROnPlateau(
                monitor="val_loss",
                mode="min",
                factor=schedule.factor,
                patience=schedule.patience,
                min_delta=schedule.min_delta,
            )
        self._begin_with = state or {}
        self._begin_weights = best_weights
        self.put_back()
        self.callbacks: list[keras.callbacks.Callback] = [*self._known.values()]
        if self._known:
            begin = keras.callbacks.LambdaCallback(on_train_begin=lambda logs: self.put_back())
            self.callbacks.append(begin)

    def put_back(self) -> None:
        """Have the callbacks remember what was seen before."""
        for name, seen in self._begin_with.items():
            for attribute, value in seen.items():
                setattr(self._known[name], attribute, value)
        if self._begin_weights is not None:
            self._known["early_stopping"].best_weights = self._begin_weights

    def state(self) -> dict[str, dict[str, Any]]:
        """What the callbacks remember now, as plain data."""
        return {
            name: {key: _plain(getattr(callback, key)) for key in _REMEMBERED[name]}
            for name, callback in self._known.items()
        }

    @property
    def best_weights(self) -> Weights | None:
        """The weights of the best epoch; None without early stopping."""
        return getattr(self._known.get("early_stopping"), "best_weights", None)

    @property
    def best_epoch(self) -> int | None:
        """The epoch, from 1, whose weights are put back at the end; None where none are."""
        return None if self.best_weights is None else self._known["early_stopping"].best_epoch + 1

    @property
    def stopped(self) -> bool:
        """Whether early stopping has ended the training."""
        return bool(getattr(self._known.get("early_stopping"), "stopped_epoch", 0))


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value
