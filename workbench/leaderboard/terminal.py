"""Tables on the terminal, at whatever width it has."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from rich.cells import cell_len, set_cell_size
from rich.console import Console, ConsoleOptions, Group, RenderResult
from rich.segment import Segment
from rich.style import Style
from rich.text import Text

from workbench.leaderboard.table import (
    GAP,
    Align,
    Table,
    Tone,
    fitted_table,
    folded,
    hidden_columns,
    shortened,
    whole_text,
)

STYLES = {
    Tone.PLAIN: "",
    Tone.GOOD: "green",
    Tone.WARNING: "yellow",
    Tone.BAD: "red",
    Tone.MUTED: "dim",
    Tone.STRONG: "bold",
}


class TableView:
    """A table as a rich renderable, laid out for the width it is drawn at."""

    def __init__(self, table: Table) -> None:
        self.table = table

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Title, table and footnotes at the console's width."""
        yield render(self.table, options.max_width)


def render(table: Table, width: int) -> Group:
    """Title, table and footnotes for a terminal of this width."""
    title = Text(table.title, "bold")
    if not table.rows:
        return Group(title, Text(table.empty, "dim"))
    shown = fitted_table(table, width)
    if hidden_columns(table, shown):
        table = shortened(folded(table))
        shown = fitted_table(table, width)
    notes = [Text(note, "dim") for note in table.notes(shown)]
    hidden = hidden_columns(table, shown)
    if hidden:
        notes.append(Text(f"Not shown at this width: {', '.join(hidden)}.", "dim"))
    return Group(title, _Grid(table, shown), *notes)


class _Grid:
    """Headings, a line under them, and the rows. Ten thousand rows take rich's own table ten
    seconds, since it measures and wraps what is known here to be one line of a known width.
    """

    def __init__(self, table: Table, widths: dict[int, int]) -> None:
        self._table, self._shown, self._widths = table, list(widths), widths

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """The lines, none longer than the console is wide."""
        bold = Style(bold=True)
        styles = {tone: Style.parse(style) for tone, style in STYLES.items()}
        headings = self._table.headings
        heads = [(headings[place].text, bold) for place in self._shown]
        total = sum(self._widths.values()) + GAP * (len(self._shown) - 1)
        yield from self._line(heads, options.max_width)
        yield Segment("─" * min(total, options.max_width))
        yield Segment.line()
        for row in self._table.rows:
            cells = [(whole_text(row[place]), styles[row[place].tone]) for place in self._shown]
            yield from self._line(cells, options.max_width)

    def _line(self, cells: list[tuple[str, Style]], width: int) -> Iterator[Segment]:
        pieces = []
        for place, (text, style) in zip(self._shown, cells, strict=True):
            room = self._widths[place]
            used = cell_len(text)
            if used > room:
                text, used = f"{set_cell_size(text, room - 1)}…", room
            padding = " " * (room - used)
            gap = " " * GAP if place != self._shown[-1] else ""
            right = self._table.headings[place].align is Align.RIGHT
            pieces.append(((padding + text if right else text + padding) + gap, style))
        # Neighbours that look alike go out as one.
        line = [
            Segment("".join(text for text, _ in alike), style)
            for style, alike in groupby(pieces, key=lambda piece: piece[1])
        ]
        yield from Segment.adjust_line_length(line, width, pad=False)
        yield Segment.line()
