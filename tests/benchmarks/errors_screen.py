"""What looking at wrong images costs: `python -m tests.benchmarks.errors_screen [MOVES]`.

The app runs at pseudo-terminals of 80×24 and 120×40 with MNIST's 10,000 test images and 500 wrong
answers, ten other runs beside it. Measured are the time from opening Errors to its first answers
and to its first image, and the bytes that each → sends to the terminal.
"""

from __future__ import annotations

import fcntl
import json
import os
import pty
import select
import struct
import sys
import tempfile
import termios
import time
from pathlib import Path
from statistics import median

import numpy as np

from tests.support import ended_run
from workbench.data.facts import MNIST_SHA256
from workbench.data.npz import load_mnist
from workbench.predictions.of_run import Predictions, save_predictions
from workbench.settings import Home

SETTLED_SECONDS, PATIENCE_SECONDS = 5.0, 60.0
MOST_BYTES, MOST_SECONDS = 4_000, 0.3


def main(moves: int = 100) -> None:
    """Measure and print."""
    passed = True
    with tempfile.TemporaryDirectory() as place:
        home = Home(Path(place) / "home").ensure()
        run_id = fill(home)
        for columns, lines in ((80, 24), (120, 40)):
            opened, sent = watch(home, run_id, columns, lines, moves)
            print(f"{columns}×{lines}, load {os.getloadavg()[0]:.1f}")
            print(f"  answers after {1000 * opened['answers']:5.0f} ms   (at most 300)")
            print(f"    of its own work {1000 * opened['work']:5.0f} ms")
            print(f"  image after   {1000 * opened['image']:5.0f} ms")
            print(f"  bytes a move  {median(sent):5.0f} in the median, {max(sent)} at most (4,000)")
            passed = passed and max(sent) <= MOST_BYTES and opened["answers"] <= MOST_SECONDS
    print("PASS" if passed else "FAIL")
    sys.exit(0 if passed else 1)


def fill(home: Home) -> str:
    """Eleven runs with answers for MNIST; the id of the one to look at."""
    truth = load_mnist(1).y_test.astype(np.uint16)
    draw = np.random.default_rng(0)
    for seed in range(11):
        folder = ended_run(home, seed=seed)
        predicted = truth.copy()
        wrong = draw.choice(len(truth), 500, replace=False)
        predicted[wrong] = (truth[wrong] + draw.integers(1, 10, 500)) % 10
        table = draw.dirichlet(np.ones(10), len(truth)) / 2
        table[np.arange(len(truth)), predicted] += 0.5
        confidence = table.max(axis=1).astype(np.float16)
        kept = Predictions(truth, predicted, confidence, table.astype(np.float16), 10, MNIST_SHA256)
        save_predictions(folder, kept)
    return folder.run_id


def watch(
    home: Home, run_id: str, columns: int, lines: int, moves: int
) -> tuple[dict[str, float], list[int]]:
    """The times in seconds, and the bytes of each move."""
    report = home.path / "report.json"
    arguments = ["tests.benchmarks.errors_screen", "--app", str(home.path), run_id, str(report)]
    child, terminal = start(arguments, columns, lines)
    report.unlink(missing_ok=True)
    until = time.monotonic() + PATIENCE_SECONDS
    while not report.exists() and time.monotonic() < until:
        read(terminal, 0.5)
    read(terminal, SETTLED_SECONDS)  # other runs are read after the image
    sent = []
    for _ in range(moves):
        os.write(terminal, b"\x1b[C")
        sent.append(read(terminal, 0.25))
    os.write(terminal, b"q")
    read(terminal, 2.0)
    os.waitpid(child, 0)
    opened: dict[str, float] = json.loads(report.read_text())
    return opened, sent


def start(module: list[str], columns: int, lines: int) -> tuple[int, int]:
    """Run a module with arguments at a pseudo-terminal of this size; its process and terminal."""
    child, terminal = pty.fork()
    if child == 0:
        os.environ.update(TERM="xterm-256color", COLORTERM="truecolor", LANG="C.UTF-8")
        os.execv(sys.executable, [sys.executable, "-m", *module])
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
    return child, terminal


def read(terminal: int, seconds: float) -> int:
    """How many bytes come within so many seconds."""
    until, size = time.monotonic() + seconds, 0
    while (left := until - time.monotonic()) > 0:
        ready, _, _ = select.select([terminal], [], [], left)
        try:
            size += len(os.read(terminal, 1 << 16)) if ready else 0
        except OSError:  # the app has ended
            break
    return size


def run_app(home: Home, run_id: str, report: Path) -> None:
    """In the child: the app with Errors open."""
    import asyncio

    from workbench.runs.folder import RunFolder
    from workbench.tui.app import WorkbenchApp
    from workbench.tui.screens.errors import ErrorsScreen
    from workbench.tui.widgets.steady_lines import SteadyLines

    class Measured(WorkbenchApp):
        async def on_ready(self) -> None:
            self.run_worker(self._open(), exclusive=False)

        async def _open(self) -> None:
            await asyncio.sleep(1.0)  # the place it opens on is another benchmark's
            begin, worked = time.perf_counter(), time.process_time()
            screen = ErrorsScreen(home, [RunFolder(home.runs / run_id)])
            await self.push_screen(screen)
            times = {}
            answers = screen.query_one("#errors-answer-lines", SteadyLines)
            while "image" not in times:
                await asyncio.sleep(0.002)
                if "answers" not in times and answers.plain:
                    times["answers"] = time.perf_counter() - begin
                    times["work"] = time.process_time() - worked
                if screen._images is not None:
                    times["image"] = time.perf_counter() - begin
            report.write_text(json.dumps(times))

    Measured(home).run()


if __name__ == "__main__":
    if sys.argv[1:2] == ["--app"]:
        run_app(Home(Path(sys.argv[2])), sys.argv[3], Path(sys.argv[4]))
    else:
        main(*(int(text) for text in sys.argv[1:]))
