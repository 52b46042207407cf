"""From the draft to what is trained: the data set whose images the model takes."""

from __future__ import annotations

from workbench.data.catalogue import NAMED
from workbench.data.facts import DatasetFacts
from workbench.errors import DatasetError
from workbench.model.architecture import Architecture, shape_text
from workbench.model.preset import Preset
from workbench.model.shapes import require_sound
from workbench.model.spec import TrainingSpec
from workbench.runs.plan import Plan, specs_for_preset


def dataset_for(architecture: Architecture) -> DatasetFacts | None:
    """The first known data set of these images and classes: MNIST where they are its own."""
    wanted = (architecture.input_shape, architecture.classes)
    return next(
        (facts for facts in NAMED.values() if (facts.image_shape, facts.classes) == wanted), None
    )


def specs_of(preset: Preset) -> list[TrainingSpec]:
    """The training of a preset on the data its input says.

    Raises:
        PresetError: the model is impossible; the message says what would mend it.
        DatasetError: no data set known by name has such images.
    """
    architecture = preset.architecture
    require_sound(architecture)
    data = dataset_for(architecture)
    if data is None:
        raise DatasetError(
            f"no data set known by name has images of {shape_text(architecture.input_shape)} "
            f"in {architecture.classes} classes; set the input to 28×28×1 and 10 for MNIST, or "
            "save the model and name a file: `mnist-workbench run NAME --dataset FILE.npz`"
        )
    return specs_for_preset(preset, Plan(dataset=data.name))
