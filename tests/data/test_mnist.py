"""The MNIST that is shipped, and what happens when it is not the one that was shipped."""

from pathlib import Path

import numpy as np
import pytest

from workbench.data import npz
from workbench.data.catalogue import NAMED, describe_dataset
from workbench.data.npz import load_mnist, read_mnist_ahead
from workbench.errors import EnvironmentProblem
from workbench.settings import MNIST_FILE


def test_mnist_is_the_real_one():
    dataset = load_mnist()
    assert dataset.x_train.shape == (60_000, 28, 28, 1) and dataset.x_train.dtype == np.uint8
    assert dataset.x_test.shape == (10_000, 28, 28, 1)
    assert dataset.y_train[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert dataset.y_test[:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]
    assert np.bincount(dataset.y_train).tolist() == [
        5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949,
    ]  # fmt: skip
    assert int((dataset.y_test == 1).sum()) == 1135  # the paper's 11.35% (Table 7)
    assert dataset.y_train.dtype == np.int64
    assert (dataset.classes, dataset.image_shape, dataset.pixel_scale) == (10, (28, 28, 1), 255.0)
    assert abs(float(dataset.x_train.mean()) - 33.318) < 0.001


def test_a_limit_takes_the_first_training_images_and_all_test_images():
    dataset = load_mnist(train_limit=100)
    assert dataset.x_train.shape == (100, 28, 28, 1) and dataset.x_test.shape[0] == 10_000
    assert dataset.y_train.shape == (100,)
    assert np.array_equal(dataset.x_train, load_mnist().x_train[:100])
    assert load_mnist(train_limit=70_000).x_train.shape[0] == 60_000


def test_the_catalogue_agrees_with_the_file():
    facts = describe_dataset(str(MNIST_FILE))
    named = NAMED["mnist"]
    assert (facts.name, facts.path) == ("mnist.npz", str(MNIST_FILE))
    for field in ("sha256", "image_shape", "classes", "train_images", "test_images"):
        assert getattr(facts, field) == getattr(named, field)


def _another_mnist(path: Path) -> None:
    arrays = dict(np.load(MNIST_FILE))
    arrays["y_train"][0] = 3
    np.savez(path, **arrays)


def _flipped_byte(path: Path) -> None:
    content = bytearray(MNIST_FILE.read_bytes())
    content[5_000_000] ^= 0xFF
    path.write_bytes(bytes(content))


def _cut_short(path: Path) -> None:
    path.write_bytes(MNIST_FILE.read_bytes()[:1_000_000])


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (_another_mnist, "is not the one shipped (another checksum)"),
        (_flipped_byte, "is damaged or cut short"),
        (_cut_short, "is cut short or damaged"),
        (None, "is missing"),
    ],
)
def test_another_file_asks_to_install_again(spoil, said, tmp_path, monkeypatch):
    path = tmp_path / "mnist.npz"
    if spoil is not None:
        spoil(path)
    monkeypatch.setattr(npz, "MNIST_FILE", path)
    with pytest.raises(EnvironmentProblem) as caught:
        load_mnist()
    text = str(caught.value)
    assert said in text and str(path) in text and "install mnist-workbench again" in text
    assert "\n" not in text
    assert caught.value.exit_code == 1


def test_read_ahead_it_is_the_same_once() -> None:
    read_mnist_ahead(100)
    assert list(npz._ahead) == [100]
    ahead, plain = load_mnist(100), load_mnist(100)
    assert not npz._ahead
    for key in ("x_train", "y_train", "x_test", "y_test"):
        assert np.array_equal(getattr(ahead, key), getattr(plain, key))
    assert (ahead.sha256, ahead.pixel_scale) == (plain.sha256, 255)
