"""The Claims tab of the leaderboard's screen."""

from __future__ import annotations

import pytest
from textual.widgets import Static

from tests.support import ended_run, until
from tests.tui.test_leaderboard import has_line, shown
from workbench.leaderboard.store import Leaderboard
from workbench.settings import Home
from workbench.tui.app import WorkbenchApp
from workbench.tui.screens.leaderboard.board import CLAIMS
from workbench.tui.screens.leaderboard.parts import TabLine
from workbench.tui.screens.leaderboard.screen import LeaderboardScreen
from workbench.tui.widgets.row_list import RowList


@pytest.fixture
def networks(home: Home) -> Home:
    """Two runs of each NN, about where the paper has them."""
    for row, accuracy in enumerate((0.9514, 0.9681, 0.9503, 0.9704)):
        for seed in range(2):
            ended_run(home, accuracy=accuracy + 0.0002 * seed, row=row, seed=seed)
    Leaderboard(home).sync()
    return home


async def open_claims(app: WorkbenchApp, pilot: object) -> None:
    await pilot.press("4")  # type: ignore[attr-defined]
    await until(pilot, lambda: len(shown(app)) > 0)  # type: ignore[arg-type]
    screen = app.screen
    assert isinstance(screen, LeaderboardScreen)
    screen._go_to_tab(CLAIMS)
    await until(pilot, lambda: has_line(app, "Deeper NNs beat shallow ones"))  # type: ignore[arg-type]


@pytest.mark.asyncio
@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_claims_are_readable_whole(networks: Home, size: tuple[int, int]) -> None:
    app = WorkbenchApp(networks)
    async with app.run_test(size=size) as pilot:
        await open_claims(app, pilot)
        assert len(shown(app)) in (4, 10)  # of 16
        assert has_line(app, "✓ confirmed", "Deeper NNs beat shallow ones", "2.3", "Table 3")
        assert has_line(app, "○ not enough runs", "CNN model 2 is the best CNN", "3.3", "Table 6")
        border = str(app.screen.query_one("#board-panel").border_subtitle)
        assert "2 confirmed · 14 not enough runs" in border
        detail = app.screen.query_one("#board-detail", Static)
        for _ in range(16):
            lines = [detail.render_line(y).text.strip() for y in range(detail.size.height)]
            text = " ".join(line for line in lines if line)
            assert text.endswith(".") and "…" not in text
            assert max(map(len, lines)) <= size[0] - 4
            await pilot.press("down")
            await pilot.pause()
        await pilot.press("home")
        await pilot.pause()
        assert "NN model 1.1 96.82 ± 0.01 %" in " ".join(
            detail.render_line(y).text.strip() for y in range(detail.size.height)
        )


@pytest.mark.asyncio
async def test_keys_on_a_claim(networks: Home) -> None:
    app = WorkbenchApp(networks)
    async with app.run_test(size=(80, 24)) as pilot:
        await open_claims(app, pilot)
        screen = app.screen
        assert isinstance(screen, LeaderboardScreen)
        for action in ("train", "select", "filter", "sort", "group", "edit_tags", "delete"):
            assert not screen.check_action(action, ())
        for key in ("space", "t", "d", "g"):
            await pilot.press(key)
        assert app.screen is screen
        await pilot.press("c")
        await until(pilot, lambda: "| Deeper NNs beat shallow ones¹" in app.clipboard)
        await pilot.press("down", "down", "down", "enter")
        await until(pilot, lambda: has_line(app, "CNN model 1.2"))
        assert screen.query_one(TabLine).tab == 6
        assert not screen.has_class("claims")


@pytest.mark.asyncio
async def test_claims_change_with_the_runs(networks: Home) -> None:
    app = WorkbenchApp(networks)
    async with app.run_test(size=(80, 24)) as pilot:
        await open_claims(app, pilot)
        await pilot.press("end", *["up"] * 6)
        before = app.screen.query_one(RowList).key
        ended_run(networks, accuracy=0.1135, table=7, row=7)
        Leaderboard(networks).sync()
        await until(pilot, lambda: has_line(app, "✓ confirmed", "Adam at 0.01 drops"))
        assert app.screen.query_one(RowList).key == before == "adam-collapses"


@pytest.mark.asyncio
async def test_claims_without_a_run(home: Home) -> None:
    app = WorkbenchApp(home)
    async with app.run_test(size=(60, 18)) as pilot:
        await pilot.press("4")
        await until(pilot, lambda: has_line(app, "No results yet"))
        screen = app.screen
        assert isinstance(screen, LeaderboardScreen)
        screen._go_to_tab(CLAIMS)
        await until(pilot, lambda: len(shown(app)) > 1)
        assert all("○ not enough runs" in line for line in shown(app))
