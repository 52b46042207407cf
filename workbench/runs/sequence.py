"""Trains several runs one after the other, all in one worker while they end well.

Started by the launcher as a process of its own, so that the sequence outlives the connection.
It holds the lock of every run that waits. Told to end, it has the run that trains stopped and
saved, and those that wait are stopped as well; killed, they show as crashed. Either way they can
go on with `resume`.
"""

from __future__ import annotations

import os
import signal
import sys
import time
import traceback
from contextlib import suppress
from pathlib import Path
from types import FrameType

from workbench.errors import UserError
from workbench.runs import control
from workbench.runs.folder import RunFolder
from workbench.runs.kept_worker import KeptWorker
from workbench.runs.launcher import write_stopped

LOOK_SECONDS = 0.1


class Sequence:
    """The runs still to be trained, and whether they are."""

    def __init__(self) -> None:
        self._stopping = False
        self._worker = KeptWorker()

    def stop(self, number: int = 0, frame: FrameType | None = None) -> None:
        """Begin no further run; the handler of signals."""
        self._stopping = True

    def train(self, waiting: list[tuple[RunFolder, int]]) -> None:
        """Train the runs in turn. Each comes with its held lock, which its worker takes over."""
        for folder, descriptor in waiting:
            try:
                begun = self._begin(folder, descriptor)
            except (OSError, UserError):  # a full disk, say: the next one has its own chance
                traceback.print_exc()
                continue
            finally:
                os.close(descriptor)
            if begun:
                self._wait(folder)
        self._worker.close()

    def _begin(self, folder: RunFolder, descriptor: int) -> bool:
        if self._stopping:
            write_stopped(folder)
        if self._stopping or not folder.path.is_dir():
            return False
        self._worker.train(folder, descriptor)
        return True

    def _wait(self, folder: RunFolder) -> None:
        told = False
        while not self._worker.is_idle:
            if self._stopping and not told:
                told = True
                with suppress(UserError):  # its folder is gone: it ends by itself
                    control.request(folder.path, control.Command.STOP)
            time.sleep(LOOK_SECONDS)


def main(arguments: list[str]) -> None:
    """Run `descriptor:folder` arguments in turn."""
    # A hangup of the terminal it was started from must not end it.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    sequence = Sequence()
    signal.signal(signal.SIGTERM, sequence.stop)
    signal.signal(signal.SIGINT, sequence.stop)
    os.umask(0o077)
    waiting = []
    for argument in arguments:
        number, _, path = argument.partition(":")
        os.set_inheritable(int(number), False)
        waiting.append((RunFolder(Path(path)), int(number)))
    sequence.train(waiting)


if __name__ == "__main__":
    main(sys.argv[1:])
