"""The state of a run, built up event by event: what every viewer shows."""

from __future__ import annotations

from dataclasses import dataclass, field

from workbench.runs.events import (
    Batch,
    Ended,
    Epoch,
    Event,
    Paused,
    Preparing,
    Queued,
    Resumed,
    Started,
)


@dataclass
class History:
    """Everything the log has said so far; apply events in order."""

    planned_epochs: int
    steps_per_epoch: int
    queued: bool = False
    preparing: str = ""
    started: Started | None = None
    batches: list[Batch] = field(default_factory=list)
    epochs: list[Epoch] = field(default_factory=list)
    paused: bool = False
    ending: Ended | None = None

    @property
    def planned_steps(self) -> int:
        """Optimizer steps of the whole run."""
        return self.planned_epochs * self.steps_per_epoch

    @property
    def step(self) -> int:
        """Optimizer steps done."""
        last_batch = self.batches[-1].step if self.batches else 0
        return max(last_batch, self.epochs[-1].step if self.epochs else 0)

    @property
    def seconds(self) -> float:
        """Training seconds so far, without pauses."""
        if self.ending is not None:
            return self.ending.seconds
        last_batch = self.batches[-1].seconds if self.batches else 0.0
        return max(last_batch, self.epochs[-1].seconds if self.epochs else 0.0)

    @property
    def best(self) -> Epoch | None:
        """The epoch with the highest test accuracy, the earliest of equals."""
        return max(self.epochs, key=lambda epoch: epoch.test_accuracy, default=None)

    @property
    def images_per_second(self) -> float | None:
        """The median of the last chunks' speeds: steady while single chunks jump."""
        recent = sorted(batch.images_per_second for batch in self.batches[-15:])
        return recent[len(recent) // 2] if recent else None

    @property
    def seconds_left(self) -> float | None:
        """Expected training seconds until the planned end; None before the first step."""
        if self.step == 0 or self.seconds <= 0:
            return None
        return self.seconds / self.step * (self.planned_steps - self.step)

    def apply(self, event: Event) -> None:
        """Take one event into account."""
        match event:
            case Queued():
                self.queued = True
            case Preparing():
                self.queued, self.preparing = False, event.what
            case Started():
                self.queued, self.started, self.ending, self.paused = False, event, None, False
                self.preparing = ""
                self.steps_per_epoch = event.steps_per_epoch
            case Batch():
                self.batches.append(event)
                self.preparing = ""
            case Epoch():
                self.epochs.append(event)
            case Paused():
                self.paused = True
            case Resumed():
                self._back_to(event.step)
                self.paused, self.ending = False, None
            case Ended():
                self.ending, self.preparing, self.paused = event, "", False
            case _:
                pass

    def _back_to(self, step: int) -> None:
        """Forget what a crashed worker logged beyond its checkpoint."""
        while self.batches and self.batches[-1].step > step:
            self.batches.pop()
        while self.epochs and self.epochs[-1].step > step:
            self.epochs.pop()
