"""Forms take what the classes take, and say in one sentence what they don't."""

from __future__ import annotations

import pytest

from workbench.model.forms import (
    FieldKind,
    form_of,
    input_form,
    layer_form,
    new_layer,
    training_form,
)
from workbench.model.hyperparameters import OPTIMIZERS, SCHEDULES, EarlyStopping, TrainingSettings
from workbench.model.layers import LAYER_KINDS
from workbench.model.preset import paper_presets


def fault(kind: str, field: str, text: str) -> str:
    form = layer_form(kind)
    checked = form.check({**form.texts(new_layer(kind)), field: text})
    assert checked.value is None
    return checked.errors[field]


def test_every_class_has_a_form_that_gives_its_values_back() -> None:
    assert all(kind.explanation for kind in LAYER_KINDS.values())
    values = [new_layer(kind) for kind in LAYER_KINDS]
    for preset in paper_presets():
        values += [*preset.architecture.layers, preset.training]
    for optimizer in OPTIMIZERS.values():
        for schedule in SCHEDULES.values():
            values.append(TrainingSettings(optimizer=optimizer(), schedule=schedule()))
    for value in values:
        form = form_of(value)
        assert form.check(form.texts(value)).value == value
        assert all(field.explanation and field.label for field in form.fields)
        assert len(form.texts(value)) == len(form.fields)


def test_fields_know_types_choices_and_limits() -> None:
    fields = {field.name: field for field in layer_form("Conv2D").fields}
    assert fields["filters"].kind is FieldKind.COUNT
    assert fields["filters"].wanted == "a whole number from 1 to 1,000,000"
    assert fields["kernel_size"].kind is FieldKind.SIZES
    assert "leaky_relu" in fields["activation"].choices
    assert fields["use_bias"].kind is FieldKind.SWITCH
    assert {field.name: field for field in layer_form("MaxPooling2D").fields}["strides"].optional


@pytest.mark.parametrize(
    ("kind", "field", "text", "sentence"),
    [
        ("Dense", "units", "", "needs a whole number from 1 to 1,000,000"),
        ("Dense", "units", "ten", '"ten" is not a whole number from 1 to 1,000,000'),
        ("Dense", "units", "1.5", '"1.5" is not a whole number from 1 to 1,000,000'),
        ("Dense", "units", "0", "0 is too small; 1 is the least"),
        ("Dense", "units", "1000001", "1000001 is too large; 1,000,000 is the most"),
        ("Dense", "units", "9" * 5000, f'"{"9" * 23}…" is not a whole number from 1 to 1,000,000'),
        ("Dense", "l2", "-1", "-1 is too small; 0 is the least"),
        ("Dense", "l2", "nan", '"nan" is not a number 0 or more'),
        ("Dense", "l2", "1e999", '"1e999" is not a number 0 or more'),
        ("Dropout", "rate", "1", "1 is too large; it must be below 1"),
        ("Conv2D", "kernel_size", "3×3×3", '"3×3×3" is not one or two whole numbers: 3×3'),
        ("Conv2D", "kernel_size", "0", "0 is too small; 1 is the least"),
        ("BatchNormalization", "epsilon", "0", "0 is too small; it must be above 0"),
    ],
)
def test_one_sentence_says_what_is_wrong(kind: str, field: str, text: str, sentence: str) -> None:
    assert fault(kind, field, text) == sentence


@pytest.mark.parametrize("text", ["5", "5x5", "5×5", "5, 5", "5 5", " 5X5 "])
def test_sizes_may_be_written_in_many_ways(text: str) -> None:
    form = layer_form("Conv2D")
    checked = form.check({**form.texts(new_layer("Conv2D")), "kernel_size": text})
    assert checked.value.kernel_size == (5, 5)


def test_fields_that_do_not_go_together_are_a_fault_of_the_form() -> None:
    form = layer_form("Conv2D")
    texts = {**form.texts(new_layer("Conv2D")), "strides": "2", "dilation_rate": "2"}
    assert "cannot both be above 1" in form.check(texts).errors[""]


def test_an_empty_optional_field_is_left_out() -> None:
    form = layer_form("MaxPooling2D")
    assert form.check({"pool_size": "3", "strides": "", "padding": "same"}).value.strides is None


def test_the_input_form_holds_the_shape_and_the_classes() -> None:
    form = input_form()
    value = form.check({"input_shape": "32x32x3", "classes": "100"}).value
    assert (value.input_shape, value.classes) == ((32, 32, 3), 100)
    assert form.check({"input_shape": "28×28×65", "classes": "1"}).errors.keys() == {"classes"}
    wide = form.check({"input_shape": "28×28×65", "classes": "2"})
    assert wide.errors == {"input_shape": "65 is too large; 64 is the most"}
    assert "28×28×1" in form.check({"input_shape": "28×28", "classes": "2"}).errors["input_shape"]


def test_another_optimizer_keeps_the_learning_rate_and_drops_the_schedule() -> None:
    form = training_form("sgd", "inverse_time_decay")
    settings = next(preset for preset in paper_presets() if preset.name == "cnn-2").training
    begun = form.texts(settings)
    texts = {**begun, "optimizer.kind": "adam"}
    adam, texts = form.refitted(texts, "optimizer.kind", begun)
    value = adam.check(texts).value
    assert (value.optimizer.kind, value.optimizer.learning_rate) == ("adam", 0.002)
    assert value.schedule.kind == "constant"
    back, texts = adam.refitted({**texts, "optimizer.kind": "sgd"}, "optimizer.kind", begun)
    assert back.check(texts).value == settings


def test_a_fault_in_a_section_is_told_at_its_field() -> None:
    form = training_form("sgd", "constant")
    texts = {**form.texts(TrainingSettings()), "optimizer.learning_rate": "0", "epochs": "0"}
    assert form.check(texts).errors == {
        "optimizer.learning_rate": "0 is too small; it must be above 0",
        "epochs": "0 is too small; 1 is the least",
    }


def test_early_stopping_is_kept_and_an_empty_field_leaves_it_out() -> None:
    stopping = TrainingSettings(early_stopping=EarlyStopping(patience=4, min_delta=0.01))
    form = form_of(stopping)
    texts = form.texts(stopping)
    assert form.check(texts).value == stopping
    assert form.check({**texts, "early_stopping.min_delta": ""}).value == TrainingSettings(
        early_stopping=EarlyStopping(patience=4)
    )
    without = {"early_stopping.patience": "", "early_stopping.min_delta": ""}
    assert form.check({**texts, **without}).value == TrainingSettings()
    assert form.check({**texts, "early_stopping.patience": ""}).errors
