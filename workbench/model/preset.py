"""A preset: one model with its settings, from a TOML file that is only data; those there are."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping, Sequence
from difflib import SequenceMatcher
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, StringConstraints, ValidationError

from workbench.errors import PresetError, nearest, refused
from workbench.files import read_file, read_toml, typed_path, write_file
from workbench.model.architecture import Architecture
from workbench.model.hyperparameters import OPTIMIZERS, SCHEDULES, TrainingSettings
from workbench.model.paper_models import PAPER_ORDER, SHIPPED, preset_file, why_taken
from workbench.model.spec import DatasetRef, TrainingSpec
from workbench.model.validated import Validated, fault_words
from workbench.settings import Home
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

    def spec(self, dataset: DatasetRef | None = None, **facts: Any) -> TrainingSpec:
        """The training of this model, on MNIST unless said otherwise; `facts` are fields of it.

        Raises:
            pydantic.ValidationError: one of them is out of range.
        """
        own = {"title": self.title, "architecture": self.architecture, "training": self.training}
        data = {"preset": self.name, "dataset": dataset or DatasetRef()}
        return TrainingSpec.model_validate(own | data | facts)


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


# Saving over another one's file: what differs is changed there, and the rest stays, so that a
# user's comments, order and spacing outlive Compose.


def saved_over(text: str, preset: Preset) -> str:
    """The text of a preset's file, changed so that it says another preset.

    Written anew where it is no preset, or cannot be changed to be this one.
    """
    # What saves nothing over another file does without it.
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    anew = preset_toml(preset)
    try:
        named = {"name": preset.name}  # as the file is, where it does not say so itself
        before = Preset.model_validate(named | tomllib.loads(text))
        document = tomlkit.parse(text)
        known, meant = before.model_dump(mode="json"), preset.model_dump(mode="json")
        _change(document, tomllib.loads(anew), known, meant)
        changed = tomlkit.dumps(document)
        is_right = Preset.model_validate(named | tomllib.loads(changed)) == preset
        changed.encode()
    except (ValueError, TOMLKitError):
        return anew
    return changed if is_right else anew


def _change(table: Any, new: Mapping[str, Any], known: Any, meant: Any) -> None:
    """Bring a table to what is new in it; `known` and `meant` have what is not written too."""
    from tomlkit.items import AoT

    known = known or {}
    if known.get("kind") != meant.get("kind"):  # each kind has defaults of its own
        known = {key: value for key, value in known.items() if key in table}
    for key in [key for key in table if key not in new]:
        if key not in meant or known.get(key) != meant[key]:  # else a default, spelled out
            del table[key]
    for key, value in new.items():
        there = table.get(key)
        if known.get(key) == meant[key]:
            continue
        if isinstance(value, dict) and isinstance(there, dict):
            _change(there, value, known.get(key), meant[key])
        elif key == "layers" and there and value and isinstance(there, AoT):
            _change_layers(there, value, known[key], meant[key])
        else:
            table[key] = value


def _change_layers(
    layers: Any, new: Sequence[Any], known: Sequence[Any], meant: Sequence[Any]
) -> None:
    """Layers that stay as they are keep their lines; the others are changed from the last back."""
    import tomlkit

    matched = SequenceMatcher(a=[str(each) for each in known], b=[str(each) for each in meant])
    for what, start, end, first, last in reversed(matched.get_opcodes()):
        if what == "equal":
            continue
        both = min(end - start, last - first)
        for at in range(both):
            _change(layers[start + at], new[first + at], known[start + at], meant[first + at])
        for _ in range(start + both, end):
            del layers[start + both]
        for at in range(both, last - first):
            layer = tomlkit.table()
            layer.update(new[first + at])
            layer.add(tomlkit.nl())
            layers.insert(start + at, layer)


# The presets there are


@lru_cache(maxsize=1)
def shipped_presets() -> tuple[Preset, ...]:
    """The nine models of the paper, in its order, and the others that are shipped."""
    return tuple(read_preset(preset_file(name)) for name in SHIPPED)


def paper_presets() -> tuple[Preset, ...]:
    return shipped_presets()[: len(PAPER_ORDER)]


def own_preset_files(home: Home) -> list[Path]:
    """The user's preset files by name, readable or not; none when there is no folder."""
    try:
        return sorted(home.presets.glob("*.toml"))
    except OSError:
        return []


def own_presets(home: Home) -> tuple[list[Preset], list[PresetError]]:
    """The user's presets that can be read, and one error for each that cannot."""
    presets: list[Preset] = []
    errors = [PresetError(str(problem)) for problem in home.broken_parts(home.presets)]
    for _, found in own_presets_by_file(home):
        if isinstance(found, PresetError):
            errors.append(found)
        else:
            presets.append(found)
    return presets, errors


def own_presets_by_file(home: Home) -> list[tuple[Path, Preset | PresetError]]:
    """Each of the user's preset files with its preset, or with why it cannot be read."""
    found: list[tuple[Path, Preset | PresetError]] = []
    for path in own_preset_files(home):
        try:
            found.append((path, _own(path)))
        except PresetError as error:
            found.append((path, error))
    return found


def _own(path: Path) -> Preset:
    preset = read_preset(path)
    if path.stem in SHIPPED or preset.name in SHIPPED:
        raise PresetError(f"preset {path}: {why_taken(preset.name)}; give yours another name")
    if preset.name != path.stem:
        raise PresetError(f"preset {path}: its name is {preset.name!r}; rename file or preset")
    return preset.model_copy(update={"part": "own", "paper": None})


def find_preset(name: str, home: Home) -> Preset:
    """The preset of a name, one shipped or the user's, or of a TOML file's path.

    Raises:
        PresetError: there is none; the message has the nearest name.
    """
    if name in SHIPPED:
        return next(preset for preset in shipped_presets() if preset.name == name)
    if "/" in name or name.endswith(".toml"):
        preset = read_preset(typed_path(name))
        if preset.name in SHIPPED and preset not in shipped_presets():
            raise PresetError(f"preset {name}: {why_taken(preset.name)}; give yours another name")
        return preset
    files = {path.stem: path for path in own_preset_files(home)}
    if name in files:
        return _own(files[name])
    raise PresetError(
        f'no preset "{name}": {nearest(name, [*SHIPPED, *files])} '
        "(`mnist-workbench presets` lists them)"
    )


def save_preset(preset: Preset, home: Home, *, overwrite: bool = False) -> Path:
    """Keep a preset in the user's folder and return its file, whose comments stay if it was there.

    Raises:
        PresetError: the name is a shipped model's, or taken and `overwrite` is off.
        EnvironmentProblem: the file cannot be written.
    """
    if preset.name in SHIPPED:
        raise PresetError(f"{why_taken(preset.name)}; choose another name")
    home.ensure()
    path = home.presets / f"{preset.name}.toml"
    if path.exists() and not overwrite:
        raise PresetError(f"preset {preset.name!r} exists already; choose another name")
    kept = preset.model_copy(update={"part": "own", "paper": None})
    try:
        text = read_file(path, LARGEST_FILE).decode() if path.exists() else ""
    except (OSError, ValueError):  # damaged, and replaced
        text = ""
    with refused(f"preset {path}: ", "; free space or rights"):
        write_file(path, saved_over(text, kept))
    return path
