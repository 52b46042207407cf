"""What is trained: everything that decides a training's result on one machine, and its memory."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Annotated, Literal, get_args

from pydantic import Field

from workbench.model.architecture import Analysis, Architecture, ImageShape, analyse
from workbench.model.hyperparameters import SGD, Optimizer, RMSprop, TrainingSettings
from workbench.model.validated import Validated

# All but the first compute in 16 bits between the layers, and keep weights in 32 ("mixed").
Precision = Literal["float32", "bfloat16", "float16"]
PRECISIONS: tuple[Precision, ...] = get_args(Precision)
Seed = Annotated[int, Field(ge=0, le=2**32 - 1)]


class Validation(Validated):
    """The images that settings are chosen by, apart from those of training and test.

    Held out of the training images in use, as many of each class as its share (`seed` says
    which), or the file's own x_val and y_val.
    """

    images: Annotated[int, Field(ge=1)]
    seed: Seed = 0
    own: bool = False  # the file's x_val: nothing is held out


class DatasetRef(Validated):
    """Which images: a known name, or a file's path with the file's checksum."""

    name: str = "mnist"
    path: str | None = None
    sha256: str | None = None  # None where only the download will tell
    image_shape: ImageShape = (28, 28, 1)
    classes: int = 10
    train_images: int = 60_000
    test_images: int = 10_000
    empty_classes: tuple[int, ...] = ()  # labels that no training image of the file has
    train_limit: Annotated[int, Field(ge=1)] | None = None
    # What pixels are divided by, where it is neither of what they would be taken for.
    max_pixel: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    validation: Validation | None = None

    @property
    def read_images(self) -> int:
        """Training images that are read: all, or the first `train_limit`."""
        return min(self.train_images, self.train_limit or self.train_images)

    @property
    def images(self) -> int:
        """Training images in use: what is read, without what is held out of it."""
        return self.read_images - self.held_out

    @property
    def held_out(self) -> int:
        """Training images that are kept for validation."""
        return 0 if self.validation is None or self.validation.own else self.validation.images

    @property
    def evaluated(self) -> Literal["validation", "test"]:
        """Whose images are looked at after each epoch."""
        return "test" if self.validation is None else "validation"

    @property
    def evaluated_images(self) -> int:
        return self.validation.images if self.validation else self.test_images

    @property
    def doubt(self) -> str:
        """What is odd about the labels, as one sentence; empty where nothing is."""
        if not self.empty_classes:
            return ""
        listed = ", ".join(map(str, self.empty_classes[:5]))
        beyond = len(self.empty_classes) - 5
        if beyond > 0:
            listed += f" and {beyond} more"
        return (
            f"{self.name}: {self.classes} classes, 0 to {self.classes - 1}, and no training image "
            f"has label {listed}; number the classes from 0 without gaps to train no others"
        )


class TrainingSpec(Validated):
    """One training. The same spec on the same machine gives the same result."""

    preset: str
    title: str
    architecture: Architecture
    training: TrainingSettings
    dataset: DatasetRef = DatasetRef()
    seed: Seed = 0
    precision: Precision = "float32"
    xla: bool | None = None  # None: for models of Dense layers only
    threads: Annotated[int, Field(ge=1, le=1024)] | None = None  # None: all cores
    tested: bool = True  # False: a trial of a search, which never sees the test images

    @property
    def steps_per_epoch(self) -> int:
        """Optimizer steps an epoch; the last batch may be smaller."""
        return -(-self.dataset.images // self.training.batch_size)

    @property
    def settings_key(self) -> str:
        """A short digest of all that makes two trainings comparable: all but the seed.

        The names of preset and title, threads and compiler are left out: they do not
        belong to the experiment.
        """
        data = self.dataset
        pixels = [] if data.max_pixel is None else [data.max_pixel]
        training = self.training.model_dump(mode="json")
        # Absent where not asked for, so that the keys of runs without are what they were.
        if training["early_stopping"] is None:
            del training["early_stopping"]
        validation = [] if data.validation is None else [data.validation.model_dump(mode="json")]
        material = {
            "architecture": self.architecture.model_dump(mode="json"),
            "training": training,
            "dataset": [
                data.name if data.path is None else data.sha256,
                data.train_limit,
                *pixels,
                *validation,
                *([] if self.tested else ["not tested"]),
            ],
            "precision": self.precision,
        }
        text = json.dumps(material, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:12]


# The memory a training needs, counted from the architecture.
#
# Counted, as float32: the weights, what the optimizer keeps for each trainable weight, and every
# layer's output for one batch; at the peak of a step also the gradients and the labels of all
# images. Not counted: scratch space, TensorFlow itself (some 500 MiB), and the images, which stay
# on disk where memory cannot hold them.


BYTES = 4  # of a float32


@dataclass(frozen=True)
class MemoryNeed:
    weights: int
    optimizer: int
    activations: int
    gradients: int
    batch_size: int

    @property
    def total(self) -> int:
        return self.weights + self.optimizer + self.activations


def optimizer_slots(optimizer: Optimizer) -> int:
    """How many numbers an optimizer keeps for each trainable weight, as Keras makes them."""
    match optimizer:
        case SGD():
            return 1 if optimizer.momentum else 0
        case RMSprop():
            return 2 if optimizer.momentum else 1
    return 2  # the two moments of Adam and its kin


def memory_need(analysis: Analysis, training: TrainingSettings) -> MemoryNeed:
    """The memory of the layers that fit, trained with these settings."""
    return MemoryNeed(
        BYTES * analysis.parameters,
        BYTES * analysis.trainable * optimizer_slots(training.optimizer),
        BYTES * analysis.activations * training.batch_size,
        BYTES * analysis.trainable,
        training.batch_size,
    )


def memory_shortage(spec: TrainingSpec, available: int) -> str | None:
    """Why `available` bytes cannot hold a training, with both numbers; None where they can."""
    images = spec.dataset.read_images + spec.dataset.test_images
    batch = min(spec.training.batch_size, spec.dataset.images)
    analysis = analyse(spec.architecture)
    need = memory_need(analysis, spec.training.model_copy(update={"batch_size": batch}))
    # In 16 bits the layers put out values of half the size.
    outputs = need.activations // (1 if spec.precision == "float32" else 2)
    labels = BYTES * images * spec.dataset.classes
    peak = need.weights + need.gradients + need.optimizer + outputs + labels
    if peak <= available:
        return None
    remedy = "fewer units or filters"
    if outputs > need.weights + need.gradients + need.optimizer:
        remedy = "a smaller batch"
    return (
        f"memory: {spec.preset} needs {mebibytes(peak)} MiB (weights {mebibytes(need.weights)}, "
        f"gradients {mebibytes(need.gradients)}, optimizer {mebibytes(need.optimizer)}, outputs "
        f"of a batch of {batch:,} {mebibytes(outputs)}, labels {mebibytes(labels)}) and there "
        f"are {mebibytes(available)} MiB here; use {remedy}"
    )


def mebibytes(size: int) -> str:
    """Bytes in MiB: `53.1`, and without a fraction from a thousand on."""
    amount = size / 2**20
    return f"{amount:,.1f}" if amount < 999.95 else f"{amount:,.0f}"
