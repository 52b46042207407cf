"""What a search is asked for with, by the command and the screen alike, and what it will cost."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import get_args

from pydantic import ValidationError

from workbench.errors import EnvironmentProblem, PresetError, RunError, nearest
from workbench.formats import count, rough_duration
from workbench.model.preset import Preset
from workbench.model.validated import fault_words
from workbench.queue.search import Pruner, Sampler, Search
from workbench.queue.space import drawn
from workbench.runs.estimate import Expected, Speed, expected_training
from workbench.runs.plan import Plan, require_memory, specs_for_preset
from workbench.runs.record import Labels

VALIDATION = "0.15"  # what is held out unless something else is asked for
DRAWN_FOR_COST = 64
_TIMES = {"": 1.0, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86_400.0}


@dataclass(frozen=True)
class SearchRequest:
    """A search as it is typed. `space` is as after `--set`; `timeout` as `90s`, `30m` or `2h`."""

    preset: Preset
    plan: Plan
    space: tuple[str, ...] = ()
    trials: str = "40"
    seeds: str = "3"
    sampler: str = "tpe"
    pruner: str = "hyperband"
    timeout: str = ""
    labels: Labels = field(default_factory=Labels)

    def search(self) -> Search:
        """The search that is asked for, if it can be begun.

        Raises:
            UserError: with the field that is wrong: a number out of range, a space that is none,
                or a sampler, pruner or schedule that do not go together.
        """
        (base,) = specs_for_preset(self.preset, self.plan)
        facts = {
            "preset": self.preset.name,
            "base": base.model_copy(update={"tested": False}),
            "space": self.space,
            "sampler": _one_of("sampler", self.sampler, get_args(Sampler)),
            "pruner": _one_of("pruner", self.pruner, get_args(Pruner)),
            "trials": self.trials,
            "seeds": self.seeds,
            "timeout": _seconds(self.timeout) if self.timeout else None,
            "labels": self.labels,
        }
        try:
            return checked_search(Search.model_validate(facts))
        except ValidationError as error:
            fault = error.errors(include_url=False)[0]
            name = str(fault["loc"][0])
            words = f"{fault_words(fault)} (given: {fault['input']})"
            raise RunError(words, field=name, named=name) from error


def _seconds(text: str) -> float:
    """The seconds of a time as typed: `90`, `90s`, `30m`, `2h`.

    Raises:
        RunError: it is none.
    """
    match = re.fullmatch(r"(\d+\.?\d*|\.\d+)\s*([a-z]*)", text.strip().lower(), re.ASCII)
    if match is None or match[2] not in _TIMES or not float(match[1]):
        raise RunError(
            f'"{text}" is no time; give 90s, 30m or 2h', field="timeout", named="timeout"
        )
    return float(match[1]) * _TIMES[match[2]]


def _one_of(what: str, given: str, names: Sequence[str]) -> str:
    """A sampler's or pruner's name as typed.

    Raises:
        RunError: there is none of that name.
    """
    if given.lower() not in names:
        hint = nearest(given.lower(), names)
        raise RunError(f'no "{given}"; {hint}', field=what, named=what)
    return given.lower()


def checked_search(search: Search) -> Search:
    """The search, if it can be begun.

    Raises:
        RunError: a sampler, pruner, space or schedule that do not go together.
    """
    parameters = search.parameters
    listed = all(item.choices for item in parameters)
    if search.sampler == "grid" and not listed:
        first = next(item for item in parameters if not item.choices)
        raise RunError(
            "a grid takes values, not a range; list them",
            field=first.name,
            named=f"--set {first.short}",
        )
    if search.sampler == "cmaes" and listed:
        raise RunError(
            "cmaes needs a range at least; use tpe where all are lists",
            field="sampler",
            named="sampler",
        )
    drawn = next((item.choices for item in parameters if item.name == "schedule.kind"), ())
    if "reduce_on_plateau" in (search.base.training.schedule.kind, *drawn):
        raise RunError(
            "reduce on plateau: the chosen settings are trained on all training images, where "
            "there is no validation to go by; search with another schedule",
            field="schedule.kind",
        )
    return search


@dataclass(frozen=True)
class Cost:
    """What a search costs, by settings drawn at random; `expected` is None where nothing tells.

    `impossible`: a sentence for each of the `drawn` that is no model, or too large for memory.
    """

    search: Search
    drawn: int
    impossible: tuple[str, ...]
    expected: Expected | None

    @property
    def sentence(self) -> str:
        """`40 trials and 3 final trainings: about 2 h 05 min, if nothing is pruned`."""
        search, time = self.search, self.expected
        what = f"{count(search.trials, 'trial')} and {count(search.seeds, 'final training')}"
        if time is None:
            return f"{what}: how long is not known, as nothing like it was trained here"
        rough = " (rough: nothing like it was timed here)" if time.rough else ""
        return f"{what}: about {rough_duration(time.seconds)}{rough}, if nothing is pruned"

    @property
    def notes(self) -> list[str]:
        """What else is to be known before it begins."""
        notes = []
        if self.search.timeout is not None:
            notes.append(f"no trial begins after {rough_duration(self.search.timeout)}")
        if self.impossible:
            notes.append(
                f"{len(self.impossible)} of {self.drawn} drawn at random are impossible: "
                f"{self.impossible[0]}"
            )
        return notes


def search_cost(search: Search, speeds: Sequence[Speed]) -> Cost:
    """What a search would train, and how long that should take at most.

    Raises:
        RunError: no setting of its space is possible.
    """
    specs, impossible = [], []
    for values in drawn(search.parameters, DRAWN_FOR_COST, search.base.seed):
        try:
            spec = search.spec(values)
            require_memory([spec])
        except (PresetError, EnvironmentProblem) as error:
            impossible.append(str(error))
        else:
            specs.append(spec)
    if not specs:
        raise RunError(f"nothing in this space can be trained: {impossible[0]}")
    times = [time for spec in specs if (time := expected_training(spec, speeds)) is not None]
    if not times:
        return Cost(search, DRAWN_FOR_COST, tuple(impossible), None)
    data = search.base.dataset
    # The final trainings have all images; an impossible trial takes no time.
    trials = search.trials * len(specs) / DRAWN_FOR_COST
    finals = search.seeds * data.read_images / max(1, data.images)
    seconds = fmean(time.seconds for time in times) * (trials + finals)
    rough = any(time.rough for time in times)
    return Cost(search, DRAWN_FOR_COST, tuple(impossible), Expected(seconds, rough))


def require_optuna(sampler: str = "tpe") -> None:
    """Refuse a search where what it needs is not installed; nothing is imported.

    Raises:
        EnvironmentProblem: the extra is missing.
    """
    from importlib.util import find_spec

    needed = ("optuna", "cmaes") if sampler == "cmaes" else ("optuna",)
    missing = [name for name in needed if find_spec(name) is None]
    if missing:
        raise EnvironmentProblem(
            f"a search needs {' and '.join(missing)}; install it with "
            "`pip install 'mnist-workbench[search]'`"
        )
