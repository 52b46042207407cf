"""The forms of Compose as data: a kind of layer's, the input's, the training's.

What a person types is text. A field turns text into a value or says in one sentence why it
cannot; type, choices and limits come from the pydantic classes, so that a form never accepts what
a preset would refuse.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cache
from typing import Annotated, Any, cast

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from workbench.model.architecture import Architecture
from workbench.model.hyperparameters import OPTIMIZERS, SCHEDULES, EarlyStopping, TrainingSettings
from workbench.model.layers import LAYER_KINDS, Dense, Layer
from workbench.model.validated import fault_words

EXPLANATIONS = {
    "units": "Neurons, each joined to every value of the input.",
    "filters": "Kernels, and so channels of the output.",
    "kernel_size": "Height and width of a kernel; one number for both.",
    "strides": "How far the window moves at a time.",
    "padding": '"same" keeps height and width, "valid" stays inside the image.',
    "dilation_rate": "Distance between the points a kernel looks at.",
    "activation": "The function over the layer's output.",
    "use_bias": "Whether each output has a number of its own added.",
    "kernel_initializer": "Where the weights begin.",
    "l2": "Penalty on large weights; 0 for none.",
    "pool_size": "Height and width of a window; one number for both.",
    "rate": "Part of the values set to zero while training.",
    "momentum": "How much of the earlier steps, or statistics, is kept.",
    "epsilon": "A small number that keeps a division from zero.",
    "epochs": "How often training goes through all images.",
    "batch_size": "Images a step.",
    "optimizer.kind": "How gradients become steps.",
    "learning_rate": "Length of a step.",
    "nesterov": "Look ahead along the momentum.",
    "beta_1": "How much of the earlier gradients is kept.",
    "beta_2": "How much of the earlier squared gradients is kept.",
    "weight_decay": "How fast weights shrink, apart from the gradient.",
    "rho": "How much of the earlier squared gradients is kept.",
    "schedule.kind": "How the learning rate changes while training.",
    "decay_rate": "How fast the learning rate falls.",
    "alpha": "What is left of the learning rate at the end, as a fraction.",
    "factor": "What the learning rate is multiplied by.",
    "patience": "Epochs without a lower validation loss before it acts.",
    "min_delta": "The least fall of the validation loss that counts.",
    "early_stopping.patience": "Epochs without a lower validation loss before training ends.",
    "input_shape": "Height × width × channels of an image.",
    "classes": "How many kinds of image there are.",
}
# What an empty text stands for, where a field may be left empty.
_LEFT_EMPTY = {
    "strides": "the window's own size",
    "decay_rate": "learning rate / epochs",
    "min_delta": "any",
}
_LABELS = {
    "l2": "L2",
    "optimizer.kind": "optimizer",
    "schedule.kind": "schedule",
    "early_stopping.patience": "early stopping",
    "early_stopping.min_delta": "least fall",
    "min_delta": "least fall",
}
# JSON schema's names and ours.
_BOUNDS = {
    "minimum": "least",
    "maximum": "most",
    "exclusiveMinimum": "above",
    "exclusiveMaximum": "below",
}
_SEPARATORS = re.compile(r"[×xX*,;\s]+")


class FieldError(ValueError):
    """What is wrong with a text, as one sentence."""


class FieldKind(StrEnum):
    """How a field is written."""

    COUNT = "count"  # a whole number
    NUMBER = "number"
    SIZES = "sizes"  # 3×3
    CHOICE = "choice"
    SWITCH = "switch"  # yes or no


@dataclass(frozen=True)
class Limits:
    """The least and the largest value; `above` and `below` are themselves not allowed."""

    least: float | None = None
    most: float | None = None
    above: float | None = None
    below: float | None = None

    def fault(self, value: float) -> str | None:
        """Why a number is outside, as half a sentence."""
        if self.least is not None and value < self.least:
            return f"is too small; {self.least:,g} is the least"
        if self.above is not None and value <= self.above:
            return f"is too small; it must be above {self.above:,g}"
        if self.most is not None and value > self.most:
            return f"is too large; {_plain(self.most)} is the most"
        if self.below is not None and value >= self.below:
            return f"is too large; it must be below {self.below:,g}"
        return None

    def __str__(self) -> str:
        """`from 1 to 200`, `above 0 and below 1`, `0 or more`; empty without limits."""
        low = high = ""
        if self.least is not None:
            low = f"from {self.least:g}"
        elif self.above is not None:
            low = f"above {self.above:g}"
        if self.most is not None:
            high = f"to {_plain(self.most)}" if self.least is not None else f"at most {self.most:g}"
        elif self.below is not None:
            high = f"to below {self.below:g}" if self.least is not None else f"below {self.below:g}"
        if not high:
            return f"{self.least:g} or more" if self.least is not None else low
        joint = " " if high.startswith("to ") else " and "
        return f"{low}{joint}{high}" if low else high


def _plain(number: float) -> str:
    return f"{number:,.0f}" if number == int(number) else f"{number:g}"


@dataclass(frozen=True)
class FormField:
    """One field. `name` is dotted within its form: `optimizer.learning_rate`."""

    name: str
    kind: FieldKind
    choices: tuple[str, ...] = ()
    limits: Limits = Limits()
    sizes: int = 0  # how many numbers a SIZES field has
    optional: bool = False

    @property
    def short_name(self) -> str:
        return self.name.rpartition(".")[2]

    @property
    def label(self) -> str:
        return _LABELS.get(self.name) or _LABELS.get(
            self.short_name, self.short_name.replace("_", " ")
        )

    @property
    def explanation(self) -> str:
        """One sentence, with what is allowed."""
        words = EXPLANATIONS.get(self.name) or EXPLANATIONS[self.short_name]
        allowed = str(self.limits)
        if allowed:
            words += f" {allowed[0].upper()}{allowed[1:]}."
        if self.optional:
            words += f" Empty: {self.placeholder}."
        return words

    @property
    def placeholder(self) -> str:
        """What an empty text stands for; empty where the field must be filled."""
        return _LEFT_EMPTY.get(self.short_name, "none") if self.optional else ""

    @property
    def wanted(self) -> str:
        """What belongs here: `a whole number from 1 to 1,000,000`."""
        match self.kind:
            case FieldKind.COUNT:
                what = "a whole number"
            case FieldKind.NUMBER:
                what = "a number"
            case FieldKind.SIZES:
                return (
                    "one or two whole numbers: 3×3" if self.sizes == 2 else "numbers as in 28×28×1"
                )
            case FieldKind.CHOICE | FieldKind.SWITCH:
                return f"one of {', '.join(self.choices)}"
        return f"{what} {self.limits}".rstrip()

    def text(self, value: object) -> str:
        if value is None:
            return ""
        if isinstance(value, bool):
            return "yes" if value else "no"
        if isinstance(value, tuple):
            return "×".join(str(part) for part in value)
        if isinstance(value, float):
            short = f"{value:g}"
            return short if float(short) == value else repr(value)
        return str(value)

    def parse(self, text: str) -> object:
        """The value of a text.

        Raises:
            FieldError: the text is none, or the value is outside the limits.
        """
        text = text.strip()
        if not text:
            if self.optional:
                return None
            raise FieldError(f"needs {self.wanted}")
        match self.kind:
            case FieldKind.SWITCH:
                if text not in self.choices:
                    raise FieldError(f'"{text}" is neither yes nor no')
                return text == "yes"
            case FieldKind.CHOICE:
                if text not in self.choices:
                    raise FieldError(f'no "{text}"; {self.wanted}')
                return text
            case FieldKind.SIZES:
                return self._sizes(text)
        try:
            number = int(text.replace(",", "")) if self.kind is FieldKind.COUNT else float(text)
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            raise FieldError(f'"{_cut(text)}" is not {self.wanted}')
        self._check(number, text)
        return number

    def _sizes(self, text: str) -> tuple[int, ...]:
        try:
            numbers = tuple(int(part) for part in _SEPARATORS.split(text) if part)
        except ValueError:
            numbers = ()
        if len(numbers) == 1 and self.sizes == 2:  # as Keras takes 3 for (3, 3)
            numbers *= 2
        if len(numbers) != self.sizes:
            raise FieldError(f'"{_cut(text)}" is not {self.wanted}')
        for number in numbers:
            self._check(number, str(number))
        return numbers

    def _check(self, number: float, text: str) -> None:
        fault = self.limits.fault(number)
        if fault is not None:
            raise FieldError(f"{_cut(text)} {fault}")


def _cut(text: str) -> str:
    return text if len(text) <= 24 else text[:23] + "…"


def fields_of(model: type[BaseModel], prefix: str = "") -> tuple[FormField, ...]:
    """A field for each of a class's, but its `kind`, in the order they are declared."""
    names = [name for name in model.model_fields if name != "kind"]
    return tuple(field_of(model, name, prefix) for name in names)


