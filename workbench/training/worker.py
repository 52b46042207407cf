"""The worker: one process that trains one run and outlives the terminal it was started from.

Started by `workbench.runs.service`, never imported by commands or screens. It holds the run's
lock for its whole life, writes the event log, looks for requests between chunks, and puts the
result on the leaderboard when it ends.
"""

from __future__ import annotations

import argparse
import errno
import gc
import os
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryFile
from types import FrameType
from typing import TYPE_CHECKING, Any

from workbench.data.npz import read_mnist_ahead
from workbench.errors import EnvironmentProblem, UserError
from workbench.files import open_to_append
from workbench.runs import events, lock
from workbench.runs.control import Command, requested
from workbench.runs.environment import free_memory_bytes
from workbench.runs.folder import RunFolder
from workbench.runs.log import EventWriter
from workbench.runs.process import leave
from workbench.runs.sequence import next_run
from workbench.runs.standby import LEAST_FREE_BYTES, MOST_COMPILED
from workbench.runs.status import Status

if TYPE_CHECKING:
    from workbench.model.spec import DatasetRef
    from workbench.training.checkpoint import Progress
    from workbench.training.train import Ready, Result

PAUSE_POLL_SECONDS = 0.1
# How long a kept worker, with its gigabyte of memory, waits for the next run.
IDLE_SECONDS = 60.0
# Kept free in the run folder so that a full disk can still be told in the log.
RESERVE_BYTES = 64 * 1024
# What TensorFlow reads as it is loaded, where the user has not said otherwise.
TENSORFLOW_SETTINGS = {
    "TF_CPP_MIN_LOG_LEVEL": "1",
    "TF_FORCE_GPU_ALLOW_GROWTH": "true",
    # Left off on some processors on which oneDNN doubles the speed of convolutions.
    "TF_ENABLE_ONEDNN_OPTS": "1",
    # Else oneDNN's kernels are made anew for each call on a batch of more than 32.
    "TF_MKL_OPTIMIZE_PRIMITIVE_MEMUSE": "false",
}
DISPENSABLE = ("matplotlib", "scipy")
MISSING: Any = None  # as an imported module: it is not looked for
DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS)


