"""The live callback: an ordinary Keras callback that turns training into events."""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median
from typing import Any

import keras

from workbench.runs.events import Batch, Epoch, Event
from workbench.training.checkpoint import Progress
from workbench.training.loop import TrainingLoop


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
