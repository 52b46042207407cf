"""The seam between the queue and what trains: local worker processes, or a cluster engine.

The queue knows a trial by its run. Whatever trains it, and wherever, three things hold:

- the run has a folder in this home, whose event log tells how it goes and how it ended;
- the folder's lock is held by a process here while it trains, so that it is seen to live;
- it looks at the folder's control file, so that it can be paused and stopped like any other.

A cluster engine meets them with one small local process a run, which calls
`workbench.training.train.train(spec, emit, should_stop)` over there and writes here what it is
told. It gets its name in `EXECUTORS`; neither the queue nor the screens notice.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from workbench.errors import RunError, nearest
from workbench.model.spec import TrainingSpec
from workbench.queue.local import LocalExecutor
from workbench.runs.record import Labels
from workbench.settings import Home


class Job(Protocol):
    """A training that was handed over."""

    @property
    def run_id(self) -> str:
        """The id of its run in this home."""

    def ended(self) -> bool:
        """Whether nothing trains it any more."""

    def stop(self) -> None:
        """Ask it to save what it has trained and to stop; it ends soon after."""


class Executor(Protocol):
    """Trains specs, several at once if asked to."""

    def submit(self, spec: TrainingSpec, labels: Labels, by: str, jobs: int) -> Job:
        """Begin a training, one of `jobs` at once: how they share what there is, it decides.

        Raises:
            EnvironmentProblem: it cannot be begun now, but may be later (a full disk).
            UserError: it can never be begun.
        """

    def take_up(self, run_id: str) -> Job | None:
        """Join a run that lives, or go on with one that was interrupted.

        None: there is nothing to go on with (it has finished, diverged, or is gone).

        Raises:
            EnvironmentProblem: it cannot be begun now, but may be later.
        """


EXECUTORS: Mapping[str, Callable[[Home], Executor]] = {"local": LocalExecutor}


def executor_for(home: Home, name: str = "local") -> Executor:
    """The executor of a name.

    Raises:
        RunError: there is none of that name.
    """
    if name not in EXECUTORS:
        raise RunError(f'no executor "{name}"; {nearest(name, list(EXECUTORS))}')
    return EXECUTORS[name](home)
