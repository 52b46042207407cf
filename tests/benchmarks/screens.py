"""What watching a run costs: `python -m tests.benchmarks.screens [SECONDS] [POINTS]`.

The app runs at a pseudo-terminal of 120×40 with a run's screen open: a long log behind it and
ten chunks a second coming in. Measured are the longest stall of the event loop while the log is
opened, drawn and followed, the time that the screen's first frame takes, and the bytes a second
that go to the terminal. The last line is PASS or FAIL. On a busy machine stalls are the
machine's, so the load is printed too.
"""

from __future__ import annotations

import fcntl
import json
import math
import os
import pty
import random
import select
import struct
import sys
import tempfile
import termios
import threading
import time
from pathlib import Path

from workbench.model.preset import find_preset
from workbench.runs import lock
from workbench.runs.events import Batch, Epoch, Event, Started
from workbench.runs.folder import RunFolder, create_run
from workbench.runs.log import EventWriter
from workbench.runs.plan import Plan, specs_for_preset
from workbench.runs.record import Labels
from workbench.settings import Home

COLUMNS, LINES = 120, 40
EVENTS_PER_SECOND = 10
SETTLED_SECONDS = 5.0  # from the start of the app to the bytes that are counted
MOST_BYTES_PER_SECOND = 20_000
MOST_STALL_SECONDS = 0.1


def main(seconds: float = 30.0, points: int = 50_000) -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as place:
        home = Home(Path(place) / "home").ensure()
        preset = find_preset("cnn-2", home)
        training = preset.training.model_copy(update={"epochs": 100})
        spec = specs_for_preset(preset.model_copy(update={"training": training}), Plan())[0]
        folder, held = create_run(home, spec, Labels(), "run")
        lock.write_pid(held, os.getpid())
        stream = Stream(folder, points)
        stream.write_past()
        stop = threading.Event()
        thread = threading.Thread(target=stream.go_on, args=(stop,))
        thread.start()
        try:
            measured = watch(home, folder, seconds)
        finally:
            stop.set()
            thread.join()
            os.close(held)
    rate, stall = measured["bytes_per_second"], measured["longest_stall"]
    print(f"{points:,} points behind, {EVENTS_PER_SECOND} a second coming in, {COLUMNS}×{LINES}")
    print(f"load of the machine         {os.getloadavg()[0]:8.1f}")
    print(f"first frame of the screen   {1000 * measured['shown']:8.0f} ms")
    print(f"log opened and shown after  {1000 * measured['opened']:8.0f} ms")
    print(f"longest stall of the loop   {1000 * stall:8.1f} ms   (at most 100)")
    print(f"  of it the loop's own work {1000 * measured['own']:8.1f} ms")
    print(f"  after the screen's opening{measured['when']:8.1f} s")
    print(f"99.9 % of the waits below   {1000 * measured['p999']:8.1f} ms")
    print(f"bytes a second, streaming   {rate:8.0f}      (at most 20,000)")
    print(f"bytes of the first picture  {measured['first_bytes']:8.0f}")
    passed = rate < MOST_BYTES_PER_SECOND and stall <= MOST_STALL_SECONDS
    print("PASS" if passed else "FAIL")
    sys.exit(0 if passed else 1)


