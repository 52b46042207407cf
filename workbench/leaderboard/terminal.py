"""Tables on the terminal, at whatever width it has."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from rich.cells import cell_len, set_cell_size
from rich.console import Console, ConsoleOptions, RenderResult
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
    """A table as a rich renderable: title, table and footnotes at the width it is drawn at.

    Ten thousand rows take rich's own table ten seconds, since it measures and wraps what is known
    here to be one line of a known width.
    """

    def __init__(self, table: Table) -> None:
        self.table = table

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        table, width = self.table, options.max_width
        yield Text(table.title, "bold")
        if not table.rows:
            yield Text(table.empty, "dim")
            return
        shown = fitted_table(table, width)
        if hidden_columns(table, shown):
            table = shortened(folded(table))
            shown = fitted_table(table, width)
        bold = Style(bold=True)
        styles = {tone: Style.parse(style) for tone, style in STYLES.items()}
        heads = [(table.headings[place].text, bold) for place in shown]
        yield from _line(table, shown, heads, width)
        yield Segment("─" * min(sum(shown.values()) + GAP * (len(shown) - 1), width))
        yield Segment.line()
        for row in table.rows:
            cells = [(whole_text(row[place]), styles[row[place].tone]) for place in shown]
            yield from _line(table, shown, cells, width)
        yield from (Text(note, "dim") for note in table.notes(shown))
        hidden = hidden_columns(table, shown)
        if hidden:
            yield Text(f"Not shown at this width: {', '.join(hidden)}.", "dim")


def _line(
    table: Table, shown: dict[int, int], cells: list[tuple[str, Style]], width: int
) -> Iterator[Segment]:
    """Cells in the widths of their columns, in a line no longer than `width`."""
    pieces, last = [], list(shown)[-1]
    for (place, room), (text, style) in zip(shown.items(), cells, strict=True):
        used = cell_len(text)
        if used > room:
            text, used = f"{set_cell_size(text, room - 1)}…", room
        padding = " " * (room - used)
        gap = " " * GAP if place != last else ""
        right = table.headings[place].align is Align.RIGHT
        pieces.append(((padding + text if right else text + padding) + gap, style))
    # Neighbours that look alike go out as one.
    line = [
        Segment("".join(text for text, _ in alike), style)
        for style, alike in groupby(pieces, key=lambda piece: piece[1])
    ]
    yield from Segment.adjust_line_length(line, width, pad=False)
    yield Segment.line()
