"""TensorBoard's event files, written from runs and read as runs; CSV and JSON-lines logs likewise.

A run's points stand under their metrics' names at their steps; what is of whole epochs, test and
validation included, has `epoch/` before its name. TensorBoard shows single precision alone (its
reader passes over doubles without a word); what that loses stands beside the value as a text, where
only this program looks, so that a run comes back as it was. The format is tensorboardX's business.
"""

from __future__ import annotations

import csv
import json
import math
import os
import struct
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from workbench.errors import RunError, UserError, refused
from workbench.files import open_file, stamp
from workbench.runs import control, lock
from workbench.runs.environment import require_packages
from workbench.runs.events import VALIDATION, Batch, Ended, Epoch, Event, Finished, Started, Stopped
from workbench.runs.folder import RunFolder, create_run
from workbench.runs.log import EventReader, EventWriter
from workbench.runs.record import LATEST, Labels, Script, Setting, flat_settings
from workbench.runs.summary import settings_of
from workbench.settings import Home

LIBRARY = ("TensorBoard's files need", "tensorboard", "tensorboardX")
OF_EPOCHS = "epoch/"
PATTERN = "*tfevents*"
ROLES = {"train": "", "validation": "val_"}  # folders in which Keras keeps one run's two parts
STEPS = ("step", "global_step", "iteration", "_step")
TIMES = ("time", "wall_time", "timestamp", "_timestamp")
LARGEST_RECORD = 1 << 28  # bytes; images lie in them too
LARGEST_STEP = 10**15
LOOK_SECONDS = 1.0
_FORMATS = {1: ("float_val", "<f"), 2: ("double_val", "<d"), 3: ("int_val", "<i"),
            9: ("int64_val", "<q")}  # fmt: skip  # by the number of a tensor's type


@dataclass
class Points:
    """What a log of another program tells: values at steps, and the settings."""

    name: str
    steps: dict[int, dict[str, float]] = field(default_factory=dict)
    epochs: dict[int, dict[str, float]] = field(default_factory=dict)
    # Since 1970, of the values at a step, and of those of the epoch that ends there.
    times: dict[tuple[int, bool], float] = field(default_factory=dict)
    config: dict[str, Setting] = field(default_factory=dict)

    def add(self, tag: str, step: int, value: float, when: float) -> None:
        """One value; of two at one step the later one counts."""
        if not 0 <= step <= LARGEST_STEP or not 0 <= when <= LATEST:
            return
        whole = tag.startswith(OF_EPOCHS)
        values = self.epochs if whole else self.steps
        values.setdefault(step, {})[tag.removeprefix(OF_EPOCHS)] = value
        self.times[step, whole] = max(when, self.times.get((step, whole), 0.0))


def write_tensorboard(folders: Sequence[RunFolder], into: Path) -> list[Path]:
    """Write event files, a folder a run; these folders.

    Raises:
        RunError: a run cannot be read, or its folder is there already.
        EnvironmentProblem: they cannot be written.
    """
    require_packages(*LIBRARY)
    for folder in folders:
        if (into / folder.run_id).exists():
            raise RunError(f"{into / folder.run_id} exists already; choose another folder")
    with refused(f"{into}: ", "; write it elsewhere"):
        return [_write_run(folder, into / folder.run_id) for folder in folders]


def _write_run(folder: RunFolder, into: Path) -> Path:
    from tensorboardX.proto import event_pb2, summary_pb2
    from tensorboardX.record_writer import RecordWriter
    from tensorboardX.summary import hparams

    record = folder.record
    events = EventReader(folder.events_file).read()
    kind = summary_pb2.SummaryMetadata(
        plugin_data=summary_pb2.SummaryMetadata.PluginData(plugin_name="scalars")
    )
    into.mkdir(parents=True)
    writer = RecordWriter(str(into / f"events.out.tfevents.{int(record.created_at)}.{os.getpid()}"))
    last: dict[str, float] = {}

    def write(when: float, **what: Any) -> None:
        writer.write(event_pb2.Event(wall_time=when, **what).SerializeToString())

    try:
        write(record.created_at, file_version="brain.Event:2")
        for event in events:
            values = []
            for name, value in _tagged(event):
                tag = name.encode("utf-8", "replace").decode()  # as protobuf has texts
                single = struct.unpack("<f", _single(value))[0]
                exact = {} if single == value else {"node_name": repr(value)}
                values.append(
                    summary_pb2.Summary.Value(tag=tag, simple_value=single, metadata=kind, **exact)
                )
                last[tag] = value
            if values and isinstance(event, Batch | Epoch):
                write(event.time, step=event.step, summary=summary_pb2.Summary(value=values))
        for summary in hparams(settings_of(record), last):
            write(record.created_at, summary=summary)
    finally:
        writer.close()
    return into


def _single(value: float) -> bytes:
    """In single precision; what is beyond it is infinite."""
    try:
        return struct.pack("<f", value)
    except OverflowError:
        return struct.pack("<f", math.copysign(math.inf, value))


