"""The kinds of layer a model is composed of, as validated data.

A kind is its class: fields, shape rule, words and what diagrams make of it. Fields have the names
and order of the arguments of the Keras layer that the kind names (`l2` alone is ours), so that
model and script are built from the class. A new kind is a class here and a place in `Layer`.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import Annotated, ClassVar, Literal, NamedTuple, get_args

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from workbench.model.validated import Validated

Activation = Literal[
    "linear",
    "relu",
    "leaky_relu",
    "elu",
    "selu",
    "gelu",
    "silu",
    "sigmoid",
    "hard_sigmoid",
    "tanh",
    "softplus",
    "softmax",
]
Initializer = Literal[
    "glorot_uniform",
    "glorot_normal",
    "he_uniform",
    "he_normal",
    "lecun_uniform",
    "lecun_normal",
    "orthogonal",
    "random_normal",
    "random_uniform",
    "truncated_normal",
]
Padding = Literal["valid", "same"]


def _as_pair(value: object) -> object:
    """Take 3 for (3, 3), as Keras does."""
    if isinstance(value, int) and not isinstance(value, bool):
        return (value, value)
    return value


def _from_1_to(largest: int) -> AfterValidator:
    def check(value: tuple[int, int]) -> tuple[int, int]:
        if min(value) < 1:
            raise ValueError("must be 1 or more in both directions")
        if max(value) > largest:
            raise ValueError(f"must be {largest} or less in both directions")
        return value

    return AfterValidator(check)


# Images have at most 4096 pixels a side. TensorFlow pads an image by its dilation, so that a
# careless one (2000 on 12×12) takes gigabytes and fails in the middle of a training.
Pair = Annotated[tuple[int, int], BeforeValidator(_as_pair), _from_1_to(4096)]
Dilation = Annotated[tuple[int, int], BeforeValidator(_as_pair), _from_1_to(64)]
Rate = Annotated[float, Field(ge=0.0, lt=1.0, allow_inf_nan=False)]
L2 = Annotated[float, Field(ge=0.0, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1, le=1_000_000)]


Shape = tuple[int, ...]

ACTIVATION_TITLES = {
    "linear": "linear",
    "relu": "ReLU",
    "leaky_relu": "Leaky ReLU",
    "elu": "ELU",
    "selu": "SELU",
    "gelu": "GELU",
    "silu": "SiLU",
    "sigmoid": "Sigmoid",
    "hard_sigmoid": "Hard sigmoid",
    "tanh": "tanh",
    "softplus": "Softplus",
    "softmax": "Softmax",
}


def shape_text(shape: Shape) -> str:
    """A shape as the paper writes it: `28×28×1`, `784`; so also a kernel or window: `3×3`."""
    return "×".join(str(size) for size in shape)


class Misfit(Exception):
    """A layer cannot take its input: why, and what would help."""

    def __init__(self, reason: str, remedy: str) -> None:
        super().__init__(reason)
        self.reason, self.remedy = reason, remedy


class Placed(NamedTuple):
    """What a layer makes of an input: shapes without the batch axis, costs of one image."""

    output: Shape
    trainable: int = 0
    non_trainable: int = 0
    multiply_adds: int = 0  # forward


class LayerKind(Validated):
    """What all kinds have: words for lists, tables and diagrams, and a rule for shapes."""

    explanation: ClassVar[str]  # a line where kinds are picked
    name: ClassVar[str]  # in the paper's tables: `MaxPooling`
    title: ClassVar[str]  # in a figure: `Max pooling`
    short: ClassVar[str]  # in the terminal's diagram: `MaxPool`
    role: ClassVar[str] = ""  # the colour of what it makes in a diagram
    keeps_shape: ClassVar[bool] = False  # a note on the layer before it in a diagram
    needs_image: ClassVar[bool] = False
    forgets: ClassVar[bool] = False  # dropout: nothing but a training sees it
    # What a new layer begins with where the class asks for a value: the paper's commonest.
    begin: ClassVar[Mapping[str, object]] = {}
    # What a script writes by place, as people do, beside what has to be given.
    by_place: ClassVar[tuple[str, ...]] = ()

    def place(self, shape: Shape) -> Placed:
        """The layer over an input of `shape`.

        Raises:
            Misfit: the input has the wrong rank, or is too small.
        """
        return Placed(shape)

    def keras_arguments(self) -> dict[str, object]:
        """The arguments of the Keras layer of this kind; `l2` becomes a regularizer elsewhere."""
        names = [name for name in type(self).model_fields if name not in ("kind", "l2")]
        return {name: getattr(self, name) for name in names}

    def details(self) -> list[str]:
        """What a diagram writes behind the title, less the activation: `3×3`, `strides 2×2`."""
        return []

    def label_parts(self) -> list[str]:
        """What a label writes behind the kind, without the activation: `32`, `3×3`, `same`."""
        return self.details()

    def words(self) -> str:
        """The settings as the paper's tables put them, without the activation."""
        return self.title


