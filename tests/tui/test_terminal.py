"""The screens at a real terminal: one that goes away leaves no process behind."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import suppress

import psutil
import pytest

from workbench.settings import HOME_VARIABLE, Home

PATIENCE_SECONDS = 60.0


class Screens:
    """The program at a pseudo-terminal."""

    def __init__(self, home: Home) -> None:
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            environment = {**os.environ, HOME_VARIABLE: str(home.path), "TERM": "xterm-256color"}
            os.execve(sys.executable, [sys.executable, "-m", "workbench"], environment)
        self.resize(120, 40)

    def resize(self, columns: int, lines: int) -> None:
        size = struct.pack("HHHH", lines, columns, 0, 0)
        fcntl.ioctl(self.terminal, termios.TIOCSWINSZ, size)

    def read_until(self, text: bytes) -> None:
        read = b""
        while text not in read:
            assert select.select([self.terminal], [], [], PATIENCE_SECONDS)[0], read
            read += os.read(self.terminal, 65536)

    def children(self) -> list[psutil.Process]:
        return psutil.Process(self.pid).children(recursive=True)

    def ends(self) -> bool:
        """Whether it ends in time, with all that it had started."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while os.waitpid(self.pid, os.WNOHANG) == (0, 0):
            if time.monotonic() > deadline:
                return False
            time.sleep(0.1)
        return True


@pytest.fixture
def screens(home: Home) -> Iterator[Screens]:
    screens = Screens(home)
    yield screens
    with suppress(ProcessLookupError, ChildProcessError):
        os.kill(screens.pid, 9)
        os.waitpid(screens.pid, 0)


def test_a_terminal_that_goes_while_it_is_written_to(screens: Screens) -> None:
    screens.read_until(b"multiply-adds")
    # Nobody reads any more: what is written fills the terminal, then the queue before it.
    for turn in range(20):
        screens.resize(250 + 10 * (turn % 2), 100)
        time.sleep(0.2)
    standby = screens.children()
    os.close(screens.terminal)
    assert screens.ends()
    assert not psutil.wait_procs(standby, timeout=PATIENCE_SECONDS)[1]


def test_the_terminals_title_is_put_back(screens: Screens) -> None:
    screens.read_until(b"\x1b[22;2t")  # kept
    screens.read_until(b"\x1b]2;mnist-workbench\x07")
    os.write(screens.terminal, b"q")
    screens.read_until(b"\x1b[23;2t")
    assert screens.ends()
