"""The screen of wrong images: which are on view, what is said of them, and its keys."""

from __future__ import annotations

import numpy as np
import pytest
from textual.events import MouseScrollDown
from textual.pilot import Pilot

from tests.cli.test_predictions import answered
from tests.support import ended_run, until
from workbench.errors import RunError
from workbench.predictions.of_run import predictions_of
from workbench.runs.folder import RunFolder
from workbench.settings import Home
from workbench.tui.app import WorkbenchApp
from workbench.tui.plotting import Glyphs
from workbench.tui.screens.classes import ClassesScreen
from workbench.tui.screens.errors import ErrorsScreen, compared, hardest_first, mistakes_of
from workbench.tui.widgets.bars import Hints
from workbench.tui.widgets.pictures import Picture, PictureGrid, bar
from workbench.tui.widgets.row_list import RowList
from workbench.tui.widgets.steady_lines import SteadyLines

WRONG = {14: 9, 24: 9, 35: 2, 44: 7, 51: 8}


def test_a_filter_keeps_its_image_under_the_cursor(home: Home) -> None:
    run = predictions_of(answered(home, 0, WRONG))
    gallery = mistakes_of("a", run).at(2)
    assert gallery.image == 35
    assert gallery.filtered(5, None).image == 35
    assert gallery.filtered(4, None).image == 44
    narrow = gallery.filtered(4, 9)
    assert narrow.images.tolist() == [24, 14]
    assert narrow.at(99).image == 14 and narrow.at(-99).image == 24
    assert gallery.counts("true") == [(4, 3), (1, 1), (5, 1)]
    assert gallery.filtered(4, None).counts("predicted") == [(9, 2), (7, 1)]
    assert gallery.filtered(3, None).image is None


def test_the_hardest_come_first(home: Home) -> None:
    run, other = (
        predictions_of(answered(home, seed, wrong)) for seed, wrong in ((0, WRONG), (1, {24: 1}))
    )
    ordered = hardest_first(mistakes_of("a", run), [other])
    assert ordered.images.tolist() == [24, 51, 44, 35, 14]


def test_two_runs_part_into_four_kinds(home: Home) -> None:
    a, b = (
        predictions_of(answered(home, seed, wrong))
        for seed, wrong in ((0, {14: 9, 24: 9}), (1, {24: 9, 35: 1}))
    )
    gallery = compared(("a", "b"), (a, b))
    assert [len(section.images) for section in gallery.sections] == [1, 1, 1, 9997]
    assert gallery.images.tolist() == [35]
    assert gallery.next_section().images.tolist() == [14]
    assert gallery.sentence == "a and b are right equally often."
    with pytest.raises(RunError, match="two runs or more"):
        compared(("a",), (a,))


def test_bars_are_exact_to_an_eighth_of_a_cell(monkeypatch: pytest.MonkeyPatch) -> None:
    assert bar(0.5, 4) == "██"
    assert bar(0.53, 4) == "██▏"
    assert bar(0.0, 4) == ""
    monkeypatch.setattr("workbench.tui.widgets.pictures.terminal_glyphs", lambda: Glyphs.ASCII)
    assert bar(0.5, 4) == "##"


def said(screen: ErrorsScreen, name: str) -> str:
    return screen.query_one(f"#errors-{name}", SteadyLines).plain


async def opened(
    pilot: Pilot[None], home: Home, *folders: RunFolder, others: int = 0
) -> ErrorsScreen:
    screen = ErrorsScreen(home, list(folders))
    await pilot.app.push_screen(screen)
    await until(pilot, lambda: screen._images is not None and len(screen._others) == others)
    await pilot.pause()
    return screen


@pytest.mark.asyncio
async def test_one_looks_through_mistakes(home: Home) -> None:
    run, other = answered(home, 0, WRONG), answered(home, 1, {24: 1})
    async with WorkbenchApp(home).run_test(size=(120, 40)) as pilot:
        screen = await opened(pilot, home, run, others=1)
        assert "1 of 5 images answered wrongly" in said(screen, "head")
        assert said(screen, "answer-lines").startswith("a 1, taken for a 8, 55.1 % sure")
        assert "8 ✗" in said(screen, "answer-lines") and "1 ✓" in said(screen, "answer-lines")
        assert "wrong in 1 of 2 runs" in said(screen, "answer-lines")
        assert said(screen, "often-lines").startswith("4 → 9  2  ███")
        await pilot.press("right", "l")
        assert "image 35" in said(screen, "head")
        await pilot.press("o")
        assert "▸ image 35" in said(screen, "other-lines")
        await pilot.press("home")
        assert "▸ image 24" in said(screen, "other-lines")
        assert f"wrong in 2 of 2 runs, also {other.run_id}" in readable(screen, "answer-lines")
        await pilot.press("escape")
        assert not isinstance(pilot.app.screen, ErrorsScreen)


