"""How far a training has come: what a checkpoint carries beside the weights."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any


@dataclass(frozen=True)
class Progress:
    """State after a whole epoch. Accuracies are fractions, times are training seconds."""

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
