"""An architecture: layers over images of a shape, and what they come to, without Keras.

`analyse` never raises: it goes as far as the layers fit and says where, why and what would fix
the rest, so that a half-composed model can be shown. `require_sound` raises for commands.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Annotated

from pydantic import Field

from workbench.errors import PresetError
from workbench.model.layers import (
    ActivationLayer,
    Conv2D,
    Dense,
    Dropout,
    Layer,
    Misfit,
    Shape,
    layer_label,
    shape_text,
)
from workbench.model.validated import Validated

# A single tensor of this many values (8 GiB of float32) is a slip of the finger, not a plan.
LARGEST = 2**31
ImageShape = tuple[
    Annotated[int, Field(ge=1, le=4096)],
    Annotated[int, Field(ge=1, le=4096)],
    Annotated[int, Field(ge=1, le=64)],
]


class Architecture(Validated):
    """`layers` in order from the image (height, width, channels) to `classes` probabilities."""

    input_shape: ImageShape = (28, 28, 1)
    classes: Annotated[int, Field(ge=2, le=10_000)] = 10
    layers: Annotated[tuple[Layer, ...], Field(max_length=200)]

    def fitted_to(self, input_shape: tuple[int, int, int], classes: int) -> Architecture:
        """The same layers for images of another shape and another number of classes.

        Only the output layer changes: the last Dense layer, if it has one unit a class.

        Raises:
            PresetError: the class count differs and there is no such output layer.
        """
        layers = list(self.layers)
        if classes != self.classes:
            places = [
                at for at, layer in enumerate(layers) if not isinstance(layer, ActivationLayer)
            ]
            last = layers[places[-1]] if places else None
            if not isinstance(last, Dense) or last.units != self.classes:
                end = layer_label(layers[-1]) if layers else "no layers"
                raise PresetError(
                    f"the data set has {classes} classes and the model {self.classes}: its end "
                    f"({end}) cannot be widened; end the model with Dense {classes}, softmax"
                )
            layers[places[-1]] = last.model_copy(update={"units": classes})
        return self.model_copy(
            update={"input_shape": input_shape, "classes": classes, "layers": tuple(layers)}
        )


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
        return sum(facts.parameters for facts in self.layers)

    @property
    def trainable(self) -> int:
        return sum(facts.trainable for facts in self.layers)

    @property
    def multiply_adds(self) -> int:
        return sum(facts.multiply_adds for facts in self.layers)

    @property
    def activations(self) -> int:
        """Values that one image's forward pass produces, over all layers."""
        return sum(prod(facts.output_shape) for facts in self.layers)


def _end(architecture: Architecture, shape: Shape) -> Problem | None:
    """What keeps the last layer from giving one probability a class."""
    layers, classes = architecture.layers, architecture.classes
    if not layers:
        return Problem(
            0, "", "the model has no layers", f"add Flatten and Dense {classes}, softmax"
        )
    closing = [layer for layer in layers if isinstance(layer, Dense | Conv2D | ActivationLayer)]
    final = closing[-1] if closing else None
    if len(shape) != 1:
        image = shape_text(shape)
        reason = f"the model ends with an image of {image}, not {classes} probabilities"
        remedy = _flatten_remedy(layers, classes)
    elif shape[0] != classes:
        reason = f"the model ends with {shape[0]} values for {classes} classes"
        remedy = f"end with Dense {classes}, softmax"
    elif final is None or final.activation != "softmax" or layers[-1] is not final:
        reason = "the model's output is not a probability distribution"
        remedy = 'give the last layer the activation "softmax"'
    else:
        return None
    return Problem(len(layers), layer_label(layers[-1]), reason, remedy)


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
            facts = layer.place(shape)
            largest = max(prod(facts.output), facts.trainable)
            if largest >= LARGEST:
                raise Misfit(
                    f"it would hold {largest:,} values",
                    "use fewer units or filters, or pool before it",
                )
        except Misfit as misfit:
            problem = Problem(index, layer_label(layer), misfit.reason, misfit.remedy)
            return Analysis(tuple(placed), problem)
        placed.append(LayerFacts(index, layer, shape, *facts))
        shape = facts.output
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
