"""The run folder: its files, its status, and finding runs by the beginning of their id."""

from __future__ import annotations

import os
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from workbench.errors import EnvironmentProblem, RunError, nearest, refused
from workbench.files import UNFINISHED, read_file, stamp
from workbench.model.spec import TrainingSpec
from workbench.runs import control, lock
from workbench.runs.environment import launched_from, this_environment
from workbench.runs.events import Ended, Log, Paused, Preparing, Queued
from workbench.runs.log import EventReader, History, last_change, newer, write_event
from workbench.runs.record import (
    RECORD,
    RECORD_FORMAT,
    Labels,
    PresetRecord,
    RunRecord,
    Script,
    ScriptRecord,
    format_of,
)
from workbench.runs.status import Status
from workbench.settings import Home

# Without vowels and look-alikes: no words, nothing to misread.
ID_LETTERS = "bcdfghjkmnpqrstvwxz23456789"
LARGEST_RECORD = 10_000_000  # bytes of spec.json or labels.json; a model of 200 layers takes 40,000


class _Part:
    """A file of a run's folder, by its name there."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __get__(self, folder: RunFolder, kind: type[RunFolder] | None = None) -> Path:
        return folder.path / self._name


@dataclass(frozen=True)
class RunFolder:
    """One run's folder. The folder is the truth; all else can be rebuilt from it."""

    path: Path

    @property
    def home(self) -> Home:
        return Home(self.path.parents[1])

    @property
    def run_id(self) -> str:
        return self.path.name

    spec_file = _Part("spec.json")  # everything needed to repeat the run
    events_file = _Part("events.jsonl")  # the append-only event log
    lock_file = _Part("worker.lock")  # held by the worker for its whole life
    checkpoint_file = _Part("checkpoint.keras")  # the state after the last whole epoch
    model_file = _Part("model.keras")  # the trained model
    predictions_file = _Part("predictions.npz")  # its answer for each test image
    log_file = _Part("worker.log")  # the worker's stdout and stderr
    labels_file = _Part("labels.json")  # tags and note

    @property
    def record(self) -> RunRecord:
        """The content of `spec.json`; a script's may change while it tells more of itself.

        Raises:
            RunError: the file is missing or damaged, or no list can hold the run's id.
        """
        record = self._record_as_read
        if isinstance(record, ScriptRecord):
            del self.__dict__["_record_as_read"]
        return record

    @cached_property
    def _record_as_read(self) -> RunRecord:
        content = b""
        try:
            self.run_id.encode()
            content = read_file(self.spec_file, LARGEST_RECORD)
            return RECORD.validate_json(content)
        except UnicodeEncodeError as error:  # no list of results could hold it
            raise RunError(
                f"run {self.run_id}: the name of its folder is no Unicode; rename it"
            ) from error
        except FileNotFoundError as error:
            raise RunError(f"run {self.run_id}: its folder or spec.json is gone") from error
        except (OSError, ValidationError) as error:
            what = error.strerror if isinstance(error, OSError) else "is damaged"
            sentence = f"{self.spec_file}: {what}; restore it or delete the run"
            if (version := format_of(content)) > RECORD_FORMAT:
                sentence = newer(self.spec_file.name, version, RECORD_FORMAT)
            raise RunError(f"run {self.run_id}: {sentence}") from error

    @property
    def spec(self) -> TrainingSpec:
        """What the workbench trains here.

        Raises:
            RunError: as for `record`, or it is the run of a script.
        """
        record = self.record
        if isinstance(record, ScriptRecord):
            raise RunError(
                f"run {self.run_id} is of a script of your own ({record.name}); only runs that "
                "the workbench trains can do this"
            )
        return record.spec

    @property
    def labels(self) -> Labels:
        """The run's tags and note; none where the file is missing or damaged."""
        try:
            return Labels.model_validate_json(read_file(self.labels_file, LARGEST_RECORD))
        except (OSError, ValidationError):
            return Labels()

    @property
    def labels_stamp(self) -> int:
        """Changes whenever tags and note do; 0 where the run never had any."""
        found = stamp(f"{self.path}/labels.json")
        return found[1] if found else 0

    def set_labels(self, labels: Labels) -> None:
        with refused(f"run {self.run_id}: ", " while labels were written; nothing changed"):
            labels.write(self.labels_file)

    def history(self) -> History:
        history, reader = self.empty_history(), EventReader(self.events_file)
        for event in reader.read():
            history.apply(event)
        history.fault = reader.fault
        return history

    def empty_history(self) -> History:
        """A history to which the events of this run can be applied."""
        record = self.record
        if isinstance(record, ScriptRecord):
            return History(record.script.epochs, record.script.steps_per_epoch)
        return History(record.spec.training.epochs, record.spec.steps_per_epoch)

    def status(self) -> Status:
        """What the run is doing now, as data has it: `RunSummary.state` tells more apart."""
        # The lock first: a worker writes its ending before it lets go of the lock.
        alive = lock.is_held(self.lock_file)
        last = last_change(self.events_file)
        if isinstance(last, Ended) or (alive and isinstance(last, Queued | Paused)):
            return Status[last.name.upper()]
        if not alive:
            return Status.KILLED if control.was_killed(self.path) else Status.CRASHED
        return Status.RUNNING

    def delete(self) -> None:
        """Remove the folder and all in it.

        Raises:
            RunError: the run is alive.
            EnvironmentProblem: the files cannot be removed.
        """
        if lock.is_held(self.lock_file):
            raise RunError(
                f"run {self.run_id} is still going; stop it first "
                f"(`mnist-workbench stop {self.run_id}`)"
            )
        try:
            shutil.rmtree(self.path)
        except FileNotFoundError:
            return
        except OSError as error:
            raise EnvironmentProblem(f"run {self.run_id}: cannot delete: {error}") from error


