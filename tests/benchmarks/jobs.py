"""Whether several trainings at once get more done than one.

Run as `python -m tests.benchmarks.jobs [PRESET] [JOBS] [TURNS] [SECONDS]`. One run has all cores;
JOBS others share them as a queue with `--jobs` has it. They train by turns, the rest paused, so
that start and compilation are in no figure and whatever else the machine does meets both alike.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from workbench.model.hyperparameters import Overrides
from workbench.runs import control, lock
from workbench.runs.environment import cpu_name, usable_cores
from workbench.runs.events import Batch, Paused
from workbench.runs.folder import RunFolder
from workbench.runs.log import EventReader
from workbench.runs.plan import Plan, specs_for
from workbench.runs.record import Labels
from workbench.runs.service import launch
from workbench.settings import Home

SETTLING_SECONDS = 1.0  # for the caches, and for the pause of the others to be taken


def started(home: Home, preset: str, threads: int | None) -> RunFolder:
    """A run that has taken its first steps, paused."""
    plan = Plan(Overrides(epochs=1000), threads=threads)
    (folder,) = launch(home, specs_for(home, preset, plan), Labels(), "run")
    await_event(folder, Batch)
    pause([folder])
    return folder


def await_event(folder: RunFolder, kind: type) -> None:
    """Wait until the run's log has such an event."""
    reader = EventReader(folder.events_file)
    while not any(isinstance(event, kind) for event in reader.read()):
        time.sleep(0.05)


def pause(folders: list[RunFolder]) -> None:
    """Pause the runs, and wait until they are."""
    readers = [EventReader(folder.events_file) for folder in folders]
    for folder, reader in zip(folders, readers, strict=True):
        reader.read()
        control.request(folder.path, control.Command.PAUSE)
    for reader in readers:
        while not any(isinstance(event, Paused) for event in reader.read()):
            time.sleep(0.02)


def together(folders: list[RunFolder], seconds: float) -> float:
    """Images a second of these runs in all, over the next `seconds`."""
    for folder in folders:
        control.request(folder.path, control.Command.RUN)
    time.sleep(SETTLING_SECONDS)
    readers = [EventReader(folder.events_file) for folder in folders]
    for reader in readers:
        reader.read()
    time.sleep(seconds)
    total = sum(rate(folder, reader) for folder, reader in zip(folders, readers, strict=True))
    pause(folders)
    return total


def rate(folder: RunFolder, reader: EventReader) -> float:
    """Images a second from the first new chunk's end to the last one's."""
    batches = [event for event in reader.read() if isinstance(event, Batch)]
    images = sum(event.steps for event in batches[1:]) * folder.record.spec.training.batch_size
    return images / (batches[-1].seconds - batches[0].seconds)


def main(preset: str = "cnn-2", jobs: int = 2, turns: int = 5, seconds: float = 8.0) -> None:
    """Measure and print medians and their ratio."""
    home = Home(Path(tempfile.mkdtemp())).ensure()
    cores = usable_cores()
    alone = [started(home, preset, None)]
    shared = [started(home, preset, max(1, cores // jobs)) for _ in range(jobs)]
    one, several = [], []
    try:
        for _ in range(turns):
            one.append(together(alone, seconds))
            several.append(together(shared, seconds))
    finally:
        for folder in alone + shared:
            control.kill(folder.path)
            while lock.is_held(folder.lock_file):
                time.sleep(0.1)
    print(f"{preset} on {cpu_name()}, {cores} cores; {turns} turns of {seconds:g} s each")
    for name, values in (("one run, all cores", one), (f"{jobs} at once, in all", several)):
        print(f"{name:20} {median(values):>8,.0f} img/s   {min(values):,.0f} to {max(values):,.0f}")
    ratios = [many / single for single, many in zip(one, several, strict=True)]
    by_turns = f"by turns {min(ratios):.3f} to {max(ratios):.3f}"
    print(f"at once / one        {median(ratios):.3f}, {by_turns}")


if __name__ == "__main__":
    given = sys.argv[1:]
    main(
        given[0] if given else "cnn-2",
        int(given[1]) if len(given) > 1 else 2,
        int(given[2]) if len(given) > 2 else 5,
        float(given[3]) if len(given) > 3 else 8.0,
    )
