"""What commands and screens ask of the queue: add, start, stop, drop, move."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable, Sequence
from contextlib import suppress

from workbench.errors import EnvironmentProblem, RunError, nearest
from workbench.formats import count
from workbench.queue.planning import PlannedTrial, entries_of, results, trial_plan
from workbench.queue.store import (
    LOCAL,
    MOST_JOBS,
    MOST_TRIALS,
    Engine,
    Origin,
    QueueState,
    QueueStore,
    Trial,
    configured,
    require_installed,
)
from workbench.runs import lock
from workbench.runs import service as runs
from workbench.runs.folder import ID_LETTERS, RunFolder
from workbench.runs.plan import require_memory
from workbench.runs.process import start_detached
from workbench.runs.record import Labels
from workbench.runs.status import Status
from workbench.settings import Home

RUNNER = "workbench.queue.runner"


def enqueue(
    home: Home, wanted: Sequence[PlannedTrial], by: Origin, labels: Labels | None = None
) -> list[str]:
    """Put at the end of the queue what is neither on the leaderboard nor queued yet.

    Returns the ids of all trials in the queue that stand for what is wanted, new or old, in the
    order wanted. Those that had been stopped or had failed wait once more.

    Raises:
        EnvironmentProblem: memory cannot hold a training.
        RunError: the queue would grow beyond its limit.
    """
    require_memory(item.spec for item in wanted)
    known = results(entries_of(home))
    store = QueueStore(home)
    running = store.runs()
    with store.change() as state:
        state.notice = ""
        _forget_jobs(state, running=running)
        unsettled = any(not trial.state.settled for trial in state.trials)
        if not running and not unsettled and not state.searching:
            state.trials = []  # all is done: a new list begins, the runs stay where they are
        found = trial_plan(wanted, known, state)
        if len(state.waiting) + len(found.new) > MOST_TRIALS:
            raise RunError(
                f"{count(len(found.new), 'trial')}: the queue holds at most {MOST_TRIALS}; "
                "ask for fewer"
            )
        for _, trial in found.queued:
            if not trial.state.pending:
                state.put(trial.model_copy(update={"state": Status.WAITING, "message": ""}))
        ids = {trial.identity: trial.id for _, trial in found.queued}
        taken = {trial.id for trial in state.trials}
        for item in found.new:
            trial = Trial(
                id=fresh_id(taken),
                spec=item.spec,
                label=item.label,
                by=by,
                labels=labels or Labels(),
            )
            taken.add(trial.id)
            ids[trial.identity] = trial.id
            state.trials.append(trial)
    return list(dict.fromkeys(ids.values()))


def fresh_id(taken: set[str]) -> str:
    while True:
        token = "".join(secrets.choice(ID_LETTERS) for _ in range(3 if len(taken) < 2000 else 5))
        if token not in taken:
            return token


def check_jobs(jobs: int | None) -> None:
    """Refuse a number of jobs out of range, by a RunError."""
    if jobs is not None and not 1 <= jobs <= MOST_JOBS:
        raise RunError(f"jobs: must be from 1 to {MOST_JOBS} (given: {jobs})")


def _forget_jobs(state: QueueState, *, running: bool) -> None:
    """How many train at once is said for one queue, not for the next."""
    pending = any(trial.state.pending for trial in state.trials)
    if not running and not pending and not state.searching:
        state.jobs, state.engine = 1, None


def start(
    home: Home, jobs: int | None = None, engine: Engine | None = None, *, retry: bool = True
) -> bool:
    """Let the queue run, detached; False when there is nothing to train.

    Without `jobs` or `engine` a queue that runs or was interrupted keeps its own; any other has 1,
    and what the user has configured.
    With `retry`, trials that were stopped or failed are tried again; what can go on from a
    checkpoint does.

    Raises:
        RunError: a number of jobs out of range, or the queue runs with another engine.
        EnvironmentProblem: the runner cannot be started, or the engine is not installed.
    """
    check_jobs(jobs)
    store = QueueStore(home)
    with store.change() as state:
        running = store.runs()
        _forget_jobs(state, running=running)
        known = (state.engine or LOCAL) if running else state.engine
        wanted = engine or known or configured()
        require_installed(wanted)
        if running and known is not None and wanted != known:
            raise RunError(
                f"the queue trains on {known.words}; `mnist-workbench queue stop` ends that, "
                "then it can be started elsewhere"
            )
        state.stopping = False
        descriptor = lock.acquire(store.runner_lock)
        state.jobs, state.engine = jobs or state.jobs, wanted
        if descriptor is None:
            _wait_again(state, retry=retry, interrupted=False)
            return True
        _wait_again(state, retry=retry, interrupted=True)
        if not state.waiting and not state.searching:
            os.close(descriptor)
            return False
        state.notice = ""
    try:
        start_detached(RUNNER, [str(home.path), str(descriptor)], [descriptor], store.log)
    except OSError as error:
        raise EnvironmentProblem(f"the queue cannot be started: {error}") from error
    finally:
        os.close(descriptor)
    return True


def _wait_again(state: QueueState, *, retry: bool, interrupted: bool) -> None:
    """Trials that nobody works on wait once more. `interrupted`: those left by a dead runner."""
    for trial in state.trials:
        left = interrupted and trial.state is Status.RUNNING
        # A search draws another in place of a trial that failed or was stopped by hand.
        again = retry and trial.state.resumable and trial.number is None
        if left or (again and trial.state is not Status.PRUNED):
            state.put(trial.model_copy(update={"state": Status.WAITING, "message": ""}))
    for entry in state.searches:
        if retry and entry.state.resumable:
            state.put_search(entry.model_copy(update={"state": Status.WAITING, "message": ""}))


def stop(home: Home, *, kill: bool = False) -> bool:
    """Ask the queue to save what trains and to stop; False when it does not run.

    It goes on where it was with `start`; what was killed, from its last whole epoch.

    Raises:
        EnvironmentProblem: a worker cannot be killed.
    """
    store = QueueStore(home)
    if not store.runs():
        return False
    with store.change() as state:
        state.stopping = True
    for trial in state.trials if kill else ():
        if trial.state is Status.RUNNING and trial.run_id:
            with suppress(RunError):  # it has just ended
                runs.kill(RunFolder(home.runs / trial.run_id))
    return True


def drop(home: Home, trial_ids: Iterable[str]) -> int:
    """Take trials and searches out of the queue; how many. No run or result is touched.

    Raises:
        RunError: one of them trains now.
    """
    wanted = set(trial_ids)
    store = QueueStore(home)
    with store.change() as state:
        for trial in state.trials:
            if trial.id in wanted and trial.state is Status.RUNNING and store.runs():
                raise RunError(
                    f"trial {trial.id} is training; stop its run first "
                    f"(`mnist-workbench stop {trial.run_id}`)"
                )
        kept = [trial for trial in state.trials if trial.id not in wanted]
        searches = [entry for entry in state.searches if entry.id not in wanted]
        dropped = len(state.trials) - len(kept) + len(state.searches) - len(searches)
        state.trials, state.searches, state.notice = kept, searches, ""
    return dropped


def move(home: Home, trial_id: str, place: int) -> int:
    """Put a waiting trial at a place among the waiting (1: the next to train); where it stands.

    Raises:
        RunError: the trial does not wait, or there is no such place.
    """
    with QueueStore(home).change() as state:
        trial = state.trial(trial_id)
        if trial is None or trial.state is not Status.WAITING:
            raise RunError(f"trial {trial_id} does not wait; only waiting trials can be moved")
        waiting = [other for other in state.waiting if other.id != trial_id]
        if not 1 <= place <= len(waiting) + 1:
            raise RunError(
                f"place: must be from 1 to {len(waiting) + 1}, the number of waiting trials "
                f"(given: {place})"
            )
        waiting.insert(place - 1, trial)
        order = iter(waiting)
        state.trials = [
            next(order) if known.state is Status.WAITING else known for known in state.trials
        ]
    return place


def find_trial(state: QueueState, prefix: str) -> Trial:
    """The trial whose id begins with `prefix`; a RunError where none does, or several."""
    exact = state.trial(prefix)
    matching = [trial for trial in state.trials if trial.id.startswith(prefix)]
    if exact is not None:
        return exact
    if len(matching) == 1 and prefix:
        return matching[0]
    names = [trial.id for trial in state.trials]
    if matching and prefix:
        raise RunError(f'trial "{prefix}" is ambiguous: {", ".join(t.id for t in matching[:10])}')
    hint = nearest(prefix, names) if len(names) <= 10 else "`mnist-workbench queue` lists them"
    raise RunError(f'no trial "{prefix}" in the queue: {hint}')