class Worker:
    """One run's training, seen from its folder."""

    def __init__(
        self, folder: RunFolder, ready: Ready | None = None, log: EventWriter | None = None
    ) -> None:
        """`log` takes the events in place of the folder's own log."""
        self._folder = folder
        self.began: float | None = None  # when this process did, if for this run alone
        self.ready = ready  # what is compiled ahead for the run, and by it for the next one
        self.compiled = True  # whether the run had to compile something
        self._log = log or EventWriter(folder.events_file)
        self.told_to_end = False  # by a signal, which is meant for the process
        self._last_batch: events.Batch | None = None
        self._progress: Progress | None = None

    def run(self) -> int:
        """Train to the end and return the exit code; every ending stands in the log."""
        self._heed_signals()
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        ending, error = self.train()
        # First of all: whatever is written before it may take the last of a full disk.
        self._write_ending(ending)
        if error is not None:
            _print_traceback(error)
        self._record()
        return 1 if isinstance(ending, events.Failed) else 0

    def train(self) -> tuple[events.Ended, BaseException | None]:
        """Train to the end: the ending, which is not logged yet, and the fault that led to it."""
        try:
            # Without a name: the reserve goes with this process, however that ends.
            with TemporaryFile(dir=self._folder.path, buffering=0) as reserve:
                reserve.write(b"\0" * RESERVE_BYTES)
                return self._train(), None
        except BaseException as caught:
            return self._failure(caught), caught

    def _train(self) -> events.Ended:
        if requested(self._folder.path) is Command.STOP:  # taken back while it waited
            return events.Stopped(time.time(), 0, 0, 0.0, None)
        spec = self._folder.spec
        self._emit(events.Preparing(time.time(), "loading TensorFlow"))
        load_keras(spec.threads, spec.dataset)
        # Not above: what they import reads variables that have only now been set.
        from workbench.predictions.of_run import save_predictions
        from workbench.training import checkpoint
        from workbench.training.train import Snapshot, train

        file, start = self._folder.checkpoint_file, None
        if file.exists():
            self._emit(events.Preparing(time.time(), "reading the checkpoint"))
            model, progress = checkpoint.load_checkpoint(file)
            self._progress, self.began = progress, None
            start = Snapshot(model, progress, checkpoint.load_best_weights(file))

        def keep(now: Snapshot) -> None:
            checkpoint.save_checkpoint(now.model, now.progress, file, now.best_weights)
            self._progress = now.progress

        steps = self.ready.steps if self.ready is not None else None
        result = train(
            spec,
            self._emit,
            self._should_stop,
            start=start,
            ready=self._take_ready(),
            keep=keep,
            scratch=self._folder.path,
        )
        self._progress, self.ready = result.progress, result.ready
        self.compiled = result.ready is None or result.ready.steps is not steps
        if result.diverged is None:
            checkpoint.save_checkpoint(result.model, result.progress, self._folder.model_file)
        if result.predictions is not None:
            try:
                save_predictions(self._folder, result.predictions)
            except OSError as error:  # made from the model when they are asked for
                _print_traceback(error)
        return self._ending(result)

    def _take_ready(self) -> Ready | None:
        """What is compiled, no longer held here: it may not fit the run."""
        ready, self.ready = self.ready, None
        return ready

    def _ending(self, result: Result) -> events.Ended:
        facts = {**_facts(result.progress), "parameters": result.parameters}
        # The step and time reached, which may lie beyond the last whole epoch.
        facts.update(step=result.step, seconds=result.seconds)
        if result.diverged is not None:
            epoch, step = result.diverged
            message = f"diverged: the loss was not a number in epoch {epoch}, at step {step}"
            facts.update(epoch=epoch, step=step)
            return events.Failed(time.time(), reason="diverged", message=message, **facts)
        if result.stopped:
            pruned = requested(self._folder.path) is Command.PRUNE and not self.told_to_end
            return (events.Pruned if pruned else events.Stopped)(time.time(), **facts)
        return events.Finished(time.time(), confusion=result.confusion, **facts)

    def _failure(self, error: BaseException) -> events.Failed:
        facts: dict[str, Any] = {
            "epochs_completed": 0,
            "step": 0,
            "seconds": 0.0,
            "images_per_second": None,
        }
        if self._progress is not None:
            facts = _facts(self._progress)
        reason, message = _explain(error, self._folder)
        return events.Failed(time.time(), reason=reason, message=message, **facts)

    def _emit(self, event: events.Event) -> None:
        """Write an event. One chunk's line may be lost to a full disk, an epoch's may not."""
        if isinstance(event, events.Batch):
            self._last_batch = event
        if isinstance(event, events.Epoch) and self.began is not None:
            event = replace(event, cold_seconds=round(event.time - self.began, 3))
        try:
            self._log.write(event, durable=event.name in ("epoch", "started"))
        except OSError as error:
            if event.name != "batch" or error.errno not in DISK_ERRORS:
                raise

    def _should_stop(self) -> bool:
        """Whether to stop now; a pause is waited out in here."""
        if not self._folder.path.is_dir():
            raise EnvironmentProblem(f"the run folder {self._folder.path} was deleted")
        command = requested(self._folder.path)
        if command is Command.PAUSE and not self.told_to_end:
            command = self._wait_out_pause()
        return self.told_to_end or command in (Command.STOP, Command.PRUNE)

    def _wait_out_pause(self) -> Command:
        at = self._last_batch
        epoch, step, seconds = (at.epoch, at.step, at.seconds) if at else (1, 0, 0.0)
        self._emit(events.Paused(time.time(), step))
        command = Command.PAUSE
        while command is Command.PAUSE and not self.told_to_end:
            time.sleep(PAUSE_POLL_SECONDS)
            command = requested(self._folder.path)
        self._emit(events.Resumed(time.time(), epoch, step, seconds))
        return command

    def _heed_signals(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self.told_to_end = True

    def _write_ending(self, ending: events.Ended) -> None:
        try:
            self._log.write(ending, durable=True)
        except OSError as error:  # the run will show as crashed, with its checkpoint intact
            _print_traceback(error)

    def _record(self) -> None:
        """Put the run on the leaderboard and tell the user's command; a failure costs nothing."""
        from workbench.leaderboard.columns import run_difference
        from workbench.leaderboard.store import Leaderboard
        from workbench.runs.summary import ending_words, summarise, tell_command

        try:
            home = self._folder.home
            summary = summarise(self._folder)
            try:
                Leaderboard(home).record(summary)  # else the next look adds it
            finally:
                tell_command(ending_words(summary, run_difference(summary)))
        except (UserError, OSError) as error:
            _print_traceback(error)


def _print_traceback(error: BaseException) -> None:
    """Into the worker's log, which lies on the disk that may be full."""
    with suppress(OSError):
        traceback.print_exception(error)


def _facts(progress: Progress) -> dict[str, Any]:
    facts = progress.to_json()
    del facts["monitors"]
    return {**facts, "peak_memory_mib": _peak_memory_mib()}


def forget_peak_memory() -> None:
    """Begin the peak of memory anew, where the system can: the last run's is not the next one's."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def _peak_memory_mib() -> float:
    import resource

    # Linux counts kilobytes, macOS bytes.
    unit = 1 if sys.platform == "darwin" else 1024
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20, 1)


def load_keras(threads: int | None = None, ref: DatasetRef | None = None) -> None:
    """Import Keras and TensorFlow, once what they read from the environment is set.

    That takes most of a start and one core, so MNIST, where `ref` is that, is read beside it.
    """
    if "keras" in sys.modules:
        return
    mnist = ref if ref is not None and (ref.name, ref.path) == ("mnist", None) else None
    if mnist is not None and free_memory_bytes() >= LEAST_FREE_BYTES:
        read_mnist_ahead(mnist.train_limit)
    os.environ["KERAS_BACKEND"] = "tensorflow"
    for name, value in TENSORFLOW_SETTINGS.items():
        os.environ.setdefault(name, value)
    if threads is not None:
        os.environ["OMP_NUM_THREADS"] = str(threads)
    # A fifth of the time went into walking what is there for good, and as much into libraries that
    # Keras and TensorFlow do without where they are missing: pictures, sparse matrices.
    gc.disable()
    hidden = [name for name in DISPENSABLE if sys.modules.setdefault(name, MISSING) is None]
    try:
        import keras  # noqa: F401
        import tensorflow as tf
    finally:
        for name in hidden:
            del sys.modules[name]
        gc.freeze()
        gc.enable()
    if threads is not None:
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(threads)


def _explain(error: BaseException, folder: RunFolder) -> tuple[events.FailureReason, str]:
    """A fault as a reason and one sentence; the traceback is in the worker's log."""
    name = type(error).__name__
    if isinstance(error, EnvironmentProblem):
        return "disk", str(error)
    if isinstance(error, UserError):
        return "data", str(error)
    if isinstance(error, OSError) and error.errno in DISK_ERRORS:
        return "disk", (
            f"{error.strerror} in {folder.path}; free space and go on with "
            f"`mnist-workbench resume {folder.run_id}`"
        )
    if isinstance(error, MemoryError) or name == "ResourceExhaustedError":
        return "memory", "out of memory; use a smaller batch or model, or free memory"
    return "error", f"{name}: {error or 'no message'} (traceback in {folder.log_file})"


Begin = Callable[[RunFolder, "Ready | None"], Worker]


def work(
    run: tuple[RunFolder, int],
    channel: socket.socket | None = None,
    ready: Ready | None = None,
    begin: Begin = Worker,
    began: float | None = None,
) -> int:
    """Train a run, whose lock is held, and those that come after it; the exit code of the last.

    `ready` is what this process has compiled; `begin` makes the worker of each run; `began` is
    when this process did, in seconds since 1970, where that was for this run alone.

    One that does not end well ends this process too: who knows what it leaves behind. So does
    what compilers keep of each model, once it adds up.
    """
    compiled = 0
    while True:
        folder, descriptor = run
        # No child of this process may keep the run alive by holding its lock.
        os.set_inheritable(descriptor, False)
        lock.write_pid(descriptor, os.getpid())
        worker = begin(folder, ready)
        worker.began = began
        ready = began = None  # no longer held here: it may not fit the run
        code = worker.run()
        ready, told_to_end = worker.ready, worker.told_to_end
        compiled += worker.compiled
        if channel is None:
            return code
        del worker
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)
        print_to(Path(os.devnull))
        os.close(descriptor)
        gc.collect()  # models are full of cycles
        forget_peak_memory()
        if code != 0 or told_to_end or compiled >= MOST_COMPILED:
            return code
        following = next_run(channel, IDLE_SECONDS)
        if following is None:
            return code
        run = following
        print_to(run[0].log_file)


