"""Trains several runs one after the other, each in its own worker.

Started by the launcher as a process of its own, so that the sequence outlives the connection.
It holds the lock of every run that waits; a run it never came to shows as crashed if it dies,
and can go on with `resume`.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from workbench.runs.folder import RunFolder
from workbench.runs.launcher import spawn_worker


def main(arguments: list[str]) -> None:
    """Run `descriptor:folder` arguments in turn."""
    # A hangup of the terminal it was started from must not end it.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    waiting = []
    for argument in arguments:
        number, _, path = argument.partition(":")
        waiting.append((RunFolder(Path(path)), int(number)))
    for folder, descriptor in waiting:
        os.set_inheritable(descriptor, False)
        if not folder.path.is_dir():
            os.close(descriptor)
            continue
        process = spawn_worker(folder, descriptor)
        os.close(descriptor)
        process.wait()


if __name__ == "__main__":
    main(sys.argv[1:])
