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
from typing import TypeVar

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
Points = tuple[Sequence[float], Sequence[float]]


def mark_cells(
    curves: Sequence[Points], x_range: Range, y_range: Range, columns: int, rows: int
) -> list[list[Cell]]:
    """The cells for the marks of each curve; none for those outside of the canvas.

    Where curves meet, the cell goes to the one that has the fewest marks so far: a mark beside
    its value would be read as another value.
    """
    wanted: dict[Cell, dict[int, None]] = {}
    for curve, (xs, ys) in enumerate(curves):
        for x, y in zip(xs, ys, strict=True):
            cell = column_of(x, x_range, columns), row_of(y, y_range, rows)
            if 0 <= cell[0] < columns and 0 <= cell[1] < rows:
                wanted.setdefault(cell, {})[curve] = None
    found: list[list[Cell]] = [[] for _ in curves]
    # First where there is no choice.
    for cell, claims in sorted(wanted.items(), key=lambda item: (len(item[1]), item[0])):
        found[min(claims, key=lambda curve: len(found[curve]))].append(cell)
    return found


def spread(
    xs: list[float], ys: list[float], x_range: Range, columns: int, turn: int, turns: int
) -> tuple[list[float], list[float]]:
    """A few points along a line; lines of other turns get theirs elsewhere."""
    apart = max(turns, columns // turns)
    width = (x_range[1] - x_range[0]) / max(1, columns)
    following = x_range[0] + width * apart * (turn % turns) / turns
    chosen_xs, chosen_ys = [], []
    for x, y in zip(xs, ys, strict=True):
        if x >= following:
            chosen_xs.append(x)
            chosen_ys.append(y)
            while following <= x:
                following += apart * width
    if not chosen_xs:
        return xs[-1:], ys[-1:]
    return chosen_xs, chosen_ys


T = TypeVar("T")

LABEL_COLUMNS = 5  # of the y axis, always, so that the frame stands still
LEAST_COLUMNS, LEAST_LINES = 16, 5


class Role(IntEnum):
    """What a character belongs to. The six of an overlay are one after the other, then the band
    of each."""

    AXIS = 0
    TRAIN = 1
    TRAIN_RAW = 2
    TEST = 3
    PAPER = 4
    BAD = 5
    FIRST = 6
    SECOND = 7
    THIRD = 8
    FOURTH = 9
    FIFTH = 10
    SIXTH = 11
    FIRST_BAND = 12
    SECOND_BAND = 13
    THIRD_BAND = 14
    FOURTH_BAND = 15
    FIFTH_BAND = 16
    SIXTH_BAND = 17
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
OVERLAY_MARKS = ("●", "▲", "■", "◆", "✚", "○")
PLAIN_MARKS = {"●": "o", "▲": "^", "■": "#", "◆": "*", "✚": "+", "○": "0", "✗": "X"}


class Glyphs(StrEnum):
    """The characters a terminal can show."""

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
    import plotext

    columns, rows = canvas_size(width, height)
    plotext.clear_figure()
    plotext.theme("clear")
    plotext.limit_size(False, False)
    plotext.plot_size(width, height)
    plotext.xlim(*chart.x_range)
    plotext.ylim(*chart.y_range)
    plotext.xaxes(True, False)
    plotext.yaxes(True, False)
    plotext.xticks(
        [_snapped_x(chart, columns, x) for x, _ in chart.x_ticks],
        [label for _, label in chart.x_ticks],
    )
    # Labels of one width keep the canvas where it is, whatever they say.
    places = [_snapped_y(chart, rows, y) for y, _ in chart.y_ticks] or [chart.y_range[0]]
    labels = [label for _, label in chart.y_ticks] or [""]
    plotext.yticks(places, [label[:LABEL_COLUMNS].rjust(LABEL_COLUMNS) for label in labels])
    drawn = _draw_curves(plotext, chart, columns, rows, glyphs)
    if chart.reference is not None:
        _draw_label(plotext, chart, chart.reference, columns, rows)
    for note in chart.notes:
        _draw_note(plotext, chart, note, columns, rows, glyphs)
        drawn = True
    if not drawn and chart.reference is None:
        # plotext draws no axes without a point; this one lies outside.
        plotext.scatter([chart.x_range[0]], [chart.y_range[0]], marker=" ")
    lines = tuple(_spans(line) for line in plotext.build().rstrip("\n").split("\n")[:height])
    if glyphs is Glyphs.ASCII:
        lines = tuple(tuple((_to_ascii(text), role) for text, role in line) for line in lines)
    return Drawing(lines, columns=columns, rows=rows)


def _snapped_x(chart: Chart, columns: int, x: float) -> float:
    return value_for_cell(column_of(x, chart.x_range, columns), chart.x_range, columns)


def _snapped_y(chart: Chart, rows: int, y: float) -> float:
    return value_for_cell(row_of(y, chart.y_range, rows), chart.y_range, rows)


def _draw_curves(plotext: object, chart: Chart, columns: int, rows: int, glyphs: Glyphs) -> bool:
    """Bands, then all lines, then all marks; False where there was no point to draw."""
    drawn = False
    for band in chart.bands:
        drawn = _draw_band(plotext, chart, band, columns, rows, glyphs) or drawn
    points = [_finite_points(chart, series) for series in chart.series]
    for series, (xs, ys) in zip(chart.series, points, strict=True):
        if not xs or not series.line:
            continue
        drawn = True
        if glyphs is not Glyphs.BRAILLE:  # characters go where the marks would
            xs = [_snapped_x(chart, columns, x) for x in xs]
            ys = [_snapped_y(chart, rows, y) for y in ys]
        marker = "braille" if glyphs is Glyphs.BRAILLE else _plain_line(series.role)
        plotext.plot(xs, ys, marker=marker, color=int(series.role))  # type: ignore[attr-defined]
    if chart.reference is not None:
        _draw_reference(plotext, chart, chart.reference, columns, rows, glyphs)
    marked = [(one, found) for one, found in zip(chart.series, points, strict=True) if one.mark]
    thinned = [
        spread(*found, chart.x_range, columns, one.role - Role.FIRST, len(OVERLAY_ROLES))
        if one.line
        else found
        for one, found in marked
    ]
    places = mark_cells(thinned, chart.x_range, chart.y_range, columns, rows)
    for (series, _), cells in zip(marked, places, strict=True):
        if not cells:
            continue
        drawn = True
        plotext.scatter(  # type: ignore[attr-defined]
            [value_for_cell(column, chart.x_range, columns) for column, _ in cells],
            [value_for_cell(row, chart.y_range, rows) for _, row in cells],
            marker=shown_mark(series.mark, glyphs),
            color=int(series.role),
        )
    return drawn


def shown_mark(mark: str, glyphs: Glyphs) -> str:
    """A mark as a terminal can show it."""
    return mark if glyphs is Glyphs.BRAILLE else PLAIN_MARKS.get(mark, "o")


def _draw_band(
    plotext: object, chart: Chart, band: Band, columns: int, rows: int, glyphs: Glyphs
) -> bool:
    """Every second dot between the two curves, so that it is no curve; False where none is."""
    braille = glyphs is Glyphs.BRAILLE
    across, down = (DOTS_ACROSS * columns, DOTS_DOWN * rows) if braille else (columns, rows)
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
        marker = "braille" if braille else ":"
        plotext.scatter(xs, ys, marker=marker, color=int(band.role))  # type: ignore[attr-defined]
    return bool(xs)


def _between(xs: Sequence[float], ys: Sequence[float], x: float) -> float | None:
    """The value at `x` of the line through some points; None outside of them."""
    at = bisect_left(xs, x)
    if at < len(xs) and xs[at] == x:
        return ys[at]
    if not 0 < at < len(xs):
        return None
    share = (x - xs[at - 1]) / (xs[at] - xs[at - 1])
    return ys[at - 1] + share * (ys[at] - ys[at - 1])


def _finite_points(chart: Chart, series: Series) -> tuple[list[float], list[float]]:
    low, high = chart.y_range
    span = high - low
    # plotext walks every line cell by cell, also far outside: a loss of 1e30 would never end.
    floor, ceiling = low - span, high + span
    xs, ys = [], []
    for x, y in zip(series.xs, series.ys, strict=True):
        if math.isfinite(x) and math.isfinite(y):
            xs.append(x)
            ys.append(min(ceiling, max(floor, y)))
    return xs, ys


def _plain_line(role: Role) -> str:
    return {Role.TRAIN_RAW: ".", Role.TEST: "-"}.get(role, "+" if role is Role.TRAIN else ".")


def _draw_reference(
    plotext: object, chart: Chart, reference: Reference, columns: int, rows: int, glyphs: Glyphs
) -> None:
    low, high = chart.y_range
    if not low <= reference.y <= high:
        return
    # Every second cell: a line that cannot be taken for a curve.
    xs = [value_for_cell(column, chart.x_range, columns) for column in range(0, columns, 2)]
    y = _snapped_y(chart, rows, reference.y)
    dash = "-" if glyphs is Glyphs.ASCII else "╌" if glyphs is Glyphs.BRAILLE else "─"
    colour = int(reference.role)
    plotext.scatter(xs, [y] * len(xs), marker=dash, color=colour)  # type: ignore[attr-defined]


def _draw_label(
    plotext: object, chart: Chart, reference: Reference, columns: int, rows: int
) -> None:
    """The line's name, at the left, where curves begin far below; nothing may cut it."""
    low, high = chart.y_range
    label = f" {reference.label} "
    if not low <= reference.y <= high or len(label) + 4 > columns:
        return
    _write(plotext, chart, 2, _snapped_y(chart, rows, reference.y), label, columns, reference.role)


def _draw_note(
    plotext: object, chart: Chart, note: Note, columns: int, rows: int, glyphs: Glyphs
) -> None:
    """Words to the right of their place, or to the left where there is no room."""
    at = column_of(note.x, chart.x_range, columns)
    mark = shown_mark("✗", glyphs)
    text, start = f"{mark} {note.text}", at
    if at + len(text) > columns:
        text, start = f"{note.text} {mark}", at - len(note.text) - 1
    if start < 0:
        text, start = mark, at
    _write(plotext, chart, start, _snapped_y(chart, rows, note.y), text, columns, note.role)


def _write(
    plotext: object, chart: Chart, start: int, y: float, text: str, columns: int, role: Role
) -> None:
    xs = [value_for_cell(start + at, chart.x_range, columns) for at in range(len(text))]
    plotext.scatter(  # type: ignore[attr-defined]
        xs, [y] * len(xs), marker=list(text), color=int(role)
    )


_PART = re.compile(r"\x1b\[([0-9;]*)m")


def _spans(line: str) -> Spans:
    """The characters of a line by role; plotext was given the role as a colour's number."""
    spans: list[tuple[str, Role]] = []
    role = Role.AXIS
    position = 0
    for match in _PART.finditer(line):
        _append(spans, line[position : match.start()], role)
        codes = match[1].split(";")
        role = Role(int(codes[2])) if codes[:2] == ["38", "5"] else Role.AXIS
        position = match.end()
    _append(spans, line[position:], role)
    return tuple(spans)


def _append(spans: list[tuple[str, Role]], text: str, role: Role) -> None:
    if not text:
        return
    if spans and spans[-1][1] is role:
        spans[-1] = (spans[-1][0] + text, role)
    else:
        spans.append((text, role))


_ASCII = str.maketrans({"│": "|", "┤": "+", "└": "+", "┬": "+", "─": "-", "┼": "+", "╌": "-"})


def _to_ascii(text: str) -> str:
    return text.translate(_ASCII).encode("ascii", "replace").decode("ascii")
