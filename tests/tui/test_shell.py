"""What all screens share: places, help, hints, palette, themes, leaving, and refusing."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from textual.app import ComposeResult
from textual.binding import Binding
from textual.widgets import OptionList, Static

from tests.support import until
from workbench.runs import control
from workbench.runs.folder import RunFolder, create_run
from workbench.runs.plan import Plan, specs_for
from workbench.runs.record import Labels
from workbench.runs.standby import Standby
from workbench.settings import Home
from workbench.tui import start
from workbench.tui.app import IDLE_SECONDS, LEAVING, WorkbenchApp
from workbench.tui.screens.base import WorkbenchScreen
from workbench.tui.screens.palette import HelpScreen, named_actions
from workbench.tui.widgets.bars import Hint, Hints, TitleBar, declared_actions, hint_line


class Place(WorkbenchScreen):
    """A screen with many keys, declared by importance."""

    BINDINGS = [  # noqa: RUF012  (as Textual declares it)
        Binding("t", "note('train')", "train the model", tooltip="Train it"),
        Binding("tab", "note('tab')", "another view of it", tooltip="Another view"),
        Binding("e", "note('edit')", "edit in compose", tooltip="Edit it"),
        Binding("d", "note('delete')", "delete for ever", tooltip="Delete it"),
        Binding("u", "note('undo')", "undo", tooltip="Undo"),
        Binding("v", "note('hidden')", "hidden", show=False, tooltip="Hidden in the hints"),
    ]

    def __init__(self, place: str) -> None:
        super().__init__()
        self.PLACE = place
        self.notes: list[str] = []

    def body(self) -> ComposeResult:
        yield Static("body")

    def action_note(self, text: str) -> None:
        self.notes.append(text)


class Shell(WorkbenchApp):
    """The app with plain screens."""

    MODES = {  # noqa: RUF012
        "models": lambda: Place("Models"),
        "compose": lambda: Place("Compose"),
        "runs": lambda: Place("Runs"),
        "leaderboard": lambda: Place("Leaderboard"),
    }


def hints_of(app: WorkbenchApp) -> str:
    return str(app.screen.query_one(Hints).render())


@pytest.mark.asyncio
async def test_number_keys_and_clicks_go_to_the_places(home: Home) -> None:
    app = Shell(home)
    async with app.run_test(size=(80, 24)) as pilot:
        for key, mode in (("2", "compose"), ("3", "runs"), ("4", "leaderboard"), ("1", "models")):
            await pilot.press(key)
            await until(pilot, lambda mode=mode: app.current_mode == mode)  # type: ignore[misc]
            assert app.screen.query_one(TitleBar).place == mode.title()
        await pilot.click(TitleBar, offset=(27, 0))
        await until(pilot, lambda: app.current_mode == "runs")


class Noted(Standby):
    """Only whether a worker is to be kept warm."""

    kept = False

    def start(self) -> None:
        self.kept = True

    def close(self) -> None:
        self.kept = False


@pytest.mark.asyncio
async def test_no_worker_is_kept_warm_for_one_who_is_away(home: Home) -> None:
    standby = Noted(home)
    app = Shell(home, lambda _home: standby)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: standby.kept)
        app._last_input -= IDLE_SECONDS
        await until(pilot, lambda: not standby.kept)
        await pilot.press("x")
        await until(pilot, lambda: standby.kept)


@pytest.mark.asyncio
async def test_a_number_leads_to_the_place_itself(home: Home) -> None:
    """Not to what was opened from it earlier and lies on it."""
    app = Shell(home)
    async with app.run_test(size=(80, 24)) as pilot:
        await app.push_screen(Place("A run"))
        for key, place in (("3", "Runs"), ("1", "Models")):
            await pilot.press(key)
            await until(pilot, lambda place=place: app.screen.query_one(TitleBar).place == place)  # type: ignore[misc]
        assert len(app.screen_stack) == 1


@pytest.mark.asyncio
@pytest.mark.parametrize("width", [60, 80, 100, 120])
async def test_hints_drop_the_last_ones_first_and_never_wrap(home: Home, width: int) -> None:
    app = Shell(home)
    async with app.run_test(size=(width, 24)) as pilot:
        await pilot.pause()
        line = hints_of(app)
        assert len(line) <= width and "\n" not in line and "hidden" not in line
        assert app.screen.query_one(Hints).region.height == 1
        order = ["train the model", "another view", "edit in", "delete for ever", "undo"]
        shown = [label in line for label in order]
        assert shown == sorted(shown, reverse=True), line
        assert "? help" in line and "q quit" in line, "the way to all keys and out never drop out"
        assert shown[0]
        assert all(shown) or width < 120


def test_a_shorter_hint_does_not_take_the_place_of_a_weightier_one() -> None:
    hints = [Hint("a", "first"), Hint("b", "a rather long second"), Hint("c", "3")]
    assert hint_line(hints, 24, True).plain.split() == ["a", "first"]
    assert declared_actions(Place)[:2] == ["note('train')", "note('tab')"]


@pytest.mark.asyncio
async def test_a_click_on_a_hint_does_what_the_key_does(home: Home) -> None:
    app = Shell(home)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        await pilot.click(Hints, offset=(2, 0))
        screen = app.screen
        assert isinstance(screen, Place)
        await until(pilot, lambda: screen.notes == ["train"])


@pytest.mark.asyncio
@pytest.mark.parametrize("key", ["question_mark", "f1"])
async def test_help_lists_the_bindings(home: Home, key: str) -> None:
    app = Shell(home)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press(key)
        await until(pilot, lambda: isinstance(app.screen, HelpScreen))
        shown = app.export_screenshot().replace("&#160;", " ")
        for text in ("Train it", "Another view", "Delete it", "Hidden in the hints"):
            assert text in shown
        assert shown.index("Train it") < shown.index("Another view") < shown.index("Hidden in")
        for _ in range(20):
            await pilot.press("j")
        await pilot.pause()
        assert "Go to Leaderboard" in app.export_screenshot().replace("&#160;", " ")
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, Place))


@pytest.mark.asyncio
async def test_the_palette_has_every_action_and_carries_it_out(home: Home) -> None:
    app = Shell(home)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        screen = app.screen
        assert isinstance(screen, Place)
        names = [command.name for command in named_actions(app, screen)]
        assert names[:3] == ["Train it", "Another view", "Edit it"]
        for name in ("Hidden in the hints", "Go to Compose", "Light or dark colours"):
            assert name in names
        assert len(names) == len(set(names))
        await pilot.press("ctrl+p", *"hidden")
        await until(pilot, lambda: any("Hidden" in line for line in palette_lines(app)))
        await pilot.press("enter")
        await until(pilot, lambda: screen.notes == ["hidden"])
        await pilot.press("ctrl+p", *"quit")
        await until(pilot, lambda: any("quit: Leave" in line for line in palette_lines(app)))
        await pilot.press("escape", "ctrl+p", *"go to runs")
        await until(pilot, lambda: any("Runs" in line for line in palette_lines(app)))
        await pilot.press("enter")
        await until(pilot, lambda: app.current_mode == "runs")


def palette_lines(app: WorkbenchApp) -> list[str]:
    return [
        str(option.prompt) for found in app.screen.query(OptionList) for option in found.options
    ]


@pytest.mark.asyncio
async def test_too_small_is_said_and_passes(home: Home) -> None:
    app = Shell(home)
    async with app.run_test(size=(40, 12)) as pilot:
        await pilot.pause()
        note = app.screen.query_one("#too-small", Static)
        assert note.display and "60×18" in str(note.content) and "40×12" in str(note.content)
        assert not app.screen.query_one("#body").display
        assert hints_of(app).split() == ["?", "help", "q", "quit"]
        await pilot.resize_terminal(80, 24)
        await pilot.pause()
        assert not note.display and app.screen.query_one("#body").display


@pytest.mark.asyncio
async def test_light_and_dark(home: Home) -> None:
    app = Shell(home)
    async with app.run_test(size=(80, 24)) as pilot:
        assert app.current_theme.dark
        await pilot.press("ctrl+t")
        assert not app.current_theme.dark
        await pilot.press("ctrl+t")
        assert app.current_theme.dark


def living_run(home: Home) -> tuple[RunFolder, int]:
    """A run whose lock this process holds."""
    return create_run(home, specs_for(home, "nn-1", Plan())[0], Labels(), "app")


@pytest.mark.asyncio
@pytest.mark.parametrize("key", ["q", "ctrl+q"])
async def test_quitting_asks_only_while_something_of_ours_trains(home: Home, key: str) -> None:
    app = Shell(home)
    _, descriptor = living_run(home)  # another connection's: none of our business
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press(key)
        await pilot.pause()
    assert app._exit
    os.close(descriptor)


@pytest.mark.asyncio
async def test_quitting_can_be_taken_back(home: Home) -> None:
    app = Shell(home)
    folder, descriptor = living_run(home)
    app.started.append(folder)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("q")
        await until(pilot, lambda: app.screen.id == LEAVING)
        await pilot.press("ctrl+q")
        await pilot.pause()
        assert len(app.screen_stack) == 2, "it is asked once"
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, Place))
        assert not app._exit
        await pilot.press("q", "j", "j", "j", "enter")  # stay here
        await until(pilot, lambda: isinstance(app.screen, Place))
        assert not app._exit
        os.close(descriptor)
        await pilot.press("q")  # it has ended meanwhile
        await pilot.pause()
    assert app._exit


@pytest.mark.asyncio
@pytest.mark.parametrize(("steps", "asked"), [(0, control.Command.RUN), (1, control.Command.STOP)])
async def test_quitting_leaves_or_stops_it(home: Home, steps: int, asked: control.Command) -> None:
    app = Shell(home)
    folder, descriptor = living_run(home)
    app.started.append(folder)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("q")
        await until(pilot, lambda: app.screen.id == LEAVING)
        await pilot.press(*"j" * steps, "enter")
        await until(pilot, lambda: app._exit)
    assert control.requested(folder.path) is asked
    os.close(descriptor)


def test_no_terminal_is_refused_in_one_line(home: Home) -> None:
    with pytest.raises(start.NoTerminal) as refused:
        start.open_screens(home)  # pytest has no terminal
    assert "\n" not in str(refused.value) and "`mnist-workbench run`" in str(refused.value)
    assert refused.value.exit_code == 2


@pytest.mark.parametrize("term", ["dumb", ""])
def test_a_dumb_terminal_is_refused(home: Home, monkeypatch: pytest.MonkeyPatch, term: str) -> None:
    class Terminal:
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(start.sys, "stdin", Terminal())
    monkeypatch.setattr(start.sys, "stdout", Terminal())
    monkeypatch.setenv("TERM", term)
    with pytest.raises(start.NoTerminal, match=r"cannot show the screens.*leaderboard"):
        start.open_screens(home)


def test_the_first_frame_waits_for_nothing_heavy() -> None:
    """What is imported before the first frame; the rest follows in a thread, or never."""
    heavy = ("pydantic", "numpy", "plotext", "scipy", "tinydb", "keras", "tensorflow", "optuna")
    code = (
        "import sys, workbench.tui.start, workbench.tui.app, workbench.tui.screens.models\n"
        f"print([name for name in {heavy} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
