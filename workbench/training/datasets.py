"""The data set a spec names, loaded and checked against what the spec says of it."""

from __future__ import annotations

from math import prod
from pathlib import Path

import psutil

from workbench.data.catalogue import KERAS_NAMES, unknown_dataset
from workbench.data.npz import ArrayDataset, load_mnist, load_npz
from workbench.errors import DatasetError
from workbench.model.layers import shape_text
from workbench.model.spec import DatasetRef

FLOAT32_BYTES = 4


def load_dataset(ref: DatasetRef, scratch: Path | None = None) -> ArrayDataset:
    """The arrays of a data set: training images (N, H, W, C) up to `ref.train_limit`.

    A file too large for memory is laid out in `scratch` (the system's temporary folder if None)
    and mapped; see `fits_memory`.

    Raises:
        DatasetError: it cannot be loaded, or is not what the spec was made for.
        EnvironmentProblem: the shipped MNIST is damaged, or `scratch` is full.
    """
    dataset = _load(ref, scratch)
    _check(ref, dataset)
    return dataset


def fits_memory(ref: DatasetRef) -> bool:
    """Whether all images in use fit into free memory twice over as float32.

    Twice: once as the tensor the loop gathers from, once while it is being made.
    """
    own = ref.validation.images if ref.validation is not None and ref.validation.own else 0
    images = ref.read_images + ref.test_images + own
    needed = 2 * images * prod(ref.image_shape) * FLOAT32_BYTES
    return bool(needed <= psutil.virtual_memory().available)


def _load(ref: DatasetRef, scratch: Path | None) -> ArrayDataset:
    if ref.path is not None:
        return load_npz(
            Path(ref.path),
            ref.train_limit,
            memory_map=not fits_memory(ref),
            scratch=scratch,
            max_pixel=ref.max_pixel,
            own_validation=ref.validation is not None and ref.validation.own,
        )
    if ref.name == "mnist":
        return load_mnist(ref.train_limit)
    if ref.name in KERAS_NAMES:
        # Reaching for Keras takes seconds, and the other data sets do without it.
        from workbench.training.keras_datasets import load_keras_dataset

        return load_keras_dataset(ref.name, ref.train_limit)
    raise unknown_dataset(ref.name)


def _check(ref: DatasetRef, dataset: ArrayDataset) -> None:
    what = f"data set {ref.path or ref.name}"
    remedy = "start a new run, or restore the data of the old one"
    if ref.sha256 is not None and dataset.sha256 != ref.sha256:
        raise DatasetError(
            f"{what} has changed since the run was planned (SHA-256 {ref.sha256[:12]}… then, "
            f"{dataset.sha256[:12]}… now); {remedy}"
        )
    if dataset.image_shape != ref.image_shape:
        raise DatasetError(
            f"{what} has images of {shape_text(dataset.image_shape)}, and the run was planned "
            f"for {shape_text(ref.image_shape)}; {remedy}"
        )
    if dataset.classes != ref.classes:
        raise DatasetError(
            f"{what} has {dataset.classes} classes, and the run was planned for {ref.classes}; "
            f"{remedy}"
        )
    # A schedule is laid out over the planned steps, so the count is part of the experiment.
    found = (len(dataset.x_train), len(dataset.x_test))
    if found != (ref.read_images, ref.test_images):
        raise DatasetError(
            f"{what} has {found[0]:,} training and {found[1]:,} test images, and the run was "
            f"planned for {ref.read_images:,} and {ref.test_images:,}; {remedy}"
        )
