"""What a draft changed of the preset it began as, line by line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import StrEnum

from workbench.model.architecture import analyse
from workbench.model.describe import SettingLine, settings_lines
from workbench.model.draft import Draft, draft_of
from workbench.model.forms import layer_form
from workbench.model.layers import Layer, layer_label, shape_text
from workbench.model.preset import Preset

Fact = tuple[str, str]  # a label and a value


class Sign(StrEnum):
    """What became of a line, as a diff marks it."""

    SAME = " "
    ADDED = "+"
    REMOVED = "-"
    CHANGED = "~"


@dataclass(frozen=True)
class DifferenceLine:
    """One line: `place` is a layer's number in the draft (in the origin for a removed one)."""

    sign: Sign
    text: str
    place: int | None = None

    def __str__(self) -> str:
        number = f"{self.place:>3} " if self.place is not None else ""
        return f"{self.sign} {number}{self.text}"


@dataclass(frozen=True)
class Difference:
    """The layers, all of them; input, settings and totals only where they changed."""

    layers: tuple[DifferenceLine, ...]
    others: tuple[DifferenceLine, ...]

    @property
    def none(self) -> bool:
        return not any(line.sign is not Sign.SAME for line in (*self.layers, *self.others))


def difference(origin: Preset, draft: Draft) -> Difference:
    begun = draft_of(origin)
    before = _facts(begun, settings_lines(origin))
    after = _facts(draft, settings_lines(origin, draft.training))
    others = [line for parts in zip(before, after, strict=True) for line in _compared(*parts)]
    return Difference(tuple(_layers(begun.layers, draft.layers)), tuple(others))


def _layers(before: tuple[Layer, ...], after: tuple[Layer, ...]) -> Iterator[DifferenceLine]:
    # The JSON of a layer names all its settings, which a label does not.
    old, new = ([layer.model_dump_json() for layer in layers] for layers in (before, after))
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    for operation, start, end, new_start, new_end in matcher.get_opcodes():
        if operation == "equal":
            for place in range(new_start, new_end):
                yield DifferenceLine(Sign.SAME, layer_label(after[place]), place + 1)
        else:
            yield from _replaced(before, after, range(start, end), range(new_start, new_end))


def _replaced(
    before: tuple[Layer, ...], after: tuple[Layer, ...], old: range, new: range
) -> Iterator[DifferenceLine]:
    """A stretch that differs: layers of one kind, in order, are the same one changed."""
    kinds = [[layer.kind for layer in layers] for layers in (before, after)]
    matcher = SequenceMatcher(
        None, kinds[0][old.start : old.stop], kinds[1][new.start : new.stop], autojunk=False
    )
    for operation, start, end, new_start, new_end in matcher.get_opcodes():
        if operation == "equal":
            for step in range(end - start):
                was, now = before[old[start + step]], after[new[new_start + step]]
                text = f"{now.kind}: {_changes(was, now)}"
                yield DifferenceLine(Sign.CHANGED, text, new[new_start + step] + 1)
            continue
        for place in old[start:end]:
            yield DifferenceLine(Sign.REMOVED, layer_label(before[place]), place + 1)
        for place in new[new_start:new_end]:
            yield DifferenceLine(Sign.ADDED, layer_label(after[place]), place + 1)


def _changes(was: Layer, now: Layer) -> str:
    """`units 512 → 256, activation relu → tanh`."""
    form = layer_form(now.kind)
    old, new = form.texts(was), form.texts(now)
    return ", ".join(
        f"{field.label} {old[field.name] or field.placeholder} → "
        f"{new[field.name] or field.placeholder}"
        for field in form.fields
        if old[field.name] != new[field.name]
    )


def _facts(draft: Draft, settings: Iterable[SettingLine]) -> tuple[dict[str, Fact], ...]:
    """Input, settings and totals, each part by name: a label and a value."""
    architecture, analysis = draft.architecture, analyse(draft.architecture)
    return (
        {
            "input": ("Input", shape_text(architecture.input_shape)),
            "classes": ("Classes", str(architecture.classes)),
        },
        {line.field: (line.label, line.value) for line in settings},
        {
            "parameters": ("Parameters", f"{analysis.parameters:,}"),
            "multiply-adds": ("Multiply-adds an image", f"{analysis.multiply_adds:,}"),
        },
    )


def _compared(old: dict[str, Fact], new: dict[str, Fact]) -> Iterator[DifferenceLine]:
    for name, (label, value) in new.items():
        if name not in old:
            yield DifferenceLine(Sign.ADDED, f"{label} {value}")
        elif value != old[name][1]:
            yield DifferenceLine(Sign.CHANGED, f"{label} {old[name][1]} → {value}")
    for name, (label, value) in old.items():
        if name not in new:
            yield DifferenceLine(Sign.REMOVED, f"{label} {value}")
