"""How the whole queue stands, in one sentence."""

from __future__ import annotations

from collections import Counter

from workbench.formats import count
from workbench.queue.view import QueueView, process_lost, time_words
from workbench.runs.status import Status


def headline(view: QueueView) -> tuple[str, str]:
    """The sentence and the theme's colour for it; both empty where nothing is queued."""
    if view.notice:
        return view.notice, "$warning"
    if not view.trials:
        return "", ""
    done = f"{view.ended} of {len(view.trials)} done"
    left = len(view.pending)
    # A runner that was killed leaves its last word in the file: only a living one means it.
    if view.running and view.stopping:
        return f"stopping: saving what trains · {done}", "$warning"
    if view.running and view.message:
        return f"waiting: {view.message} · {done}", "$warning"
    troubles = _troubles(view)
    if view.running and left:
        parts = [done, time_words(view.seconds_left, view.unknown, left=True)]
        parts += [f"{view.jobs} at once"] if view.jobs > 1 else []
        return " · ".join(parts + troubles), ""
    if left:
        time = time_words(view.seconds_left, view.unknown)
        if not any(item.trial.run_id for item in view.trials):
            return f"not started, {left} to train; s starts · {time}", ""
        word = process_lost(view) if view.lost else "stopped"
        return f"{word}, {left} to train; s goes on · {time}", "$warning"
    if not troubles:
        return "done" if len(view.trials) == 1 else f"all {len(view.trials)} done", "$success"
    hint = ["s tries again"] if any(item.trial.state.resumable for item in view.trials) else []
    return " · ".join([f"{len(view.trials)} ended", *troubles, *hint]), "$warning"


def _troubles(view: QueueView) -> list[str]:
    """`1 failed`, `2 diverged`, as far as there are such."""
    states = Counter(item.trial.state for item in view.trials)
    troubles = (Status.FAILED, Status.DIVERGED, Status.STOPPED, Status.KILLED)
    return [f"{states[state]} {state.word}" for state in troubles if states[state]]


def subtitle(view: QueueView, selected: int) -> str:
    """What the list holds: `14 trials · 2 selected`."""
    if not view.trials:
        return ""
    parts = [count(len(view.trials), "trial")]
    return " · ".join([*parts, f"{selected} selected"] if selected else parts)
