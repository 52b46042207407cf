"""What a terminal shows when only changed cells are sent: the same as when all is sent."""

from __future__ import annotations

import random
from itertools import pairwise
from typing import Any

import pyte
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from textual._compositor import ChopsUpdate, LayoutUpdate
from textual._context import visible_screen_stack
from textual.geometry import Region
from textual.strip import Strip

from tests.support import LivingRun, at_terminal, ended_run
from workbench.settings import Home
from workbench.tui import changed_cells
from workbench.tui.app import WorkbenchApp
from workbench.tui.changed_cells import ChangedCells

WIDTH, HEIGHT = 16, 3
CONSOLE = Console(color_system="truecolor", width=WIDTH)
STYLES = [
    None,
    Style(bold=True),
    Style(color="#ff0000"),
    Style(color="#ff0000", bgcolor="#000080", meta={"row": 1}),
    Style(color="#00ff00", bgcolor="#000080"),
    Style(color="#00ff00", bgcolor="#303030"),
    Style(bgcolor="#303030"),
    Style(color="color(200)", bgcolor="color(17)"),
    Style(bgcolor="#000080", reverse=True),
    Style(underline=True, link="https://example.org/x"),
]

# A line: where its parts end, and the strip of each.
Line = list[tuple[int, Strip]]


class Terminal:
    """What stands on a terminal after all that was written to it."""

    def __init__(self, width: int = WIDTH, height: int = HEIGHT) -> None:
        self._screen = pyte.Screen(width, height)
        self._stream = pyte.Stream(self._screen)

    def write(self, text: str) -> None:
        self._stream.feed(text)

    @property
    def cells(self) -> list[list[Any]]:
        """Each cell with its character, colours and attributes, as far as they are seen."""
        screen = self._screen
        return [[_seen(screen.buffer[y][x]) for x in range(screen.columns)]
                for y in range(screen.lines)]  # fmt: skip


def _seen(cell: Any) -> Any:
    """A blank's own colour shows where it is underlined, struck or reversed, and nowhere else."""
    marked = cell.reverse or cell.underscore or cell.strikethrough
    return cell if marked or cell.data != " " else cell._replace(fg="default")


@st.composite
def strips(draw: st.DrawFn, width: int) -> Strip:
    """A strip of so many cells; with characters of two cells, and such as take none."""
    pieces: list[tuple[str, int]] = []
    left = width
    while left > 0:
        text = draw(st.sampled_from(["a", "b", " ", "─", "⣿", "一", "e\u0301"]))
        # Behind the last column pyte takes an accent for the next line's.
        text = text if len(text) <= left and cell_len(text) <= left else " "
        pieces.append((text, draw(st.integers(0, len(STYLES) - 1))))
        left -= cell_len(text)
    return Strip([Segment(text, STYLES[style]) for text, style in pieces], width)


@st.composite
def lines(draw: st.DrawFn) -> Line:
    """A line in parts, as widgets beside each other make them."""
    inner = draw(st.sets(st.integers(1, WIDTH - 1), max_size=3))
    cuts = [0, *sorted(inner), WIDTH]
    return [(end, draw(strips(end - start))) for start, end in pairwise(cuts)]


@st.composite
def next_line(draw: st.DrawFn, line: Line) -> tuple[Line, tuple[int, int]]:
    """The line after an update, and from where to where it is to be drawn again."""
    if draw(st.booleans()):  # other widgets
        return draw(lines()), (0, WIDTH)
    at = draw(st.integers(0, len(line) - 1))
    end, old = line[at]
    start = line[at - 1][0] if at else 0
    new = draw(strips(end - start))
    # A widget may name a part of what it draws: from its first changed letter on.
    begins = draw(st.integers(start, end - 1))
    head, tail = old.crop(0, begins - start), new.crop(begins - start)
    return [*line[:at], (end, Strip.join([head, tail])), *line[at + 1 :]], (begins, end)


def full(screen: list[Line]) -> LayoutUpdate:
    strips = [[strip for _, strip in line] for line in screen]
    return LayoutUpdate(strips, Region(0, 0, WIDTH, HEIGHT))


def partial(screen: list[Line], spans: list[tuple[int, int, int]]) -> ChopsUpdate:
    chops: list[dict[int, Strip | None]] = []
    for line in screen:
        starts = [0, *(end for end, _ in line)]
        chops.append({start: strip for start, (_, strip) in zip(starts, line, strict=False)})
    return ChopsUpdate(chops, spans, [[end for end, _ in line] for line in screen])


@given(data=st.data())
@settings(max_examples=200, deadline=None)
def test_any_updates_leave_the_terminal_as_full_ones_do(data: st.DataObject) -> None:
    shown, terminal = ChangedCells(), Terminal()
    screen = [data.draw(lines()) for _ in range(HEIGHT)]
    terminal.write(shown.text(full(screen), CONSOLE))
    for _ in range(data.draw(st.integers(1, 5))):
        if data.draw(st.booleans()):
            shown.forget()
        spans = []
        for y in sorted(data.draw(st.sets(st.integers(0, HEIGHT - 1), min_size=1))):
            screen[y], span = data.draw(next_line(screen[y]))
            spans.append((y, *span))
        terminal.write(shown.text(partial(screen, spans), CONSOLE))
        expected = Terminal()
        expected.write(full(screen).render_segments(CONSOLE))
        assert terminal.cells == expected.cells


