"""What lies over a run's screen when asked for: its log, and its confusion matrix."""

from __future__ import annotations

import asyncio
import re
import textwrap
from pathlib import Path
from typing import ClassVar, Literal

from rich.style import Style
from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.color import Color
from textual.containers import ScrollableContainer, Vertical
from textual.geometry import Region
from textual.widgets import Log, Static

from workbench.files import open_file
from workbench.runs.folder import RunFolder
from workbench.settings import style_sheet
from workbench.tui.screens.base import unless_left
from workbench.tui.screens.dialog import Dialog

TAIL_BYTES = 200_000
LOOK_SECONDS = 0.5
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b[@-_]")


def clean(data: bytes) -> str:
    """Text that cannot move the cursor: escape sequences and control characters taken out."""
    text = _ESCAPES.sub("", data.decode("utf-8", "replace")).replace("\r\n", "\n")
    text = text.replace("\r", "\n").expandtabs(4)
    return "".join(letter for letter in text if letter == "\n" or letter.isprintable())


def read_tail(path: Path, offset: int | None) -> tuple[str, int]:
    """What was written since `offset` (None: the last of it), and where that ends."""
    try:
        with open_file(path) as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - TAIL_BYTES) if offset is None else min(offset, size))
            text, end = clean(file.read()), file.tell()
    except OSError:
        text, end = "", offset or 0
    return ("The worker has written nothing yet.\n" if offset is None and not text else text), end


class LogScreen(Dialog[None]):
    """The log over the run's screen."""

    CSS_PATH: ClassVar = style_sheet("log")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,l", "dismiss", "close", tooltip="Back to the curves"),
        Binding("j,down", "line(1)", "down", show=False),
        Binding("k,up", "line(-1)", "up", show=False),
    ]

    def __init__(self, folder: RunFolder) -> None:
        super().__init__()
        self._folder = folder

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog", id="log-dialog"):
            yield Static(str(self._folder.log_file), classes="muted", id="log-path", markup=False)
            yield Log(id="log-text")

    def on_mount(self) -> None:
        self.query_one("#log-dialog").border_title = "the worker's log"
        self.query_one(Log).focus()
        self._follow()

    @work
    async def _follow(self) -> None:
        offset: int | None = None
        while True:
            text, offset = await asyncio.to_thread(read_tail, self._folder.log_file, offset)
            with unless_left(self):
                self.query_one(Log).write(text)
            await asyncio.sleep(LOOK_SECONDS)

    def action_line(self, step: int) -> None:
        self.query_one(Log).scroll_relative(y=step, animate=False)


LEAST_CELL = 5
WORST = 5  # confusions named in words


def _mistakes(confusion: list[list[int]]) -> list[tuple[int, int, int]]:
    """(images, true class, prediction) off the diagonal, the most frequent first."""
    found = [
        (count, true, predicted)
        for true, row in enumerate(confusion)
        for predicted, count in enumerate(row)
        if true != predicted
    ]
    return sorted(found, key=lambda one: (-one[0], one[1], one[2]))


def mistake_lines(confusion: list[list[int]]) -> str:
    """The most frequent mistakes below the map, none of them broken at the end of a line."""
    # Textual breaks lines at no-break spaces too, so they are broken here.
    whole = [
        f"{true} taken for {predicted}: {count:,}".replace(" ", "\N{NO-BREAK SPACE}")
        for count, true, predicted in _mistakes(confusion)[:WORST]
        if count
    ]
    width = 11 + len(confusion) * _cell_width(confusion) + 9  # of the map
    lines = textwrap.wrap("Most often mistaken:  " + "   ".join(whole), width)
    return "\n".join(lines).replace("\N{NO-BREAK SPACE}", " ")


def _cell_width(confusion: list[list[int]]) -> int:
    return max(LEAST_CELL, 1 + max(len(str(count)) for row in confusion for count in row))


