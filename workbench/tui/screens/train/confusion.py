"""What the network took for what: the confusion matrix as a heat map with its numbers."""

from __future__ import annotations

import textwrap
from typing import ClassVar

from rich.style import Style
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.color import Color
from textual.containers import ScrollableContainer
from textual.widgets import Static

from workbench.tui.screens.dialog import Dialog
from workbench.tui.styles import style_sheet

LEAST_CELL = 5
WORST = 5  # confusions named in words


def confusion_sentences(confusion: list[list[int]], most: int = WORST) -> list[str]:
    """The most frequent mistakes in words, the worst first."""
    mistakes = [
        (count, true, predicted)
        for true, row in enumerate(confusion)
        for predicted, count in enumerate(row)
        if true != predicted and count
    ]
    mistakes.sort(key=lambda one: (-one[0], one[1], one[2]))
    return [
        f"{true} taken for {predicted}: {count:,}" for count, true, predicted in mistakes[:most]
    ]


def mistake_lines(confusion: list[list[int]]) -> str:
    """Those sentences below the map, none of them broken at the end of a line."""
    # Textual breaks lines at no-break spaces too, so they are broken here.
    whole = [words.replace(" ", "\N{NO-BREAK SPACE}") for words in confusion_sentences(confusion)]
    lines = textwrap.wrap("Most often mistaken:  " + "   ".join(whole), _map_width(confusion))
    return "\n".join(lines).replace("\N{NO-BREAK SPACE}", " ")


def _cell_width(confusion: list[list[int]]) -> int:
    return max(LEAST_CELL, 1 + max(len(str(count)) for row in confusion for count in row))


def _map_width(confusion: list[list[int]]) -> int:
    return 11 + len(confusion) * _cell_width(confusion) + 9


def heat_map(confusion: list[list[int]], dark: bool, low: Color, high: Color) -> Text:
    """Rows are what an image shows, columns what the network says, the last its share right.

    Right answers and mistakes have a scale each: beside 970 right ones every mistake would
    look alike.
    """
    classes = len(confusion)
    mistakes = [
        count
        for true, row in enumerate(confusion)
        for predicted, count in enumerate(row)
        if true != predicted
    ]
    most = max(mistakes, default=0) or 1
    cell = _cell_width(confusion)
    text = Text(no_wrap=True)
    text.append("shows╲says ".rjust(11), "dim")
    for predicted in range(classes):
        text.append(f"{predicted:>{cell}}", "bold")
    text.append("  right %\n", "dim")
    for true, row in enumerate(confusion):
        total = sum(row)
        text.append(f"{true:>10} ", "bold")
        for predicted, count in enumerate(row):
            right = true == predicted
            heat = count / total if right and total else (count / most) ** 0.6
            ground = low.blend(high if not right else Color.parse("#2f7fb0"), min(1.0, heat) * 0.75)
            if not count:
                text.append("·".rjust(cell), "dim")
                continue
            ink = ground.get_contrast_text(0.95)
            style = Style(color=ink.rich_color, bgcolor=ground.rich_color, bold=right)
            text.append(f"{count:>{cell}}", style)
        share = f"{100 * row[true] / total:.2f}" if total else "–"
        text.append(f"{share:>9}", "")
        if true < classes - 1:
            text.append("\n")
    return text


class ConfusionScreen(Dialog[None]):
    """The matrix over the run's screen."""

    CSS_PATH: ClassVar = style_sheet("confusion")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,c", "dismiss", "close", tooltip="Back to the curves"),
        Binding("h,left", "move(-6, 0)", "left", show=False),
        Binding("l,right", "move(6, 0)", "right", show=False),
        Binding("j,down", "move(0, 1)", "down", show=False),
        Binding("k,up", "move(0, -1)", "up", show=False),
    ]

    def __init__(self, confusion: list[list[int]], what: str) -> None:
        super().__init__()
        self._confusion, self._what = confusion, what

    def compose(self) -> ComposeResult:
        """The map, then the worst mistakes in words."""
        with ScrollableContainer(classes="dialog", id="confusion"):
            yield Static(id="heat-map")
            yield Static(
                mistake_lines(self._confusion), classes="muted", id="mistakes", markup=False
            )

    def on_mount(self) -> None:
        """Draw for the theme in force."""
        dialog = self.query_one("#confusion")
        dialog.border_title = Text(self._what)  # a title is the user's text, not markup
        dialog.focus()
        theme = self.app.current_theme
        low = Color.parse(theme.surface or "#1a1e22")
        high = Color.parse(theme.error or "#e5765b")
        self.query_one("#heat-map", Static).update(heat_map(self._confusion, theme.dark, low, high))

    def action_move(self, x: int, y: int) -> None:
        """Scroll a large matrix."""
        self.query_one("#confusion").scroll_relative(x=x, y=y, animate=False)
