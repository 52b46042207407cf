"""A terminal screen as an SVG that looks the same wherever it is shown.

Textual's own export leaves lines, blocks and braille to a font it fetches. A picture within a web
page may fetch nothing, and in another font those characters have other widths. So they are drawn
here as shapes, and letters stay letters of whatever monospaced font there is, held to their cells.
"""

from __future__ import annotations

import html
import re
from collections import Counter, defaultdict

CELL, LINE, FONT_SIZE, MARGIN = 10, 20, 16.4, 10  # pixels
RICH_CELL, RICH_LINE = 12.2, 24.4  # the same in the export that is read
FONTS = (
    "ui-monospace,'SF Mono',Menlo,'Cascadia Mono','Fira Code','DejaVu Sans Mono',"
    "'Liberation Mono',Consolas,monospace"
)

_STYLE = re.compile(r"\.\S+-(r\d+) \{ (.*?) ?\}")
_GROUND = re.compile(r'<rect fill="(#\w+)" x="([\d.]+)" y="([\d.]+)" width="([\d.]+)" height="24')
_TEXT = re.compile(
    r'<text class="\S+-(r\d+)" x="([\d.]+)" y="([\d.]+)"[^>]*>(.*?)</text>', re.DOTALL
)

# Thin lines lie on whole pixels.
_SHIFT = dict.fromkeys(("lines", "dashes"), ' transform="translate(.5 .5)"')
# From the middle of a cell to its sides.
_ARMS = {"l": "M{x} {cy}h5", "r": "M{cx} {cy}h5", "u": "M{cx} {y}v10", "d": "M{cx} {cy}v10"}
_JUNCTIONS = {
    "┤": "lud", "├": "rud", "┬": "lrd", "┴": "lru", "┼": "lrud",
    "┌": "rd", "┐": "ld", "└": "ru", "┘": "lu",
}  # fmt: skip
_ARCS = {
    "╭": "M{cx} {by}v-6q0-4 4-4h1",
    "╮": "M{x} {cy}h1q4 0 4 4v6",
    "╰": "M{cx} {y}v6q0 4 4 4h1",
    "╯": "M{x} {cy}h1q4 0 4-4v-6",
}
_BLOCKS = {  # a rectangle in the cell
    "█": (0, 0, 10, 20), "▌": (0, 0, 5, 20), "▐": (5, 0, 5, 20), "▀": (0, 0, 10, 10),
    "▄": (0, 10, 10, 10), "▎": (0, 0, 2.5, 20), "▔": (0, 0, 10, 2.5), "▁": (0, 17.5, 10, 2.5),
}  # fmt: skip
_SHAPE = re.compile("─+|╌+|█+|[│●⠁-⣿" + "".join((*_JUNCTIONS, *_ARCS, *_BLOCKS)) + "]")
# Words of letters that every monospaced font has, and single ones that may come from another font.
_WORDS = re.compile("[!-~\u00a1-\u00ff–—…−]+(?: [!-~\u00a1-\u00ff–—…−]+)*|[^ ]")
# The eight dots of a braille character, by bit: their places in the cell.
_DOTS = ((0, 0), (0, 5), (0, 10), (5, 0), (5, 5), (5, 10), (0, 15), (5, 15))


