"""A node's side of a training on a Ray cluster: the actor that trains, asked what there is to tell.

It trains in a scratch folder below the user's cache, as a worker does in a run's folder: nothing
of the other machine's file system is seen here. What the log would be, and files that are new, are
handed over whenever the other side asks (`ray_worker.py`), so that one call carries all of some
tenths of a second, however much a fast training has to say.
"""

from __future__ import annotations

import gc
import hashlib
import os
import shutil
import threading
import traceback
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.data.catalogue import KERAS_FILES, keras_folder
from workbench.errors import DatasetError, EnvironmentProblem, refused
from workbench.files import stamp, write_file
from workbench.runs import control, lock
from workbench.runs.environment import this_environment
from workbench.runs.events import Ended, Event
from workbench.runs.folder import RunFolder
from workbench.runs.log import EventWriter
from workbench.runs.record import RECORD, PresetRecord
from workbench.training.worker import Worker, forget_peak_memory

if TYPE_CHECKING:
    from workbench.training.train import Ready

# What of a run's folder comes from the node, beside the log.
FILES = ("checkpoint.keras", "model.keras", "predictions.npz")
# For so long a call collects what there is to tell; a request reaches the training as late.
GATHERING_SECONDS = 0.2


@dataclass(frozen=True)
class Report:
    """What has come up since the last one. `ending` is there once nothing follows."""

    lines: list[str]  # of the log; the ending is the last of them
    files: dict[str, bytes]  # of `FILES`, new or changed; no later than the lines
    ended: bool = False
    fault: str = ""  # the traceback of what led to the end
    compiled: bool = False
    scratch: str = ""  # the folder over there, where a message names it


class Outbox(EventWriter):
    """The log of a run whose folder is elsewhere."""

    def __init__(self) -> None:
        self.lines = deque[str]()  # it may be used from two threads

    def write(self, event: Event, *, durable: bool = False) -> None:
        """Keep an event until it is asked for."""
        self.lines.append(event.to_line())

    def take(self) -> list[str]:
        """What was kept until now, no longer here."""
        return [self.lines.popleft() for _ in range(len(self.lines))]


class Trainer:
    """Trains one run after another. It is called from one thread, and trains in another one."""

    def __init__(self) -> None:
        from platformdirs import user_cache_path

        os.umask(0o077)
        self._cache = user_cache_path("mnist-workbench", appauthor=False) / "cluster"
        self._ready: Ready | None = None
        self._folder: RunFolder | None = None
        self._descriptor = -1

    def greet(self, dataset: str | None) -> tuple[dict[str, object], bool]:
        """This node's environment, and whether a data set (by checksum or Keras's name) is here."""
        here = this_environment().model_dump()
        return here, dataset is None or all(file.exists() for file in self._files(dataset))

    def keep_dataset(self, dataset: str, parts: list[tuple[str, bytes]]) -> None:
        """Keep a data set for all trainings of this node: checksum and content of its files.

        Raises:
            EnvironmentProblem: it came damaged, or cannot be written.
        """
        if any(hashlib.sha256(content).hexdigest() != sha256 for sha256, content in parts):
            raise EnvironmentProblem("the data set came damaged; start the queue again")
        for file, (_, content) in zip(self._files(dataset), parts, strict=True):
            with refused(f"{file.parent}: ", "; free space there"):
                file.parent.mkdir(parents=True, exist_ok=True)
                write_file(file, content)

    def begin(self, run_id: str, record: str, checkpoint: bytes | None) -> None:
        """Begin to train a run: `record` is its `spec.json`.

        Raises:
            EnvironmentProblem: the scratch folder cannot be written.
        """
        found = RECORD.validate_json(record)
        if not isinstance(found, PresetRecord):
            raise DatasetError(f"run {run_id} is of a script")
        data = found.spec.dataset
        if data.path is not None and data.sha256 is not None:
            here = data.model_copy(update={"path": str(self._dataset(data.sha256))})
            spec = found.spec.model_copy(update={"dataset": here})
            found = found.model_copy(update={"spec": spec})
        with refused(f"{self._cache}: ", "; free space there"):
            self._make_scratch(run_id, found, checkpoint)
        gc.collect()  # models are full of cycles
        forget_peak_memory()
        self._sent = {name: stamp(self._here.path / name) for name in FILES}
        self._outbox = Outbox()
        self._worker = Worker(self._here, self._ready, self._outbox)
        self._ready = None  # no longer held here: it may not fit the run
        self._ending: tuple[Ended, BaseException | None] | None = None
        self._thread = threading.Thread(target=self._train, daemon=True)
        self._thread.start()

    def report(self, command: str) -> Report:
        """What there is to tell, collected for a moment; `command` is what the run is asked for."""
        folder = self._here
        if command != control.requested(folder.path):
            write_file(folder.path / "control", command)
        self._thread.join(GATHERING_SECONDS)
        ending = self._ending
        # The files first: no checkpoint may come before the line that tells of its epoch.
        files = {name: content for name in FILES if (content := self._new(name)) is not None}
        lines = self._outbox.take()
        if ending is None:
            return Report(lines, files)
        self._thread.join()
        self._ready, compiled = self._worker.ready, self._worker.compiled
        event, error = ending
        fault = "" if error is None else "".join(traceback.format_exception(error))
        self._drop_scratch()
        lines.append(event.to_line())
        return Report(lines, files, True, fault, compiled, str(folder.path))

    def _train(self) -> None:
        self._ending = self._worker.train()

    @property
    def _here(self) -> RunFolder:
        assert self._folder is not None  # `begin` was called
        return self._folder

    def _files(self, dataset: str) -> list[Path]:
        if dataset in KERAS_FILES:
            return [keras_folder() / file for file in KERAS_FILES[dataset]]
        return [self._dataset(dataset)]

    def _dataset(self, sha256: str) -> Path:
        return self._cache / "datasets" / f"{sha256}.npz"

    def _make_scratch(self, run_id: str, record: PresetRecord, checkpoint: bytes | None) -> None:
        self._drop_scratch()
        trials = self._cache / "trials"
        trials.mkdir(parents=True, exist_ok=True)
        for left in trials.iterdir():  # by a trainer that was killed
            if (left / "worker.lock").exists() and not lock.is_held(left / "worker.lock"):
                shutil.rmtree(left, ignore_errors=True)
        place = trials / f"{os.getpid()}-{os.urandom(4).hex()}"
        folder = RunFolder(place / run_id)
        folder.path.mkdir(parents=True)
        self._descriptor = lock.acquire(place / "worker.lock") or -1
        self._folder = folder
        record.write(folder.spec_file)
        if checkpoint is not None:
            write_file(folder.checkpoint_file, checkpoint)

    def _drop_scratch(self) -> None:
        if self._folder is not None:
            shutil.rmtree(self._folder.path.parent, ignore_errors=True)
            os.close(self._descriptor)
            self._folder = None

    def _new(self, name: str) -> bytes | None:
        """The content of a file that has changed since it was sent."""
        path = self._here.path / name
        now = stamp(path)
        if now is None or now == self._sent[name]:
            return None
        with suppress(OSError):
            content = path.read_bytes()
            self._sent[name] = now
            return content
        return None
