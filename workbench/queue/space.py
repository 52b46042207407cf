"""What a search may choose from: settings with ranges or lists of values."""

from __future__ import annotations

import math
import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError

from workbench.errors import PresetError, RunError, nearest
from workbench.model.architecture import require_sound
from workbench.model.forms import (
    FieldError,
    FieldKind,
    FormField,
    fields_of,
    layer_form,
    training_form,
)
from workbench.model.hyperparameters import (
    OPTIMIZERS,
    SCHEDULES,
    Overrides,
    TrainingSettings,
    with_overrides,
)
from workbench.model.spec import TrainingSpec
from workbench.queue.planning import ALIASES, SHORT

Value = str | int | float
_LAYER = re.compile(r"layers\.(\d+)\.(\w+)")
_SECTIONS: Mapping[str, Mapping[str, type[BaseModel]]] = {
    "optimizer": OPTIMIZERS,
    "schedule": SCHEDULES,
}


@dataclass(frozen=True)
class Parameter:
    """One setting that is searched: values to choose from, or a range.

    `name` is dotted as in a preset's file, layers counted from 1: `optimizer.learning_rate`,
    `layers.1.filters`. Both ends of a range belong to it; it is of whole numbers where both are.
    """

    name: str
    field: FormField
    choices: tuple[Value, ...] = ()
    low: float = 0
    high: float = 0
    log: bool = False

    @property
    def short(self) -> str:
        """Its name where there is little room: `lr`."""
        typed = _typed(self.name)
        return SHORT.get(typed, typed)


def parse_space(texts: Sequence[str], base: TrainingSpec) -> tuple[Parameter, ...]:
    """The parameters of `learning_rate=log:1e-4..1e-1`, `optimizer=sgd,adam` and the like.

    Raises:
        RunError: a setting that is not there or named twice, or values that it cannot have; the
            error's field is the setting's full name.
    """
    if not texts:
        raise RunError("nothing to search; name ranges, as in --set learning_rate=log:1e-4..1e-1")
    listed: dict[str, str] = {}
    for text in texts:
        name, equals, values = (part.strip() for part in text.partition("="))
        full = full_name(name)
        if not equals or not values:
            example = f"{name or 'learning_rate'}=A..B or A,B"
            raise _wrong(full, text, f"give a range or values, as in --set {example}")
        if full in listed:
            raise _wrong(full, name, "named twice; put its values behind one another")
        listed[full] = values
    fields = _fields(listed, base.training)
    return tuple(_parameter(name, _field(name, fields, base), listed[name]) for name in listed)


def _wrong(name: str, typed: str, words: str) -> RunError:
    """An error about a setting of the space, which begins with how it was typed."""
    return RunError(words, field=name, named=f"--set {typed}")


def _typed(name: str) -> str:
    """A setting as it is typed: `learning_rate`, `optimizer`, `layers.1.filters`."""
    bare = name.removesuffix(".kind")
    return bare if bare.startswith("layers") else bare.rpartition(".")[2]


def full_name(name: str) -> str:
    """The dotted name of what a person typed."""
    plain = name.lower().replace("-", "_")
    plain = ALIASES.get(plain, plain)
    if plain in ("epochs", "batch_size") or plain.startswith("layers"):
        return plain
    for section, kinds in _SECTIONS.items():
        if plain in (section, f"{section}.kind"):
            return f"{section}.kind"
        bare = plain.removeprefix(f"{section}.")
        if any(bare in kind.model_fields for kind in kinds.values()):
            return f"{section}.{bare}"
    return plain


def _fields(listed: Mapping[str, str], training: TrainingSettings) -> dict[str, FormField]:
    """The fields that any optimizer and schedule of the space have, by dotted name."""
    kinds = {}
    for section, known in _SECTIONS.items():
        own: str = getattr(training, section).kind
        texts = listed.get(f"{section}.kind", own).lower().replace("-", "_").split(",")
        kinds[section] = [text.strip() for text in texts if text.strip() in known] or [own]
    form = training_form(kinds["optimizer"][0], kinds["schedule"][0])
    fields = {item.name: item for item in form.fields if not item.name.startswith("early")}
    for section, names in kinds.items():
        for name in names:
            for item in fields_of(_SECTIONS[section][name], f"{section}."):
                fields.setdefault(item.name, item)
    return fields


def _field(name: str, fields: Mapping[str, FormField], base: TrainingSpec) -> FormField:
    if name.startswith("layers"):
        return _layer_field(name, base)
    if name in fields:
        return fields[name]
    last = name.rpartition(".")[2]
    kinds = [kind for section in _SECTIONS.values() for kind in section.values()]
    if any(last in kind.model_fields for kind in kinds):
        raise _wrong(name, last, "nothing in this space has it; leave it out")
    known = [_typed(item) for item in fields] + ["layers.N.FIELD"]
    raise _wrong(name, name, f'no setting "{name}"; {nearest(name, known)}')


def _layer_field(name: str, base: TrainingSpec) -> FormField:
    match = _LAYER.fullmatch(name)
    if match is None:
        raise _wrong(name, name, "layers are named as in layers.1.filters")
    layers, place = base.architecture.layers, int(match[1])
    if not 1 <= place <= len(layers):
        raise _wrong(name, name, f"no layer {place}; {base.preset} has 1 to {len(layers)}")
    layer = layers[place - 1]
    known = {item.name: item for item in layer_form(layer.kind).fields}
    if match[2] not in known:
        hint = nearest(match[2], list(known)) if known else "it has no settings"
        raise _wrong(name, name, f'layer {place} ({layer.kind}) has no "{match[2]}"; {hint}')
    return known[match[2]]


