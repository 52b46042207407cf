"""Two lines below the list about the trial under the cursor: all that a narrow list drops."""

from __future__ import annotations

from rich.text import Text
from textual.app import RenderResult
from textual.reactive import reactive
from textual.widget import Widget

from workbench.formats import clock, epochs_done, percent, rough_duration
from workbench.leaderboard.paper import beside_paper
from workbench.queue.view import TrialView
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
