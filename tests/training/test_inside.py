"""What is seen in a model: maps, filters, weights, and where it looks."""

from __future__ import annotations

import json

import keras
import numpy as np
import pytest

from workbench.predictions.predictor import Inside, Sheet, signed_colours
from workbench.training.inside import covered, look_inside

SHAPE = (12, 10, 1)


def image() -> np.ndarray:
    return np.random.default_rng(0).random(SHAPE, np.float32)


def looked(*layers: keras.layers.Layer) -> Inside:
    model = keras.Sequential([keras.Input(SHAPE), *layers])
    return look_inside(model, lambda images: model(images, training=False), image())


def test_what_an_answer_depends_on_is_found() -> None:
    def answer(images: np.ndarray) -> np.ndarray:
        seen = images[:, 7, 3, 0]
        return np.stack([1 - seen, seen], axis=1)

    bright = np.ones(SHAPE, np.float32)
    falls, patch = covered(answer, bright, 1, 1.0)
    assert falls.shape == SHAPE[:2] and patch == 2
    assert np.unravel_index(falls.argmax(), falls.shape) == (7, 3) and falls[7, 3] == 1.0
    far = np.ones_like(falls, bool)
    far[6:9, 2:5] = False
    assert not falls[far].any()


@pytest.mark.parametrize("side", [5, 28, 90])
def test_every_pixel_of_any_image_is_covered(side: int) -> None:
    asked = []

    def answer(images: np.ndarray) -> np.ndarray:
        asked.append(len(images))
        return np.stack([images.mean(axis=(1, 2, 3))], axis=1)

    falls, _ = covered(answer, np.ones((side, side, 3), np.float32), 0, 1.0)
    assert np.isfinite(falls).all() and (falls > 0).all()
    assert sum(asked) <= 1_500  # as many questions for a large image as for a small one


def test_a_map_shows_what_the_convolution_gives() -> None:
    kernel = np.zeros((3, 3, 1, 2), np.float32)
    kernel[1, 1, 0, 0] = 1.0  # the image itself; the other map is black
    layer = keras.layers.Conv2D(
        2, 3, padding="same", kernel_initializer=lambda shape, dtype: kernel, name="conv"
    )
    found = looked(layer, keras.layers.Flatten(), keras.layers.Dense(3, activation="softmax"))
    maps, filters = found.sheets
    assert maps.title == "conv: 2 feature maps, 12×10"
    expected = 255 * image()[:, :, 0] / image().max()
    assert np.abs(maps.pictures[0].astype(float) - expected).max() <= 1
    assert not maps.pictures[1].any()
    assert filters.title == "conv: 2 filters, 3×3" and filters.enlarged.shape == (2, 12, 12, 3)
    assert filters.pictures[0, 1, 1].tolist() == [255, 89, 0] and not filters.pictures[0, 0].any()


def test_weights_are_images_only_where_a_layer_is_fed_by_pixels() -> None:
    found = looked(
        keras.layers.Flatten(),
        keras.layers.Dense(4, name="hidden"),
        keras.layers.Dense(3, name="out"),
    )
    assert [sheet.title for sheet in found.sheets] == ["hidden: 4 neurons' weights, 12×10"]
    assert (
        looked(keras.layers.MaxPooling2D(), keras.layers.Flatten(), keras.layers.Dense(3)).sheets
        == ()
    )


def test_a_wide_layer_is_cut_and_says_so() -> None:
    found = looked(keras.layers.Flatten(), keras.layers.Dense(300, name="wide"))
    assert found.sheets[0].title == "wide: the first 256 of 300 classes' weights, 12×10"


def test_it_comes_through_the_pipe_unchanged() -> None:
    found = looked(
        keras.layers.Conv2D(3, 3, name="conv"), keras.layers.Flatten(), keras.layers.Dense(3)
    )
    again = Inside.from_json(json.loads(json.dumps(found.to_json())))
    assert again.answer == found.answer and again.patch == found.patch
    assert np.allclose(again.falls, found.falls, atol=1e-6)
    for one, other in zip(again.sheets, found.sheets, strict=True):
        assert one.title == other.title and np.array_equal(one.pictures, other.pictures)


def test_colours_tell_above_from_below() -> None:
    colours = signed_colours(np.array([2.0, 0.0, -1.0], np.float32))
    assert colours.tolist() == [[255, 89, 0], [0, 0, 0], [0, 70, 128]]
    assert not signed_colours(np.zeros(3, np.float32)).any()
    assert Sheet("a", "maps", np.zeros((1, 60, 60), np.uint8), 1).enlarged.shape == (1, 60, 60)
