"""What a user's file may be, and that it comes out as it was put in."""

import gc
import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from workbench.cli.run import warn_about
from workbench.data import npz_archive
from workbench.data.npz import inspect_npz, load_npz
from workbench.errors import DatasetError, EnvironmentProblem
from workbench.model.keras_script import keras_script
from workbench.model.preset import find_preset
from workbench.runs.plan import Plan, specs_for_preset
from workbench.settings import Home


@pytest.fixture
def colour() -> dict[str, Any]:
    """400 training and 60 test images of 7×6 in colour, 4 classes."""
    draw = np.random.default_rng(1)
    return {
        "x_train": draw.integers(0, 256, (400, 7, 6, 3), dtype=np.uint8),
        "y_train": draw.permutation(np.arange(400) % 4),
        "x_test": draw.integers(0, 256, (60, 7, 6, 3), dtype=np.uint8),
        "y_test": draw.integers(0, 4, 60),
    }


@pytest.fixture(params=[64, 1000, 4 * 2**20], ids=lambda size: f"blocks of {size}")
def _blocks(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Several block sizes, so that rows straddle the borders between blocks."""
    from workbench.data import arrays

    monkeypatch.setattr(npz_archive, "BLOCK_BYTES", request.param)
    monkeypatch.setattr(arrays, "BLOCK_BYTES", request.param)


def test_facts(colour: dict[str, Any], tmp_path: Path):
    path = tmp_path / "own.npz"
    np.savez_compressed(path, **colour)
    facts = inspect_npz(path)
    assert (facts.name, facts.path) == ("own.npz", str(path))
    assert (facts.image_shape, facts.classes) == ((7, 6, 3), 4)
    assert (facts.train_images, facts.test_images) == (400, 60)
    assert facts.sha256 == load_npz(path).sha256


@pytest.mark.usefixtures("_blocks")
@pytest.mark.parametrize("memory_map", [False, True], ids=["in memory", "mapped"])
@pytest.mark.parametrize("limit", [None, 37], ids=["all", "limited"])
@pytest.mark.parametrize("compressed", [False, True], ids=["stored", "deflated"])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", ["u1", "<f4", ">f8", ">i2", "f2"])
def test_arrays_come_out_as_they_went_in(
    colour: dict[str, Any],
    memory_map: bool,
    limit: int | None,
    compressed: bool,
    order: Any,
    dtype: str,
    tmp_path: Path,
):
    for key in ("x_train", "x_test"):
        colour[key] = np.array(colour[key], dtype=dtype, order=order)
    path = tmp_path / "own.npz"
    (np.savez_compressed if compressed else np.savez)(path, **colour)
    dataset = load_npz(path, limit, memory_map, tmp_path)
    assert np.array_equal(dataset.x_train, colour["x_train"][:limit])
    assert np.array_equal(dataset.x_test, colour["x_test"])
    assert np.array_equal(dataset.y_train, colour["y_train"][:limit])
    assert np.array_equal(dataset.y_test, colour["y_test"])
    for images in (dataset.x_train, dataset.x_test):
        assert isinstance(images, np.memmap) == memory_map
        assert images.flags.c_contiguous
        assert images.dtype == np.dtype(dtype).newbyteorder("=")
    assert (dataset.classes, dataset.image_shape) == (4, (7, 6, 3))
    assert os.listdir(tmp_path) == ["own.npz"]  # nothing stays behind in the scratch folder


def test_mapped_images_outlive_the_loading(colour: dict[str, Any], tmp_path: Path):
    path = tmp_path / "own.npz"
    np.savez(path, **colour)
    images = load_npz(path, memory_map=True, scratch=tmp_path).x_train
    gc.collect()
    assert np.array_equal(images, colour["x_train"])
    with pytest.raises(ValueError, match="read-only"):
        images[0] = 0


def test_a_scratch_folder_that_cannot_hold_the_images(colour: dict[str, Any], tmp_path: Path):
    path = tmp_path / "own.npz"
    np.savez(path, **colour)
    with pytest.raises(EnvironmentProblem, match=r"scratch folder .*none.*: No such file"):
        load_npz(path, memory_map=True, scratch=tmp_path / "none")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk(colour: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "own.npz"
    np.savez(path, **colour)
    with open("/dev/full", "wb", buffering=0) as full:
        monkeypatch.setattr(tempfile, "TemporaryFile", lambda **_: full)
        with pytest.raises(EnvironmentProblem, match=r"No space left on device.*x_train; free"):
            load_npz(path, memory_map=True, scratch=tmp_path)


@pytest.mark.parametrize(
    ("images", "scale"),
    [
        (np.full((4, 3, 3), 255, np.uint8), 255.0),
        (np.full((4, 3, 3), 128, np.int64), 255.0),
        (np.full((4, 3, 3), 255.0), 255.0),
        (np.full((4, 3, 3), 1.0), 1.0),
        (np.full((4, 3, 3), 0.25, np.float16), 1.0),
        (np.full((4, 3, 3), True), 1.0),
        (np.ones((4, 3, 3), np.uint8), 1.0),
        (np.zeros((4, 3, 3), np.uint8), 1.0),
    ],
)
def test_pixel_scale(images: np.ndarray, scale: float, tmp_path: Path):
    path = tmp_path / "own.npz"
    labels = np.arange(4) % 2
    np.savez(path, x_train=images, y_train=labels, x_test=images, y_test=labels)
    dataset = load_npz(path)
    assert dataset.pixel_scale == scale
    assert dataset.x_train.shape == (4, 3, 3, 1) and dataset.x_train.dtype == images.dtype


def saved(path: Path, highest: float, dtype: type = np.float64) -> Path:
    images, labels = np.full((4, 3, 3), highest, dtype), np.arange(4) % 2
    np.savez(path, x_train=images, y_train=labels, x_test=images, y_test=labels)
    return path


@pytest.mark.parametrize("dtype", [np.float64, np.uint8])
@pytest.mark.parametrize("highest", [3, 16, 127])
def test_pixels_that_can_be_taken_in_two_ways(highest: int, dtype: type, tmp_path: Path):
    path = saved(tmp_path / "own.npz", highest, dtype)
    for read in (inspect_npz, load_npz):
        with pytest.raises(DatasetError, match=rf"up to {highest}, .* \(--max-pixel {highest}\)"):
            read(path)
    for said in (highest, 255):
        assert inspect_npz(path, said).max_pixel == said
        assert load_npz(path, max_pixel=said).pixel_scale == said


def test_a_max_pixel_reaches_the_spec_and_its_key(home: Home, tmp_path: Path):
    path = str(saved(tmp_path / "own.npz", 1.5))
    preset = find_preset("nn-1", home)
    keys = set()
    for said in (1.5, 2.0, 255.0):
        (spec,) = specs_for_preset(preset, Plan(dataset=path, max_pixel=said))
        assert spec.dataset.max_pixel == said
        assert f"brightest = {said:g}\n" in keras_script(spec)
        keys.add(spec.settings_key)
    assert len(keys) == 3
    with pytest.raises(DatasetError, match=r"pixels above 1\.2 \(the highest is 1\.5\)"):
        specs_for_preset(preset, Plan(dataset=path, max_pixel=1.2))
    assert inspect_npz(saved(tmp_path / "deep.npz", 65535), 65535).max_pixel == 65535


@pytest.mark.parametrize(
    ("labels", "empty", "named"),
    [
        ([1, 2, 3, 1], (0,), "has label 0;"),
        ([1, 5, 1, 5], (0, 2, 3, 4), "has label 0, 2, 3, 4;"),
        ([0, 9, 9, 9], tuple(range(1, 9)), "has label 1, 2, 3, 4, 5 and 3 more;"),
        ([0, 1, 0, 1], (), ""),
    ],
)
def test_classes_without_images_are_named(
    labels: list[int],
    empty: tuple[int, ...],
    named: str,
    home: Home,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
):
    path, images = tmp_path / "own.npz", np.full((4, 3, 3), 255, np.uint8)
    np.savez(path, x_train=images, y_train=labels, x_test=images, y_test=labels)
    assert inspect_npz(path).empty_classes == empty
    (spec,) = specs_for_preset(find_preset("nn-1", home), Plan(dataset=str(path)))
    warn_about(spec)
    said = capsys.readouterr().err
    assert named in " ".join(said.split()) and bool(said) is bool(empty)


def test_naming_what_is_usual_is_the_same_training(tmp_path: Path):
    assert inspect_npz(saved(tmp_path / "bytes.npz", 200), 255).max_pixel is None
    assert inspect_npz(saved(tmp_path / "unit.npz", 0.9), 1).max_pixel is None


@pytest.mark.parametrize(
    "labels",
    [
        np.array([2, 0, 1, 2]),
        np.array([2, 0, 1, 2], np.uint8).reshape(4, 1),
        np.array([2.0, 0.0, 1.0, 2.0], np.float32),
        np.array([2, 0, 1, 2], ">i4"),
        np.eye(3)[[2, 0, 1, 2]],
        np.eye(3, dtype=bool)[[2, 0, 1, 2]],
        np.asfortranarray(np.eye(3, dtype=np.int8)[[2, 0, 1, 2]]),
    ],
    ids=["numbers", "column", "floats", "big-endian", "one-hot", "bool one-hot", "Fortran one-hot"],
)
def test_labels_in_every_accepted_form(labels: np.ndarray, tmp_path: Path):
    path = tmp_path / "own.npz"
    images = np.zeros((4, 3, 3), np.uint8)
    np.savez(path, x_train=images, y_train=labels, x_test=images, y_test=labels)
    dataset = load_npz(path)
    assert dataset.y_train.tolist() == [2, 0, 1, 2] == dataset.y_test.tolist()
    assert dataset.y_train.dtype == np.int64
    assert dataset.classes == 3


def test_one_hot_columns_count_classes_without_images(tmp_path: Path):
    path = tmp_path / "own.npz"
    images, labels = np.zeros((4, 3, 3), np.uint8), np.eye(5)[[2, 0, 1, 2]]
    np.savez(path, x_train=images, y_train=labels, x_test=images, y_test=np.array([0, 1, 4, 3]))
    assert inspect_npz(path).classes == 5


def test_a_limit_changes_neither_classes_nor_scale(tmp_path: Path):
    path = tmp_path / "own.npz"
    images = np.zeros((4, 3, 3), np.uint8)
    images[3] = 200
    labels = np.array([0, 1, 1, 6])
    np.savez(path, x_train=images, y_train=labels, x_test=images, y_test=labels)
    dataset = load_npz(path, train_limit=2)
    assert (dataset.classes, dataset.pixel_scale, len(dataset.x_train)) == (7, 255.0, 2)


def test_a_large_file_is_looked_through_in_little_memory(tmp_path: Path):
    import tracemalloc

    path = tmp_path / "own.npz"
    images = np.zeros((2000, 200, 200), np.uint8)  # 80 MB, a few hundred kB on disk
    images[:, 0, 0] = 200
    labels = np.arange(2000) % 2
    np.savez_compressed(path, x_train=images, y_train=labels, x_test=images[:1], y_test=labels[:1])
    del images
    tracemalloc.start()
    assert inspect_npz(path).train_images == 2000
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 30e6
