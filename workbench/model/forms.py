"""The forms of Compose as data: one for each kind of layer, the input and the training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from workbench.model.architecture import Architecture
from workbench.model.faults import fault_words
from workbench.model.fields import FieldError, FormField, choice_field, field_of, fields_of
from workbench.model.hyperparameters import (
    OPTIMIZERS,
    SCHEDULES,
    EarlyStopping,
    TrainingSettings,
)
from workbench.model.layers import LAYER_KINDS, Layer


def new_layer(kind: str) -> Layer:
    """A layer of a kind as it is first added."""
    layer: Any = LAYER_KINDS[kind].model_validate(LAYER_KINDS[kind].begin)
    result: Layer = layer
    return result


def output_layer(classes: int) -> Layer:
    """The layer that ends a model: one probability a class."""
    layer: Any = LAYER_KINDS["Dense"].model_validate({"units": classes, "activation": "softmax"})
    result: Layer = layer
    return result


@dataclass(frozen=True)
class Checked:
    """What a form's texts come to: a value, or a sentence for each field that is wrong.

    The sentence under the empty name is about fields that do not go together.
    """

    value: Any = None  # of the form's class; None while anything is wrong
    errors: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Form:
    """Fields, and the class their values make."""

    title: str
    explanation: str
    fields: tuple[FormField, ...]
    model: type[BaseModel]
    fixed: Mapping[str, object] = field(default_factory=dict)  # what the form leaves as it is

    def texts(self, value: BaseModel) -> dict[str, str]:
        """A value as the texts of the fields."""
        return {item.name: item.text(_at(value, item.name)) for item in self.fields}

    def check(self, texts: Mapping[str, str]) -> Checked:
        """The value of the texts, or what is wrong with them."""
        errors: dict[str, str] = {}
        values: dict[str, Any] = dict(self.fixed)
        for item in self.fields:
            try:
                _put(values, item.name, item.parse(texts.get(item.name, "")))
            except FieldError as error:
                errors[item.name] = str(error)
        if errors:
            return Checked(None, errors)
        stopping = values.get("early_stopping")
        if stopping == dict.fromkeys(stopping or ()):
            values["early_stopping"] = None
        elif stopping is not None and stopping["min_delta"] is None:
            del stopping["min_delta"]
        try:
            return Checked(self.model.model_validate(values))
        except ValidationError as error:
            for fault in error.errors(include_url=False):
                errors.setdefault(self._named(fault["loc"]), _sentence(fault))
            return Checked(None, errors)

    def _named(self, location: tuple[int | str, ...]) -> str:
        """The field at a pydantic location; empty where it is none of them."""
        path = [str(step) for step in location]
        for item in self.fields:
            first, _, last = item.name.partition(".")
            if path[:1] == [first] and (not last or last in path):
                return item.name
        return ""

    def refitted(
        self, texts: Mapping[str, str], changed: str, begun: Mapping[str, str]
    ) -> tuple[Form, dict[str, str]]:
        """The form and its texts after the field `changed` was: another kind has other fields.

        A change of optimizer keeps the learning rate and drops the schedule, as overriding it
        on the command line does; the optimizer it was `begun` with brings its schedule back.
        """
        if self.model is not TrainingSettings or not changed.endswith("kind"):
            return self, dict(texts)
        kinds = dict(texts)
        if changed == "optimizer.kind":
            same = texts[changed] == begun[changed]
            kinds["schedule.kind"] = begun["schedule.kind"] if same else "constant"
        optimizer, schedule = kinds["optimizer.kind"], kinds["schedule.kind"]
        form = training_form(optimizer, schedule)
        fresh = TrainingSettings(optimizer=OPTIMIZERS[optimizer](), schedule=SCHEDULES[schedule]())
        return form, {**form.texts(fresh), **kinds}


def _sentence(fault: ErrorDetails) -> str:
    """A fault that only the whole value shows, in the words of a field's own."""
    most = fault.get("ctx", {}).get("le")
    if most is not None:
        return f"{fault['input']} is too large; {most:,} is the most"
    return fault_words(fault)


def _at(value: Any, name: str) -> object:
    for step in name.split("."):
        value = getattr(value, step, None)  # None: a section that is left out as a whole
    return value


def _put(values: dict[str, Any], name: str, value: object) -> None:
    section, _, last = name.rpartition(".")
    (values.setdefault(section, {}) if section else values)[last] = value


@cache
def layer_form(kind: str) -> Form:
    """The form of a kind of layer."""
    model = LAYER_KINDS[kind]
    return Form(kind, model.explanation, fields_of(model), model)


@cache
def training_form(optimizer: str, schedule: str) -> Form:
    """The form of training settings with an optimizer and a schedule of these kinds."""
    fields = (
        field_of(TrainingSettings, "epochs"),
        field_of(TrainingSettings, "batch_size"),
        choice_field("optimizer.kind", OPTIMIZERS),
        *fields_of(OPTIMIZERS[optimizer], "optimizer."),
        choice_field("schedule.kind", SCHEDULES),
        *fields_of(SCHEDULES[schedule], "schedule."),
        # Empty together: no early stopping.
        *(replace(item, optional=True) for item in fields_of(EarlyStopping, "early_stopping.")),
    )
    return Form("Training", "How the model is trained", fields, TrainingSettings)


@cache
def input_form() -> Form:
    """The form of the input: an image's shape and the number of classes."""
    fields = (field_of(Architecture, "input_shape"), field_of(Architecture, "classes"))
    words = "What the model looks at; MNIST is 28×28×1 with 10 classes"
    return Form("Input", words, fields, Architecture, {"layers": ()})


def form_of(value: BaseModel) -> Form:
    """The form that shows a layer, training settings or an architecture's input."""
    match value:
        case TrainingSettings():
            return training_form(value.optimizer.kind, value.schedule.kind)
        case Architecture():
            return input_form()
    return layer_form(str(getattr(value, "kind")))  # noqa: B009
