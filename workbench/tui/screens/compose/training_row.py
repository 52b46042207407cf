"""The training settings as short facts, and facts on as few lines as hold them."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from workbench.formats import count
from workbench.model.hyperparameters import (
    OPTIMIZER_TITLES,
    TrainingSettings,
    optimizer_text,
    schedule_text,
)

_BETWEEN = " · "


def training_facts(training: TrainingSettings) -> list[str]:
    """Optimizer, learning rate, momentum, schedule, batch and epochs, each in a few words."""
    optimizer = training.optimizer
    title = OPTIMIZER_TITLES[optimizer.kind]
    extra = optimizer_text(optimizer).removeprefix(title).strip(" ()")
    # Where the decay comes from is for the form to say.
    schedule = schedule_text(training).partition(" (")[0]
    constant = training.schedule.kind == "constant"
    return [
        count(training.epochs, "epoch"),
        f"batch {training.batch_size:,}",
        title,
        f"learning rate {optimizer.learning_rate:g}",
        *(extra.split(", ") if extra else []),
        "constant rate" if constant else schedule,
    ]


def packed(facts: Sequence[str], width: int) -> list[str]:
    """The facts in their order, none broken over two lines that fits on one."""
    lines: list[str] = []
    pieces = (piece for fact in facts for piece in textwrap.wrap(fact, max(1, width)))
    for piece in pieces:
        longer = f"{lines[-1]}{_BETWEEN}{piece}" if lines else piece
        if lines and len(longer) <= width:
            lines[-1] = longer
        else:
            lines.append(piece)
    return lines
