"""Models over vectors, as in the paper's Figures 1 and 2: columns of connected neurons."""

from __future__ import annotations

from math import log2

from workbench.model.describe import as_ascii
from workbench.model.diagram_canvas import Canvas, Span
from workbench.model.diagram_parts import Part

MOST_CIRCLES = 7  # in a column; more make the lines between them a blur
WIDEST_GAP = 26  # columns between two columns of neurons
NARROWEST_GAP = 9


def draw_neurons(
    parts: tuple[Part, ...], width: int, ascii_only: bool
) -> tuple[tuple[Span, ...], ...]:
    """The parts as columns from left to right, in further rows where `width` does not suffice."""
    gap = max(NARROWEST_GAP, 1 + max(len(label) for part in parts for label in _labels(part)))
    share = max(2, (width - gap) // gap + 1)
    lines: list[tuple[Span, ...]] = []
    longest = max(part.shape[0] for part in parts if part.shape)
    start = 0
    while start < len(parts):
        row = parts[start : start + share]
        lines += [()] if lines else []
        lines += _draw_row(row, longest, width, gap, ascii_only)
        start += share
        # The last column of a row opens the next, so that its connections are seen.
        if start < len(parts):
            start -= 1
    return tuple(lines)


def _labels(part: Part) -> tuple[str, ...]:
    size = str(part.shape[0]) if part.shape else "does not fit"
    return (" ".join(part.title), size, *part.notes)


def _circles(size: int, longest: int) -> int:
    """How many circles stand for `size` neurons, the middle one for all that are left out.

    All of them where they are few, else an odd number, so that columns share a middle.
    """
    if size <= 3:
        return size
    return 3 + 2 * round((MOST_CIRCLES - 3) / 2 * log2(size / 4) / max(1.0, log2(longest / 4)))


def _draw_row(
    parts: tuple[Part, ...], longest: int, width: int, gap: int, ascii_only: bool
) -> tuple[tuple[Span, ...], ...]:
    first, last = (
        max(len(label) for label in _labels(part)) // 2 for part in (parts[0], parts[-1])
    )
    if len(parts) > 1:
        gap = min(WIDEST_GAP, max(gap, (width - 1 - first - last) // (len(parts) - 1)))
    foot = 1 + max(len(part.notes) for part in parts)
    body = MOST_CIRCLES * 2 - 1
    canvas = Canvas(width, 1 + body + foot)
    columns = [min(width - 1, first + gap * position) for position in range(len(parts))]
    places = [_places(part, longest, body) for part in parts]
    joined = [_joined(part, rows) for part, rows in zip(parts, places, strict=True)]
    for position in range(len(parts) - 1):
        left, right = columns[position] + 1.5, columns[position + 1] - 1.0
        if ascii_only:
            dashes = "-" * (columns[position + 1] - columns[position] - 5)
            canvas.put(columns[position] + 2, 1 + body // 2, f"{dashes}>", "connection")
            continue
        for here in joined[position]:
            for there in joined[position + 1]:
                canvas.line((left, here + 0.5), (right, there + 0.5), "connection")
    circle, more, lost = ("o", ":", "x") if ascii_only else ("●", "⋮", "✗")
    for part, column, rows in zip(parts, columns, places, strict=True):
        neurons = _joined(part, rows)
        for row in rows:
            sign = circle if row in neurons else more
            canvas.put(column, row, sign if part.shape else lost, part.role)
        labels = [as_ascii(label) if ascii_only else label for label in _labels(part)]
        canvas.centre(column, 0, labels[0], part.role)
        for offset, label in enumerate(labels[1:]):
            canvas.centre(column, 1 + body + offset, label, "note" if offset else "shape")
    return canvas.lines()


def _places(part: Part, longest: int, body: int) -> list[int]:
    """The rows of a column's circles, two apart, around the middle."""
    count = _circles(part.shape[0], longest) if part.shape else 1
    first = 1 + (body - (2 * count - 1)) // 2
    return [first + 2 * number for number in range(count)]


def _joined(part: Part, rows: list[int]) -> list[int]:
    """The rows of circles that are neurons: all but the sign for those left out."""
    if part.shape is None or part.shape[0] == len(rows):
        return rows
    return [row for number, row in enumerate(rows) if number != len(rows) // 2]
