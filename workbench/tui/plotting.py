"""The one place that calls plotext: a chart in, lines of characters with their roles out.

plotext keeps one figure for the whole process, so everything here runs on one thread of its
own (`on_drawing_thread`). Colours do not belong to a drawing: each character has a role, and
the widget that shows it knows the theme.

A braille character holds 2 × 4 dots, so a curve is finer than the characters over it. A mark
belongs into the very cell that holds the dot of its value, never on the mark of another curve,
and a label beside that cell.
"""

from __future__ import annotations

import locale
import math
import os
import re
from bisect import bisect_left
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from functools import cache
from itertools import groupby
from operator import itemgetter
from typing import Any, TypeVar

DOTS_ACROSS, DOTS_DOWN = 2, 4

Range = tuple[float, float]


def column_of(x: float, x_range: Range, columns: int) -> int:
    """The column from the left that holds `x`; outside of the canvas where `x` is."""
    return dot_of(x, x_range, DOTS_ACROSS * columns) // DOTS_ACROSS


def row_of(y: float, y_range: Range, rows: int) -> int:
    """The row from the bottom that holds `y`; outside of the canvas where `y` is."""
    return dot_of(y, y_range, DOTS_DOWN * rows) // DOTS_DOWN


def column_span(column: int, x_range: Range, columns: int) -> Range:
    """The first and the last x that fall into a column."""
    low, high = x_range
    dot = (high - low) / (DOTS_ACROSS * columns - 1)
    first = low + dot * (DOTS_ACROSS * column - 0.5)
    return first, first + dot * DOTS_ACROSS


def value_for_cell(cell: int, axis: Range, cells: int) -> float:
    """What has to be given to plotext, which rounds to whole cells, to hit just this one."""
    low, high = axis
    return low + (high - low) * cell / max(1, cells - 1)


def dot_of(value: float, axis: Range, dots: int) -> int:
    """Which of so many dots along an axis is nearest to a value."""
    low, high = axis
    share = (value - low) / (high - low) if high > low else 0.0
    # As plotext finds the dot, so that both agree to the last one.
    return math.floor(round(0.5 + (dots - 1) * share, 8))


Cell = tuple[int, int]  # column from the left, row from the bottom
Point = tuple[float, float]


def mark_cells(
    curves: Sequence[Sequence[Point]], x_range: Range, y_range: Range, columns: int, rows: int
) -> list[list[Cell]]:
    """The cells for the marks of each curve; none for those outside of the canvas.

    Where curves meet, the cell goes to the one that has the fewest marks so far: a mark beside
    its value would be read as another value.
    """
    wanted: dict[Cell, dict[int, None]] = {}
    for curve, points in enumerate(curves):
        for x, y in points:
            cell = column_of(x, x_range, columns), row_of(y, y_range, rows)
            if 0 <= cell[0] < columns and 0 <= cell[1] < rows:
                wanted.setdefault(cell, {})[curve] = None
    found: list[list[Cell]] = [[] for _ in curves]
    # First where there is no choice.
    for cell, claims in sorted(wanted.items(), key=lambda item: (len(item[1]), item[0])):
        found[min(claims, key=lambda curve: len(found[curve]))].append(cell)
    return found


