"""Images drawn with half blocks: one large, or many small ones with a cursor."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rich.segment import Segment
from rich.style import Style
from textual.events import Click
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from workbench.figures.images import Captioned, Pixels, ascii_lines, fitted, half_block_lines
from workbench.tui.plotting import Glyphs, terminal_glyphs

SMALL = 14, 7  # columns and lines of a small image
GAP = 2
CELL_HEIGHT = SMALL[1] + 1  # its caption stands above


def picture_lines(widget: Widget, pixels: Pixels) -> list[list[Segment]]:
    """The lines of an image: letters where the terminal has no colours or no blocks.

    Grey images are ink on paper in a light theme, light on black in a dark one.
    """
    no_colour = widget.app.console.color_system is None or widget.app.no_color
    if no_colour or terminal_glyphs() is Glyphs.ASCII:
        return [[Segment(line)] for line in ascii_lines(pixels)]
    return half_block_lines(inked(widget, pixels))


def inked(widget: Widget, pixels: Pixels) -> Pixels:
    """The image as the theme has it."""
    return 255 - pixels if pixels.ndim == 2 and not widget.app.current_theme.dark else pixels


class Picture(Widget):
    """One image, as large as it is and no larger than the widget.

    One that half blocks would have to shrink is drawn by a graphics protocol where the app has
    one, in a widget of its own within this one.
    """

    ALLOW_SELECT = False

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._pixels: Pixels | None = None
        self._strips: list[Strip] = []

    def show(self, pixels: Pixels | None) -> None:
        """Show this image from now on; None shows nothing."""
        self._pixels = pixels
        self._draw()

    def _draw(self) -> None:
        old, width, height = self._strips, self.size.width, self.size.height
        self._strips = []
        drawn = self._by_protocol()
        if self._pixels is not None and width and height and not drawn:
            lines = picture_lines(self, fitted(self._pixels, width, height))
            self._strips = [Strip(line) for line in lines]
        if old != self._strips:
            self.refresh()

    def _by_protocol(self) -> bool:
        """Draw by the graphics protocol what would have to be shrunk; False where it is not."""
        make, pixels = getattr(self.app, "graphics", None), self._pixels
        if make is None:
            return False
        height, width = (1, 1) if pixels is None else pixels.shape[:2]
        scale = min(self.size.width / width, 2 * self.size.height / height)
        if pixels is None or scale >= 1:
            self.remove_children()
            return False
        from PIL import Image

        if not self.children:
            self.mount(make())
        image: Any = self.children[0]
        image.styles.width = max(1, round(scale * width))
        image.styles.height = max(1, round(scale * height / 2))
        image.image = Image.fromarray(inked(self, pixels))
        return True

    def on_resize(self) -> None:
        self._draw()

    def render_line(self, y: int) -> Strip:
        ground = self.visual_style.rich_style
        if y >= len(self._strips):
            return Strip.blank(self.size.width, ground)
        return self._strips[y].adjust_cell_length(self.size.width, ground)


class PictureGrid(Widget):
    """As many small images as fit, page by page; one of them is under the cursor."""

    ALLOW_SELECT = False

    @dataclass
    class Chosen(Message):
        """An image was clicked; `place` is its place among all of them."""

        place: int

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._count, self._cursor = 0, 0
        self._small: Callable[[int], Captioned] | None = None
        self._content: object = None
        self._page: dict[int, tuple[str, list[Strip]]] = {}

    @property
    def columns(self) -> int:
        return max(1, (self.size.width + GAP) // (SMALL[0] + GAP))

    @property
    def a_page(self) -> int:
        """How many fit."""
        return self.columns * max(1, self.size.height // CELL_HEIGHT)

    def show(
        self, count: int, cursor: int, small: Callable[[int], Captioned], content: object
    ) -> None:
        """Show the page that holds the cursor.

        `small` gives the image at a place; `content` is equal while these are the same images.
        """
        before, page, known = self._cursor, self._first, self._content
        self._count, self._cursor, self._small, self._content = count, cursor, small, content
        if content != known or self._first != page:
            self._page = {}
            self.refresh()
        elif before != cursor:
            width = SMALL[0]
            self.refresh(*(Region(*self._corner(place), width, 1) for place in (before, cursor)))

    def on_resize(self) -> None:
        self._page = {}

    @property
    def _first(self) -> int:
        return self._cursor - self._cursor % self.a_page

    def _corner(self, place: int) -> tuple[int, int]:
        row, column = divmod(place - self._first, self.columns)
        return column * (SMALL[0] + GAP), row * CELL_HEIGHT

    def render_line(self, y: int) -> Strip:
        ground = self.visual_style.rich_style
        row, line = divmod(y, CELL_HEIGHT)
        strips: list[Strip] = []
        for column in range(self.columns):
            place = self._first + row * self.columns + column
            if place >= min(self._count, self._first + self.a_page):
                break
            strips.append(self._cell_line(place, line, ground))
            strips.append(Strip.blank(GAP, ground))
        return Strip.join(strips).adjust_cell_length(self.size.width, ground)

    def _cell_line(self, place: int, line: int, ground: Style) -> Strip:
        if place not in self._page:
            assert self._small is not None  # set together with the count
            small = self._small(place)
            lines = picture_lines(self, fitted(small.pixels, *SMALL))
            self._page[place] = small.caption, [Strip(part) for part in lines]
        caption, strips = self._page[place]
        width = SMALL[0]
        if line == 0:
            here = place == self._cursor
            # A mark too, as a terminal may show no colours.
            text = f"{'▸' if here else ' '}{caption}"[:width].ljust(width)
            return Strip([Segment(text, ground + Style(bold=here, reverse=here))])
        if line > len(strips):
            return Strip.blank(width, ground)
        return strips[line - 1].adjust_cell_length(width, ground)

    def on_click(self, event: Click) -> None:
        row, column = event.y // CELL_HEIGHT, event.x // (SMALL[0] + GAP)
        place = self._first + row * self.columns + column
        if column < self.columns and place < min(self._count, self._first + self.a_page):
            self.post_message(self.Chosen(place))


def bar(share: float, width: int) -> str:
    """A bar of up to `width` cells for a share of 0 to 1, in eighths of a cell where it can be."""
    if terminal_glyphs() is Glyphs.ASCII:
        return "#" * round(share * width)
    eighths = round(share * width * 8)
    full, rest = divmod(eighths, 8)
    return "█" * full + ("" if not rest else " ▏▎▍▌▋▊▉"[rest])
