"""A layer as the call of a Keras constructor, in Python source."""

from __future__ import annotations

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
    SpatialDropout2D,
)

LINE_LENGTH = 88  # what black and ruff format to unless told otherwise

Call = tuple[str, list[str]]  # the callable and its arguments


def layer_call(layer: Layer) -> Call:
    """The constructor and its arguments; Keras's own defaults are left out."""
    arguments: list[str] = []
    match layer:
        case Dense():
            arguments = [str(layer.units), *_kernel_arguments(layer)]
        case Conv2D():
            arguments = [str(layer.filters), repr(layer.kernel_size)]
            if layer.strides != (1, 1):
                arguments.append(f"strides={layer.strides!r}")
            arguments.append(f'padding="{layer.padding}"')
            if layer.dilation_rate != (1, 1):
                arguments.append(f"dilation_rate={layer.dilation_rate!r}")
            arguments += _kernel_arguments(layer)
        case MaxPooling2D() | AveragePooling2D():
            arguments = [repr(layer.pool_size)]
            if layer.steps != layer.pool_size:
                arguments.append(f"strides={layer.steps!r}")
            if layer.padding != "valid":
                arguments.append(f'padding="{layer.padding}"')
        case Dropout() | SpatialDropout2D():
            arguments = [repr(layer.rate)]
        case BatchNormalization():
            arguments = [f"momentum={layer.momentum!r}", f"epsilon={layer.epsilon!r}"]
        case LayerNormalization():
            arguments = [f"epsilon={layer.epsilon!r}"]
        case ActivationLayer():
            arguments = [f'"{layer.activation}"']
        case Flatten() | GlobalAveragePooling2D():
            arguments = []
    return f"layers.{layer.kind}", arguments


def _kernel_arguments(layer: Dense | Conv2D) -> list[str]:
    arguments = []
    if layer.activation != "linear":
        arguments.append(f'activation="{layer.activation}"')
    if not layer.use_bias:
        arguments.append("use_bias=False")
    if layer.kernel_initializer != "glorot_uniform":
        arguments.append(f'kernel_initializer="{layer.kernel_initializer}"')
    if layer.l2:
        arguments.append(f"kernel_regularizer=regularizers.L2({layer.l2!r})")
    return arguments


def written(call: Call, indent: str = "", ending: str = "") -> list[str]:
    """The call as lines: one where it fits, else one an argument, as black writes it.

    `ending` follows the closing parenthesis: a comma, a comment.
    """
    name, arguments = call
    line = f"{indent}{name}({', '.join(arguments)}){ending}"
    if len(line) <= LINE_LENGTH:
        return [line]
    return [
        f"{indent}{name}(",
        *(f"{indent}    {argument}," for argument in arguments),
        f"{indent}){ending}",
    ]
