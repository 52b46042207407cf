"""A model while it is composed: an immutable draft, the history of its changes, and its file.

Places count as a person does: 0 is the input, 1 the first layer, one past the last layer the
training settings. Every operation returns a new draft; a history of drafts is undo and redo.
"""

from __future__ import annotations

import os
import re
import secrets
import threading
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from enum import StrEnum
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from workbench.errors import PresetError
from workbench.files import UnfitFile, keep_aside, read_toml, try_lock, write_file
from workbench.model.architecture import Architecture, analyse
from workbench.model.describe import SettingLine, settings_lines
from workbench.model.forms import layer_form
from workbench.model.hyperparameters import TrainingSettings
from workbench.model.layers import Layer, layer_label, shape_text
from workbench.model.preset import (
    LARGEST_FILE,
    PRESET_NAME,
    Preset,
    find_preset,
    preset_toml,
    validation_sentence,
)
from workbench.settings import Home

MOST_LAYERS = 200  # as a preset allows
MOST_STEPS = 1000  # that can be undone
# What a model begins as when it begins with nothing.
EMPTY = Preset(name="composed", title="Composed model", architecture=Architecture(layers=()))


@dataclass(frozen=True)
class Draft:
    architecture: Architecture
    training: TrainingSettings

    @property
    def layers(self) -> tuple[Layer, ...]:
        return self.architecture.layers

    def layer_at(self, place: int) -> Layer | None:
        """The layer of a place; None for the input, the training and beyond."""
        return self.layers[place - 1] if 1 <= place <= len(self.layers) else None

    def added(self, after: int, layer: Layer) -> Draft:
        """With a layer after a place; past the end it becomes the last one.

        Raises:
            PresetError: the model is as long as a preset can be.
        """
        if len(self.layers) >= MOST_LAYERS:
            raise PresetError(f"a model has at most {MOST_LAYERS} layers; delete one first")
        at = max(0, min(after, len(self.layers)))
        return self._with((*self.layers[:at], layer, *self.layers[at:]))

    def edited(self, place: int, layer: Layer) -> Draft:
        return self._with((*self.layers[: place - 1], layer, *self.layers[place:]))

    def duplicated(self, place: int) -> Draft:
        """With the layer of a place twice.

        Raises:
            PresetError: the model is as long as a preset can be.
        """
        return self.added(place, self.layers[place - 1])

    def deleted(self, place: int) -> Draft:
        return self._with((*self.layers[: place - 1], *self.layers[place:]))

    def moved(self, place: int, by: int) -> Draft:
        """With a layer moved by so many places, at most to the first or the last."""
        layers = list(self.layers)
        layer = layers.pop(place - 1)
        layers.insert(max(0, min(place - 1 + by, len(layers))), layer)
        return self._with(tuple(layers))

    def with_input(self, architecture: Architecture) -> Draft:
        """With the image's shape and the number of classes of another architecture."""
        changed = {"input_shape": architecture.input_shape, "classes": architecture.classes}
        return replace(self, architecture=self.architecture.model_copy(update=changed))

    def with_training(self, training: TrainingSettings) -> Draft:
        return replace(self, training=training)

    def _with(self, layers: tuple[Layer, ...]) -> Draft:
        return replace(self, architecture=self.architecture.model_copy(update={"layers": layers}))


def draft_of(preset: Preset) -> Draft:
    return Draft(preset.architecture, preset.training)


@dataclass(frozen=True)
class Step:
    """One change: the draft before it (or after it, once undone), what it did and where."""

    draft: Draft
    change: str
    place: int


@dataclass(frozen=True)
class DraftHistory:
    """A draft with its past and future, the preset it began as and the one it was saved as."""

    origin: Preset
    draft: Draft
    kept: Preset  # what the draft is safe as: the origin, or the preset last saved
    past: tuple[Step, ...] = ()
    future: tuple[Step, ...] = ()

    @classmethod
    def begun(cls, origin: Preset = EMPTY) -> DraftHistory:
        """A fresh start from a preset, or from nothing."""
        return cls(origin, draft_of(origin), origin)

    @property
    def unsaved(self) -> bool:
        """Whether there is work that would be lost."""
        return self.draft != draft_of(self.kept)

    def changed(self, draft: Draft, what: str, place: int) -> DraftHistory:
        """A change to another draft; the same draft is no change. `place` is where it was."""
        if draft == self.draft:
            return self
        past = (*self.past[-MOST_STEPS + 1 :], Step(self.draft, what, place))
        return replace(self, draft=draft, past=past, future=())

    def undo(self) -> tuple[DraftHistory, Step | None]:
        """Before the last change, and that change; None where there is nothing to undo."""
        if not self.past:
            return self, None
        step = self.past[-1]
        future = (*self.future, replace(step, draft=self.draft))
        return replace(self, draft=step.draft, past=self.past[:-1], future=future), step

    def redo(self) -> tuple[DraftHistory, Step | None]:
        """The change last undone made again; None where there is none."""
        if not self.future:
            return self, None
        step = self.future[-1]
        past = (*self.past, replace(step, draft=self.draft))
        return replace(self, draft=step.draft, past=past, future=self.future[:-1]), step

    def saved_as(self, preset: Preset) -> DraftHistory:
        return replace(self, kept=preset)

    def preset(self) -> Preset:
        """The draft as a preset to train: the one it is kept as, or an edited one's own name.

        An edited model never bears the name of the model it began as, so that its results
        are not taken for that model's.
        """
        if not self.unsaved:
            return self.kept
        if self.kept is EMPTY:
            return self.named(EMPTY.name, EMPTY.title)
        return self.named(f"{self.kept.name[:57]}-edited", f"{self.kept.title[:72]}, edited")

    def named(self, name: str, title: str) -> Preset:
        """The draft as a preset of the user's own.

        Raises:
            pydantic.ValidationError: name or title is not a preset's.
        """
        origin = self.origin
        same = self.draft == draft_of(origin)
        lines = settings_lines(origin, self.draft.training)
        changed = [line.field for line in lines if line.changed]
        summary = origin.summary if same else f"Composed from {origin.title}."
        return Preset(
            name=name,
            title=title,
            summary="" if origin is EMPTY else summary,
            architecture=self.draft.architecture,
            training=self.draft.training,
            # Of settings that the draft has left as they were.
            inferred=tuple(note for note in origin.inferred if not any(map(note.covers, changed))),
        )


