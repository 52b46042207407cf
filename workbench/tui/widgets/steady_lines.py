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

# The theme's variable for each word, and how much of it is left beside the ground behind it.
COLOURS: dict[str, tuple[str, float]] = {
    "muted": ("muted", 1.0),
    "axis": ("muted", 1.0),
    "strong": ("foreground", 1.0),
    "accent": ("primary", 1.0),
    "good": ("success", 1.0),
    "warning": ("warning", 1.0),
    "bad": ("error", 1.0),
    "train": ("train", 1.0),
    "train-raw": ("train", 0.4),
    "test": ("test", 1.0),
    "paper": ("paper", 1.0),
    "dim": ("muted", 0.5),
    # Up to six curves over each other; they differ by marker too.
    "first": ("train", 1.0),
    "second": ("test", 1.0),
    "third": ("success", 1.0),
    "fourth": ("#cc79a7", 1.0),
    "fifth": ("error", 1.0),
    "sixth": ("foreground", 1.0),
    # In the drawing of a model.
    "input": ("foreground", 1.0),
    "convolution": ("primary", 1.0),
    "pooling": ("secondary", 1.0),
    "normalization": ("muted", 1.0),
    "vector": ("muted", 1.0),
    "dense": ("foreground", 1.0),
    "output": ("success", 1.0),
    "connection": ("muted", 1.0),
    "shape": ("muted", 1.0),
    "note": ("muted", 1.0),
    "error": ("error", 1.0),
    "problem": ("error", 1.0),
}
# The bands around them.
COLOURS |= {
    f"{word}-band": (COLOURS[word][0], 0.5)
    for word in ("first", "second", "third", "fourth", "fifth", "sixth")
}
BOLD = ("strong", "warning", "bad", "input", "problem")


def ink(widget: Widget, word: str) -> Style:
    """The style of a word in the present theme, without the ground that it is laid on."""
    return _style(Style(), _colour(widget, word), 1.0, word in BOLD)


def _colour(widget: Widget, word: str) -> str:
    # Component classes would do the same, at a quarter of a second more to open a screen.
    name = COLOURS[word][0]
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
        return _style(ground, _colour(self, word), COLOURS[word][1], word in BOLD)

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        if y >= len(self._lines):
            return Strip.blank(width, self.role_style(""))
        segments = [Segment(text, self.role_style(word)) for text, word in self._lines[y]]
        return Strip(segments).adjust_cell_length(width, self.role_style(""))