@pytest.mark.asyncio
async def test_the_mouse_goes_through_mistakes(home: Home) -> None:
    async with WorkbenchApp(home).run_test(size=(120, 40)) as pilot:
        screen = await opened(pilot, home, answered(home, 0, WRONG))
        await pilot.click("#errors-other-lines", offset=(3, 2))
        assert "3 of 5 images" in said(screen, "head") and "image 35" in said(screen, "head")
        await pilot._post_mouse_events([MouseScrollDown], Picture, (3, 3))
        assert "4 of 5 images" in said(screen, "head")


@pytest.mark.asyncio
async def test_classes_are_chosen_and_let_go(home: Home) -> None:
    async with WorkbenchApp(home).run_test(size=(80, 24)) as pilot:
        screen = await opened(pilot, home, answered(home, 0, WRONG))
        await pilot.press("t", "down", "enter")
        await pilot.pause()
        assert "1 of 3 images answered wrongly   image 44      is 4, taken for any" in said(
            screen, "head"
        )
        await pilot.press("x")
        assert "1 of 5 images" in said(screen, "head") or "of 5 images" in said(screen, "head")


@pytest.mark.asyncio
async def test_a_window_of_80_by_24_shows_eight_small_images(home: Home) -> None:
    wrong = {image: (image + 1) % 10 for image in range(100)}
    async with WorkbenchApp(home).run_test(size=(80, 24)) as pilot:
        screen = await opened(pilot, home, answered(home, 0, wrong))
        await pilot.press("tab")
        await pilot.pause()
        grid = screen.query_one(PictureGrid)
        assert grid.a_page >= 8
        lines = [grid.render_line(y).text for y in range(grid.size.height)]
        assert sum(line.count("→") for line in lines) == grid.a_page
        assert "▸" in lines[0]
        await pilot.click(PictureGrid, offset=(20, 2))
        assert "2 of 100 images" in said(screen, "head")
        await pilot.press("pagedown")
        assert f"{grid.a_page + 2} of 100 images" in said(screen, "head")
        await pilot.press("tab")
        await pilot.pause()
        assert not screen.has_class("grid")


@pytest.mark.asyncio
async def test_two_runs_side_by_side(home: Home) -> None:
    a, b = answered(home, 0, {14: 9, 24: 9}), answered(home, 1, {24: 9, 35: 1, 45: 1})
    async with WorkbenchApp(home).run_test(size=(120, 40)) as pilot:
        screen = await opened(pilot, home, a, b)
        assert f"1 of 2 images that only {a.run_id} gets right" in said(screen, "head")
        assert f"{a.run_id} is right on 1 image more" in said(screen, "sentence")
        assert f"✓ {a.run_id}" in said(screen, "answer-lines")
        assert f"✗ {b.run_id}" in said(screen, "answer-lines")
        counts = said(screen, "sentence").splitlines()[0].split("   ")
        assert counts[:4] == [
            f"only {a.run_id} 2", f"only {b.run_id} 1", "neither 1", "both 9,996"
        ]  # fmt: skip
        assert readable(screen, "often-lines").endswith(f"{b.run_id} 99.97 % 100.00 %")
        await pilot.press("s")
        assert f"that only {b.run_id} gets right" in said(screen, "head")


@pytest.mark.asyncio
async def test_a_class_of_the_table_is_looked_at(home: Home) -> None:
    async with WorkbenchApp(home).run_test(size=(80, 24)) as pilot:
        screen = await opened(pilot, home, answered(home, 0, WRONG))
        await pilot.press("c")
        await until(pilot, lambda: isinstance(pilot.app.screen, ClassesScreen))
        listing = pilot.app.screen.query_one(RowList)
        await until(pilot, lambda: listing.key)
        await pilot.press("s", "s")  # the worst recall first
        await until(pilot, lambda: listing.key == "4")
        await pilot.press("enter")
        await until(pilot, lambda: pilot.app.screen is screen)
        assert "of 3 images answered wrongly" in said(screen, "head")
        assert "is 4, taken for any" in said(screen, "head")


