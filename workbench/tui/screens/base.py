"""What every full screen shares: title bar, body, hints, the least size, and its way to the app."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeVar, cast

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.css.query import NoMatches
from textual.dom import DOMNode
from textual.events import Resize
from textual.reactive import Reactive
from textual.screen import ModalScreen, Screen
from textual.widget import Widget
from textual.widgets import Static

from workbench.config import Config
from workbench.errors import RunError, UserError
from workbench.settings import Home
from workbench.tui.keys import with_names
from workbench.tui.run_feed import RunFeed
from workbench.tui.widgets.bars import Hints, TitleBar

if TYPE_CHECKING:
    from workbench.model.spec import TrainingSpec
    from workbench.queue.search import SearchRequest
    from workbench.runs.folder import RunFolder
    from workbench.runs.record import Labels
    from workbench.tui.screens.queue.adding import Request

LEAST_COLUMNS, LEAST_LINES = 60, 18
MOST_FAULTS = 3  # that are said, of many at once
Answer = TypeVar("Answer")
Came = TypeVar("Came")


@contextmanager
def unless_left(screen: Widget) -> Iterator[None]:
    """Show what was waited for; once the screen, or the app, has been left there is nothing to show
    it on."""
    try:
        yield
    except NoMatches:
        if screen.display and screen.app.is_running:
            raise


class Latest:
    """Does something whenever it is called, in a worker of `owner`.

    Never twice at once: what is asked for meanwhile is done once more after it.
    """

    def __init__(self, owner: Widget, what: Callable[[], Awaitable[None]]) -> None:
        self._owner, self._what = owner, what
        self._wanted = self._busy = False

    def __call__(self, _: object = None) -> None:
        self._wanted = True
        if not self._busy:
            self._busy = True
            self._owner.run_worker(self._work(), group="latest")

    async def _work(self) -> None:
        try:
            while self._wanted:
                self._wanted = False
                with unless_left(self._owner):
                    await self._what()
        finally:
            self._busy = False


class Workbench(Protocol):
    """What a screen may ask of the app, where each is explained."""

    home: Home
    config: Config
    run_feed: RunFeed
    queue_started: bool

    def complain(self, error: UserError) -> None: ...
    def remember(self, name: str, value: Any) -> None: ...
    def expect(self, make: Callable[[], list[TrainingSpec]]) -> None: ...
    def train(
        self, specs: list[TrainingSpec], labels: Labels | None = None, *, next_seed: bool = False
    ) -> None: ...
    def put_in_line(
        self, specs: list[TrainingSpec], labels: Labels | None = None, *, next_seed: bool = False
    ) -> None: ...
    def queue_up(self, asked: Request) -> None: ...
    def ask_about(self, folder: RunFolder) -> None: ...
    def open_run(self, folder: RunFolder) -> None: ...
    def begin_search(self, asked: SearchRequest) -> None: ...
    def open_search(self, search_id: str) -> None: ...
    async def go(self, place: str) -> Any: ...


class Carrying(DOMNode):
    """A screen, or the app, that has things done in threads."""

    @property
    def workbench(self) -> Workbench:
        return cast("Workbench", self.app)

    @cached_property
    def _one_by_one(self) -> asyncio.Lock:
        return asyncio.Lock()

    @work(description="carry out")
    async def carry_out(
        self, action: Callable[[], Came], then: Callable[[Came], object] = lambda came: None
    ) -> None:
        """Do something in a thread, say what came of it or what refused, and look again.

        What is asked for in one order is done in it. `then` is given what came of it, unless it
        was refused as a whole; a sentence, or a list of what refused, is said.
        """
        async with self._one_by_one:
            try:
                came = await asyncio.to_thread(action)
            except UserError as error:
                self.workbench.complain(error)
                return
        then(came)
        self.workbench.run_feed.look_now()
        if isinstance(came, str) and came:
            self.app.notify(came)
        faults = came if isinstance(came, list) else []
        for fault in faults[:MOST_FAULTS]:
            self.workbench.complain(fault)
        if len(faults) > MOST_FAULTS:
            more = f"and {len(faults) - MOST_FAULTS} more refused likewise"
            self.workbench.complain(RunError(more))


# For screens that show runs; they say by `run_here` which one is meant.
COPY_ID = Binding("Y", "copy_id", "copy id", show=False, tooltip="Copy the run's id")


class WorkbenchScreen(Screen[None], Carrying):
    """A full screen. Subclasses set `PLACE` and yield their widgets in `body`."""

    PLACE = ""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "step_out", "back", show=False, tooltip="Back")
    ]
    # As Textual has it each change of focus sends the whole screen, 30 kB at 120×40.
    focused: Reactive[Widget | None] = Reactive(None, repaint=False)

    def __init_subclass__(cls, **options: Any) -> None:
        cls.BINDINGS = with_names(cls.__name__, cls.__dict__.get("BINDINGS", ()))
        super().__init_subclass__(**options)

    def compose(self) -> ComposeResult:
        """Title bar, body and hints; the note takes the body's place where it cannot fit."""
        yield TitleBar(self.PLACE)
        with Vertical(id="body"):
            yield from self.body()
        yield Static(id="too-small")
        yield Hints()

    def body(self) -> ComposeResult:
        raise NotImplementedError

    def on_resize(self, event: Resize) -> None:
        """Say what is needed rather than show a torn screen."""
        small = event.size.width < LEAST_COLUMNS or event.size.height < LEAST_LINES
        self.set_class(small, "too-small")
        self.set_class(event.size.width < 100, "narrow")
        self.set_class(event.size.height < 30, "low")
        if small:
            self.query_one("#too-small", Static).update(
                f"This screen needs {LEAST_COLUMNS}×{LEAST_LINES} characters; "
                f"the window has {event.size.width}×{event.size.height}. "
                "A training goes on meanwhile."
            )

    def ask_for(self, dialog: ModalScreen[Answer | None], then: Callable[[Answer], object]) -> None:
        """Open a dialog; `then` is given the answer, unless one steps out.

        A UserError that it raises is said.
        """

        def answered(answer: Answer | None) -> None:
            if answer is None:
                return
            try:
                then(answer)
            except UserError as error:
                self.workbench.complain(error)

        self.app.push_screen(dialog, answered)

    @property
    def run_here(self) -> str | None:
        """The id of the run that one looks at; None where there is none."""
        return None

    def action_copy_id(self) -> None:
        """Hand the run's id to the terminal's clipboard, by OSC 52."""
        if self.run_here is not None:
            self.app.copy_to_clipboard(self.run_here)
            self.notify(f"Copied {self.run_here}")

    def action_step_out(self) -> None:
        """Leave a screen that lies on another; the four main places stay."""
        if self.is_active and len(self.app.screen_stack) > 1:
            self.app.pop_screen()

    @work(exclusive=True, group="open", description="open")
    async def open_found(self, find: Callable[[], RunFolder]) -> None:
        """Open the run that is found in a thread, unless one has gone elsewhere meanwhile."""
        try:
            folder = await asyncio.to_thread(find)
            # Says what is wrong where it is gone or damaged.
            await asyncio.to_thread(lambda: folder.record)
        except UserError as error:
            self.workbench.complain(error)
            return
        if self.app.screen is self:
            self.workbench.open_run(folder)
