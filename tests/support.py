"""Run folders as workers leave them, runs that live, and waiting for what comes to pass."""

from __future__ import annotations

import asyncio
import gzip
import os
import time
import unicodedata
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
from textual.app import App
from textual.events import Resize
from textual.pilot import Pilot

from workbench.model.spec import TrainingSpec
from workbench.model.tables import paper_table
from workbench.runs.events import (
    Batch,
    Ended,
    Epoch,
    Event,
    Failed,
    Finished,
    Paused,
    Started,
    Stopped,
)
from workbench.runs.folder import RunFolder, create_run
from workbench.runs.log import EventWriter, write_event
from workbench.runs.record import Labels
from workbench.settings import Home
from workbench.tui.app import WorkbenchApp
from workbench.tui.terminal import TerminalDriver

ENDINGS: dict[str, type[Ended]] = {"finished": Finished, "stopped": Stopped, "failed": Failed}


def ended_run(
    home: Home,
    ending: str | None = "finished",
    accuracy: float = 0.97,
    *,
    table: int = 3,
    row: int = 0,
    seed: int = 0,
    labels: Labels | None = None,
    chunks: int = 0,
) -> RunFolder:
    """A run that has ended; with `ending=None` one whose worker is gone without a word.

    Each of its two epochs is of so many `chunks`, whose accuracy rises to 0.9.
    """
    spec = paper_table(table).rows[row].spec(seed=seed)
    steps = spec.steps_per_epoch
    events: list[Event] = []
    for epoch in (1, 2):
        for chunk in range(1, chunks + 1):
            done = epoch - 1 + chunk / chunks
            accuracy_then = 0.9 - 0.8 * 0.5 ** (8 * done)
            step = int(done * steps)
            events.append(Batch(time.time(), epoch, step, 1, 0.3, accuracy_then, 9e3, done))
        events.append(
            Epoch(time.time(), epoch, epoch * steps, 0.2, 0.9, 0.2, accuracy, 9e3, 1.0, epoch)
        )
    if ending is not None:
        events.append(ending_of(ending, accuracy, 2 * steps))
    return made_run(home, spec, *events, labels=labels)


class LivingRun:
    """A run whose lock this process holds, and whose log it writes."""

    def __init__(self, home: Home, by: str = "run", seed: int = 0) -> None:
        self.spec = paper_table(3).rows[0].spec(seed=seed)
        self.folder, self._lock = create_run(home, self.spec, Labels(tags=("night",)), by)
        self._writer = EventWriter(self.folder.events_file)
        steps = self.spec.steps_per_epoch
        self._writer.write(Started(time.time(), 1, 101_770, 10, steps, 60_000, False, "cpu"))

    def train(self, share: float) -> None:
        """Come to a share of the planned steps."""
        steps = self.spec.steps_per_epoch
        step = int(share * steps * self.spec.training.epochs)
        epoch = 1 + step // steps
        self._writer.write(Batch(time.time(), epoch, step, 10, 0.3, 0.9, 9e4, 60 * share))

    def pause(self) -> None:
        """Wait, as a worker that was asked to."""
        self._writer.write(Paused(time.time(), 1))

    def finish(self, accuracy: float = 0.95) -> None:
        """End, as a worker does: the ending first, then the lock."""
        self._writer.write(
            Finished(time.time(), 10, 1, 60.0, 9e4, test_accuracy=accuracy, test_loss=0.1)
        )
        self.die()

    def die(self) -> None:
        """Let go of everything."""
        self._writer.close()
        os.close(self._lock)


def is_safe(text: str) -> bool:
    """Whether a terminal shows each character and obeys none."""
    return not any(unicodedata.category(sign) in ("Cc", "Cf", "Zl", "Zp", "Cs") for sign in text)


def wait_until(condition: Callable[[], object], what: str = "it", seconds: float = 120.0) -> None:
    """Wait, without an event loop, until something is so."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited too long for {what}"
        time.sleep(0.02)


def made_run(
    home: Home, spec: TrainingSpec | None = None, *events: Event, labels: Labels | None = None
) -> RunFolder:
    """A run that nobody holds, with these events in its log; of Table 3's first row by default."""
    spec = spec or paper_table(3).rows[0].spec()
    folder, lock = create_run(home, spec, labels or Labels(), "run")
    for event in events:
        write_event(folder.events_file, event)
    os.close(lock)
    return folder


