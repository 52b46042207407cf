"""Words from outside are neither obeyed by the terminal nor read as markup by the screens."""

from __future__ import annotations

import pytest
from rich.segment import Segment
from textual.color import Color

from tests.cli.test_hostile_text import ESCAPES, own_preset
from tests.support import ended_run, is_safe, until
from workbench.runs.record import Labels
from workbench.settings import Home
from workbench.tui.app import WorkbenchApp
from workbench.tui.terminal import SAFE_LINES

MARKUP = "[/nope][bold]x[@click=app.exit]"


def test_a_line_on_its_way_out_is_safe() -> None:
    line = [Segment("safe ✓"), Segment(f"a{ESCAPES}b")]
    sent = SAFE_LINES.apply(line, Color.parse("black"))
    assert [segment.text for segment in sent] == ["safe ✓", "a]0;pwned31mgnpb"]
    assert SAFE_LINES.apply(line[:1], Color.parse("black")) == line[:1]


def sent_lines(app: WorkbenchApp) -> list[str]:
    """What the whole screen sends."""
    width, height = app.size
    strips = app.screen._compositor.render_strips()
    assert len(strips) == height and width
    return ["".join(segment.text for segment in strip) for strip in strips]


@pytest.mark.asyncio
@pytest.mark.parametrize("words", [ESCAPES, MARKUP])
async def test_every_place_shows_hostile_words(home: Home, words: str) -> None:
    own_preset(home, title=f"T {words}", summary=f"S {words}")
    for seed in range(2):
        run = ended_run(home, seed=seed, labels=Labels(tags=("tag",), note=f"n {words}"))
    spec = run.spec_file.read_text(encoding="utf-8")
    escaped = words.encode("unicode_escape").decode().replace("\\x", "\\u00")
    run.spec_file.write_text(spec.replace('"nn-1"', f'"p {escaped}"'), encoding="utf-8")
    app = WorkbenchApp(home)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: any("mine" in line for line in sent_lines(app)))
        await pilot.press("end")
        await until(pilot, lambda: any("T " in line for line in sent_lines(app)))
        for keys in (["e"], ["3"], ["enter"], ["escape", "4"], ["g"], ["question_mark"]):
            await pilot.press(*keys)
            for _ in range(5):
                await pilot.pause(0.05)
                assert all(is_safe(line) for line in sent_lines(app))
        assert app.is_running
        app.screen.notify(f"said {words}")
        await pilot.pause(0.1)
        assert all(is_safe(line) for line in sent_lines(app))


@pytest.mark.asyncio
async def test_what_a_screen_says_is_no_markup(home: Home) -> None:
    app = WorkbenchApp(home)
    async with app.run_test(size=(120, 40)) as pilot:
        app.screen.notify(f"said {MARKUP}")
        await pilot.pause()
        (said,) = app._notifications
        assert said.message == f"said {MARKUP}" and not said.markup
