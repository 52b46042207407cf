"""What the Search view sends over the connection while a search goes on.

    python -m tests.benchmarks.search_view [SECONDS]

The app runs at a pseudo-terminal of 120×40 with the view open. Beside it a search's progress is
written down as the queue does it: 25 of 60 trials are there, each further one takes 5 epochs of a
second, and a third is given up on the way. The last line is PASS or FAIL.
"""

from __future__ import annotations

import fcntl
import math
import os
import pty
import random
import select
import struct
import sys
import tempfile
import termios
import time
from pathlib import Path
from typing import Any

from workbench.model.preset import find_preset
from workbench.queue.search import (
    SearchFolder,
    SearchProgress,
    SearchRequest,
    SearchTrial,
    enqueue_search,
)
from workbench.queue.space import drawn
from workbench.runs.plan import Plan
from workbench.settings import Home

COLUMNS, LINES, EPOCHS, BEFORE = 120, 40, 5, 25
SETTLED_SECONDS = 6.0
MOST_BYTES_PER_SECOND = 6_000
SPACE = ("lr=log:1e-4..1e-1", "optimizer=sgd,adam", "batch_size=16..256", "layers.1.filters=4..64")


def main(seconds: float = 60.0) -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as place:
        home = Home(Path(place) / "home").ensure()
        preset = find_preset("cnn-2", home)
        search = SearchRequest(preset, Plan(validation="0.15"), SPACE, trials="60").search()
        enqueue_search(home, search)
        child, terminal = pty.fork()
        if child == 0:
            os.environ.update(TERM="xterm-256color", COLORTERM="truecolor", LANG="C.UTF-8")
            command = [sys.executable, "-m", "tests.benchmarks.search_view", "--app"]
            os.execv(sys.executable, [*command, str(home.path), search.id])
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
        chance, folder = random.Random(0), SearchFolder(home, search.id)
        values = drawn(search.parameters, 60 + int(seconds))
        begin, counted, first, written = time.monotonic(), 0, 0, -1
        while (now := time.monotonic() - begin) < SETTLED_SECONDS + seconds:
            if int(now) > written:  # once a second, as the queue's process does
                written = int(now)
                folder.keep(_progress(values, written, chance))
            ready, _, _ = select.select([terminal], [], [], 0.1)
            size = len(os.read(terminal, 1 << 16)) if ready else 0
            first, counted = (first + size, 0) if now < SETTLED_SECONDS else (first, counted + size)
        os.kill(child, 9)
        os.waitpid(child, 0)
    rate = counted / seconds
    print(f"first picture {first:,} bytes, then {rate:,.0f} bytes a second over {seconds:g} s")
    print("PASS" if rate < MOST_BYTES_PER_SECOND else "FAIL")
    sys.exit(0 if rate < MOST_BYTES_PER_SECOND else 1)


def _progress(values: list[dict[str, Any]], second: int, chance: random.Random) -> SearchProgress:
    """The search after so many seconds: whole trials, some given up, and the one that trains."""
    trials = []
    for number in range(BEFORE + second // EPOCHS + 1):
        source = random.Random(number)
        top = 0.99 - 0.1 * abs(math.log10(values[number]["optimizer.learning_rate"]) + 2.2)
        top -= 0.01 * source.random()
        given_up = number % 3 == 2
        epochs = 2 if given_up else EPOCHS
        now = number == BEFORE + second // EPOCHS
        curve = {e: top * (1 - 0.5**e) for e in range(1, 1 + (second % EPOCHS if now else epochs))}
        trials.append(
            SearchTrial(
                number=number, values=values[number], run_id=None, curve=curve,
                outcome="" if now else "pruned" if given_up else "finished",
                accuracy=None if now or given_up else curve[EPOCHS],
            )
        )  # fmt: skip
    share = 0.6 + 0.05 * chance.random()
    return SearchProgress(
        trials=tuple(trials),
        importance={"optimizer.learning_rate": share, "optimizer.kind": 0.9 - share,
                    "batch_size": 0.07, "layers.1.filters": 0.03},
    )  # fmt: skip


def run_app(home: Home, search_id: str) -> None:
    """In the child: the app with the view."""
    from workbench.tui.app import WorkbenchApp

    class Measured(WorkbenchApp):
        def on_ready(self) -> None:
            self.set_timer(1.0, lambda: self.open_search(search_id))

    Measured(home).run()


if __name__ == "__main__":
    if sys.argv[1:2] == ["--app"]:
        run_app(Home(Path(sys.argv[2])), sys.argv[3])
    else:
        main(*(float(text) for text in sys.argv[1:2]))
