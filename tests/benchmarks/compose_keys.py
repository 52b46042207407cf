"""What a key press in Compose costs a connection: bytes sent to a pseudo-terminal.

Run as `python -m tests.benchmarks.compose_keys [COLUMNS LINES]`. CNN model 2 is opened; for each
kind of key the median and the most bytes a press are printed.
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

QUIET_SECONDS = 0.7  # without a byte, after which a key's answer is over
LONGEST_SECONDS = 5.0  # a cursor that blinks is never quiet
START_SECONDS = 3.0
DOWN, RIGHT = b"\x1b[B", b"\x1b[C"
KEYS: tuple[tuple[str, tuple[bytes, ...], tuple[bytes, ...]], ...] = (
    # What is measured, the keys before it that are not, the keys that are.
    ("cursor through the layers", (), (b"j",) * 6 + (b"k",) * 6),
    ("into the form and back", (), (b"\r", b"\r") * 2),
    ("another field", (b"\r",), (DOWN,) * 3),
    ("a choice", (), (RIGHT,) * 4),
    ("a digit in a field", (DOWN,) * 6, (b"4", b"8", b"\x7f", b"8")),
    ("a wrong value", (), (b"x", b"\x7f", b"x", b"\x7f")),
)


class Terminal:
    """The app in a pseudo-terminal."""

    def __init__(self, home: str, columns: int, lines: int) -> None:
        self._pid, self._descriptor = pty.fork()
        if self._pid == 0:
            terminal = {"TERM": "xterm-256color", "COLORTERM": "truecolor", "LANG": "C.UTF-8"}
            environment = {**os.environ, HOME_VARIABLE: home, **terminal}
            os.execve(sys.executable, [sys.executable, "-m", "workbench"], environment)
        size = struct.pack("HHHH", lines, columns, 0, 0)
        fcntl.ioctl(self._descriptor, termios.TIOCSWINSZ, size)

    def answer(self, keys: bytes, quiet: float = QUIET_SECONDS) -> int:
        """Press keys and count the bytes until nothing more comes."""
        os.write(self._descriptor, keys)
        read, end = 0, time.monotonic() + LONGEST_SECONDS
        while time.monotonic() < end and select.select([self._descriptor], [], [], quiet)[0]:
            read += len(os.read(self._descriptor, 65536))
        return read

    def close(self) -> None:
        """End the app."""
        os.kill(self._pid, signal.SIGTERM)
        os.waitpid(self._pid, 0)
        os.close(self._descriptor)


def main(columns: int, lines: int) -> None:
    """Print bytes a press for each kind of key."""
    with tempfile.TemporaryDirectory() as home:
        terminal = Terminal(home, columns, lines)
        terminal.answer(b"", START_SECONDS)  # what is typed before it reads is lost
        for key in (b"2", b"n", b"cnn-2", b"\r", b"j"):
            terminal.answer(key)
        for what, before, keys in KEYS:
            for key in before:
                terminal.answer(key)
            sent = [terminal.answer(key) for key in keys]
            print(f"{what:28} median {median(sent):7,.0f}   most {max(sent):7,} bytes")
        terminal.close()


if __name__ == "__main__":
    asked = [int(text) for text in sys.argv[1:3]]
    main(*(asked if len(asked) == 2 else (120, 40)))
