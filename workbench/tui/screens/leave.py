"""The one question at leaving: trainings and the queue, if started here, and unsaved work."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from rich.text import Text

from workbench.errors import RunError, UserError
from workbench.formats import count
from workbench.queue import service as queue_service
from workbench.runs import service
from workbench.runs.folder import RunFolder
from workbench.settings import Home
from workbench.text import visible
from workbench.tui.screens.dialog import ChoiceDialog

SAVE, DROP, STAY = "save", "drop", "stay"
KEEP, STOP, KILL = "keep", "stop", "kill"
MOST_NAMED = 3  # runs that train on and are each named
LEAVES = (DROP, KEEP, STOP, KILL)  # the answers after which the app ends


def leave_dialog(living: list[RunFolder], work: str, *, queue: bool = False) -> ChoiceDialog:
    """Ask about what trains and about unsaved `work` (its title, if any).

    `living` are the runs that train, and with `queue` the queue does.
    """
    changes = f"The changes of {work} in Compose are not saved."
    if not living and not queue:
        answers = [(SAVE, "Save and quit"), (DROP, "Discard them and quit"), (STAY, "Cancel")]
        return ChoiceDialog(changes, answers)
    one = len(living) + queue == 1
    it = "it" if one else "them"
    question = f"{_named(living, queue)} {'is' if one else 'are'} still training."
    answers = [
        (KEEP, f"Leave {it} training and quit"),
        (STOP, f"Stop and save {it}, then quit"),
        (KILL, f"Kill {it} unsaved, then quit"),
        (STAY, "Cancel"),
    ]
    if work:
        # Saving comes first, the trainings are asked about after it; all else drops the changes.
        question += f" {changes} Quitting without saving discards them."
        answers.insert(0, (SAVE, "Save the changes first"))
    return ChoiceDialog(question, answers)


def _named(living: list[RunFolder], queue: bool) -> str:
    """`Run k7qd-nn-1`, `3 runs and the queue`."""
    if not living:
        return "The queue"
    runs = f"Run {living[0].run_id}" if len(living) == 1 else count(len(living), "run")
    return f"{runs} and the queue" if queue else runs


def farewell(runs: Sequence[str], *, queue: bool) -> Text:
    """How to follow what trains on, a line each; empty where nothing does."""
    lines = [f"Run {run} trains on: mnist-workbench attach {run}" for run in runs[:MOST_NAMED]]
    if len(runs) > MOST_NAMED:
        lines.append(f"All {len(runs)}: mnist-workbench runs --status training")
    if queue:
        lines.append("The queue trains on: mnist-workbench queue watch")
    return Text("\n".join(map(visible, lines)))


def carry_out(
    answer: str | None, living: list[RunFolder], queue: Home | None = None
) -> UserError | None:
    """Stop or kill what was asked for; the error if that could not be done.

    `queue`: the home whose queue is meant too. Called in a thread.
    """
    if answer not in (STOP, KILL):
        return None
    try:
        if queue is not None:
            queue_service.stop(queue, kill=answer == KILL)
        for folder in living:
            with suppress(RunError):  # it has just ended
                service.stop(folder)
        for folder in living if answer == KILL else ():
            with suppress(RunError):  # it has just ended, or had not begun
                service.kill(folder)
    except UserError as error:
        return error
    return None
