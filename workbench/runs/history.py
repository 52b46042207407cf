"""The state of a run, built up event by event: what every viewer shows."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from workbench.runs import events


@dataclass
class History:
    """Everything the log has said so far; apply events in order."""

    planned_epochs: int
    steps_per_epoch: int
    queued: bool = False
    preparing: str = ""
    started: events.Started | None = None
    batches: list[events.Batch] = field(default_factory=list)
    epochs: list[events.Epoch] = field(default_factory=list)
    paused: bool = False
    ending: events.Ended | None = None
    # The last value of each metric that a script logged.
    metrics: dict[str, float] = field(default_factory=dict)
    fault: str = ""  # what of the log could not be read, as a sentence
    _first: events.Batch | None = None  # the first chunk of the worker now at work
    _test_seconds: float = 0.0  # how long the last test took

    @property
    def planned_steps(self) -> int:
        return self.planned_epochs * self.steps_per_epoch

    @property
    def step(self) -> int:
        last_batch = self.batches[-1].step if self.batches else 0
        return max(last_batch, self.epochs[-1].step if self.epochs else 0)

    @property
    def waiting_for(self) -> str:
        """What a living run waits for before it trains (again); empty while it trains."""
        if self.queued:
            return "waiting for its turn"
        if self.paused:
            return ""
        begun = self.started or self.batches or self.epochs
        return self.preparing or ("" if begun else "starting the worker")

    @property
    def seconds(self) -> float:
        """Training seconds so far, without pauses."""
        if self.ending is not None:
            return self.ending.seconds
        last_batch = self.batches[-1].seconds if self.batches else 0.0
        return max(last_batch, self.epochs[-1].seconds if self.epochs else 0.0)

    @property
    def best(self) -> events.Epoch | None:
        """The epoch with the highest test accuracy, the earliest of equals; None where untested."""
        tested = [epoch for epoch in self.epochs if math.isfinite(epoch.test_accuracy)]
        return max(tested, key=lambda epoch: epoch.test_accuracy, default=None)

    @property
    def epochs_completed(self) -> int:
        """The number of the last whole epoch; 0 before the first."""
        return self.epochs[-1].epoch if self.epochs else 0

    @property
    def results(self) -> dict[str, Any]:
        """What the whole epochs have come to so far, as fields of an ending."""
        best = self.best
        return {
            **(self.epochs[-1].evaluated if self.epochs else {}),
            "epochs_completed": self.epochs_completed,
            "images_per_second": self.images_per_second,
            "best_epoch": best.epoch if best else None,
            "best_epoch_test_accuracy": best.test_accuracy if best else None,
        }

    @property
    def images_per_second(self) -> float | None:
        """The median of the last chunks' speeds: steady while single chunks jump."""
        recent = sorted(batch.images_per_second for batch in self.batches[-15:])
        return recent[len(recent) // 2] if recent else None

    @property
    def seconds_left(self) -> float | None:
        """Expected seconds until the planned end, the tests after each epoch included.

        None until a second chunk has shown the pace: the first one's time is its compilation's.
        """
        first, step, seconds = self._first, self.step, self.seconds
        if first is None or step <= first.step or seconds <= first.seconds:
            return None
        if not self.planned_steps:
            return None
        pace = (seconds - first.seconds) / (step - first.step)
        tests = self._test_seconds * (self.planned_epochs - len(self.epochs))
        return pace * (self.planned_steps - step) + tests

    def apply(self, event: events.Event) -> None:
        match event:
            case events.Queued():
                self.queued = True
            case events.Preparing():
                # A worker that was killed while it paused took its pause with it.
                self.queued, self.paused, self.preparing = False, False, event.what
            case events.Started():
                self.queued, self.started, self.ending, self.paused = False, event, None, False
                self.preparing, self._first = "", None
                # Of a script both may become known later, or not at all.
                self.steps_per_epoch = event.steps_per_epoch or self.steps_per_epoch
                self.planned_epochs = event.epochs or self.planned_epochs
            case events.Batch(steps=0) if event.step < self.step:
                self.metrics.update(event.metrics or {})  # evaluated late, and no step of training
            case events.Batch():
                if event.step <= self.step:
                    # A worker that died before its first checkpoint: begun anew, from step 0.
                    self._back_to(event.step - event.steps)
                self.batches.append(event)
                self.metrics.update(event.metrics or {})
                self._first = self._first or event
                self.preparing = ""
            case events.Epoch():
                if self.batches and self.batches[-1].step == event.step:
                    self._test_seconds = max(0.0, event.time - self.batches[-1].time)
                self.epochs.append(event)
                self.metrics.update(event.metrics or {})
                self.steps_per_epoch = self.steps_per_epoch or event.step // max(1, event.epoch)
            case events.Paused():
                self.paused = True
            case events.Resumed():
                self._back_to(event.step)
                self.paused, self.ending = False, None
            case events.Ended():
                self.ending, self.preparing, self.paused = event, "", False
            case _:
                pass

    def _back_to(self, step: int) -> None:
        """Forget what a crashed worker logged beyond its checkpoint."""
        while self.batches and self.batches[-1].step > step:
            self.batches.pop()
        while self.epochs and self.epochs[-1].step > step:
            self.epochs.pop()
