"""The presets there are: those shipped, the paper's nine first, and the user's own."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from workbench.errors import EnvironmentProblem, PresetError, nearest
from workbench.files import read_file, typed_path, write_file
from workbench.model.paper_models import PAPER_ORDER, SHIPPED, preset_file, why_taken
from workbench.model.preset import LARGEST_FILE, Preset, read_preset
from workbench.model.preset_edit import saved_over
from workbench.settings import Home


@lru_cache(maxsize=1)
def shipped_presets() -> tuple[Preset, ...]:
    """The nine models of the paper, in its order, and the others that are shipped."""
    return tuple(read_preset(preset_file(name)) for name in SHIPPED)


def paper_presets() -> tuple[Preset, ...]:
    """The nine models of the paper, in its order."""
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
    try:
        write_file(path, saved_over(text, kept))
    except OSError as error:
        raise EnvironmentProblem(
            f"preset {path}: {error.strerror}; free space or rights"
        ) from error
    return path
