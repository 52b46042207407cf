"""What the screen asks of the queue. Each is done in a thread and gives the sentence to say."""

from __future__ import annotations

from collections.abc import Sequence

from workbench.errors import RunError
from workbench.formats import count
from workbench.queue import service
from workbench.queue.paper import tables_of, trainings_for
from workbench.queue.store import QueueStore
from workbench.runs.folder import RunFolder
from workbench.runs.status import Status
from workbench.settings import Home
from workbench.tui.screens.queue.add_dialog import Reproduction


def start_or_stop(home: Home) -> str:
    """Stop a queue that runs, start one that does not; one that is just stopping goes on."""
    store = QueueStore(home)
    stopping = store.read().stopping
    if store.runs() and not stopping and service.stop(home):
        return ""  # the headline says it
    if not service.start(home):
        return "Nothing in the queue is left to train."
    return "The queue goes on after all." if stopping else ""


def add(home: Home, asked: Reproduction) -> str:
    """Queue what the tables need and is not there yet, and let the queue run."""
    wanted = trainings_for(tables_of(asked.tables), asked.seeds, asked.precision)
    ids = set(service.enqueue(home, wanted, "reproduce"))
    if not ids:
        return "Nothing to train: the leaderboard has all of it."
    earlier = sum(trial.id not in ids for trial in QueueStore(home).read().waiting)
    service.start(home, asked.jobs)
    first = f"; {earlier} queued earlier go first" if earlier else ""
    return f"{count(len(ids), 'training')} queued{first}."


def move(home: Home, trial_id: str, step: int) -> str:
    """Train a waiting trial later (`step` 1) or sooner (-1).

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
