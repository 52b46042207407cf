"""What the list shows: the shipped models by part, then the user's own, readable or not.

What a model is takes longer to import than the first frame: until then the paper's models are
known by their headlines.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from workbench.errors import PresetError
from workbench.model.paper_models import Headline, shipped_headlines
from workbench.settings import Home

if TYPE_CHECKING:
    from workbench.model.architecture import Analysis
    from workbench.model.preset import Preset

PART_TITLES = {
    "nn": "Neural networks",
    "cnn": "Convolutional networks",
    "tuned": "Finely tuned",
    "speed": "For speed, not the paper's",
    "own": "Yours",
}


@dataclass(frozen=True)
class Entry:
    """One model of the list.

    A file that cannot be read has an `error` and no preset; one of the paper's that has not been
    read yet has only its `headline`.
    """

    name: str
    part: str
    preset: Preset | None = None
    error: PresetError | None = None
    headline: Headline | None = None

    @property
    def is_unread(self) -> bool:
        """Whether no more than its headline is known yet."""
        return self.preset is None and self.error is None

    @cached_property
    def analysis(self) -> Analysis | None:
        """Shapes and parameters; None where there is no preset."""
        from workbench.model.architecture import analyse

        return analyse(self.preset.architecture) if self.preset else None

    @property
    def title(self) -> str:
        """The model's title, or its file's name where it cannot be read."""
        known = self.preset or self.headline
        return known.title if known else self.name

    @property
    def summary(self) -> str:
        """The model in a sentence; empty where it has none."""
        known = self.preset or self.headline
        return known.summary if known else ""

    @property
    def paper_accuracy(self) -> float | None:
        """What the paper reports, a fraction; None for a model that is not the paper's."""
        if self.preset is None:
            return self.headline.accuracy if self.headline else None
        return self.preset.paper.accuracy if self.preset.paper else None

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
        text = f"{self.name} {self.title} {PART_TITLES[self.part]} {self.summary}".casefold()
        return all(word in text for word in words.casefold().split())


def unread_entries() -> tuple[Entry, ...]:
    """The models that are shipped by their headlines."""
    return tuple(
        Entry(headline.name, headline.part, headline=headline) for headline in shipped_headlines()
    )


def shipped_entries() -> tuple[Entry, ...]:
    """The models that are shipped, the paper's nine first."""
    from workbench.model.preset import shipped_presets

    return tuple(Entry(preset.name, preset.part, preset) for preset in shipped_presets())


def own_entries(home: Home) -> tuple[Entry, ...]:
    """The user's presets by file name; reads the disk."""
    from workbench.model.preset import own_presets_by_file

    return tuple(
        Entry(path.stem, "own", error=found)
        if isinstance(found, PresetError)
        else Entry(found.name, "own", found)
        for path, found in own_presets_by_file(home)
    )
