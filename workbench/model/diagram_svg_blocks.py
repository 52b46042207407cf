"""Models over images as in the paper's Figures 3 and 4: feature maps, then bars, as SVG."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import log2

from workbench.model.diagram_svg_canvas import (
    FAINT,
    INK,
    LINE_HEIGHT,
    PAINTS,
    TEXT_SIZE,
    Canvas,
    Point,
    text_width,
)
from workbench.model.diagram_svg_stages import Stage
from workbench.model.layers import AveragePooling2D, Conv2D, MaxPooling2D

ROW_WIDTH = 1200.0
ROW_GAP = 44.0
SIDE = 104.0  # of the largest image's longer side
LEAST_SIDE = 5.0
SHEET_STEP = 5.0  # each sheet lies so far right of and beneath the one behind it
MOST_SHEETS = 12
BAR = 150.0  # the longest vector
LEAST_BAR = 24.0
BAR_WIDTH = 9.0
BAR_LEAN = 0.35  # the lower end lies so far to the right, as a share of the height
BLOCK_GAP = 30.0
LABEL_GAP = 12.0
LINK = "#59626a"
# Where a window lies on a sheet and where its result does, as shares of the sheet's sides.
WINDOW_AT = (0.58, 0.52)
RESULT_AT = (0.3, 0.32)


@dataclass(frozen=True)
class _Block:
    """A stage with the size of its drawing; the origin is its upper left corner."""

    stage: Stage
    sheet: Point  # width and height of one sheet; of a bar without its lean
    sheets: int

    @property
    def drawn(self) -> Point:
        """Width and height of all of the drawing."""
        back = SHEET_STEP * (self.sheets - 1)
        lean = BAR_LEAN * self.sheet[1] if self.stage.part.is_vector else 0.0
        return self.sheet[0] + back + lean, self.sheet[1] + back

    @property
    def room(self) -> float:
        """The width of drawing and labels together."""
        lines = (self.stage.size, *self.stage.operation, *self.stage.notes)
        return max(self.drawn[0], *(text_width(line) for line in lines))


@dataclass(frozen=True)
class _Placed:
    """A block at its place in a row."""

    block: _Block
    left: float
    top: float

    @property
    def front(self) -> Point:
        """The upper left corner of the foremost sheet."""
        back = SHEET_STEP * (self.block.sheets - 1)
        return self.left + back, self.top + back

    def on_front(self, share: Point) -> Point:
        """A place on the foremost sheet."""
        (x, y), (width, height) = self.front, self.block.sheet
        return x + share[0] * width, y + share[1] * height


def draw_blocks(canvas: Canvas, stages: tuple[Stage, ...]) -> None:
    """The stages from left to right, in further rows of about equal length beyond `ROW_WIDTH`."""
    images = [stage.part.shape for stage in stages if stage.part.shape and not stage.part.is_vector]
    vectors = [stage.part.shape[0] for stage in stages if stage.part.shape and stage.part.is_vector]
    largest = max(max(shape[:2]) for shape in images)
    blocks = [_block(stage, largest, max(vectors, default=1)) for stage in stages]
    rows = _rows(blocks)
    for number, row in enumerate(rows):
        top = canvas.bottom + ROW_GAP if number else 0.0
        _draw_row(canvas, row, top, follows=number > 0, leads_on=number + 1 < len(rows))


def _block(stage: Stage, largest: int, longest: int) -> _Block:
    shape = stage.part.shape
    if shape is None:
        return _Block(stage, (34.0, 34.0), 1)
    if stage.part.is_vector:
        height = BAR * log2(shape[0] + 1) / log2(max(longest, 2) + 1)
        return _Block(stage, (BAR_WIDTH, max(LEAST_BAR, height)), 1)
    return _Block(stage, (_side(shape[1], largest), _side(shape[0], largest)), _sheets(shape[2]))


def _side(size: int, largest: int) -> float:
    """Less than proportional, so that 3×3 can still be seen beside 28×28."""
    return max(LEAST_SIDE, SIDE * float((size / largest) ** 0.6))


def _sheets(channels: int) -> int:
    """All sheets of four channels or fewer; of more, a little more than one each doubling."""
    if channels <= 4:
        return channels
    return min(MOST_SHEETS, 4 + round(1.2 * (log2(channels) - 2)))


def _centres(row: Sequence[_Block]) -> list[float]:
    """The middles of the blocks, as close as drawings and labels allow."""
    centres = [0.0]
    for here, there in pairwise(row):
        drawings = (here.drawn[0] + there.drawn[0]) / 2 + BLOCK_GAP
        labels = (here.room + there.room) / 2 + LABEL_GAP
        centres.append(centres[-1] + max(drawings, labels))
    return centres


def _width(row: Sequence[_Block]) -> float:
    ends = [block.room / 2 for block in (row[0], row[-1])]
    return _centres(row)[-1] + sum(ends)


def _rows(blocks: list[_Block]) -> list[list[_Block]]:
    for count in range(1, len(blocks)):
        ends = [len(blocks) * number // count for number in range(count + 1)]
        rows = [blocks[start:end] for start, end in pairwise(ends)]
        if all(_width(row) <= ROW_WIDTH for row in rows):
            return rows
    return [[block] for block in blocks]


def _draw_row(
    canvas: Canvas, row: Sequence[_Block], top: float, *, follows: bool, leads_on: bool
) -> None:
    highest = max(block.drawn[1] for block in row)
    middle = top + TEXT_SIZE + 10 + highest / 2
    placed = [
        _Placed(block, centre - block.drawn[0] / 2, middle - block.drawn[1] / 2)
        for block, centre in zip(row, _centres(row), strict=True)
    ]
    for item in placed:
        _draw_block(canvas, item)
    for here, there in pairwise(placed):
        _link(canvas, here, there)
    foot = middle + highest / 2 + TEXT_SIZE + 12
    for item in placed:
        _label(canvas, item, foot)
    if follows:
        edge = placed[0].left - 20
        _arrow(canvas, edge, middle)
    if leads_on:
        _arrow(canvas, placed[-1].left + placed[-1].block.drawn[0] + 12, middle)


def _draw_block(canvas: Canvas, item: _Placed) -> None:
    block, paint = item.block, PAINTS[item.block.stage.part.role]
    (width, height), left, top = block.sheet, item.left, item.top
    if block.stage.part.shape is None:
        corners = (left, top), (left + width, top + height)
        (x, y), (far_x, far_y) = corners
        cross = [((x, y), (far_x, far_y)), ((x, far_y), (far_x, y))]
        canvas.lines(cross, paint.line, width=2.5, group="problem")
    elif block.stage.part.is_vector:
        lean = BAR_LEAN * height
        corners_of_bar = [
            (left, top),
            (left + width, top),
            (left + width + lean, top + height),
            (left + lean, top + height),
        ]
        canvas.polygon(corners_of_bar, paint, group="vector")
    else:
        # The sheet furthest back is drawn first; each nearer one covers most of it.
        for sheet in range(block.sheets):
            step = SHEET_STEP * sheet
            fill = paint.fill if (block.sheets - sheet) % 2 else paint.other
            corner = (left + step, top + step)
            canvas.rectangle(corner, block.sheet, paint, fill=fill, group="sheet")


def _link(canvas: Canvas, here: _Placed, there: _Placed) -> None:
    """How the next block comes from this one: a window and its result, or end to end."""
    if here.block.stage.part.shape is None or there.block.stage.part.shape is None:
        return
    if here.block.stage.part.is_vector:
        height, width = here.block.sheet[1], here.block.sheet[0]
        x, y = here.left, here.top
        upper, lower = (x + width, y), (x + width + BAR_LEAN * height, y + height)
    elif not there.block.stage.part.is_vector:
        _link_window(canvas, here, there)
        return
    else:
        # From the foremost sheet: a line from the others would cross the label above them.
        upper, lower = here.on_front((1.0, 0.0)), here.on_front((1.0, 1.0))
    lean = BAR_LEAN * there.block.sheet[1]
    ends = (there.left, there.top), (there.left + lean, there.top + there.block.sheet[1])
    canvas.lines(zip((upper, lower), ends, strict=True), LINK, width=0.8, group="link")


def _link_window(canvas: Canvas, here: _Placed, there: _Placed) -> None:
    shape = here.block.stage.part.shape
    assert shape is not None
    rows, columns = _window(there.block.stage)
    size = (
        min(1.0, max(columns / shape[1], 6 / here.block.sheet[0])),
        min(1.0, max(rows / shape[0], 6 / here.block.sheet[1])),
    )
    start = tuple(min(at, 1.0 - share) for at, share in zip(WINDOW_AT, size, strict=True))
    corner = here.on_front((start[0], start[1]))
    far = here.on_front((start[0] + size[0], start[1] + size[1]))
    paint = PAINTS[there.block.stage.part.role]
    canvas.rectangle(
        corner, (far[0] - corner[0], far[1] - corner[1]), paint, fill="#ffffff", group="window"
    )
    result = there.on_front(RESULT_AT)
    pairs = [((far[0], corner[1]), result), (far, result)]
    canvas.lines(pairs, LINK, width=0.8, group="link")
    canvas.circle(result, 1.8, paint, group="result")


def _window(stage: Stage) -> tuple[int, int]:
    """Rows and columns that one value of the stage's layer is made of."""
    match stage.layer:
        case Conv2D() as layer:
            (rows, columns), (down, across) = layer.kernel_size, layer.dilation_rate
            return down * (rows - 1) + 1, across * (columns - 1) + 1
        case MaxPooling2D() | AveragePooling2D() as layer:
            return layer.pool_size
        case _:
            return 1, 1


def _label(canvas: Canvas, item: _Placed, foot: float) -> None:
    stage, block = item.block.stage, item.block
    centre = item.left + block.drawn[0] / 2
    paint = PAINTS[stage.part.role]
    if stage.size:
        canvas.text(centre, item.top - 8, stage.size, group="size")
    colour = paint.line if stage.part.shape is None else ""
    for offset, line in enumerate(stage.operation):
        canvas.text(
            centre, foot + offset * LINE_HEIGHT, line, colour=colour or INK, group="operation"
        )
    for offset, line in enumerate(stage.notes, start=len(stage.operation)):
        canvas.text(centre, foot + offset * LINE_HEIGHT + 3, line, colour=FAINT, group="note")


def _arrow(canvas: Canvas, x: float, y: float) -> None:
    """A sign that the row goes on, or comes from the one before."""
    tip = (x + 7, y)
    canvas.lines([((x, y - 7), tip), ((x, y + 7), tip)], LINK, width=1.6, group="onward")
