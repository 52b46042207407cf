import zipfile
from io import BytesIO

import numpy as np
import pytest

from workbench.errors import RunError
from workbench.predictions.of_run import (
    Predictions,
    keeps_probabilities,
    read_predictions,
    to_bytes,
)


def made(truth, probabilities, sha256="0" * 64):
    table = np.asarray(probabilities, np.float32)
    return Predictions(
        truth=np.asarray(truth, np.uint16),
        predicted=table.argmax(axis=1).astype(np.uint16),
        confidence=table.max(axis=1).astype(np.float16),
        probabilities=table.astype(np.float16),
        classes=table.shape[1],
        dataset_sha256=sha256,
    )


@pytest.fixture
def predictions():
    return made([0, 1, 2], [[0.5, 0.25, 0.25], [0.75, 0.25, 0.0], [0.0, 0.0, 1.0]])


def test_what_is_kept_comes_back(predictions, tmp_path):
    path = tmp_path / "predictions.npz"
    path.write_bytes(to_bytes(predictions))
    read = read_predictions(path)
    for name in ("truth", "predicted", "confidence", "probabilities"):
        assert np.array_equal(getattr(read, name), getattr(predictions, name))
    assert (read.classes, read.dataset_sha256) == (3, "0" * 64)
    assert read.accuracy == pytest.approx(2 / 3)


def test_many_classes_keep_the_answer_alone():
    assert keeps_probabilities(10_000, 10)
    assert not keeps_probabilities(10_000, 10_000)
    assert not keeps_probabilities(1_000_000, 10)


def test_mnist_takes_two_hundred_kilobytes_and_a_million_images_six_megabytes():
    draw = np.random.default_rng(0)
    table = draw.dirichlet(np.full(10, 0.1), 10_000)
    assert len(to_bytes(made(draw.integers(0, 10, 10_000), table))) < 280_000
    million = Predictions(
        truth=draw.integers(0, 10, 1_000_000).astype(np.uint16),
        predicted=draw.integers(0, 10, 1_000_000).astype(np.uint16),
        confidence=draw.random(1_000_000).astype(np.float16),
        probabilities=None,
        classes=10,
        dataset_sha256="0" * 64,
    )
    assert len(to_bytes(million)) < 6_100_000


def zipped(**members):
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.npy", content)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "damage",
    [
        lambda whole: b"",
        lambda whole: whole[: len(whole) // 2],
        lambda whole: b"PK" + b"\0" * 100,
        lambda whole: whole[:60] + b"\xff" * 20 + whole[80:],
        lambda whole: zipped(truth=b"no array"),
        lambda whole: zipped(truth=b"\x93NUMPY\1\0\10\0{'descr'\n"),
        lambda whole: whole.replace(b"PK\1\2\x2d\3\x2d", b"PK\1\2\x2d\3\x79"),
    ],
)
def test_a_damaged_file_is_said(predictions, tmp_path, damage):
    path = tmp_path / "ab12-nn-1" / "predictions.npz"
    path.parent.mkdir()
    path.write_bytes(damage(to_bytes(predictions)))
    with pytest.raises(RunError, match=r"ab12-nn-1: .*predictions\.npz is damaged"):
        read_predictions(path)


@pytest.mark.parametrize(
    "changed",
    [
        {"truth": np.array([0, 1, 7], np.uint16)},
        {"truth": np.array([0, 1], np.uint16)},
        {"truth": np.array([0, 1, 2], np.int64)},
        {"probabilities": np.zeros((3, 2), np.float16)},
        {"classes": np.array([1, 2])},
    ],
)
def test_arrays_that_do_not_fit_each_other_are_damage(predictions, tmp_path, changed):
    path = tmp_path / "predictions.npz"
    arrays = {name: value for name, value in vars(predictions).items()} | changed
    np.savez(path, **arrays)
    with pytest.raises(RunError, match="damaged"):
        read_predictions(path)


def test_no_file_is_no_damage(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_predictions(tmp_path / "predictions.npz")
