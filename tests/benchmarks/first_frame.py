"""From the command to the first frame: `python -m tests.benchmarks.first_frame [ROUNDS]`.

By turns, at a pseudo-terminal of 120×40: a Textual app that shows one word and nothing else, and
this program, both with this Python. Told are the medians of the seconds until the word, and until
the list of models, has been written. The aim is twice the time of the other app.
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
from statistics import median

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
# What is run, and what stands in its first frame.
PROGRAMS = {
    "empty app": (["-c", EMPTY], b"ready"),
    "mnist-workbench": (["-m", "workbench"], b"cnn-2-tuned"),
}


def seconds_to_frame(arguments: list[str], shown: bytes, home: str) -> float:
    """From the start of the process until the text has been written to its terminal."""
    begin = time.perf_counter()
    pid, terminal = pty.fork()
    if pid == 0:
        environment = {
            **os.environ,
            HOME_VARIABLE: home,
            "TERM": "xterm-256color",
            "LANG": "C.UTF-8",
            "COLUMNS": "120",
            "LINES": "40",
        }
        os.execve(sys.executable, [sys.executable, *arguments], environment)
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
    written = b""
    while shown not in written:
        if not select.select([terminal], [], [], PATIENCE_SECONDS)[0]:
            raise SystemExit(f"{arguments[:2]}: nothing like {shown!r} was written")
        written += os.read(terminal, 65536)
    took = time.perf_counter() - begin
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    os.close(terminal)
    return took


def main(rounds: int) -> None:
    """Measure and print."""
    load = os.getloadavg()[0]
    times: dict[str, list[float]] = {name: [] for name in PROGRAMS}
    with tempfile.TemporaryDirectory() as home:
        for turn in range(rounds + 1):
            for name, (arguments, shown) in PROGRAMS.items():
                took = seconds_to_frame(arguments, shown, home)
                if turn:  # the first reads the files from the disk
                    times[name].append(took)
    print(f"{rounds} rounds, load of the machine {load:.1f}")
    for name, values in times.items():
        print(f"{name:16}{median(values):6.2f} s   {min(values):.2f} to {max(values):.2f}")
    ratios = [ours / empty for empty, ours in zip(*times.values(), strict=True)]
    by_turns = f"by turns {min(ratios):.2f} to {max(ratios):.2f}"
    print(f"ratio           {median(ratios):6.2f}     {by_turns}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS)
