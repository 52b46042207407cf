"""What is to be said of a run in whole sentences: what it waits for, what went wrong."""

from __future__ import annotations

from workbench.runs.events import Failed
from workbench.runs.status import Status
from workbench.tui.screens.train.state import RunState


def notice(state: RunState, collapsed: str = "") -> tuple[list[str], str]:
    """The sentences, and the word for how they are to look; none where nothing is the matter."""
    ending, history = state.history.ending, state.history
    trouble = state.watch.trouble
    match state.status:
        case Status.DELETED:
            return [
                "The folder of this run has been deleted. What was read of it stays on view; "
                "Esc leaves it."
            ], "bad"
        case Status.QUEUED | Status.PREPARING:
            waited = f"{state.waited_seconds:.0f} s"
            return [f"{_capital(state.waiting_for)} … {waited}"], "muted"
        case Status.KILLED | Status.CRASHED:
            done = history.epochs[-1].epoch if history.epochs else 0
            after = f"after epoch {done}" if done else "from the beginning"
            if state.status is Status.KILLED:
                return [f"Killed; r takes it up {after}."], "muted"
            where = f"in epoch {state.epoch}" if done < history.planned_epochs else "at the end"
            return [
                f"The worker died {where}, at step {history.step:,}, without a word in the log. "
                f"r takes the run up again {after}; l shows what the worker wrote."
            ], "bad"
        case Status.FAILED | Status.DIVERGED:
            assert isinstance(ending, Failed)
            advice = "" if ending.diverged else " l shows what the worker wrote."
            sentence = _capital(ending.message or "the run failed").rstrip(".")
            if ending.diverged:
                advice = " A lower learning rate may mend it."
            return [f"{sentence}.{advice}"], "bad"
        case Status.STOPPED:
            assert ending is not None
            return [
                f"Stopped after {ending.epochs_completed} of {history.planned_epochs} epochs and "
                "saved. r takes it up again from there."
            ], "muted"
    if trouble is not None:
        return [_capital(trouble.words) + "."], "bad"
    if state.status is Status.PAUSED:
        return ["Paused; p goes on."], "muted"
    return ([collapsed] if collapsed else []), "bad"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
