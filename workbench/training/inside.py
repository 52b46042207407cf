"""Looks into a Keras model: feature maps, filters, weights, and what it looks at in an image."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from workbench.predictions.predictor import MOST_PICTURES, Inside, Pictures, Sheet, signed_colours

Floats = NDArray[np.float32]
Answer = Callable[[Any], Any]  # (N, H, W, C) to (N, classes)

_CONVOLUTIONS = (keras.layers.Conv2D, keras.layers.DepthwiseConv2D, keras.layers.SeparableConv2D)
_KEEP_PIXELS = (  # after these, each input of a Dense layer is still one pixel
    keras.layers.InputLayer,
    keras.layers.Flatten,
    keras.layers.Dropout,
    keras.layers.BatchNormalization,
    keras.layers.Rescaling,
)
_PLACES_A_SIDE = 28  # at how many places a row the square is put


def look_inside(model: keras.Model, answer: Answer, image: Floats) -> Inside:
    """What the model makes of one image (H, W, C), as it is fed to it."""
    probabilities = np.asarray(answer(image[None]), np.float32)[0]
    best = int(probabilities.argmax())
    falls, patch = covered(answer, image, best, float(probabilities[best]))
    sheets = (*_feature_maps(model, image), *_filters(model), *_dense_weights(model, image.shape))
    return Inside(best, float(probabilities[best]), falls, patch, sheets)


def covered(answer: Answer, image: Floats, label: int, probability: float) -> tuple[Floats, int]:
    """By how much a class's probability falls, for each pixel (H, W), and the square's side.

    A black square, a seventh of the image wide, covers each part in turn; a pixel has the mean
    over the squares that cover it (Zeiler and Fergus, 2014, Section 4.2).
    """
    height, width = image.shape[:2]
    patch = max(2, round(min(height, width) / 7))
    step = min(patch, max(1, math.ceil(max(height, width) / _PLACES_A_SIDE)))
    # From beyond the edge, so that the border is covered as often as the middle.
    corners = [
        (max(0, row), max(0, column), row + patch, column + patch)
        for row in range(1 - patch, height, step)
        for column in range(1 - patch, width, step)
    ]
    sums, counts = np.zeros((height, width), np.float32), np.zeros((height, width), np.float32)
    for start in range(0, len(corners), 128):
        part = corners[start : start + 128]
        images = np.repeat(image[None], 128, axis=0)  # always as many: one shape to compile
        for copy, (top, left, bottom, right) in zip(images, part, strict=False):
            copy[top:bottom, left:right] = 0.0
        fallen = probability - np.asarray(answer(images), np.float32)[:, label]
        for fall, (top, left, bottom, right) in zip(fallen, part, strict=False):
            sums[top:bottom, left:right] += fall
            counts[top:bottom, left:right] += 1
    np.divide(sums, counts, out=sums)
    return sums, patch


def _feature_maps(model: keras.Model, image: Floats) -> Iterator[Sheet]:
    layers = [layer for layer in model.layers if isinstance(layer, _CONVOLUTIONS)]
    if not layers:
        return
    see = keras.Model(model.inputs[0], {layer.name: layer.output for layer in layers})
    seen = see(image[None])
    for layer in layers:
        output = keras.ops.cast(seen[layer.name], "float32")
        maps = np.moveaxis(keras.ops.convert_to_numpy(output)[0], -1, 0)
        yield Sheet(layer.name, "feature maps", _grey(maps[:MOST_PICTURES]), len(maps))


def _filters(model: keras.Model) -> Iterator[Sheet]:
    """Of the first convolution: those of later ones have no colours to show."""
    for layer in model.layers:
        if isinstance(layer, keras.layers.Conv2D):
            kernel = np.moveaxis(np.asarray(layer.get_weights()[0], np.float32), -1, 0)
            yield Sheet(layer.name, "filters", _signed(kernel[:MOST_PICTURES]), len(kernel))
            return


def _dense_weights(model: keras.Model, shape: tuple[int, ...]) -> Iterator[Sheet]:
    """Of a Dense layer fed by the pixels themselves: how it weighs each."""
    for layer in model.layers:
        if isinstance(layer, keras.layers.Dense):
            weights = np.asarray(layer.get_weights()[0], np.float32).T
            if weights.shape[1] == math.prod(shape):
                images = weights[:MOST_PICTURES].reshape(-1, *shape)
                last = layer is model.layers[-1]
                what = "classes' weights" if last else "neurons' weights"
                yield Sheet(layer.name, what, _signed(images), len(weights))
            return
        if not isinstance(layer, _KEEP_PIXELS):
            return


def _grey(maps: Floats) -> Pictures:
    """One scale for all of a layer: a map that says nothing stays black."""
    low = min(0.0, float(maps.min()))
    span = max(float(maps.max()) - low, 1e-12)
    pixels: Pictures = np.rint(255 * (maps - low) / span).astype(np.uint8)
    return pixels


def _signed(values: Floats) -> Pictures:
    """(N, H, W, C) as colours, each by its own largest; channels are averaged."""
    return np.stack([signed_colours(one.mean(axis=-1)) for one in values])
