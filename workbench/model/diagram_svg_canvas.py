"""A sheet of SVG to draw on: lines, shapes and text, and how much room all of it takes."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from xml.sax.saxutils import escape

Point = tuple[float, float]

MARGIN = 16.0
TEXT_SIZE = 13.0
RAISED = 0.75  # the size of raised text
LINE_HEIGHT = 16.0
INK = "#1f2429"
FAINT = "#4d555c"

# Widths of letters in ems, those of DejaVu Sans: a wide face, so that others fit as well.
_NARROW = dict.fromkeys("ijlI.,:;'|!", 0.33) | dict.fromkeys("frt()[]-/ ", 0.42)
_BROAD = dict.fromkeys("mMwWQO∈ℝ×", 0.9) | {"@": 1.0}
_CAPITAL, _OTHER, _WIDE = 0.72, 0.64, 1.05


@dataclass(frozen=True)
class Paint:
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


@dataclass
class Canvas:
    """Elements in the order they are drawn, and the rectangle that holds them all."""

    _elements: list[str] = field(default_factory=list)
    _low: list[float] = field(default_factory=lambda: [float("inf")] * 2)
    _high: list[float] = field(default_factory=lambda: [float("-inf")] * 2)

    def polygon(self, points: Sequence[Point], paint: Paint, *, group: str) -> None:
        """A closed shape; `group` becomes its class, as everywhere here."""
        self._reach(points)
        places = " ".join(f"{_number(x)},{_number(y)}" for x, y in points)
        self._elements.append(
            f'<polygon class="{group}" points="{places}" fill="{paint.other}" '
            f'stroke="{paint.line}" stroke-linejoin="round"/>'
        )

    def rectangle(self, corner: Point, size: Point, paint: Paint, *, fill: str, group: str) -> None:
        """A rectangle by its upper left corner."""
        self._reach([corner, (corner[0] + size[0], corner[1] + size[1])])
        self._elements.append(
            f'<rect class="{group}" x="{_number(corner[0])}" y="{_number(corner[1])}" '
            f'width="{_number(size[0])}" height="{_number(size[1])}" '
            f'fill="{fill}" stroke="{paint.line}"/>'
        )

    def circle(self, centre: Point, radius: float, paint: Paint, *, group: str) -> None:
        """A circle in the role's stronger colour."""
        x, y = centre
        self._reach([(x - radius, y - radius), (x + radius, y + radius)])
        self._elements.append(
            f'<circle class="{group}" cx="{_number(x)}" cy="{_number(y)}" r="{_number(radius)}" '
            f'fill="{paint.other}" stroke="{paint.line}"/>'
        )

    def lines(
        self, pairs: Iterable[tuple[Point, Point]], colour: str, *, width: float, group: str
    ) -> None:
        """Straight lines as one path."""
        steps = []
        for start, end in pairs:
            self._reach([start, end])
            steps.append(
                f"M{_number(start[0])} {_number(start[1])}L{_number(end[0])} {_number(end[1])}"
            )
        self._elements.append(
            f'<path class="{group}" d="{"".join(steps)}" fill="none" stroke="{colour}" '
            f'stroke-width="{_number(width)}"/>'
        )

    def text(
        self,
        middle: float,
        baseline: float,
        text: str,
        *,
        group: str,
        raised: str = "",
        colour: str = INK,
    ) -> None:
        """A line of text around a place; `raised` follows it smaller and higher."""
        half = (text_width(text) + RAISED * text_width(raised)) / 2
        self._reach([(middle - half, baseline - TEXT_SIZE), (middle + half, baseline + 4)])
        above = (
            f'<tspan dy="-{_number(TEXT_SIZE * 0.38)}" font-size="{_number(TEXT_SIZE * RAISED)}">'
            f"{clean(raised)}</tspan>"
            if raised
            else ""
        )
        self._elements.append(
            f'<text class="{group}" x="{_number(middle)}" y="{_number(baseline)}" fill="{colour}">'
            f"{clean(text)}{above}</text>"
        )

    @property
    def bottom(self) -> float:
        """The lowest place drawn on so far; 0 while there is none."""
        return max(0.0, self._high[1])

    @property
    def middle(self) -> float:
        """Half way from the leftmost to the rightmost place drawn on; 0 while there is none."""
        return (self._low[0] + self._high[0]) / 2 if self._elements else 0.0

    def document(self, title: str, description: str) -> str:
        """All of it as a file of its own, on white, with words for who cannot see it."""
        left, top = (low - MARGIN for low in self._low)
        width, height = (
            high - low + 2 * MARGIN for low, high in zip(self._low, self._high, strict=True)
        )
        box = " ".join(_number(value) for value in (left, top, width, height))
        head = (
            f'<svg xmlns="http://www.w3.org/2000/svg" role="img" width="{_number(width)}" '
            f'height="{_number(height)}" viewBox="{box}" font-family="sans-serif" '
            f'font-size="{_number(TEXT_SIZE)}" text-anchor="middle">'
        )
        ground = (
            f'<rect class="ground" x="{_number(left)}" y="{_number(top)}" '
            f'width="{_number(width)}" height="{_number(height)}" fill="#ffffff"/>'
        )
        rows = [
            '<?xml version="1.0" encoding="UTF-8"?>',
            head,
            f"<title>{clean(title)}</title>",
            f"<desc>{clean(description)}</desc>",
            ground,
            *self._elements,
            "</svg>",
        ]
        return "\n".join(rows) + "\n"

    def _reach(self, points: Iterable[Point]) -> None:
        for point in points:
            for axis in (0, 1):
                self._low[axis] = min(self._low[axis], point[axis])
                self._high[axis] = max(self._high[axis], point[axis])


def text_width(text: str) -> float:
    """About how wide a line of text is, rather too much than too little."""
    return TEXT_SIZE * sum(_ems(letter) for letter in text)


def clean(text: str) -> str:
    """Text for an element; letters that XML does not allow become the sign for a lost one."""
    return escape("".join(letter if _allowed(letter) else "\ufffd" for letter in text))


def _ems(letter: str) -> float:
    known = _NARROW.get(letter) or _BROAD.get(letter)
    if known is not None:
        return known
    if unicodedata.east_asian_width(letter) in "WF":
        return _WIDE
    return _CAPITAL if letter.isupper() else _OTHER


def _allowed(letter: str) -> bool:
    code = ord(letter)
    if code < 0x20:
        return letter in "\t\n\r"
    return not (0x7F <= code <= 0x9F or 0xD800 <= code <= 0xDFFF or code in (0xFFFE, 0xFFFF))


def _number(value: float) -> str:
    """A coordinate without digits that nobody sees; never `-0`."""
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text
