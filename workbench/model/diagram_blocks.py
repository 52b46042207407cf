"""Models over images, as in the paper's Figures 3 and 4: stacks of sheets, then bars."""

from __future__ import annotations

from dataclasses import dataclass
from math import log2
from typing import NamedTuple

from workbench.model.describe import as_ascii
from workbench.model.diagram_canvas import Canvas, Span
from workbench.model.diagram_parts import Part
from workbench.model.layers import shape_text

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
    above: tuple[str, ...]
    beneath: tuple[str, ...]

    @property
    def drawn_width(self) -> int:
        return self.width + self.sheets - 1

    @property
    def drawn_height(self) -> int:
        return self.height + self.sheets - 1

    @property
    def room(self) -> int:
        labels = (*self.above, *self.beneath, *self.part.notes)
        return max(self.drawn_width, *(len(label) for label in labels))


def draw_blocks(
    parts: tuple[Part, ...], width: int, ascii_only: bool
) -> tuple[tuple[Span, ...], ...]:
    """The parts from left to right, in further rows where `width` columns do not suffice."""
    largest = max(max(part.shape[:2]) for part in parts if part.shape and len(part.shape) == 3)
    longest = max((part.shape[0] for part in parts if part.shape and part.is_vector), default=1)
    candidates = []
    for scale in SCALES:
        blocks = [_block(part, largest, longest, scale, ascii_only) for part in parts]
        candidates.append((_rows(blocks, scale.gap, width), scale.gap))
    rows, gap = min(candidates, key=lambda candidate: len(candidate[0]))
    lines: list[tuple[Span, ...]] = []
    for number, row in enumerate(rows, start=1):
        lines += [()] if lines else []
        lines += _draw_row(row, gap, width, ascii_only, leads_on=number < len(rows))
    return tuple(lines)


def _needed(blocks: list[_Block], gap: int) -> int:
    return sum(block.room for block in blocks) + gap * (len(blocks) - 1)


def _rows(blocks: list[_Block], gap: int, width: int) -> list[list[_Block]]:
    """The blocks in as few rows as fit, of about equal length."""
    least = 1
    while True:
        share = -(-len(blocks) // least)
        rows = [blocks[start : start + share] for start in range(0, len(blocks), share)]
        # An arrow leads on from each row but the last.
        arrows = [2] * (len(rows) - 1) + [0]
        fitting = zip(rows, arrows, strict=True)
        if share == 1 or all(_needed(row, gap) + arrow <= width for row, arrow in fitting):
            return rows
        least += 1


def _block(part: Part, largest: int, longest: int, scale: _Scale, ascii_only: bool) -> _Block:
    shape = part.shape
    if shape is None:
        sheets, height, columns = 1, 1, 1
        beneath: tuple[str, ...] = ("does not", "fit")
    elif len(shape) == 3:
        height = max(2, round(_rows_of(shape[0], largest)))
        columns = max(3, round(_rows_of(shape[1], largest) * scale.across))
        sheets = _sheets(shape[2])
        beneath = (shape_text(shape[:2]), f"×{shape[2]}")
        if scale.one_line:
            beneath = (shape_text(shape),)
    else:
        sheets, columns = 1, 2
        height = max(2, round(BAR_ROWS * log2(shape[0] + 1) / log2(longest + 1)))
        beneath = (str(shape[0]),)
    if ascii_only:
        beneath = tuple(as_ascii(line) for line in beneath)
    above = tuple(as_ascii(line) if ascii_only else line for line in part.title)
    return _Block(part, columns, height, sheets, above, beneath)


def _rows_of(size: int, largest: int) -> float:
    """Rows for an image's side. Less than proportional, so that 7×7 and 3×3 still differ."""
    return ROWS * float((size / largest) ** 0.7)


def _sheets(channels: int) -> int:
    """One sheet for one channel, then one more each doubling from 32 (three) on."""
    if channels == 1:
        return 1
    return max(2, min(MOST_SHEETS, round(log2(channels)) - 2))


def _draw_row(
    blocks: list[_Block], gap: int, width: int, ascii_only: bool, *, leads_on: bool = False
) -> tuple[tuple[Span, ...], ...]:
    head = max(len(block.above) for block in blocks)
    body = max(block.drawn_height for block in blocks)
    foot = max(len(block.beneath) + len(block.part.notes) for block in blocks)
    canvas = Canvas(width, head + body + foot)
    middle = head + (body - 1) // 2
    arrow = ">" if ascii_only else "›"
    spaces: list[tuple[int, int]] = []
    left = 0
    for position, block in enumerate(blocks):
        centre = left + (block.room - 1) / 2
        for offset, line in enumerate(block.above):
            canvas.centre(centre, head - len(block.above) + offset, line, block.part.role)
        top = head + (body - block.drawn_height) // 2
        start = left + (block.room - block.drawn_width) // 2
        _draw_block(canvas, block, start, top, ascii_only)
        row = head + body
        for line in block.beneath:
            canvas.centre(centre, row, line, "problem" if block.part.shape is None else "shape")
            row += 1
        for line in block.part.notes:
            canvas.centre(centre, row, line, "note")
            row += 1
        if position + 1 < len(blocks):
            follower = blocks[position + 1]
            edge = start + block.drawn_width
            left += block.room + gap
            onward = left + (follower.room - follower.drawn_width) // 2
            spaces.append((edge, onward))
    # Arrows in some of a row's gaps only would read as if the others meant something else.
    if spaces and min(onward - edge for edge, onward in spaces) >= 3:
        for edge, onward in spaces:
            canvas.put(edge + (onward - edge - 1) // 2, middle, arrow, "connection")
    if leads_on:
        canvas.put(left + blocks[-1].room + 1, middle, arrow, "connection")
    return canvas.lines()


def _draw_block(canvas: Canvas, block: _Block, start: int, top: int, ascii_only: bool) -> None:
    role = block.part.role
    if block.part.shape is None:
        canvas.put(start, top, "x" if ascii_only else "✗", role)
        return
    # The sheet furthest back is drawn first; each nearer one covers most of it.
    for sheet in range(block.sheets):
        canvas.box(
            start + sheet, top + sheet, block.width, block.height, role, ascii_only=ascii_only
        )
