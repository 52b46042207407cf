"""The terminal's diagram of a model, in the app's colours."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

# The model package is imported where a model is drawn: the first frame does not wait for it.
if TYPE_CHECKING:
    from workbench.model.architecture import Analysis, Architecture
    from workbench.model.diagram import Diagram

# A role's theme colour, and whether it is bold; both themes have them.
ROLE_COLOURS = {
    "input": ("foreground", True),
    "convolution": ("primary", False),
    "pooling": ("secondary", False),
    "normalization": ("muted", False),
    "vector": ("muted", False),
    "dense": ("foreground", False),
    "output": ("success", False),
    "connection": ("muted", False),
    "shape": ("muted", False),
    "note": ("muted", False),
    "problem": ("error", True),
}


def model_diagram(architecture: Architecture, analysis: Analysis | None, width: int) -> Diagram:
    """The model in at most `width` columns."""
    from workbench.model.diagram import draw

    # The console's font has no braille.
    ascii_only = os.environ.get("TERM") == "linux"
    return draw(architecture, width, analysis=analysis, ascii_only=ascii_only)