def spread(points: list[Point], x_range: Range, columns: int, turn: int) -> list[Point]:
    """A few points along a line; lines of other turns get theirs elsewhere."""
    turns = len(OVERLAY_ROLES)
    apart = max(turns, columns // turns)
    width = (x_range[1] - x_range[0]) / max(1, columns)
    following = x_range[0] + width * apart * (turn % turns) / turns
    chosen = []
    for x, y in points:
        if x >= following:
            chosen.append((x, y))
            while following <= x:
                following += apart * width
    return chosen or points[-1:]


T = TypeVar("T")

LABEL_COLUMNS = 5  # of the y axis, always, so that the frame stands still
LEAST_COLUMNS, LEAST_LINES = 16, 5


class Role(IntEnum):
    """What a character belongs to. The six of an overlay are one after the other, then the band
    of each."""

    AXIS, TRAIN, TRAIN_RAW, TEST, PAPER, BAD = range(6)
    FIRST, SECOND, THIRD, FOURTH, FIFTH, SIXTH = range(6, 12)
    FIRST_BAND, SECOND_BAND, THIRD_BAND, FOURTH_BAND, FIFTH_BAND, SIXTH_BAND = range(12, 18)
    DIM = 18  # what is there and does not count

    @property
    def word(self) -> str:
        """Its name in the colours of lines."""
        return self.name.lower().replace("_", "-")

    @property
    def band(self) -> Role:
        """The role of the band around the curve of a role of an overlay."""
        return Role(self + len(OVERLAY_ROLES))


OVERLAY_ROLES = (Role.FIRST, Role.SECOND, Role.THIRD, Role.FOURTH, Role.FIFTH, Role.SIXTH)
PLAIN_LINES = {Role.TRAIN: "+", Role.TEST: "-"}
OVERLAY_MARKS = ("●", "▲", "■", "◆", "✚", "○")
PLAIN_MARKS = {"●": "o", "▲": "^", "■": "#", "◆": "*", "✚": "+", "○": "0", "✗": "X"}


class Glyphs(StrEnum):
    BRAILLE = "braille"
    PLAIN = "plain"  # box drawing but no braille: the Linux console
    ASCII = "ascii"


def terminal_glyphs() -> Glyphs:
    """What this terminal can show, from its locale and name."""
    if "utf" not in locale.getencoding().lower():
        return Glyphs.ASCII
    return Glyphs.PLAIN if os.environ.get("TERM", "") == "linux" else Glyphs.BRAILLE


@dataclass(frozen=True)
class Series:
    """One curve, in the coordinates of its chart.

    `line` joins the points; `mark` is a character: at every point of a series without a line,
    along the line otherwise, so that curves can be told apart without colour. Marks lie over
    all lines, and where curves meet side by side.
    """

    label: str
    xs: Sequence[float]
    ys: Sequence[float]
    role: Role
    line: bool = True
    mark: str = ""


@dataclass(frozen=True)
class Band:
    """What lies between two curves over the same xs, under all curves."""

    xs: Sequence[float]
    lows: Sequence[float]
    highs: Sequence[float]
    role: Role


@dataclass(frozen=True)
class Reference:
    """A horizontal line with a name in it, over all curves and under their marks."""

    y: float
    label: str
    role: Role = Role.PAPER


@dataclass(frozen=True)
class Note:
    """A few words at a place of the chart, over all curves."""

    x: float
    y: float
    text: str
    role: Role


@dataclass(frozen=True)
class Chart:
    """Curves in a frame. Ticks are places with their labels; nothing is chosen by plotext."""

    series: tuple[Series, ...]
    x_range: tuple[float, float]
    y_range: tuple[float, float]
    x_ticks: tuple[tuple[float, str], ...] = ()
    y_ticks: tuple[tuple[float, str], ...] = ()
    reference: Reference | None = None
    notes: tuple[Note, ...] = ()
    bands: tuple[Band, ...] = ()


Spans = tuple[tuple[str, Role], ...]


@dataclass(frozen=True)
class Drawing:
    """The finished lines, and where the canvas between the axes lies in them."""

    lines: tuple[Spans, ...]
    left: int = LABEL_COLUMNS + 1
    columns: int = 0
    rows: int = 0


@cache
def _thread() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1, thread_name_prefix="drawing")


async def on_drawing_thread(work: Callable[[], T]) -> T:
    """Run `work` on the one thread that may call plotext, without blocking the caller."""
    import asyncio

    return await asyncio.get_running_loop().run_in_executor(_thread(), work)


def warm_up() -> None:
    """Import plotext on its thread ahead of the first drawing."""
    _thread().submit(__import__, "plotext")


def canvas_size(width: int, height: int) -> tuple[int, int]:
    """Columns and rows between the axes of a drawing of this size."""
    return max(1, width - LABEL_COLUMNS - 1), max(1, height - 2)


def draw(chart: Chart, width: int, height: int, glyphs: Glyphs) -> Drawing:
    """Draw a chart. Values that are not finite are left out; whoever asks says so in words."""
    if width < LEAST_COLUMNS or height < LEAST_LINES:
        return Drawing(())
    columns, rows = canvas_size(width, height)
    text = _Figure(chart, columns, rows, glyphs).drawn(width, height)
    if glyphs is Glyphs.ASCII:
        text = text.translate(_ASCII).encode("ascii", "replace").decode("ascii")
    lines = tuple(_spans(line) for line in text.rstrip("\n").split("\n")[:height])
    return Drawing(lines, columns=columns, rows=rows)


