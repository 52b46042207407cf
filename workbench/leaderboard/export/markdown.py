"""GitHub markdown: tables whose cells come back as they went in, whatever stands in them."""

from __future__ import annotations

import re

from workbench.leaderboard.table import Align, Table
from workbench.text import one_line

# All that could begin markup inside a line: code, emphasis, links, HTML, entities,
# strikethrough, formulas, cell borders.
_SPECIAL = re.compile(r"[\\`*_\[\]<>&~$|]")
# Padding makes the source readable; a long note in one row must not pad all the others.
WIDEST_PADDING = 40


def escaped(text: str) -> str:
    """A text as markdown that shows exactly this text, on one line."""
    return _SPECIAL.sub(lambda match: "\\" + match[0], one_line(text))


def table_lines(table: Table) -> list[str]:
    """The table alone, without title and footnotes; one line a row.

    Columns of lesser weight that say nothing are left out.
    """
    places = table.filled_columns()
    heads = [escaped(table.headings[place].text) for place in places]
    rows = [[escaped(row[place].text) for place in places] for row in table.rows]
    right = [table.headings[place].align is Align.RIGHT for place in places]
    widths = [
        max(3, *(min(len(text), WIDEST_PADDING) for text in column))
        for column in zip(heads, *rows, strict=True)
    ]

    def line(texts: list[str]) -> str:
        padded = (
            text.rjust(width) if to_right else text.ljust(width)
            for text, width, to_right in zip(texts, widths, right, strict=True)
        )
        return f"| {' | '.join(padded)} |"

    rule = [
        "-" * (width - 1) + ":" if to_right else "-" * width
        for width, to_right in zip(widths, right, strict=True)
    ]
    return [line(heads), line(rule), *(line(row) for row in rows)]


def to_markdown(table: Table, level: int = 2) -> str:
    """Heading, table and footnotes, ending in a newline."""
    parts = [f"{'#' * level} {escaped(table.title)}"]
    parts.append("\n".join(table_lines(table)) if table.rows else f"*{escaped(table.empty)}*")
    notes = table.notes(table.filled_columns())
    if notes:
        parts.append("\n".join(f"- {escaped(note)}" for note in notes))
    return "\n\n".join(parts) + "\n"
