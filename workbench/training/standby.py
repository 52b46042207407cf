"""The standby worker: imports TensorFlow and reads MNIST, then waits to be given a run.

See `workbench.runs.standby` for the other side. Until the run comes it compiles ahead what it is
told to expect. When the last app goes without giving a run, this process ends: nothing is left
behind.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import selectors
import signal
import socket
import sys
import threading
import traceback
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.data.catalogue import describe_dataset
from workbench.errors import UserError
from workbench.model.spec import TrainingSpec
from workbench.runs.folder import RunFolder
from workbench.runs.plan import dataset_ref
from workbench.runs.process import leave
from workbench.runs.standby import READY, TAKEN, WARM, compile_alike
from workbench.training.worker import load_keras, print_to, work

if TYPE_CHECKING:
    from workbench.training.train import Ready

MOST_BYTES = 65536
# For one that has taken this worker, by removing the socket's file, and not given the run yet.
TAKER_SECONDS = 2.0


@dataclass
class App:
    """An app that is connected, and what of its messages has come: one JSON object a line."""

    channel: socket.socket
    held: bytes = b""
    descriptors: list[int] = field(default_factory=list)

    def say(self, word: bytes) -> None:
        """Say something to it; it may be gone."""
        with contextlib.suppress(OSError):
            self.channel.send(word)


@dataclass(frozen=True, eq=False)
class Expected:
    """The training that an app has named as the likely next."""

    spec: TrainingSpec
    app: App


class Apps:
    """All apps that are connected: what they expect, and at last the run that one gives.

    A thread listens to them, so that this process ends at once when the last one goes, whatever
    it imports or compiles by then.
    """

    def __init__(self, listener: socket.socket, lock_descriptor: int, lock_file: Path) -> None:
        self.expected: Expected | None = None
        self.run: tuple[RunFolder, int] | None = None  # and its held lock
        self._listener = listener
        self._lock_descriptor, self._lock_file = lock_descriptor, lock_file
        self._is_warm = False
        self._changed = threading.Condition()
        self._selector = selectors.DefaultSelector()
        self._selector.register(listener, selectors.EVENT_READ)
        self._apps: dict[int, App] = {}
        threading.Thread(target=self._listen, daemon=True).start()

    def say_warm(self) -> None:
        """Tell all, and whoever comes, that this worker can be told what to expect."""
        with self._changed:
            self._is_warm = True
            for app in self._apps.values():
                app.say(WARM)

    def wait_for_other(self, known: Expected | None) -> Expected | None:
        """What is expected, once it is not `known` any more; None once the run is there."""
        with self._changed:
            self._changed.wait_for(lambda: self.run is not None or self.expected is not known)
            return self.expected if self.run is None else None

    def end_unless_taken(self) -> None:
        """End this process, unless an app is about to give it a run."""
        with contextlib.suppress(OSError):
            Path(self._listener.getsockname()).unlink()
            self._lock_file.unlink(missing_ok=True)
            os._exit(0)  # from any thread, and whatever TensorFlow is at

    def _listen(self) -> None:
        waited = False
        while self.run is None:
            found = self._selector.select(None if self._apps else TAKER_SECONDS if waited else 0)
            if not found:
                if waited:  # whoever took this worker died
                    self._lock_file.unlink(missing_ok=True)
                    os._exit(0)
                self.end_unless_taken()
                waited = True
            with self._changed:
                for key, _ in found:
                    if self.run is not None:
                        break
                    if key.fileobj is self._listener:
                        self._accept()
                    else:
                        self._receive(self._apps[key.fd])
                self._changed.notify_all()

    def _accept(self) -> None:
        channel, _ = self._listener.accept()
        app = self._apps[channel.fileno()] = App(channel)
        self._selector.register(channel, selectors.EVENT_READ)
        if self._is_warm:
            app.say(WARM)

    def _receive(self, app: App) -> None:
        try:
            data, descriptors, _, _ = socket.recv_fds(app.channel, MOST_BYTES, 1)
        except OSError:
            data, descriptors = b"", []
        if not data:
            self._forget(app)
            return
        app.descriptors += descriptors
        *lines, app.held = (app.held + data).split(b"\n")
        for line in lines:
            message = json.loads(line)
            if "expect" in message:
                self.expected = Expected(TrainingSpec.model_validate(message["expect"]), app)
            else:
                app.say(TAKEN)
                self._take_up(RunFolder(Path(message["folder"])), app.descriptors[0])
                return

    def _take_up(self, folder: RunFolder, descriptor: int) -> None:
        """From here on this is that run's worker; the other apps are free to start a standby."""
        self.run = folder, descriptor
        for app in list(self._apps.values()):
            self._forget(app)
        self._listener.close()
        self._lock_file.unlink(missing_ok=True)
        os.close(self._lock_descriptor)

    def _forget(self, app: App) -> None:
        del self._apps[app.channel.fileno()]
        self._selector.unregister(app.channel)
        app.channel.close()