# What a draft changed of the preset it began as


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


# Unsaved work on disk: what is composed outlives a connection that drops.
#
# Each app writes a file of its own in `drafts/` of the data folder, and holds the lock beside it as
# long as it lives. A file whose lock is free was left behind: the next app takes it over.


RETURNED = "bring back unsaved work"  # the one change in the history of a draft that is back


@dataclass(frozen=True)
class Returned:
    """A draft that an app left behind, and when it was last changed (seconds since 1970)."""

    history: DraftHistory
    changed_at: float


class DraftFile:
    """The file of one app. Nothing is made before there is something to keep.

    May be called from several threads; calls wait for one another.
    """

    def __init__(self, home: Home) -> None:
        self._home = home
        self._folder = home.path / "drafts"
        self._guard = threading.Lock()
        self._path: Path | None = None
        self._lock = -1

    def keep(self, history: DraftHistory) -> None:
        """Write the draft if it is unsaved work, else remove what was written before.

        Raises:
            OSError: the disk is full or the folder cannot be written; what was there stays.
        """
        if not history.unsaved:
            self.discard()
            return
        with self._guard:
            self._folder.mkdir(mode=0o700, exist_ok=True)
            while self._path is None:
                path = self._folder / f"{secrets.token_hex(4)}.toml"
                lock = try_lock(_lock_file(path))
                if lock is not None:
                    self._path, self._lock = path, lock
            write_file(self._path, draft_text(history))

    def discard(self) -> None:
        """Remove what was written: the work was dropped on purpose.

        Raises:
            OSError: the file cannot be removed.
        """
        with self._guard:
            if self._path is not None:
                self._path.unlink(missing_ok=True)

    def take_over(self) -> tuple[Returned | None, list[PresetError]]:
        """The newest draft whose app is gone; from now on its file is this app's.

        A damaged one is kept aside under another name, with an error that says so.

        Raises:
            OSError: the folder cannot be read or locked.
        """
        with self._guard:
            if self._path is not None or not self._folder.is_dir():
                return None, []
            errors: list[PresetError] = []
            found = []
            for path in self._folder.glob("*.toml"):
                with suppress(FileNotFoundError):  # another app may save its work in this moment
                    found.append((path.stat().st_mtime, path))
            for _, path in sorted(found, reverse=True):
                lock = try_lock(_lock_file(path))
                if lock is None:
                    continue
                try:
                    history, changed_at = read_draft(path, self._home), path.stat().st_mtime
                    if history.unsaved:
                        self._path, self._lock = path, lock
                        return Returned(history, changed_at), errors
                    path.unlink()
                except PresetError as error:
                    aside = keep_aside(path)
                    words = f"unsaved work of Compose is damaged and kept as {aside}: {error}"
                    errors.append(PresetError(words))
                except FileNotFoundError:
                    pass  # its app has just left, with nothing unsaved
                except OSError as error:
                    errors.append(PresetError(f"unsaved work {path}: {error.strerror}"))
                _let_go(path, lock)
            return None, errors

    def close(self) -> None:
        """Let go of the file: what is in it is the next app's."""
        with self._guard:
            if self._path is None:
                return
            _let_go(self._path, self._lock)
            self._path, self._lock = None, -1


def _lock_file(path: Path) -> Path:
    return path.with_suffix(".lock")


def _let_go(path: Path, lock: int) -> None:
    """Free the lock; without a draft its file is of no use to anyone."""
    if not path.exists():
        _lock_file(path).unlink(missing_ok=True)
    os.close(lock)


def draft_text(history: DraftHistory) -> str:
    """The draft as TOML: a preset, with the names of what it was saved as and began as."""
    names = {"kept": history.kept, "origin": history.origin}
    lines = [f'{key} = "{"" if preset is EMPTY else preset.name}"' for key, preset in names.items()]
    return "\n".join(lines) + "\n" + preset_toml(history.named(EMPTY.name, EMPTY.title))


def read_draft(path: Path, home: Home) -> DraftHistory:
    """The history of a draft: what it was saved as, and one change to what it is now.

    Raises:
        PresetError: the file is no draft.
        OSError: it cannot be read.
    """
    try:
        data = read_toml(path, LARGEST_FILE)
    except UnfitFile as error:
        raise PresetError(f"{error.strerror}; a draft is a page of TOML") from error
    except ValueError as error:
        raise PresetError(f"not a TOML file ({error})") from error
    kept, origin = (_kept_preset(data.pop(key, ""), home) for key in ("kept", "origin"))
    try:
        draft = draft_of(Preset.model_validate(data))
    except ValidationError as error:
        raise PresetError(validation_sentence(error, data)) from error
    begun = DraftHistory(origin, draft_of(kept), kept)
    return begun.changed(draft, RETURNED, 0)


def _kept_preset(name: Any, home: Home) -> Preset:
    """The preset of a name; nothing in its place where it is gone or damaged by now."""
    if not isinstance(name, str) or not re.fullmatch(PRESET_NAME, name):
        return EMPTY
    try:
        return find_preset(name, home)
    except PresetError:
        return EMPTY
