"""An architecture: the shape of an image, the layers over it, and the number of classes."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from workbench.errors import PresetError
from workbench.model.layers import ActivationLayer, Dense, Layer, layer_label

ImageShape = tuple[
    Annotated[int, Field(ge=1, le=4096)],
    Annotated[int, Field(ge=1, le=4096)],
    Annotated[int, Field(ge=1, le=64)],
]


class Architecture(BaseModel):
    """`layers` in order from the image (height, width, channels) to `classes` probabilities."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

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
            output = next(
                (
                    index
                    for index in range(len(layers) - 1, -1, -1)
                    if not isinstance(layers[index], ActivationLayer)
                ),
                None,
            )
            last = layers[output] if output is not None else None
            if output is None or not isinstance(last, Dense) or last.units != self.classes:
                end = layer_label(layers[-1]) if layers else "no layers"
                raise PresetError(
                    f"the data set has {classes} classes and the model {self.classes}: its end "
                    f"({end}) cannot be widened; end the model with Dense {classes}, softmax"
                )
            layers[output] = last.model_copy(update={"units": classes})
        return self.model_copy(
            update={"input_shape": input_shape, "classes": classes, "layers": tuple(layers)}
        )
