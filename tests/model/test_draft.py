"""A draft changes by operations that can all be undone, and never by itself."""

from __future__ import annotations

import pytest

from workbench.errors import PresetError
from workbench.model.draft import EMPTY, MOST_LAYERS, Draft, DraftHistory, draft_of
from workbench.model.forms import new_layer, output_layer
from workbench.model.layers import LAYER_KINDS
from workbench.model.preset import Preset, paper_presets

PAPER = {preset.name: preset for preset in paper_presets()}


def kinds(draft: Draft) -> list[str]:
    return [layer.kind for layer in draft.layers]


def composed(*names: str) -> Draft:
    draft = draft_of(EMPTY)
    for name in names:
        draft = draft.added(len(draft.layers), new_layer(name))
    return draft


def test_every_kind_has_a_first_layer() -> None:
    for kind in LAYER_KINDS:
        assert new_layer(kind).kind == kind


def test_operations_leave_the_draft_they_began_with() -> None:
    draft = composed("Conv2D", "Flatten", "Dense")
    assert kinds(draft.added(1, new_layer("Dropout"))) == ["Conv2D", "Dropout", "Flatten", "Dense"]
    assert kinds(draft.added(0, new_layer("Dropout")))[0] == "Dropout"
    assert kinds(draft.added(99, new_layer("Dropout")))[-1] == "Dropout"
    assert kinds(draft.deleted(2)) == ["Conv2D", "Dense"]
    assert kinds(draft.duplicated(1)) == ["Conv2D", "Conv2D", "Flatten", "Dense"]
    assert kinds(draft.moved(1, 1)) == ["Flatten", "Conv2D", "Dense"]
    assert draft.moved(1, -1) == draft
    assert draft.moved(3, 5) == draft
    assert draft.edited(3, output_layer(10)).layer_at(3) == output_layer(10)
    assert kinds(draft) == ["Conv2D", "Flatten", "Dense"]
    assert draft.layer_at(0) is None
    assert draft.layer_at(4) is None


def test_a_model_has_an_end_to_its_length() -> None:
    draft = composed(*["Flatten"] * MOST_LAYERS)
    with pytest.raises(PresetError, match="at most 200 layers"):
        draft.duplicated(1)


def test_undo_and_redo_go_through_every_change() -> None:
    history = DraftHistory.begun(PAPER["nn-1"])
    first, second = history.draft.deleted(1), history.draft.deleted(2)
    history = history.changed(first, "one", 1).changed(second, "two", 2)
    assert history.unsaved
    history, step = history.undo()
    assert (step.change, step.place, history.draft) == ("two", 2, first)
    history, _ = history.undo()
    assert history.draft == draft_of(PAPER["nn-1"])
    assert not history.unsaved
    assert history.undo() == (history, None)
    history, step = history.redo()
    assert step.change == "one"
    history, _ = history.redo()
    assert history.draft == second
    assert history.redo() == (history, None)
    history, _ = history.undo()
    history = history.changed(draft_of(PAPER["nn-2"]), "three", 1)
    assert history.redo()[1] is None  # a new change ends the future
    assert history.changed(history.draft, "nothing", 1) is history


def test_what_is_saved_is_no_longer_unsaved_even_through_undo() -> None:
    history = DraftHistory.begun(PAPER["nn-1"])
    history = history.changed(history.draft.duplicated(2), "double", 2)
    history = history.saved_as(history.named("mine", "Mine"))
    assert not history.unsaved
    assert history.preset().name == "mine"
    assert history.undo()[0].unsaved
    assert history.origin == PAPER["nn-1"]


def test_an_edited_model_never_bears_the_name_of_its_origin() -> None:
    begun = DraftHistory.begun(PAPER["cnn-2"])
    assert begun.preset() is PAPER["cnn-2"]
    edited = begun.changed(begun.draft.deleted(1), "delete", 1).preset()
    assert (edited.name, edited.part, edited.paper) == ("cnn-2-edited", "own", None)
    fresh = DraftHistory.begun()
    assert fresh.changed(composed("Flatten"), "add", 0).preset().name == "composed"
    long = Preset(name="x" * 64, title="y" * 80, architecture=PAPER["nn-1"].architecture)
    history = DraftHistory.begun(long)
    assert len(history.changed(composed("Flatten"), "add", 0).preset().name) <= 64


def test_notes_of_what_was_inferred_go_with_the_settings_they_are_about() -> None:
    history = DraftHistory.begun(PAPER["nn-1"])
    assert len(history.named("a", "A").inferred) == 3
    training = history.draft.training.model_copy(update={"epochs": 3})
    notes = history.changed(history.draft.with_training(training), "e", 0).named("a", "A").inferred
    assert {note.setting for note in notes} == {"training.optimizer", "training.batch_size"}