def _parameter(name: str, field: FormField, text: str) -> Parameter:
    ranged, log = text.removeprefix("log:"), text.startswith("log:")
    typed = _typed(name)

    def parsed(word: str) -> Value:
        if name.endswith(".kind"):
            word = word.lower().replace("-", "_")
        try:
            value = field.parse(word)
        except FieldError as error:
            raise _wrong(name, typed, str(error)) from error
        # A window's sides are kept as their text, since a study knows no pairs.
        return field.text(value) if field.kind in (FieldKind.SIZES, FieldKind.SWITCH) else value  # type: ignore[return-value]

    if ".." not in ranged:
        if log:
            raise _wrong(name, typed, "log: belongs to a range, as in log:1e-4..1e-1")
        words = [word.strip() for word in ranged.split(",")]
        if not all(words):
            raise _wrong(name, f"{typed}={text}", "a value is missing")
        return Parameter(name, field, tuple(dict.fromkeys(map(parsed, words))))
    if field.kind not in (FieldKind.COUNT, FieldKind.NUMBER, FieldKind.SIZES):
        raise _wrong(name, typed, f"has no range; list its values: {field.wanted}")
    ends = []
    for word in ranged.split("..", 1):
        try:
            ends.append(float(word))
        except ValueError:
            raise _wrong(name, typed, f'"{word}" is not a number') from None
        if log and ends[-1] <= 0:
            raise _wrong(name, typed, f"no logarithm of {word}; begin above 0")
        parsed(word)  # within the limits of the setting
    if not ends[0] < ends[1]:
        raise _wrong(name, typed, f"{ranged} is an empty range; the lower end first")
    return Parameter(name, field, low=ends[0], high=ends[1], log=log)


def drawn(space: Sequence[Parameter], number: int, seed: int = 0) -> list[dict[str, Value]]:
    """Values of all parameters, drawn at random so many times."""
    source = random.Random(seed)
    return [{item.name: _drawn(item, source) for item in space} for _ in range(number)]


def _drawn(item: Parameter, source: random.Random) -> Value:
    if item.choices:
        return source.choice(item.choices)
    if item.log:
        value = math.exp(source.uniform(math.log(item.low), math.log(item.high)))
    else:
        value = source.uniform(item.low, item.high)
    return value if item.field.kind is FieldKind.NUMBER else round(value)


def values_text(space: Sequence[Parameter], values: Mapping[str, Value]) -> str:
    """`lr=0.02 opt=adam`: short, since lists have little room for it."""
    return " ".join(
        f"{item.short}={f'{value:.4g}' if isinstance(value, float) else value}"
        for item in space
        if (value := values.get(item.name)) is not None
    )


def importance_text(space: Sequence[Parameter], shares: Mapping[str, float]) -> str:
    """`lr 71 %, opt 20 %`, the greatest share first."""
    named = {item.name: item.short for item in space}
    ranked = sorted(shares.items(), key=lambda item: item[1], reverse=True)
    return ", ".join(f"{named.get(name, name)} {100 * share:.0f} %" for name, share in ranked)


def spec_with(
    base: TrainingSpec, space: Sequence[Parameter], values: Mapping[str, Value]
) -> TrainingSpec:
    """The training with these values; what the optimizer or schedule drawn has not, is left out.

    Raises:
        PresetError: an impossible model.
    """
    fields = {item.name: item.field for item in space}
    real: dict[str, Any] = {}
    for name, value in values.items():
        by_text = fields[name].kind in (FieldKind.SIZES, FieldKind.SWITCH)
        real[name] = fields[name].parse(str(value)) if by_text else value
    training = with_overrides(
        base.training,
        Overrides(
            epochs=real.get("epochs"),
            batch_size=real.get("batch_size"),
            optimizer=real.get("optimizer.kind"),
            schedule=real.get("schedule.kind"),
        ),
    )
    for section in _SECTIONS:
        changes = _under(f"{section}.", real)
        part = _changed(getattr(training, section), changes, skip_unknown=True)
        training = training.model_copy(update={section: part})
    layers = [
        _changed(layer, _under(f"layers.{place}.", real))
        for place, layer in enumerate(base.architecture.layers, 1)
    ]
    architecture = base.architecture.model_copy(update={"layers": tuple(layers)})
    require_sound(architecture)
    return base.model_copy(update={"architecture": architecture, "training": training})


def _under(prefix: str, values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name.removeprefix(prefix): value
        for name, value in values.items()
        if name.startswith(prefix) and not name.endswith(".kind")
    }


def _changed(model: Any, changes: Mapping[str, Any], *, skip_unknown: bool = False) -> Any:
    assert isinstance(model, BaseModel)
    kept = {k: v for k, v in changes.items() if not skip_unknown or k in type(model).model_fields}
    if not kept:
        return model
    try:
        return type(model).model_validate({**model.model_dump(), **kept})
    except ValidationError as error:
        raise PresetError(f"{', '.join(kept)}: {error.errors()[0]['msg']}") from error
