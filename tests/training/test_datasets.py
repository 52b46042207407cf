"""The data set a spec names is the one that is loaded, or there is one line that says why not."""

import os
import urllib.error
import urllib.request
from pathlib import Path
from types import SimpleNamespace
from typing import Any

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import pytest

from tests.support import place_fashion_mnist
from workbench.data.catalogue import KERAS_NAMES, NAMED, describe_dataset
from workbench.errors import DatasetError
from workbench.model.spec import DatasetRef
from workbench.training import datasets
from workbench.training.datasets import fits_memory, load_dataset, load_keras_dataset


def ref_of(facts: Any, **changes: Any) -> DatasetRef:
    """The reference a run is planned with."""
    names = ("name", "path", "sha256", "image_shape", "classes", "train_images", "test_images")
    return DatasetRef(**({name: getattr(facts, name) for name in names} | changes))


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A user's file: 30 and 9 colour images of 6×5 in 3 classes."""
    path = tmp_path / "own.npz"
    draw = np.random.default_rng(0)
    np.savez_compressed(
        path,
        x_train=draw.integers(0, 256, (30, 6, 5, 3), dtype=np.uint8),
        y_train=np.arange(30) % 3,
        x_test=draw.integers(0, 256, (9, 6, 5, 3), dtype=np.uint8),
        y_test=np.arange(9) % 3,
    )
    return path


@pytest.fixture
def keras_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder in place of ~/.keras."""
    from keras.src.backend import config

    home = tmp_path / "keras"
    home.mkdir()
    monkeypatch.setenv("KERAS_HOME", str(home))
    monkeypatch.setattr(config, "_KERAS_DIR", str(home))  # read once, when Keras is imported
    return home


def test_mnist_by_default():
    dataset = load_dataset(DatasetRef(train_limit=500))
    assert dataset.x_train.shape == (500, 28, 28, 1) and dataset.x_test.shape[0] == 10_000
    assert dataset.sha256 == NAMED["mnist"].sha256
    assert load_dataset(ref_of(NAMED["mnist"])).y_train.shape == (60_000,)


@pytest.mark.parametrize("limit", [None, 10, 500])
def test_a_users_file(own: Path, limit: int | None):
    ref = ref_of(describe_dataset(str(own)), train_limit=limit)
    dataset = load_dataset(ref)
    assert dataset.x_train.shape == (ref.images, 6, 5, 3)
    assert not isinstance(dataset.x_train, np.memmap)


def test_too_large_for_memory_is_mapped_and_equal(own: Path, tmp_path: Path, monkeypatch: Any):
    ref = ref_of(describe_dataset(str(own)))
    whole = load_dataset(ref)
    needed = 2 * 39 * 6 * 5 * 3 * 4
    memory = SimpleNamespace(available=needed)
    monkeypatch.setattr(datasets.psutil, "virtual_memory", lambda: memory)
    assert fits_memory(ref)
    memory.available = needed - 1
    assert not fits_memory(ref)
    mapped = load_dataset(ref, tmp_path)
    assert isinstance(mapped.x_train, np.memmap) and isinstance(mapped.x_test, np.memmap)
    for name in ("x_train", "y_train", "x_test", "y_test"):
        assert np.array_equal(getattr(mapped, name), getattr(whole, name))
    assert mapped.sha256 == whole.sha256
    assert fits_memory(ref_of(describe_dataset(str(own)), train_limit=1))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"sha256": "0" * 64}, "has changed since the run was planned (SHA-256 000000000000…"),
        ({"sha256": None, "image_shape": (5, 6, 3)}, "6×5×3, and the run was planned for 5×6×3"),
        ({"sha256": None, "classes": 4}, "3 classes, and the run was planned for 4"),
        ({"sha256": None, "train_images": 31}, "30 training and 9 test images"),
        ({"sha256": None, "test_images": 8}, "planned for 30 and 8"),
        ({"path": "/nowhere/own.npz"}, "there is no such file"),
    ],
)
def test_data_that_is_not_what_the_run_was_planned_for(own: Path, changes: Any, said: str):
    ref = ref_of(describe_dataset(str(own)), **changes)
    with pytest.raises(DatasetError) as caught:
        load_dataset(ref)
    assert said in str(caught.value) and "\n" not in str(caught.value)


def test_an_unknown_name():
    with pytest.raises(DatasetError, match='did you mean "cifar100"'):
        load_dataset(DatasetRef(name="cifar1000"))


def _loader(name: str) -> Any:
    """A stand-in for Keras's own `load_data`, with its shapes and types."""
    facts = NAMED[name]
    draw = np.random.default_rng(0)

    parts = []
    for count in (facts.train_images, facts.test_images):
        shape = facts.image_shape if facts.image_shape[2] > 1 else facts.image_shape[:2]
        labels = (np.arange(count) % facts.classes).astype(np.uint8)
        images = np.zeros((count, *shape), np.uint8)
        images[:50] = draw.integers(0, 256, (50, *shape))
        parts.append((images, labels[:, None] if facts.image_shape[2] > 1 else labels))
    return lambda: tuple(parts)


