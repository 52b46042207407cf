"""A model as a figure in the manner of the paper's Figures 1 to 4, for a report.

The paper's figures were made with NN-SVG: columns of neurons for models over vectors (its FCNN
style), stacks of feature maps and slanted bars for models over images (its LeNet style). All
lengths are in CSS pixels, 96 an inch, with y downwards.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from math import log2
from textwrap import wrap
from typing import TYPE_CHECKING, Any, NamedTuple

from workbench.figures.rendering import INK, ImageFormat, render_figure
from workbench.model.architecture import Analysis, Architecture, analyse
from workbench.model.diagram import Part, parts_of
from workbench.model.layers import ACTIVATION_TITLES, Dense, inner_activation, shape_text

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Point = tuple[float, float]

PIXELS_AN_INCH = 96.0
MARGIN = 16.0
TEXT_SIZE = 13.0
RAISED_SIZE = 10.0
LINE_HEIGHT = 16.5
FAINT, LINK, CONNECTION = "#4d555c", "#59626a", "#8b949c"
ROW_WIDTH, ROW_GAP = 1150.0, 44.0

# Stacks of feature maps and bars
SIDE, LEAST_SIDE = 104.0, 5.0  # the longer side of the largest image, and the shortest of any
SHEET_STEP, MOST_SHEETS = 5.0, 12  # each sheet lies so far right of and beneath the one behind
BAR, LEAST_BAR, BAR_WIDTH = 150.0, 24.0, 9.0
BAR_LEAN = 0.35  # the lower end lies so far to the right, as a share of the height
BLOCK_GAP, LABEL_GAP = 30.0, 12.0
# Where a window lies on a sheet and where its result does, as shares of the sheet's sides.
WINDOW_AT, RESULT_AT = (0.58, 0.52), (0.3, 0.32)

# Columns of neurons
RADIUS, APART = 7.5, 21.0  # of a neuron, and from one centre to the next
ALL_SHOWN = 10  # neurons; of more, some stand for all
MOST_HALF, LEAST_HALF = 8, 3  # neurons above, and as many below, the dots for those left out
DOTS = 54.0  # room of the dots between the halves
NARROWEST_GAP, WIDEST_GAP = 150.0, 230.0


class Paint(NamedTuple):
    """The colours of a role: two fills that alternate between sheets, and the outline."""

    fill: str
    other: str
    line: str


# Tints and shades of the Okabe-Ito palette, which stays apart for colour-blind eyes. The
# outlines are dark enough for paper, and every shape has its label besides.
PAINTS = {
    "input": Paint("#eceef0", "#d3d8dc", "#4d555c"),
    "convolution": Paint("#d3e8f5", "#a5cfea", "#005a8c"),
    "pooling": Paint("#fbe6b8", "#f3cd7c", "#8a5a00"),
    "vector": Paint("#eceef0", "#d3d8dc", "#4d555c"),
    "dense": Paint("#f2d7e5", "#e3b0cb", "#8c3b68"),
    "output": Paint("#c3e8dc", "#8fd1bc", "#00664d"),
    "problem": Paint("#ffffff", "#ffffff", "#b3371f"),
}


def render_architecture(architecture: Architecture, title: str, form: ImageFormat) -> bytes:
    """The figure as a file's content, always the same; `title` names it for who cannot see it."""
    analysis = analyse(architecture)
    said = _description(parts_of(architecture, analysis), analysis)
    draw = lambda: architecture_figure(architecture, analysis)  # noqa: E731
    return render_figure(draw, form, f"{title}: architecture", said)


def architecture_figure(architecture: Architecture, analysis: Analysis | None = None) -> Figure:
    """The model's figure, as large as it needs.

    A model that is impossible is drawn up to the layer that does not fit, and the reason stands
    beneath it.
    """
    analysis = analysis or analyse(architecture)
    parts = parts_of(architecture, analysis)
    sheet = _Sheet()
    if all(part.is_vector for part in parts):
        _draw_neurons(sheet, parts)
    else:
        _draw_blocks(sheet, parts)
    if analysis.problem is not None:
        left, right, baseline = sheet.low[0], sheet.high[0], sheet.high[1] + 2 * LINE_HEIGHT
        for number, line in enumerate(wrap(f"Impossible: {analysis.problem}", 72)):
            place = ((left + right) / 2, baseline + number * LINE_HEIGHT)
            sheet.text(place, line, PAINTS["problem"].line)
    return sheet.figure()


