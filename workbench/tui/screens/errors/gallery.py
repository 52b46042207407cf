"""Which images are on view: a run's mistakes, or those that part several runs, filtered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from workbench.errors import RunError
from workbench.predictions.answers import Indices, mistakes
from workbench.predictions.compare import Together, compare_all, compare_two, pair_sentence
from workbench.predictions.of_run import Predictions


@dataclass(frozen=True)
class Section:
    """Images of one kind, in the order in which they are shown.

    `title` says which kind; `short` does beside the other kinds, where there are any.
    """

    title: str
    images: Indices
    short: str = ""


@dataclass(frozen=True)
class Gallery:
    """What one or several runs on the same images answer, and where one looks.

    `runs` and `names` stand side by side; `true` and `predicted` keep only images of that class,
    and those that the first run takes for that class. `together` is what several reach together.
    """

    names: tuple[str, ...]
    runs: tuple[Predictions, ...]
    sections: tuple[Section, ...]
    sentence: str = ""
    together: Together | None = None
    section: int = 0
    true: int | None = None
    predicted: int | None = None
    place: int = 0

    @property
    def images(self) -> Indices:
        """The images of the section that pass the filter."""
        images, first = self.sections[self.section].images, self.runs[0]
        for wanted, found in ((self.true, first.truth), (self.predicted, first.predicted)):
            if wanted is not None:
                images = images[found[images] == wanted]
        return images

    def shows_same(self, other: Gallery | None) -> bool:
        """Whether both have the same images on view, whichever is looked at."""
        return other is not None and (
            self.sections is other.sections
            and (self.section, self.true, self.predicted)
            == (other.section, other.true, other.predicted)
        )

    @property
    def right_answers(self) -> bool:
        """Whether a run's right answers are on view, not its mistakes."""
        return bool(self.runs[0].right[self.sections[0].images[:1]].any())

    @property
    def image(self) -> int | None:
        """The image under the cursor; None where nothing is on view."""
        images = self.images
        return int(images[self.place]) if self.place < len(images) else None

    def moved(self, by: int) -> Gallery:
        """The cursor some images on or back, as far as there are any."""
        return self.at(self.place + by)

    def at(self, place: int) -> Gallery:
        """The cursor on this place, or on the nearest there is."""
        return replace(self, place=max(0, min(place, len(self.images) - 1)))

    def filtered(self, true: int | None, predicted: int | None) -> Gallery:
        """Another filter; the cursor stays on its image where that is still on view."""
        return replace(self, true=true, predicted=predicted)._with_cursor_on(self.image)

    def next_section(self) -> Gallery:
        """The next kind of images."""
        return replace(self, section=(self.section + 1) % len(self.sections), place=0)

    def _with_cursor_on(self, image: int | None) -> Gallery:
        found = np.flatnonzero(self.images == (-1 if image is None else image))
        return replace(self, place=int(found[0]) if len(found) else 0)

    def _in_order(self, images: Indices) -> Gallery:
        section = replace(self.sections[self.section], images=images)
        return replace(self, sections=(section,), section=0)._with_cursor_on(self.image)

    def counts(self, which: str) -> list[tuple[int, int]]:
        """The classes of the images on view with their number, the most frequent first.

        `which` is "true" or "predicted", whose own filter is left out of account.
        """
        kept = {"true": self.true, "predicted": self.predicted, which: None}
        images = self.filtered(kept["true"], kept["predicted"]).images
        found = self.runs[0].truth if which == "true" else self.runs[0].predicted
        return Counter(found[images].tolist()).most_common()

    def pairs(self) -> list[tuple[int, int, int]]:
        """(true class, the first run's answer, images on view), the most frequent first."""
        images, run = self.images, self.runs[0]
        found = zip(run.truth[images].tolist(), run.predicted[images].tolist(), strict=True)
        return [(true, answer, count) for (true, answer), count in Counter(found).most_common()]


def mistakes_of(name: str, run: Predictions) -> Gallery:
    """A run's mistakes, the surest first."""
    return Gallery((name,), (run,), (Section("answered wrongly", mistakes(run)),))


def right_answers_of(name: str, run: Predictions, true: int) -> Gallery:
    """A run's right answers in a class, the least sure first."""
    images = np.flatnonzero(run.right & (run.truth == true))
    order = np.argsort(run.confidence[images].astype(np.float32), kind="stable")
    title = f"of class {true} answered rightly, the least sure first"
    return Gallery((name,), (run,), (Section(title, images[order]),))


def surest_first(gallery: Gallery) -> Gallery:
    """A run's mistakes in the order of their confidence, the cursor on the same image."""
    return gallery._in_order(mistakes(gallery.runs[0]))


def hardest_first(gallery: Gallery, others: Iterable[Predictions]) -> Gallery:
    """A run's mistakes, those first that most other runs make too, then the surest."""
    images = mistakes(gallery.runs[0])
    wrong = np.zeros(len(images), int)
    for other in others:
        wrong += ~other.right[images]
    return gallery._in_order(images[np.argsort(-wrong, kind="stable")])


def compared(names: tuple[str, ...], runs: tuple[Predictions, ...]) -> Gallery:
    """What two runs part on, or what is hardest for several.

    Raises:
        RunError: fewer than two runs.
    """
    if len(runs) < 2:
        raise RunError("select two runs or more to compare")
    together = compare_all(runs)
    if len(runs) == 2:
        pair = compare_two(*runs)
        parted = zip(names, (pair.only_a, pair.only_b), strict=True)
        sections = (
            *(Section(f"that only {one} gets right", of, f"only {one}") for one, of in parted),
            Section("that neither gets right", pair.neither, "neither"),
            Section("that both get right", pair.both, "both"),
        )
        return Gallery(names, runs, sections, pair_sentence(pair, *names), together)
    hardest = Section("that some get wrong, the hardest first", together.hardest)
    return Gallery(names, runs, (hardest,), together.sentence, together)
