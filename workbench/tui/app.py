"""The app: its places, what it started, and leaving without losing anything."""

from __future__ import annotations

import asyncio
import gc
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar

from textual import work
from textual.app import App
from textual.binding import Binding, BindingType
from textual.command import Provider
from textual.dom import DOMNode
from textual.driver import Driver
from textual.drivers.linux_driver import LinuxDriver
from textual.events import Event, InputEvent, Key, Paste
from textual.filter import LineFilter
from textual.notifications import SeverityLevel
from textual.screen import Screen

from workbench.config import Config, remember
from workbench.errors import UserError
from workbench.settings import Home, style_sheet
from workbench.text import visible
from workbench.tui.keys import KeyOrder, with_names
from workbench.tui.run_feed import RunFeed, Seen, severity, title_words, words_of
from workbench.tui.screens.base import Carrying
from workbench.tui.terminal import SAFE_LINES, TerminalDriver
from workbench.tui.theme import DARK, LIGHT
from workbench.tui.widgets.bars import PLACES

# What a run and a model are is imported where it is needed: the first frame does not wait for it.
if TYPE_CHECKING:
    from workbench.model.spec import TrainingSpec
    from workbench.queue.search import SearchRequest
    from workbench.runs.folder import RunFolder
    from workbench.runs.record import Labels
    from workbench.runs.standby import Standby
    from workbench.tui.screens.base import Workbench
    from workbench.tui.screens.compose.screen import ComposeScreen
    from workbench.tui.screens.queue.adding import Request

STANDBY_LOOK_SECONDS = 0.25
# Without a key or the mouse for so long, no worker is kept warm, as it takes about 1 GB.
IDLE_SECONDS = 600.0
# A cursor that moves on sooner only passes by: nothing is compiled for it.
EXPECTED_REST_SECONDS = 0.5
LEAVING = "leaving"  # the id of the question at leaving, which is asked once
LEAVE = "Leave; asks while something trains or is not saved"
HELP = "The keys that work here"
MOST_SAID = 3  # runs that end at once and are each told of
ONE_FILE = ("Runs", "Draw")  # places that are a module, no folder of modules
STARTING = "A training is being started; a moment"


def _place(name: str) -> Screen[None]:
    """A place, made when it is first visited: the first frame shows one of them."""
    module = f"workbench.tui.screens.{name.lower()}{'' if name in ONE_FILE else '.screen'}"
    screen: Screen[None] = getattr(import_module(module), f"{name}Screen")()
    return screen


def _provider(name: str) -> type[Provider]:
    from workbench.tui.screens import palette

    provider: type[Provider] = getattr(palette, name)
    return provider


def _collect_garbage_again() -> None:
    """The first frame is there; what came before it stays, and is left out of collections."""
    if not gc.isenabled():
        gc.freeze()
        gc.enable()


def _load_train_screen() -> None:
    """Import what `t` opens, so that the first point does not wait for it."""
    import workbench.runs.service
    import workbench.tui.screens.train.screen  # noqa: F401
    from workbench.tui import plotting

    plotting.warm_up()


