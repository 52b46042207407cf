"""Keys that arrive in one packet, as over a slow connection: each goes where the one before led."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from textual.command import CommandList
from textual.events import Key
from textual.pilot import Pilot
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList

from tests.support import LivingRun, ended_run, until
from workbench.leaderboard.store import Leaderboard
from workbench.model.layers import Dense
from workbench.model.tables import paper_table
from workbench.queue import service
from workbench.queue.planning import PlannedTrial
from workbench.settings import Home
from workbench.tui.app import WorkbenchApp
from workbench.tui.screens.compose.screen import ComposeScreen
from workbench.tui.screens.dialog import ChoiceDialog
from workbench.tui.screens.queue.adding import AddDialog
from workbench.tui.screens.run_settings import RunSettings
from workbench.tui.widgets.row_list import RowList

# Keys that open each dialog, from the first screen on.
DIALOGS = {
    "Runs: delete": ("3", "j", "d"),
    "Runs: kill": ("3", "g", "X"),
    "Leaderboard: delete": ("4", "d"),
    "Leaderboard: export": ("4", "m"),
    "Leaderboard: order": ("4", "o"),
    "Models: settings": ("1", "enter"),
    "Compose: add": ("2", "a"),
    "Compose: new": ("2", "n"),
    "Compose: save": ("2", "w"),
    "Compose: drop": ("2", "a", "enter", "n", "enter"),
    "Compose: difference": ("2", "v"),
    "Queue: add": ("5", "a"),
    "Help": ("1", "question_mark"),
    "Palette": ("1", "ctrl+p"),
    "Run: log": ("3", "j", "enter", "l"),
    "Leave": ("2", "a", "enter", "q"),
}


def send(app: WorkbenchApp, *keys: str) -> None:
    """Keys as they come out of one read of the terminal."""
    for key in keys:
        app.post_message(Key(key, key if len(key) == 1 else None))


@pytest.fixture(scope="module")
def furnished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with an ended run and a training that waits."""
    home = Home(tmp_path_factory.mktemp("furnished")).ensure()
    ended_run(home)
    Leaderboard(home).sync()
    service.enqueue(home, [PlannedTrial(paper_table(3).rows[1].spec(), "Table 3")], "reproduce")
    return home.path


@pytest.mark.asyncio
@pytest.mark.parametrize("dialog", DIALOGS)
async def test_a_second_answer_never_ends_the_app(
    home: Home,
    furnished: Path,
    dialog: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.chdir(tmp_path)  # an export writes there
    # Answered in earnest, the queue would train all of the paper's tables.
    monkeypatch.setattr(service, "start", lambda *_, **__: True)
    shutil.copytree(furnished, home.path, dirs_exist_ok=True)
    living = LivingRun(home, seed=3)
    app = WorkbenchApp(home)
    async with app.run_test(size=(100, 40)) as pilot:
        for key in DIALOGS[dialog]:
            await pilot.press(key)
        await until(pilot, lambda: isinstance(app.screen, ModalScreen))
        before = app.screen
        send(app, "enter", "enter", "escape")
        await until(pilot, lambda: app.screen is not before)
        await pilot.pause()
        assert app.is_running
    living.die()


@pytest.mark.asyncio
async def test_of_two_answers_the_first_counts(home: Home) -> None:
    """As by two clicks of a mouse, which no order of keys keeps apart."""
    app = WorkbenchApp(home)
    answers: list[str | None] = []
    async with app.run_test(size=(80, 24)) as pilot:
        dialog = ChoiceDialog("Which?", [("one", "One"), ("other", "The other")])
        await app.push_screen(dialog, answers.append)
        options = dialog.query_one(OptionList)
        options.action_select()
        options.highlighted = 1
        options.action_select()
        await until(pilot, lambda: app.screen is not dialog)
        await pilot.pause()
        assert answers == ["one"]

        dark = app.theme
        await pilot.press("ctrl+p", *"colours")
        await until(pilot, lambda: app.screen.query_one(CommandList).option_count == 1)
        found = app.screen.query_one(CommandList)
        found.highlighted = 0
        found.action_select()
        found.action_select()
        await until(pilot, lambda: app.theme != dark)
        await pilot.pause()
        assert app.theme != dark


@pytest.mark.asyncio
async def test_keys_of_one_packet_follow_the_focus(home: Home) -> None:
    app = WorkbenchApp(home)
    async with app.run_test(size=(120, 40)) as pilot:
        send(app, "enter", "down", "8", "down", "down", "9")
        await until(pilot, lambda: isinstance(app.screen, RunSettings))
        await until(pilot, lambda: bool(app.screen.query("#learning_rate")))
        fields = {field.id: field for field in app.screen.query(Input)}
        await until(pilot, lambda: fields["learning_rate"].value.endswith("9"))
        assert fields["batch_size"].value.endswith("8")

        send(app, "escape", "2", "a", *"dense", "enter", "enter", *"64", "tab", *"re", "enter")
        await until(pilot, lambda: isinstance(app.screen, ComposeScreen))
        compose = app.screen
        assert isinstance(compose, ComposeScreen)

        def units() -> list[int]:
            return [layer.units for layer in compose.draft.layers if isinstance(layer, Dense)]

        await until(pilot, lambda: units() == [64])

        send(app, "5", "a", "down", *"3")
        await until(pilot, lambda: isinstance(app.screen, AddDialog))
        await until(pilot, lambda: app.screen.query_one("#seeds", Input).value.endswith("3"))


async def write_much(app: WorkbenchApp, pilot: Pilot[None]) -> None:
    field = app.focused
    assert isinstance(field, Input)
    field.value = "a" * 200
    await pilot.press("end", "z")
    await pilot.pause()
    assert field.scrollable_content_region.height == 1, "its bar covers the text"
    assert field.scroll_offset.x > 0


@pytest.mark.asyncio
@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_a_text_longer_than_its_field_stays_in_sight(
    home: Home, furnished: Path, size: tuple[int, int]
) -> None:
    shutil.copytree(furnished, home.path, dirs_exist_ok=True)
    app = WorkbenchApp(home)
    async with app.run_test(size=size) as pilot:
        await pilot.press("4")
        await until(pilot, lambda: app.screen.query(RowList))
        for way in (("slash",), ("escape", "T"), ("escape", "N"), ("escape", "1", "slash")):
            await pilot.press(*way)
            await write_much(app, pilot)
        await pilot.press("escape", "enter")
        await until(pilot, lambda: isinstance(app.screen, RunSettings))
        app.screen.query_one("#tags").focus()
        await pilot.pause()
        await write_much(app, pilot)
        await pilot.press("down")
        assert app.focused is not None and app.focused.id == "note"
