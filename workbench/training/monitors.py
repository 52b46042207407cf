"""What goes by validation while a training runs: early stopping and reduce on plateau.

Keras's own callbacks do it. They begin anew with each `on_train_begin`, so what they have seen is
kept with the checkpoint and put back: a resumed training ends where an uninterrupted one does.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from workbench.model.hyperparameters import ReduceOnPlateau, TrainingSettings

Weights = list[npt.NDArray[Any]]
# What Keras's callbacks remember, beside the weights of the best epoch.
_REMEMBERED = {
    "early_stopping": ("wait", "best", "best_epoch", "stopped_epoch"),
    "reduce_on_plateau": ("wait", "best", "cooldown_counter"),
}


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
