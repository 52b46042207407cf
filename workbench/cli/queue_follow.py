"""Following the queue from a terminal until its trials have ended."""

from __future__ import annotations

import time
from collections.abc import Generator, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, TextIO

from workbench.cli.follow import counted_interrupts
from workbench.cli.output import Display, line_of, note
from workbench.formats import clock, percent
from workbench.leaderboard.paper import beside_paper
from workbench.queue import service
from workbench.queue.store import QueueDamaged
from workbench.queue.view import QueueView, QueueWatch, TrialView, short_time_left, time_left
from workbench.runs.status import Status
from workbench.runs.watchlist import Watchlist
from workbench.settings import Home

if TYPE_CHECKING:
    from rich.console import RenderableType


LOOK_SECONDS = 0.4
BAR_WIDTH = 20
MOST_SHOWN = 4  # trials that train at once and are drawn


class QueueDisplay:
    """The queue as it goes: what trains, in lines that move, else a line when one begins."""

    def __init__(self, stream: TextIO, *, quiet: bool = False) -> None:
        self._display = Display(stream, quiet=quiet)
        self._begun: set[str] = set()
        self._message = ""

    def show(self, view: QueueView) -> None:
        """Some times a second."""
        if self._display.width:
            self._display.draw(moving_lines(view))
            return
        for number, item in enumerate(view.training, start=view.ended + 1):
            if item.trial.id not in self._begun and item.trial.run_id:
                self._begun.add(item.trial.id)
                line = f"trial {number} of {len(view.trials)}: training {item.named}"
                self.tell(f"{line} (run {item.trial.run_id})", short_time_left(view))
        if view.message and view.message != self._message:
            self._display.line(f"waiting: {view.message}")
        self._message = view.message

    def tell(self, line: str, left: str) -> None:
        """That a trial began or ended, and how long the queue still takes, as what moves says."""
        told = f"{line}; {left}" if left and not self._display.width else line
        self._display.line(told, soft_wrap=True)

    def close(self) -> None:
        """Leave the terminal as it was found."""
        self._display.close()


def follow_queue(
    home: Home, trial_ids: Sequence[str], display: QueueDisplay, search: str = ""
) -> QueueView:
    """Show the queue until these trials, or this search, are over, or the queue has stopped.

    The last view of them. The first Ctrl-C saves what trains and stops the queue, the second kills
    what trains.

    Raises:
        UserError: the queue's file is or was damaged.
    """
    with counted_interrupts() as interrupts, closing(_looks(home, display, trial_ids)) as looks:
        for whole in looks:
            view = whole.of_search(search) if search else whole.only(trial_ids)
            if not view.unfinished or not view.running:
                break
            if interrupts.count > interrupts.answered:
                interrupts.answered += 1
                display.close()
                service.stop(home, kill=interrupts.answered > 1)
                if interrupts.answered == 1:
                    note("saving what trains, then the queue stops; Ctrl-C again kills it unsaved")
    return view


def watch_queue(home: Home, display: QueueDisplay) -> None:
    """Show the whole queue until it has nothing left or stops; Ctrl-C is the caller's."""
    with closing(_looks(home, display)) as looks:
        for view in looks:
            if not view.unfinished or not view.running:
                return


def _looks(
    home: Home, display: QueueDisplay, own: Sequence[str] = ()
) -> Generator[QueueView, None, None]:
    """The queue as it is shown, time and again, without an end.

    What had ended before the first look is not told, but for one's `own` trials.
    """
    watch, runs = QueueWatch(home), Watchlist(home)
    told: dict[str, Status] | None = None
    try:
        while True:
            runs.look()
            view = watch.look({run.run_id: run for run in runs.living})
            if view.notice:
                raise QueueDamaged(view.notice)
            if told is None:
                before = (item for item in view.trials if item.trial.id not in own)
                told = {item.trial.id: item.trial.state for item in before}
            _tell_ended(view, told, display)
            display.show(view)
            yield view
            time.sleep(LOOK_SECONDS)
    finally:
        display.close()


def _tell_ended(view: QueueView, told: dict[str, Status], display: QueueDisplay) -> None:
    """Tell of each trial that ended since, counted among all of the queue."""
    ended = [
        item
        for item in view.trials
        if not item.trial.state.pending and told.get(item.trial.id) is not item.trial.state
    ]
    for number, item in enumerate(ended, start=view.ended - len(ended) + 1):
        told[item.trial.id] = item.trial.state
        left = short_time_left(view)
        display.tell(f"{number} of {len(view.trials)} done: {ending(item)}", left)


def ending(item: TrialView) -> str:
    trial, result = item.trial, item.result
    head = item.named
    match trial.state:
        case Status.FINISHED | Status.PRESENT if result is not None:
            line = f"{head}: {percent(result.accuracy)}"
            if not trial.spec.tested:
                line += " of the validation images"
            if result.collapsed_to is not None:
                line += f", collapsed to {result.collapsed_to}"
            comparable = result.test_accuracy if result.collapsed_to is None else None
            beside = beside_paper(trial.spec.settings_key, comparable)
            line += f", {beside}" if beside else ""
            if trial.state is Status.PRESENT:
                return f"{line}; was trained already, run {result.run_id}"
            return f"{line}, {clock(result.train_seconds)}"
        case Status.DIVERGED | Status.FAILED:
            return f"{head}: {item.fault}"
        case Status.STOPPED | Status.KILLED | Status.PRUNED:
            return f"{head}: {trial.state.word}, run {trial.run_id}"
    return f"{head}: {trial.state}"


def moving_lines(view: QueueView) -> RenderableType:
    from rich.console import Group

    lines: list[RenderableType] = []
    training = list(enumerate(view.training, start=view.ended + 1))
    for number, item in training[:MOST_SHOWN]:
        lines.append(line_of(f"trial {number} of {len(view.trials)}  {item.named}", "bold"))
        lines.append(line_of(f"  {_progress(item)}  run {item.trial.run_id}"))
    if not lines:
        words = view.message or "beginning the next trial"
        lines.append(line_of(words, "yellow" if view.message else "dim"))
    state = "stopping" if view.stopping else f"{view.ended} of {len(view.trials)} done"
    lines.append(line_of(f"queue: {state}; {time_left(view)}", "dim"))
    return Group(*lines)


def _progress(item: TrialView) -> str:
    run = item.run
    if run is None or not run.step:
        return (run.preparing if run else "") or "starting the worker"
    filled = round(item.progress * BAR_WIDTH)
    bar = "━" * filled + "─" * (BAR_WIDTH - filled)
    words = f"{bar} {item.progress:4.0%}  {clock(item.seconds_left)} left"
    role = "val" if item.of_validation else "test"
    return f"{words}  {role} {percent(item.accuracy)}" if item.accuracy else words
