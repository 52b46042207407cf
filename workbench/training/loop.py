"""The training loop: chunks of Keras's own train steps, many to a call.

`model.fit` pays Python and tf.data for every step and, on a CPU, loses a core whenever tf.data's
threads get in the way of oneDNN's. Here a chunk of about 0.15 s is one or a few calls of a compiled
function that runs `model.train_step` over batches handed in stacked; the callbacks hear of it once
a chunk, as with `steps_per_execution`. The mathematics is Keras's: the same weights and the same
batches give what `model.train_on_batch` gives.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from statistics import median
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from workbench.model.hyperparameters import ReduceOnPlateau, TrainingSettings
from workbench.runs.events import Batch, Epoch, Event
from workbench.training.checkpoint import Progress, Weights
from workbench.training.compiled_steps import CompiledSteps
from workbench.training.datasets import BatchSource, epoch_order
from workbench.training.evaluation import Evaluation, Evaluator

# Growing in bounds, a first measurement spoilt by warming up can't make a chunk of seconds.
CHUNK_GROWTH = 4
# What Keras's callbacks remember, beside the weights of the best epoch.
_REMEMBERED = {
    "early_stopping": ("wait", "best", "best_epoch", "stopped_epoch"),
    "reduce_on_plateau": ("wait", "best", "cooldown_counter"),
}


class DivergedError(Exception):
    """The loss is no longer a finite number.

    `epoch` and `step` count from 0; `step` is the optimizer step, over all epochs, whose batch
    first gave the loss, and `loss` what it gave.
    """

    def __init__(self, epoch: int, step: int, loss: float) -> None:
        super().__init__(f"the loss became {loss} in epoch {epoch + 1}, at step {step}")
        self.epoch = epoch
        self.step = step
        self.loss = loss


@dataclass(frozen=True)
class Chunk:
    """What one chunk did: `steps` steps from `first_step` on (optimizer steps, from 0).

    `loss` and `accuracy` are means over this chunk's own `images` alone, `losses` the mean loss
    of each step's batch, (steps,); `seconds` the time the chunk took.
    """

    epoch: int
    first_step: int
    steps: int
    images: int
    loss: float
    accuracy: float
    losses: npt.NDArray[np.float32]
    seconds: float

    @property
    def images_per_second(self) -> float:
        return self.images / self.seconds


@dataclass(frozen=True)
class LoopResult:
    """How a training ended.

    `epochs` counts the whole epochs the model has behind it, those before `initial_epoch`
    included, and `steps` its optimizer steps likewise; `images` is what was seen since.
    """

    epochs: int
    steps: int
    stopped: bool
    images: int
    logs: dict[str, float]


class TrainingLoop:
    """Trains a compiled model on a source; one instance trains once.

    The model's loss takes one-hot labels; any Keras optimizer and schedule will do. Each epoch
    takes `epoch_order(seed, epoch, ...)` in batches of `batch_size`, the last one smaller if it
    doesn't come out even. Nothing that is trained depends on the lengths of the chunks.

    `xla` is as for `CompiledSteps`; `steps` are those of this model and source, where they are
    compiled already. After each epoch `validation` is evaluated. `should_stop` is asked between
    chunks and may block (a pause). `last_chunk` is for callbacks: set before their
    `on_train_batch_end`.
    """

    def __init__(
        self,
        model: keras.Model,
        source: BatchSource,
        *,
        batch_size: int,
        seed: int,
        validation: Evaluator | None = None,
        should_stop: Callable[[], bool] | None = None,
        xla: bool | None = None,
        steps: CompiledSteps | None = None,
        chunk_seconds: float = 0.15,
    ) -> None:
        self.model = model
        self.last_chunk: Chunk | None = None
        self.last_evaluation: Evaluation | None = None
        self._source = source
        self._seed = seed
        self._validation = validation
        self._should_stop = should_stop or (lambda: False)
        self.compiled = steps or CompiledSteps(model, source, batch_size, xla=xla)
        self._batch_size = self.compiled.batch_size
        self._full_batches = self.compiled.full_batches
        self.steps_per_epoch = math.ceil(source.image_count / self._batch_size)
        self.uses_xla = self.compiled.uses_xla
        self._pace = _Pace(chunk_seconds)
        self._images = 0

    def run(
        self,
        epochs: int,
        *,
        initial_epoch: int = 0,
        callbacks: Iterable[keras.callbacks.Callback] = (),
    ) -> LoopResult:
        """Train up to `epochs` epochs in all, from `initial_epoch` (counted from 0) on.

        A stop leaves the epoch it falls into without `on_epoch_end`: that epoch isn't whole.
        Raises `DivergedError` as soon as a chunk or an evaluation shows a loss that isn't finite.
        """
        listeners = keras.callbacks.CallbackList(
            list(callbacks),
            add_history=True,
            model=self.model,
            verbose=0,
            epochs=epochs,
            steps=self.steps_per_epoch,
        )
        self.model.stop_training = False
        listeners.on_train_begin()
        done, step, stopped = initial_epoch, initial_epoch * self.steps_per_epoch, False
        logs: dict[str, float] = {}
        for epoch in range(initial_epoch, epochs):
            listeners.on_epoch_begin(epoch)
            trained, logs = self._run_epoch(epoch, listeners)
            step = epoch * self.steps_per_epoch + trained
            if trained < self.steps_per_epoch or not self._validate(epoch, logs):
                stopped = True
                break
            done = epoch + 1
            listeners.on_epoch_end(epoch, logs)
            if self.model.stop_training:
                stopped = done < epochs
                break
        self.model.optimizer.finalize_variable_values(self.model.trainable_variables)
        listeners.on_train_end(logs)
        return LoopResult(done, step, stopped, self._images, logs)

    def _run_epoch(
        self, epoch: int, listeners: keras.callbacks.CallbackList
    ) -> tuple[int, dict[str, float]]:
        """Train one epoch; the number of steps it came to and its running means."""
        order = epoch_order(self._seed, epoch, self._source.image_count)
        # Batch by batch in float64, so that the means don't depend on the lengths of the chunks.
        totals: npt.NDArray[np.float64] = np.zeros(0)
        seen, step = 0, 0
        logs: dict[str, float] = {}
        while step < self.steps_per_epoch:
            if self.model.stop_training or self._should_stop():
                break
            count = min(self._pace.steps, self.steps_per_epoch - step)
            listeners.on_train_batch_begin(step)
            began = time.perf_counter()
            metrics = self.compiled.run(order, step, count)
            seconds = time.perf_counter() - began
            names = self.compiled.names
            sizes = np.full(count, self._batch_size)
            if step + count > self._full_batches:
                sizes[-1] = self._source.image_count - self._full_batches * self._batch_size
            weighted = metrics.astype(np.float64) * sizes[:, None]
            start = totals if seen else np.zeros(len(names))
            totals = np.cumsum(np.vstack([start, weighted]), axis=0)[-1]
            images = int(sizes.sum())
            own = dict(zip(names, (weighted.sum(0) / images).tolist(), strict=True))
            losses = metrics[:, names.index("loss")]
            finite = np.isfinite(losses)
            if not finite.all():
                bad = int(np.argmin(finite))
                place = epoch * self.steps_per_epoch + step + bad
                raise DivergedError(epoch, place, float(losses[bad]))
            seen += images
            self._images += images
            self._pace.took(count, seconds)
            logs = dict(zip(names, (totals / seen).tolist(), strict=True))
            self.last_chunk = Chunk(
                epoch=epoch,
                first_step=epoch * self.steps_per_epoch + step,
                steps=count,
                images=images,
                loss=own["loss"],
                accuracy=own.get("accuracy", math.nan),
                losses=losses,
                seconds=seconds,
            )
            step += count
            listeners.on_train_batch_end(step - 1, logs)
        return step, logs

    def _validate(self, epoch: int, logs: dict[str, float]) -> bool:
        """Add what is evaluated after an epoch to the logs; False if stopped before the end."""
        if self._validation is None:
            return True
        evaluation = self._validation.evaluate(self._should_stop)
        if evaluation is None:
            return False
        if not math.isfinite(evaluation.loss):
            # The last step's update spoilt the weights, and no training batch came after it.
            raise DivergedError(epoch, (epoch + 1) * self.steps_per_epoch - 1, evaluation.loss)
        self.last_evaluation = evaluation
        logs["val_loss"], logs["val_accuracy"] = evaluation.loss, evaluation.accuracy
        return True


class _Pace:
    """How many steps make a chunk of the wanted length."""

    def __init__(self, seconds: float) -> None:
        self.steps = 1
        self._seconds = seconds
        self._first = True

    def took(self, steps: int, seconds: float) -> None:
        if self._first:
            # The first chunk's time is its compilation's.
            self._first = False
            return
        wanted = int(self._seconds * steps / max(seconds, 1e-9))
        self.steps = max(1, min(wanted, self.steps * CHUNK_GROWTH))


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
    """What goes by validation: the callbacks of some settings, in the order they have to stand in.

    They are Keras's own and begin anew with each `on_train_begin`, so what they have seen is kept
    with the checkpoint and put back: a resumed training ends where an uninterrupted one does.
    """

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
            name: {key: np.asarray(getattr(callback, key)).tolist() for key in _REMEMBERED[name]}
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