def shown_mark(mark: str, glyphs: Glyphs) -> str:
    return mark if glyphs is Glyphs.BRAILLE else PLAIN_MARKS.get(mark, "o")


class _Figure:
    """plotext's one figure, with a chart's curves on a canvas of so many columns and rows."""

    def __init__(self, chart: Chart, columns: int, rows: int, glyphs: Glyphs) -> None:
        import plotext

        self._plotext: Any = plotext
        self._chart, self._columns, self._rows = chart, columns, rows
        self._glyphs, self._braille = glyphs, glyphs is Glyphs.BRAILLE
        self._drawn = False  # whether there was a point to draw

    def drawn(self, width: int, height: int) -> str:
        """All of it as plotext writes it, each role as a colour's number."""
        plotext, chart = self._plotext, self._chart
        plotext.clear_figure()
        plotext.theme("clear")
        plotext.limit_size(False, False)
        plotext.plot_size(width, height)
        plotext.xlim(*chart.x_range)
        plotext.ylim(*chart.y_range)
        plotext.xaxes(True, False)
        plotext.yaxes(True, False)
        x_places = [self._snapped_x(x) for x, _ in chart.x_ticks]
        plotext.xticks(x_places, [label for _, label in chart.x_ticks])
        # Labels of one width keep the canvas where it is, whatever they say.
        places = [self._snapped_y(y) for y, _ in chart.y_ticks] or [chart.y_range[0]]
        labels = [label for _, label in chart.y_ticks] or [""]
        plotext.yticks(places, [label[:LABEL_COLUMNS].rjust(LABEL_COLUMNS) for label in labels])
        for band in chart.bands:
            self._draw_band(band)
        self._draw_curves()
        if chart.reference is not None:
            self._draw_label(chart.reference)
        for note in chart.notes:
            self._draw_note(note)
        if not self._drawn and chart.reference is None:
            # plotext draws no axes without a point; this one lies outside.
            plotext.scatter([chart.x_range[0]], [chart.y_range[0]], marker=" ")
        return str(plotext.build())

    def _x_of(self, column: int) -> float:
        return value_for_cell(column, self._chart.x_range, self._columns)

    def _y_of(self, row: int) -> float:
        return value_for_cell(row, self._chart.y_range, self._rows)

    def _snapped_x(self, x: float) -> float:
        return self._x_of(column_of(x, self._chart.x_range, self._columns))

    def _snapped_y(self, y: float) -> float:
        return self._y_of(row_of(y, self._chart.y_range, self._rows))

    def _scatter(
        self, xs: Sequence[float], ys: Sequence[float], marker: str | list[str], role: Role
    ) -> None:
        self._plotext.scatter(xs, ys, marker=marker, color=int(role))

    def _draw_curves(self) -> None:
        """All lines, then all marks."""
        chart = self._chart
        curves = [(series, _finite_points(chart, series)) for series in chart.series]
        for series, points in curves:
            if not points or not series.line:
                continue
            self._drawn = True
            if not self._braille:  # characters go where the marks would
                points = [(self._snapped_x(x), self._snapped_y(y)) for x, y in points]
            line_xs, line_ys = [x for x, _ in points], [y for _, y in points]
            marker = "braille" if self._braille else PLAIN_LINES.get(series.role, ".")
            self._plotext.plot(line_xs, line_ys, marker=marker, color=int(series.role))
        if chart.reference is not None:
            self._draw_reference(chart.reference)
        marked = [
            (series, spread(points, chart.x_range, self._columns, series.role - Role.FIRST))
            if series.line
            else (series, points)
            for series, points in curves
            if series.mark
        ]
        at = [points for _, points in marked]
        places = mark_cells(at, chart.x_range, chart.y_range, self._columns, self._rows)
        for (series, _), cells in zip(marked, places, strict=True):
            if cells:
                self._drawn = True
                xs = [self._x_of(column) for column, _ in cells]
                ys = [self._y_of(row) for _, row in cells]
                self._scatter(xs, ys, shown_mark(series.mark, self._glyphs), series.role)

    def _draw_band(self, band: Band) -> None:
        """Every second dot between the two curves, so that it is no curve."""
        chart, braille = self._chart, self._braille
        across, down = self._columns, self._rows
        if braille:
            across, down = DOTS_ACROSS * across, DOTS_DOWN * down
        xs, ys = [], []
        for column in range(across):
            x = value_for_cell(column, chart.x_range, across)
            low, high = (_between(band.xs, values, x) for values in (band.lows, band.highs))
            if low is None or high is None or not math.isfinite(low + high):
                continue
            first, last = (dot_of(y, chart.y_range, down) for y in (low, high))
            for row in range(max(0, first), min(down - 1, last) + 1):
                if not braille or (row + column) % 2 == 0:
                    xs.append(x)
                    ys.append(value_for_cell(row, chart.y_range, down))
        if xs:
            self._drawn = True
            self._scatter(xs, ys, "braille" if braille else ":", band.role)

    def _draw_reference(self, reference: Reference) -> None:
        low, high = self._chart.y_range
        if low <= reference.y <= high:
            # Every second cell: a line that cannot be taken for a curve.
            xs = [self._x_of(column) for column in range(0, self._columns, 2)]
            dash = "-" if self._glyphs is Glyphs.ASCII else "╌" if self._braille else "─"
            self._scatter(xs, [self._snapped_y(reference.y)] * len(xs), dash, reference.role)

    def _draw_label(self, reference: Reference) -> None:
        """The line's name, at the left, where curves begin far below; nothing may cut it."""
        low, high = self._chart.y_range
        label = f" {reference.label} "
        if low <= reference.y <= high and len(label) + 4 <= self._columns:
            self._write(2, reference.y, label, reference.role)

    def _draw_note(self, note: Note) -> None:
        """Words to the right of their place, or to the left where there is no room."""
        self._drawn = True
        at = column_of(note.x, self._chart.x_range, self._columns)
        mark = shown_mark("✗", self._glyphs)
        text, start = f"{mark} {note.text}", at
        if at + len(text) > self._columns:
            text, start = f"{note.text} {mark}", at - len(note.text) - 1
        if start < 0:
            text, start = mark, at
        self._write(start, note.y, text, note.role)

    def _write(self, start: int, y: float, text: str, role: Role) -> None:
        xs = [self._x_of(start + at) for at in range(len(text))]
        self._scatter(xs, [self._snapped_y(y)] * len(xs), list(text), role)


