"""A model while it is composed: an immutable draft, and the history of its changes.

Places count as a person does: 0 is the input, 1 the first layer, one past the last layer the
training settings. Every operation returns a new draft; a history of drafts is undo and redo.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from workbench.errors import PresetError
from workbench.model.architecture import Architecture
from workbench.model.describe import settings_lines
from workbench.model.hyperparameters import TrainingSettings
from workbench.model.layers import Layer
from workbench.model.preset import Inferred, Preset

MOST_LAYERS = 200  # as a preset allows
MOST_STEPS = 1000  # that can be undone
# What a model begins as when it begins with nothing.
EMPTY = Preset(name="composed", title="Composed model", architecture=Architecture(layers=()))


@dataclass(frozen=True)
class Draft:
    """An architecture and its training settings."""

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
    """The draft that a preset begins as."""
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
        """With the draft safe as a preset."""
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
        summary = origin.summary if same else f"Composed from {origin.title}."
        return Preset(
            name=name,
            title=title,
            summary="" if origin is EMPTY else summary,
            architecture=self.draft.architecture,
            training=self.draft.training,
            inferred=_still_inferred(origin, self.draft.training),
        )


def _still_inferred(origin: Preset, training: TrainingSettings) -> tuple[Inferred, ...]:
    """The origin's notes on settings that the draft has left as they were."""
    changed = [line.field for line in settings_lines(origin, training) if line.changed]
    return tuple(note for note in origin.inferred if not any(map(note.covers, changed)))
