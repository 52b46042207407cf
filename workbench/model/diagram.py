"""A model drawn for the terminal in the manner of the paper's Figures 1 to 4.

Models over vectors are columns of neurons with their connections (Figures 1 and 2); models
over images a row of stacked sheets, as high as the image and as deep as its channels, and bars
for vectors (Figures 3 and 4). The paper's figures were made with NN-SVG.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import groupby, pairwise, product
from math import log2
from typing import TYPE_CHECKING, NamedTuple

from workbench.model.architecture import Analysis, Architecture, analyse
from workbench.model.describe import as_ascii
from workbench.model.layers import (
    ACTIVATION_TITLES,
    Flatten,
    Layer,
    Shape,
    inner_activation,
    shape_text,
)

if TYPE_CHECKING:
    from rich.text import Text

NARROWEST = 24  # columns; anything less is drawn at this width

# The one place for the diagram's colours: a role's name and its rich style. Names of the
# terminal's own palette follow the user's theme, light or dark.
ROLE_STYLES = {
    "input": "bold",
    "convolution": "cyan",
    "pooling": "yellow",
    "normalization": "dim",
    "vector": "dim",
    "dense": "magenta",
    "output": "green",
    "connection": "dim",
    "shape": "",
    "note": "dim",
    "problem": "bold red",
}


Span = tuple[str, str]  # text and the name of its role; "" is plain
Row = tuple[Span, ...]


@dataclass(frozen=True)
class Diagram:
    """The drawing as rows of (text, role); roles are the keys of `ROLE_STYLES`."""

    lines: tuple[Row, ...]

    def plain(self) -> str:
        return "\n".join("".join(text for text, _ in spans) for spans in self.lines)

    def text(self, styles: dict[str, str] | None = None) -> Text:
        """The drawing for rich and Textual; `styles` replaces those of single roles."""
        from rich.text import Text

        chosen = {**ROLE_STYLES, **(styles or {})}
        rows = [[(text, chosen.get(role) or "") for text, role in spans] for spans in self.lines]
        drawing = Text("\n", end="").join(Text.assemble(*row) for row in rows)
        drawing.no_wrap = True
        return drawing

    @property
    def width(self) -> int:
        return max((sum(len(text) for text, _ in spans) for spans in self.lines), default=0)


def draw(
    architecture: Architecture,
    width: int,
    *,
    analysis: Analysis | None = None,
    ascii_only: bool = False,
) -> Diagram:
    """The model in at most `width` columns (24 at least), in as many rows as that takes.

    A model that is impossible is drawn up to the layer that does not fit, which is marked.
    """
    analysis = analysis or analyse(architecture)
    width = max(width, NARROWEST)
    parts = parts_of(architecture, analysis)
    if all(part.is_vector for part in parts):
        rows = _draw_neurons(parts, width, ascii_only)
    else:
        rows = _draw_blocks(parts, width)
    if ascii_only:
        rows = [tuple((as_ascii(text), role) for text, role in row) for row in rows]
    return Diagram(tuple(rows))


# What is shown


@dataclass(frozen=True)
class Part:
    """One block or column: a shape, the operation that made it, and what is done to it in place.

    `shape` is None for a layer that does not fit.
    """

    role: str
    shape: Shape | None
    title: tuple[str, ...]  # the operation, in short lines
    layer: Layer | None = None  # what made it; None for the input and for what does not fit
    kept: tuple[Layer, ...] = ()  # layers that keep the shape: dropout, normalization, activation

    @property
    def notes(self) -> tuple[str, ...]:
        """The layers that keep the shape, in a word or two: `drop 0.2`."""
        return tuple(" ".join([*layer.short.split(), *layer.details()]) for layer in self.kept)

    @property
    def is_vector(self) -> bool:
        """Whether this is a vector, or a layer without a place, and no image."""
        return self.shape is None or len(self.shape) == 1


def parts_of(architecture: Architecture, analysis: Analysis) -> tuple[Part, ...]:
    """The parts of a model in order, from its input.

    Layers that keep the shape are notes on the part before them. A Flatten that comes first
    is the input itself, as in the paper's Figures 1 and 2.
    """
    parts = [Part("input", architecture.input_shape, ("Input",))]
    for facts in analysis.layers:
        layer = facts.layer
        if isinstance(layer, Flatten) and facts.index == 1:
            parts = [Part("input", facts.output_shape, ("Input",))]
        elif layer.keeps_shape:
            parts[-1] = replace(parts[-1], kept=(*parts[-1].kept, layer))
        elif not isinstance(layer, Flatten) or len(facts.input_shape) > 1:
            parts.append(Part(layer.role, facts.output_shape, _title(layer), layer))
    placed = len(analysis.layers)
    if placed < len(architecture.layers):
        misfit = architecture.layers[placed]
        parts.append(Part("problem", None, (f"layer {placed + 1}", misfit.kind)))
    elif analysis.problem is None and len(parts) > 1:
        parts[-1] = replace(parts[-1], role="output")
    return tuple(parts)


def _title(layer: Layer) -> tuple[str, ...]:
    activation = inner_activation(layer)
    inner = () if activation == "linear" else (ACTIVATION_TITLES[activation],)
    return (*layer.short.split(), *layer.details(), *inner)


# A grid of cells

# The dots of a braille cell, by column (0 left, 1 right) and row (0 top .. 3 bottom).
_DOTS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))
_BRAILLE = 0x2800


class _Canvas:
    """`width` by `height` cells, each a character with a role; the origin is top left."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self._cells: list[list[Span]] = [[(" ", "")] * width for _ in range(height)]

    def put(self, column: int, row: int, text: str, role: str = "") -> None:
        """Write text from a cell rightwards; what falls outside is left out."""
        if not 0 <= row < self.height:
            return
        for offset, character in enumerate(text):
            if 0 <= column + offset < self.width:
                self._cells[row][column + offset] = (character, role)

    def centre(self, middle: float, row: int, text: str, role: str = "") -> None:
        """Write text around a column, moved inwards where it would fall outside."""
        start = round(middle - (len(text) - 1) / 2)
        self.put(max(0, min(start, self.width - len(text))), row, text, role)

    def dot(self, x: float, y: float, role: str = "") -> None:
        """Set one braille dot; x and y are in cells, so a dot is 1/2 wide and 1/4 high."""
        # Half a dot may be lost in floating point, and would leave gaps in level lines.
        x, y = x + 1e-6, y + 1e-6
        column, row = int(x), int(y)
        if not (0 <= column < self.width and 0 <= row < self.height):
            return
        bit = _DOTS[int((x - column) * 2)][int((y - row) * 4)]
        character, _ = self._cells[row][column]
        if character != " " and not _BRAILLE <= ord(character) < _BRAILLE + 256:
            return
        bits = 0 if character == " " else ord(character) - _BRAILLE
        self._cells[row][column] = (chr(_BRAILLE + (bits | bit)), role)

    def line(self, start: tuple[float, float], end: tuple[float, float], role: str) -> None:
        """A fine line between two points in cells."""
        steps = max(1, round(max(abs(end[0] - start[0]) * 2, abs(end[1] - start[1]) * 4)))
        for step in range(steps + 1):
            part = step / steps
            self.dot(
                start[0] + (end[0] - start[0]) * part, start[1] + (end[1] - start[1]) * part, role
            )

    def box(self, column: int, row: int, width: int, height: int, role: str) -> None:
        """A frame with an empty inside, over whatever was there. Width and height from 2."""
        for number, line in enumerate(["┌─┐", *["│ │"] * (height - 2), "└─┘"]):
            self.put(column, row + number, line[0] + line[1] * (width - 2) + line[2], role)

    def rows(self) -> list[Row]:
        """The rows as spans of equal role, without trailing blanks."""
        rows = []
        for cells in self._cells:
            while cells and cells[-1][0] == " ":
                cells.pop()
            spans = groupby(cells, lambda cell: cell[1] if cell[0] != " " else "")
            rows.append(tuple(("".join(sign for sign, _ in span), role) for role, span in spans))
        return rows


