"""One trial as one line: state, what it is for, training, progress, accuracy, time.

Below the list, two lines about the trial under the cursor.
"""

from __future__ import annotations

import math
import time
from collections.abc import Collection, Mapping

from workbench.formats import (
    MISSING,
    clock,
    count,
    epochs_done,
    moment,
    percent,
    rough_duration,
)
from workbench.leaderboard.paper import beside_paper
from workbench.model.spec import TrainingSpec
from workbench.queue.store import settings_words
from workbench.queue.view import QueueView, TrialView
from workbench.runs.status import Status
from workbench.text import one_line
from workbench.tui.screens.runs.rows import bar_pieces
from workbench.tui.widgets.columns import Column, Content

PROGRESS = "progress"  # the bar, which goes first where it is narrow
COLUMNS = (
    Column("state", "State", 11),
    Column("for", "For", 8, stretch=1, most=24),
    Column("training", "Training", 18, stretch=2, most=52),
    Column("seed", "Seed", 4, weight=2, right=True),
    Column(PROGRESS, "Progress", 16, weight=4),
    Column("accuracy", "Test %", 6, right=True),
    Column("paper", "Paper", 5, weight=3, right=True),
    Column("time", "Time", 10, weight=1, right=True),
)
SELECTED = "◆"
# From these widths on a form of the training is used: by the column, so that its rows are alike.
WORDS, TITLE, SIZES = 44, 32, 23


class QueueRows:
    """The queue for a `RowList`.

    `selected` are trial ids, `papers` the paper's accuracies by settings key. Without `bars`
    (there is no room for the column of progress) the state says how far a trial is.
    """

    def __init__(
        self,
        view: QueueView,
        selected: Collection[str],
        papers: Mapping[str, float],
        *,
        bars: bool,
    ) -> None:
        self._view = view
        self._selected = selected
        self._papers = papers
        self._bars = bars

    def __len__(self) -> int:
        return len(self._view.trials)

    def key(self, index: int) -> str:
        """The trial's id."""
        return self._view.trials[index].trial.id

    def mark(self, index: int) -> str:
        """Selected or not."""
        return SELECTED if self.key(index) in self._selected else " "

    def cell(self, index: int, column: str, width: int) -> Content:
        """A cell of a trial's line."""
        item = self._view.trials[index]
        trial = item.trial
        match column:
            case "state":
                return state_words(item, share=not self._bars)
            case "for":
                return label_text(trial.label, width)
            case "training":
                return training_text(trial.spec, width)
            case "seed":
                return str(trial.spec.seed)
            case "progress":
                return progress_bar(item, width)
            case "accuracy":
                final = not trial.state.pending
                text = number_text(item.accuracy, trial.state)
                if item.of_validation and item.accuracy is not None:
                    return (f"{text}v", "muted")  # the line below says what it is of
                return (text, "strong" if final else "test")
            case "paper":
                return (number_text(self._papers.get(trial.spec.settings_key)), "muted")
            case "time":
                return time_text(item)
        return ""


def state_words(item: TrialView, *, share: bool) -> tuple[str, str]:
    """Mark, word and style of a trial's state; with `share` how far it is in the word's place."""
    state = item.state
    if share and state is Status.RUNNING and item.run is not None:
        return f"{state.mark} {percent_done(item):3d} %", state.role
    return state.marked, state.role


def label_text(label: str, width: int) -> str:
    """What a trial is for; without the word `Tables` where it is narrow."""
    text = one_line(label)
    if width < 18 and text.startswith("Table"):
        return text.partition(" ")[2]
    return text


def training_text(spec: TrainingSpec, width: int) -> str:
    """`CNN model 2, Adam 0.002, batch 60, 5 epochs`, or `cnn-2 Adam 0.002 60×5` in less room."""
    if width >= WORDS:
        return one_line(f"{spec.title}, {settings_words(spec)}")
    name = spec.title if width >= TITLE else spec.preset
    words = one_line(f"{name} {settings_words(spec, short=True)}")
    return words if width >= SIZES else words.rpartition(" ")[0]


