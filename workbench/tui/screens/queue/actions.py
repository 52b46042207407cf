"""What the screen asks of the queue. Each is done in a thread and gives the sentence to say."""

from __future__ import annotations

from collections.abc import Sequence

from workbench.errors import RunError
from workbench.formats import count, named_seeds
from workbench.leaderboard.store import Leaderboard
from workbench.model.spec import TrainingSpec
from workbench.queue import service
from workbench.queue.planning import PlannedTrial
from workbench.queue.search import SearchRequest, enqueue_search
from workbench.queue.store import QueueStore, asked_for
from workbench.runs import service as runs_service
from workbench.runs.folder import RunFolder
from workbench.runs.record import Labels
from workbench.runs.status import Status
from workbench.settings import Home
from workbench.tui.screens.queue.add_dialog import Request


def start_or_stop(home: Home) -> str:
    """Stop a queue that runs, start one that does not; one that is just stopping goes on."""
    store = QueueStore(home)
    stopping = store.read().stopping
    if store.runs() and not stopping and service.stop(home):
        return ""  # the headline says it
    if not service.start(home):
        return "Nothing in the queue is left to train."
    return "The queue goes on." if stopping else ""


def add(home: Home, asked: Request) -> str:
    """Queue what is asked for and is not there yet, and let the queue run."""
    ids = set(service.enqueue(home, asked.trials(home), asked.by))
    if not ids:
        return "Nothing to train: the leaderboard has all of it."
    earlier = sum(trial.id not in ids for trial in QueueStore(home).read().waiting)
    runs = QueueStore(home).runs()
    service.start(home, asked.jobs, None if runs else asked_for(asked.executor))
    first = f"; {earlier} queued earlier go first" if earlier else ""
    return f"{count(len(ids), 'training')} queued{first}."


def search(home: Home, asked: SearchRequest) -> str:
    """Queue a search, or go on with the one that asks the same, and let the queue run; its id."""
    wanted = asked.search()
    enqueue_search(home, wanted)
    service.start(home)
    return wanted.id


def put_in_line(
    home: Home, specs: Sequence[TrainingSpec], labels: Labels, *, next_seed: bool
) -> tuple[str, bool]:
    """Queue trainings; what is to be said of it, and whether the queue was started for them.

    With `next_seed` the first one alone, with the lowest seed that is neither run nor queued. A
    queue that was stopped with others waiting stays stopped.
    """
    store = QueueStore(home)
    before, running = store.read(), store.runs()
    if next_seed:
        key = specs[0].settings_key
        queued = [t.spec.seed for t in before.trials if t.spec.settings_key == key]
        seed = runs_service.next_seed(specs[0], Leaderboard(home), queued)
        specs = [specs[0].model_copy(update={"seed": seed})]
    ids = service.enqueue(home, [PlannedTrial(spec) for spec in specs], "app", labels)
    if not ids:
        return "Nothing to train: the leaderboard has all of it.", False
    waiting = [trial.id for trial in store.read().waiting]
    place = waiting.index(ids[0]) + 1 if ids[0] in waiting else 0
    what = f"{specs[0].preset}, {named_seeds([spec.seed for spec in specs])}"
    words = f"{what}: number {place} of the waiting." if place else f"{what}: trains already."
    if running or not before.waiting:
        return words, service.start(home) and not running
    return f"{words} The queue does not run; s on Queue starts it.", False


def move(home: Home, trial_id: str, step: int) -> str:
    """Train a waiting trial later (`step` 1) or earlier (-1).

    Its place is read here, not from the screen: keys may come faster than looks.
    """
    waiting = [trial.id for trial in QueueStore(home).read().waiting]
    if trial_id not in waiting:
        raise RunError("only waiting trials can be moved")
    place = waiting.index(trial_id) + 1 + step
    if 1 <= place <= len(waiting):
        service.move(home, trial_id, place)
    return ""


def drop(home: Home, trial_ids: Sequence[str]) -> str:
    """Take trials out of the queue.

    Raises:
        RunError: one of them trains now.
    """
    store = QueueStore(home)
    state, alive = store.read(), store.runs()
    for trial_id in trial_ids:
        trial = state.trial(trial_id)
        if alive and trial is not None and trial.state is Status.RUNNING:
            raise RunError(
                f"trial {trial_id} is training: enter opens its run, s stops it there; "
                "then it can be dropped"
            )
    dropped = service.drop(home, trial_ids)
    return f"Dropped {count(dropped, 'trial')}; runs and results stay." if dropped > 1 else ""


def clear(home: Home) -> str:
    """Take out all that have ended, and what is said of a queue that was lost."""
    state = QueueStore(home).read()
    ended = [trial.id for trial in state.trials if not trial.state.pending]
    ended += [entry.id for entry in state.searches if not entry.state.pending]
    if not ended and not state.notice:
        return "No trial has ended yet."
    dropped = service.drop(home, ended)
    if not dropped:
        return ""
    return f"Cleared {count(dropped, 'trial')}; runs and results stay."


def folder_of(home: Home, trial_id: str) -> RunFolder:
    """The folder of a trial's run.

    Raises:
        RunError: the trial has none: not yet, or not any more.
    """
    trial = QueueStore(home).read().trial(trial_id)
    if trial is None:
        raise RunError(f"trial {trial_id} was dropped")
    if trial.run_id is None:
        waits = trial.state is Status.WAITING
        raise RunError(
            f"trial {trial_id} has no run yet: it waits for its turn"
            if waits
            else f"trial {trial_id} has no run: {trial.message or 'it was never begun'}"
        )
    folder = RunFolder(home.runs / trial.run_id)
    _ = folder.record  # says what is wrong where it is gone or damaged
    return folder