@pytest.mark.parametrize("name", KERAS_NAMES)
def test_keras_data_sets_come_in_the_same_form(name: str, keras_home: Path, monkeypatch: Any):
    monkeypatch.setattr(getattr(keras.datasets, name), "load_data", _loader(name))
    facts = NAMED[name]
    dataset = load_dataset(ref_of(facts, train_limit=1000))
    assert dataset.x_train.shape == (1000, *facts.image_shape)
    assert dataset.x_test.shape == (10_000, *facts.image_shape)
    assert dataset.y_train.shape == (1000,) and dataset.y_train.dtype == np.int64
    assert (dataset.classes, dataset.pixel_scale) == (facts.classes, 255.0)
    assert dataset.sha256 == load_dataset(ref_of(facts)).sha256
    assert len(dataset.sha256) == 64


def test_a_keras_json_with_channels_first_does_not_turn_images(keras_home: Path, monkeypatch: Any):
    straight = _loader("cifar10")()
    turned = tuple((x.transpose(0, 3, 1, 2), y) for x, y in straight)
    monkeypatch.setattr(keras.datasets.cifar10, "load_data", lambda: turned)
    assert np.array_equal(load_keras_dataset("cifar10").x_train, straight[0][0])


def _unreachable(*_: Any) -> Any:
    raise urllib.error.URLError(OSError(-2, "Name or service not known"))


def _silent(*_: Any) -> Any:
    raise TimeoutError("timed out")


@pytest.mark.parametrize("network", [_unreachable, _silent])
@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("fashion_mnist", "fashion-mnist/train-images-idx3-ubyte.gz"),
        ("cifar10", "cifar-10-python.tar.gz as cifar-10-batches-py-target_archive"),
        ("cifar100", "cifar-100-python.tar.gz as cifar-100-python-target_archive"),
    ],
)
def test_offline_says_what_failed_and_what_to_do(
    name: str, file: str, network: Any, keras_home: Path, monkeypatch: Any, capsys: Any
):
    from keras.src.utils import file_utils

    monkeypatch.setattr(file_utils, "urlretrieve", network)
    with pytest.raises(DatasetError) as caught:
        load_dataset(ref_of(NAMED[name]))
    text = str(caught.value)
    assert "\n" not in text
    assert f'data set "{name}" is not on this machine and could not be fetched (' in text
    assert "Name or service not known" in text or "timed out" in text
    assert "connect this machine once" in text and ".npz" in text
    assert file in text and str(keras_home / "datasets") in text
    assert capsys.readouterr().out == ""


def test_files_put_in_place_by_hand_need_no_network(keras_home: Path, monkeypatch: Any):
    from keras.src.utils import file_utils

    monkeypatch.setattr(file_utils, "urlretrieve", _unreachable)
    images = place_fashion_mnist(keras_home)
    dataset = load_dataset(ref_of(NAMED["fashion_mnist"], train_limit=200))
    assert np.array_equal(dataset.x_train[..., 0], images[:200])
    broken = keras_home / "datasets" / "fashion-mnist" / "train-images-idx3-ubyte.gz"
    broken.write_bytes(broken.read_bytes()[:1000])
    with pytest.raises(DatasetError) as caught:
        load_dataset(ref_of(NAMED["fashion_mnist"]))
    text = str(caught.value)
    assert f"what is in {broken.parent} cannot be used" in text and "delete it" in text
    assert "\n" not in text


def test_every_name_has_its_cached_files():
    assert set(KERAS_NAMES) == set(NAMED) - {"mnist"}
