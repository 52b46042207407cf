"""One entry of the queue: a spec to train, and what became of it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from workbench.model.spec import TrainingSpec
from workbench.runs.record import Labels
from workbench.runs.status import Status

Origin = Literal["run", "app", "reproduce", "sweep"]
# What "the same training" means to the queue: settings and seed, whatever it is called.
Identity = tuple[str, int]


class Trial(BaseModel):
    """One training in the queue. A waiting one with a `run_id` was begun and is taken up again."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    id: Annotated[str, Field(pattern=r"^[a-z0-9]{1,12}$")]
    spec: TrainingSpec
    label: str = ""  # what it is for: `Table 7.4`, or the values of a sweep
    by: Origin = "reproduce"
    labels: Labels = Labels()
    state: Status = Status.WAITING
    run_id: str | None = None
    message: str = ""

    @property
    def identity(self) -> Identity:
        """Equal for trials that would give the same result."""
        return identity(self.spec)

    @property
    def text(self) -> str:
        """What is trained, in a few words: `CNN model 2, sgd 0.002, seed 0`."""
        settings = self.spec.training
        words = [
            self.spec.title,
            f"{settings.optimizer.kind} {settings.optimizer.learning_rate:g}",
            f"{settings.epochs} × batch {settings.batch_size}",
        ]
        if self.spec.precision != "float32":
            words.append(self.spec.precision)
        return ", ".join([*words, f"seed {self.spec.seed}"])


def identity(spec: TrainingSpec) -> Identity:
    """Settings key and seed of a spec."""
    return spec.settings_key, spec.seed
