"""From the draft to what is trained: the data set whose images the model takes."""

from __future__ import annotations

from workbench.data.catalogue import dataset_with
from workbench.errors import DatasetError
from workbench.model.architecture import shape_text
from workbench.model.preset import Preset
from workbench.model.shapes import require_sound
from workbench.model.spec import TrainingSpec
from workbench.runs.plan import Plan, specs_for_preset


def specs_of(preset: Preset) -> list[TrainingSpec]:
    """The training of a preset on the data its input says.

    Raises:
        PresetError: the model is impossible; the message says what would mend it.
        DatasetError: no data set known by name has such images.
    """
    architecture = preset.architecture
    require_sound(architecture)
    data = dataset_with(architecture.input_shape, architecture.classes)
    if data is None:
        raise DatasetError(
            f"no data set known by name has images of {shape_text(architecture.input_shape)} "
            f"in {architecture.classes} classes; set the input to 28×28×1 and 10 for MNIST, or "
            "save the model and name a file: `mnist-workbench run NAME --dataset FILE.npz`"
        )
    return specs_for_preset(preset, Plan(dataset=data.name))
