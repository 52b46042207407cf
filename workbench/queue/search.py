"""A search on disk: what is looked for and how, its study, and what came of it.

`searches/ID/` holds `search.json`, the study as Optuna's journal (`study.journal`), how far it is
for screens (`progress.json`), and at the end `result.json`. The queue's entry names the search;
from these files it makes its trials as it goes.
"""

from __future__ import annotations

import hashlib
import json
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from workbench.errors import EnvironmentProblem, RunError
from workbench.files import Stamp, read_file, stamp, write_file
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
PROGRESS = "progress.json"
FEWEST_FOR_IMPORTANCE = 8  # whole trials, so that the best quarter are two
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
    importance: dict[str, float] = {}  # as of `SearchProgress`

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


class SearchTrial(BaseModel):
    """One trial of a search, as screens show it. Accuracies are fractions of the validation images.

    `outcome` is the study's word for how it came out; empty while it waits or trains. `accuracy`
    is that of a trial that may be chosen: one that was trained to its end. `curve` is by epoch.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    number: int
    values: dict[str, Value]
    outcome: str = ""
    run_id: str | None = None
    accuracy: float | None = None
    curve: dict[int, float] = {}

    @property
    def last(self) -> float | None:
        """What it came to, or has come to so far."""
        return self.curve[max(self.curve)] if self.accuracy is None and self.curve else (
            self.accuracy
        )  # fmt: skip


class SearchProgress(BaseModel):
    """How far a search is. The queue's process writes it, so that nobody else opens the study.

    `importance` says of each parameter how much of what sets the best quarter of the trials apart
    is its doing, as a share; empty while there are too few.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    trials: tuple[SearchTrial, ...] = ()
    importance: dict[str, float] = {}

    @property
    def best(self) -> SearchTrial | None:
        """What would be chosen now: the earliest of those with the highest accuracy."""
        whole = [trial for trial in self.trials if trial.accuracy is not None]
        return max(whole, key=lambda trial: (trial.accuracy, -trial.number), default=None)


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

    def progress(self) -> SearchProgress:
        """How far it is, as last written; nothing where it was not."""
        try:
            content = read_file(self.path / PROGRESS, LARGEST)
            return SearchProgress.model_validate_json(content)
        except (OSError, ValueError):
            return SearchProgress()

    def write_progress(self, progress: SearchProgress) -> None:
        """Keep how far it is."""
        self._write(PROGRESS, progress)

    @property
    def version(self) -> Stamp | None:
        """Changes whenever `progress` may."""
        return stamp(self.path / PROGRESS)

    def _write(self, name: str, data: BaseModel) -> None:
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_file(self.path / name, data.model_dump_json())
        except OSError as error:
            raise EnvironmentProblem(f"{self.path / name}: {error.strerror}") from error


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
