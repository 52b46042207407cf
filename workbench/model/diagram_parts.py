"""What a diagram shows of a model: its shapes in order, each with what made it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from workbench.model.architecture import Architecture
from workbench.model.layers import ACTIVATION_TITLES, Flatten, Layer, Shape, inner_activation
from workbench.model.shapes import Analysis


@dataclass(frozen=True)
class Part:
    """One block or column: a shape, the operation that made it, and what is done to it in place.

    `shape` is None for a layer that does not fit.
    """

    role: str
    shape: Shape | None
    title: tuple[str, ...]  # the operation, in short lines
    layer: Layer | None = None  # what made it; None for the input and for what does not fit
    kept: tuple[Layer, ...] = ()  # layers that keep the shape: dropout, normalization, activation

    @property
    def notes(self) -> tuple[str, ...]:
        """The layers that keep the shape, in a word or two: `drop 0.2`."""
        return tuple(" ".join([*layer.short.split(), *layer.details()]) for layer in self.kept)

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
        if layer.keeps_shape or (isinstance(layer, Flatten) and len(facts.input_shape) == 1):
            if layer.keeps_shape:
                parts[-1] = replace(parts[-1], kept=(*parts[-1].kept, layer))
            continue
        parts.append(Part(layer.role, facts.output_shape, _title(layer), layer))
    placed = len(analysis.layers)
    if placed < len(architecture.layers):
        misfit = architecture.layers[placed]
        parts.append(Part("problem", None, (f"layer {placed + 1}", misfit.kind)))
    elif analysis.problem is None and len(parts) > 1:
        parts[-1] = replace(parts[-1], role="output")
    return tuple(parts)


def _title(layer: Layer) -> tuple[str, ...]:
    activation = inner_activation(layer)
    inner = () if activation == "linear" else (ACTIVATION_TITLES[activation],)
    return (*layer.short.split(), *layer.details(), *inner)