def main(listener: int, lock_descriptor: int, lock_file: str, most_compiled: int) -> int:
    """Get warm, wait for a run on the inherited socket, train it; the exit code is the run's.

    The lock says to other apps that there is a standby. After `most_compiled` trainings that were
    expected this process ends, as what compilers keep of each adds up.
    """
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    os.umask(0o077)
    os.set_inheritable(lock_descriptor, False)
    apps = Apps(socket.socket(fileno=listener), lock_descriptor, Path(lock_file))
    _get_warm()
    apps.say_warm()
    ready = _get_ready_until_run(apps, most_compiled)
    assert apps.run is not None
    print_to(apps.run[0].log_file)
    return work(apps.run, ready=ready)


def _get_warm() -> None:
    """Load what every run needs, and let the compiler's own start-up pass."""
    mnist = dataset_ref(describe_dataset("mnist"))
    load_keras(ref=mnist)
    # Not above: what they import reads variables that have only now been set.
    from workbench.training.datasets import load_sources
    from workbench.training.train import compile_something

    # Whatever is wrong with the data is said by the run that needs it.
    with contextlib.suppress(UserError):
        load_sources(mnist)
    compile_something()
    # What is there by now stays. Not walked at each collection, it costs a compilation a tenth
    # less, and the collection between two compilations next to nothing.
    gc.collect()
    gc.freeze()


def _get_ready_until_run(apps: Apps, most_compiled: int) -> Ready | None:
    """Compile ahead what is expected, until the run comes; what serves that run."""
    ready, expected, compiled = None, None, 0
    while (expected := apps.wait_for_other(expected)) is not None:
        if ready is not None and compile_alike(ready.spec, expected.spec):
            expected.app.say(READY)
            continue
        if compiled == most_compiled:
            apps.end_unless_taken()
        ready = None
        gc.collect()  # models are full of cycles, and one is enough to hold
        ready = _get_ready(expected, apps)
        compiled += 1
        if apps.expected is expected:
            expected.app.say(READY)
    if ready is None or apps.run is None or not _asks_for(apps.run[0], ready.spec):
        return None
    return ready


def _get_ready(expected: Expected, apps: Apps) -> Ready | None:
    from workbench.training.train import get_ready

    def is_wanted() -> bool:
        if apps.run is not None:
            return _asks_for(apps.run[0], expected.spec)
        return apps.expected is expected

    try:
        return get_ready(expected.spec, is_wanted)
    except Exception:  # whatever is wrong with it is said by the run that needs it
        traceback.print_exc()
        return None


def _asks_for(folder: RunFolder, expected: TrainingSpec) -> bool:
    try:
        return compile_alike(folder.spec, expected)
    except UserError:
        return False


if __name__ == "__main__":
    leave(main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], int(sys.argv[4])))
