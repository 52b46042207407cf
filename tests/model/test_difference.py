"""The difference of a draft from the preset it began as, line by line."""

from __future__ import annotations

from workbench.model.draft import EMPTY, Difference, Draft, difference, draft_of
from workbench.model.forms import new_layer
from workbench.model.hyperparameters import Adam
from workbench.model.layers import Dense
from workbench.model.preset import paper_presets

CNN = next(preset for preset in paper_presets() if preset.name == "cnn-2")


def changed(found: Difference) -> list[str]:
    return [str(line) for line in found.layers if line.sign != " "]


def of(draft: Draft) -> Difference:
    return difference(CNN, draft)


def test_nothing_changed_is_no_difference() -> None:
    assert of(draft_of(CNN)).none
    assert difference(EMPTY, draft_of(EMPTY)).none


def test_layers_added_removed_and_changed() -> None:
    draft = draft_of(CNN)
    assert changed(of(draft.added(2, new_layer("BatchNormalization")))) == [
        "+   3 BatchNormalization"
    ]
    assert changed(of(draft.deleted(8))) == ["-   8 Dropout 0.2"]
    dense = Dense(units=256, activation="tanh")
    assert changed(of(draft.edited(7, dense))) == [
        "~   7 Dense: units 512 → 256, activation relu → tanh"
    ]
    assert changed(of(draft.edited(7, new_layer("Dropout")))) == [
        "-   7 Dense 512, relu",
        "+   7 Dropout 0.2",
    ]


def test_settings_a_label_does_not_name_are_told_too() -> None:
    layer = draft_of(CNN).layer_at(7)
    without = layer.model_copy(update={"use_bias": False})
    assert changed(of(draft_of(CNN).edited(7, without))) == ["~   7 Dense: use bias yes → no"]
    pooling = draft_of(CNN).layer_at(3).model_copy(update={"strides": (1, 1)})
    assert changed(of(draft_of(CNN).edited(3, pooling))) == [
        "~   3 MaxPooling2D: strides the window's own size → 1×1"
    ]


def test_settings_input_and_totals() -> None:
    draft = draft_of(CNN)
    training = draft.training.model_copy(update={"optimizer": Adam(), "epochs": 2})
    lines = [str(line) for line in of(draft.with_training(training)).others]
    assert "~ Optimizer SGD → Adam" in lines
    assert "~ Epochs 5 → 2" in lines
    assert "- Momentum 0.7" in lines
    wide = CNN.architecture.model_copy(update={"input_shape": (32, 32, 3), "classes": 100})
    lines = [str(line) for line in of(draft.with_input(wide)).others]
    assert lines[:2] == ["~ Input 28×28×1 → 32×32×3", "~ Classes 10 → 100"]
    assert any(line.startswith("~ Parameters 3,309,578 → ") for line in lines)


def test_everything_is_added_to_an_empty_model() -> None:
    found = difference(EMPTY, draft_of(CNN))
    assert {line.sign for line in found.layers} == {"+"}
    assert len(found.layers) == len(CNN.architecture.layers)
