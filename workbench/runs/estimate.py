"""How long a training should take here, judged from the speeds of earlier runs.

Speed depends on the machine, the precision, the kind of model and the size of the batch, so only
runs like the one asked about speak for it. A model far from all of them is told roughly, by the
nearest of its kind, and where there is none by what the processor multiplies.
"""

from __future__ import annotations

import heapq
import math
import platform
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from statistics import median

from workbench.errors import EnvironmentProblem, RunError
from workbench.formats import rough_duration
from workbench.model.architecture import Architecture, analyse
from workbench.model.layers import Conv2D
from workbench.model.spec import TrainingSpec
from workbench.runs.environment import usable_cores
from workbench.runs.events import Batch, Ended, Epoch, Started
from workbench.runs.folder import RunFolder, all_runs
from workbench.runs.log import backwards
from workbench.settings import Home

FEWEST_STEPS = 100  # in fewer, a worker has hardly found its pace
NEWEST = 100  # runs that are read; older ones say nothing new
FARTHEST = math.log(4)  # in multiply-adds an image, times or divided by this
ALIKE = 0.05  # runs this much farther than the nearest speak with it
SPEAKING = 3  # and of these the newest: what else the machine does changes
BATCH_WEIGHT = 0.5  # a batch of double size changes speed less than double work does
SHARED_DISTANCE = 0.2  # a run that left cores to others speaks less surely of all of them
# A test image is only a forward pass, without gradients and update.
TEST_SHARE = 1 / 3
# Without any run: trainings do this much of what single cores multiply in small products (CNN
# model 2 on 2 cores: 105 of 88 billion a second), and a step costs something besides.
REACHED = 1.2
STEP_SECONDS = 0.0003
# From the start of a worker to its first step: TensorFlow's import and the first compilation.
START_SECONDS = 6.0
# Products this small stay within a core: those that are shared by several wait for each other on
# a busy machine, and would tell a tenth of the truth.
PRODUCT_SIDE = 63


@dataclass(frozen=True)
class Speed:
    """What one run says: its model's work an image and the images a second of all cores.

    `shared`: it had some of them and left the others to runs beside it, as in a queue with
    several jobs, so that its own images a second were counted up.
    """

    multiply_adds: int
    convolutional: bool
    batch_size: int
    precision: str
    images_per_second: float
    shared: bool = False


@dataclass(frozen=True)
class Expected:
    """A time in seconds; `rough` where nothing like it has been timed here."""

    seconds: float
    rough: bool = False

    @property
    def text(self) -> str:
        """`8 min`, `~8 min` where that is rough."""
        return ("~" if self.rough else "") + rough_duration(self.seconds)


def known_speeds(home: Home, host: str = platform.node()) -> list[Speed]:
    """The speeds of the newest runs of a host, the newest first; those that cannot be read are
    left out.
    """
    dated: list[tuple[float, str, RunFolder]] = []
    try:
        folders = all_runs(home)
    except EnvironmentProblem:  # said by whoever lists runs; an estimate does without
        return []
    for folder in folders:
        with suppress(OSError):  # not started yet, or deleted meanwhile
            dated.append((folder.events_file.stat().st_mtime, folder.run_id, folder))
    speeds = []
    for _, _, folder in heapq.nlargest(NEWEST, dated):
        with suppress(RunError):  # said by whoever lists runs
            if (speed := _speed(folder, host)) is not None:
                speeds.append(speed)
    return speeds


def _speed(folder: RunFolder, host: str) -> Speed | None:
    record = folder.record
    spec = record.spec
    if spec is None or record.environment.host != host or spec.xla is not None:
        return None
    cores = record.environment.cores
    share = max(1.0, cores / (spec.threads or cores))
    images_per_second = _images_per_second(folder, spec.training.batch_size)
    if images_per_second is None or not math.isfinite(images_per_second):
        return None
    return Speed(
        analyse(spec.architecture).multiply_adds,
        _convolutional(spec.architecture),
        spec.training.batch_size,
        spec.precision,
        images_per_second * share,
        shared=share > 1,
    )


