"""Whether watching slows a training: one run, measured in turns with and without the screens.

Run as `python -m tests.benchmarks.watched [PRESET] [TURNS] [SECONDS]`. In every other turn the
real app shows the run's screen at a 120×40 pseudo-terminal that is read as fast as it writes.
Both kinds of turn see the same worker and the same model, so only watching differs.
"""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import sys
import tempfile
import termios
import threading
import time
from pathlib import Path
from statistics import median

from workbench.model.hyperparameters import Overrides
from workbench.runs import control, lock
from workbench.runs.environment import cpu_name, usable_cores
from workbench.runs.events import Batch
from workbench.runs.folder import RunFolder
from workbench.runs.log import EventReader
from workbench.runs.plan import Plan, specs_for
from workbench.runs.record import Labels
from workbench.runs.service import launch
from workbench.settings import HOME_VARIABLE, Home

SETTLING_SECONDS = 5.0  # for the app to start, and to be gone again


class Viewer:
    """The app in a pseudo-terminal, showing the only run there is."""

    def __init__(self, home: Home) -> None:
        self.bytes = 0
        self._pid, self._terminal = pty.fork()
        if self._pid == 0:
            environment = {
                **os.environ,
                HOME_VARIABLE: str(home.path),
                "TERM": "xterm-256color",
                "LANG": "C.UTF-8",
            }
            os.execve(sys.executable, [sys.executable, "-m", "workbench"], environment)
        fcntl.ioctl(self._terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
        threading.Thread(target=self._read, daemon=True).start()
        time.sleep(SETTLING_SECONDS / 2)
        for keys in (b"3", b"\r"):
            os.write(self._terminal, keys)
            time.sleep(SETTLING_SECONDS / 4)
        self.bytes = 0

    def _read(self) -> None:
        while True:
            select.select([self._terminal], [], [])
            try:
                self.bytes += len(os.read(self._terminal, 65536))
            except OSError:
                return

    def close(self) -> None:
        os.kill(self._pid, signal.SIGTERM)
        os.waitpid(self._pid, 0)
        os.close(self._terminal)
        time.sleep(1.0)


def trained_images(folder: RunFolder, reader: EventReader, seconds: float) -> float:
    """Images a second over the next `seconds`, from the run's own log."""
    batch_size = folder.record.spec.training.batch_size
    reader.read()
    time.sleep(seconds)
    batches = [event for event in reader.read() if isinstance(event, Batch)]
    # From the first chunk's end to the last one's: whole chunks, and nothing but training.
    steps = sum(event.steps for event in batches[1:])
    took = batches[-1].seconds - batches[0].seconds
    return steps * batch_size / took


def main(preset: str = "cnn-2", turns: int = 6, seconds: float = 12.0) -> None:
    """Measure and print medians and their ratio."""
    home = Home(Path(tempfile.mkdtemp())).ensure()
    (folder,) = launch(home, specs_for(home, preset, Plan(Overrides(epochs=1000))), Labels(), "run")
    reader = EventReader(folder.events_file)
    while not any(isinstance(event, Batch) for event in reader.read()):
        time.sleep(0.2)
    time.sleep(SETTLING_SECONDS)
    speeds: dict[str, list[float]] = {"alone": [], "watched": []}
    rates = []
    try:
        for _ in range(turns):
            speeds["alone"].append(trained_images(folder, reader, seconds))
            viewer = Viewer(home)
            began = time.monotonic()
            speeds["watched"].append(trained_images(folder, reader, seconds))
            rates.append(viewer.bytes / (time.monotonic() - began))
            viewer.close()
    finally:
        control.kill(folder.path)
        while lock.is_held(folder.lock_file):
            time.sleep(0.1)
    print(f"{preset} on {cpu_name()}, {usable_cores()} cores; {turns} turns of {seconds:g} s each")
    for name, values in speeds.items():
        print(f"{name:8} {median(values):>10,.0f} img/s   {min(values):,.0f} to {max(values):,.0f}")
    ratios = [watched / alone for alone, watched in zip(*speeds.values(), strict=True)]
    print(f"watched / alone {median(ratios):.3f}, by turns {min(ratios):.3f} to {max(ratios):.3f}")
    print(f"written to the terminal: {median(rates) / 1000:.1f} kB/s")


if __name__ == "__main__":
    given = sys.argv[1:]
    main(
        given[0] if given else "cnn-2",
        int(given[1]) if len(given) > 1 else 6,
        float(given[2]) if len(given) > 2 else 12.0,
    )
