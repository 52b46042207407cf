"""What the leaderboard's screen has done in threads, each reporting by a message."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

from textual import work
from textual.message import Message
from textual.widget import Widget

from workbench.errors import UserError
from workbench.files import Stamp, stamp, write_export
from workbench.leaderboard.store import Leaderboard, imported_file
from workbench.leaderboard.wording import count
from workbench.model.tables import PaperTable
from workbench.runs import service
from workbench.runs.folder import RunFolder
from workbench.runs.record import Labels
from workbench.tui.screens.leaderboard import export
from workbench.tui.screens.leaderboard.board import Arranged, Board, Loaded, View, arrange, load
from workbench.tui.screens.leaderboard.overlay import Curve, read_curve

if TYPE_CHECKING:
    from workbench.tui.screens.base import Workbench

# One for each of the two files; None for one that is not there.
Signature = tuple[Stamp | None, ...]


def in_thread(description: str) -> Callable[[Callable[..., None]], Callable[..., object]]:
    """`work` with a description: without one Textual writes out all arguments, 10,000 runs too."""
    return work(thread=True, description=description)


class BoardWork(Widget):
    """Invisible; its messages bubble to the screen, which alone changes what is shown."""

    DEFAULT_CSS = "BoardWork { display: none; }"

    @dataclass
    class Read(Message):
        """The leaderboard was looked at; `loaded` is None where it had not changed."""

        loaded: Loaded | None
        signature: Signature

    @dataclass
    class Ready(Message):
        """The rows of a view of a board."""

        board: Board
        arranged: Arranged

    @dataclass
    class CurvesRead(Message):
        """Curves of selected runs, by run id."""

        curves: dict[str, Curve]

    @dataclass
    class Done(Message):
        """Something was done: what to say of it, and what went wrong."""

        notice: str = ""
        faults: tuple[UserError, ...] = ()
        rebuilt: bool = False

    @dataclass
    class Exported(Message):
        """Markdown to be handed to the clipboard."""

        text: str

    @dataclass
    class Queued(Message):
        """Trainings were put into the queue, which works: what to say of it."""

        notice: str

    def __init__(self) -> None:
        super().__init__()
        self._known: Signature = ()
        self._reading = False
        self._making: tuple[Board, View] | None = None
        self._wanted: tuple[Board, View] | None = None

    @property
    def workbench(self) -> Workbench:
        """The app, by its own type."""
        return cast("Workbench", self.app)

    def read(self, *, always: bool = False) -> None:
        """Read the leaderboard if its file has changed."""
        if not self._reading:
            self._reading = True
            self._read(self._known, always)

    def make_rows(self, board: Board, view: View) -> None:
        """Make a view's rows; of several asked for meanwhile only the last."""
        self._wanted = (board, view)
        if self._making is None:
            self._make_next()

    def on_board_work_read(self, event: Read) -> None:
        """The thread is free for another look. (The screen hears of it too.)"""
        self._reading = False
        self._known = event.signature

    def on_board_work_ready(self, event: Ready) -> None:
        """The thread is free for another view."""
        self._making = None
        self._make_next()

    def _make_next(self) -> None:
        if self._wanted is not None:
            self._making, self._wanted = self._wanted, None
            self._make(*self._making)

    @in_thread("read")
    def _read(self, known: Signature, always: bool) -> None:
        home = self.workbench.home
        now = (stamp(home.leaderboard), stamp(imported_file(home)))
        changed = always or now != known
        self.post_message(self.Read(load(home) if changed else None, now))

    @in_thread("make")
    def _make(self, board: Board, view: View) -> None:
        self.post_message(self.Ready(board, arrange(board, view)))

    @in_thread("read_curves")
    def read_curves(self, run_ids: list[str]) -> None:
        """Read the logs of these runs."""
        home = self.workbench.home
        self.post_message(self.CurvesRead({name: read_curve(home, name) for name in run_ids}))

    @in_thread("sync")
    def sync(self) -> None:
        """Catch up with runs that ended while the leaderboard could not be written."""
        try:
            problem: UserError | None = Leaderboard(self.workbench.home).sync().unwritten
        except UserError as error:
            problem = error
        self.post_message(self.Done(faults=(problem,) if problem else ()))

    @in_thread("rebuild")
    def rebuild(self) -> None:
        """Write the leaderboard anew from the run folders."""
        lines: list[str] = []
        try:
            runs = Leaderboard(self.workbench.home).rebuild(lines.append)
        except UserError as error:
            self.post_message(self.Done(faults=(error,)))
            return
        left_out = f"; {len(lines)} could not be read: {lines[0]}" if lines else ""
        said = f"The leaderboard holds {runs:,} runs again{left_out}"
        self.post_message(self.Done(said, rebuilt=True))

    @in_thread("set_labels")
    def set_labels(self, run_id: str, labels: Labels) -> None:
        """Keep a run's tags and note."""
        self._report(lambda: Leaderboard(self.workbench.home).set_labels(run_id, labels))
        self.workbench.run_feed.look_again_at(run_id)

    @in_thread("delete")
    def delete(self, run_ids: Iterable[str]) -> None:
        """Delete runs, their folders and their entries."""
        home = self.workbench.home
        faults = service.delete(
            [RunFolder(home.runs / run_id) for run_id in run_ids], Leaderboard(home)
        )
        self.post_message(self.Done(faults=tuple(faults)))

    @in_thread("queue_missing")
    def queue_missing(self, table: PaperTable) -> None:
        """Queue the trainings of a table that are not there yet, and let the queue run."""
        from workbench.queue import service as queue
        from workbench.queue.paper import trainings_for
        from workbench.queue.planning import plan_trials

        home, wanted = self.workbench.home, trainings_for([table])
        try:
            found = plan_trials(home, wanted)
            if found.to_train:
                queue.enqueue(home, wanted, "app")
                queue.start(home)
        except UserError as error:
            self.post_message(self.Done(faults=(error,)))
            return
        if not found.to_train:
            self.post_message(self.Done(f"Nothing is missing in Table {table.number}"))
            return
        new = count(len(found.new), "training")
        said = f"{new} queued" if found.new else "All that is missing is queued already"
        self.post_message(self.Queued(f"{said}; 5 shows the queue"))

    @in_thread("write")
    def write(self, arranged: Arranged, path: Path) -> None:
        """Write a view to a file."""
        self._report(lambda: write_export(path, export.as_markdown(arranged)), f"Written to {path}")

    @in_thread("copy")
    def copy(self, arranged: Arranged) -> None:
        """Make a view's markdown for the clipboard."""
        try:
            text = export.copyable(export.as_markdown(arranged))
        except UserError as error:
            self.post_message(self.Done(faults=(error,)))
            return
        self.post_message(self.Exported(text))

    def _report(self, action: Callable[[], object], notice: str = "") -> None:
        try:
            action()
        except UserError as error:
            self.post_message(self.Done(faults=(error,)))
        else:
            self.post_message(self.Done(notice))