def readable(screen: ErrorsScreen, name: str) -> str:
    """What of the lines has room, without the gaps."""
    panel = screen.query_one(f"#errors-{name}", SteadyLines)
    lines = panel.plain.splitlines()[: panel.size.height]
    return " ".join(" ".join(line[: panel.size.width] for line in lines).split())


@pytest.mark.asyncio
async def test_narrow_windows_cut_nothing(home: Home) -> None:
    a, b = answered(home, 0, WRONG), answered(home, 1, {24: 9})
    async with WorkbenchApp(home).run_test(size=(80, 24)) as pilot:
        screen = await opened(pilot, home, a, b)
        assert readable(screen, "head").endswith("accuracy 99.95 %, 99.99 % of 10,000")
        assert "s kind" in str(screen.query_one(Hints).render())
    async with WorkbenchApp(home).run_test(size=(60, 18)) as pilot:
        screen = await opened(pilot, home, a, others=1)
        assert readable(screen, "answer-lines").startswith("a 1, taken for a 8, 55.1 % sure")
        await pilot.press("t", "down", "enter")
        await until(pilot, lambda: "taken for any (x: all) accuracy" in readable(screen, "head"))


@pytest.mark.asyncio
async def test_what_cannot_be_shown_is_said(home: Home) -> None:
    other = answered(home, 1, {}, sha256="1" * 64)
    async with WorkbenchApp(home).run_test(size=(80, 24)) as pilot:
        for folders, words in (
            ([ended_run(home)], "keeps no trained model"),
            ([answered(home, 0, {}), other], "were tested on different images"),
        ):
            screen = ErrorsScreen(home, folders)
            await pilot.app.push_screen(screen)
            await until(pilot, lambda screen=screen: said(screen, "sentence"))
            assert words in " ".join(said(screen, "sentence").split())


@pytest.mark.asyncio
async def test_a_perfect_model_has_no_wrong_image(home: Home) -> None:
    async with WorkbenchApp(home).run_test(size=(80, 24)) as pilot:
        screen = await opened(pilot, home, answered(home, 0, {}))
        assert "No images answered wrongly" in said(screen, "sentence")
        await pilot.press("right", "tab", "down", "tab", "t")
        assert np.all(screen._gallery.runs[0].right)


@pytest.mark.asyncio
async def test_a_cell_of_the_confusion_matrix_is_looked_at(home: Home) -> None:
    run = answered(home, 0, WRONG)
    async with WorkbenchApp(home).run_test(size=(80, 24)) as pilot:
        for cell, words in (((4, 9), "1 of 2 images answered wrongly"),
                            ((4, 4), "997 images of class 4 answered rightly")):  # fmt: skip
            screen = ErrorsScreen(home, [run], *cell)
            await pilot.app.push_screen(screen)
            await until(pilot, lambda screen=screen, words=words: words in said(screen, "head"))
        await until(pilot, lambda: "✓" in said(screen, "answer-lines"))
        assert "✗" not in said(screen, "answer-lines")


@pytest.mark.asyncio
async def test_the_leaderboard_leads_to_errors_of_one_run_or_of_the_selected(home: Home) -> None:
    answered(home, 0, WRONG), answered(home, 1, {24: 1})
    async with WorkbenchApp(home).run_test(size=(120, 40)) as pilot:
        await pilot.press("4")
        await until(pilot, lambda: pilot.app.screen.query(RowList))
        await until(pilot, lambda: pilot.app.screen.query_one(RowList).key)
        await pilot.press("e")
        await until(pilot, lambda: isinstance(pilot.app.screen, ErrorsScreen))
        await until(pilot, lambda: "answered wrongly" in said(pilot.app.screen, "head"))
        await pilot.press("escape")
        await pilot.press("space", "j", "space", "e")
        await until(pilot, lambda: isinstance(pilot.app.screen, ErrorsScreen))
        await until(pilot, lambda: "gets right" in said(pilot.app.screen, "head"))