class _Sheet:
    """Artists in the order they are drawn, and the rectangle that holds them all."""

    def __init__(self) -> None:
        self.low: list[float] = [float("inf")] * 2
        self.high: list[float] = [float("-inf")] * 2
        self._artists: list[Any] = []

    def _add(self, artist: Any, reach: Sequence[Point]) -> None:
        """An artist, and the points that it reaches to."""
        for axis in (0, 1):
            self.low[axis] = min(self.low[axis], *(point[axis] for point in reach))
            self.high[axis] = max(self.high[axis], *(point[axis] for point in reach))
        self._artists.append(artist)

    def polygon(self, points: Sequence[Point], fill: str, line: str) -> None:
        from matplotlib.patches import Polygon

        self._add(Polygon(points, facecolor=fill, edgecolor=line, linewidth=0.75), points)

    def rectangle(self, corner: Point, size: Point, fill: str, line: str) -> None:
        """A rectangle by its upper left corner."""
        (x, y), (width, height) = corner, size
        self.polygon([(x, y), (x + width, y), (x + width, y + height), (x, y + height)], fill, line)

    def circle(self, centre: Point, radius: float, paint: Paint) -> None:
        from matplotlib.patches import Circle

        (x, y) = centre
        drawn = Circle(centre, radius, facecolor=paint.other, edgecolor=paint.line, linewidth=0.75)
        self._add(drawn, [(x - radius, y - radius), (x + radius, y + radius)])

    def lines(self, pairs: Sequence[tuple[Point, Point]], colour: str, width: float) -> None:
        """Straight lines, all in one path: a figure may have tens of thousands."""
        from matplotlib.patches import PathPatch
        from matplotlib.path import Path

        points = [point for pair in pairs for point in pair]
        path = Path(points, [Path.MOVETO, Path.LINETO] * len(pairs))
        drawn = PathPatch(path, facecolor="none", edgecolor=colour, linewidth=width * 0.75)
        self._add(drawn, points)

    def text(self, place: Point, text: str, colour: str = INK, raised: str = "") -> None:
        """A line of text around its middle, with `raised` behind it; the place is on its base."""
        from matplotlib.text import Text

        (x, y), width = place, _text_width(text)
        whole = width + _text_width(raised) * RAISED_SIZE / TEXT_SIZE
        left = x - whole / 2
        reach = [(left, y - TEXT_SIZE), (x + whole / 2, y + 4)]
        put: Any = {"color": colour, "ha": "center", "va": "baseline"}
        self._add(Text(left + width / 2, y, text, fontsize=TEXT_SIZE * 0.75, **put), reach)
        if raised:
            middle = left + (width + whole) / 2
            self._add(Text(middle, y - 5, raised, fontsize=RAISED_SIZE * 0.75, **put), reach)

    def arrow(self, x: float, y: float) -> None:
        """A sign that the row goes on, or comes from the one before."""
        self.lines([((x, y - 7), (x + 7, y)), ((x, y + 7), (x + 7, y))], LINK, 1.6)

    def cross(self, centre: Point, arm: float) -> None:
        """In place of what does not fit."""
        (x, y) = centre
        falling = ((x - arm, y - arm), (x + arm, y + arm))
        rising = ((x - arm, y + arm), (x + arm, y - arm))
        self.lines([falling, rising], PAINTS["problem"].line, 2.5)

    def figure(self) -> Figure:
        """Everything on a figure that just holds it."""
        from matplotlib.figure import Figure

        left, top = (edge - MARGIN for edge in self.low)
        right, bottom = (edge + MARGIN for edge in self.high)
        figure = Figure(figsize=((right - left) / PIXELS_AN_INCH, (bottom - top) / PIXELS_AN_INCH))
        axes = figure.add_axes((0, 0, 1, 1), xlim=(left, right), ylim=(bottom, top))
        axes.set_axis_off()
        for artist in self._artists:
            axes.add_artist(artist)
        return figure


@lru_cache(maxsize=4096)
def _text_width(text: str) -> float:
    from matplotlib.textpath import TextPath

    # Letters placed on whole pixels, as in a PNG, come out a little wider than their outlines.
    return 1.03 * float(TextPath((0, 0), text, size=TEXT_SIZE).get_extents().width) if text else 0.0