def heat_map(
    confusion: list[list[int]], low: Color, high: Color, cursor: tuple[int, int] | None = None
) -> Text:
    """Rows are what an image shows, columns what the network says; recall and precision beside.

    Right answers and mistakes have a scale each: beside 970 right ones every mistake would
    look alike.
    """
    classes = len(confusion)
    most = max((count for count, _, _ in _mistakes(confusion)), default=0) or 1
    cell = _cell_width(confusion)
    text = Text(no_wrap=True)
    text.append("true\\pred. ".rjust(11), "dim")
    for predicted in range(classes):
        text.append(f"{predicted:>{cell}}", "bold")
    text.append(" recall %\n", "dim")
    for true, row in enumerate(confusion):
        total = sum(row)
        text.append(f"{true:>10} ", "bold")
        for predicted, count in enumerate(row):
            right = true == predicted
            heat = count / total if right and total else (count / most) ** 0.6
            ground = low.blend(high if not right else Color.parse("#2f7fb0"), min(1.0, heat) * 0.75)
            here = (true, predicted) == cursor
            if not count:
                text.append("·".rjust(cell), "reverse" if here else "dim")
                continue
            if here:  # seen without colours too
                text.append(f"{count:>{cell}}", "bold reverse")
                continue
            ink = ground.get_contrast_text(0.95)
            style = Style(color=ink.rich_color, bgcolor=ground.rich_color, bold=right)
            text.append(f"{count:>{cell}}", style)
        text.append(f"{_share(row[true], total):>9}\n", "")
    text.append("precision% ", "dim")
    for predicted in range(classes):
        taken = sum(row[predicted] for row in confusion)
        text.append(f"{_share(confusion[predicted][predicted], taken, 1):>{cell}}", "")
    return text


def _share(part: int, whole: int, digits: int = 2) -> str:
    return f"{100 * part / whole:.{digits}f}" if whole else "–"


class ConfusionScreen(Dialog[tuple[int, int] | Literal["classes"] | None]):
    """The matrix over the run's screen; returns what is to be looked at next.

    That is the images of a cell, the true class and the prediction, or the classes. The cursor
    begins on the most frequent mistake.
    """

    CSS_PATH: ClassVar = style_sheet("confusion")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,c", "dismiss", "close", tooltip="Back to the curves"),
        Binding("enter,e", "choose", "its images", tooltip="The images in this cell"),
        Binding("p", "dismiss('classes')", "by class",
                tooltip="Precision and recall of each class, and whether to trust its confidence"),
        Binding("h,left", "move(0, -1)", "left", show=False),
        Binding("l,right", "move(0, 1)", "right", show=False),
        Binding("j,down", "move(1, 0)", "down", show=False),
        Binding("k,up", "move(-1, 0)", "up", show=False),
    ]  # fmt: skip

    def __init__(self, confusion: list[list[int]], what: str) -> None:
        super().__init__()
        self._confusion, self._what = confusion, what
        self._cursor: tuple[int, int] = (*_mistakes(confusion), (0, 0, 0))[0][1:]

    def compose(self) -> ComposeResult:
        with ScrollableContainer(classes="dialog", id="confusion"):
            yield Static(id="heat-map")
            mistakes = mistake_lines(self._confusion)
            yield Static(mistakes, classes="muted", id="mistakes", markup=False)

    def on_mount(self) -> None:
        dialog = self.query_one("#confusion")
        # A title is the user's text, not markup.
        dialog.border_title = Text(f"confusion matrix · {self._what}")
        dialog.border_subtitle = "enter: images · p: by class · esc: close"
        dialog.focus()
        self._draw()

    def _draw(self) -> None:
        theme = self.app.current_theme
        low = Color.parse(theme.surface or "#1a1e22")
        high = Color.parse(theme.error or "#e5765b")
        heat = heat_map(self._confusion, low, high, self._cursor)
        self.query_one("#heat-map", Static).update(heat)

    def action_move(self, down: int, right: int) -> None:
        """Another cell; a large matrix scrolls with it."""
        last = len(self._confusion) - 1
        true, predicted = self._cursor
        self._cursor = min(last, max(0, true + down)), min(last, max(0, predicted + right))
        self._draw()
        cell = _cell_width(self._confusion)
        place = Region(11 + self._cursor[1] * cell, 2 + self._cursor[0], cell, 1)
        self.query_one("#confusion").scroll_to_region(place, animate=False)

    def action_choose(self) -> None:
        self.dismiss(self._cursor)