def field_of(model: type[BaseModel], name: str, prefix: str = "") -> FormField:
    """The field of a class's, as its JSON schema describes it."""
    info = model.model_fields[name]
    annotated: Any = Annotated[info.annotation, info]
    schema, name = TypeAdapter(annotated).json_schema(), f"{prefix}{name}"
    optional = "anyOf" in schema  # or null
    if optional:
        schema = schema["anyOf"][0]
    if "enum" in schema:
        return FormField(name, FieldKind.CHOICE, tuple(schema["enum"]), optional=optional)
    match schema["type"]:
        case "array":
            # Sizes below 1 mean nothing; where more is asked for, the class says so.
            sizes, limits = schema["minItems"], Limits(least=1)
            return FormField(name, FieldKind.SIZES, (), limits, sizes, optional)
        case "boolean":
            return FormField(name, FieldKind.SWITCH, ("yes", "no"), optional=optional)
    limits = Limits(**{ours: schema[bound] for bound, ours in _BOUNDS.items() if bound in schema})
    kind = FieldKind.COUNT if schema["type"] == "integer" else FieldKind.NUMBER
    return FormField(name, kind, (), limits, optional=optional)


def new_layer(kind: str) -> Layer:
    """A layer of a kind as it is first added."""
    return cast(Layer, LAYER_KINDS[kind].model_validate(LAYER_KINDS[kind].begin))


