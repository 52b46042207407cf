"""A preset saved over another one's file: what differs is changed there, and the rest stays.

So a user's comments, order and spacing outlive Compose.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from difflib import SequenceMatcher
from typing import Any

from workbench.model.preset import Preset, preset_toml


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
