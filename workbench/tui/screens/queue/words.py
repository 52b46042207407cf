"""The words of the queue's screen: how it stands, and two lines about a trial."""

from __future__ import annotations

from collections import Counter

from rich.text import Text
from textual.app import RenderResult
from textual.reactive import reactive
from textual.widget import Widget

from workbench.formats import clock, count, epochs_done, percent, rough_duration
from workbench.leaderboard.paper import beside_paper
from workbench.queue.view import QueueView, TrialView, process_lost, time_words
from workbench.runs.status import Status
from workbench.text import one_line


class TrialDetail(Widget):
    """Shows `lines`: what is trained, and what is to be said of it."""

    lines: reactive[tuple[str, str]] = reactive(("", ""))

    def render(self) -> RenderResult:
        """The first line stands out."""
        head, rest = self.lines
        text = Text(no_wrap=True, overflow="ellipsis")
        text.append(head, style="bold")
        text.append(f"\n{rest}")
        return text


def detail_lines(item: TrialView, place: int) -> tuple[str, str]:
    """The two lines about a trial; `place` is its place among the waiting, from 1."""
    trial = item.trial
    head = f"{trial.label}: {trial.text}" if trial.label else trial.text
    words = _words(item, place)
    if item.accuracy is not None:
        words.insert(0, _accuracy(item, item.accuracy))
    if trial.run_id:
        words.append(f"run {trial.run_id}")
    return one_line(head), one_line("  ·  ".join(word for word in words if word))


def _words(item: TrialView, place: int) -> list[str]:
    trial = item.trial
    if item.lost is not None:
        return [f"{item.lost.word}: nobody trains it now; s resumes it from its last whole epoch"]
    match trial.state:
        case Status.WAITING if trial.run_id:
            return [_place(place), "goes on from its last whole epoch"]
        case Status.WAITING if item.seconds_left is None:
            return [_place(place), "how long it takes is not known yet"]
        case Status.WAITING:
            return [_place(place), f"about {rough_duration(item.seconds_left or 0.0)} here"]
        case Status.RUNNING if item.run is not None:
            summary = item.run.summary
            epochs = epochs_done(summary.epochs_completed, summary.epochs) if summary else ""
            return [item.run.preparing, epochs, item.run.fault]
        case Status.FINISHED if item.result and item.result.train_seconds is not None:
            return [f"trained in {clock(item.result.train_seconds)}"]
        case Status.PRESENT:
            return ["was trained already"]
        case Status.STOPPED | Status.KILLED:
            return [trial.message, f"{trial.state.word} by hand; s resumes it"]
        case Status.FAILED:
            return [f"failed: {trial.message}"]
        case Status.DIVERGED:
            return [trial.message or "diverged"]
    return []


def _place(place: int) -> str:
    return "the next to train" if place == 1 else f"number {place} of the waiting"


def _accuracy(item: TrialView, accuracy: float) -> str:
    trial = item.trial
    so_far = trial.state.pending
    beside = beside_paper(trial.spec.settings_key, None if so_far else accuracy)
    words = f"{percent(accuracy)} so far" if so_far else percent(accuracy)
    return f"{words}, {beside}" if beside else words


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
