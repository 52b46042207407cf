"""How long an epoch should take here, judged from the speeds of earlier runs.

Speed depends on the machine, the precision, the kind of model and the size of the batch, so only
runs like the one asked about speak for it, and none is asked to speak for a model far from it.
"""

from __future__ import annotations

import heapq
import math
import time
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from statistics import median

from workbench.errors import EnvironmentProblem, RunError
from workbench.model.architecture import Architecture
from workbench.model.layers import Conv2D
from workbench.model.shapes import analyse
from workbench.runs.environment import usable_cores
from workbench.runs.events import Ended, Epoch
from workbench.runs.folder import RunFolder, all_runs
from workbench.runs.log import backwards
from workbench.runs.record import ScriptRecord
from workbench.settings import Home

FEWEST_STEPS = 100  # in fewer, a worker has hardly found its pace
NEWEST = 100  # runs that are read; older ones say nothing new
FARTHEST = math.log(4)  # in multiply-adds an image, times or divided by this
ALIKE = 0.05  # runs this much farther than the nearest speak with it
BATCH_WEIGHT = 0.5  # a batch of double size changes speed less than double work does
SHARED_DISTANCE = 0.2  # a run that left cores to others speaks less surely of all of them
# A test image is only a forward pass, without gradients and update.
TEST_SHARE = 1 / 3
# Without any run: trainings do this much of what single cores multiply in small products (CNN
# model 2 on 2 cores: 105 of 88 billion a second), and a step costs something besides.
REACHED = 1.2
STEP_SECONDS = 0.0003
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


def known_speeds(home: Home, host: str, newest: int = NEWEST) -> list[Speed]:
    """The speeds of the newest runs of a host; runs that cannot be read are left out."""
    dated: list[tuple[float, str, RunFolder]] = []
    try:
        folders = all_runs(home)
    except EnvironmentProblem:  # said by whoever lists runs; an estimate does without
        return []
    for folder in folders:
        try:
            dated.append((folder.events_file.stat().st_mtime, folder.run_id, folder))
        except OSError:  # not started yet, or deleted meanwhile
            continue
    speeds = []
    for _, _, folder in heapq.nlargest(newest, dated):
        speed = _speed(folder, host)
        if speed is not None:
            speeds.append(speed)
    return speeds


def _speed(folder: RunFolder, host: str) -> Speed | None:
    try:
        return _speed_of(folder, host)
    except RunError:  # said by whoever lists runs
        return None


def _speed_of(folder: RunFolder, host: str) -> Speed | None:
    record = folder.record
    if isinstance(record, ScriptRecord):
        return None
    spec = record.spec
    if record.environment.host != host or spec.xla is not None:
        return None
    cores = record.environment.cores
    share = max(1.0, cores / (spec.threads or cores))
    images_per_second = next(
        (
            event.images_per_second
            for event in backwards(folder.events_file)
            if isinstance(event, Ended | Epoch)
            and event.images_per_second
            and event.step >= FEWEST_STEPS
        ),
        None,
    )
    if images_per_second is None or not math.isfinite(images_per_second):
        return None
    return Speed(
        analyse(spec.architecture).multiply_adds,
        convolutional(spec.architecture),
        spec.training.batch_size,
        spec.precision,
        images_per_second * share,
        shared=share > 1,
    )


def convolutional(architecture: Architecture) -> bool:
    """Models of Dense layers only are compiled as a whole and run at another speed."""
    return any(isinstance(layer, Conv2D) for layer in architecture.layers)


def epoch_seconds(
    architecture: Architecture,
    batch_size: int,
    speeds: Iterable[Speed],
    *,
    images: int = 60_000,
    test_images: int = 10_000,
    precision: str = "float32",
) -> float | None:
    """Seconds an epoch with its test; None where no earlier run is near enough to tell."""
    work = analyse(architecture).multiply_adds
    if work < 1:
        return None
    kind = convolutional(architecture)
    near: list[tuple[float, float]] = []
    for speed in speeds:
        if speed.precision != precision or speed.convolutional != kind:
            continue
        if speed.multiply_adds < 1:
            continue
        apart = abs(math.log(work / speed.multiply_adds))
        if apart > FARTHEST:
            continue
        batches = abs(math.log(batch_size / speed.batch_size))
        seconds_an_image = work / speed.multiply_adds / speed.images_per_second
        away = apart + BATCH_WEIGHT * batches + SHARED_DISTANCE * speed.shared
        near.append((away, seconds_an_image))
    if not near:
        return None
    nearest = min(distance for distance, _ in near)
    typical = median(seconds for distance, seconds in near if distance <= nearest + ALIKE)
    return typical * (images + TEST_SHARE * test_images)


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


def seconds_by_work(
    multiply_adds: int, batch_size: int, rate: float, images: int, test_images: int
) -> float:
    """Seconds an epoch with its test, from a forward pass's multiply-adds an image alone.

    Gradients cost twice the forward pass. A guess within a factor of two or three: a measured run
    is better where there is one.
    """
    an_image = 3 * multiply_adds / (rate * REACHED) + STEP_SECONDS / batch_size
    return an_image * (images + TEST_SHARE * test_images)
