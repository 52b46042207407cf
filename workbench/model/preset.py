"""A preset: one model with its settings, read from a TOML file that is only data."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, StringConstraints, ValidationError

from workbench.errors import PresetError
from workbench.files import read_toml
from workbench.model.architecture import Architecture
from workbench.model.hyperparameters import OPTIMIZERS, SCHEDULES, TrainingSettings
from workbench.model.validated import Validated, fault_words
from workbench.text import toml_string

PRESET_NAME = r"^[a-z0-9][a-z0-9._-]{0,63}$"
LARGEST_FILE = 1_000_000  # bytes; a preset is a page of text


class PaperPlace(Validated):
    """Where the model stands in the paper and what the paper reports for it."""

    section: str
    table: int
    row: str
    accuracy: Annotated[float, Field(ge=0.0, le=1.0)]  # fraction of the test images


class Inferred(Validated):
    """A setting the paper leaves out, and how it was found."""

    setting: str
    reason: str

    def covers(self, field: str) -> bool:
        """Whether it is about this field, dotted as in a preset file, or the section it is in."""
        return f"{field}.".startswith(f"{self.setting}.")


class Preset(Validated):
    """One model, its training settings and, for the paper's, its place in the paper."""

    name: Annotated[str, StringConstraints(pattern=PRESET_NAME)]
    title: Annotated[str, StringConstraints(min_length=1, max_length=80)]
    part: Literal["nn", "cnn", "tuned", "speed", "own"] = "own"
    summary: str = ""
    architecture: Architecture
    training: TrainingSettings = TrainingSettings()
    paper: PaperPlace | None = None
    inferred: tuple[Inferred, ...] = ()


def _field(location: tuple[int | str, ...], data: dict[str, Any]) -> str:
    """A pydantic location as a person would name it: `layer 3 (Conv2D), filters`."""
    parts: list[str] = []
    path = list(location)
    if path[:2] == ["architecture", "layers"] and len(path) > 2 and isinstance(path[2], int):
        index = path[2]
        try:
            kind = data["architecture"]["layers"][index]["kind"]
        except (KeyError, IndexError, TypeError):
            kind = None
        parts.append(f"layer {index + 1}" + (f" ({kind})" if kind else ""))
        path = [step for step in path[3:] if step != kind]
    # A discriminated union puts the chosen kind into the location; it names no field.
    named = [str(step) for step in path if step not in (*OPTIMIZERS, *SCHEDULES)]
    if named:
        parts.append(".".join(named))
    return ", ".join(parts)


def validation_sentence(error: ValidationError, data: dict[str, Any]) -> str:
    """The first fault of a validation as one sentence, with the count of the others."""
    faults = error.errors(include_url=False)
    first = faults[0]
    where = _field(first["loc"], data)
    given = first.get("input")
    shown = f" (given: {given!r})" if isinstance(given, str | int | float | bool) else ""
    more = f"; {len(faults) - 1} more" if len(faults) > 1 else ""
    return f"{where}{': ' if where else ''}{fault_words(first)}{shown}{more}"


def read_preset(path: Path) -> Preset:
    """The preset in a TOML file. Its layers may be impossible: `require_sound` says so.

    Raises:
        PresetError: the file cannot be read, is no TOML, or a field is wrong.
    """
    try:
        data = read_toml(path, LARGEST_FILE)
    except OSError as error:
        raise PresetError(
            f"preset {path}: {error.strerror or error}; name a page of TOML"
        ) from error
    except ValueError as error:
        raise PresetError(f"preset {path}: not a TOML file ({error}); fix it there") from error
    data.setdefault("name", path.stem)
    try:
        return Preset.model_validate(data)
    except ValidationError as error:
        raise PresetError(f"preset {path}: {validation_sentence(error, data)}") from error


def preset_toml(preset: Preset) -> str:
    """The preset as the TOML text that `read_preset` reads back to an equal preset."""
    lines = [f"name = {_toml(preset.name)}", f"title = {_toml(preset.title)}"]
    lines.append(f"part = {_toml(preset.part)}")
    if preset.summary:
        lines.append(f"summary = {_toml(preset.summary)}")
    architecture = preset.architecture
    lines += ["", "[architecture]", f"input_shape = {_toml(architecture.input_shape)}"]
    lines.append(f"classes = {architecture.classes}")
    if not architecture.layers:
        lines.append("layers = []")  # a model only just begun; an array of tables cannot be empty
    for layer in architecture.layers:
        lines += ["", "[[architecture.layers]]", f"kind = {_toml(layer.kind)}"]
        lines += _pairs(layer.model_dump(exclude_defaults=True, exclude={"kind"}))
    training = preset.training
    lines += ["", "[training]", f"epochs = {training.epochs}"]
    lines.append(f"batch_size = {training.batch_size}")
    for name in ("optimizer", "schedule"):
        section: BaseModel = getattr(training, name)
        lines += ["", f"[training.{name}]"]
        lines += _pairs(section.model_dump(exclude_none=True))
    if training.early_stopping is not None:
        early = training.early_stopping.model_dump()
        lines += ["", "[training.early_stopping]", *_pairs(early)]
    if preset.paper:
        lines += ["", "[paper]", *_pairs(preset.paper.model_dump())]
    for note in preset.inferred:
        lines += ["", "[[inferred]]", *_pairs(note.model_dump())]
    return "\n".join(lines) + "\n"


def _pairs(values: dict[str, Any]) -> list[str]:
    return [f"{key} = {_toml(value)}" for key, value in values.items() if value is not None]


def _toml(value: object) -> str:
    """One TOML value; JSON's numbers are TOML's too."""
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_toml(item) for item in value) + "]"
    return toml_string(value) if isinstance(value, str) else json.dumps(value)
