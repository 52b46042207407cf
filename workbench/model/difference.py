"""What a draft changed of the preset it began as, line by line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import StrEnum

from workbench.model.describe import settings_lines
from workbench.model.draft import Draft, draft_of
from workbench.model.forms import layer_form
from workbench.model.layers import Layer, layer_label, shape_text
from workbench.model.preset import Preset
from workbench.model.shapes import analyse


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
        """Whether the draft is what it began as."""
        return not any(line.sign is not Sign.SAME for line in (*self.layers, *self.others))


def difference(origin: Preset, draft: Draft) -> Difference:
    """What the draft changed of the preset it began as."""
    begun = draft_of(origin)
    others = [
        *_input(begun, draft),
        *_settings(origin, draft),
        *_totals(begun, draft),
    ]
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


def _input(begun: Draft, draft: Draft) -> Iterator[DifferenceLine]:
    was, now = begun.architecture, draft.architecture
    if was.input_shape != now.input_shape:
        text = f"Input {shape_text(was.input_shape)} → {shape_text(now.input_shape)}"
        yield DifferenceLine(Sign.CHANGED, text)
    if was.classes != now.classes:
        yield DifferenceLine(Sign.CHANGED, f"Classes {was.classes} → {now.classes}")


def _settings(origin: Preset, draft: Draft) -> Iterator[DifferenceLine]:
    old = {line.field: line for line in settings_lines(origin)}
    new = {line.field: line for line in settings_lines(origin, draft.training)}
    for name, line in new.items():
        if name not in old:
            yield DifferenceLine(Sign.ADDED, f"{line.label} {line.value}")
        elif line.value != old[name].value:
            text = f"{line.label} {old[name].value} → {line.value}"
            yield DifferenceLine(Sign.CHANGED, text)
    for name, line in old.items():
        if name not in new:
            yield DifferenceLine(Sign.REMOVED, f"{line.label} {line.value}")


def _totals(begun: Draft, draft: Draft) -> Iterator[DifferenceLine]:
    was, now = analyse(begun.architecture), analyse(draft.architecture)
    pairs = (
        ("Parameters", was.parameters, now.parameters),
        ("Multiply-adds an image", was.multiply_adds, now.multiply_adds),
    )
    for label, old, new in pairs:
        if old != new:
            yield DifferenceLine(Sign.CHANGED, f"{label} {old:,} → {new:,}")
