"""A grid of terminal cells to draw on: text, boxes and fine lines of braille dots."""

from __future__ import annotations

from dataclasses import dataclass, field

# The dots of a braille cell, by column (0 left, 1 right) and row (0 top .. 3 bottom).
_DOTS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))
_BRAILLE = 0x2800

Span = tuple[str, str]  # text and the name of its role; "" is plain


@dataclass
class Canvas:
    """`width` by `height` cells, each a character with a role; the origin is top left."""

    width: int
    height: int
    _cells: list[list[Span]] = field(init=False)

    def __post_init__(self) -> None:
        self._cells = [[(" ", "")] * self.width for _ in range(self.height)]

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

    def box(
        self, column: int, row: int, width: int, height: int, role: str, *, ascii_only: bool
    ) -> None:
        """A frame with an empty inside, over whatever was there. Width and height from 2."""
        corners = "++++" if ascii_only else "┌┐└┘"
        across, down = ("-", "|") if ascii_only else ("─", "│")
        self.put(column, row, corners[0] + across * (width - 2) + corners[1], role)
        for inner in range(row + 1, row + height - 1):
            self.put(column, inner, down + " " * (width - 2) + down, role)
        bottom = row + height - 1
        self.put(column, bottom, corners[2] + across * (width - 2) + corners[3], role)

    def lines(self) -> tuple[tuple[Span, ...], ...]:
        """The rows as spans of equal role, without trailing blanks."""
        rows = []
        for cells in self._cells:
            spans: list[Span] = []
            for character, role in cells:
                role = role if character != " " else ""
                if spans and spans[-1][1] == role:
                    spans[-1] = (spans[-1][0] + character, role)
                else:
                    spans.append((character, role))
            while spans and not spans[-1][0].strip():
                spans.pop()
            if spans:
                spans[-1] = (spans[-1][0].rstrip(), spans[-1][1])
            rows.append(tuple(spans))
        return tuple(rows)