def _images_per_second(folder: RunFolder, batch_size: int) -> float | None:
    """By the last whole epoch; of a run in its first one by its steps so far, without the first
    chunk, whose time is its compilation's. None where it has taken too few to tell.
    """
    last = first = None
    for event in backwards(folder.events_file):
        if isinstance(event, Ended | Epoch) and event.images_per_second:
            return event.images_per_second if event.step >= FEWEST_STEPS else None
        if isinstance(event, Batch):
            last, first = last or event, event
        elif isinstance(event, Started):  # another worker's steps lie before it
            break
    if last is None or first is None or last.step - first.step < FEWEST_STEPS:
        return None
    seconds = last.seconds - first.seconds
    return (last.step - first.step) * batch_size / seconds if seconds > 0 else None


def _convolutional(architecture: Architecture) -> bool:
    """Models of Dense layers only are compiled as a whole and run at another speed."""
    return any(isinstance(layer, Conv2D) for layer in architecture.layers)


def expected_epoch(spec: TrainingSpec, speeds: Iterable[Speed]) -> Expected | None:
    """The time of an epoch with its test; None where nothing tells.

    May measure the processor once a process, which takes some 40 ms.
    """
    work, batch_size = analyse(spec.architecture).multiply_adds, spec.training.batch_size
    if work < 1:
        return None
    all_images = spec.dataset.images + TEST_SHARE * spec.dataset.evaluated_images
    kind = spec.precision, _convolutional(spec.architecture)
    near: list[tuple[float, float, Speed]] = []
    for speed in speeds:
        if (speed.precision, speed.convolutional) == kind and speed.multiply_adds:
            apart = abs(math.log(work / speed.multiply_adds))
            batches = abs(math.log(batch_size / speed.batch_size))
            away = apart + BATCH_WEIGHT * batches + SHARED_DISTANCE * speed.shared
            near.append((away, apart, speed))
    if near:
        told = [item for item in near if item[1] <= FARTHEST] or [min(near, key=lambda n: n[0])]
        nearest = min(away for away, *_ in told)
        speaking = [speed for away, _, speed in told if away <= nearest + ALIKE][:SPEAKING]
        seconds = median(_image_seconds(speed, work, batch_size) for speed in speaking)
        return Expected(seconds * all_images, rough=told[0][1] > FARTHEST)
    if spec.precision != "float32":
        return None
    # Gradients cost twice the forward pass.
    an_image = 3 * work / (multiply_add_rate() * REACHED) + STEP_SECONDS / batch_size
    return Expected(an_image * all_images, rough=True)


def _image_seconds(speed: Speed, work: int, batch_size: int) -> float:
    """Seconds a training image of a model of so much work, by a run's speed: what a step costs
    besides its images is the same for all sizes of batch and model.
    """
    step = speed.batch_size / speed.images_per_second
    besides = min(STEP_SECONDS, step / 2)
    an_image = (step - besides) / speed.batch_size
    return an_image * work / speed.multiply_adds + besides / batch_size


def expected_training(
    spec: TrainingSpec, speeds: Iterable[Speed], epochs_done: int = 0
) -> Expected | None:
    """The time of a training from its start, going on from so many whole epochs; as
    `expected_epoch`.
    """
    epoch = expected_epoch(spec, speeds)
    if epoch is None:
        return None
    epochs = max(0, spec.training.epochs - epochs_done)
    return Expected(START_SECONDS + epochs * epoch.seconds, epoch.rough)


@cache
def multiply_add_rate() -> float:
    """Multiply-adds a second of this machine's cores together, by small products (some 40 ms)."""
    import numpy as np

    factor = np.ones((PRODUCT_SIDE, PRODUCT_SIDE), np.float32)
    product, calls = np.empty_like(factor), 20
    taken = []
    for _ in range(100):
        begun = time.perf_counter()
        for _ in range(calls):
            np.matmul(factor, factor, out=product)
        taken.append(time.perf_counter() - begun)
    return usable_cores() * calls * PRODUCT_SIDE**3 / median(taken)
