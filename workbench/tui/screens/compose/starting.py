"""What can be picked (kinds of layer, models to start from), and what is trained of it."""

from __future__ import annotations

from workbench.data.catalogue import dataset_with
from workbench.errors import DatasetError, PresetError
from workbench.model.architecture import Architecture, require_sound
from workbench.model.draft import EMPTY
from workbench.model.forms import new_layer, output_layer
from workbench.model.layers import LAYER_KINDS, Layer, shape_text
from workbench.model.preset import Preset, find_preset, own_presets, shipped_presets
from workbench.model.spec import TrainingSpec
from workbench.queue.search import VALIDATION
from workbench.runs.plan import Plan, specs_for_preset
from workbench.settings import Home
from workbench.tui.screens.compose.pick import Pick
from workbench.tui.screens.dialog import ChoiceDialog

SAVE, START = "save", "start"
_OUTPUT, _EMPTY = "output", "empty"


def layer_picks(architecture: Architecture) -> list[Pick]:
    """Every kind of layer with one line about it, and the layer that ends a model."""
    ending = f"Ends a model: Dense {architecture.classes:,}, softmax"
    kinds = [Pick(kind, kind, cls.explanation) for kind, cls in LAYER_KINDS.items()]
    return [*kinds, Pick(_OUTPUT, "Output", ending)]


def picked_layer(key: str, classes: int) -> Layer:
    """The layer of a pick."""
    return output_layer(classes) if key == _OUTPUT else new_layer(key)


def preset_picks(home: Home) -> tuple[list[Pick], list[PresetError]]:
    """Nothing, the paper's models and one's own; errors for presets that cannot be read."""
    own, errors = own_presets(home)
    known = (*shipped_presets(), *own)
    models = [Pick(preset.name, preset.name, _words(preset)) for preset in known]
    return [Pick(_EMPTY, "(empty)", "No layers"), *models], errors


def _words(preset: Preset) -> str:
    summary = f": {preset.summary}" if preset.summary else ""
    return f"{preset.title}{summary}"


def picked_preset(key: str, home: Home) -> Preset:
    """The preset of a pick.

    Raises:
        PresetError: it cannot be read any more.
    """
    return EMPTY if key == _EMPTY else find_preset(key, home)


def unsaved_dialog(work: str, preset: Preset) -> ChoiceDialog:
    """The question before unsaved work is lost."""
    new = "an empty model" if preset is EMPTY else preset.title
    return ChoiceDialog(
        f"The changes of {work} are not saved.",
        [
            (SAVE, "Save them first"),
            (START, f"Discard them and start from {new}"),
            ("stay", "Cancel"),
        ],
    )


def specs_of(preset: Preset) -> list[TrainingSpec]:
    """The training of a preset on the data its input says; with what is held out by default where
    it goes by validation.

    Raises: as `plan_of`.
    """
    return specs_for_preset(preset, plan_of(preset))


def plan_of(preset: Preset) -> Plan:
    """The plan of training a preset on the data its input says.

    Raises:
        PresetError: the model is impossible; the message says what would fix it.
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
    by_validation = preset.training.goes_by_validation
    return Plan(dataset=data.name, validation=VALIDATION if by_validation else None)
