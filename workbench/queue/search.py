"""A search, as it is asked for and on disk: what is looked for and how, its study, its outcome.

`searches/ID/` holds `search.json`, the study as Optuna's journal (`study.journal`), how far it is
for screens (`progress.json`), and at the end `result.json`. The queue's entry names the search;
from these files it makes its trials as it goes.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import Annotated, Literal, TypeVar, get_args

from pydantic import BaseModel, Field, ValidationError

from workbench.errors import EnvironmentProblem, PresetError, RunError, nearest, refused
from workbench.files import Stamp, read_file, stamp, write_file
from workbench.formats import count, rough_duration
from workbench.model.hyperparameters import InverseTimeDecay
from workbench.model.preset import Preset
from workbench.model.spec import TrainingSpec
from workbench.model.validated import fault_words
from workbench.queue.space import Parameter, Value, drawn, parse_space, spec_with
from workbench.queue.store import MOST_TRIALS, QueueStore, SearchEntry
from workbench.runs.environment import require_packages
from workbench.runs.estimate import Expected, Speed, expected_training
from workbench.runs.plan import Plan, require_memory, specs_for_preset
from workbench.runs.record import Kept, Labels, RunId
from workbench.settings import Home

Sampler = Literal["tpe", "random", "grid", "cmaes"]
Pruner = Literal["hyperband", "median", "wilcoxon", "none"]
MOST_SEEDS = 100
LARGEST = 1 << 24
FEWEST_FOR_IMPORTANCE = 8  # whole trials, so that the best quarter are two
TAG = "search"
Model = TypeVar("Model", bound=BaseModel)
VALIDATION = "0.15"  # what is held out unless something else is asked for
DRAWN_FOR_COST = 64
_TIMES = {"": 1.0, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86_400.0}


class Search(Kept):
    """What is searched. Two with the same `id` are the same study, whatever their budgets."""

    preset: str
    base: TrainingSpec  # the trials' settings but for the values; never tested
    space: tuple[str, ...]  # as typed
    sampler: Sampler = "tpe"
    pruner: Pruner = "hyperband"
    trials: Annotated[int, Field(ge=1, le=MOST_TRIALS)] = 40
    seeds: Annotated[int, Field(ge=1, le=MOST_SEEDS)] = 3  # of the chosen settings
    timeout: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None  # seconds
    labels: Labels = Labels()

    @property
    def id(self) -> str:
        """`cnn-2-3fa9c1`: equal for searches that ask the same of the same data."""
        material = [self.base.settings_key, self.base.seed, sorted(self.space), self.sampler]
        digest = hashlib.sha256(json.dumps([*material, self.pruner]).encode()).hexdigest()
        return f"{self.preset}-{digest[:6]}"

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        return parse_space(self.space, self.base)

    def spec(self, values: dict[str, Value]) -> TrainingSpec:
        """The training of a trial; a PresetError where the model is impossible."""
        return spec_with(self.base, self.parameters, values)

    def final_specs(self, values: dict[str, Value], epochs: int | None) -> list[TrainingSpec]:
        """The chosen settings on all training images, tested, a seed each.

        `epochs` is how long it is trained where early stopping chose that.
        """
        spec = self.spec(values)
        training = spec.training
        if isinstance(training.schedule, InverseTimeDecay):
            # Its rate in the trial: learning rate / epochs is another over fewer epochs.
            decay = InverseTimeDecay(decay_rate=training.decay_rate) if epochs else None
            training = training.model_copy(update={"schedule": decay or training.schedule})
        training = training.model_copy(
            update={"early_stopping": None, "epochs": epochs or training.epochs}
        )
        final = spec.model_copy(
            update={
                "training": training,
                "dataset": spec.dataset.model_copy(update={"validation": None}),
                "tested": True,
            }
        )
        return [final.model_copy(update={"seed": seed}) for seed in range(self.seeds)]


class SearchResult(Kept):
    """What a search came to. Accuracies are fractions."""

    values: dict[str, Value]
    number: int  # of the chosen trial, from 0
    run_id: RunId | None
    validation_accuracy: float
    counts: dict[str, int]  # trials by how they came out
    final: TrainingSpec
    final_runs: tuple[RunId, ...]
    test_accuracies: tuple[float, ...]
    importance: dict[str, float] = Field(default_factory=dict)  # as of `SearchProgress`

    def preset(self, name: str, title: str) -> Preset:
        """The chosen settings as a preset; a RunError where no preset can have the name."""
        found = ", ".join(f"{100 * value:.2f} %" for value in self.test_accuracies)
        try:
            return Preset(
                name=name,
                title=title,
                summary=f"Chosen by validation accuracy ({100 * self.validation_accuracy:.2f} %); "
                f"trained on all training images: {found} of the test images.",
                architecture=self.final.architecture,
                training=self.final.training,
            )
        except ValidationError as error:
            raise RunError(
                f'--save {name}: no name for a preset; use lower-case letters, digits and "-"'
            ) from error


class SearchTrial(Kept):
    """One trial of a search, as screens show it. Accuracies are fractions of the validation images.

    `outcome` is the study's word for how it came out; empty while it waits or trains. `accuracy`
    is that of a trial that may be chosen: one that was trained to its end. `curve` is by epoch.
    """

    number: int
    values: dict[str, Value]
    outcome: str = ""
    run_id: RunId | None = None
    accuracy: float | None = None
    curve: dict[int, float] = Field(default_factory=dict)

    @property
    def last(self) -> float | None:
        """What it came to, or has come to so far."""
        if self.accuracy is None and self.curve:
            return self.curve[max(self.curve)]
        return self.accuracy


class SearchProgress(Kept):
    """How far a search is. The queue's process writes it, so that nobody else opens the study.

    `importance` says of each parameter how much of what sets the best quarter of the trials apart
    is its doing, as a share; empty while there are too few.
    """

    trials: tuple[SearchTrial, ...] = ()
    importance: dict[str, float] = Field(default_factory=dict)

    @property
    def best(self) -> SearchTrial | None:
        """What would be chosen now: the earliest of those with the highest accuracy."""
        whole = [trial for trial in self.trials if trial.accuracy is not None]
        return max(whole, key=lambda trial: (trial.accuracy, -trial.number), default=None)


FILES: dict[type[BaseModel], str] = {
    Search: "search.json",
    SearchResult: "result.json",
    SearchProgress: "progress.json",
}


class SearchFolder:
    def __init__(self, home: Home, search_id: str) -> None:
        self.id = search_id
        self.path = home.path / "searches" / search_id
        self.journal = self.path / "study.journal"

    def read(self) -> Search:
        """What is searched; a RunError where its file is gone or damaged."""
        found = self._read(Search)
        if found is None:
            raise RunError(
                f"search {self.id}: {self.path / 'search.json'} is gone or damaged; start the "
                "search anew"
            )
        return found

    def result(self) -> SearchResult | None:
        """What it came to; None while it goes on."""
        return self._read(SearchResult)

    def progress(self) -> SearchProgress:
        """How far it is, as last written; nothing where it was not."""
        return self._read(SearchProgress) or SearchProgress()

    @property
    def version(self) -> Stamp | None:
        """Changes whenever `progress` may."""
        return stamp(self.path / FILES[SearchProgress])

    def _read(self, kind: type[Model]) -> Model | None:
        try:
            return kind.model_validate_json(read_file(self.path / FILES[kind], LARGEST))
        except (OSError, ValueError):
            return None

    def keep(self, data: Search | SearchResult | SearchProgress) -> None:
        """Replace the file of its kind."""
        path = self.path / FILES[type(data)]
        with refused(f"{path}: "):
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_file(path, data.model_dump_json())


def all_searches(home: Home) -> list[str]:
    """The ids of all searches of a home, the newest first."""
    found = [(stamp(path), path.parent.name) for path in home.path.glob("searches/*/search.json")]
    dated = sorted(((made[1], name) for made, name in found if made), reverse=True)
    return [name for _, name in dated]


def enqueue_search(home: Home, search: Search) -> str:
    """Put a search into the queue, or go on with the one that is there already; its id.

    Raises:
        EnvironmentProblem: the folder cannot be written.
    """
    home.ensure()
    folder = SearchFolder(home, search.id)
    folder.keep(search)
    (folder.path / FILES[SearchResult]).unlink(missing_ok=True)  # a larger budget may choose others
    with QueueStore(home).change() as state:
        state.notice = ""
        entry = state.search(search.id)
        fresh = SearchEntry(
            id=search.id,
            seconds=entry.seconds if entry else 0.0,
            to_come=search.trials + search.seeds,
        )
        others = [known for known in state.searches if known.id != search.id]
        if not any(known.state.pending for known in others):
            others = []
        state.searches = [*others, fresh]
    return search.id


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
            words = f"{fault_words(fault)} (given: {fault['input']})"
            raise RunError(words, about=str(fault["loc"][0])) from error


def _seconds(text: str) -> float:
    """The seconds of a time as typed: `90`, `90s`, `30m`, `2h`."""
    match = re.fullmatch(r"(\d+\.?\d*|\.\d+)\s*([a-z]*)", text.strip().lower(), re.ASCII)
    if match is None or match[2] not in _TIMES or not float(match[1]):
        raise RunError(f'"{text}" is no time; give 90s, 30m or 2h', about="timeout")
    return float(match[1]) * _TIMES[match[2]]


def _one_of(what: str, given: str, names: Sequence[str]) -> str:
    """A sampler's or pruner's name as typed."""
    if given.lower() not in names:
        raise RunError(f'no "{given}"; {nearest(given.lower(), names)}', about=what)
    return given.lower()


def checked_search(search: Search) -> Search:
    """The search, if its sampler, pruner, space and schedule go together; else a RunError."""
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
        words = "cmaes needs a range at least; use tpe where all are lists"
        raise RunError(words, about="sampler")
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
    impossible: tuple[str, ...]
    expected: Expected | None
    drawn: int = DRAWN_FOR_COST

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
        return Cost(search, tuple(impossible), None)
    data = search.base.dataset
    # The final trainings have all images; an impossible trial takes no time.
    trials = search.trials * len(specs) / DRAWN_FOR_COST
    finals = search.seeds * data.read_images / max(1, data.images)
    seconds = fmean(time.seconds for time in times) * (trials + finals)
    rough = any(time.rough for time in times)
    return Cost(search, tuple(impossible), Expected(seconds, rough))


def require_optuna(sampler: str = "tpe") -> None:
    """Refuse a search where what it needs is not installed; see `require_packages`."""
    needed = ("optuna", "cmaes") if sampler == "cmaes" else ("optuna",)
    require_packages("a search needs", "search", *needed)
