"""A training loop of the user's own as a run: what `workbench.start` gives.

Nothing here imports a framework. A fault of the workbench (a full disk, a data folder that cannot
be written) is said once and never reaches the training. In a forked child the run is silent and
holds nothing: only the process that started it writes. Several threads may log to one run; all of
them wait while it is paused.
"""

from __future__ import annotations

import atexit
import functools
import logging
import math
import os
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Self, TypeVar, cast

from workbench.errors import RunError, UserError
from workbench.runs import control, events, lock
from workbench.runs.environment import installed
from workbench.runs.folder import RunFolder, create_run
from workbench.runs.log import EventWriter
from workbench.runs.record import Labels, Script, ScriptRecord, checked_labels, flat_settings
from workbench.settings import default_home

JOIN_VARIABLE = "MNIST_WORKBENCH_RUN"  # the folder of the run that a command's program is to join
SECONDS_A_POINT = 0.1
PAUSE_POLL_SECONDS = 0.1
MOST_HELD = 1_000  # values that still lie on a device
LONGEST_NAME = 100  # letters of a metric
LONGEST_TEXT = 500  # letters of a message
FRAMEWORKS = {"keras": "keras", "torch": "torch", "jax": "jax", "tensorflow": "tensorflow",
              "sklearn": "scikit-learn"}  # fmt: skip  # module and package, the most telling first

_say = logging.getLogger("workbench").warning
_living: set[Run] = set()
Method = TypeVar("Method", bound=Callable[..., None])


def start(
    name: str = "",
    *,
    config: Mapping[str, Any] | object = None,
    epochs: int = 0,
    steps_per_epoch: int = 0,
    tags: Iterable[str] = (),
    note: str = "",
) -> Run:
    """Begin a run, or join the one that `mnist-workbench exec` made for this process.

    `config` is a mapping (nested ones become `a.b`), a dataclass or what `vars` can look into.
    `epochs` and `steps_per_epoch` are what is planned, where it is known: from them comes the
    time left. To be used as a context manager, or to be ended by `finish`.

    Raises:
        RunError: a tag or note that cannot be.
    """
    labels = checked_labels(list(tags), note)
    directory = ""
    with suppress(OSError):  # it was deleted
        directory = os.getcwd()
    script = Script(
        name=str(name)[:LONGEST_NAME] or Path(sys.argv[0]).stem or "script",
        config=flat_settings(config),
        command=tuple(sys.orig_argv),
        directory=directory,
        epochs=max(0, int(epochs)),
        steps_per_epoch=max(0, int(steps_per_epoch)),
        **_frameworks(),
    )
    run = Run(script)
    # Taken out, so that no process that this one starts joins as well.
    joined = os.environ.pop(JOIN_VARIABLE, None)
    run._begin(labels, Path(joined) if joined else None)
    return run


def _join(path: Path, script: Script) -> tuple[RunFolder, int]:
    """The run of a command, with what its program tells of itself, and the lock of the joined."""
    folder = RunFolder(path)
    record = folder.record
    if not isinstance(record, ScriptRecord) or not lock.is_held(folder.lock_file):
        raise RunError(f"run {folder.run_id}, which {JOIN_VARIABLE} names, runs no command")
    descriptor = lock.acquire(folder.path / "joined.lock")
    if descriptor is None:
        raise RunError(f"run {folder.run_id} was joined by another process, and by one only it can")
    known = record.script
    told = script.model_copy(
        update={
            "name": known.name if known.named else script.name,
            "named": known.named,
            "command": known.command,
            "directory": known.directory,
        }
    )
    record.model_copy(update={"script": told}).write(folder.spec_file)
    return RunFolder(path), descriptor


def harmless(method: Method) -> Method:
    """A fault of the workbench is said once, by `give_up`, and the training goes on without it."""

    @functools.wraps(method)
    def guarded(recording: Any, /, *args: Any, **kwargs: Any) -> None:
        try:
            method(recording, *args, **kwargs)
        except Exception as error:
            recording.give_up(error)

    return cast(Method, guarded)