class WorkbenchApp(App[None], Carrying):
    """`home` is the data folder; `started` are the runs that this app began.

    `queue_started` says whether it was this app that let the queue run.

    `make_standby` makes the connection to a worker that is kept warm; without it none is.

    `graphics` is the widget for images where the terminal has a graphics protocol.

    `run_feed` tells all screens, about once a second, which runs there are and how far they are.
    """

    TITLE = "mnist-workbench"
    # The first place's own beside it: what comes with a screen has all sheets read once more.
    CSS_PATH: ClassVar = [style_sheet("app"), style_sheet("models")]
    MODES: ClassVar[dict[str, str | Callable[[], Screen[None]]]] = {
        name.lower(): partial(_place, name) for _, name in PLACES
    }
    DEFAULT_MODE = "models"
    COMMANDS: ClassVar[set[type[Provider] | Callable[[], type[Provider]]]] = {
        partial(_provider, name) for name in ("ActionProvider", "NameProvider")
    }
    COMMAND_PALETTE_BINDING = "ctrl+p"
    BINDINGS: ClassVar[list[BindingType]] = with_names(
        "App",
        [
            Binding("question_mark", "show_help", "help", tooltip=HELP),
            Binding("f1", "show_help", "help", tooltip=HELP),  # where ? is a letter like others
            Binding("q", "leave", "quit", tooltip=LEAVE),
            # Textual's own ctrl+q would leave without asking.
            Binding("ctrl+q", "leave", "quit", show=False, priority=True, tooltip=LEAVE),
            *(
                Binding(
                    key, f"go({name.lower()!r})", name.lower(), show=False, tooltip=f"Go to {name}"
                )
                for key, name in PLACES
            ),
            Binding("ctrl+t", "switch_theme", "theme", show=False, tooltip="Light or dark colours"),
        ],
    )

    def __init__(
        self,
        home: Home,
        make_standby: Callable[[Home], Standby] | None = None,
        *,
        config: Config | None = None,
        light: bool | None = None,
        graphics: Any = None,
    ) -> None:
        super().__init__()
        self.home = home
        self.graphics = graphics
        self.config = config or Config()
        self.standby: Standby | None = None
        self._make_standby = make_standby
        self.started: list[RunFolder] = []
        self.queue_started = False
        self.run_feed = RunFeed(self, home)
        self._key_order = KeyOrder(self, super().on_event)
        self._clashes: set[str] = set()  # keys of which it was said that two actions want them
        self._last_input = time.monotonic()
        self._starting = False  # a training is being started in a thread
        self._likely: Callable[[], list[TrainingSpec]] | None = None
        self._likely_since = 0.0
        self._expected: TrainingSpec | None = None
        # Before the stylesheets are read, as they use the themes' own variables.
        for theme in (DARK, LIGHT):
            self.register_theme(theme)
        chosen = self.config["theme"]
        bright = bool(light) if chosen == "auto" else chosen == "light"
        self.theme = (LIGHT if bright else DARK).name
        self._first_theme: str | None = self.theme
        self.set_keymap(self.config["keys"])
        self.stylesheet.set_variables(self.get_css_variables())

    async def on_event(self, event: Event) -> None:
        """Handle an event; a key waits for what the key before it does."""
        if isinstance(event, InputEvent):
            self._last_input = time.monotonic()
        if isinstance(event, Key | Paste) and not event.is_forwarded:
            await self._key_order.arrived(event)
        else:
            await super().on_event(event)

    async def run_action(self, *given: Any, **named: Any) -> bool:
        """Carry an action out; a UserError that it raises is said."""
        try:
            return await super().run_action(*given, **named)
        except UserError as error:
            self.complain(error)
            return True

    def notify(
        self,
        message: str,
        *,
        title: str = "",
        severity: SeverityLevel = "information",
        timeout: float | None = None,
        markup: bool = False,
    ) -> None:
        """Say something in the corner. Names in it come from outside: it is never markup.

        Screens and widgets hand on `markup=True`, unless each call says otherwise.
        """
        super().notify(
            visible(message), title=title, severity=severity, timeout=timeout, markup=False
        )

    def get_key_display(self, binding: Binding) -> str:
        """A key as help, hints and palette write it: `ctrl+t`, `enter`, `/`."""
        if binding.key == "enter" and not binding.key_display:
            return "enter"
        shown = super().get_key_display(binding)
        return shown.replace("^", "ctrl+", 1) if binding.key.startswith("ctrl+") else shown

    def get_line_filters(self) -> Sequence[LineFilter]:
        return [*super().get_line_filters(), SAFE_LINES]

    def get_driver_class(self) -> type[Driver]:
        """The driver of the terminal, unless the environment names another (TEXTUAL_DRIVER)."""
        chosen = super().get_driver_class()
        return TerminalDriver if chosen is LinuxDriver else chosen

    def _display(self, *given: Any, **named: Any) -> None:
        # Textual's own, and private: what it is given is not counted on, and goes on as it came.
        if isinstance(self._driver, TerminalDriver):
            given = tuple(self._driver.only_changes(each) for each in given)
        super()._display(*given, **named)

    def refresh_css(self, animate: bool = True) -> None:
        """Apply the style sheets anew, with the colours of the theme that is in force now."""
        # Textual asks for this at the start and for each new place too. As long as the theme has
        # always been the one, there is nothing to refresh, and each time costs a tenth of the time
        # to the first frame.
        if self.theme != self._first_theme:
            self._first_theme = None
            super().refresh_css(animate)

    def on_mount(self) -> None:
        if self.graphics is not None and self._driver is not None:
            from workbench.tui.terminal import InLine

            sys.__stdout__ = InLine(sys.__stdout__, self._driver.write)  # type: ignore[misc, assignment]
        for problem in self.home.broken_parts():
            self.complain(problem)
        for fault in self.config.problems:
            self.complain(fault)
        # After the first frame: a home of thousands of runs takes a moment to look through.
        self.call_after_refresh(lambda: self.run_worker(self.run_feed.follow(), group="run-feed"))
        self.run_feed.seen.subscribe(self, self._runs_seen)
        self.set_interval(STANDBY_LOOK_SECONDS, self._keep_a_worker_warm)
        self.call_after_refresh(_collect_garbage_again)

    def _runs_seen(self, seen: Seen) -> None:
        """Say on any screen what ended, and in the terminal's title how far it is."""
        if isinstance(self._driver, TerminalDriver):
            self._driver.set_title(title_words(seen.living))
            shares = [run.progress for run in seen.living]
            self._driver.set_progress(sum(shares) / len(shares) if shares else None)
        if not seen.ended:
            return
        from workbench.tui.screens.train.screen import TrainScreen

        watched = self.screen.folder.run_id if isinstance(self.screen, TrainScreen) else None
        self._tell_terminal([words_of(run) for run in seen.ended])
        ended = [run for run in seen.ended if run.run_id != watched]
        for run in ended[:MOST_SAID]:
            self.notify(words_of(run), severity=severity(run))
        if len(ended) > MOST_SAID:
            self.notify(f"{len(ended) - MOST_SAID} more runs have ended.")

    def _tell_terminal(self, sentences: list[str]) -> None:
        """Ring, or notify the desktop, for whoever looks elsewhere; a command was told already."""
        match self.config["notify"]:
            case ("bell",):
                self.bell()
            case ("terminal",) if isinstance(self._driver, TerminalDriver):
                for words in sentences[:MOST_SAID]:
                    self._driver.notify_desktop(words)

    def remember(self, name: str, value: Any) -> None:
        """Keep a setting for the next time; written in a thread."""
        self.config.set_here[name] = value

        def write() -> None:
            try:
                remember(name, self.config[name])  # as it is by now
            except UserError as error:
                self.call_from_thread(self.complain, error)

        self.run_worker(write, thread=True, group=f"remember-{name}")

    def handle_bindings_clash(self, clashed_bindings: set[Binding], node: DOMNode) -> None:
        """Say once of each key that the configuration took it from another action."""
        for binding in clashed_bindings:
            if binding.id and binding.id not in self._clashes:
                self._clashes.add(binding.id)
                words = f"{binding.id} has lost its key {binding.key} to one of your own keys"
                self.call_later(self.notify, words, severity="warning")

    def _keep_a_worker_warm(self) -> None:
        """Warm a worker while nothing trains; a living training keeps its cores to itself."""
        # The thread that starts a training has the standby in its hands meanwhile.
        feed = self.run_feed
        if self._make_standby is None or self._starting or not feed.looked or feed.last.living:
            return
        self.standby = self.standby or self._make_standby(self.home)
        if time.monotonic() - self._last_input > IDLE_SECONDS:
            self.standby.close()
            return
        self.standby.start()
        if self._likely and time.monotonic() - self._likely_since >= EXPECTED_REST_SECONDS:
            make, self._likely = self._likely, None
            with suppress(UserError):  # said where it is trained
                self._expected = make()[0]
            self.run_worker(_load_train_screen, thread=True, group="load")
        if self._expected is not None:
            self.standby.expect(self._expected)

    def expect(self, make: Callable[[], list[TrainingSpec]]) -> None:
        """Say what `t` would train here; once that rests, a worker compiles it ahead.

        `make` is called then; where it raises a UserError, what was expected before stays.
        """
        self._likely, self._likely_since = make, time.monotonic()

    @property
    def _background_screens(self) -> list[Screen[Any]]:
        # Textual counts the screen below as visible even under an opaque one, and then sends
        # the whole top screen again with every change down there: 28 kB/s while a run is watched.
        return super()._background_screens if self.screen.is_modal else []

    async def action_go(self, place: str) -> None:
        if self.current_mode != place:
            await self.switch_mode(place)
        while len(self.screen_stack) > 1:  # a run's screen, say, lies on the place
            await self.pop_screen()

    def action_switch_theme(self) -> None:
        """Between light and dark; it is remembered."""
        chosen = LIGHT if self.current_theme.dark else DARK
        self.theme = chosen.name
        self.remember("theme", "dark" if chosen.dark else "light")

    def action_show_help(self) -> None:
        from workbench.tui.screens.palette import HelpScreen, help_page

        self.push_screen(HelpScreen(help_page(self, self.screen)))

    def action_command_palette(self) -> None:
        from workbench.tui.screens.palette import Palette

        if not isinstance(self.screen, Palette):
            self.push_screen(Palette())

    def complain(self, error: UserError) -> None:
        """Say what went wrong outside; the app goes on."""
        self.notify(str(error), severity="error", timeout=10, markup=False)

    def train(
        self,
        specs: list[TrainingSpec],
        labels: Labels | None = None,
        *,
        next_seed: bool = False,
    ) -> None:
        """Start trainings, detached, and open the first one's screen once its folder is there.

        With `next_seed` the first one alone, with the lowest seed that no run of its settings
        has: the same seed would give the same number again.

        A second start while the first is under way is refused: a key pressed twice on a slow
        disk does not train twice. While another run keeps the cores busy, the queue is offered.
        """
        if self._starting:
            self.notify(STARTING)
            return

        def begin(answer: str | None) -> None:
            if answer == "queue":
                self.put_in_line(specs, labels, next_seed=next_seed)
            elif answer == "now":
                self._starting = True
                work = self._train(specs, labels, next_seed)
                self.run_worker(work, group="train", description="train")

        busy = next((run for run in self.run_feed.last.living if run.keeps_cores_busy), None)
        if busy is None:
            begin("now")
            return
        from workbench.tui.screens.dialog import ChoiceDialog

        question = f"Run {busy.run_id} trains now; two at once each take about twice as long."
        answers = [
            ("queue", "Put it in the queue, to train when the cores are free"),
            ("now", "Train it now"),
        ]
        self.push_screen(ChoiceDialog(question, answers), begin)

    def put_in_line(
        self, specs: list[TrainingSpec], labels: Labels | None = None, *, next_seed: bool = False
    ) -> None:
        """Queue trainings, or with `next_seed` the first one with the next free seed."""
        from workbench.runs.record import Labels
        from workbench.tui.screens.queue import adding

        def put() -> str:
            words, started = adding.put_in_line(
                self.home, specs, labels or Labels(), next_seed=next_seed
            )
            self.queue_started = self.queue_started or started
            return words

        self.carry_out(put)

    def queue_up(self, asked: Request) -> None:
        """Queue what a dialog asked for, and start."""
        from workbench.tui.screens.queue import adding

        self.queue_started = True
        self.carry_out(partial(adding.add, self.home, asked))

    def begin_search(self, asked: SearchRequest) -> None:
        """Begin a search that a dialog asked for, and show it."""
        from workbench.tui.screens.queue import adding

        def begin() -> None:
            self.call_from_thread(self.open_search, adding.search(self.home, asked))

        self.queue_started = True
        self.carry_out(begin)

    async def _train(
        self, specs: list[TrainingSpec], labels: Labels | None, next_seed: bool
    ) -> None:
        from workbench.leaderboard.store import Leaderboard
        from workbench.runs import service
        from workbench.runs.record import Labels
        from workbench.runs.service import launch

        try:
            if next_seed:
                board = Leaderboard(self.home)
                seed = await asyncio.to_thread(service.next_seed, specs[0], board)
                specs = [specs[0].model_copy(update={"seed": seed})]
                if seed:
                    self.notify(f"Seed {seed}: lower ones have runs of these settings already.")
            # Run folders are written through to the disk, which can take its time.
            folders = await asyncio.to_thread(
                launch, self.home, specs, labels or Labels(), "app", self.standby
            )
        except UserError as error:
            self.complain(error)
            return
        finally:
            self._starting = False
        for folder in folders:
            self.ask_about(folder)
        self.run_feed.look_now()
        self.open_run(folders[0])

    def ask_about(self, folder: RunFolder) -> None:
        """Ask on leaving what is to become of this run while it trains."""
        if folder not in self.started:
            self.started.append(folder)

    def open_run(self, folder: RunFolder) -> None:
        """Show a run, living or ended."""
        from workbench.tui.screens.train.screen import TrainScreen

        self.push_screen(TrainScreen(folder))

    def open_search(self, search_id: str) -> None:
        """Show a search, whether it goes on or is over."""
        from workbench.tui.screens.search import SearchScreen

        self.push_screen(SearchScreen(search_id))

    async def go(self, place: str) -> Any:
        """Go to a place; its screen, to ask it for something there."""
        await self.action_go(place)
        return self.screen

    def action_help_quit(self) -> None:
        self.notify("Press q to quit.")

    @work(group="leave")
    async def action_leave(self) -> None:
        """Leave; ask what is to become of trainings started here and of unsaved work."""
        if self.screen.id == LEAVING:
            return
        if self._starting:
            self.notify(STARTING)
            return
        from workbench.runs import lock
        from workbench.tui.screens.leave import KEEP, LEAVES, SAVE, carry_out, leave_dialog

        living = [folder for folder in self.started if lock.is_held(folder.lock_file)]
        queue = self.queue_started and self._queue_runs()
        work = self._unsaved_work()
        if not living and not queue and work is None:
            self._leave_now()
            return
        dialog = leave_dialog(living, work.title_of_work if work else "", queue=queue)
        dialog.id = LEAVING
        answer = await self.push_screen_wait(dialog)
        if answer == SAVE and work is not None:
            # Compose asks for a name; once it is saved, what else there is to ask is asked.
            await self.action_go("compose")
            work.save_then(self.action_leave)
            return
        home = self.home if queue else None
        error = await asyncio.to_thread(carry_out, answer, living, home)
        if error is not None:
            self.complain(error)
        elif answer in LEAVES:
            if work is not None:  # each of these answers drops it, as the question says
                work.discard_work()
            self._leave_now([] if answer == KEEP else living)

    def _leave_now(self, stopped: Sequence[RunFolder] = ()) -> None:
        """Leave, and say how to follow what trains on; `stopped` are about to end."""
        from workbench.runs import lock
        from workbench.tui.screens.leave import farewell

        known = [*self.started, *(run.folder for run in self.run_feed.last.living)]
        folders = {folder.run_id: folder for folder in known if folder not in stopped}
        alive = [name for name, folder in folders.items() if lock.is_held(folder.lock_file)]
        queue = not stopped and self._queue_runs()
        self.exit(message=farewell(alive, queue=queue))

    def _queue_runs(self) -> bool:
        from workbench.queue.store import QueueStore

        try:
            return QueueStore(self.home).runs()
        except UserError:  # nothing can be said of it, nor done
            return False

    def _unsaved_work(self) -> ComposeScreen | None:
        """Compose, if it was visited and holds a model that is not saved."""
        try:
            stack = self.get_screen_stack("compose")
        except KeyError:
            return None
        from workbench.tui.screens.compose.screen import ComposeScreen

        screen = stack[0] if stack else None
        return screen if isinstance(screen, ComposeScreen) and screen.unsaved else None

    def leave(self) -> None:
        """Leave at once: the terminal has gone, the trainings go on."""
        self.exit()


if TYPE_CHECKING:

    def _is_what_screens_reach(app: WorkbenchApp) -> Workbench:
        return app
