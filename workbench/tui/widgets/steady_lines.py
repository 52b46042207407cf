"""Lines of text that change often: only those that differ are drawn again."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from functools import lru_cache
from itertools import zip_longest

from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

# A line is a sequence of pieces, each with the word for what it is (empty: plain text).
Line = Sequence[tuple[str, str]]

# The words for each of the theme's colours.
_WORDS = {
    "muted": "muted axis dim normalization vector connection shape note",
    "foreground": "strong sixth input dense",
    "primary": "accent convolution",
    "secondary": "pooling",
    "success": "good third output",
    "warning": "warning",
    "error": "bad error fifth problem",
    "train": "train train-raw first",
    "test": "test second",
    "paper": "paper",
    "#cc79a7": "fourth",
}
COLOURS = {word: colour for colour, words in _WORDS.items() for word in words.split()}
# How much of a colour is left beside the ground behind it, where that is not all.
PARTS = {"train-raw": 0.4, "dim": 0.5}
# Up to six curves over each other, which differ by marker too, and the bands around them.
for _curve in ("first", "second", "third", "fourth", "fifth", "sixth"):
    COLOURS[f"{_curve}-band"], PARTS[f"{_curve}-band"] = COLOURS[_curve], 0.5
BOLD = ("strong", "warning", "bad", "input", "problem")


def ink(widget: Widget, word: str) -> Style:
    """The style of a word in the present theme, without the ground that it is laid on."""
    return _style(Style(), _colour(widget, word), 1.0, word in BOLD)


def _colour(widget: Widget, word: str) -> str:
    # Component classes would do the same, at a quarter of a second more to open a screen.
    name = COLOURS[word]
    return name if name[0] == "#" else str(widget.app.theme_variables.get(name, "#808080"))


@lru_cache(maxsize=64)
def _style(ground: Style, colour: str, part: float, bold: bool) -> Style:
    """A word's style on a ground; worked out once a theme, as hundreds are asked for a frame."""
    ink = Color.parse(colour)
    if part < 1.0 and ground.bgcolor is not None:
        ink = Color.from_rich_color(ground.bgcolor).blend(ink, part)
    return ground + Style(color=ink.rich_color, bold=bold or None)


def wrapped(sentence: str, word: str, width: int, most: int | None = None) -> list[Line]:
    """A sentence in lines of `width` cells, the first `most` of them, all of one kind."""
    return [[(line, word)] for line in textwrap.wrap(sentence, max(10, width))[:most]]


class SteadyLines(Widget):
    """Shows the lines it was last given."""

    ALLOW_SELECT = False

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id, classes=classes)
        self._lines: list[Line] = []

    @property
    def plain(self) -> str:
        """What is shown, without colours."""
        return "\n".join("".join(text for text, _ in line) for line in self._lines)

    def show(self, lines: Sequence[Line]) -> None:
        """Show these lines from now on; what is not different is not drawn again."""
        new = [tuple(line) for line in lines]
        old, self._lines = self._lines, list(new)
        if not self.is_mounted:
            return
        if len(new) != len(old) and self.styles.auto_dimensions:
            self.refresh(layout=True)
            return
        pairs = enumerate(zip_longest(old, new))
        width = self.size.width
        regions = [Region(0, y, width, 1) for y, (before, after) in pairs if before != after]
        if regions:
            self.refresh(*regions)

    def get_content_height(self, container: object, viewport: object, width: int) -> int:
        return len(self._lines)

    def role_style(self, word: str) -> Style:
        ground = self.visual_style.rich_style
        if not word:
            return ground
        return _style(ground, _colour(self, word), PARTS.get(word, 1.0), word in BOLD)

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        if y >= len(self._lines):
            return Strip.blank(width, self.role_style(""))
        segments = [Segment(text, self.role_style(word)) for text, word in self._lines[y]]
        return Strip(segments).adjust_cell_length(width, self.role_style(""))
