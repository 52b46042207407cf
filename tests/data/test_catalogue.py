"""Names and files: what a user may pass as a data set."""

import subprocess
import sys

import pytest

from workbench.data.catalogue import DATASET_NAMES, NAMED, describe_dataset
from workbench.errors import DatasetError


def test_names_have_their_facts_at_once():
    assert DATASET_NAMES == ("mnist", "fashion_mnist", "cifar10", "cifar100")
    assert describe_dataset("cifar100").image_shape == (32, 32, 3)
    assert describe_dataset("cifar100").classes == 100
    assert NAMED["mnist"].sha256 is not None and NAMED["cifar10"].sha256 is None


def test_a_name_loads_neither_numpy_nor_keras():
    code = (
        "import sys; from workbench.data.catalogue import describe_dataset as d; d('mnist'); "
        "sys.exit(bool({'numpy', 'keras', 'tensorflow'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("mnits", 'did you mean "mnist"?'),
        ("CIFAR-10", 'did you mean "cifar10"?'),
        ("zzz", "known: mnist, fashion_mnist, cifar10, cifar100"),
        ("x\0y", "known: mnist"),
        ("x" * 5000, "known: mnist"),
        ("no/such/file", "there is no such file"),
        ("missing.npz", "there is no such file"),
    ],
)
def test_an_unknown_name_says_what_is_possible(given: str, said: str):
    with pytest.raises(DatasetError) as caught:
        describe_dataset(given)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 2
