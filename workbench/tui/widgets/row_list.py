"""A list of many rows in columns, of which only the lines in sight are ever made; its filter.

Ten thousand rows cost what thirty cost. Columns keep their width while rows come and go, so
that numbers stand still; the least important columns go where it is narrow.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.events import Click, Resize
from textual.geometry import Region, Size, Spacing
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.widgets import Input, Label, Static

from workbench.errors import QueryError
from workbench.leaderboard.query import parse_filter
from workbench.leaderboard.table import GAP, Column, Content, Piece, fitted
from workbench.tui.widgets.steady_lines import ink
from workbench.tui.widgets.words import fit

GUTTER = 3  # the cursor's mark, the row's mark, a space
SELECTED: Piece = ("◆", "")


class RowList(ScrollView, can_focus=True):
    """Rows with a cursor, of whatever the columns know to tell of, as the screen gives them.

    `key_of` says what a row is known by, however the order changes. `marks` are what stands in
    the gutter of selected rows, by their keys.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "row-list--heading",
        "row-list--sorted",
        "row-list--cursor",
        "row-list--cursor-blurred",
    }
    DEFAULT_CSS = """
    RowList { background: $background; color: $foreground; height: 1fr; }
    RowList { overflow-x: hidden; overflow-y: scroll; }
    RowList > .row-list--heading { color: $muted; }
    RowList > .row-list--sorted { color: $foreground; text-style: bold; }
    RowList > .row-list--cursor {
        background: $block-cursor-background; color: $block-cursor-foreground;
    }
    RowList > .row-list--cursor-blurred { background: $surface; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "move(1)", "down", show=False, tooltip="Down a row"),
        Binding("up,k", "move(-1)", "up", show=False, tooltip="Up a row"),
        Binding("pagedown,ctrl+f", "page(1)", "page down", show=False, tooltip="Down a page"),
        Binding("pageup,ctrl+b", "page(-1)", "page up", show=False, tooltip="Up a page"),
        Binding("home", "move(-1000000000)", "first", show=False, tooltip="To the first row"),
        Binding("end,G", "move(1000000000)", "last", show=False, tooltip="To the last row"),
    ]

    cursor: reactive[int] = reactive(0, repaint=False)
    sorted_by: reactive[str] = reactive("")  # a column's key, with a leading "-" for downwards
    empty: reactive[str] = reactive("")

    class Moved(Message):
        """The cursor stands on another row."""

        def can_replace(self, message: Message) -> bool:
            return isinstance(message, RowList.Moved)

    class Opened(Message):
        """A row was double-clicked."""

    class Marked(Message):
        """A row's gutter was clicked."""

    @dataclass
    class HeadingClicked(Message):
        """A column's heading was clicked."""

        column: str

    def __init__(self, key_of: Callable[[Any], str]) -> None:
        super().__init__()
        self._key_of = key_of
        self.rows: Sequence[Any] = ()
        self.marks: dict[str, Piece] = {}
        self._columns: tuple[Column, ...] = ()
        self._fitted: list[tuple[Column, int, int]] = []  # with its place and its width

    @property
    def line_width(self) -> int:
        return self.scrollable_content_region.width

    @property
    def row(self) -> Any:
        """What the row under the cursor tells of; None where there are no rows."""
        return self.rows[self.cursor] if self.cursor < len(self.rows) else None

    @property
    def key(self) -> str | None:
        """What the row under the cursor is known by; None where there are no rows."""
        return None if self.row is None else self._key_of(self.row)

    def show(self, rows: Sequence[Any], columns: Sequence[Column], key: str | None = None) -> None:
        """Show other rows, drawing only the lines that differ.

        The cursor goes to the row of `key`, else it stays on its row, or in its place.
        """
        key, before = key or self.key, self.rows
        alike = len(rows) == len(before) and tuple(columns) == self._columns
        self.rows, self._columns = rows, tuple(columns)
        self._fit()
        place = min(self.cursor, max(0, len(rows) - 1))
        if key is not None and (place >= len(rows) or self._key_of(rows[place]) != key):
            keys = (at for at, row in enumerate(rows) if self._key_of(row) == key)
            place = next(keys, place)
        self.cursor = place
        self._keep_in_sight()
        self.post_message(self.Moved())
        if not (rows and alike):
            self.refresh()
            return
        top = self.scroll_offset.y
        for at in range(top, min(len(rows), top + self.size.height)):
            if rows[at] is not before[at] and rows[at] != before[at]:
                self.refresh_row(at)

    def select(self) -> None:
        """Select the row under the cursor, or no longer."""
        if self.key is not None and self.marks.pop(self.key, None) is None:
            self.marks[self.key] = SELECTED
        self.refresh_row(self.cursor)

    def refresh_row(self, index: int) -> None:
        """Draw one row anew: all that a living row costs."""
        y = index - self.scroll_offset.y + 1
        if 0 < y < self.size.height:
            self.refresh(Region(0, y, self.line_width, 1))

    def column_region(self, key: str) -> tuple[int, int]:
        """Where a column begins and how wide it is; all of the row if it is not shown."""
        places = ((x, width) for column, x, width in self._fitted if column.key == key)
        return next(places, (GUTTER, max(1, self.line_width - GUTTER)))

    def shows(self, key: str) -> bool:
        return any(column.key == key for column, *_ in self._fitted)

    def render_line(self, y: int) -> Strip:
        width = self.line_width
        base = self.rich_style
        if y == 0:
            return self._heading_line().adjust_cell_length(width, base).apply_style(base)
        index = self.scroll_offset.y + y - 1
        if index >= len(self.rows):
            return self._empty_line(y, base)
        return self._row_line(index).adjust_cell_length(width, base).apply_style(base)

    def action_move(self, step: int) -> None:
        if len(self.rows):
            self.cursor = max(0, min(len(self.rows) - 1, self.cursor + step))

    def action_page(self, pages: int) -> None:
        self.action_move(pages * max(1, self.size.height - 2))

    def watch_cursor(self, old: int, new: int) -> None:
        if old != new:
            self.refresh_row(old)
            self.refresh_row(new)
            self._keep_in_sight()
            self.post_message(self.Moved())

    def watch_has_focus(self, focused: bool) -> None:
        super().watch_has_focus(focused)
        self.refresh_row(self.cursor)

    def on_resize(self, event: Resize) -> None:
        self._fit()
        self._keep_in_sight()

    def on_click(self, event: Click) -> None:
        """Choose, mark or open a row; or sort by a heading."""
        place = event.get_content_offset(self)
        if place is None:
            return
        if place.y == 0:
            for column, x, width in self._fitted:
                if x <= place.x < x + width + GAP:
                    self.post_message(self.HeadingClicked(column.key))
            return
        index = self.scroll_offset.y + place.y - 1
        if index >= len(self.rows):
            return
        self.cursor = index
        if place.x < GUTTER:
            self.post_message(self.Marked())
        elif event.chain == 2:
            self.post_message(self.Opened())

    def _fit(self) -> None:
        self._fitted, x = [], GUTTER
        for column, width in fitted(self._columns, max(1, self.line_width - GUTTER)):
            self._fitted.append((column, x, width))
            x += width + GAP
        self.virtual_size = Size(self.line_width, len(self.rows) + 1)

    def _keep_in_sight(self) -> None:
        row, heading = Region(0, 1 + self.cursor, 1, 1), Spacing(top=1)
        self.scroll_to_region(row, spacing=heading, animate=False, immediate=True)

    def _heading_line(self) -> Strip:
        heading = self.get_component_rich_style("row-list--heading", partial=True)
        chosen = self.get_component_rich_style("row-list--sorted", partial=True)
        by, downwards = self.sorted_by.lstrip("-"), self.sorted_by.startswith("-")
        segments = [Segment(" " * GUTTER)]
        for column, _, width in self._fitted:
            text, style = column.heading, heading
            if column.key == by:
                text, style = with_arrow(text, "↓" if downwards else "↑", width), chosen
            segments += [Segment(fit(text, width, column.right), style), Segment(" " * GAP)]
        return Strip(segments)

    def _row_line(self, index: int) -> Strip:
        row, under_cursor = self.rows[index], index == self.cursor
        mark = self.marks.get(self._key_of(row), (" ", ""))
        segments = [
            Segment("▌" if under_cursor and self.has_focus else " ", self._style("train")),
            *self._cell(mark, 1, False),
            Segment(" "),
        ]
        for column, _, width in self._fitted:
            content = column.say(row, width) if column.say is not None else ""
            segments += [*self._cell(content, width, column.right), Segment(" " * GAP)]
        strip = Strip(segments)
        if under_cursor:
            name = "row-list--cursor" if self.has_focus else "row-list--cursor-blurred"
            cursor = self.get_component_rich_style(name)
            return strip.adjust_cell_length(self.line_width).apply_style(cursor)
        return strip

    def _cell(self, content: Content, width: int, right: bool) -> list[Segment]:
        if isinstance(content, str):
            content = content, ""
        if isinstance(content, tuple) and isinstance(content[0], str):
            text, name = content
            return [Segment(fit(text, width, right), self._style(str(name)))]
        pieces = [piece for piece in content if isinstance(piece, tuple)]
        used = sum(cell_len(text) for text, _ in pieces)
        segments = [Segment(" " * (width - used))] if right and used < width else []
        room = width
        for text, name in pieces:
            shown = fit(text, min(room, cell_len(text)), False)
            segments.append(Segment(shown, self._style(name)))
            room -= cell_len(shown)
        if room > 0 and not right:
            segments.append(Segment(" " * room))
        return segments

    def _style(self, word: str) -> Style | None:
        return ink(self, word) if word else None

    def _empty_line(self, y: int, base: Style) -> Strip:
        width = self.line_width
        if len(self.rows) or not self.empty:
            return Strip.blank(width, base)
        lines = self.empty.splitlines()
        first = max(2, (self.size.height - len(lines)) // 2)
        if not first <= y < first + len(lines):
            return Strip.blank(width, base)
        text = lines[y - first]
        text = fit(text, min(width, cell_len(text)), False)
        before = (width - cell_len(text)) // 2
        style = self._style("muted")
        line = Strip([Segment(" " * before), Segment(text, style)])
        return line.adjust_cell_length(width).apply_style(base)


def with_arrow(heading: str, arrow: str, width: int) -> str:
    """The arrow after the last letter; spaces over a column's marks, or letters, make room."""
    letters = heading.rstrip()[: max(0, width - len(arrow))]
    return letters + arrow + heading[len(letters) + 1 : width]


class Line(Input):
    """Says how to go on from it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "submit", "keep", tooltip="Keep it, and go to the rows"),
    ]


class FilterLine(Vertical):
    """The line to filter with: checked while one types, its fault said in a sentence below.

    Hidden until it is opened, and while it holds nothing and has not the focus.
    """

    DEFAULT_CSS = """
    FilterLine { height: auto; display: none; padding: 0 1; }
    FilterLine.open { display: block; }
    FilterLine Horizontal { height: 1; }
    FilterLine Label { color: $muted; width: auto; }
    FilterLine Input { width: 1fr; background: $surface; }
    FilterLine #fault { color: $error; height: auto; display: none; }
    FilterLine.faulty #fault { display: block; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "clear", "all rows", tooltip="Clear the filter"),
        Binding("down", "done", "to the rows", show=False, tooltip="Keep the filter"),
    ]

    @dataclass
    class Changed(Message):
        """A filter that can be understood, or none."""

        text: str

        def can_replace(self, message: Message) -> bool:
            return isinstance(message, FilterLine.Changed)

    def compose(self) -> ComposeResult:
        with Horizontal():
            yield Label("filter ")
            yield Line(
                compact=True, placeholder="preset=cnn-2 lr>=0.001 acc>97 tag:night, or a word"
            )
        yield Static(id="fault", markup=False)

    @property
    def text(self) -> str:
        return self.query_one(Input).value

    def open(self) -> None:
        self.add_class("open")
        self.query_one(Input).focus()

    def set_text(self, text: str) -> None:
        """Filter without going to the line."""
        self.query_one(Input).value = text
        self.set_class(bool(text), "open")

    def action_clear(self) -> None:
        self.set_text("")
        self.screen.query_one(RowList).focus()

    def action_done(self) -> None:
        self.set_class(bool(self.text.strip()), "open")
        self.screen.query_one(RowList).focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        try:
            parse_filter(event.value)
        except QueryError as error:
            self.query_one("#fault", Static).update(f"✗ {error}")
            self.add_class("faulty")
            return
        self.remove_class("faulty")
        self.post_message(self.Changed(event.value))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.action_done()
