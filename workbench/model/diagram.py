"""A model drawn for the terminal in the manner of the paper's Figures 1 to 4.

Models over vectors are columns of neurons with their connections (Figures 1 and 2); models
over images a row of stacked sheets, as high as the image and as deep as its channels, and bars
for vectors (Figures 3 and 4). The paper's figures were made with NN-SVG.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from workbench.model.architecture import Architecture
from workbench.model.diagram_blocks import draw_blocks
from workbench.model.diagram_canvas import Span
from workbench.model.diagram_neurons import draw_neurons
from workbench.model.diagram_parts import parts_of
from workbench.model.shapes import Analysis, analyse

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


@dataclass(frozen=True)
class Diagram:
    """The drawing as rows of (text, role); roles are the keys of `ROLE_STYLES`."""

    lines: tuple[tuple[Span, ...], ...]

    def plain(self) -> str:
        """The drawing without colours."""
        return "\n".join("".join(text for text, _ in spans) for spans in self.lines)

    def text(self, styles: dict[str, str] | None = None) -> Text:
        """The drawing for rich and Textual; `styles` replaces those of single roles."""
        from rich.text import Text

        chosen = {**ROLE_STYLES, **(styles or {})}
        drawing = Text(no_wrap=True, end="")
        for number, spans in enumerate(self.lines):
            if number:
                drawing.append("\n")
            for text, role in spans:
                drawing.append(text, style=chosen.get(role) or None)
        return drawing

    @property
    def width(self) -> int:
        """Columns of the longest row."""
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
    drawing = draw_neurons if all(part.is_vector for part in parts) else draw_blocks
    return Diagram(drawing(parts, width, ascii_only))
