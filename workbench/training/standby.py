"""The standby worker: imports TensorFlow and reads MNIST, then waits to be given a run.

See `workbench.runs.standby` for the other side. Until the run comes it compiles ahead what it is
told to expect. When that side goes away without giving a run, this process ends: nothing is left
behind.
"""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import socket
import sys
import traceback
from typing import TYPE_CHECKING

from workbench.errors import UserError
from workbench.files import open_to_append
from workbench.model.spec import TrainingSpec
from workbench.runs.standby import READY, WARM, same_but_for_seed
from workbench.training.orders import Handover, Orders
from workbench.training.worker import prepare_process, work

if TYPE_CHECKING:
    from workbench.training.ready import Ready


def main(descriptor: int) -> int:
    """Get warm, wait for a run on the inherited socket, train it; the exit code is the run's."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    os.umask(0o077)
    prepare_process(None)
    with socket.socket(fileno=descriptor) as channel:
        _get_warm()
        orders = Orders(channel)
        orders.answer(WARM)
        ready = _get_ready_until_run(orders)
    run = orders.run
    if run is None:
        return 0
    log = open_to_append(run.folder.log_file)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)
    return work(run.folder, run.descriptor, ready)


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
    # What is there by now stays. Not walked at each collection, it costs a compilation a tenth
    # less, and the collection between two compilations next to nothing.
    gc.collect()
    gc.freeze()


def _get_ready_until_run(orders: Orders) -> Ready | None:
    """Compile ahead what is expected, until the run or the end comes; what serves that run."""
    ready = None
    while (expected := orders.wait_for_expected()) is not None:
        ready = None
        gc.collect()  # models are full of cycles, and one is enough to hold
        ready = _get_ready(expected, orders)
        orders.answer(READY)
    if ready is None or orders.run is None or not _asks_for(orders.run, ready.spec):
        return None
    return ready


def _get_ready(expected: TrainingSpec, orders: Orders) -> Ready | None:
    from workbench.training.ready import get_ready

    def is_wanted() -> bool:
        orders.look()
        return not orders.over if orders.run is None else _asks_for(orders.run, expected)

    try:
        return get_ready(expected, is_wanted)
    except Exception:  # whatever is wrong with it is said by the run that needs it
        traceback.print_exc()
        return None


def _asks_for(run: Handover, expected: TrainingSpec) -> bool:
    try:
        return same_but_for_seed(run.folder.record.spec, expected)
    except UserError:
        return False


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
