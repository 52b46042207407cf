"""MNIST as shipped with the program."""

from __future__ import annotations

from workbench.data.arrays import ArrayDataset
from workbench.data.catalogue import MNIST_SHA256
from workbench.data.npz import load_npz
from workbench.errors import DatasetError, EnvironmentProblem
from workbench.resources import MNIST_FILE


def load_mnist(train_limit: int | None = None) -> ArrayDataset:
    """The 60,000 training images, or the first `train_limit`, and the 10,000 test images.

    Images are (N, 28, 28, 1) uint8, labels (N,) int64 (Section 1 of the paper).

    Raises:
        EnvironmentProblem: the shipped file is missing or is not the one that was shipped.
    """
    found = "another checksum"
    try:
        dataset = load_npz(MNIST_FILE, train_limit)
        if dataset.sha256 == MNIST_SHA256:
            return dataset
    except DatasetError as error:
        found = str(error).removeprefix(f"data set {MNIST_FILE}: ")
    what = f"is not the one shipped ({found})" if MNIST_FILE.is_file() else "is missing"
    raise EnvironmentProblem(
        f"the MNIST file {MNIST_FILE} {what}; install mnist-workbench again "
        "(pip install --force-reinstall --no-deps mnist-workbench)"
    )
