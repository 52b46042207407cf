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


# Each with its colour in the dark theme and in the light one.
COLOURS = {
    "primary": ("#56b4e9", "#0072b2"),
    "secondary": ("#8a939c", "#5c656d"),
    "accent": ("#e69f00", "#b35900"),
    "foreground": ("#d7dade", "#23282d"),
    "background": ("#14171a", "#fbfaf8"),
    "surface": ("#1a1e22", "#f3f2ef"),
    "panel": ("#23282d", "#e9e7e2"),
    "success": ("#2fb68e", "#00795a"),
    "warning": ("#e69f00", "#a35a00"),
    "error": ("#e5765b", "#b3371f"),
}
VARIABLES = {
    "train": ("#56b4e9", "#0072b2"),
    "test": ("#e69f00", "#b35900"),
    "paper": ("#8a939c", "#6b747c"),
    "border": ("#343b42", "#c9c6bf"),
    "border-blurred": ("#2a3036", "#dad7d1"),
    "muted": ("#8a939c", "#5c656d"),
    "block-cursor-background": ("#2c3a46", "#d6e6f0"),
    "block-cursor-foreground": ("#f2f4f5", "#15191c"),
    "block-cursor-text-style": ("none", "none"),
    "footer-key-foreground": ("#56b4e9", "#0072b2"),
}
DARK, LIGHT = (
    Theme(
        name=f"workbench-{name}",
        dark=name == "dark",
        variables={variable: values[place] for variable, values in VARIABLES.items()},
        **{colour: values[place] for colour, values in COLOURS.items()},  # type: ignore[arg-type]
    )
    for place, name in enumerate(("dark", "light"))
)


def model_diagram(architecture: Architecture, analysis: Analysis | None, width: int) -> Diagram:
    """The model in at most `width` columns."""
    from workbench.model.diagram import draw

    # The console's font has no braille.
    ascii_only = os.environ.get("TERM") == "linux"
    return draw(architecture, width, analysis=analysis, ascii_only=ascii_only)
