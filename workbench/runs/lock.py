"""The worker's lock: held for its whole life, the one test of whether a run lives.

Who makes a run takes the lock before the run can be seen and hands the open file to the worker,
so that there is no moment at which a starting run looks dead.
"""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path

from workbench.files import read_file, try_lock

LARGEST = 100  # bytes: a process id, spaces and a newline
# Longer than `is_held` takes, which holds the lock itself for that moment.
GLANCE_SECONDS = 0.01


def acquire(path: Path) -> int | None:
    """An open file that holds the lock, to be closed or inherited; None if another holds it.

    Raises:
        OSError: the disk is full or the folder gone.
    """
    descriptor = try_lock(path)
    if descriptor is None:
        time.sleep(GLANCE_SECONDS)
        descriptor = try_lock(path)
    if descriptor is not None:
        try:
            os.pwrite(descriptor, _pid_line(), 0)  # its place is taken while the disk has some
        except OSError:
            os.close(descriptor)
            raise
    return descriptor


def is_held(path: Path) -> bool:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except PermissionError:
        raise
    except OSError:  # nothing is there, or what nobody can hold: a link to itself, a socket
        return False
    try:
        # A shared lock, so that two viewers who look at once do not see each other.
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def write_pid(descriptor: int, pid: int) -> None:
    os.pwrite(descriptor, _pid_line(pid), 0)


def holder_pid(path: Path) -> int | None:
    """The process id of the lock's holder; None when nobody holds it."""
    if not is_held(path):
        return None
    try:
        return int(read_file(path, LARGEST)) or None
    except (ValueError, OSError):
        return None


def _pid_line(pid: int = 0) -> bytes:
    """Of one length for all, so that none needs more of the disk than the one before it."""
    return f"{pid:<20}\n".encode()