class Run:
    """A run of a training loop of one's own. Methods may be called from any thread.

    `step` and `epochs_done` count over all epochs; `joined`: it is the run of a command, and ends
    with that.
    """

    def __init__(self, script: Script) -> None:
        self._script = script
        self._folder: RunFolder | None = None
        self._writer: EventWriter | None = None
        self._lock: int | None = None
        self.joined = False
        self._mutex = threading.RLock()
        self._pausing = threading.Lock()
        self._said: set[str] = set()
        self._stop = self._numbered = False
        self.step = self.epochs_done = self._written_step = self._offset = 0
        self._raw_step: int | None = None  # as it was last given in this epoch
        self._stretch, self._whole = _Means(), _Means()
        self._last: dict[str, float] = {}
        self._no_number: int | None = None  # the step from which on the loss is none
        self._written = self._looked = -math.inf
        self._began = time.monotonic()  # moved on by each pause
        self._ran = 0.0  # seconds, when it ended
        self._epoch_began = 0.0  # of `_seconds`

    @harmless
    def _begin(self, labels: Labels, joined: Path | None) -> None:
        self.joined = joined is not None
        if joined is not None:
            self._folder, self._lock = _join(joined, self._script)
        else:
            self._folder, self._lock = create_run(default_home(), self._script, labels, "script")
        lock.write_pid(self._lock, os.getpid())
        self._writer = EventWriter(self._folder.events_file)
        if self.joined:
            history = self._folder.history()  # of a program that the command ran before this one
            self.step = self._written_step = self._offset = history.step
            self.epochs_done = history.epochs_completed
            self._began -= history.seconds
        self.tell_plan(self._script.epochs, self._script.steps_per_epoch)
        _living.add(self)

    @harmless
    def tell_plan(self, epochs: int, steps_per_epoch: int, parameters: int = 0) -> None:
        """Training begins, or begins again, with so much planned in all; 0 is not known."""
        if self._writer is None:
            return
        pid = os.getpid()
        self._write(
            events.Started(time.time(), pid, parameters, epochs, steps_per_epoch, 0, False, "")
        )

    @property
    def run_id(self) -> str:
        """The run's id; empty where it could not be recorded."""
        return self._folder.run_id if self._folder else ""

    @property
    def folder(self) -> Path | None:
        """The run's folder; None where it could not be recorded."""
        return self._folder.path if self._folder else None

    @property
    def due(self) -> bool:
        """Whether it is time for the next point."""
        return time.monotonic() - self._written >= SECONDS_A_POINT

    @property
    def should_stop(self) -> bool:
        """Whether somebody asked for the run's end, by a screen or command. Waits out a pause."""
        self._look()
        return self._stop

    @harmless
    def log(self, /, *, step: int | None = None, **metrics: Any) -> None:
        """Take in the values of one step: Python numbers, or arrays and tensors of one.

        At most ten points a second are written, each the mean of its values since the one before.
        Names that begin with `val_` are of the validation data. A step without a number is the
        one after the last; one that begins again at a lower number is the next epoch's.
        """
        if self._writer is None:
            return
        with self._mutex:
            values = self._usable(metrics)
            if step is not None and (not self._usable({"step": step}) or step < 0):
                step = None
            training = step is not None or not all(
                name.startswith(events.VALIDATION) for name in values
            )
            if values and training:
                self._count_step(step)
            self._take(values)
        self._look()

    @harmless
    def advance(self, step: int, values: Mapping[str, Any], epoch: int | None = None) -> None:
        """As `log`, for whoever counts the steps over all epochs, and the epochs that are done."""
        if self._writer is None:
            return
        with self._mutex:
            if epoch is not None:
                self.epochs_done, self._written_step = epoch, step
            self.step = step
            self._take(self._usable(values))
        self._look()

    @harmless
    def end_epoch(self, /, **metrics: Any) -> None:
        """An epoch is over; `metrics` are of the whole of it, else they are the means over it."""
        if self._writer is None:
            return
        with self._mutex:
            values = self._usable(metrics)
            self._end_epoch({name[:LONGEST_NAME]: _number(value) for name, value in values.items()})
        self._look()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        self.finish(error)

    # Counting

    def _usable(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Those that are numbers; the others are named, each once."""
        faults = {name: _fault(value) for name, value in values.items()}
        for name, fault in faults.items():
            if fault and name not in self._said:
                self._said.add(name)
                _say("workbench: metric %r is left out: %s", name[:LONGEST_NAME], fault)
        return {name: value for name, value in values.items() if not faults[name]}

    def _take(self, values: Mapping[str, Any]) -> None:
        self._stretch.add(values)
        if self.due:
            self._flush()

    def _count_step(self, step: int | None) -> None:
        if step is None:
            self.step += 1
            return
        step = int(step)
        if not self._numbered:
            self._numbered = True
            # Counted from 0, the first step is done once it is logged.
            self._offset += step == 0
            self._written_step = max(self._written_step, self._offset + step - 1)
        elif self._offset + step <= self.step and step != self._raw_step:  # it begins again
            if self._raw_step is not None:
                self._end_epoch({})
            self._offset = self.step + 1 - step
        self._raw_step = step
        self.step = self._offset + step

    @property
    def _seconds(self) -> float:
        return round(time.monotonic() - self._began, 4)

    def _flush(self) -> None:
        """Write what came since the last point as one."""
        means = self._stretch.take()
        self._written = time.monotonic()
        if not means:
            return
        steps, self._written_step = self.step - self._written_step, self.step
        self._whole.add(means, max(1, steps))
        self._last.update(means)
        if "loss" in means:
            lost = not math.isfinite(means["loss"])
            self._no_number = (self._no_number or self.step) if lost else None
        self._write(
            events.Batch(
                time.time(), self.epochs_done + 1, self.step, steps, seconds=self._seconds,
                metrics=means,
            )
        )  # fmt: skip

    def _end_epoch(self, given: Mapping[str, float]) -> None:
        self._flush()
        self.epochs_done += 1
        self._raw_step = None
        metrics = {**self._whole.take(), **given}
        self._last.update(given)
        now = self._seconds
        self._write(
            events.Epoch(
                time.time(), self.epochs_done, self.step, seconds=now, metrics=metrics,
                epoch_seconds=round(now - self._epoch_began, 4),
            )
        )  # fmt: skip
        self._epoch_began = now

    def _write(self, event: events.Event, *, durable: bool = False) -> None:
        """One event; a disk that is full for a while costs its points alone."""
        assert self._writer is not None
        try:
            self._writer.write(event, durable=durable)
        except OSError as error:
            self._warn(f"run {self.run_id}: {error.strerror} in {self.folder}; points are lost")

    # What it is asked for

    @harmless
    def _look(self) -> None:
        """See, at most ten times a second, what is asked for; wait as long as that is a pause."""
        if self._folder is None or self._writer is None:
            return
        if time.monotonic() - self._looked < SECONDS_A_POINT:
            return
        with self._pausing:
            self._looked = time.monotonic()
            command = control.requested(self._folder.path)
            if command is control.Command.PAUSE:
                command = self._wait_out_pause(self._folder.path)
            self._stop = self._stop or command is control.Command.STOP

    def _wait_out_pause(self, path: Path) -> control.Command:
        with self._mutex:
            self._flush()
        began, command = time.monotonic(), control.Command.PAUSE
        self._write(events.Paused(time.time(), self.step))
        try:
            while command is control.Command.PAUSE:
                time.sleep(PAUSE_POLL_SECONDS)
                command = control.requested(path)
        finally:  # Ctrl-C ends a pause too
            self._began += time.monotonic() - began
            self._write(events.Resumed(time.time(), self.epochs_done + 1, self.step, self._seconds))
        return command

    # Its end

    @harmless
    def finish(self, error: BaseException | None = None) -> None:
        """End the run: as failed by an error, stopped by Ctrl-C or on request, else finished."""
        with self._mutex:
            if self._writer is None or self._folder is None:
                return
            self._flush()
            self._ran = self._seconds
            _living.discard(self)
            if not self.joined:  # else its command writes the ending, with its exit code
                asked = control.requested(self._folder.path) is control.Command.STOP
                self._write(self._ending(error, stopped=self._stop or asked), durable=True)
                # Here and not above: a script that imports the workbench waits for what it loads.
                from workbench.runs.summary import tell_of_script

                tell_of_script(self._folder)
            self._let_go()

    def _ending(self, error: BaseException | None, *, stopped: bool) -> events.Ended:
        if isinstance(error, SystemExit) and error.code in (None, 0):
            error = None
        message = f"{type(error).__name__}: {error}"[:LONGEST_TEXT] if error is not None else ""
        stopped = isinstance(error, KeyboardInterrupt) or (error is None and stopped)
        facts = {"epochs_completed": self.epochs_done, "step": self.step, "metrics": self._last}
        return script_ending(
            facts | {"seconds": self._seconds}, stopped=stopped, message=message,
            lost=self._no_number,
        )  # fmt: skip

    def _let_go(self) -> None:
        writer, self._writer = self._writer, None
        descriptor, self._lock = self._lock, None
        if writer is not None:
            writer.close()
        if descriptor is not None:
            os.close(descriptor)

    @harmless
    def go_on(self) -> None:
        """Take a run of this process that has ended up again, for more epochs."""
        if self._writer is not None or self._folder is None or self.joined:
            return
        self._lock = lock.acquire(self._folder.lock_file)
        if self._lock is None:
            raise RunError(f"run {self.run_id} is held by another process")
        lock.write_pid(self._lock, os.getpid())
        control.clear(self._folder.path)
        self._writer = EventWriter(self._folder.events_file)
        self._began = time.monotonic() - self._ran
        self._stop = False
        _living.add(self)

    def _forget(self) -> None:
        """In a forked child: the run is its parent's."""
        _living.discard(self)
        self._mutex, self._pausing = threading.RLock(), threading.Lock()
        self._let_go()

    def give_up(self, error: Exception) -> None:
        """Say what went wrong in the workbench, and record no more."""
        kind = "" if isinstance(error, UserError) else f"{type(error).__name__}: "
        self._warn(f"{kind}{error}; this training goes on unrecorded")
        with suppress(OSError):
            self._let_go()

    def _warn(self, sentence: str) -> None:
        if "" not in self._said:
            self._said.add("")
            _say("workbench: %s", sentence)


def script_ending(
    facts: dict[str, Any], *, stopped: bool, message: str, lost: int | None
) -> events.Ended:
    """How a script's run ended: `message` of a failure; `lost`, since when the loss is none."""
    now = time.time()
    if stopped:
        return events.Stopped(now, **facts)
    if message:
        return events.Failed(now, message=message, **facts)
    if lost is not None:
        words = f"diverged: the loss is not a number from step {lost:,} on"
        return events.Failed(now, reason="diverged", message=words, **(facts | {"step": lost}))
    return events.Finished(now, **facts)


class _Means:
    """Sums of values by name; those that lie on a device are read when the means are taken."""

    def __init__(self) -> None:
        self._sums: dict[str, tuple[float, float]] = {}
        self._held: list[tuple[str, Any]] = []

    def add(self, values: Mapping[str, Any], weight: float = 1.0) -> None:
        for name, value in values.items():
            if hasattr(value, "detach"):  # PyTorch: without its graph, and as it is now
                self._held.append((name, value.detach().clone()))
            elif type(value).__module__.startswith("jax"):
                self._held.append((name, value))
            else:
                self._sum(name, _number(value), weight)
        if len(self._held) > MOST_HELD:
            self._read()

    def _sum(self, name: str, value: float, weight: float = 1.0) -> None:
        total, count = self._sums.get(name, (0.0, 0.0))
        self._sums[name] = total + weight * value, count + weight

    def _read(self) -> None:
        held, self._held = self._held, []
        for name, value in held:
            self._sum(name, _number(value))

    def take(self) -> dict[str, float]:
        """The means since the last call."""
        self._read()
        sums, self._sums = self._sums, {}
        return {name[:LONGEST_NAME]: total / count for name, (total, count) in sums.items()}


def _number(value: Any) -> float:
    """A number, or the one in an array."""
    return float(value.item() if hasattr(value, "item") else value)


def _fault(value: Any) -> str:
    """Why a value is no number; empty where it is one."""
    if isinstance(value, float):
        return ""
    if isinstance(value, str | bytes) or value is None:
        return f"{type(value).__name__} {value!r:.50} is no number"
    try:
        # On a device: looked at without waiting for it.
        if hasattr(value, "detach") or type(value).__module__.startswith("jax"):
            count = math.prod(value.shape)
            return "" if count == 1 else f"tensor of {count} values is no number"
        _number(value)
    except Exception:
        return f"{type(value).__name__} is no number"
    return ""


def _frameworks() -> dict[str, Any]:
    """What this program has imported to train with."""
    loaded = [module for module in FRAMEWORKS if module in sys.modules]
    framework = loaded[0] if loaded else ""
    if framework == "keras":
        with suppress(AttributeError):
            framework = f"keras on {sys.modules['keras'].config.backend()}"
    versions = {name: installed(FRAMEWORKS[name]) for name in loaded}
    return {"framework": framework, "versions": versions}


def _finish_all() -> None:
    """Runs that nobody ended: what their process ends by is how they came out."""
    # At a prompt the last error need not be the one that ended the program.
    prompt = hasattr(sys, "ps1")
    error = None if prompt else getattr(sys, "last_exc", getattr(sys, "last_value", None))
    for run in list(_living):
        run.finish(error)


def _forget_all() -> None:
    for run in list(_living):
        run._forget()


atexit.register(_finish_all)
os.register_at_fork(after_in_child=_forget_all)
