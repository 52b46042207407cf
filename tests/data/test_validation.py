"""Which images are held out, and what an .npz brings for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from workbench.data.arrays import held_out
from workbench.data.npz import inspect_npz, load_npz
from workbench.errors import DatasetError, PresetError, UserError
from workbench.model.hyperparameters import Overrides
from workbench.model.spec import TrainingSpec
from workbench.runs.plan import Plan, specs_for
from workbench.settings import Home


def test_each_class_gives_its_share() -> None:
    labels = np.repeat(np.arange(3), [600, 300, 101])
    kept = held_out(labels, 100, seed=0)
    assert len(set(kept.tolist())) == 100
    assert np.bincount(labels[kept]).tolist() == [60, 30, 10]
    assert (np.diff(kept) > 0).all()


@pytest.mark.parametrize("images", [1, 2, 7, 999])
def test_as_many_as_asked_for_whatever_the_rounding(images: int) -> None:
    labels = np.arange(1000) % 7
    assert len(held_out(labels, images, seed=3)) == images


def test_the_seed_alone_says_which() -> None:
    labels = np.arange(1000) % 10
    assert held_out(labels, 100, 1).tolist() == held_out(labels, 100, 1).tolist()
    assert held_out(labels, 100, 1).tolist() != held_out(labels, 100, 2).tolist()


def one_spec(home: Home, **plan: Any) -> TrainingSpec:
    return specs_for(home, "nn-1", Plan(**plan))[0]


def test_a_share_or_a_number_of_the_images_in_use(home: Home) -> None:
    share = one_spec(home, validation="0.15", train_limit=1000).dataset
    assert share.validation is not None and share.validation.images == 150
    assert (share.read_images, share.images, share.evaluated_images) == (1000, 850, 150)
    number = one_spec(home, validation="9000")
    assert number.dataset.images == 51_000
    assert number.steps_per_epoch == -(-51_000 // 32)


@pytest.mark.parametrize("given", ["0", "1.5", "-1", "60000", "nan", "inf", "x", ""])
def test_no_share_and_no_number(home: Home, given: str) -> None:
    with pytest.raises(PresetError, match=r"^validation: must be a share") as caught:
        one_spec(home, validation=given)
    assert caught.value.field == "validation"


def test_other_settings_than_without(home: Home) -> None:
    """The key of a run without is what it was: the paper's comparison stands."""
    keys = {
        one_spec(home).settings_key,
        one_spec(home, validation="0.15").settings_key,
        one_spec(home, validation="0.2").settings_key,
        one_spec(home, validation="0.15", overrides=Overrides(early_stopping=3)).settings_key,
        one_spec(home, validation="0.15").model_copy(update={"tested": False}).settings_key,
    }
    assert len(keys) == 5
    assert one_spec(home).settings_key == "b42a2bd04240"


@pytest.mark.parametrize(
    "overrides", [Overrides(early_stopping=3), Overrides(schedule="reduce-on-plateau")]
)
def test_what_goes_by_validation_wants_some(home: Home, overrides: Overrides) -> None:
    with pytest.raises(PresetError, match=r"goes by validation images.*--validation 0\.15$"):
        one_spec(home, overrides=overrides)
    assert one_spec(home, overrides=overrides, validation="0.1").training.goes_by_validation


def test_the_least_fall_belongs_to_early_stopping(home: Home) -> None:
    with pytest.raises(PresetError, match="belongs to early stopping"):
        one_spec(home, overrides=Overrides(min_delta=0.1), validation="0.1")


@pytest.fixture
def arrays() -> dict[str, Any]:
    draw = np.random.default_rng(1)
    images = {
        f"x_{role}": draw.integers(0, 256, (size, 5, 5), dtype=np.uint8)
        for role, size in (("train", 60), ("test", 20), ("val", 30))
    }
    labels = {f"y_{name[2:]}": np.arange(len(value)) % 3 for name, value in images.items()}
    return images | labels


def test_an_npz_may_bring_its_own(home: Home, arrays: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "own.npz"
    np.savez(path, **arrays)
    data = load_npz(path, own_validation=True)
    assert data.x_val is not None and data.y_val is not None
    assert np.array_equal(data.x_val[..., 0], arrays["x_val"])
    assert data.y_val.tolist() == arrays["y_val"].tolist()
    ref = one_spec(home, dataset=str(path), validation="file").dataset
    assert ref.validation is not None
    assert (ref.images, ref.validation.images, ref.validation.own) == (60, 30, True)
    # Nobody asks for it: it is not even looked at.
    assert inspect_npz(path).validation_images == 0 and load_npz(path).x_val is None


@pytest.mark.parametrize(
    "change, words",
    [
        ({"x_val": None}, "has no x_val"),
        ({"y_val": np.full(30, 3)}, "y_val holds the label 3"),
        ({"x_val": np.zeros((30, 4, 5), np.uint8)}, "x_val of 4×5×1"),
        ({"y_val": np.arange(29) % 3}, "y_val"),
    ],
)
def test_faults_in_it_are_one_line(
    home: Home, arrays: dict[str, Any], tmp_path: Path, change: dict[str, Any], words: str
) -> None:
    path = tmp_path / "own.npz"
    np.savez(path, **{key: v for key, v in (arrays | change).items() if v is not None})
    with pytest.raises(DatasetError) as caught:
        one_spec(home, dataset=str(path), validation="file")
    assert words in str(caught.value) and "\n" not in str(caught.value)
    one_spec(home, dataset=str(path), validation="0.5")  # held out of training: not looked at


def test_a_named_data_set_brings_none(home: Home) -> None:
    with pytest.raises(UserError, match="mnist brings no images for it"):
        one_spec(home, validation="file")
