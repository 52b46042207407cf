"""Tables on the terminal, at whatever width it has."""

from __future__ import annotations

from rich import box
from rich.console import Console, ConsoleOptions, Group, RenderResult
from rich.table import Table as RichTable
from rich.text import Text

from workbench.leaderboard.fitting import (
    GAP,
    columns_that_fit,
    fitted_widths,
    folded,
    hidden_columns,
    shortened,
)
from workbench.leaderboard.table import Align, Cell, Table, Tone

STYLES = {
    Tone.PLAIN: "",
    Tone.GOOD: "green",
    Tone.WARNING: "yellow",
    Tone.BAD: "red",
    Tone.MUTED: "dim",
    Tone.STRONG: "bold",
}
# A line under the headings and nothing else.
_RULE = box.Box("    \n    \n ── \n    \n    \n    \n    \n    \n")


class TableView:
    """A table as a rich renderable, laid out for the width it is drawn at."""

    def __init__(self, table: Table) -> None:
        self.table = table

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Title, table and footnotes at the console's width."""
        yield render(self.table, options.max_width)


def cell_text(cell: Cell) -> Text:
    """A cell with its mark and its style."""
    return Text(f"{cell.mark} {cell.text}" if cell.mark else cell.text, STYLES[cell.tone])


def render(table: Table, width: int) -> Group:
    """Title, table and footnotes for a terminal of this width."""
    title = Text(table.title, "bold")
    if not table.rows:
        return Group(title, Text(table.empty, "dim"))
    shown = columns_that_fit(table, width)
    if hidden_columns(table, shown):
        table = shortened(folded(table))
        shown = columns_that_fit(table, width)
    widths = fitted_widths(table, shown, width)
    # One of the gap's letters is the box's own divider.
    grid = RichTable(box=_RULE, padding=(0, GAP - 1, 0, 0), pad_edge=False, show_edge=False)
    for place in shown:
        heading = table.headings[place]
        grid.add_column(
            Text(heading.text),
            justify="right" if heading.align is Align.RIGHT else "left",
            width=widths[place],
            no_wrap=True,
            overflow="ellipsis",
            header_style="bold",
        )
    for row in table.rows:
        grid.add_row(*(cell_text(row[place]) for place in shown))
    notes = [Text(note, "dim") for note in table.notes(shown)]
    hidden = hidden_columns(table, shown)
    if hidden:
        notes.append(Text(f"Not shown at this width: {', '.join(hidden)}.", "dim"))
    return Group(title, grid, *notes)
