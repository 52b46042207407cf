"""Shapes, parameter counts and multiply-adds of a model, without Keras.

`analyse` never raises: it goes as far as the layers fit and says where, why and what would mend
the rest, so that a half-composed model can be shown. `require_sound` raises for commands.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from workbench.errors import PresetError
from workbench.model.architecture import Architecture, Shape, shape_text
from workbench.model.layers import (
    ActivationLayer,
    AveragePooling2D,
    BatchNormalization,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    GlobalAveragePooling2D,
    Layer,
    LayerNormalization,
    MaxPooling2D,
    Padding,
    SpatialDropout2D,
    layer_label,
    size_text,
)

# A single tensor of this many values (8 GiB of float32) is a slip of the finger, not a plan.
LARGEST = 2**31


@dataclass(frozen=True)
class LayerFacts:
    """One layer in place: shapes without the batch axis, parameter counts, multiply-adds."""

    index: int  # from 1, as users count; the input has no number
    layer: Layer
    input_shape: Shape
    output_shape: Shape
    trainable: int
    non_trainable: int
    multiply_adds: int  # for one image, forward

    @property
    def parameters(self) -> int:
        """Trainable and non-trainable parameters together, as Keras counts them."""
        return self.trainable + self.non_trainable


@dataclass(frozen=True)
class Problem:
    """Why a model is impossible, at layer `index` (from 1; 0: the model as a whole)."""

    index: int
    label: str
    reason: str
    remedy: str

    def __str__(self) -> str:
        where = f"layer {self.index}, {self.label}: " if self.index else ""
        return f"{where}{self.reason}; {self.remedy}"


@dataclass(frozen=True)
class Analysis:
    """The facts of every layer up to the first problem, and that problem, if any."""

    layers: tuple[LayerFacts, ...]
    problem: Problem | None

    @property
    def parameters(self) -> int:
        """All parameters of the layers that fit."""
        return sum(facts.parameters for facts in self.layers)

    @property
    def trainable(self) -> int:
        """Parameters that training changes."""
        return sum(facts.trainable for facts in self.layers)

    @property
    def multiply_adds(self) -> int:
        """Multiply-adds of one image's forward pass."""
        return sum(facts.multiply_adds for facts in self.layers)

    @property
    def activations(self) -> int:
        """Values that one image's forward pass produces, over all layers."""
        return sum(prod(facts.output_shape) for facts in self.layers)


class _Misfit(Exception):
    def __init__(self, reason: str, remedy: str) -> None:
        super().__init__(reason)
        self.reason, self.remedy = reason, remedy


