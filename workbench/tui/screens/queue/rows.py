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
from workbench.queue.store import SearchEntry, settings_words
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
        return len(self._view.rows)

    def key(self, index: int) -> str:
        return row_id(self._view.rows[index])

    def mark(self, index: int) -> str:
        return SELECTED if self.key(index) in self._selected else " "

    def cell(self, index: int, column: str, width: int) -> Content:
        item = self._view.rows[index]
        if isinstance(item, SearchEntry):
            return self._search_cell(item, column, width)
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
                going = item.run is not None and item.run.step and trial.state.pending
                return progress_bar(percent_done(item), item.progress, width) if going else ""
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

    def _search_cell(self, entry: SearchEntry, column: str, width: int) -> Content:
        """A cell of a search's line."""
        match column:
            case "state":
                still = entry.state is Status.RUNNING and not self._view.running
                state = Status.WAITING if still else entry.state
                return state.marked, state.role
            case "for":
                return "search"
            case "training":
                text = one_line(f"{entry.id}: {entry.message}" if entry.message else entry.id)
                return (
                    text if len(text) <= width else text.removeprefix(f"{entry.id}: "),
                    "strong",
                )
            case "progress" if entry.state.pending:
                share = self._view.share(entry)
                return progress_bar(int(100 * share), share, width)
        return ""


def row_id(row: SearchEntry | TrialView) -> str:
    """The id of a trial or search."""
    return row.id if isinstance(row, SearchEntry) else row.trial.id


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


def progress_bar(percent: int, share: float, width: int) -> Content:
    """A bar and the share done, in exactly this width."""
    tail = f" {percent:3d} %"
    return [*bar_pieces(share, max(0, width - len(tail))), (tail, "")]


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


def search_lines(entry: SearchEntry) -> tuple[str, str]:
    """The two lines about a search."""
    said = entry.message or "no trial yet"
    return one_line(f"search {entry.id}"), one_line(f"{said}  ·  enter shows it")


def detail_lines(item: TrialView, place: int, begins_in: float | None) -> tuple[str, str]:
    """The two lines about a trial; `place` is its place among the waiting, from 1, and
    `begins_in` the seconds until its turn, where known."""
    trial = item.trial
    words = _words(item, _place(place, begins_in))
    if item.accuracy is not None:
        words.insert(0, _accuracy(item, item.accuracy))
    if trial.run_id:
        words.append(f"run {trial.run_id}")
    return one_line(item.named), one_line("  ·  ".join(word for word in words if word))


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
    return [item.fault]


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
    if not view.rows:
        return ""
    parts = [count(len(view.searches), "search", "searches")] if view.searches else []
    parts.append(count(len(view.trials), "trial"))
    return " · ".join([*parts, f"{selected} selected"] if selected else parts)
