"""The parts of a diagram with their labels written out, as a figure on paper has room for."""

from __future__ import annotations

from dataclasses import dataclass

from workbench.model.architecture import Architecture, Shape, shape_text
from workbench.model.describe import ACTIVATION_TITLES
from workbench.model.diagram_parts import Part, parts_of
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
from workbench.model.shapes import Analysis, LayerFacts

_KINDS = {
    "SpatialDropout2D": "Spatial dropout",
    "BatchNormalization": "Batch normalization",
    "LayerNormalization": "Layer normalization",
}


@dataclass(frozen=True)
class Stage:
    """A part, the layer that made it, and its labels.

    `layer` is None for the input and for a layer that does not fit.
    """

    part: Part
    layer: Layer | None
    operation: tuple[str, ...]  # in short lines: `Conv2D 3×3,`, `ReLU`
    notes: tuple[str, ...]  # layers that keep the shape: `Dropout 0.2`

    @property
    def size(self) -> str:
        """`32@28×28` for an image, `512` for a vector; empty for a layer that does not fit."""
        return _size(self.part.shape)


def stages_of(architecture: Architecture, analysis: Analysis) -> tuple[Stage, ...]:
    """What `parts_of` decides to show, with the layers behind it and labels in full."""
    layers = [facts.layer for facts in analysis.layers if not _is_nothing(facts)]
    stages: list[Stage] = []
    for part in parts_of(architecture, analysis):
        made_by = None
        operation: tuple[str, ...] = ("Input",)
        if part.shape is None:
            operation = (" ".join(part.title), "does not fit")
        elif stages:
            made_by = layers.pop(0)
            operation = _operation(made_by)
        notes = tuple(_note(layers.pop(0)) for _ in part.notes)
        stages.append(Stage(part, made_by, operation, notes))
    return tuple(stages)


def _is_nothing(facts: LayerFacts) -> bool:
    """A Flatten that is the input itself, or flattens what is flat, is not shown."""
    return isinstance(facts.layer, Flatten) and (facts.index == 1 or len(facts.input_shape) == 1)


def _size(shape: Shape | None) -> str:
    if shape is None:
        return ""
    if len(shape) == 3:
        return f"{shape[2]}@{shape_text(shape[:2])}"
    return shape_text(shape)


def _operation(layer: Layer) -> tuple[str, ...]:
    match layer:
        case Conv2D():
            details = []
            if layer.strides != (1, 1):
                details.append(f"strides {size_text(layer.strides)}")
            if layer.dilation_rate != (1, 1):
                details.append(f"dilation {size_text(layer.dilation_rate)}")
            return _listed(
                f"Conv2D {size_text(layer.kernel_size)}", *details, *_active(layer.activation)
            )
        case MaxPooling2D() | AveragePooling2D():
            name = "Max pooling" if isinstance(layer, MaxPooling2D) else "Average pooling"
            steps = layer.steps != layer.pool_size
            details = [f"strides {size_text(layer.steps)}"] if steps else []
            return (name, *_listed(size_text(layer.pool_size), *details))
        case GlobalAveragePooling2D():
            return ("Global average", "pooling")
        case Dense():
            return _listed(f"Dense {layer.units}", *_active(layer.activation))
        case _:
            return (layer.kind,)


def _listed(*pieces: str) -> tuple[str, ...]:
    """A line each, all but the last with a comma."""
    return (*(f"{piece}," for piece in pieces[:-1]), pieces[-1])


def _active(activation: str) -> tuple[str, ...]:
    return () if activation == "linear" else (ACTIVATION_TITLES[activation],)


def _note(layer: Layer) -> str:
    match layer:
        case Dropout():
            return f"Dropout {layer.rate:g}"
        case SpatialDropout2D():
            return f"Spatial dropout {layer.rate:g}"
        case ActivationLayer():
            return ACTIVATION_TITLES[layer.activation]
        case _:
            return _KINDS.get(layer.kind, layer.kind)
