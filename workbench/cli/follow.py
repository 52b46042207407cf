"""Following runs from a terminal: how they look, how Ctrl-C reaches them, how they ended."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from workbench.cli.output import Display, line_of, note
from workbench.formats import clock, count, epochs_done, metric_text, percent
from workbench.leaderboard.paper import beside_paper
from workbench.runs import lock
from workbench.runs.events import Epoch, Event, Paused, Resumed
from workbench.runs.folder import RunFolder
from workbench.runs.log import EventReader, History
from workbench.runs.record import ScriptRecord
from workbench.runs.status import Status
from workbench.runs.summary import AnySummary, RunSummary, ScriptSummary, summary_of

if TYPE_CHECKING:
    from rich.console import RenderableType


POLL_SECONDS = 0.1
EXIT_CODES = {Status.FINISHED: 0, Status.PRUNED: 0, Status.STOPPED: 130}
FRAMES_PER_SECOND = 5
BAR_WIDTH = 32


@dataclass
class Interrupts:
    """How often the person pressed Ctrl-C (a TERM signal counts as one)."""

    count: int = 0
    answered: int = 0  # of these; a second one kills only what it was meant for


@contextmanager
def counted_interrupts() -> Iterator[Interrupts]:
    """Count interrupts instead of raising, while the block runs."""
    interrupts = Interrupts()

    def count(number: int, frame: object) -> None:
        interrupts.count += 1

    old = {number: signal.signal(number, count) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield interrupts
    finally:
        for number, handler in old.items():
            signal.signal(number, handler)


def follow(
    folder: RunFolder, display: Display, between: Callable[[], None] = lambda: None
) -> AnySummary | None:
    """Show a run until it ends and return its summary; None, and a note, when it was deleted.

    `between` is called some ten times a second, for what the person asks meanwhile.
    """
    reader, history, drawn = EventReader(folder.events_file), folder.empty_history(), 0.0
    try:
        display.line(headline(folder), "bold")
        while True:
            # Before reading: what was written up to the lock's release is then surely read.
            alive = lock.is_held(folder.lock_file)
            before = reader.fault
            for event in reader.read():
                history.apply(event)
                _tell(event, history.planned_epochs, display)
            if reader.fault and not before:
                note(f"mnist-workbench: {reader.fault}")
            if display.width and time.monotonic() - drawn >= 1 / FRAMES_PER_SECOND:
                drawn = time.monotonic()
                display.draw(moving_lines(history))
            if not alive:
                break
            between()
            time.sleep(POLL_SECONDS)
    finally:
        display.close()
    if folder.path.is_dir():
        return summary_of(folder)
    note(f"run {folder.run_id}: its folder was deleted while it was watched")
    return None


def _tell(event: Event, planned: int, display: Display) -> None:
    """A line an epoch; a pause and its end where nothing moves that would show them."""
    match event:
        case Epoch():
            line = epoch_line(event, planned)
            if display.width and len(line) > display.width:
                line = epoch_line(event, planned, short=True)
            display.line(line_of(line) if display.width else line)
        case Paused() if not display.width:
            display.line(f"paused at step {event.step}")
        case Resumed() if not display.width:
            display.line(f"going on from epoch {event.epoch}, step {event.step}")


def epoch_line(epoch: Epoch, planned: int, *, short: bool = False) -> str:
    """One epoch as one plain line; `short`: within 80 columns, where its metrics are our own."""
    whole = f"{epoch.epoch:>{len(str(planned))}}/{planned}" if planned else f"{epoch.epoch}"
    if epoch.metrics is not None:
        return f"epoch {whole}  {_values(epoch.metrics)}  {clock(epoch.epoch_seconds):>5}"
    role = "test" if epoch.validation_loss is None else "val"
    loss_word, accuracy_word = ("", "") if short else ("loss ", "  accuracy")
    parts = [
        f"{name} {loss_word}{loss:.4f}{accuracy_word} {percent(accuracy):>8}"
        for name, (loss, accuracy) in (
            ("train", (epoch.loss, epoch.accuracy)),
            (role, epoch.judged),
        )
    ]
    speed, took = epoch.images_per_second, clock(epoch.epoch_seconds)
    pace = f"{speed:>7,.0f} img/s {took:>6}" if short else f"{speed:>9,.0f} img/s  {took:>5}"
    return "  ".join([f"epoch {whole}", *parts, pace])


def _values(metrics: Mapping[str, float]) -> str:
    return "  ".join(f"{name} {metric_text(name, value)}" for name, value in metrics.items())


def _script_line(summary: ScriptSummary) -> str:
    state, name = summary.state, summary.title
    known = {key: value for key, value in summary.metrics.items() if value is not None}
    so_far = f"step {summary.step:,}" if summary.step else ""
    took = clock(summary.train_seconds) if summary.train_seconds else ""
    if state is Status.CRASHED:
        return f"{state.word:<9} {name}: its process died without a word, {so_far or 'at once'}"
    said = summary.message or ", ".join(filter(None, [_values(known), so_far, took]))
    return f"{state.word:<9} {name}{': ' if said else ''}{said}"


def accuracy_words(summary: RunSummary) -> str:
    """What a run answers rightly: of the test images, and of those held out."""
    held_out = f"{percent(summary.validation_accuracy)} of the validation images"
    if summary.validation_accuracy is None:
        return f"{percent(summary.test_accuracy)} of the test images"
    if summary.test_accuracy is None:
        return f"{held_out}, not tested"
    return f"{held_out}, {percent(summary.test_accuracy)} of the test images"


def result_lines(summary: AnySummary) -> list[str]:
    if isinstance(summary, ScriptSummary):
        return [_script_line(summary)]
    run = f"{summary.title}, seed {summary.seed}, {summary.precision}"
    took = f"{clock(summary.train_seconds)} of training"
    so_far = epochs_done(summary.epochs_completed, summary.epochs)
    state = summary.state
    match state:
        case Status.FINISHED | Status.COLLAPSED:
            line = f"{run}: {accuracy_words(summary)}, {took}"
            if summary.epochs_completed < summary.epochs:
                line += f", stopped early after {so_far}"
            if state is Status.COLLAPSED:
                line += f"; it answers {summary.collapsed_to} to every test image"
            # A collapse is of another kind than what the paper reports: no difference.
            comparable = summary.test_accuracy if state is Status.FINISHED else None
            beside = beside_paper(summary.settings_key, comparable)
            line += f"; {beside}" if beside else ""
        case Status.STOPPED | Status.PRUNED:
            line = f"{run}: {so_far}, {took}"
        case Status.KILLED:
            line = f"{run}: after {so_far}"
        case Status.CRASHED:
            line = f"{run}: the worker died after {so_far}"
        case _:
            line = f"{run}: {summary.message}" if summary.message else run
    lines = [f"{state.word:<9} {line}"]
    if state.resumable and state is not Status.FAILED:
        lines.append(f"          go on with `mnist-workbench resume {summary.run_id}`")
    return lines


def headline(folder: RunFolder) -> str:
    record = folder.record
    if isinstance(record, ScriptRecord):
        return f"{folder.run_id}  {', '.join([record.name, *record.script.facts])}"
    spec = record.spec
    settings, data = spec.training, spec.dataset
    limit = f", first {count(data.train_limit, 'image')}" if data.train_limit else ""
    return (
        f"{folder.run_id}  {spec.title}, {data.name}{limit}, {count(settings.epochs, 'epoch')}, "
        f"batch {settings.batch_size}, {settings.optimizer.kind} "
        f"{settings.optimizer.learning_rate:g}, seed {spec.seed}, {spec.precision}"
    )


def moving_lines(history: History) -> RenderableType:
    """Two lines of at most 70 letters; a narrower terminal cuts them and wraps none."""
    from rich.console import Group
    from rich.progress_bar import ProgressBar
    from rich.table import Table
    from rich.text import Text

    if history.step == 0:
        words = history.waiting_for or "beginning the first epoch"
        return line_of(f"{words}…", style="dim")
    if not history.planned_steps:
        return line_of(f"step {history.step:,}  {_values(history.metrics)}")
    share = history.step / history.planned_steps
    state = Text("paused", style="yellow") if history.paused else Text("training")
    line = Table.grid(padding=(0, 2, 0, 0))
    for width in (8, BAR_WIDTH, 4, 14):
        line.add_column(width=width, no_wrap=True)
    bar = ProgressBar(total=1.0, completed=share, width=BAR_WIDTH)
    line.add_row(state, bar, f"{share:4.0%}", f"left {clock(history.seconds_left)}")
    if not history.batches:
        return line
    last = history.batches[-1]
    if last.metrics is not None:
        return Group(line, line_of(_values(last.metrics)))
    numbers = (
        f"loss {last.loss:.4f}  accuracy {percent(last.accuracy):>8}"
        f"  {history.images_per_second or 0.0:>9,.0f} img/s"
    )
    return Group(line, line_of(numbers))
