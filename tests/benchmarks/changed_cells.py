"""What sending only changed cells costs and saves: a run's screen, in turns with and without it.

Run as `python -m tests.benchmarks.changed_cells [TURNS] [POINTS]`. The app watches a run whose log
is written here, at a terminal of 120×40 that counts bytes; what is told is for each point of it.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from tests.support import LivingRun, at_terminal
from workbench.settings import Home

SECONDS_A_POINT = 0.2


async def turn(home: Home, points: int, changes_only: bool) -> tuple[float, float]:
    """Kilobytes and milliseconds of the processor for each point."""
    sent = 0

    def count(text: str) -> None:
        nonlocal sent
        sent += len(text.encode())

    run = LivingRun(home)
    app = at_terminal(home, count, changes_only=changes_only)
    async with app.run_test(headless=False, size=(120, 40)) as pilot:
        app.open_run(run.folder)
        run.train(0.3)
        await pilot.pause(2.0)
        before, began = sent, time.process_time()
        for point in range(points):
            run.train(0.3 + 0.6 * point / points)
            await asyncio.sleep(SECONDS_A_POINT)
        taken = time.process_time() - began
        bytes_sent = sent - before
    run.die()
    return bytes_sent / points / 1000, taken / points * 1000


def main(turns: int, points: int) -> None:
    """Print medians of both kinds of turn."""
    home = Home(Path(tempfile.mkdtemp())).ensure()
    found: dict[bool, list[tuple[float, float]]] = {False: [], True: []}
    for number in range(2 * turns):
        changes_only = number % 2 == 1
        found[changes_only].append(asyncio.run(turn(home, points, changes_only)))
    for changes_only, values in found.items():
        kilobytes, milliseconds = (median(column) for column in zip(*values, strict=True))
        what = "changed cells" if changes_only else "as Textual sends"
        print(f"{what:17} {kilobytes:6.2f} kB   {milliseconds:6.1f} ms of the processor a point")


if __name__ == "__main__":
    asked = [int(text) for text in sys.argv[1:3]]
    main(*(asked + [5, 40][len(asked) :]))
