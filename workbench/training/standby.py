"""The standby worker: imports TensorFlow and reads MNIST, then waits to be given a run.

See `workbench.runs.standby` for the other side. When that side goes away without giving a run,
this process ends: nothing is left behind.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import sys
from pathlib import Path

from workbench.errors import UserError
from workbench.runs.folder import RunFolder
from workbench.training.worker import prepare_process, work


def main(descriptor: int) -> int:
    """Get warm, wait for a run on the inherited socket, train it; the exit code is the run's."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    os.umask(0o077)
    prepare_process(None)
    with socket.socket(fileno=descriptor) as channel:
        _get_warm()
        # The other side is gone once it has given a run away, which may be before this word.
        with contextlib.suppress(OSError):
            channel.sendall(b"warm\n")
        try:
            message, descriptors, _, _ = socket.recv_fds(channel, 65536, 1)
        except OSError:
            return 0
    if not message or not descriptors:
        return 0
    folder = RunFolder(Path(json.loads(message)["folder"]))
    log = os.open(folder.log_file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)
    return work(folder, descriptors[0])


def _get_warm() -> None:
    """Load what every run needs, and let the compiler's own start-up pass."""
    # Here and not above: what Keras reads from the environment is set by then.
    import workbench.training.train  # noqa: F401
    from workbench.data.catalogue import describe_dataset
    from workbench.runs.plan import dataset_ref
    from workbench.training.prepared import load_sources
    from workbench.training.warm import compile_something

    # Whatever is wrong with the data is said by the run that needs it.
    with contextlib.suppress(UserError):
        load_sources(dataset_ref(describe_dataset("mnist")))
    compile_something()


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