def _tagged(event: Event) -> Iterator[tuple[str, float]]:
    if isinstance(event, Batch):
        yield from event.values.items()
    elif isinstance(event, Epoch):
        values: Mapping[str, float | None] = event.metrics or {
            "loss": event.loss,
            "accuracy": event.accuracy,
            "test_loss": event.test_loss,
            "test_accuracy": event.test_accuracy,
            "val_loss": event.validation_loss,
            "val_accuracy": event.validation_accuracy,
        }
        for name, value in values.items():
            # Of the own loop what is not there is not a number; a script names what it has.
            if value is not None and (event.metrics is not None or math.isfinite(value)):
                yield f"{OF_EPOCHS}{name}", value


def read_logs(path: Path) -> list[Points]:
    """The runs in a folder of event files, a CSV file or a file of JSON lines.

    Raises:
        UserError: there is none, or it cannot be read.
    """
    try:
        if path.is_dir():
            found = _read_folder(path)
        elif path.suffix.lower() == ".csv":
            with open_file(path) as file:
                lines = (line.decode("utf-8", "replace") for line in file)
                found = [_from_rows(path.stem, csv.DictReader(lines), path.stat().st_mtime)]
        elif "tfevents" in path.name:
            found = [_read_events(path.parent.name, [("", path)])]
        else:
            with open_file(path) as file:
                found = [_from_rows(path.stem, _json_lines(file), path.stat().st_mtime)]
    except (OSError, csv.Error) as error:
        raise UserError(f"{path}: {getattr(error, 'strerror', None) or error}") from error
    found = [points for points in found if points.steps or points.epochs]
    if not found:
        raise UserError(
            f"{path}: no scalars in it; name a folder with TensorBoard's event files, a CSV file "
            "of Keras's CSVLogger, or a file with a JSON object a line"
        )
    return found


def _read_folder(path: Path) -> list[Points]:
    runs: dict[Path, list[tuple[str, Path]]] = {}
    for file in sorted(path.rglob(PATTERN)):
        role, folder = "", file.parent
        if folder != path and folder.name in ROLES:
            role, folder = ROLES[folder.name], folder.parent
        runs.setdefault(folder, []).append((role, file))
    names = {folder: str(folder.relative_to(path)) for folder in runs}
    return [
        _read_events(path.resolve().name if names[folder] == "." else names[folder], files)
        for folder, files in runs.items()
    ]


def _read_events(name: str, files: Iterable[tuple[str, Path]]) -> Points:
    require_packages(*LIBRARY)
    from tensorboardX.proto import event_pb2

    points = Points(name)
    for role, file in files:
        for record in _records(file):
            try:
                event = event_pb2.Event.FromString(record)
                plugins = [value.metadata.plugin_data for value in event.summary.value]
                settings = [_hparams(p.content) for p in plugins if p.plugin_name == "hparams"]
            except Exception as error:  # protobuf's own, of which each version has another
                raise UserError(f"{file}: is no event file of TensorBoard") from error
            for found in settings:
                points.config |= found
            for value in event.summary.value:
                number = _scalar(value)
                if number is not None:
                    points.add(f"{role}{value.tag}", event.step, number, event.wall_time)
    return points


def _records(path: Path) -> Iterator[bytes]:
    """The records of a file as far as they are whole: it may still be written."""
    from tensorboardX.record_writer import masked_crc32c

    with open_file(path) as file:
        while len(head := file.read(12)) == 12:
            length, check = struct.unpack("<QI", head)
            if masked_crc32c(head[:8]) != check or length > LARGEST_RECORD:
                raise UserError(f"{path}: is no event file of TensorBoard, or damaged")
            data = file.read(length + 4)
            if len(data) < length + 4:
                return
            yield data[:length]


def _scalar(value: Any) -> float | None:
    if value.HasField("simple_value"):
        exact = _number(value.node_name)
        same = exact is not None and _single(exact) == _single(value.simple_value)
        return exact if same else float(value.simple_value)
    tensor, plugin = value.tensor, value.metadata.plugin_data.plugin_name
    if plugin not in ("", "scalars") or tensor.dtype not in _FORMATS:
        return None
    name, layout = _FORMATS[tensor.dtype]
    if len(tensor.tensor_content) == struct.calcsize(layout):
        (number,) = struct.unpack(layout, tensor.tensor_content)
        return float(number)
    numbers = getattr(tensor, name)
    return float(numbers[0]) if len(numbers) == 1 else None


def _hparams(content: bytes) -> dict[str, Setting]:
    from tensorboardX.proto import plugin_hparams_pb2

    data = plugin_hparams_pb2.HParamsPluginData.FromString(content)
    return flat_settings(
        {
            name: getattr(value, value.WhichOneof("kind") or "string_value")
            for name, value in data.session_start_info.hparams.items()
        }
    )