def ending_of(kind: str, accuracy: float, steps: int = 20) -> Ended:
    """An ending of a kind, after two epochs."""
    return ENDINGS[kind](
        time=time.time(),
        epochs_completed=2,
        step=steps,
        seconds=12.5,
        images_per_second=1000.0,
        parameters=101_770,
        test_loss=0.1,
        test_accuracy=accuracy,
        best_epoch=2,
        best_epoch_test_accuracy=accuracy,
    )


async def until(pilot: Pilot[None], condition: Callable[[], object], seconds: float = 15.0) -> None:
    """Wait until something is so: a machine that does other work may take its time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError("it did not come to pass in time")
        await asyncio.sleep(0.02)
        await pilot.pause()


def at_terminal(
    home: Home, write: Callable[[str], object], *, changes_only: bool = True
) -> WorkbenchApp:
    """The app at a terminal that is none: what goes there is given to `write`.

    To be run with `headless=False`. Without `changes_only` as where Textual sends by itself.
    """

    class Driver(TerminalDriver):
        def __init__(self, app: App[Any], **options: Any) -> None:
            super().__init__(app, **options)
            self._shown = self._shown if changes_only else None

        def write(self, data: str) -> None:
            write(data)

        def start_application_mode(self) -> None:
            self._app.post_message(Resize(self._app.size, self._app.size))

        def flush(self) -> None: ...
        def stop_application_mode(self) -> None: ...
        def disable_input(self) -> None: ...
        def close(self) -> None: ...

    class Simulation(WorkbenchApp):
        def get_driver_class(self) -> type[TerminalDriver]:
            return Driver

    return Simulation(home)


class FakeNvml(ModuleType):
    """`pynvml` on a machine with GPUs so busy (None: one that does not tell); with None no driver.

    After them come as many that do not answer as are `failing`.
    """

    class NVMLError(Exception):
        """The base of all its errors, as there."""

    def __init__(self, busy: list[int | None] | None, failing: int = 0) -> None:
        super().__init__("pynvml")
        self.busy, self._failing = busy, failing

    def nvmlInit(self) -> None:
        if self.busy is None:
            raise self.NVMLError("Driver Not Loaded")

    def nvmlDeviceGetCount(self) -> int:
        return len(self.busy or []) + self._failing

    def nvmlDeviceGetHandleByIndex(self, index: int) -> int:
        return index

    def nvmlDeviceGetName(self, handle: int) -> str:
        return f"GPU {handle}"

    def nvmlDeviceGetMemoryInfo(self, handle: int) -> SimpleNamespace:
        if handle >= len(self.busy or []):
            raise self.NVMLError("GPU is lost")
        return SimpleNamespace(used=2**30, total=24 * 2**30)

    def nvmlDeviceGetUtilizationRates(self, handle: int) -> SimpleNamespace:
        percent = (self.busy or [])[handle]
        if percent is None:
            raise self.NVMLError("Not Supported")
        return SimpleNamespace(gpu=percent)


def place_fashion_mnist(home: Path) -> np.ndarray:
    """The four files of Fashion-MNIST as a user would copy them; pixels here are arbitrary."""
    folder = home / "datasets" / "fashion-mnist"
    folder.mkdir(parents=True)
    images = np.zeros((60_000, 28, 28), np.uint8)
    images[:100] = np.random.default_rng(0).integers(0, 256, (100, 28, 28))
    for stem, count in (("train", 60_000), ("t10k", 10_000)):
        labels = (np.arange(count) % 10).astype(np.uint8)
        for kind, size, content in (
            ("labels-idx1", 8, labels),
            ("images-idx3", 16, images[:count]),
        ):
            path = folder / f"{stem}-{kind}-ubyte.gz"
            with gzip.open(path, "wb", compresslevel=1) as file:
                file.write(b"\0" * size + content.tobytes())
    return images