def _between(xs: Sequence[float], ys: Sequence[float], x: float) -> float | None:
    """The value at `x` of the line through some points; None outside of them."""
    at = bisect_left(xs, x)
    if at < len(xs) and xs[at] == x:
        return ys[at]
    if not 0 < at < len(xs):
        return None
    share = (x - xs[at - 1]) / (xs[at] - xs[at - 1])
    return ys[at - 1] + share * (ys[at] - ys[at - 1])


def _finite_points(chart: Chart, series: Series) -> list[Point]:
    low, high = chart.y_range
    span = high - low
    # plotext walks every line cell by cell, also far outside: a loss of 1e30 would never end.
    floor, ceiling = low - span, high + span
    return [
        (x, min(ceiling, max(floor, y)))
        for x, y in zip(series.xs, series.ys, strict=True)
        if math.isfinite(x) and math.isfinite(y)
    ]


# With the colour's number; none where the colour ends.
_COLOUR = re.compile(r"\x1b\[(?:38;5;(\d+))?[0-9;]*m")


def _spans(line: str) -> Spans:
    """The characters of a line by role; plotext was given the role as a colour's number."""
    first, *parts = _COLOUR.split(line)
    pieces = [(first, Role.AXIS)]
    pieces += [
        (text, Role(int(number or 0))) for number, text in zip(parts[::2], parts[1::2], strict=True)
    ]
    alike = groupby((piece for piece in pieces if piece[0]), itemgetter(1))
    return tuple(("".join(text for text, _ in group), role) for role, group in alike)


_ASCII = str.maketrans({"│": "|", "┤": "+", "└": "+", "┬": "+", "─": "-", "┼": "+", "╌": "-"})
