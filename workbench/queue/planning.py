"""What is to be trained: compared with what has been trained, was begun, or waits already.

So nothing is trained twice.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from zipfile import is_zipfile

from workbench.errors import UserError
from workbench.leaderboard.store import Leaderboard
from workbench.model.spec import TrainingSpec
from workbench.queue.store import Identity, QueueState, QueueStore, Trial, identity
from workbench.runs import lock
from workbench.runs.folder import RunFolder, all_runs
from workbench.runs.status import Status
from workbench.runs.summary import RunSummary, summarise
from workbench.settings import Home


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
        """How many trainings are still to be done."""
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


@dataclass(frozen=True)
class ResumableRun:
    """A run that was stopped, failed or crashed, and can go on from its last whole epoch."""

    run_id: str
    epochs_completed: int
    created_at: float


def resumable_runs(
    home: Home, entries: Sequence[RunSummary], wanted: Collection[Identity]
) -> dict[Identity, list[ResumableRun]]:
    """The runs of these trainings that can be taken up, the newest first.

    `entries` are the leaderboard's; what crashed does not stand there, and is found by its
    folder.
    """
    if not wanted:
        return {}
    ended = {entry.run_id: entry for entry in entries}
    found: dict[Identity, list[ResumableRun]] = {}
    for folder in all_runs(home):
        entry = ended.get(folder.run_id)
        if entry is not None:
            key = entry.settings_key, entry.seed
            if key not in wanted or entry.status is Status.FINISHED or entry.diverged:
                continue
        elif (crashed := _identity_of(folder)) is None or crashed not in wanted:
            continue
        else:
            key = crashed
        begun = _begun(folder)
        if begun is not None:
            found.setdefault(key, []).append(begun)
    for runs in found.values():
        runs.sort(key=lambda run: (run.created_at, run.run_id), reverse=True)
    return found


def _identity_of(folder: RunFolder) -> Identity | None:
    try:
        return identity(folder.spec)
    except UserError:  # a damaged folder trains nothing that is known
        return None


def _begun(folder: RunFolder) -> ResumableRun | None:
    """What a run that does not live left behind; None where nothing can go on from it."""
    try:
        if lock.is_held(folder.lock_file) or not is_zipfile(folder.checkpoint_file):
            return None
        summary = summarise(folder)
        return ResumableRun(folder.run_id, summary.epochs_completed, folder.record.created_at)
    except (UserError, OSError):
        return None