def _image(layer: LayerKind, shape: Shape) -> tuple[int, int, int]:
    if len(shape) != 3:
        raise Misfit(
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
    """How many windows fit along height and width, as Keras counts."""
    if padding == "same":
        return -(-shape[0] // steps[0]), -(-shape[1] // steps[1])
    height, width = ((shape[axis] - window[axis]) // steps[axis] + 1 for axis in (0, 1))
    if height < 1 or width < 1:
        raise Misfit(
            f"its input is {shape_text(shape)} and its {what} {shape_text(window)} does not fit",
            f'use a smaller {what}, padding "same", or fewer pooling layers before it',
        )
    return height, width


class Flatten(LayerKind):
    """(H, W, C) to a vector of H·W·C."""

    explanation = "Makes an image a vector, as Dense needs it"
    name = title = short = "Flatten"
    role = "vector"

    kind: Literal["Flatten"] = "Flatten"

    def place(self, shape: Shape) -> Placed:
        return Placed((prod(shape),))


class Dense(LayerKind):
    explanation = "Neurons joined to every value of the input"
    name = title = short = "Dense"
    role = "dense"
    begin: ClassVar = {"units": 128, "activation": "relu"}

    kind: Literal["Dense"] = "Dense"
    units: Count
    activation: Activation = "linear"
    use_bias: bool = True
    kernel_initializer: Initializer = "glorot_uniform"
    l2: L2 = 0.0

    def place(self, shape: Shape) -> Placed:
        weights = shape[-1] * self.units
        trainable = weights + (self.units if self.use_bias else 0)
        return Placed((*shape[:-1], self.units), trainable, 0, prod(shape[:-1]) * weights)

    def label_parts(self) -> list[str]:
        return [str(self.units)]

    def words(self) -> str:
        return f"{self.units} neurons"


class Conv2D(LayerKind):
    """`filters` kernels slid over an image of (H, W, C)."""

    explanation = "Small kernels slid over an image"
    name = title = short = "Conv2D"
    role = "convolution"
    needs_image = True
    begin: ClassVar = {
        "filters": 32,
        "kernel_size": (3, 3),
        "padding": "same",
        "activation": "relu",
    }

    kind: Literal["Conv2D"] = "Conv2D"
    filters: Count
    kernel_size: Pair
    strides: Pair = (1, 1)
    padding: Padding = "valid"
    dilation_rate: Dilation = (1, 1)
    activation: Activation = "linear"
    use_bias: bool = True
    kernel_initializer: Initializer = "glorot_uniform"
    l2: L2 = 0.0

    @model_validator(mode="after")
    def _strides_or_dilation(self) -> Conv2D:
        if max(self.strides) > 1 and max(self.dilation_rate) > 1:
            raise ValueError("strides and dilation_rate cannot both be above 1; set one of them")
        return self

    @property
    def window(self) -> tuple[int, int]:
        """Rows and columns of the input that one value is made of."""
        (rows, columns), (down, across) = self.kernel_size, self.dilation_rate
        return down * (rows - 1) + 1, across * (columns - 1) + 1

    def place(self, shape: Shape) -> Placed:
        image = _image(self, shape)
        size = _slide(image, self.window, self.strides, self.padding, "kernel")
        weights = prod(self.kernel_size) * image[2] * self.filters
        trainable = weights + (self.filters if self.use_bias else 0)
        return Placed((*size, self.filters), trainable, 0, prod(size) * weights)

    def details(self) -> list[str]:
        return [shape_text(self.kernel_size), *self._steps()]

    def label_parts(self) -> list[str]:
        return [str(self.filters), shape_text(self.kernel_size), self.padding, *self._steps()]

    def words(self) -> str:
        same = ["same padding"] if self.padding == "same" else []
        filters = f"{self.filters} filters of size {shape_text(self.kernel_size)}"
        return ", ".join([filters, *self._steps(), *same])

    def _steps(self) -> list[str]:
        pairs = {"strides": self.strides, "dilation": self.dilation_rate}
        return [f"{word} {shape_text(pair)}" for word, pair in pairs.items() if pair != (1, 1)]


class _Pooling(LayerKind):
    role = "pooling"
    needs_image = True
    by_place = ("pool_size",)

    pool_size: Pair = (2, 2)
    strides: Pair | None = None
    padding: Padding = "valid"

    @property
    def window(self) -> tuple[int, int]:
        """Rows and columns of the input that one value is made of."""
        return self.pool_size

    @property
    def steps(self) -> tuple[int, int]:
        """The strides in force: those given, or else the window's own size."""
        return self.strides or self.pool_size

    def place(self, shape: Shape) -> Placed:
        """One value for each place of the window, channel by channel."""
        image = _image(self, shape)
        size = _slide(image, self.pool_size, self.steps, self.padding, "window")
        return Placed((*size, image[2]))

    def details(self) -> list[str]:
        steps = [f"strides {shape_text(self.steps)}"] if self.steps != self.pool_size else []
        return [shape_text(self.pool_size), *steps]

    def label_parts(self) -> list[str]:
        return [*self.details(), *(["same"] if self.padding == "same" else [])]

    def words(self) -> str:
        same = ["same padding"] if self.padding == "same" else []
        return ", ".join([f"{self.name} size {self.details()[0]}", *self.details()[1:], *same])


class MaxPooling2D(_Pooling):
    explanation = "Keeps the largest value of each window"
    name, title, short = "MaxPooling", "Max pooling", "MaxPool"

    kind: Literal["MaxPooling2D"] = "MaxPooling2D"


class AveragePooling2D(_Pooling):
    explanation = "Keeps the mean of each window"
    name, title, short = "AveragePooling", "Average pooling", "AvgPool"

    kind: Literal["AveragePooling2D"] = "AveragePooling2D"


class GlobalAveragePooling2D(LayerKind):
    """The mean of each channel: (H, W, C) to a vector of C."""

    explanation = "The mean of each channel, as a vector"
    name, title, short = "GlobalAveragePooling", "Global average pooling", "Global mean"
    role = "pooling"
    needs_image = True

    kind: Literal["GlobalAveragePooling2D"] = "GlobalAveragePooling2D"

    def place(self, shape: Shape) -> Placed:
        return Placed((_image(self, shape)[2],))

    def words(self) -> str:
        return "Mean of each channel"


class Dropout(LayerKind):
    explanation = "Forgets single values while training"
    name, title, short = "Dropout", "Dropout", "drop"
    keeps_shape = forgets = True
    begin: ClassVar = {"rate": 0.2}

    kind: Literal["Dropout"] = "Dropout"
    rate: Rate

    def details(self) -> list[str]:
        return [f"{self.rate:g}"]

    def words(self) -> str:
        return f"Dropout with rate {self.rate:g}"


class SpatialDropout2D(LayerKind):
    explanation = "Forgets whole channels while training"
    name, title, short = "SpatialDropout", "Spatial dropout", "drop"
    keeps_shape = forgets = True
    needs_image = True
    begin: ClassVar = {"rate": 0.2}

    kind: Literal["SpatialDropout2D"] = "SpatialDropout2D"
    rate: Rate

    def place(self, shape: Shape) -> Placed:
        return Placed(_image(self, shape))

    def details(self) -> list[str]:
        return [f"{self.rate:g}"]

    def words(self) -> str:
        return f"Dropout of whole channels with rate {self.rate:g}"


class BatchNormalization(LayerKind):
    """Normalization of each channel over the batch, with learned scale and shift."""

    explanation = "Evens out each channel over the batch"
    name, title, short = "BatchNormalization", "Batch normalization", "BatchN"
    keeps_shape = True

    kind: Literal["BatchNormalization"] = "BatchNormalization"
    momentum: Rate = 0.99
    epsilon: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.001

    def place(self, shape: Shape) -> Placed:
        """Scale and shift are learned; mean and variance only follow the batches."""
        return Placed(shape, 2 * shape[-1], 2 * shape[-1])

    def words(self) -> str:
        return f"Each channel over the batch, momentum {self.momentum:g}"


class LayerNormalization(LayerKind):
    """Normalization over the last axis of each image, with learned scale and shift."""

    explanation = "Evens out each image by itself"
    name, title, short = "LayerNormalization", "Layer normalization", "LayerN"
    keeps_shape = True

    kind: Literal["LayerNormalization"] = "LayerNormalization"
    epsilon: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.001

    def place(self, shape: Shape) -> Placed:
        return Placed(shape, 2 * shape[-1])

    def words(self) -> str:
        return "Last axis of each image"


class ActivationLayer(LayerKind):
    explanation = "An activation function as a layer of its own"
    name, title, short = "Activation", "", ""
    keeps_shape = True
    begin: ClassVar = {"activation": "relu"}

    kind: Literal["Activation"] = "Activation"
    activation: Activation

    def details(self) -> list[str]:
        return [ACTIVATION_TITLES[self.activation]]

    def label_parts(self) -> list[str]:
        return [self.activation]

    def words(self) -> str:
        return ACTIVATION_TITLES[self.activation]


Layer = Annotated[
    Flatten
    | Dense
    | Conv2D
    | MaxPooling2D
    | AveragePooling2D
    | GlobalAveragePooling2D
    | Dropout
    | SpatialDropout2D
    | BatchNormalization
    | LayerNormalization
    | ActivationLayer,
    Field(discriminator="kind"),
]

LAYER_KINDS: dict[str, type[LayerKind]] = {
    cls.model_fields["kind"].default: cls for cls in get_args(get_args(Layer)[0])
}


def inner_activation(layer: LayerKind) -> Activation:
    """The activation within a layer with a kernel; `linear` for every other kind."""
    return layer.activation if isinstance(layer, Dense | Conv2D) else "linear"


def layer_label(layer: Layer) -> str:
    """The layer in a few words: `Conv2D 32, 3×3, same, relu`."""
    parts = layer.label_parts()
    if inner_activation(layer) != "linear":
        parts.append(inner_activation(layer))
    if isinstance(layer, Dense | Conv2D) and layer.l2:
        parts.append(f"L2 {layer.l2:g}")
    return f"{layer.kind} {', '.join(parts)}" if parts else layer.kind


def output_start(layers: tuple[Layer, ...]) -> int:
    """Where the output begins, from 0: the last layer with a kernel, or else the last layer.

    From there on 16 bits give way to float32: they round away the differences between
    likely classes, which softmax compares, and a layer this small costs nothing.
    """
    kernels = [index for index, layer in enumerate(layers) if isinstance(layer, Dense | Conv2D)]
    return kernels[-1] if kernels else len(layers) - 1
