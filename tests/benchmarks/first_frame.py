"""From the command to the first frame: `python -m tests.benchmarks.first_frame [ROUNDS]`.

By turns, at a pseudo-terminal of 120×40: a Textual app that shows one word and nothing else, and
this program, both with this Python. Told are the medians of the seconds until something has been
written: the word; the list of models, which is in the first frame; the last of the keys; the
drawing of the model under the cursor, which is the last to come. The aim is 1.5 times the time of
the other app for the first frame. Nobody answers at this terminal, so that no graphics protocol is
asked for, as it is not without the extra `images`.
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
import time
from pathlib import Path
from statistics import median

from workbench.config import CONFIG_VARIABLE
from workbench.settings import HOME_VARIABLE

ROUNDS = 9
PATIENCE_SECONDS = 60.0
EMPTY = """
from textual.app import App
from textual.widgets import Static
class Empty(App):
    def compose(self):
        yield Static("ready")
Empty().run()
"""
# What is run, and what is waited for, by what it is called in the results.
PROGRAMS = {
    "empty app": (["-c", EMPTY], {"the word": b"ready"}),
    "mnist-workbench": (
        ["-m", "workbench"],
        {"first frame": b"cnn-2-tuned", "all keys": b"quit", "the model": b"multiply-adds"},
    ),
}
BASE = "the word"


def seconds_to_marks(arguments: list[str], marks: dict[str, bytes], home: str) -> dict[str, float]:
    """From the start of the process until each of the texts has been written to its terminal."""
    begin = time.perf_counter()
    pid, terminal = pty.fork()
    if pid == 0:
        environment = {
            **os.environ,
            HOME_VARIABLE: home,
            CONFIG_VARIABLE: f"{home}/config.toml",
            "TERM": "xterm-256color",
            "LANG": "C.UTF-8",
            "COLUMNS": "120",
            "LINES": "40",
        }
        os.execve(sys.executable, [sys.executable, *arguments], environment)
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
    written, found = b"", {}
    while len(found) < len(marks):
        if not select.select([terminal], [], [], PATIENCE_SECONDS)[0]:
            raise SystemExit(f"{arguments[:2]}: not written: {marks.keys() - found.keys()}")
        written += os.read(terminal, 65536)
        now = time.perf_counter() - begin
        for name, text in marks.items():
            if name not in found and text in written:
                found[name] = now
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    os.close(terminal)
    return found


def main(rounds: int) -> None:
    """Measure and print."""
    load = os.getloadavg()[0]
    turns: list[dict[str, float]] = []
    with tempfile.TemporaryDirectory() as home:
        Path(home, "config.toml").write_text('images = "blocks"\n', encoding="utf-8")
        for _ in range(rounds + 1):
            turn: dict[str, float] = {}
            for arguments, marks in PROGRAMS.values():
                turn |= seconds_to_marks(arguments, marks, home)
            turns.append(turn)
    turns = turns[1:]  # the first reads the files from the disk
    print(f"{rounds} rounds, load of the machine {load:.1f}")
    print(f"{'':14}{'seconds':>8}{'from':>7}{'to':>7}{'ratio':>8}{'from':>7}{'to':>7}")
    for name in turns[0]:
        line = f"{name:14}"
        for values in ([t[name] for t in turns], [t[name] / t[BASE] for t in turns]):
            line += f"{median(values):8.2f}{min(values):7.2f}{max(values):7.2f}"
        print(line)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS)