def _windows(size: int, window: int, step: int, padding: Padding) -> int:
    """How many windows fit along one axis, as Keras counts."""
    if padding == "same":
        return -(-size // step)
    return (size - window) // step + 1


def _image(layer: Layer, shape: Shape) -> tuple[int, int, int]:
    if len(shape) != 3:
        raise _Misfit(
            f"it needs an image (height×width×channels) and its input is a vector of "
            f"{shape_text(shape)}",
            "move it before the layer that flattens",
        )
    return shape[0], shape[1], shape[2]


def _slide(
    shape: tuple[int, int, int],
    window: tuple[int, int],
    steps: tuple[int, int],
    padding: Padding,
    what: str,
) -> tuple[int, int]:
    height = _windows(shape[0], window[0], steps[0], padding)
    width = _windows(shape[1], window[1], steps[1], padding)
    if height < 1 or width < 1:
        raise _Misfit(
            f"its input is {shape_text(shape)} and its {what} {size_text(window)} does not fit",
            f'use a smaller {what}, padding "same", or fewer pooling layers before it',
        )
    return height, width


def _convolve(layer: Conv2D, shape: Shape) -> tuple[Shape, int, int, int]:
    image = _image(layer, shape)
    (kernel_h, kernel_w), (dilate_h, dilate_w) = layer.kernel_size, layer.dilation_rate
    reach = (dilate_h * (kernel_h - 1) + 1, dilate_w * (kernel_w - 1) + 1)
    height, width = _slide(image, reach, layer.strides, layer.padding, "kernel")
    weights = kernel_h * kernel_w * image[2] * layer.filters
    trainable = weights + (layer.filters if layer.use_bias else 0)
    return (height, width, layer.filters), trainable, 0, height * width * weights


def _place(layer: Layer, shape: Shape) -> tuple[Shape, int, int, int]:
    """Output shape, trainable and non-trainable parameters, multiply-adds of one image."""
    match layer:
        case Flatten():
            return (prod(shape),), 0, 0, 0
        case Dense():
            weights = shape[-1] * layer.units
            trainable = weights + (layer.units if layer.use_bias else 0)
            return (*shape[:-1], layer.units), trainable, 0, prod(shape[:-1]) * weights
        case Conv2D():
            return _convolve(layer, shape)
        case MaxPooling2D() | AveragePooling2D():
            image = _image(layer, shape)
            size = _slide(image, layer.pool_size, layer.steps, layer.padding, "window")
            return (*size, image[2]), 0, 0, 0
        case GlobalAveragePooling2D():
            return (_image(layer, shape)[2],), 0, 0, 0
        case SpatialDropout2D():
            return _image(layer, shape), 0, 0, 0
        case BatchNormalization():
            return shape, 2 * shape[-1], 2 * shape[-1], 0
        case LayerNormalization():
            return shape, 2 * shape[-1], 0, 0
        case Dropout() | ActivationLayer():
            return shape, 0, 0, 0


def _end(architecture: Architecture, shape: Shape) -> Problem | None:
    """What keeps the last layer from giving one probability a class."""
    layers, classes = architecture.layers, architecture.classes
    if not layers:
        return Problem(
            0, "", "the model has no layers", f"add Flatten and Dense {classes}, softmax"
        )
    label = layer_label(layers[-1])
    if len(shape) != 1:
        return Problem(
            len(layers),
            label,
            f"the model ends with an image of {shape_text(shape)}, not {classes} probabilities",
            _flatten_remedy(layers, classes),
        )
    if shape[0] != classes:
        return Problem(
            len(layers),
            label,
            f"the model ends with {shape[0]} values for {classes} classes",
            f"end with Dense {classes}, softmax",
        )
    closing = [layer for layer in layers if isinstance(layer, Dense | Conv2D | ActivationLayer)]
    final = closing[-1] if closing else None
    tail = layers[-1]
    if final is None or final.activation != "softmax" or tail is not final:
        return Problem(
            len(layers),
            label,
            "the model's output is not a probability distribution",
            'give the last layer the activation "softmax"',
        )
    return None


def _flatten_remedy(layers: tuple[Layer, ...], classes: int) -> str:
    """Where Flatten is missing: before the dense layers that end a model, if they do."""
    place = len(layers)
    while place and isinstance(layers[place - 1], Dense | Dropout | ActivationLayer):
        place -= 1
    ending = layers[place:]
    if any(isinstance(layer, Dense) and layer.units == classes for layer in ending):
        while not isinstance(layers[place], Dense):
            place += 1
        return f"add Flatten before layer {place + 1}, {layer_label(layers[place])}"
    return f"add Flatten and Dense {classes}, softmax after it"


def analyse(architecture: Architecture) -> Analysis:
    """Shapes, parameters and multiply-adds of each layer, up to the first that does not fit."""
    shape: Shape = architecture.input_shape
    placed: list[LayerFacts] = []
    for index, layer in enumerate(architecture.layers, start=1):
        try:
            output, trainable, non_trainable, multiply_adds = _place(layer, shape)
            if max(prod(output), trainable) >= LARGEST:
                raise _Misfit(
                    f"it would hold {max(prod(output), trainable):,} values",
                    "use fewer units or filters, or pool before it",
                )
        except _Misfit as misfit:
            problem = Problem(index, layer_label(layer), misfit.reason, misfit.remedy)
            return Analysis(tuple(placed), problem)
        placed.append(
            LayerFacts(index, layer, shape, output, trainable, non_trainable, multiply_adds)
        )
        shape = output
    return Analysis(tuple(placed), _end(architecture, shape))


def require_sound(architecture: Architecture) -> Analysis:
    """The analysis of a model that can be trained.

    Raises:
        PresetError: the model is impossible; the message names layer, reason and remedy.
    """
    analysis = analyse(architecture)
    if analysis.problem is not None:
        raise PresetError(str(analysis.problem))
    return analysis
