"""The kinds of layer a model is composed of, as validated data.

Field names are those of the Keras layers of the same names; a kind holds only what an
architecture needs. A layer says nothing about its input: shapes come from `shapes`.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

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


def _all_positive(value: tuple[int, int]) -> tuple[int, int]:
    if min(value) < 1:
        raise ValueError("must be 1 or more in both directions")
    return value


def _not_above(largest: int) -> AfterValidator:
    def check(value: tuple[int, int]) -> tuple[int, int]:
        if max(value) > largest:
            raise ValueError(f"must be {largest} or less in both directions")
        return value

    return AfterValidator(check)


# Images have at most 4096 pixels a side. TensorFlow pads an image by its dilation, so that a
# careless one (2000 on 12×12) takes gigabytes and fails in the middle of a training.
Pair = Annotated[
    tuple[int, int], BeforeValidator(_as_pair), AfterValidator(_all_positive), _not_above(4096)
]
Dilation = Annotated[
    tuple[int, int], BeforeValidator(_as_pair), AfterValidator(_all_positive), _not_above(64)
]
Rate = Annotated[float, Field(ge=0.0, lt=1.0, allow_inf_nan=False)]
L2 = Annotated[float, Field(ge=0.0, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1, le=1_000_000)]


class _Layer(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class Flatten(_Layer):
    """(H, W, C) to a vector of H·W·C."""

    kind: Literal["Flatten"] = "Flatten"


class Dense(_Layer):
    """A fully connected layer over the last axis."""

    kind: Literal["Dense"] = "Dense"
    units: Count
    activation: Activation = "linear"
    use_bias: bool = True
    kernel_initializer: Initializer = "glorot_uniform"
    l2: L2 = 0.0


class Conv2D(_Layer):
    """`filters` kernels slid over an image of (H, W, C)."""

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


class _Pooling(_Layer):
    pool_size: Pair = (2, 2)
    strides: Pair | None = None
    padding: Padding = "valid"

    @property
    def steps(self) -> tuple[int, int]:
        """The strides in force: those given, or else the window's own size."""
        return self.strides or self.pool_size


class MaxPooling2D(_Pooling):
    """The largest value of each window."""

    kind: Literal["MaxPooling2D"] = "MaxPooling2D"


class AveragePooling2D(_Pooling):
    """The mean of each window."""

    kind: Literal["AveragePooling2D"] = "AveragePooling2D"


class GlobalAveragePooling2D(_Layer):
    """The mean of each channel: (H, W, C) to a vector of C."""

    kind: Literal["GlobalAveragePooling2D"] = "GlobalAveragePooling2D"


class Dropout(_Layer):
    """Single values set to zero at random while training."""

    kind: Literal["Dropout"] = "Dropout"
    rate: Rate


class SpatialDropout2D(_Layer):
    """Whole channels set to zero at random while training."""

    kind: Literal["SpatialDropout2D"] = "SpatialDropout2D"
    rate: Rate


class BatchNormalization(_Layer):
    """Normalization of each channel over the batch, with learned scale and shift."""

    kind: Literal["BatchNormalization"] = "BatchNormalization"
    momentum: Rate = 0.99
    epsilon: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.001


class LayerNormalization(_Layer):
    """Normalization over the last axis of each image, with learned scale and shift."""

    kind: Literal["LayerNormalization"] = "LayerNormalization"
    epsilon: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.001


class ActivationLayer(_Layer):
    """An activation function as a layer of its own."""

    kind: Literal["Activation"] = "Activation"
    activation: Activation


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

LAYER_KINDS: dict[str, type[_Layer]] = {
    "Flatten": Flatten,
    "Dense": Dense,
    "Conv2D": Conv2D,
    "MaxPooling2D": MaxPooling2D,
    "AveragePooling2D": AveragePooling2D,
    "GlobalAveragePooling2D": GlobalAveragePooling2D,
    "Dropout": Dropout,
    "SpatialDropout2D": SpatialDropout2D,
    "BatchNormalization": BatchNormalization,
    "LayerNormalization": LayerNormalization,
    "Activation": ActivationLayer,
}


def size_text(pair: tuple[int, int]) -> str:
    """A kernel or window size as the paper writes it: `3×3`."""
    return f"{pair[0]}×{pair[1]}"


def layer_label(layer: Layer) -> str:
    """The layer in a few words: `Conv2D 32, 3×3, same, relu`."""
    match layer:
        case Dense():
            parts = [str(layer.units)]
        case Conv2D():
            parts = [str(layer.filters), size_text(layer.kernel_size), layer.padding]
            if layer.strides != (1, 1):
                parts.append(f"strides {size_text(layer.strides)}")
            if layer.dilation_rate != (1, 1):
                parts.append(f"dilation {size_text(layer.dilation_rate)}")
        case MaxPooling2D() | AveragePooling2D():
            parts = [size_text(layer.pool_size)]
            if layer.steps != layer.pool_size:
                parts.append(f"strides {size_text(layer.steps)}")
            if layer.padding != "valid":
                parts.append(layer.padding)
        case Dropout() | SpatialDropout2D():
            parts = [f"{layer.rate:g}"]
        case ActivationLayer():
            parts = [layer.activation]
        case _:
            parts = []
    if isinstance(layer, Dense | Conv2D):
        if layer.activation != "linear":
            parts.append(layer.activation)
        if layer.l2:
            parts.append(f"L2 {layer.l2:g}")
    return f"{layer.kind} {', '.join(parts)}" if parts else layer.kind
