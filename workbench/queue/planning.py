"""What is to be trained: the paper's tables, a sweep's grid, or what else is asked for.

It is compared with what has been trained, was begun, or waits already: so nothing is trained twice.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, fields, replace
from itertools import product
from zipfile import is_zipfile

from workbench.config import MOST_SEEDS
from workbench.errors import RunError, UserError, nearest
from workbench.leaderboard.store import Leaderboard
from workbench.model.hyperparameters import Overrides
from workbench.model.spec import Precision, TrainingSpec
from workbench.model.tables import TABLE_NUMBERS, PaperRow, PaperTable, paper_table
from workbench.queue.store import MOST_TRIALS, Identity, QueueState, QueueStore, Trial, identity
from workbench.runs import lock
from workbench.runs.folder import RunFolder, all_runs
from workbench.runs.plan import Plan, specs_for
from workbench.runs.status import Status
from workbench.runs.summary import RunSummary, summarise
from workbench.settings import Home

# Beside the settings of a training: what else of a plan can be swept.
PLAN_NAMES = ("precision", "dataset", "train_limit", "seed")
_WHOLE = ("epochs", "batch_size", "train_limit", "seed")
_NUMBERS = ("learning_rate", "momentum")
_RANGE = re.compile(r"(?P<log>log:)?(?P<low>[^:]+?)\.\.(?P<high>[^/]+)(/(?P<parts>\d{1,4}))?")
ALIASES = {"lr": "learning_rate", "batch": "batch_size", "opt": "optimizer"}
SHORT = {name: alias for alias, name in ALIASES.items()}


@dataclass(frozen=True)
class PlannedTrial:
    """A training somebody asks for: its spec and what it is for."""

    spec: TrainingSpec
    label: str = ""


@dataclass(frozen=True)
class TrialPlan:
    """Which of some trainings have been trained, which are in the queue, and which are new.

    `ahead` are other trials that are pending and come first. `epochs_done` are whole epochs of
    runs that are taken up, by settings and seed.
    """

    present: tuple[tuple[PlannedTrial, RunSummary], ...]
    queued: tuple[tuple[PlannedTrial, Trial], ...]
    new: tuple[PlannedTrial, ...]
    ahead: int = 0
    epochs_done: Mapping[Identity, int] = field(default_factory=dict)

    @property
    def to_train(self) -> int:
        return len(self.queued) + len(self.new)


def plan_trials(
    home: Home, wanted: Sequence[PlannedTrial], elsewhere: Iterable[RunSummary] = ()
) -> TrialPlan:
    """Compare what is wanted with the leaderboard and the queue; nothing is changed.

    Results from `elsewhere` count as those of the leaderboard do.
    """
    entries = entries_of(home)
    found = trial_plan(wanted, results([*entries, *elsewhere]), QueueStore(home).read())
    specs = [item.spec for item in found.new] + [trial.spec for _, trial in found.queued]
    begun = resumable_runs(home, entries, {identity(spec) for spec in specs})
    return replace(
        found, epochs_done={key: runs[0].epochs_completed for key, runs in begun.items()}
    )


def trial_plan(
    wanted: Sequence[PlannedTrial],
    known: Mapping[Identity, RunSummary],
    state: QueueState,
) -> TrialPlan:
    """The plan against these results and this queue."""
    queued = {trial.identity: trial for trial in state.trials if not trial.state.settled}
    present: list[tuple[PlannedTrial, RunSummary]] = []
    waiting: list[tuple[PlannedTrial, Trial]] = []
    new: dict[Identity, PlannedTrial] = {}
    for item in wanted:
        key = identity(item.spec)
        if key in known:
            present.append((item, known[key]))
        elif key in queued:
            waiting.append((item, queued[key]))
        else:
            new.setdefault(key, item)
    asked = {trial.id for _, trial in waiting}
    ahead = sum(trial.state.pending and trial.id not in asked for trial in state.trials)
    return TrialPlan(tuple(present), tuple(waiting), tuple(new.values()), ahead)


def results(entries: Iterable[RunSummary]) -> dict[Identity, RunSummary]:
    """The first result of each settings and seed.

    A divergence is a result: the same seed would diverge again. Runs that were stopped or
    failed otherwise are none.
    """
    known: dict[Identity, RunSummary] = {}
    for entry in entries:
        if entry.status is Status.FINISHED or entry.diverged:
            known.setdefault((entry.settings_key, entry.seed), entry)
    return known


def entries_of(home: Home) -> list[RunSummary]:
    """A home's own runs that ended; imported ones are somebody else's and do not count."""
    return list(Leaderboard(home).sync().entries)


def living_run(home: Home, wanted: Identity) -> str | None:
    """The id of a run that trains just this, started by hand, say."""
    for folder in all_runs(home):
        if lock.is_held(folder.lock_file) and _identity_of(folder) == wanted:
            return folder.run_id
    return None


def resumable_runs(
    home: Home, entries: Sequence[RunSummary], wanted: Collection[Identity]
) -> dict[Identity, list[RunSummary]]:
    """The runs of these trainings that can be taken up, the newest first: they were stopped, failed
    or crashed, and can go on from their last whole epoch.

    `entries` are the leaderboard's; what crashed does not stand there, and is found by its
    folder.
    """
    if not wanted:
        return {}
    ended = {entry.run_id: entry for entry in entries}
    found: dict[Identity, list[tuple[float, str, RunSummary]]] = {}
    for folder in all_runs(home):
        entry = ended.get(folder.run_id)
        if entry is not None and (entry.status is Status.FINISHED or entry.diverged):
            continue
        key = (entry.settings_key, entry.seed) if entry is not None else _identity_of(folder)
        if key is None or key not in wanted:
            continue
        with suppress(UserError, OSError):  # nothing can go on from it
            if not lock.is_held(folder.lock_file) and is_zipfile(folder.checkpoint_file):
                dated = folder.record.created_at, folder.run_id, summarise(folder)
                found.setdefault(key, []).append(dated)
    return {key: [run for *_, run in sorted(runs, reverse=True)] for key, runs in found.items()}


def _identity_of(folder: RunFolder) -> Identity | None:
    try:
        return identity(folder.spec)
    except UserError:  # a damaged folder trains nothing that is known
        return None


@dataclass(frozen=True)
class SweepAxis:
    """One setting and the values it takes, in the order given."""

    name: str
    values: tuple[str | int | float, ...]


def parse_axis(text: str) -> SweepAxis:
    """An axis from `learning_rate=0.001,0.002`, `epochs=1..5` or `lr=log:0.001..0.1/5`.

    A range has both of its ends; `/5` says into how many values it is divided, evenly or, after
    `log:`, by equal factors. Whole numbers are all taken where nothing is said.

    Raises:
        RunError: no such setting, no value, or one that is not of the setting's kind.
    """
    name, equals, listed = text.partition("=")
    name = name.strip().lower().replace("-", "_")
    name = ALIASES.get(name, name)
    known = [*asdict(Overrides()), *PLAN_NAMES]
    if name not in known:
        raise RunError(f'no setting "{name}"; {nearest(name, known)}', named=f"--set {text}")
    words = [word.strip() for word in listed.split(",")]
    if not equals or not all(words):
        raise RunError(f"give values, as in --set {name}=A,B", named=f"--set {text}")
    values = (value for word in words for value in _values(name, word))
    return SweepAxis(name, tuple(dict.fromkeys(values)))


def _values(name: str, word: str) -> list[str | int | float]:
    """What a value or a range stands for."""
    found = _RANGE.fullmatch(word)
    if found is None or name not in (*_WHOLE, *_NUMBERS):
        return [_value(name, word)]
    log, parts = found["log"], found["parts"]
    low, high = (float(_value(name, found[end])) for end in ("low", "high"))
    whole = name in _WHOLE
    if not parts and not (whole and not log):
        raise RunError(f"say how many values, as in {word}/5", named=f"--set {name}")
    steps = (int(parts) if parts else round(high - low) + 1) - 1
    if not low < high < math.inf or not 1 <= steps < MOST_TRIALS or (log and low <= 0):
        raise RunError(
            f"a range goes up from its first end{', above 0,' if log else ''} in 2 to "
            f"{MOST_TRIALS:,} values (given: {word})",
            named=f"--set {name}",
        )
    if log:
        spread = [low * (high / low) ** (step / steps) for step in range(steps + 1)]
    else:
        spread = [low + (high - low) * step / steps for step in range(steps + 1)]
    return [round(value) if whole else float(f"{value:.4g}") for value in spread]


def _value(name: str, word: str) -> str | int | float:
    try:
        if name in _WHOLE:
            return int(word)
        return float(word) if name in _NUMBERS else word
    except ValueError:
        what = "a whole number" if name in _WHOLE else "a number"
        raise RunError(f'"{word}" is not {what}', named=f"--set {name}") from None


def parse_axes(texts: Sequence[str]) -> list[SweepAxis]:
    """All axes of a sweep.

    Raises:
        RunError: none at all, one that cannot be read, or one setting named twice.
    """
    if not texts:
        raise RunError("nothing to sweep; name values, as in --set learning_rate=0.001,0.002")
    axes = [parse_axis(text) for text in texts]
    for axis in axes:
        if sum(axis.name == other.name for other in axes) > 1:
            raise RunError(f"--set {axis.name}: named twice; put its values behind one another")
    return axes


def grid(
    home: Home, preset: str, axes: Sequence[SweepAxis], plan: Plan, seeds: int = 1
) -> list[PlannedTrial]:
    """One training for each combination and seed; equal ones are there once.

    All combinations of the first seed come before those of the second.

    Raises:
        PresetError: an unknown preset, an impossible model or a value out of range.
        DatasetError: the data set cannot be used.
        RunError: more trainings than a queue holds.
    """
    if seeds < 1:
        raise RunError(f"seeds: must be 1 or more (given: {seeds})")
    size = seeds * math.prod(len(axis.values) for axis in axes)
    if size > MOST_TRIALS:
        raise RunError(f"a grid of {size:,} trainings; the queue holds at most {MOST_TRIALS:,}")
    if seeds > 1 and any(axis.name == "seed" for axis in axes):
        raise RunError("--set seed and --seeds: give one of them")
    # What all have alike tells none of them from the others.
    told = [axis.name for axis in axes if len(axis.values) > 1] or [axis.name for axis in axes]
    found: dict[tuple[str, int], PlannedTrial] = {}
    for repeat in range(seeds):
        for values in product(*(axis.values for axis in axes)):
            chosen = dict(zip((axis.name for axis in axes), values, strict=True))
            spec = specs_for(home, preset, _plan_with(plan, chosen, repeat))[0]
            label = _label({name: chosen[name] for name in told})
            found.setdefault(identity(spec), PlannedTrial(spec, label))
    return list(found.values())


def _plan_with(plan: Plan, chosen: dict[str, str | int | float], repeat: int) -> Plan:
    names = {field.name for field in fields(Overrides)}
    settings = {name: value for name, value in chosen.items() if name in names}
    rest = {name: value for name, value in chosen.items() if name not in names}
    changed = {
        "overrides": replace(plan.overrides, **settings),  # type: ignore[arg-type]
        "seed": plan.seed + repeat,
        "repeats": 1,
        **rest,
    }
    return replace(plan, **changed)  # type: ignore[arg-type]


def _label(chosen: dict[str, str | int | float]) -> str:
    """`lr=0.02 opt=adam`: short, since lists have little room for it."""
    return " ".join(
        f"{SHORT.get(name, name)}={f'{value:g}' if isinstance(value, float) else value}"
        for name, value in chosen.items()
    )


def tables_of(numbers: Sequence[int]) -> tuple[PaperTable, ...]:
    """The tables of these numbers in the paper's order; all five where none is named.

    Raises:
        PresetError: the paper has no such table of results.
    """
    chosen = {number: paper_table(number) for number in numbers or TABLE_NUMBERS}
    return tuple(chosen[number] for number in sorted(chosen))


def rows_of(tables: Sequence[PaperTable]) -> int:
    return sum(len(table.rows) for table in tables)


def trainings_for(
    tables: Sequence[PaperTable], seeds: int = 1, precision: Precision = "float32"
) -> list[PlannedTrial]:
    """The distinct trainings of these tables, with seeds from 0 on.

    All of seed 0 come before the first of seed 1, so that the tables are whole early.

    Raises:
        RunError: a number of seeds out of range.
    """
    if not 1 <= seeds <= MOST_SEEDS:
        raise RunError(f"seeds: must be from 1 to {MOST_SEEDS:,} (given: {seeds})")
    first: dict[Identity, tuple[TrainingSpec, dict[str, None]]] = {}  # and where it stands
    for table in tables:
        for row in table.rows:
            spec = row.spec(precision=precision)
            first.setdefault(identity(spec), (spec, {}))[1][place(table, row)] = None
    return [
        PlannedTrial(
            spec.model_copy(update={"seed": seed}),
            f"Table{'s' * (len(places) > 1)} {', '.join(places)}",
        )
        for seed in range(seeds)
        for spec, places in first.values()
    ]


def place(table: PaperTable, row: PaperRow) -> str:
    """Where a row stands: `7.4` for Table 7's trial 4, the table's number where rows are models."""
    return f"{table.number}.{row.label}" if row.label.isdigit() else str(table.number)
