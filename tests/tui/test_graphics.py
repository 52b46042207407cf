"""Which graphics protocol a terminal has, and that large images are drawn by it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from textual.app import App, ComposeResult

from workbench.tui import terminal
from workbench.tui.terminal import graphics_here, protocol_of
from workbench.tui.theme import DARK, LIGHT
from workbench.tui.widgets.pictures import Picture

KITTY = "\x1b_Gi=31;OK\x1b\\\x1b[?62;c"
XTERM = "\x1b[?63;1;2;4;6;9;15;22c"


@pytest.mark.parametrize(
    ("answer", "environment", "protocol"),
    [
        (KITTY, {}, "kitty"),
        (XTERM, {}, "sixel"),
        ("\x1b_Gi=31;OK\x1b\\" + XTERM, {}, "sixel"),
        ("\x1b_Gi=31;ENOTSUPPORTED\x1b\\\x1b[?62c", {}, ""),
        ("\x1b[?64;1;2c", {}, ""),
        ("\x1b[?4c", {}, ""),  # its kind is 4: that is no attribute
        ("", {}, ""),
        (XTERM, {"TMUX": "/tmp/x"}, ""),
        (XTERM, {"TERM": "screen-256color"}, ""),
        (KITTY, {"TERM_PROGRAM": "WarpTerminal"}, ""),
    ],
)
def test_what_a_terminal_says_that_it_can(
    answer: str, environment: dict[str, str], protocol: str
) -> None:
    assert protocol_of(answer, environment) == protocol


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the terminal answers in turn; each that is asked is taken away."""
    waiting: list[str] = []
    for name in ("TMUX", "NO_COLOR", "TERM_PROGRAM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setattr(terminal, "answer_to", lambda question: waiting.pop(0))
    monkeypatch.setattr(terminal, "_widget", lambda protocol: protocol)
    monkeypatch.setattr(terminal, "find_spec", lambda name: object())
    return waiting


def test_the_terminal_is_asked_and_read_to_the_end(answers: list[str]) -> None:
    answers += [XTERM, "late"]
    assert graphics_here("auto") == "sixel" and answers == []
    answers += ["\x1b[?62c", "late"]
    assert graphics_here("auto") is None and answers == []
    answers += ["\x1b[?62c", "late"]
    assert graphics_here("kitty") == "kitty" and answers == []


def test_nothing_is_asked_where_it_is_not_wanted_or_not_installed(
    answers: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert graphics_here("blocks") is None
    monkeypatch.setattr(terminal, "find_spec", lambda name: None)
    assert graphics_here("auto") is None
    monkeypatch.setattr(terminal, "find_spec", lambda name: object())
    monkeypatch.setenv("NO_COLOR", "1")
    assert graphics_here("sixel") is None


def test_over_a_slow_connection_half_blocks_do(
    answers: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock: Iterator[float] = iter((10.0, 10.2))
    monkeypatch.setattr(terminal.time, "monotonic", lambda: next(clock))
    answers.append(XTERM)
    assert graphics_here("auto") is None and answers == []


class Shown(App[None]):
    """A picture of 28×14 cells."""

    CSS = "Picture { width: 28; height: 14; }"

    def __init__(self, graphics: object) -> None:
        super().__init__()
        self.graphics = graphics
        for theme in (DARK, LIGHT):
            self.register_theme(theme)
        self.theme = LIGHT.name

    def compose(self) -> ComposeResult:
        yield Picture()


@pytest.mark.asyncio
@pytest.mark.parametrize("protocol", ["sixel", "kitty"])
async def test_a_large_image_is_drawn_by_the_protocol(
    protocol: str, capfd: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("textual_image.widget")
    async with Shown(terminal._widget(protocol)).run_test() as pilot:
        picture = pilot.app.query_one(Picture)
        picture.show(np.full((28, 28), 200, np.uint8))
        await pilot.pause()
        assert not picture.children and "▀" not in picture.render_line(3).text
        picture.show(np.zeros((100, 50), np.uint8))
        await pilot.pause()
        [shown] = picture.children
        assert (shown.size.width, shown.size.height) == (14, 14)
        assert shown.image.size == (50, 100) and shown.image.getpixel((0, 0)) == 255
        picture.show(np.zeros((64, 64, 3), np.uint8))
        await pilot.pause()
        [shown] = picture.children
        assert (shown.size.width, shown.size.height) == (28, 14)
        picture.show(None)
        await pilot.pause()
        assert not picture.children
    capfd.readouterr()


@pytest.mark.asyncio
async def test_without_a_protocol_a_large_image_is_shrunk() -> None:
    async with Shown(None).run_test() as pilot:
        picture = pilot.app.query_one(Picture)
        picture.show(np.full((100, 50), 200, np.uint8))
        await pilot.pause()
        assert not picture.children
        lines = picture._strips
        assert len(lines) == 14 and {line.cell_length for line in lines} == {14}
