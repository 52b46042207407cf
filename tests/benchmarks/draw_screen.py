"""What drawing a digit costs: `python -m tests.benchmarks.draw_screen [DIGITS] [HOME]`.

The app runs at pseudo-terminals of 80×24 and 120×40 with Draw open and four models of HOME (without
one, four networks are trained for a moment first). An S is drawn with the mouse, sixty places a
second for two seconds, again and again. Measured are the bytes a second that go to the terminal
while it is drawn and for half a second after it, and the time from a place of the mouse until the
models' answer for it is shown.
"""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from tests.benchmarks.errors_screen import read, start
from workbench.settings import HOME_VARIABLE, Home

MODELS = ("nn-1", "nn-1.1", "nn-1.2", "nn-2")
STARTED_SECONDS, PATIENCE_SECONDS = 8.0, 120.0
STROKE_SECONDS, AFTER_SECONDS, PLACES_A_SECOND = 2.0, 0.5, 60
MOST_BYTES_A_SECOND, MOST_SECONDS = 10_000, 0.1


def main(digits: int = 8, home: str = "") -> None:
    """Measure and print."""
    passed = True
    with tempfile.TemporaryDirectory() as place:
        used = Home(Path(home) if home else Path(place) / "home").ensure()
        if not home:
            train(used)
        for columns, lines in ((80, 24), (120, 40)):
            report = Path(place) / f"{columns}.json"
            rates = draw(used, report, columns, lines, digits)
            waits = sorted(json.loads(report.read_text()))
            late = waits[int(0.95 * len(waits))]
            print(f"{columns}×{lines}, {digits} digits, load {os.getloadavg()[0]:.1f}")
            print(
                f"  bytes a second   {median(rates):6.0f} in the median, {max(rates):.0f} at most"
            )
            print(f"  answered after   {1000 * median(waits):6.0f} ms in the median, "
                  f"95 % within {1000 * late:.0f} ms (100)")  # fmt: skip
            passed = passed and max(rates) <= MOST_BYTES_A_SECOND and late <= MOST_SECONDS
    print("PASS" if passed else "FAIL")
    sys.exit(0 if passed else 1)


def train(home: Home) -> None:
    """Four networks that have learned a little."""
    environment = os.environ | {HOME_VARIABLE: str(home.path)}
    for model in MODELS:
        options = ["--epochs", "1", "--train-limit", "6000", "--quiet"]
        command = [sys.executable, "-m", "workbench", "run", model, *options]
        subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)


def draw(home: Home, report: Path, columns: int, lines: int, digits: int) -> list[float]:
    """Draw; the bytes a second of each digit. The app writes the answers' times to `report`."""
    arguments = ["tests.benchmarks.draw_screen", "--app", str(home.path), str(report)]
    child, terminal = start(arguments, columns, lines)
    read(terminal, STARTED_SECONDS)
    os.write(terminal, b"6")
    read(terminal, STARTED_SECONDS)
    stroke(terminal)
    until = time.monotonic() + PATIENCE_SECONDS  # the first answer waits for TensorFlow
    while not report.exists() and time.monotonic() < until:
        read(terminal, 0.5)
    rates = []
    for _ in range(digits):
        os.write(terminal, b"c")
        read(terminal, 1.0)
        sent = stroke(terminal) + read(terminal, AFTER_SECONDS)
        rates.append(sent / (STROKE_SECONDS + AFTER_SECONDS))
    os.write(terminal, b"q")
    read(terminal, 3.0)
    os.waitpid(child, 0)
    return rates


def stroke(terminal: int) -> int:
    """An S over the whole canvas; the bytes that came meanwhile."""
    sent, places = 0, int(STROKE_SECONDS * PLACES_A_SECOND)
    begin = time.monotonic()
    for place in range(places + 1):
        share = place / places
        # Terminals count from 1; the canvas begins after a title, a border and its padding.
        x, y = 23 + round(10 * math.cos(2.8 * math.pi * share)), 4 + round(16 * share)
        button, end = (0, "M") if not place else (32, "M") if place < places else (0, "m")
        os.write(terminal, f"\x1b[<{button};{x};{y}{end}".encode())
        sent += read(terminal, begin + (place + 1) / PLACES_A_SECOND - time.monotonic())
    return sent


def run_app(home: Home, report: Path) -> None:
    """In the child: the app, noting when each place of the mouse was answered."""
    from workbench.predictions.predictor import Predictor
    from workbench.tui.app import WorkbenchApp
    from workbench.tui.screens.draw import DrawScreen

    open_places: list[float] = []
    asked: list[float] = []
    waits: list[float] = []
    counted: list[bool] = []
    drawn, ask, shown = DrawScreen._drawn, Predictor.ask, DrawScreen._show_answers
    clear = DrawScreen.action_clear

    def note_place(screen: DrawScreen) -> None:
        open_places.append(time.perf_counter())
        drawn(screen)

    def note_question(predictor: Predictor, runs, images):  # type: ignore[no-untyped-def]
        asked[:], open_places[:] = [*asked, *open_places], []
        return ask(predictor, runs, images)

    def note_answer(screen: DrawScreen) -> None:
        shown(screen)
        now = time.perf_counter()
        waits.extend(now - place for place in asked[-1:])
        asked.clear()
        if waits:
            report.touch()

    def clear_all(screen: DrawScreen) -> None:
        clear(screen)
        open_places.clear()  # an empty canvas is not asked about
        if not counted:  # what came before waited for TensorFlow
            waits.clear()
            counted.append(True)

    DrawScreen.action_clear = clear_all  # type: ignore[method-assign]
    DrawScreen._drawn, DrawScreen._show_answers = note_place, note_answer  # type: ignore[method-assign]
    Predictor.ask = note_question  # type: ignore[method-assign]
    WorkbenchApp(home).run()
    report.write_text(json.dumps(waits))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--app"]:
        run_app(Home(Path(sys.argv[2])), Path(sys.argv[3]))
    else:
        main(*(int(text) for text in sys.argv[1:2]), *sys.argv[2:3])
