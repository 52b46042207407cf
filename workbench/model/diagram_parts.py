"""What a diagram shows of a model: its shapes in order, each with what made it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from workbench.model.architecture import Architecture, Shape
from workbench.model.describe import ACTIVATION_TITLES
from workbench.model.layers import (
    ActivationLayer,
    AveragePooling2D,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    GlobalAveragePooling2D,
    Layer,
    MaxPooling2D,
    SpatialDropout2D,
    size_text,
)
from workbench.model.shapes import Analysis


@dataclass(frozen=True)
class Part:
    """One block or column: a shape, the operation that made it, and what is done to it in place.

    `shape` is None for a layer that does not fit.
    """

    role: str
    shape: Shape | None
    title: tuple[str, ...]  # the operation, in short lines
    notes: tuple[str, ...] = ()  # layers that keep the shape: dropout, normalization, activation

    @property
    def is_vector(self) -> bool:
        """Whether this is a vector, or a layer without a place, and no image."""
        return self.shape is None or len(self.shape) == 1


def parts_of(architecture: Architecture, analysis: Analysis) -> tuple[Part, ...]:
    """The parts of a model in order, from its input.

    Layers that keep the shape are notes on the part before them. A Flatten that comes first
    is the input itself, as in the paper's Figures 1 and 2.
    """
    parts = [Part("input", architecture.input_shape, ("Input",))]
    for facts in analysis.layers:
        layer = facts.layer
        if isinstance(layer, Flatten) and facts.index == 1:
            parts = [Part("input", facts.output_shape, ("Input",))]
            continue
        if _keeps_shape(layer) or (isinstance(layer, Flatten) and len(facts.input_shape) == 1):
            note = _note(layer)
            if note:
                parts[-1] = replace(parts[-1], notes=(*parts[-1].notes, note))
            continue
        parts.append(Part(_role(layer), facts.output_shape, _title(layer)))
    placed = len(analysis.layers)
    if placed < len(architecture.layers):
        misfit = architecture.layers[placed]
        parts.append(Part("problem", None, (f"layer {placed + 1}", *_title(misfit)[:1])))
    elif analysis.problem is None and len(parts) > 1:
        parts[-1] = replace(parts[-1], role="output")
    return tuple(parts)


def _keeps_shape(layer: Layer) -> bool:
    changing = Conv2D | Dense | Flatten | MaxPooling2D | AveragePooling2D | GlobalAveragePooling2D
    return not isinstance(layer, changing)


def _role(layer: Layer) -> str:
    match layer:
        case Conv2D():
            return "convolution"
        case MaxPooling2D() | AveragePooling2D() | GlobalAveragePooling2D():
            return "pooling"
        case Flatten():
            return "vector"
        case _:
            return "dense"


def _title(layer: Layer) -> tuple[str, ...]:
    match layer:
        case Conv2D():
            activation = _activation(layer.activation)
            details = []
            if layer.strides != (1, 1):
                details.append(f"strides {size_text(layer.strides)}")
            if layer.dilation_rate != (1, 1):
                details.append(f"dilation {size_text(layer.dilation_rate)}")
            return ("Conv2D", size_text(layer.kernel_size), *details, *activation)
        case MaxPooling2D() | AveragePooling2D():
            name = "MaxPool" if isinstance(layer, MaxPooling2D) else "AvgPool"
            steps = layer.steps != layer.pool_size
            details = [f"strides {size_text(layer.steps)}"] if steps else []
            return (name, size_text(layer.pool_size), *details)
        case GlobalAveragePooling2D():
            return ("Global", "mean")
        case Dense():
            return ("Dense", *_activation(layer.activation))
        case SpatialDropout2D():
            return ("Dropout",)
        case _:
            return (layer.kind,)


def _activation(activation: str) -> tuple[str, ...]:
    return () if activation == "linear" else (ACTIVATION_TITLES[activation],)


def _note(layer: Layer) -> str:
    match layer:
        case Dropout() | SpatialDropout2D():
            return f"drop {layer.rate:g}"
        case ActivationLayer():
            return ACTIVATION_TITLES[layer.activation]
        case Flatten():
            return ""
        case _:
            return {"BatchNormalization": "BatchN", "LayerNormalization": "LayerN"}[layer.kind]