# Words


def _size(part: Part) -> str:
    """`32@28×28` for an image, `512` for a vector; empty for a layer that does not fit."""
    if part.shape is None:
        return ""
    if len(part.shape) == 3:
        return f"{part.shape[2]}@{shape_text(part.shape[:2])}"
    return shape_text(part.shape)


def _operation(part: Part) -> list[str]:
    """What made the part, in short lines: `Conv2D 3×3,`, `ReLU`."""
    if part.shape is None:
        return [" ".join(part.title), "does not fit"]
    if part.layer is None:
        return ["Input"]
    layer = part.layer
    pieces = [str(layer.units)] if isinstance(layer, Dense) else layer.details()
    activation = inner_activation(layer)
    pieces += [] if activation == "linear" else [ACTIVATION_TITLES[activation]]
    if " " in layer.title:
        return [*wrap(layer.title, 16), *_listed(pieces)]
    return _listed([" ".join([layer.title, *pieces[:1]]), *pieces[1:]])


def _listed(pieces: Sequence[str]) -> list[str]:
    """A line each, all but the last with a comma."""
    return [*(f"{piece}," for piece in pieces[:-1]), *pieces[-1:]]


def _notes(part: Part) -> list[str]:
    """Layers that keep the shape: `Dropout 0.2`."""
    return [" ".join([*layer.title.split(), *layer.details()]) for layer in part.kept]


def _description(parts: Sequence[Part], analysis: Analysis) -> str:
    """The model in words: `Input 1@28×28; Conv2D 3×3, ReLU: 32@28×28; …`."""
    said = []
    for part in parts:
        words = " ".join(_operation(part))
        words += f" {_size(part)}" if part.layer is None else f": {_size(part)}"
        said.append(", ".join([words.rstrip(), *_notes(part)]))
    text = f"{'; '.join(said)}. {analysis.parameters:,} parameters."
    return f"{text} Impossible: {analysis.problem}." if analysis.problem else text


# Models over vectors, as in the paper's Figures 1 and 2


