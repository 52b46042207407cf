"""How a followed run looks: a moving display on a terminal, a line an epoch elsewhere."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, TextIO

from workbench.cli.output import console
from workbench.leaderboard.wording import count, percent, points
from workbench.runs.events import Epoch, Event, Paused, Resumed
from workbench.runs.folder import RunFolder, RunStatus
from workbench.runs.history import History
from workbench.runs.summary import RunSummary

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.live import Live

FRAMES_PER_SECOND = 5


def clock(seconds: float | None) -> str:
    """Seconds as a person reads them: `0:42`, `12:05`, `1:02:03`; a dash when not known."""
    if seconds is None or not math.isfinite(seconds):
        return "–"
    whole = round(seconds)
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def epoch_line(epoch: Epoch, planned: int) -> str:
    """One epoch as one plain line."""
    width = len(str(planned))
    return (
        f"epoch {epoch.epoch:>{width}}/{planned}"
        f"  train loss {epoch.loss:.4f}  accuracy {percent(epoch.accuracy):>8}"
        f"  test loss {epoch.test_loss:.4f}  accuracy {percent(epoch.test_accuracy):>8}"
        f"  {epoch.images_per_second:>9,.0f} img/s  {clock(epoch.epoch_seconds):>5}"
    )


def result_lines(summary: RunSummary, paper_accuracy: float | None) -> list[str]:
    """How the run ended, in one or two lines."""
    run = f"{summary.title}, seed {summary.seed}, {summary.precision}"
    took = f"{clock(summary.train_seconds)} of training"
    match summary.status:
        case RunStatus.FINISHED:
            line = f"finished  {run}: {percent(summary.test_accuracy)} of the test images, {took}"
            if paper_accuracy is not None and summary.test_accuracy is not None:
                apart = points(100 * (summary.test_accuracy - paper_accuracy))
                line += f"; paper {percent(paper_accuracy)} ({apart} points)"
        case RunStatus.STOPPED:
            line = f"stopped   {run}: {summary.epochs_completed} of {summary.epochs} epochs, {took}"
        case RunStatus.FAILED:
            line = f"failed    {run}: {summary.message}"
        case RunStatus.CRASHED:
            line = (
                f"crashed   {run}: the worker died after {summary.epochs_completed} of "
                f"{summary.epochs} epochs"
            )
        case _:
            line = f"{summary.status}  {run}"
    lines = [line]
    if summary.status in (RunStatus.STOPPED, RunStatus.CRASHED):
        lines.append(f"          go on with `mnist-workbench resume {summary.run_id}`")
    return lines


class SilentView:
    """Shows nothing; for --quiet."""

    def begin(self, folder: RunFolder, history: History) -> None:
        """Nothing to show."""

    def show(self, event: Event, history: History) -> None:
        """Nothing to show."""

    def tick(self, history: History) -> None:
        """Nothing to show."""

    def end(self, summary: RunSummary) -> None:
        """Nothing to show."""


class PlainView:
    """One line an epoch, for pipes, logs and `attach`."""

    def __init__(self, stream: TextIO, *, speak_of_states: bool = True) -> None:
        self._stream = stream
        self._states = speak_of_states

    def _print(self, line: str) -> None:
        print(line, file=self._stream, flush=True)

    def begin(self, folder: RunFolder, history: History) -> None:
        """Name the run and its settings."""
        self._print(headline(folder))

    def show(self, event: Event, history: History) -> None:
        """A line for each epoch, and for a pause."""
        match event:
            case Epoch():
                self._print(epoch_line(event, history.planned_epochs))
            case Paused() if self._states:
                self._print(f"paused at step {event.step}")
            case Resumed() if self._states:
                self._print(f"going on from epoch {event.epoch}, step {event.step}")
            case _:
                pass

    def tick(self, history: History) -> None:
        """Nothing moves in a log."""

    def end(self, summary: RunSummary) -> None:
        """Nothing: the command prints the result."""


def headline(folder: RunFolder) -> str:
    """The run and what decides its result, in one line."""
    spec = folder.record.spec
    settings, data = spec.training, spec.dataset
    limit = f", first {data.train_limit:,} images" if data.train_limit else ""
    return (
        f"{folder.run_id}  {spec.title}, {data.name}{limit}, {count(settings.epochs, 'epoch')}, "
        f"batch {settings.batch_size}, {settings.optimizer.kind} "
        f"{settings.optimizer.learning_rate:g}, seed {spec.seed}, {spec.precision}"
    )


class LiveView:
    """A moving display of a few lines; finished epochs stay above it."""

    def __init__(self, stream: TextIO) -> None:
        self._console = console(stream)
        self._live: Live | None = None
        self._drawn = 0.0

    def begin(self, folder: RunFolder, history: History) -> None:
        """Name the run and start to draw."""
        from rich.live import Live

        self._console.print(headline(folder), style="bold")
        # Drawn by `tick`, without rich's refresh thread: one writer, steady numbers.
        self._live = Live(
            self._render(history), console=self._console, auto_refresh=False, transient=True
        )
        self._live.start()

    def show(self, event: Event, history: History) -> None:
        """Keep each epoch's line above the moving part."""
        if isinstance(event, Epoch):
            self._console.print(epoch_line(event, history.planned_epochs))

    def tick(self, history: History) -> None:
        """Draw anew, a few times a second."""
        now = time.monotonic()
        if self._live is not None and now - self._drawn >= 1 / FRAMES_PER_SECOND:
            self._drawn = now
            self._live.update(self._render(history), refresh=True)

    def end(self, summary: RunSummary) -> None:
        """Take the moving part away."""
        self.close()

    def close(self) -> None:
        """Leave the terminal as it was found."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _render(self, history: History) -> RenderableType:
        from rich.progress_bar import ProgressBar
        from rich.table import Table

        line = Table.grid(padding=(0, 2))
        if history.step == 0:
            line.add_row(f"[dim]{_waiting_for(history)}…[/dim]")
            return line
        last = history.batches[-1] if history.batches else None
        speed = history.images_per_second or 0.0
        share = history.step / max(1, history.planned_steps)
        bar = ProgressBar(total=1.0, completed=share, width=24)
        state = "[yellow]paused[/yellow]" if history.paused else "training"
        line.add_row(
            state,
            bar,
            f"{share:4.0%}",
            f"loss {last.loss:.4f}" if last else "",
            f"accuracy {percent(last.accuracy):>8}" if last else "",
            f"{speed:>9,.0f} img/s",
            f"left {clock(history.seconds_left)}",
        )
        return line


def _waiting_for(history: History) -> str:
    if history.queued:
        return "waiting for the run before it"
    return history.preparing or "starting the worker"