# Models over images, as in the paper's Figures 3 and 4: stacks of sheets, then bars

ROWS = 7  # of the front sheet of the largest image
BAR_ROWS = 9  # of the longest vector
MOST_SHEETS = 7


class _Scale(NamedTuple):
    across: float  # columns of a sheet for each of its rows; 2 draws a square image square
    gap: int  # columns between blocks
    one_line: bool  # 28×28×32 in one line, or the channels beneath


# The first of these that fits is taken, or else the first that makes the fewest rows.
SCALES = (
    _Scale(2.0, 5, True),
    _Scale(2.0, 4, True),
    _Scale(1.7, 4, True),
    _Scale(1.7, 3, True),
    _Scale(1.4, 3, True),
    _Scale(1.4, 2, True),
    _Scale(1.1, 2, True),
    _Scale(0.9, 1, True),
    _Scale(0.9, 2, False),
    _Scale(0.9, 1, False),
    _Scale(0.75, 1, False),
)


@dataclass(frozen=True)
class _Block:
    """A part in cells: its front sheet or bar, how many sheets, and the labels around it."""

    part: Part
    width: int  # of the front sheet
    height: int
    sheets: int
    beneath: tuple[str, ...]  # the shape; the part's title stands above, its notes follow

    @property
    def drawn_width(self) -> int:
        return self.width + self.sheets - 1

    @property
    def drawn_height(self) -> int:
        return self.height + self.sheets - 1

    @property
    def room(self) -> int:
        labels = (*self.part.title, *self.beneath, *self.part.notes)
        return max(self.drawn_width, *(len(label) for label in labels))