def percent_done(item: TrialView) -> int:
    """How far a trial is; 100 not before it has come to its end."""
    return min(99, int(100 * item.progress)) if item.trial.state.pending else 100


def progress_bar(item: TrialView, width: int) -> Content:
    """A bar and the share done, in exactly this width, while it trains."""
    if item.run is None or not item.run.step or not item.trial.state.pending:
        return ""
    tail = f" {percent_done(item):3d} %"
    return [*bar_pieces(item.progress, max(0, width - len(tail))), (tail, "")]


def number_text(fraction: float | None, state: Status | None = None) -> str:
    """`97.49`; a dash where an ended trial has none, nothing where it may still come."""
    if fraction is None or not math.isfinite(fraction):
        return MISSING if state is not None and not state.pending else ""
    return f"{100 * fraction:.2f}"


def time_text(item: TrialView) -> tuple[str, str]:
    """Time taken once it has ended, time left while it trains, the estimate before."""
    if not item.trial.state.pending:
        seconds = item.result.train_seconds if item.result is not None else None
        return (MISSING if seconds is None else clock(seconds), "")
    if item.run is not None and item.seconds_left is not None:
        return (f"{clock(item.seconds_left)} left", "")
    return (item.estimate_text or MISSING, "muted")


def detail_lines(item: TrialView, place: int, begins_in: float | None) -> tuple[str, str]:
    """The two lines about a trial; `place` is its place among the waiting, from 1, and
    `begins_in` the seconds until its turn, where known."""
    trial = item.trial
    head = f"{trial.label}: {trial.text}" if trial.label else trial.text
    words = _words(item, _place(place, begins_in))
    if item.accuracy is not None:
        words.insert(0, _accuracy(item, item.accuracy))
    if trial.run_id:
        words.append(f"run {trial.run_id}")
    return one_line(head), one_line("  ·  ".join(word for word in words if word))


def _words(item: TrialView, place: str) -> list[str]:
    trial = item.trial
    if item.lost is not None:
        return [f"{item.lost.word}: nobody trains it now; s resumes it from its last whole epoch"]
    match trial.state:
        case Status.WAITING if trial.run_id:
            return [place, "resumes from its last whole epoch"]
        case Status.WAITING if item.seconds_left is None:
            return [place, "how long it takes is not known yet"]
        case Status.WAITING:
            about = "roughly" if item.guessed else "about"
            return [place, f"{about} {rough_duration(item.seconds_left or 0.0)} here"]
        case Status.RUNNING if item.run is not None:
            summary = item.run.summary
            epochs = epochs_done(summary.epochs_completed, summary.epochs) if summary else ""
            return [item.run.preparing, epochs, item.run.fault]
        case Status.FINISHED if item.result and item.result.train_seconds is not None:
            return [f"trained in {clock(item.result.train_seconds)}"]
        case Status.PRESENT:
            return ["was trained already"]
        case Status.PRUNED:
            return ["pruned by its search, and kept"]
        case Status.STOPPED | Status.KILLED:
            return [trial.message, f"{trial.state.word} by hand; s resumes it"]
        case Status.FAILED:
            return [f"failed: {trial.message}"]
        case Status.DIVERGED:
            return [trial.message or "diverged"]
    return []


def _place(place: int, begins_in: float | None) -> str:
    if place == 1:
        return "the next to train"
    begins = "" if begins_in is None else f", begins about {moment(time.time() + begins_in)}"
    return f"number {place} of the waiting{begins}"


def _accuracy(item: TrialView, accuracy: float) -> str:
    trial = item.trial
    so_far = trial.state.pending
    beside = beside_paper(trial.spec.settings_key, None if so_far else accuracy)
    words = f"{percent(accuracy)} so far" if so_far else percent(accuracy)
    if item.of_validation:
        return f"{words} of the validation images"
    return f"{words}, {beside}" if beside else words


def subtitle(view: QueueView, selected: int) -> str:
    """What the list holds: `14 trials · 2 selected`."""
    if not view.trials:
        return ""
    parts = [count(len(view.trials), "trial")]
    return " · ".join([*parts, f"{selected} selected"] if selected else parts)
