"""From what a person asks for to the specs that are trained."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field

from pydantic import ValidationError

from workbench.data.catalogue import describe_dataset
from workbench.data.facts import DatasetFacts
from workbench.errors import EnvironmentProblem, PresetError
from workbench.model.architecture import require_sound
from workbench.model.hyperparameters import Overrides, with_overrides
from workbench.model.preset import Preset, find_preset
from workbench.model.spec import DatasetRef, TrainingSpec, Validation, memory_shortage
from workbench.model.validated import fault_words
from workbench.runs.environment import memory_bytes
from workbench.settings import Home

MOST_REPEATS = 1_000
OWN_VALIDATION = "file"


@dataclass(frozen=True)
class Plan:
    """What to train, beside the preset."""

    overrides: Overrides = field(default_factory=Overrides)
    seed: int = 0
    repeats: int = 1
    precision: str = "float32"
    dataset: str = "mnist"
    train_limit: int | None = None
    threads: int | None = None
    xla: bool | None = None
    max_pixel: float | None = None
    validation: str | None = None  # a share of the training images, a number of them, or `file`


def specs_for(home: Home, preset_name: str, plan: Plan) -> list[TrainingSpec]:
    """One spec a repeat, with seeds counting up from the plan's.

    Raises:
        PresetError: an unknown preset, an impossible model or a setting out of range.
        DatasetError: the data set cannot be used.
    """
    return specs_for_preset(find_preset(preset_name, home), plan)


def specs_for_preset(preset: Preset, plan: Plan) -> list[TrainingSpec]:
    """As `specs_for`, for a preset at hand."""
    training = with_overrides(preset.training, plan.overrides)
    own = plan.validation == OWN_VALIDATION
    facts = describe_dataset(plan.dataset, plan.max_pixel, own_validation=own)
    if training.goes_by_validation and plan.validation is None:
        raise PresetError(
            f"{training.goes_by_validation} goes by validation images, and none are held out; add "
            "--validation 0.15",
            field="validation",
        )
    architecture = preset.architecture.fitted_to(facts.image_shape, facts.classes)
    require_sound(architecture)
    if not 1 <= plan.repeats <= MOST_REPEATS:
        digits = str(plan.repeats)
        given = digits if len(digits) <= 20 else f"a number of {len(digits)} digits"
        raise PresetError(f"must be from 1 to {MOST_REPEATS:,} (given: {given})", about="repeats")
    # No limit at all: the same training as without it, and on the leaderboard among its like.
    beyond = plan.train_limit is not None and plan.train_limit >= facts.train_images
    try:
        dataset = dataset_ref(facts, None if beyond else plan.train_limit)
        if plan.validation is not None:
            validation = _validation(plan.validation, facts, dataset.read_images)
            dataset = dataset.model_copy(update={"validation": validation})
        return [
            preset.spec(
                dataset,
                architecture=architecture,
                training=training,
                seed=plan.seed + repeat,
                precision=plan.precision,
                xla=plan.xla,
                threads=plan.threads,
            )
            for repeat in range(plan.repeats)
        ]
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        words = f"{fault_words(fault)} (given: {fault.get('input')})"
        raise PresetError(words, about=str(fault["loc"][-1])) from error


def _validation(text: str, facts: DatasetFacts, images: int) -> Validation:
    """The validation images that `0.15`, `9000` or `file` asks for, of so many for training."""
    if text == OWN_VALIDATION:
        return Validation(images=facts.validation_images, own=True)
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    held_out = round(number * images) if 0 < number < 1 else number
    if not 1 <= held_out < images or held_out != int(held_out):
        raise PresetError(
            f"must be a share between 0 and 1, a number of images from 1 to {images - 1:,}, or "
            f'"{OWN_VALIDATION}" for the x_val of an .npz (given: {text})',
            about="validation",
        )
    return Validation(images=int(held_out))


def require_memory(specs: Iterable[TrainingSpec]) -> None:
    """Refuse what this machine cannot hold, before anything is started.

    Raises:
        EnvironmentProblem: with what a training needs and what there is.
    """
    available = memory_bytes()
    for spec in specs:
        shortage = memory_shortage(spec, available)
        if shortage is not None:
            raise EnvironmentProblem(shortage)


def dataset_ref(facts: DatasetFacts, train_limit: int | None = None) -> DatasetRef:
    """The data set as a spec names it."""
    known = asdict(facts)
    del known["validation_images"]
    return DatasetRef(**known, train_limit=train_limit)
