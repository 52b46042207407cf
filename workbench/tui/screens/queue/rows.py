"""One trial as one line: state, what it is for, training, progress, accuracy, time."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping

from workbench.formats import MISSING, clock, count, rough_duration
from workbench.model.spec import TrainingSpec
from workbench.queue.view import QueueView, TrialView
from workbench.runs.status import Status
from workbench.text import one_line
from workbench.tui.widgets.columns import Column, Content, Piece

PROGRESS = "progress"  # the bar, which goes first where it is narrow
COLUMNS = (
    Column("state", "State", 10),
    Column("for", "For", 11, stretch=1, most=24),
    Column("training", "Training", 16, stretch=2, most=52),
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
                return (number_text(item.accuracy, trial.state), "strong" if final else "test")
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
    """`CNN model 2 adam 0.002 60×5`, with more or less of it as there is room."""
    settings = spec.training
    optimizer = f"{settings.optimizer.kind} {settings.optimizer.learning_rate:g}"
    special: list[str] = [] if spec.precision == "float32" else [spec.precision]
    if spec.dataset.train_limit is not None:
        special.append(count(spec.dataset.images, "image"))
    if width >= WORDS:
        words = f"{optimizer}, {settings.epochs} × batch {settings.batch_size}"
        return one_line(", ".join([spec.title, words, *special]))
    sizes = f"{settings.batch_size}×{settings.epochs}"
    if width >= TITLE:
        return one_line(" ".join([spec.title, optimizer, sizes, *special]))
    parts = [spec.preset, optimizer]
    return one_line(" ".join([*parts, sizes, *special] if width >= SIZES else parts))


def percent_done(item: TrialView) -> int:
    """How far a trial is; 100 not before it has come to its end."""
    return min(99, int(100 * item.progress)) if item.trial.state.pending else 100


def progress_bar(item: TrialView, width: int) -> Content:
    """A bar and the share done, in exactly this width, while it trains."""
    if item.run is None or not item.run.step or not item.trial.state.pending:
        return ""
    tail = f" {percent_done(item):3d} %"
    room = max(0, width - len(tail))
    done = min(room, int(room * item.progress))
    pieces: list[Piece] = [("█" * done, "train"), ("░" * (room - done), "muted"), (tail, "")]
    return pieces


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
    if item.seconds_left is None:
        return (MISSING, "muted")
    if item.run is not None:
        return (f"{clock(item.seconds_left)} left", "")
    return (rough_duration(item.seconds_left), "muted")
