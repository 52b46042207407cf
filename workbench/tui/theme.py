"""Colours: one accent, one colour for train and one for test, used everywhere alike.

The two curve colours are from the Okabe-Ito palette, which stays apart for colour-blind eyes;
curves differ by marker too, and nothing is said by colour alone.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from textual.theme import Theme

# The model package is imported where a model is drawn: the first frame does not wait for it.
if TYPE_CHECKING:
    from workbench.model.architecture import Analysis, Architecture
    from workbench.model.diagram import Diagram


DARK = Theme(
    name="workbench-dark",
    dark=True,
    primary="#56b4e9",
    secondary="#8a939c",
    accent="#e69f00",
    foreground="#d7dade",
    background="#14171a",
    surface="#1a1e22",
    panel="#23282d",
    success="#2fb68e",
    warning="#e69f00",
    error="#e5765b",
    variables={
        "train": "#56b4e9",
        "test": "#e69f00",
        "paper": "#8a939c",
        "border": "#343b42",
        "border-blurred": "#2a3036",
        "muted": "#8a939c",
        "block-cursor-background": "#2c3a46",
        "block-cursor-foreground": "#f2f4f5",
        "block-cursor-text-style": "none",
        "footer-key-foreground": "#56b4e9",
    },
)
LIGHT = Theme(
    name="workbench-light",
    dark=False,
    primary="#0072b2",
    secondary="#5c656d",
    accent="#b35900",
    foreground="#23282d",
    background="#fbfaf8",
    surface="#f3f2ef",
    panel="#e9e7e2",
    success="#00795a",
    warning="#a35a00",
    error="#b3371f",
    variables={
        "train": "#0072b2",
        "test": "#b35900",
        "paper": "#6b747c",
        "border": "#c9c6bf",
        "border-blurred": "#dad7d1",
        "muted": "#5c656d",
        "block-cursor-background": "#d6e6f0",
        "block-cursor-foreground": "#15191c",
        "block-cursor-text-style": "none",
        "footer-key-foreground": "#0072b2",
    },
)


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