def print_to(file: Path) -> None:
    """Append what this process prints to a file."""
    log = open_to_append(file)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)


def main(arguments: list[str] | None = None, begin: Begin = Worker) -> int:
    """Train the run in a folder, then those that come over `--channel`, an inherited socket.

    `--lock-fd` is the inherited, held lock; `begin` makes the worker of each run.
    """
    parser = argparse.ArgumentParser(description="Train one run.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--lock-fd", type=int, default=None)
    parser.add_argument("--channel", type=int, default=None)
    options = parser.parse_args(arguments)
    os.umask(0o077)
    folder = RunFolder(options.folder)
    descriptor = options.lock_fd
    if descriptor is None:
        descriptor = lock.acquire(folder.lock_file)
        if descriptor is None:
            print(f"run {folder.run_id} has a worker already", file=sys.stderr)
            return 1
        if folder.status() is Status.FINISHED:
            print(f"run {folder.run_id} has finished", file=sys.stderr)
            return 1
    import psutil

    began = float(psutil.Process().create_time())
    if options.channel is None:
        return work((folder, descriptor), begin=begin, began=began)
    with socket.socket(fileno=options.channel) as channel:
        channel.set_inheritable(False)
        return work((folder, descriptor), channel, begin=begin, began=began)


if __name__ == "__main__":
    leave(main())
