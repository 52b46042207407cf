"""A training that leaves the rails, in words: where the loss is no number, or runs away."""

from __future__ import annotations

import math
from dataclasses import dataclass

from workbench.runs.events import Batch

# A loss this many times what guessing would give is no longer learning.
RUNAWAY_FACTOR = 3.0
RECENT = 5  # chunks in a row that must be that bad; one alone is chance


@dataclass(frozen=True)
class Trouble:
    step: int
    epoch: int
    words: str


class Watch:
    """Looks at each chunk once and remembers where trouble began."""

    def __init__(self, classes: int | None) -> None:
        # Of a script nobody knows what guessing would give.
        self._guessing = math.log(max(2, classes)) if classes is not None else math.inf
        self._bad: list[Batch] = []
        self.not_a_number: Trouble | None = None
        self.runaway: Trouble | None = None

    def look(self, batch: Batch) -> None:
        loss = batch.values.get("loss")
        if loss is None:
            return
        if not math.isfinite(loss):
            if self.not_a_number is None:
                words = (
                    f"the loss is not a number from epoch {batch.epoch}, step {batch.step:,} on: "
                    "diverged; a lower learning rate may fix it"
                )
                self.not_a_number = Trouble(batch.step, batch.epoch, words)
            return
        if loss <= RUNAWAY_FACTOR * self._guessing:
            self._bad.clear()
            # It came down again: the words would no longer be true.
            self.runaway = None
            return
        if len(self._bad) < RECENT:
            self._bad.append(batch)
        if len(self._bad) == RECENT and self.runaway is None:
            first = self._bad[0]
            words = (
                f"the loss has run away since epoch {first.epoch}, step {first.step:,}: guessing "
                f"would give {self._guessing:.2f}; a lower learning rate may fix it"
            )
            self.runaway = Trouble(first.step, first.epoch, words)

    def forget_after(self, step: int) -> None:
        """A resumed run trains again what lay beyond `step`."""
        self._bad.clear()
        if self.not_a_number is not None and self.not_a_number.step > step:
            self.not_a_number = None
        if self.runaway is not None and self.runaway.step > step:
            self.runaway = None

    @property
    def trouble(self) -> Trouble | None:
        """The worst of what is the matter now; None when all is well."""
        return self.not_a_number or self.runaway