def redrawn(export: str, columns: int, rows: int, title: str) -> str:
    """The screen of Textual's `export_screenshot` as an SVG of its own."""
    styles = dict(_STYLE.findall(export))
    grounds = _grounds(export)
    paper = Counter[str]()
    for _, _, length, colour in grounds:
        paper[colour] += length
    ground = paper.most_common(1)[0][0]
    shapes: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    bars: list[tuple[str, int, int]] = []
    letters: list[str] = []
    for style, x, y, content in _TEXT.findall(export):
        column, row = round(float(x) / RICH_CELL), int(float(y) / RICH_LINE)
        text = html.unescape(content).replace("\u00a0", " ")
        for found in _SHAPE.finditer(text):
            if found[0] == "│":
                bars.append((style, column + found.start(), row))
                continue
            kind, path = _shape(found[0], (column + found.start()) * CELL, row * LINE)
            shapes[kind, style].append(path)
        for found in _WORDS.finditer(_SHAPE.sub(lambda shape: " " * len(shape[0]), text)):
            letters.append(_letters(found[0], style, column + found.start(), row))
    for style, column, first, after in _joined(bars):
        path = f"M{column * CELL + 5} {first * LINE}v{(after - first) * LINE}"
        shapes["lines", style].append(path)
    outer, tall = columns * CELL + 2 * MARGIN, rows * LINE + 2 * MARGIN
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" role="img" width="{outer}" height="{tall}" '
            f'viewBox="{-MARGIN} {-MARGIN} {outer} {tall}">',
            f"<title>{html.escape(title)}</title>",
            "<style>",
            f"text{{font:{FONT_SIZE}px {FONTS};font-variant-ligatures:none}}",
            *(f".{name}{{{_css(style)}}}" for name, style in styles.items()),
            ".lines,.dashes,.dots,.discs{fill:none;stroke:currentColor;stroke-linecap:round}",
            ".dots{stroke-width:2.9}.discs{stroke-width:9}.one{text-anchor:middle}",
            ".dashes{stroke-linecap:butt;stroke-dasharray:3 2;stroke-dashoffset:-1}",
            "</style>",
            f'<rect x="{0.5 - MARGIN}" y="{0.5 - MARGIN}" width="{outer - 1}" '
            f'height="{tall - 1}" rx="8" fill="{ground}" stroke="#8888"/>',
            *(
                f'<path d="M{x * CELL} {y * LINE}h{length * CELL}v{LINE}h-{length * CELL}z" '
                f'fill="{colour}" shape-rendering="crispEdges"/>'
                for x, y, length, colour in grounds
                if colour != ground
            ),
            *(
                f'<path class="{kind} {style}"{_SHIFT.get(kind, "")} d="{"".join(paths)}"/>'
                for (kind, style), paths in shapes.items()
            ),
            *letters,
            "</svg>\n",
        ]
    )


def _grounds(export: str) -> list[tuple[int, int, int, str]]:
    """Column, row, length and colour of what stands behind the letters, neighbours joined."""
    found: list[tuple[int, int, int, str]] = []
    for colour, x, y, width in _GROUND.findall(export):
        column, row = round(float(x) / RICH_CELL), round((float(y) - 1.5) / RICH_LINE)
        length = round(float(width) / RICH_CELL)
        if found and found[-1][1] == row and found[-1][3] == colour:
            found[-1] = (found[-1][0], row, column + length - found[-1][0], colour)
        elif length:
            found.append((column, row, length, colour))
    return found


def _joined(bars: list[tuple[str, int, int]]) -> list[tuple[str, int, int, int]]:
    """Style, column, first row and the row after the last of the upright lines."""
    found: list[tuple[str, int, int, int]] = []
    for style, column, row in sorted(bars):
        if found and found[-1][:2] == (style, column) and found[-1][3] == row:
            found[-1] = (style, column, found[-1][2], row + 1)
        else:
            found.append((style, column, row, row + 1))
    return found


def _css(style: str) -> str:
    colour = re.search(r"fill: (#\w+)", style)
    rest = style.replace(" ", "").rstrip(";")
    return f"{rest};color:{colour[1]}" if colour else rest


def _shape(characters: str, x: int, y: int) -> tuple[str, str]:
    """How a run of one character is drawn: the kind of path, and its course."""
    first, places = characters[0], {"x": x, "y": y, "cx": x + 5, "cy": y + 10, "by": y + LINE}
    length = len(characters) * CELL
    if first in "─╌":
        return "dashes" if first == "╌" else "lines", f"M{x} {y + 10}h{length}"
    if first in _JUNCTIONS:
        return "lines", "".join(_ARMS[arm].format(**places) for arm in _JUNCTIONS[first])
    if first in _ARCS:
        return "lines", _ARCS[first].format(**places)
    if first in _BLOCKS:
        left, top, width, height = _BLOCKS[first]
        width = length if first == "█" else width
        return "block", f"M{x + left:g} {y + top:g}h{width:g}v{height:g}h-{width:g}z"
    if first == "●":
        return "discs", f"M{x + 5} {y + 10}h0"
    bits = ord(first) - 0x2800
    dots = [place for bit, place in enumerate(_DOTS) if bits >> bit & 1]
    return "dots", "".join(f"M{x + 2.5 + dx:g} {y + 2.5 + dy:g}h0" for dx, dy in dots)


def _letters(text: str, style: str, column: int, row: int) -> str:
    x, y = column * CELL, row * LINE + 15.5
    if len(text) == 1:
        return f'<text class="{style} one" x="{x + CELL // 2}" y="{y}">{html.escape(text)}</text>'
    length = f'textLength="{len(text) * CELL}"'
    return f'<text class="{style}" x="{x}" y="{y}" {length}>{html.escape(text)}</text>'
