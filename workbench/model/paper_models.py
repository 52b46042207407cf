"""The paper's models by name, and what a list says of them first.

Read without validation, whose library takes far longer to load: `library.paper_presets` has the
whole.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

from workbench.resources import resource_folder

PAPER = "Finster (2024), Multi-class classification with neural networks"
PAPER_IN_SHORT = "Finster 2024"
PAPER_ORDER = (
    "nn-1",
    "nn-1.1",
    "nn-1.2",
    "nn-2",
    "cnn-1",
    "cnn-1.1",
    "cnn-1.2",
    "cnn-2",
    "cnn-2-tuned",
)


@dataclass(frozen=True)
class Headline:
    """A model's name, title, part and summary; `accuracy` is the paper's, a fraction."""

    name: str
    title: str
    part: str
    summary: str
    accuracy: float


def preset_file(name: str) -> Path:
    """The file of one of the paper's models."""
    return resource_folder("presets") / "models" / f"{name}.toml"


def paper_headlines() -> tuple[Headline, ...]:
    """The headlines of the paper's nine models, in its order."""
    return tuple(_headline(name) for name in PAPER_ORDER)


def _headline(name: str) -> Headline:
    data = tomllib.loads(preset_file(name).read_text(encoding="utf-8"))
    return Headline(name, data["title"], data["part"], data["summary"], data["paper"]["accuracy"])
