"""A search on disk: what is looked for and how, its study, and what came of it.

`searches/ID/` holds `search.json`, the study as Optuna's journal (`study.journal`), and at the end
`result.json`. The queue's entry names the search; from these files it makes its trials as it goes.
"""

from __future__ import annotations

import hashlib
import json
from typing import Annotated, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from workbench.errors import EnvironmentProblem, RunError, nearest
from workbench.files import read_file, write_file
from workbench.model.hyperparameters import InverseTimeDecay
from workbench.model.preset import Preset
from workbench.model.spec import TrainingSpec
from workbench.queue.space import Parameter, Value, parse_space, spec_with
from workbench.queue.store import MOST_TRIALS, QueueStore, SearchEntry
from workbench.runs.record import Labels
from workbench.settings import Home

Sampler = Literal["tpe", "random", "grid", "cmaes"]
Pruner = Literal["hyperband", "median", "wilcoxon", "none"]
MOST_SEEDS = 100
LARGEST = 1 << 24
TAG = "search"


class Search(BaseModel):
    """What is searched. Two with the same `id` are the same study, whatever their budgets."""

    model_config = ConfigDict(extra="ignore", frozen=True)

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
        """The space as parameters."""
        return parse_space(self.space, self.base)

    def spec(self, values: dict[str, Value]) -> TrainingSpec:
        """The training of a trial.

        Raises:
            PresetError: an impossible model.
        """
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


class SearchResult(BaseModel):
    """What a search came to. Accuracies are fractions."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    values: dict[str, Value]
    number: int  # of the chosen trial, from 0
    run_id: str | None
    validation_accuracy: float
    counts: dict[str, int]  # trials by how they came out
    final: TrainingSpec
    final_runs: tuple[str, ...]
    test_accuracies: tuple[float, ...]

    def preset(self, name: str, title: str) -> Preset:
        """The chosen settings as a preset.

        Raises:
            RunError: a name that no preset can have.
        """
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


def checked_search(search: Search) -> Search:
    """The search, if it can be begun.

    Raises:
        RunError: a sampler, pruner, space or schedule that do not go together.
    """
    parameters = search.parameters
    listed = all(item.choices for item in parameters)
    if search.sampler == "grid" and not listed:
        first = next(item for item in parameters if not item.choices)
        raise RunError(f"--set {first.short}: a grid takes values, not a range; list them")
    if search.sampler == "cmaes" and listed:
        raise RunError("sampler cmaes: needs a range at least; use tpe where all are lists")
    drawn = next((item.choices for item in parameters if item.name == "schedule.kind"), ())
    if "reduce_on_plateau" in (search.base.training.schedule.kind, *drawn):
        raise RunError(
            "reduce on plateau: the chosen settings are trained on all training images, where "
            "there is no validation to go by; search with another schedule"
        )
    return search


def one_of(what: str, given: str, known: object) -> str:
    """A sampler's or pruner's name as typed.

    Raises:
        RunError: there is none of that name.
    """
    names = list(get_args(known))
    if given.lower() not in names:
        raise RunError(f'{what}: no "{given}"; {nearest(given.lower(), names)}')
    return given.lower()


class SearchFolder:
    """The files of one search."""

    def __init__(self, home: Home, search_id: str) -> None:
        self.id = search_id
        self.path = home.path / "searches" / search_id
        self.journal = self.path / "study.journal"

    def read(self) -> Search:
        """What is searched.

        Raises:
            RunError: its file is gone or damaged.
        """
        try:
            return Search.model_validate_json(read_file(self.path / "search.json", LARGEST))
        except (OSError, ValueError) as error:
            raise RunError(
                f"search {self.id}: {self.path / 'search.json'} is gone or damaged; start the "
                "search anew"
            ) from error

    def write(self, search: Search) -> None:
        """Keep what is searched, with the budgets that hold from now on."""
        self._write("search.json", search)

    def result(self) -> SearchResult | None:
        """What it came to; None while it goes on."""
        try:
            return SearchResult.model_validate_json(read_file(self.path / "result.json", LARGEST))
        except (OSError, ValueError):
            return None

    def write_result(self, result: SearchResult | None) -> None:
        """Keep what it came to; None: it goes on."""
        if result is not None:
            self._write("result.json", result)
        else:
            (self.path / "result.json").unlink(missing_ok=True)

    def _write(self, name: str, data: BaseModel) -> None:
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_file(self.path / name, data.model_dump_json(indent=1))
        except OSError as error:
            raise EnvironmentProblem(f"{self.path / name}: {error.strerror}") from error


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


def enqueue_search(home: Home, search: Search) -> str:
    """Put a search into the queue, or go on with the one that is there already; its id.

    Raises:
        EnvironmentProblem: the folder cannot be written.
    """
    home.ensure()
    folder = SearchFolder(home, search.id)
    folder.write(search)
    folder.write_result(None)  # a larger budget may choose others
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
