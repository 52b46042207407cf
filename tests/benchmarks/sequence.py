"""What a trial in a sequence costs, and whether memory grows with their number.

Run as `python -m tests.benchmarks.sequence [PRESET] [TRIALS] [EPOCHS] [TRAIN_LIMIT]`. The first
trial starts the worker; the others follow in it. A trial's time is from the ending of the one
before it to its own, so that all of a trial is in it; its memory is the worker's after it.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import psutil

from workbench.model.hyperparameters import Overrides
from workbench.runs import lock
from workbench.runs.environment import cpu_name, usable_cores
from workbench.runs.folder import RunFolder
from workbench.runs.plan import Plan, specs_for
from workbench.runs.record import Labels
from workbench.runs.service import launch
from workbench.settings import Home


def wait_for(folder: RunFolder) -> int:
    """Wait until the run has ended; its worker's resident bytes towards the end."""
    resident = 0
    while folder.status().alive:
        pid = lock.holder_pid(folder.lock_file)
        try:
            resident = psutil.Process(pid).memory_info().rss if pid else resident
        except psutil.NoSuchProcess:
            break
        time.sleep(0.05)
    return resident


def main(
    preset: str = "nn-1.2", trials: int = 3, epochs: int | None = None, limit: int | None = None
) -> None:
    """Measure and print each trial's time, of which it trained, and its memory."""
    home = Home(Path(tempfile.mkdtemp())).ensure()
    plan = Plan(Overrides(epochs=epochs), repeats=trials, train_limit=limit)
    began = time.perf_counter()
    folders = launch(home, specs_for(home, preset, plan), Labels(), "run")
    print(f"{preset} on {cpu_name()}, {usable_cores()} cores; {trials} trials in a row")
    times, residents = [], []
    for number, folder in enumerate(folders, 1):
        residents.append(wait_for(folder) / 2**20)
        now = time.perf_counter()
        times.append(now - began)
        began = now
        ending = folder.history().ending
        trained = ending.seconds if ending else 0.0
        if trials <= 10 or number in (1, 2, 3, trials) or number % 25 == 0:
            print(f"trial {number:>3}  {times[-1]:6.2f} s, {trained:6.2f} s of it trained"
                  f"   {residents[-1]:7.0f} MiB")  # fmt: skip
    if trials > 1:
        print(f"after the first, median {median(times[1:]):.2f} s")
        print(f"memory, last / second {residents[-1] / residents[1]:.3f}")


if __name__ == "__main__":
    given = sys.argv[1:]
    main(given[0] if given else "nn-1.2", *(int(value) for value in given[1:]))