def _draw_blocks(parts: tuple[Part, ...], width: int) -> list[Row]:
    """The parts from left to right, in further rows where `width` columns do not suffice."""
    largest = max(max(part.shape[:2]) for part in parts if part.shape and len(part.shape) == 3)
    longest = max((part.shape[0] for part in parts if part.shape and part.is_vector), default=1)
    candidates = []
    for scale in SCALES:
        blocks = [_block(part, largest, longest, scale) for part in parts]
        candidates.append((_shared_out(blocks, scale.gap, width), scale.gap))
    rows, gap = min(candidates, key=lambda candidate: len(candidate[0]))
    lines: list[Row] = []
    for number, row in enumerate(rows, start=1):
        lines += [()] if lines else []
        lines += _block_row(row, gap, width, leads_on=number < len(rows))
    return lines


def _shared_out(blocks: list[_Block], gap: int, width: int) -> list[list[_Block]]:
    """The blocks in as few rows as fit, of about equal length."""
    least = 1
    while True:
        share = -(-len(blocks) // least)
        rows = [blocks[start : start + share] for start in range(0, len(blocks), share)]
        # An arrow leads on from each row but the last.
        arrows = [2] * (len(rows) - 1) + [0]
        needed = [
            sum(block.room for block in row) + gap * (len(row) - 1) + arrow
            for row, arrow in zip(rows, arrows, strict=True)
        ]
        if share == 1 or max(needed) <= width:
            return rows
        least += 1


def _block(part: Part, largest: int, longest: int, scale: _Scale) -> _Block:
    shape = part.shape
    if shape is None:
        sheets, height, columns = 1, 1, 1
        beneath: tuple[str, ...] = ("does not", "fit")
    elif len(shape) == 3:
        height = max(2, round(_rows_of(shape[0], largest)))
        columns = max(3, round(_rows_of(shape[1], largest) * scale.across))
        # One sheet for one channel, then one more each doubling from 32 (three) on.
        more = max(2, min(MOST_SHEETS, round(log2(shape[2])) - 2))
        sheets = 1 if shape[2] == 1 else more
        size, channels = shape_text(shape[:2]), f"×{shape[2]}"
        beneath = (size + channels,) if scale.one_line else (size, channels)
    else:
        sheets, columns = 1, 2
        height = max(2, round(BAR_ROWS * log2(shape[0] + 1) / log2(longest + 1)))
        beneath = (str(shape[0]),)
    return _Block(part, columns, height, sheets, beneath)


def _rows_of(size: int, largest: int) -> float:
    """Rows for an image's side. Less than proportional, so that 7×7 and 3×3 still differ."""
    return ROWS * float((size / largest) ** 0.7)


def _block_row(blocks: list[_Block], gap: int, width: int, *, leads_on: bool) -> list[Row]:
    head = max(len(block.part.title) for block in blocks)
    body = max(block.drawn_height for block in blocks)
    foot = max(len(block.beneath) + len(block.part.notes) for block in blocks)
    canvas = _Canvas(width, head + body + foot)
    middle = head + (body - 1) // 2
    edges: list[tuple[int, int]] = []  # of what is drawn, left and right
    left = 0
    for block in blocks:
        part, centre = block.part, left + (block.room - 1) / 2
        for row, line in enumerate(part.title, start=head - len(part.title)):
            canvas.centre(centre, row, line, part.role)
        start = left + (block.room - block.drawn_width) // 2
        top = head + (body - block.drawn_height) // 2
        if part.shape is None:
            canvas.put(start, top, "✗", part.role)
        else:
            # The sheet furthest back is drawn first; each nearer one covers most of it.
            for sheet in range(block.sheets):
                canvas.box(start + sheet, top + sheet, block.width, block.height, part.role)
        edges.append((start, start + block.drawn_width))
        size = "problem" if part.shape is None else "shape"
        labels = [
            *((line, size) for line in block.beneath),
            *((note, "note") for note in part.notes),
        ]
        for row, (line, role) in enumerate(labels, start=head + body):
            canvas.centre(centre, row, line, role)
        left += block.room + gap
    spaces = [(edge, onward) for (_, edge), (onward, _) in pairwise(edges)]
    # Arrows in some of a row's gaps only would read as if the others meant something else.
    if spaces and min(onward - edge for edge, onward in spaces) >= 3:
        for edge, onward in spaces:
            canvas.put(edge + (onward - edge - 1) // 2, middle, "›", "connection")
    if leads_on:
        canvas.put(left - gap + 1, middle, "›", "connection")
    return canvas.rows()


# Models over vectors, as in the paper's Figures 1 and 2: columns of connected neurons

MOST_CIRCLES = 7  # in a column; more make the lines between them a blur
WIDEST_GAP = 26  # columns between two columns of neurons
NARROWEST_GAP = 9


def _draw_neurons(parts: tuple[Part, ...], width: int, ascii_only: bool) -> list[Row]:
    """The parts as columns from left to right, in further rows where `width` does not suffice."""
    gap = max(NARROWEST_GAP, 1 + max(len(label) for part in parts for label in _labels(part)))
    share = max(2, (width - gap) // gap + 1)
    longest = max(part.shape[0] for part in parts if part.shape)
    lines: list[Row] = []
    # The last column of a row opens the next, so that its connections are seen.
    for start in range(0, max(1, len(parts) - 1), share - 1):
        lines += [()] if lines else []
        lines += _neuron_row(parts[start : start + share], longest, width, gap, ascii_only)
    return lines


def _labels(part: Part) -> tuple[str, ...]:
    size = str(part.shape[0]) if part.shape else "does not fit"
    return (" ".join(part.title), size, *part.notes)


def _column(part: Part, longest: int) -> dict[int, str]:
    """The signs of a column by their rows, two apart, around the middle.

    A circle for each neuron where they are few, else an odd number, so that columns share a middle,
    which stands for all that are left out.
    """
    if part.shape is None:
        return {MOST_CIRCLES: "✗"}
    count = size = part.shape[0]
    if size > 3:
        share = log2(size / 4) / max(1.0, log2(longest / 4))
        count = 3 + 2 * round((MOST_CIRCLES - 3) / 2 * share)
    signs = ["●"] * count
    if count < size:
        signs[count // 2] = "⋮"
    first = MOST_CIRCLES + 1 - count
    return {first + 2 * number: sign for number, sign in enumerate(signs)}


def _neuron_row(
    parts: tuple[Part, ...], longest: int, width: int, gap: int, ascii_only: bool
) -> list[Row]:
    first, last = (
        max(len(label) for label in _labels(part)) // 2 for part in (parts[0], parts[-1])
    )
    if len(parts) > 1:
        gap = min(WIDEST_GAP, max(gap, (width - 1 - first - last) // (len(parts) - 1)))
    foot = 1 + max(len(part.notes) for part in parts)
    beneath = MOST_CIRCLES * 2  # after a label and the circles, two rows each but the last
    canvas = _Canvas(width, beneath + foot)
    places = [min(width - 1, first + gap * position) for position in range(len(parts))]
    columns = [_column(part, longest) for part in parts]
    for (left, here), (right, there) in pairwise(zip(places, columns, strict=True)):
        if ascii_only:
            canvas.put(left + 2, MOST_CIRCLES, f"{'-' * (right - left - 5)}>", "connection")
            continue
        ends = [
            [row + 0.5 for row, sign in column.items() if sign != "⋮"] for column in (here, there)
        ]
        for start, end in product(*ends):
            canvas.line((left + 1.5, start), (right - 1.0, end), "connection")
    for part, place, column in zip(parts, places, columns, strict=True):
        for row, sign in column.items():
            canvas.put(place, row, sign, part.role)
        roles = (part.role, "shape", *("note" for _ in part.notes))
        rows = (0, *range(beneath, beneath + 1 + len(part.notes)))
        for row, label, role in zip(rows, _labels(part), roles, strict=True):
            canvas.centre(place, row, label, role)
    return canvas.rows()