class Stream:
    """A run of 100 epochs whose past fills a log and whose present goes on in real time."""

    def __init__(self, folder: RunFolder, points: int) -> None:
        spec = folder.record.spec
        self._writer = EventWriter(folder.events_file)
        self._epochs, self._steps = spec.training.epochs, spec.steps_per_epoch
        self._total = self._epochs * self._steps
        # Two thirds of the run lie behind.
        self._chunk = max(1, self._total * 2 // 3 // points)
        self._points, self._step = points, 0
        self._random = random.Random(0)

    def write_past(self) -> None:
        """Fill the log."""
        self._writer.write(
            Started(time.time(), os.getpid(), 1, self._epochs, self._steps, 60_000, False, "CPU")
        )
        for _ in range(self._points):
            for event in self._chunk_events():
                self._writer.write(event)

    def go_on(self, stop: threading.Event) -> None:
        """Ten chunks a second until told to stop."""
        while not stop.wait(1 / EVENTS_PER_SECOND):
            for event in self._chunk_events():
                self._writer.write(event)

    def _chunk_events(self) -> list[Event]:
        chance, now = self._random, time.time()
        before, self._step = self._step, self._step + self._chunk
        x = 6 * self._step / self._total
        accuracy = 1 - 0.9 * math.exp(-2 * x) - 0.02 * chance.random()
        loss = 2.3 * math.exp(-2 * x) + 0.2 * chance.random()
        seconds = self._step / 20
        epoch = before // self._steps + 1
        events: list[Event] = [
            Batch(now, epoch, self._step, self._chunk, loss, accuracy, 1158.0, seconds)
        ]
        if self._step // self._steps > before // self._steps:
            events.append(
                Epoch(now, epoch, self._step, loss, accuracy, loss, accuracy, 1158.0, 50.0, seconds)
            )
        return events


def watch(home: Home, folder: RunFolder, seconds: float) -> dict[str, float]:
    """Run the app at a pseudo-terminal and count what it writes."""
    report = home.path / "report.json"
    child, terminal = pty.fork()
    if child == 0:
        os.environ.update(TERM="xterm-256color", COLORTERM="truecolor", LANG="C.UTF-8")
        command = [sys.executable, "-m", "tests.benchmarks.screens", "--app", str(home.path)]
        os.execv(sys.executable, [*command, folder.run_id, str(seconds), str(report)])
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
    start = time.monotonic()
    first = counted = 0
    counted_until = start
    while True:
        ready, _, _ = select.select([terminal], [], [], 1.0)
        now = time.monotonic()
        try:
            size = len(os.read(terminal, 1 << 16)) if ready else 0
        except OSError:  # the app has ended
            break
        if now - start < SETTLED_SECONDS:
            first += size
        elif now - start < SETTLED_SECONDS + seconds:
            counted, counted_until = counted + size, now
        if now - start > SETTLED_SECONDS + seconds + 30:
            break
    os.waitpid(child, 0)
    measured: dict[str, float] = json.loads(report.read_text())
    span = max(1e-9, counted_until - start - SETTLED_SECONDS)
    measured.update(bytes_per_second=counted / span, first_bytes=first)
    return measured


def run_app(home: Home, run_id: str, seconds: float, report: Path) -> None:
    """In the child: the app with the run's screen, and a task that feels for stalls."""
    import asyncio

    from workbench.tui.app import WorkbenchApp
    from workbench.tui.screens.train.screen import TrainScreen

    waits: list[tuple[float, float, float]] = []  # how long, of that the loop's work, when
    opened = shown = math.inf

    class Measured(WorkbenchApp):
        async def on_ready(self) -> None:
            self.run_worker(self._feel(), exclusive=False)

        async def _feel(self) -> None:
            nonlocal opened, shown
            await asyncio.sleep(1.0)  # the place it opens on is another benchmark's
            screen = TrainScreen(RunFolder(home.runs / run_id))
            begin = time.perf_counter()
            await self.push_screen(screen)
            painted = asyncio.Event()
            screen.call_after_refresh(painted.set)
            await painted.wait()
            shown = time.perf_counter() - begin
            while time.perf_counter() - begin < SETTLED_SECONDS + seconds:
                before, worked = time.perf_counter(), time.thread_time()
                await asyncio.sleep(0.005)
                after = time.perf_counter()
                own = time.thread_time() - worked
                waits.append((after - before - 0.005, own, before - begin))
                if math.isinf(opened) and screen.status is not None:
                    opened = after - begin
            self.exit()

    Measured(home).run()
    waits.sort()
    figures = {
        "longest_stall": waits[-1][0],
        "own": waits[-1][1],
        "when": waits[-1][2],
        "p999": waits[int(len(waits) * 0.999)][0],
        "opened": opened,
        "shown": shown,
    }
    report.write_text(json.dumps(figures))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--app"]:
        run_app(Home(Path(sys.argv[2])), sys.argv[3], float(sys.argv[4]), Path(sys.argv[5]))
    else:
        main(*(kind(text) for kind, text in zip((float, int), sys.argv[1:], strict=False)))
