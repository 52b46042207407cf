"""Which columns of a table are shown at a width. The least important go, lines never wrap.

Where not all fit, headings are shortened and verdicts folded into marks before columns go.
"""

from __future__ import annotations

from dataclasses import replace

from rich.cells import cell_len

from workbench.leaderboard.table import Align, Cell, Table

# Widest that a column asks for; beyond, its texts are cut with an ellipsis.
WIDEST = 32
NARROWEST = 8
GAP = 2  # letters between two columns


def columns_that_fit(table: Table, width: int, *, cut: bool = True) -> list[int]:
    """The places of the columns shown at a width; without `cut` their texts stand whole.

    Those of weight 0 always, then by rising weight whichever still finds room. A column
    that says nothing is not shown at all.
    """
    room, shown = width + GAP, []
    for place in sorted(table.filled_columns(), key=lambda place: table.headings[place].weight):
        needed = natural_width(table, place, WIDEST if cut else width) + GAP
        if needed <= room or not table.headings[place].weight:
            shown.append(place)
            room -= needed
    return sorted(shown)


def shortened(table: Table) -> Table:
    """The table with the short headings of its columns."""
    headings = tuple(replace(item, text=item.short or item.text) for item in table.headings)
    return replace(table, headings=headings)


def folded(table: Table) -> Table:
    """The table without the columns that fold into another, whose cells bear their marks."""
    places = {heading.text: place for place, heading in enumerate(table.headings)}
    into = {
        place: places[heading.folds_into]
        for place, heading in enumerate(table.headings)
        if heading.folds_into in places
    }
    headings, rows = list(table.headings), [list(row) for row in table.rows]
    for place, target in into.items():
        marks = {row[place].mark: row[place].text for row in rows if row[place].mark}
        if marks:
            heading, meaning = (
                headings[place],
                ", ".join(f"{m} {text}" for m, text in marks.items()),
            )
            note = f"{heading.text} ({meaning}){heading.note.removeprefix(heading.text)}"
            notes = f"{headings[target].note} {note}".strip()
            headings[target] = replace(headings[target], note=notes)
        for row in rows:
            tone = row[place].tone if row[place].mark else row[target].tone
            row[target] = Cell(row[target].text, tone, row[place].mark)
    kept = [place for place in range(len(headings)) if place not in into]
    return replace(
        table,
        headings=tuple(headings[place] for place in kept),
        rows=tuple(tuple(row[place] for place in kept) for row in rows),
    )


def fitted_widths(table: Table, shown: list[int], width: int) -> dict[int, int]:
    """Natural widths; the widest text columns give way where even the last ones are too wide."""
    widths = {place: natural_width(table, place) for place in shown}
    texts = [place for place in shown if table.headings[place].align is Align.LEFT]
    while sum(widths.values()) + GAP * (len(shown) - 1) > width:
        widest = max(texts, key=lambda place: widths[place], default=None)
        if widest is None or widths[widest] <= NARROWEST:
            break
        widths[widest] -= 1
    return widths


def hidden_columns(table: Table, shown: list[int]) -> list[str]:
    """The headings of the columns with text that are not shown."""
    return [table.headings[place].text for place in table.filled_columns() if place not in shown]


def natural_width(table: Table, place: int, most: int = WIDEST) -> int:
    """What a column asks for, in letters of a terminal, `most` for its texts at most."""
    widest = max((cell_width(row[place]) for row in table.rows), default=0)
    return max(cell_len(table.headings[place].text), min(widest, most))


def cell_width(cell: Cell) -> int:
    """A cell with its mark."""
    return cell_len(cell.text) + (cell_len(cell.mark) + 1 if cell.mark else 0)
