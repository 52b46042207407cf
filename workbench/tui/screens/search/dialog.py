"""The dialog that begins a search: any setting may become a range, and its cost is said before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from typing import get_args

from pydantic import BaseModel
from textual.widgets import Input

from workbench.model.forms import FieldKind, FormField, form_of
from workbench.model.hyperparameters import with_overrides
from workbench.queue.search import (
    VALIDATION,
    Pruner,
    Sampler,
    SearchRequest,
    require_optuna,
    search_cost,
)
from workbench.queue.space import full_name
from workbench.runs.estimate import Speed
from workbench.settings import Home
from workbench.tui.screens.queue.add_dialog import PlanningDialog
from workbench.tui.widgets.choice import Choice

# Of the search itself, with what it is unless something else is written.
OWN = (
    ("trials", "Trials", "settings to try"),
    ("timeout", "Time", "no trial begins after 30m, 2h"),
    ("seeds", "Final seeds", "of the chosen settings"),
    ("validation", "Validation", "held out: a share, or a number"),
    ("sampler", "Sampler", ""),
    ("pruner", "Pruner", "ends hopeless trials"),
)
CHOICES = {"sampler": get_args(Sampler), "pruner": get_args(Pruner)}
DEFAULTS = {
    item.name: str(item.default)
    for item in fields(SearchRequest)
    if any(item.name == name for name, *_ in OWN)
}


class SearchDialog(PlanningDialog[SearchRequest]):
    """Returns the search that is asked for, or None when stepped out of."""

    ACCEPT = ("add", "Search", "enter search")

    def __init__(self, home: Home, begun: SearchRequest) -> None:
        super().__init__(home)
        preset = begun.preset
        self._begun = begun
        pairs = (text.split("=", 1) for text in begun.space)
        self._written = {full_name(name): values for name, values in pairs}
        self._own: dict[str, str] = {}  # what each setting is where no range is written
        training, *layers = [
            self._settings("", with_overrides(preset.training, begun.plan.overrides)),
            *(
                self._settings(f"layers.{place}.", layer)
                for place, layer in enumerate(preset.architecture.layers, 1)
            ),
        ]
        self.FIELDS = (*training, *OWN, *(line for lines in layers for line in lines))
        self.title_of_form = f"search {preset.name}: ranges or lists of any settings"

    def _settings(self, prefix: str, value: BaseModel) -> list[tuple[str, str, str]]:
        """A line for each setting of the training or of a layer."""
        lines = []
        form = form_of(value)
        texts = form.texts(value)
        for field in form.fields:
            if field.name.startswith("early_stopping"):  # is not searched
                continue
            full = f"{prefix}{field.name}"
            self._own[full] = texts[field.name]
            label = f"{prefix.split('.')[1]} {field.label}" if prefix else field.label
            lines.append((full, label.capitalize(), _example(field)))
        return lines

    def editor(self, name: str) -> Input | Choice:
        """A line to write in, which shows the setting as it is, or a choice."""
        widget = name.replace(".", "-")
        if name in CHOICES:
            answers = [(choice, choice) for choice in CHOICES[name]]
            return Choice(answers, getattr(self._begun, name), id=widget)
        if name in self._own:
            text, placeholder = self._written.get(name, ""), self._own[name] or "–"
        elif name == "validation":
            text, placeholder = self._begun.plan.validation or "", VALIDATION
        else:
            text, placeholder = "", DEFAULTS[name] or "none"
        return Input(text, placeholder=placeholder, compact=True, id=widget)

    def _typed(self, name: str) -> str:
        widget = self.query_one(f"#{name.replace('.', '-')}")
        assert isinstance(widget, Input | Choice)
        return widget.value.strip()

    def request(self) -> SearchRequest | dict[str, str]:
        """What is written; the core says in a thread what of it is wrong."""
        space = tuple(f"{name}={text}" for name in self._own if (text := self._typed(name)))
        plan = replace(self._begun.plan, validation=self._typed("validation") or VALIDATION)
        own = {name: self._typed(name) or DEFAULTS[name] for name in DEFAULTS}
        return replace(self._begun, plan=plan, space=space, **own)  # type: ignore[arg-type]

    def plan(self, asked: SearchRequest, speeds: Sequence[Speed]) -> str:
        """What `--dry-run` says."""
        search = asked.search()
        require_optuna(search.sampler)
        cost = search_cost(search, speeds)
        return "\n".join([cost.sentence, *cost.notes])


def _example(field: FormField) -> str:
    """How a range of a setting may be written."""
    match field.kind:
        case FieldKind.COUNT | FieldKind.SIZES:
            return "16..128 or 30,60" if field.kind is FieldKind.COUNT else "3,5"
        case FieldKind.NUMBER:
            return "log:1e-4..1e-1 or 0.1,0.2" if "rate" in field.name else "0..0.9 or 0,0.7"
    return ",".join(field.choices[:3])
