"""What the list shows: the paper's models by part, then the user's own, readable or not.

The model package is imported only when models are read, so that the first frame need not wait.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from workbench.errors import PresetError
from workbench.settings import Home

if TYPE_CHECKING:
    from workbench.model.preset import Preset
    from workbench.model.shapes import Analysis

PART_TITLES = {
    "nn": "Neural networks",
    "cnn": "Convolutional networks",
    "tuned": "Finely tuned",
    "own": "Yours",
}


@dataclass(frozen=True)
class Entry:
    """One model of the list; a file that cannot be read has an `error` and no preset."""

    name: str
    part: str
    preset: Preset | None = None
    error: PresetError | None = None

    @cached_property
    def analysis(self) -> Analysis | None:
        """Shapes and parameters; None where there is no preset."""
        from workbench.model.shapes import analyse

        return analyse(self.preset.architecture) if self.preset else None

    @property
    def title(self) -> str:
        """The model's title, or its file's name where it cannot be read."""
        return self.preset.title if self.preset else self.name

    @property
    def problem(self) -> str | None:
        """Why it cannot be trained, as one sentence; None where it can."""
        if self.error is not None:
            return str(self.error)
        if self.analysis is not None and self.analysis.problem is not None:
            return str(self.analysis.problem)
        return None

    def matches(self, words: str) -> bool:
        """Whether every word occurs in name, title, part or summary."""
        summary = self.preset.summary if self.preset else ""
        text = f"{self.name} {self.title} {PART_TITLES[self.part]} {summary}".casefold()
        return all(word in text for word in words.casefold().split())


def paper_entries() -> tuple[Entry, ...]:
    """The paper's nine models, in its order."""
    from workbench.model.library import paper_presets

    return tuple(Entry(preset.name, preset.part, preset) for preset in paper_presets())


def own_entries(home: Home) -> tuple[Entry, ...]:
    """The user's presets by file name; reads the disk."""
    from workbench.model.library import own_presets_by_file

    return tuple(
        Entry(path.stem, "own", error=found)
        if isinstance(found, PresetError)
        else Entry(found.name, "own", found)
        for path, found in own_presets_by_file(home)
    )
