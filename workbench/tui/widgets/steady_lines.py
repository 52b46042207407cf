"""Lines of text that change often: only what differs is sent to the terminal again.

Textual sends a whole widget when it is refreshed. Over a slow connection that is what makes
moving numbers expensive, so this widget compares old and new and refreshes the differing part
of each line.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

# A line is a sequence of pieces, each with the word for what it is. The stylesheet `plots.tcss`
# gives each word its colour, so that a theme is changed without drawing anew.
Line = Sequence[tuple[str, str]]

WORDS = (
    "muted", "strong", "accent", "good", "trouble", "axis",
    "train", "train-raw", "test", "paper",
    "first", "second", "third", "fourth", "fifth", "sixth",
)  # fmt: skip


class SteadyLines(Widget):
    """Shows the lines it was last given."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {f"line--{word}" for word in WORDS}
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
        regions = []
        for y in range(max(len(old), len(new))):
            before = old[y] if y < len(old) else ()
            after = new[y] if y < len(new) else ()
            span = _difference(before, after)
            if span is not None:
                regions.append(Region(span[0], y, span[1] - span[0], 1))
        if regions:
            self.refresh(*regions)

    def get_content_height(self, container: object, viewport: object, width: int) -> int:
        """As many lines as there are, where the stylesheet leaves the height to the content."""
        return len(self._lines)

    def role_style(self, word: str) -> Style:
        """The style of a word in the present theme."""
        return self.get_component_rich_style(f"line--{word}") if word else self.rich_style

    def render_line(self, y: int) -> Strip:
        """One line, padded to the widget's width."""
        width = self.size.width
        if y >= len(self._lines):
            return Strip.blank(width, self.rich_style)
        segments = [Segment(text, self.role_style(word)) for text, word in self._lines[y]]
        return Strip(segments).adjust_cell_length(width, self.rich_style)


def _difference(before: Line, after: Line) -> tuple[int, int] | None:
    """The cells from the first to the last that differ; None where none does."""
    if before == after:
        return None
    old, new = _cells(before), _cells(after)
    if old is None or new is None:
        # Characters two cells wide: their places are not worth counting.
        return 0, max(_width(before), _width(after))
    common = min(len(old), len(new))
    start = next((at for at in range(common) if old[at] != new[at]), common)
    if len(old) != len(new):
        return start, max(len(old), len(new))
    end = next(at for at in range(common, start, -1) if old[at - 1] != new[at - 1])
    return start, end


def _cells(line: Line) -> list[tuple[str, str]] | None:
    cells = [(letter, word) for text, word in line for letter in text]
    return cells if _width(line) == len(cells) else None


def _width(line: Line) -> int:
    return sum(cell_len(text) for text, _ in line)
