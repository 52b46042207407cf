"""A view of lines that sends only those that changed: over SSH a keystroke costs a line or two."""

from __future__ import annotations

from typing import ClassVar

from rich.style import Style
from rich.text import Text
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip


class LineView(ScrollView):
    """Lines of text under an optional heading that stays; subclasses lay out and set them."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "lines--muted",
        "lines--accent",
        "lines--error",
        "lines--cursor",
        "lines--heading",
    }
    DEFAULT_CSS = """
    LineView { overflow-x: hidden; scrollbar-gutter: stable; background: $background; }
    LineView > .lines--muted { color: $muted; }
    LineView > .lines--heading { color: $muted; }
    LineView > .lines--accent { color: $primary; }
    LineView > .lines--error { color: $error; }
    LineView > .lines--cursor {
        background: $block-cursor-background;
        color: $block-cursor-foreground;
    }
    """

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id, classes=classes)
        self._heading: Text | None = None
        self._lines: list[Text] = []

    @property
    def line_width(self) -> int:
        """Columns of a line."""
        return max(1, self.scrollable_content_region.width)

    def paint(self, name: str) -> Style:
        """The colours of a component class, without a background unless it has its own."""
        style = self.get_component_rich_style(f"lines--{name}", partial=True)
        return style

    def lay_out(self) -> tuple[Text | None, list[Text]]:
        """Heading and lines for the present width."""
        raise NotImplementedError

    def rebuild(self) -> None:
        """Lay out anew and send what changed."""
        if not self.is_attached or not self.size:
            return
        heading, lines = self.lay_out()
        top = 1 if heading is not None else 0
        old = [*([self._heading] if self._heading is not None else []), *self._lines]
        new = [*([heading] if heading is not None else []), *lines]
        self._heading, self._lines = heading, lines
        if len(old) != len(new) or self.virtual_size.width != self.line_width:
            self.virtual_size = Size(self.line_width, len(lines) + top)
        for index in range(max(len(old), len(new))):
            if index >= len(old) or index >= len(new) or not _same(old[index], new[index]):
                # The heading stays in the first line, however far the rest is scrolled.
                self.refresh_lines(index + (round(self.scroll_y) if index < top else 0))

    def on_resize(self) -> None:
        """Another width has another layout."""
        self.rebuild()
        self.refresh()

    def notify_style_update(self) -> None:
        """Another theme has other colours."""
        super().notify_style_update()
        if self.is_mounted:
            self.call_later(self.on_resize)

    def show_lines(self, first: int, last: int) -> None:
        """Scroll as little as brings these lines (counted without the heading) into view."""
        top = 1 if self._heading is not None else 0
        height = self.scrollable_content_region.height - top
        start = round(self.scroll_y)
        if last >= start + height:
            start = last - height + 1
        if first < start:
            start = first
        if start != round(self.scroll_y):
            self.scroll_to(y=start, animate=False, immediate=True)

    def line_at(self, y: int) -> int | None:
        """The line (counted without the heading) at a row of the view; None for none."""
        top = 1 if self._heading is not None else 0
        line = y + round(self.scroll_y) - top
        return line if y >= top and 0 <= line < len(self._lines) else None

    def render_line(self, y: int) -> Strip:
        """One row of the view."""
        width = self.line_width
        if self._heading is not None and y == 0:
            text: Text | None = self._heading
        else:
            line = self.line_at(y)
            text = self._lines[line] if line is not None else None
        base = self.rich_style
        if text is None:
            return Strip.blank(width, base)
        segments = [piece for piece in text.render(self.app.console) if piece.text != "\n"]
        # A text without spans renders without its own style.
        whole = base + text.style if isinstance(text.style, Style) else base
        return Strip(segments).apply_style(whole).adjust_cell_length(width, whole)


def _same(one: Text, other: Text) -> bool:
    return one.plain == other.plain and one.spans == other.spans and one.style == other.style
