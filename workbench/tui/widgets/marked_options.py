"""A list of options whose cursor is a mark, seen without colour too."""

from __future__ import annotations

from typing import ClassVar

from rich.segment import Segment
from textual.strip import Strip
from textual.widgets import OptionList

CURSOR = "▌"


class MarkedOptions(OptionList):
    """Marks the first column of the option under the cursor, which is to be a blank."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"marked-options--cursor"}
    DEFAULT_CSS = """
    MarkedOptions > .marked-options--cursor { color: $train; }
    """

    def move(self, step: int) -> None:
        """Down where `step` is positive, else up; round at the ends."""
        self.action_cursor_down() if step > 0 else self.action_cursor_up()

    def render_line(self, y: int) -> Strip:
        strip = super().render_line(y)
        first = next(iter(strip.crop(0, 1)), None)
        if first is None or first.text != " " or first.style is None:
            return strip
        # Every line of an option carries the option's place, for the mouse.
        if first.style.meta.get("option", -1) != self.highlighted:
            return strip
        mark = self.get_component_rich_style("marked-options--cursor", partial=True)
        return Strip.join([Strip([Segment(CURSOR, first.style + mark)], 1), strip.crop(1)])
