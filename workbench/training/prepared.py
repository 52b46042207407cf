"""A data set made ready to draw batches from, read before it is needed where that is known."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from workbench.model.spec import DatasetRef
from workbench.training.datasets import load_dataset
from workbench.training.sources import BatchSource, choose_source


@dataclass(frozen=True)
class Sources:
    """Training and test images as sources of batches; `sha256` is that of the data set."""

    train: BatchSource
    test: BatchSource
    sha256: str


def load_sources(ref: DatasetRef, scratch: Path | None = None) -> Sources:
    """The sources of a data set; those of the last named one are kept.

    Keeping them is for the standby worker, which reads MNIST before it is given a run. A file
    of the user's is read anew each time, since it may have changed.

    Raises:
        DatasetError: it cannot be loaded, or is not what the spec was made for.
        EnvironmentProblem: the shipped MNIST is damaged, or `scratch` is full.
    """
    return _named(ref) if ref.path is None else _load(ref, scratch)


@lru_cache(maxsize=1)
def _named(ref: DatasetRef) -> Sources:
    return _load(ref, None)


def _load(ref: DatasetRef, scratch: Path | None) -> Sources:
    data = load_dataset(ref, scratch)
    classes, scale = data.classes, data.pixel_scale
    return Sources(
        choose_source(data.x_train, data.y_train, classes=classes, scale=scale),
        choose_source(data.x_test, data.y_test, classes=classes, scale=scale),
        data.sha256,
    )
