"""How fast this machine should train a model that nothing like it was trained here before.

Earlier runs of the same kind of layers tell what the processor does, and where there are none, a
fraction of a second of matrix products; a training reaches a rough share of that.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable
from functools import cache

from workbench.model.architecture import Architecture
from workbench.model.shapes import analyse
from workbench.runs.estimate import Speed, convolutional

SECONDS = 0.4
SIZE = 1024  # rows and columns: large enough to keep all cores busy
# Forward, the gradient of the weights and that of the inputs, each a multiplication and a sum.
OPERATIONS_A_MULTIPLY_ADD = 6
# Of the matrix products' speed, about: the products of Dense layers are small and reach less.
CONVOLUTIONS_REACH, DENSE_REACHES = 0.75, 0.4


@cache
def matrix_operations_a_second(seconds: float = SECONDS) -> float:
    """Floating-point operations a second in products of float32 matrices, on all cores.

    Measured once a process; on a busy machine less than what it can do.
    """
    import numpy as np

    matrix = np.random.default_rng(0).random((SIZE, SIZE), np.float32)
    product = matrix @ matrix  # starts the threads
    best, deadline = float("inf"), time.perf_counter() + seconds
    while time.perf_counter() < deadline:
        begin = time.perf_counter()
        np.matmul(matrix, matrix, out=product)
        best = min(best, time.perf_counter() - begin)
    return 2 * SIZE**3 / best


def operations_a_second(architecture: Architecture, speeds: Iterable[Speed]) -> float:
    """The processor's speed by the run of the same kind of layers that is nearest to a model.

    Measured where there is none: models of other layers reach too different a share of it.
    """
    work = max(1, analyse(architecture).multiply_adds)
    kind = convolutional(architecture)
    alike = [
        speed
        for speed in speeds
        if speed.convolutional is kind and speed.precision == "float32" and speed.multiply_adds
    ]
    if not alike:
        return matrix_operations_a_second()
    nearest = min(alike, key=lambda speed: abs(math.log(work / speed.multiply_adds)))
    done = OPERATIONS_A_MULTIPLY_ADD * nearest.multiply_adds * nearest.images_per_second
    return done / _reached(kind)


def _reached(convolutional: bool) -> float:
    return CONVOLUTIONS_REACH if convolutional else DENSE_REACHES


def rough_images_a_second(architecture: Architecture, operations_a_second: float) -> float:
    """Training images a second in float32 on the CPU, right within a factor of two or so."""
    work = OPERATIONS_A_MULTIPLY_ADD * max(1, analyse(architecture).multiply_adds)
    return operations_a_second * _reached(convolutional(architecture)) / work