def _json_lines(lines: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    for line in lines:
        try:
            data = json.loads(line)
            values = flat_settings(data) if isinstance(data, dict) else {}
        except (ValueError, RecursionError):  # torn, or a line of another kind
            continue
        yield values


def _from_rows(name: str, rows: Iterable[Mapping[str, Any]], when: float) -> Points:
    """Rows with a step, or an epoch, or in their order; `when` where they do not tell it."""
    points = Points(name)
    for number, row in enumerate(rows, 1):
        values = {key: _number(value) for key, value in row.items() if key}
        known = {key: value for key, value in values.items() if value is not None}
        step = next((known.pop(key) for key in STEPS if key in known), None)
        epoch = known.pop("epoch", None)
        told = next((known.pop(key) for key in TIMES if key in known), when)
        # In seconds, or in thousandths, millionths or billionths of them.
        dates = (told / unit for unit in (1, 1e3, 1e6, 1e9) if 0 <= told / unit <= LATEST)
        of_epochs = step is None and epoch is not None  # Keras counts epochs from 0
        place = step if step is not None else epoch + 1 if epoch is not None else number
        date = next(dates, when)
        if math.isfinite(place):
            for tag, value in known.items():
                points.add(f"{OF_EPOCHS if of_epochs else ''}{tag}", int(place), value, date)
    return points


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or value is None:
        return None
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return None


def import_logs(home: Home, path: Path, labels: Labels) -> list[RunFolder]:
    """Take the runs of another program's logs in as runs that have finished.

    Raises:
        UserError: as for `read_logs`.
        EnvironmentProblem: a run's folder cannot be written.
    """
    taken = []
    for points in read_logs(path):
        run = _TakenRun(home, points, labels)
        run.tell(points)
        run.end(Finished)
        taken.append(run.folder)
    return taken


def watch_logs(
    home: Home, path: Path, labels: Labels, begun: Callable[[RunFolder], object]
) -> NoReturn:
    """Follow logs that another program is writing: its runs live here until this is interrupted.

    A stop from elsewhere ends the watching of a run; whoever writes its log knows nothing of it.

    Raises:
        UserError: the logs cannot be read, or there are none when it begins.
        KeyboardInterrupt: as somebody pressed Ctrl-C; the runs have ended then.
    """
    runs: dict[str, _TakenRun] = {}
    seen: object = None
    try:
        while True:
            files = [path, *path.rglob(PATTERN)] if path.is_dir() else [path]
            now = [stamp(file) for file in sorted(files)]
            for points in read_logs(path) if now != seen else ():
                if points.name not in runs:
                    runs[points.name] = _TakenRun(home, points, labels)
                    begun(runs[points.name].folder)
                runs[points.name].tell(points)
            seen = now
            for run in runs.values():
                if control.requested(run.folder.path) is control.Command.STOP:
                    run.end(Stopped)
            time.sleep(LOOK_SECONDS)
    finally:
        for run in runs.values():
            run.end(Stopped)


class _TakenRun:
    """A run made of another program's log; what was told once is not told again."""

    def __init__(self, home: Home, points: Points, labels: Labels) -> None:
        script = Script(name=points.name, named=True, config=points.config)
        self.folder, self._lock = create_run(home, script, labels, "import")
        lock.write_pid(self._lock, os.getpid())
        self._writer: EventWriter | None = None
        self._begin = self._end = min(points.times.values())
        self._told: dict[tuple[int, bool], set[str]] = {}
        self._last: dict[str, float] = {}
        self._step = self._epoch = 0
        record = self.folder.record.model_copy(update={"created_at": self._begin})
        with self._said():
            self._writer = EventWriter(self.folder.events_file)
            record.write(self.folder.spec_file)
            self._writer.write(Started(self._begin, os.getpid(), 0, 0, 0, 0, False, ""))

    def _said(self) -> AbstractContextManager[None]:
        return refused(f"{self.folder.path}: ", "; free space there")

    def tell(self, points: Points) -> None:
        """Write what is new in a log.

        Raises:
            EnvironmentProblem: the disk is full or the folder gone.
        """
        for (step, whole), when in sorted(points.times.items()):
            told = self._told.setdefault((step, whole), set())
            known = (points.epochs if whole else points.steps)[step]
            values = {name: value for name, value in known.items() if name not in told}
            if values and self._writer is not None:
                told.update(values)
                self._last |= values
                self._end = max(self._end, when)
                with self._said():
                    self._writer.write(self._event(when, step, whole, values))

    def _event(self, when: float, step: int, whole: bool, values: dict[str, float]) -> Event:
        seconds = max(0.0, round(when - self._begin, 4))
        # What comes late goes back to its place only where no training curve would.
        if not all(name.startswith(VALIDATION) for name in values):
            step = max(step, self._step)
        steps, self._step = max(0, step - self._step), max(step, self._step)
        if not whole:
            return Batch(when, self._epoch + 1, step, steps, seconds=seconds, metrics=values)
        self._epoch += 1
        return Epoch(when, self._epoch, step, seconds=seconds, metrics=values)

    def end(self, kind: type[Ended]) -> None:
        """No more is told of it."""
        writer, self._writer = self._writer, None
        if writer is None:
            return
        seconds = round(self._end - self._begin, 4)
        with suppress(OSError):
            writer.write(
                kind(self._end, self._epoch, self._step, seconds, None, metrics=self._last)
            )
        writer.close()
        os.close(self._lock)