def output_layer(classes: int) -> Layer:
    """The layer that ends a model: one probability a class."""
    return Dense(units=classes, activation="softmax")


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
        texts = {}
        for item in self.fields:
            found: Any = value
            for step in item.name.split("."):
                found = getattr(found, step, None)  # None: a section left out as a whole
            texts[item.name] = item.text(found)
        return texts

    def check(self, texts: Mapping[str, str]) -> Checked:
        """The value of the texts, or what is wrong with them."""
        errors: dict[str, str] = {}
        values: dict[str, Any] = dict(self.fixed)
        for item in self.fields:
            try:
                section, _, last = item.name.rpartition(".")
                part = values.setdefault(section, {}) if section else values
                part[last] = item.parse(texts.get(item.name, ""))
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


@cache
def layer_form(kind: str) -> Form:
    model = LAYER_KINDS[kind]
    return Form(kind, model.explanation, fields_of(model), model)


@cache
def training_form(optimizer: str, schedule: str) -> Form:
    """The form of training settings with an optimizer and a schedule of these kinds."""
    # The choice of a section's kind decides which fields follow.
    fields = (
        field_of(TrainingSettings, "epochs"),
        field_of(TrainingSettings, "batch_size"),
        FormField("optimizer.kind", FieldKind.CHOICE, tuple(OPTIMIZERS)),
        *fields_of(OPTIMIZERS[optimizer], "optimizer."),
        FormField("schedule.kind", FieldKind.CHOICE, tuple(SCHEDULES)),
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
