"""Where runs were made: a machine, and how many of its cores a run had."""

from __future__ import annotations

from typing import NamedTuple

from workbench.formats import count
from workbench.runs.summary import RunSummary


class Machine(NamedTuple):
    """Times are compared within one of these only.

    `threads` is None where a run had all the cores.
    """

    host: str
    cpu: str
    cores: int
    threads: int | None = None

    @property
    def text(self) -> str:
        """`box (A Processor, 2 cores (1 thread a run))`."""
        return f"{self.host} ({self.cpu}, {self.cores_text})"

    @property
    def cores_text(self) -> str:
        """`2 cores (1 thread a run)`; the threads only where they were held to fewer."""
        held = "" if self.threads is None else f" ({count(self.threads, 'thread')} a run)"
        return f"{count(self.cores, 'core')}{held}"


def machine_of(run: RunSummary) -> Machine:
    """Where a run trained, and with how many threads."""
    held = run.threads is not None and run.threads < run.cores
    return Machine(run.host, run.cpu, run.cores, run.threads if held else None)