def _draw_neurons(sheet: _Sheet, parts: Sequence[Part]) -> None:
    """The parts as columns from left to right, in further rows of about equal length."""
    labels = [_column_label(part, number) for number, part in enumerate(parts)]
    widest = max(_text_width(line) for head, raised, rest in labels for line in (head, *rest))
    gap = max(NARROWEST_GAP, widest + 40)
    share = max(1, int(ROW_WIDTH // gap) + 1)
    share = -(-len(parts) // -(-len(parts) // share))
    if share == len(parts) > 1:
        gap = max(gap, min(WIDEST_GAP, 700.0 / (len(parts) - 1)))
    longest = max((part.shape[0] for part in parts if part.shape), default=1)
    for start in range(0, len(parts), share):
        row = parts[start : start + share]
        reach = max(_height(part.shape[0] if part.shape else 1, longest) for part in row) / 2
        middle = (sheet.high[1] + ROW_GAP if start else 0.0) + reach
        columns = [_centres(part, longest, n * gap, middle) for n, part in enumerate(row)]
        for (here, there), part in zip(pairwise(columns), row[1:], strict=True):
            if part.shape is not None:
                pairs = [((x + RADIUS, y), (u - RADIUS, v)) for x, y in here for u, v in there]
                sheet.lines(pairs, CONNECTION, 0.4)
        for number, (part, centres) in enumerate(zip(row, columns, strict=True)):
            _draw_column(sheet, part, centres, middle)
            head, raised, rest = labels[start + number]
            colour = PAINTS["problem"].line if part.shape is None else INK
            baseline = middle + reach + RADIUS + TEXT_SIZE + 12
            sheet.text((number * gap, baseline), head, colour, raised)
            for offset, line in enumerate(rest, start=1):
                place = (number * gap, baseline + offset * LINE_HEIGHT)
                sheet.text(place, line, FAINT if part.shape else colour)
        if start:
            sheet.arrow(-gap / 3, middle)
        if start + share < len(parts):
            sheet.arrow((len(row) - 1) * gap + gap / 3 - 7, middle)


def _column_label(part: Part, number: int) -> tuple[str, str, list[str]]:
    """The layer's name as in the paper's figures, its size to be raised, and lines beneath."""
    if part.shape is None:
        return " ".join(part.title), "", ["does not fit"]
    ends = {"input": "Input layer", "output": "Output layer"}
    name = ends.get(part.role, f"Hidden layer {number}")
    operation = [] if part.layer is None else [" ".join(_operation(part))]
    return f"{name} ∈ ℝ", _size(part), [*operation, *_notes(part)]


def _half(size: int, longest: int) -> int:
    return max(LEAST_HALF, round(MOST_HALF * float((size / max(longest, 1)) ** 0.3)))


def _height(size: int, longest: int) -> float:
    """From the first neuron's centre to the last one's."""
    if size <= ALL_SHOWN:
        return APART * (size - 1)
    return 2 * APART * (_half(size, longest) - 1) + DOTS


def _centres(part: Part, longest: int, x: float, middle: float) -> list[Point]:
    """The centres of a column's neurons, around the middle, from the top."""
    if part.shape is None:
        return [(x, middle)]
    size = part.shape[0]
    reach = _height(size, longest) / 2
    if size <= ALL_SHOWN:
        return [(x, middle - reach + APART * number) for number in range(size)]
    steps = [APART * number for number in range(_half(size, longest))]
    upper = [(x, middle - reach + step) for step in steps]
    return [*upper, *((x, middle + reach - step) for step in reversed(steps))]


def _draw_column(sheet: _Sheet, part: Part, centres: Sequence[Point], middle: float) -> None:
    x = centres[0][0]
    if part.shape is None:
        sheet.cross((x, middle), RADIUS)
        return
    for centre in centres:
        sheet.circle(centre, RADIUS, PAINTS[part.role])
    if part.shape[0] > len(centres):
        for offset in (-9.0, 0.0, 9.0):
            sheet.circle((x, middle + offset), 1.4, PAINTS[part.role])


# Models over images, as in the paper's Figures 3 and 4


class _Block(NamedTuple):
    """A part with the size of its drawing; `sheet` is that of a bar without its lean."""

    part: Part
    sheet: Point
    sheets: int
    left: float = 0.0  # of the upper left corner, once it has its place
    top: float = 0.0

    @property
    def drawn(self) -> Point:
        back = SHEET_STEP * (self.sheets - 1)
        lean = BAR_LEAN * self.sheet[1] if self.part.is_vector and self.part.shape else 0.0
        return self.sheet[0] + back + lean, self.sheet[1] + back

    @property
    def room(self) -> float:
        """The width of drawing and labels together."""
        lines = (_size(self.part), *_operation(self.part), *_notes(self.part))
        return max(self.drawn[0], *(_text_width(line) for line in lines))

    def on_front(self, share: Point) -> Point:
        back, (width, height) = SHEET_STEP * (self.sheets - 1), self.sheet
        return self.left + back + share[0] * width, self.top + back + share[1] * height


def _draw_blocks(sheet: _Sheet, parts: Sequence[Part]) -> None:
    largest = max(max(part.shape[:2]) for part in parts if part.shape and not part.is_vector)
    longest = max((part.shape[0] for part in parts if part.shape and part.is_vector), default=1)
    rows = _rows([_block(part, largest, longest) for part in parts])
    for number, row in enumerate(rows):
        top = sheet.high[1] + ROW_GAP if number else 0.0
        highest = max(block.drawn[1] for block in row)
        middle = top + TEXT_SIZE + 10 + highest / 2
        placed = [
            block._replace(left=centre - block.drawn[0] / 2, top=middle - block.drawn[1] / 2)
            for block, centre in zip(row, _middles(row), strict=True)
        ]
        for item in placed:
            _draw_block(sheet, item)
        for here, there in pairwise(placed):
            _link(sheet, here, there)
        foot = middle + highest / 2 + TEXT_SIZE + 12
        for item in placed:
            part, centre = item.part, item.left + item.drawn[0] / 2
            if part.shape is not None:
                sheet.text((centre, item.top - 8), _size(part))
            colour = PAINTS["problem"].line if part.shape is None else INK
            operation = _operation(part)
            for offset, line in enumerate([*operation, *_notes(part)]):
                shade = colour if offset < len(operation) else FAINT
                sheet.text((centre, foot + offset * LINE_HEIGHT), line, shade)
        if number:
            sheet.arrow(placed[0].left - 20, middle)
        if number + 1 < len(rows):
            sheet.arrow(placed[-1].left + placed[-1].drawn[0] + 12, middle)


def _block(part: Part, largest: int, longest: int) -> _Block:
    shape = part.shape
    if shape is None:
        return _Block(part, (34.0, 34.0), 1)
    if part.is_vector:
        height = BAR * log2(shape[0] + 1) / log2(max(longest, 2) + 1)
        return _Block(part, (BAR_WIDTH, max(LEAST_BAR, height)), 1)
    # Less than proportional, so that 3×3 can still be seen beside 28×28.
    height, width = (max(LEAST_SIDE, SIDE * float((n / largest) ** 0.6)) for n in shape[:2])
    # All sheets of four channels or fewer; of more, a little more than one each doubling.
    sheets = shape[2] if shape[2] <= 4 else 4 + round(1.2 * (log2(shape[2]) - 2))
    return _Block(part, (width, height), min(MOST_SHEETS, sheets))


def _middles(row: Sequence[_Block]) -> list[float]:
    """The middles of the blocks, as close as drawings and labels allow."""
    middles = [0.0]
    for here, there in pairwise(row):
        drawings = (here.drawn[0] + there.drawn[0]) / 2 + BLOCK_GAP
        labels = (here.room + there.room) / 2 + LABEL_GAP
        middles.append(middles[-1] + max(drawings, labels))
    return middles


def _rows(blocks: list[_Block]) -> list[list[_Block]]:
    for count in range(1, len(blocks)):
        ends = [len(blocks) * number // count for number in range(count + 1)]
        rows = [blocks[start:end] for start, end in pairwise(ends)]
        if all(_middles(row)[-1] + (row[0].room + row[-1].room) / 2 <= ROW_WIDTH for row in rows):
            return rows
    return [[block] for block in blocks]


def _draw_block(sheet: _Sheet, item: _Block) -> None:
    (width, height), left, top, paint = item.sheet, item.left, item.top, PAINTS[item.part.role]
    if item.part.shape is None:
        sheet.cross((left + width / 2, top + height / 2), width / 2)
    elif item.part.is_vector:
        lean = BAR_LEAN * height
        upper = [(left, top), (left + width, top)]
        lower = [(x + lean, top + height) for x, _ in reversed(upper)]
        sheet.polygon([*upper, *lower], paint.other, paint.line)
    else:
        # The sheet furthest back is drawn first; each nearer one covers most of it.
        for number in range(item.sheets):
            step = SHEET_STEP * number
            fill = paint.fill if (item.sheets - number) % 2 else paint.other
            sheet.rectangle((left + step, top + step), item.sheet, fill, paint.line)


def _link(sheet: _Sheet, here: _Block, there: _Block) -> None:
    """How the next block comes from this one: a window and its result, or end to end."""
    if here.part.shape is None or there.part.shape is None:
        return
    if not there.part.is_vector:
        _link_window(sheet, here, there)
        return
    if here.part.is_vector:
        width, height = here.sheet
        upper = (here.left + width, here.top)
        lower = (upper[0] + BAR_LEAN * height, here.top + height)
    else:
        # From the foremost sheet: a line from the others would cross the label above them.
        upper, lower = here.on_front((1.0, 0.0)), here.on_front((1.0, 1.0))
    height = there.sheet[1]
    foot = (there.left + BAR_LEAN * height, there.top + height)
    sheet.lines([(upper, (there.left, there.top)), (lower, foot)], LINK, 0.8)


def _link_window(sheet: _Sheet, here: _Block, there: _Block) -> None:
    shape, layer = here.part.shape, there.part.layer
    assert shape is not None
    # A layer without a window makes each value of one value.
    window = getattr(layer, "window", (1, 1))
    sides = zip(reversed(window), reversed(shape[:2]), here.sheet, strict=True)
    size = [min(1.0, max(pixels / all_, 6 / drawn)) for pixels, all_, drawn in sides]
    start = [min(at, 1.0 - share) for at, share in zip(WINDOW_AT, size, strict=True)]
    left, top = here.on_front((start[0], start[1]))
    right, bottom = here.on_front((start[0] + size[0], start[1] + size[1]))
    paint = PAINTS[there.part.role]
    sheet.rectangle((left, top), (right - left, bottom - top), "#ffffff", paint.line)
    result = there.on_front(RESULT_AT)
    sheet.lines([((right, top), result), ((right, bottom), result)], LINK, 0.8)
    sheet.circle(result, 1.8, paint)