def after(before: list[Segment], now: list[Segment]) -> str:
    """What is sent to a terminal of one line that shows one thing when it is to show another."""
    shown = ChangedCells()
    width = Strip(before).cell_length
    shown.text(LayoutUpdate([[Strip(before)]], Region(0, 0, width, 1)), CONSOLE)
    return shown.text(ChopsUpdate([{0: Strip(now)}], [(0, 0, width)], [[width]]), CONSOLE)


RED = Style(color="#ff0000")
ON_BLUE = Style(bgcolor="#000080")


@pytest.mark.parametrize(
    ("before", "now", "sent"),
    [
        ([Segment("loss 0.12")], [Segment("loss 0.13")], "\x1b[1;9H3"),
        ([Segment("loss")], [Segment("lo"), Segment("ss")], ""),
        ([Segment("12345678")], [Segment("x2345678")], "\x1b[1;1Hx"),
        # A short way is written over, a long one is skipped.
        ([Segment("12345678")], [Segment("x23y5678")], "\x1b[1;1Hx23y"),
        ([Segment("12345678")], [Segment("x234567y")], "\x1b[1;1Hx\x1b[6Cy"),
        # The colour stays on over what is skipped.
        (
            [Segment("12345678", RED)],
            [Segment("x234567y", RED)],
            "\x1b[1;1H\x1b[38;2;255;0;0mx\x1b[6Cy\x1b[0m",
        ),
        # Of two colours only the one that is another.
        (
            [Segment("aaaa", RED + ON_BLUE)],
            [Segment("bb", RED + ON_BLUE), Segment("cc", Style(color="#00ff00") + ON_BLUE)],
            "\x1b[1;1H\x1b[38;2;255;0;0;48;2;0;0;128mbb\x1b[38;2;0;255;0mcc\x1b[0m",
        ),
        # What no two terminals measure alike is sent as a whole.
        ([Segment("一 12")], [Segment("一 13")], "\x1b[1;1H一 13"),
        ([Segment("一 12")], [Segment("ab 12")], "\x1b[1;1Hab 12"),
    ],
)
def test_what_is_sent(before: list[Segment], now: list[Segment], sent: str) -> None:
    assert after(before, now) == sent


def test_a_full_update_is_sent_as_it_is() -> None:
    update = full([[(WIDTH, Strip([Segment("a" * WIDTH)]))]] * HEIGHT)
    shown = ChangedCells()
    for _ in range(2):
        assert shown.text(update, CONSOLE) == update.render_segments(CONSOLE)


class OtherUpdate:
    """As a later version of Textual may have it."""

    def __init__(self, chops: object, spans: object, chop_ends: object) -> None:
        self.parts = chops


def _other_spans(regions: list[Region]) -> list[tuple[int, int, int]]:
    return [(y, x, width) for x, y, width, _ in regions]


@pytest.mark.parametrize(
    ("owner", "name", "instead"),
    [
        (changed_cells, "ChopsUpdate", OtherUpdate),
        (changed_cells, "LayoutUpdate", lambda strips: None),
        (changed_cells.Compositor, "_regions_to_spans", _other_spans),
        (changed_cells.Compositor, "_regions_to_spans", None),
    ],
)
def test_another_version_of_textual_sends_by_itself(
    owner: object, name: str, instead: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert changed_cells.tried() is not None
    monkeypatch.setattr(owner, name, instead)
    assert changed_cells.tried() is None


def as_sent_whole(app: WorkbenchApp) -> list[list[Any]]:
    """What a terminal shows to which the whole screen is sent once."""
    visible_screen_stack.set(app._background_screens)
    terminal = Terminal(*app.size)
    screen = app.screen._compositor.render_strips()
    terminal.write("\r\n".join(strip.render(app.console) for strip in screen))
    return terminal.cells


KEYS = [*"12345", *"12345", "down", "down", "up", "left", "right", "tab", "enter", "escape",
        "n", "7", "backspace", "ctrl+t", "question_mark", "slash", "s", "x", "z"]  # fmt: skip


@pytest.mark.asyncio
@pytest.mark.parametrize("seed", range(3))
async def test_the_app_at_a_terminal(home: Home, seed: int) -> None:
    for row in range(3):
        ended_run(home, row=row)
    living, chosen, terminal = LivingRun(home), random.Random(seed), Terminal(100, 30)
    app = at_terminal(home, terminal.write)
    async with app.run_test(headless=False, size=(100, 30)) as pilot:
        for turn in range(40):
            living.train(turn / 40)
            await pilot.press(chosen.choice(KEYS))
            for _ in range(100):  # what is to be drawn yet is waited for
                if terminal.cells == as_sent_whole(app):
                    break
                await pilot.pause(0.05)
            else:
                pytest.fail(f"turn {turn} of seed {seed} on {app.screen}")
    living.die()