@contextmanager
def run_to_start(
    home: Home, what: TrainingSpec | Script, labels: Labels, by: str, process: str = "worker"
) -> Iterator[tuple[RunFolder, int]]:
    """As `create_run`, for a block that starts the process which takes the lock over.

    Raises:
        EnvironmentProblem: also where it cannot be started; no run is left behind.
    """
    folder, descriptor = create_run(home, what, labels, by)
    try:
        yield folder, descriptor
    except Exception as error:
        os.close(descriptor)
        folder.delete()
        if isinstance(error, OSError):
            raise EnvironmentProblem(f"the {process} cannot be started: {error}") from error
        raise
    os.close(descriptor)


def create_run(
    home: Home, what: TrainingSpec | Script, labels: Labels, by: str
) -> tuple[RunFolder, int]:
    """A new run's folder and the open lock that its worker, or the script, is to hold.

    It gets its name when it is whole; what a killed maker left is removed by the next.

    Raises:
        EnvironmentProblem: the folder cannot be written or the disk is full.
    """
    home.ensure()
    name = what.name if isinstance(what, Script) else what.preset
    new: RunFolder | None = None
    descriptor: int | None = None
    try:
        _remove_unfinished(home)
        while descriptor is None:
            token = "".join(secrets.choice(ID_LETTERS) for _ in range(4))
            if any(home.runs.glob(f"{token}-*")):
                continue
            new = RunFolder(home.runs / f".{token}{UNFINISHED}")
            new.path.mkdir(mode=0o700)
            with suppress(FileNotFoundError):  # taken for a killed maker's, before it was locked
                descriptor = lock.acquire(new.lock_file)
        assert new is not None
        plain = [sign if sign.isalnum() or sign in "._-" else "-" for sign in name.lower()]
        slug = "".join(plain).strip("-.")[:32] or "run"
        folder = RunFolder(home.runs / f"{token}-{slug}")
        # Made here, so that a worker can tell of a disk that is full by then.
        write_event(new.events_file, Log(time.time()))
        write_event(new.events_file, Preparing(time.time()))
        if labels != Labels():
            labels.write(new.labels_file)
        facts: dict[str, Any] = {
            "run_id": folder.run_id,
            "created_at": time.time(),
            "environment": this_environment(),
            "launched_from": launched_from(by),
        }
        record: RunRecord
        if isinstance(what, Script):
            record = ScriptRecord(script=what, **facts)
        else:
            record = PresetRecord(spec=what, **facts)
        record.write(new.spec_file)
        new.path.rename(folder.path)
    except OSError as error:
        if descriptor is not None:
            os.close(descriptor)
        if new is not None:
            shutil.rmtree(new.path, ignore_errors=True)
        raise EnvironmentProblem(
            f"data folder {home.path}: {error.strerror}; free space there, or name another "
            "folder with --home"
        ) from error
    return folder, descriptor


def _remove_unfinished(home: Home) -> None:
    for left in home.runs.glob(f".*{UNFINISHED}"):
        with suppress(OSError):
            descriptor = lock.acquire(left / "worker.lock")
            if descriptor is not None:
                shutil.rmtree(left, ignore_errors=True)
                os.close(descriptor)


def all_runs(home: Home) -> list[RunFolder]:
    """Every run there is, in no order.

    Raises:
        EnvironmentProblem: the folder of runs cannot be read.
    """
    try:
        return [
            RunFolder(path)
            for path in home.runs.iterdir()
            if not path.name.startswith(".") and os.path.lexists(f"{path}/spec.json")
        ]
    except OSError as error:
        for problem in home.broken_parts(home.runs):
            raise problem from error
        if isinstance(error, FileNotFoundError):
            return []
        raise EnvironmentProblem(
            f"data folder {home.path}: runs cannot be read ({error.strerror}); fix its access"
        ) from error


def find_run(home: Home, prefix: str) -> RunFolder:
    """The run whose id begins with `prefix`.

    Raises:
        RunError: none does, or several do (the message lists them).
    """
    if not prefix or "/" in prefix:
        raise RunError(f"{prefix!r} is no run id (`mnist-workbench runs` lists them)")
    names = sorted(folder.run_id for folder in all_runs(home))
    if prefix in names:
        return RunFolder(home.runs / prefix)
    matching = [name for name in names if name.startswith(prefix)]
    if len(matching) == 1:
        return RunFolder(home.runs / matching[0])
    if matching:
        shown = ", ".join(matching[:10]) + (", …" if len(matching) > 10 else "")
        raise RunError(f'run "{prefix}" is ambiguous: {shown}; type more of the id')
    hint = nearest(prefix, names) if names else "there are no runs yet"
    if len(names) > 10 and hint.startswith("known"):
        hint = "`mnist-workbench runs` lists them"
    raise RunError(f'no run "{prefix}": {hint}')
