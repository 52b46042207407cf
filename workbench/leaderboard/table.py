"""One neutral table: what every view is turned into before it is drawn or written.

It has two sides: cells as people read them, and records as programs do. Renderers for people
(markdown, LaTeX, the terminal) use the first, CSV and JSON the second.

Where a table or a list is too wide, the least important columns go; lines never wrap. Before
columns go, headings are shortened and verdicts folded into marks.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from itertools import groupby
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from rich.text import Text

from workbench.formats import MISSING
from workbench.text import one_line

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult

Row = TypeVar("Row")
RIGHT = True  # of a heading: numbers stand to the right


class Tone(StrEnum):
    """What a cell means, where it means something. Never told by colour alone."""

    PLAIN = ""
    GOOD = "good"
    WARNING = "warning"
    BAD = "bad"
    MUTED = "muted"
    STRONG = "strong"


@dataclass(frozen=True)
class Heading:
    """A column: its heading, on which side it stands, and its weight. On a narrow terminal the
    columns of the greatest weight go first; those of weight 0 never go.

    `note` is a footnote that stands only where the column does. Where not all columns fit,
    `short` stands for the text, and on a terminal a column with `folds_into` is left out, the
    marks of its cells standing in the column of that name. The note of such a column begins
    with its text.
    """

    text: str
    right: bool = False
    weight: int = 0
    short: str = ""
    note: str = ""
    folds_into: str = ""


class Cell(NamedTuple):
    """A cell's text, its meaning, and a mark that tells the meaning without colour.

    A tuple, since ten thousand runs make two hundred thousand of them. A text that comes from
    outside goes through `cell`, which makes it one safe line.
    """

    text: str
    tone: Tone = Tone.PLAIN
    mark: str = ""


@dataclass(frozen=True)
class Table:
    """A table ready to be drawn. All texts are single lines without control characters."""

    title: str
    headings: tuple[Heading, ...]
    rows: tuple[tuple[Cell, ...], ...]
    footnotes: tuple[str, ...] = ()
    records: tuple[dict[str, Any], ...] = ()
    empty: str = "nothing here"

    def filled_columns(self) -> list[int]:
        """The places of the columns worth showing: those that say something, and the main ones."""
        return [
            place
            for place, heading in enumerate(self.headings)
            if not heading.weight or any(row[place].text not in ("", MISSING) for row in self.rows)
        ]

    def notes(self, shown: Iterable[int]) -> list[str]:
        """The footnotes, and those of the columns that are shown."""
        own = dict.fromkeys(self.headings[place].note for place in shown)
        return [*self.footnotes, *(note for note in own if note)]


# Headings, and what a column says of a row.
Columns = Sequence[tuple[Heading, Callable[[Row], object]]]


def table_of(
    title: str,
    rows: Iterable[Row],
    columns: Columns[Row],
    footnotes: Iterable[str] = (),
) -> Table:
    """A table with a row for each of `rows`; what a column says of it becomes a cell."""
    said = ([say(row) for _, say in columns] for row in rows)
    cells = tuple(tuple(x if isinstance(x, Cell) else cell(x) for x in each) for each in said)
    headings = tuple(heading for heading, _ in columns)
    return Table(title, headings, cells, tuple(footnotes))


def cell(text: object, tone: Tone = Tone.PLAIN, mark: str = "") -> Cell:
    """A cell of any text, made one line."""
    return Cell(one_line(str(text)), tone, mark)


def whole_text(cell: Cell) -> str:
    return f"{cell.mark} {cell.text}" if cell.mark else cell.text


# What fits into a width


# Widest that a table's column asks for; beyond, its texts are cut with an ellipsis.
WIDEST = 32
NARROWEST = 8
GAP = 2  # letters between two columns

# A cell is plain text, or pieces of text each with the name of its style.
Piece = tuple[str, str]
Content = str | Piece | Sequence[Piece]


@dataclass(frozen=True)
class Column:
    """One column. Those of the greatest `weight` go first; those of weight 0 never go.

    A column that never goes has at least its `ideal` wherever there is room for all of them. Room
    that is left over goes to columns that lack their ideal, then to those with `stretch`, up to
    `most` letters.

    `say` is what stands in a row at a width, for lists on screens.
    """

    key: str
    heading: str
    width: int
    weight: int = 0
    right: bool = False
    stretch: int = 0
    most: int = 200
    ideal: int = 0
    say: Callable[[Any, int], Content] | None = field(default=None, compare=False)


def fitted(columns: Sequence[Column], width: int) -> list[tuple[Column, int]]:
    """The columns shown at a width, each with its own width.

    Those of weight 0 always, then by rising weight whichever still finds room. Where even the
    first are too wide, the widest texts among them give way.
    """
    kept = [column for column in columns if not column.weight]
    gaps = GAP * (len(kept) - 1)
    widths = {column.key: max(column.width, column.ideal) for column in kept}
    if sum(widths.values()) + gaps > width:
        widths = {column.key: column.width for column in kept}
    room = width - sum(widths.values()) - gaps
    for column in sorted(columns, key=lambda column: column.weight):
        if column.weight and column.width + GAP <= room:
            widths[column.key] = column.width
            room -= column.width + GAP
    shown = [column for column in columns if column.key in widths]
    while room < 0:
        texts = [column.key for column in shown if not column.right]
        widest = max(texts, key=lambda key: widths[key], default="")
        if not widest or widths[widest] <= NARROWEST:
            break
        widths[widest] -= 1
        room += 1
    while room > 0:
        lacking = [column.key for column in shown if widths[column.key] < column.ideal]
        if not lacking:
            break
        widths[min(lacking, key=lambda key: widths[key])] += 1
        room -= 1
    while room > 0:
        growing = [one for one in shown if one.stretch and widths[one.key] < one.most]
        if not growing:
            break
        total, left = sum(column.stretch for column in growing), room
        for column in growing:
            share = max(1, left * column.stretch // total)
            grown = min(share, column.most - widths[column.key], room)
            widths[column.key] += grown
            room -= grown
    return [(column, widths[column.key]) for column in shown]


def fitted_table(table: Table, width: int, *, cut: bool = True) -> dict[int, int]:
    """The places of a table's columns shown at a width, and the width of each.

    Without `cut` texts stand whole. A column that says nothing is not shown at all.
    """
    filled, most = table.filled_columns(), WIDEST if cut else width
    columns = [
        Column(str(place), "", natural_width(table, place, most), heading.weight, heading.right)
        for place, heading in enumerate(table.headings)
        if place in filled
    ]
    return {int(column.key): room for column, room in fitted(columns, width)}


def shortened(table: Table) -> Table:
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
            heading = headings[place]
            meaning = ", ".join(f"{mark} {text}" for mark, text in marks.items())
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


def hidden_columns(table: Table, shown: Collection[int]) -> list[str]:
    return [table.headings[place].text for place in table.filled_columns() if place not in shown]


def natural_width(table: Table, place: int, most: int = WIDEST) -> int:
    """What a column asks for, in letters of a terminal, `most` for its texts at most."""
    widest = max((cell_len(whole_text(row[place])) for row in table.rows), default=0)
    return max(cell_len(table.headings[place].text), min(widest, most))


# On the terminal, at whatever width it has

STYLES = {
    Tone.PLAIN: "",
    Tone.GOOD: "green",
    Tone.WARNING: "yellow",
    Tone.BAD: "red",
    Tone.MUTED: "dim",
    Tone.STRONG: "bold",
}


@dataclass(frozen=True)
class TableView:
    """A table as a rich renderable: title, table and footnotes at the width it is drawn at.

    Ten thousand rows take rich's own table ten seconds, since it measures and wraps what is known
    here to be one line of a known width.
    """

    table: Table

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
        right = table.headings[place].right
        pieces.append(((padding + text if right else text + padding) + gap, style))
    # Neighbours that look alike go out as one.
    line = [
        Segment("".join(text for text, _ in alike), style)
        for style, alike in groupby(pieces, key=lambda piece: piece[1])
    ]
    yield from Segment.adjust_line_length(line, width, pad=False)
    yield Segment.line()
