"""The models that are shipped, the paper's and one for speed, and what a list says of them first.

Read without validation, whose library takes far longer to load: `preset.shipped_presets` has the
whole.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

from workbench.settings import resource_folder

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
SHIPPED = (*PAPER_ORDER, "speedrun")


@dataclass(frozen=True)
class Headline:
    """A model's name, title, part and summary; `accuracy` is the paper's, where it is its model."""

    name: str
    title: str
    part: str
    summary: str
    accuracy: float | None  # fraction


def why_taken(name: str) -> str:
    """Why a user's preset cannot have the name of one that is shipped."""
    kind = "a model of the paper" if name in PAPER_ORDER else "shipped with the program"
    return f"{name!r} is {kind}"


def preset_file(name: str) -> Path:
    return resource_folder("presets") / "models" / f"{name}.toml"


def shipped_headlines() -> tuple[Headline, ...]:
    """The headlines of the paper's nine models, in its order, and of the others."""
    found = []
    for name in SHIPPED:
        data = tomllib.loads(preset_file(name).read_text(encoding="utf-8"))
        accuracy = data.get("paper", {}).get("accuracy")
        found.append(Headline(name, data["title"], data["part"], data["summary"], accuracy))
    return tuple(found)
