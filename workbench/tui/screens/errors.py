"""The screen of wrong images: what a model takes them for, how surely, and who else does."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.events import Click

from workbench.data.npz import TestImages
from workbench.errors import RunError
from workbench.figures.images import Captioned
from workbench.formats import count, percent
from workbench.predictions.answers import (
    Indices,
    Together,
    best_guesses,
    caption_of,
    check_comparable,
    compare_all,
    compare_two,
    mistakes,
    pair_sentence,
    wrong_in,
)
from workbench.predictions.of_run import Predictions, images_of, other_answers
from workbench.runs.folder import RunFolder
from workbench.settings import Home, style_sheet
from workbench.tui.screens.answers import AnswersScreen, panel
from workbench.tui.screens.classes import ClassesScreen
from workbench.tui.screens.dialog import ChoiceDialog
from workbench.tui.screens.inside import InsideScreen
from workbench.tui.widgets.bars import TitleBar
from workbench.tui.widgets.pictures import Picture, PictureGrid, bar
from workbench.tui.widgets.steady_lines import Line, SteadyLines, wrapped


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

    @property
    def image(self) -> int | None:
        """The image under the cursor; None where nothing is on view."""
        images = self.images
        return int(images[self.place]) if self.place < len(images) else None

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

    def counts(self, which: str) -> list[tuple[int, int]]:
        """The classes of the images on view with their number, the most frequent first.

        `which` is "true" or "predicted", whose own filter is left out of account.
        """
        kept = {"true": self.true, "predicted": self.predicted, which: None}
        images = self.filtered(kept["true"], kept["predicted"]).images
        found = self.runs[0].truth if which == "true" else self.runs[0].predicted
        return Counter(found[images].tolist()).most_common()

    def pairs(self) -> list[tuple[tuple[int, int], int]]:
        """(true class, the first run's answer) and how many images on view, the most first."""
        images, run = self.images, self.runs[0]
        found = zip(run.truth[images].tolist(), run.predicted[images].tolist(), strict=True)
        return Counter(found).most_common()


def mistakes_of(name: str, run: Predictions) -> Gallery:
    """A run's mistakes, the surest first."""
    return Gallery((name,), (run,), (Section("answered wrongly", mistakes(run)),))


def right_answers_of(name: str, run: Predictions, true: int) -> Gallery:
    """A run's right answers in a class, the least sure first."""
    images = np.flatnonzero(run.right & (run.truth == true))
    order = np.argsort(run.confidence[images].astype(np.float32), kind="stable")
    title = f"of class {true} answered rightly, the least sure first"
    return Gallery((name,), (run,), (Section(title, images[order]),))


def hardest_first(gallery: Gallery, others: Iterable[Predictions]) -> Gallery:
    """A run's mistakes, those first that most other runs make too, then the surest; the cursor
    stays on its image."""
    images = mistakes(gallery.runs[0])
    wrong = np.zeros(len(images), int)
    for other in others:
        wrong += ~other.right[images]
    order = np.argsort(-wrong, kind="stable")
    section = replace(gallery.sections[gallery.section], images=images[order])
    return replace(gallery, sections=(section,), section=0)._with_cursor_on(gallery.image)


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


MOST_BARS = 10
MOST_CLASSES_ASKED = 200
BAR_COLUMNS = 24


class ErrorsScreen(AnswersScreen):
    """The mistakes of one run, or what several runs part on.

    `true` and `predicted` are the filter to begin with: a cell of the confusion matrix.
    """

    PLACE = "Errors"
    CSS_PATH: ClassVar = style_sheet("errors")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("right,l", "move(1)", "next", key_display="→", tooltip="The next image"),
        Binding("left,h", "move(-1)", "previous", key_display="←", tooltip="The image before"),
        Binding("tab,enter", "switch_view", "many / one", key_display="tab",
                tooltip="Many small images, or one large with its answers"),
        Binding("s", "section", "kind", tooltip="The next kind: only one right, neither, both"),
        Binding("t", "choose('true')", "true class", tooltip="Only images of one class"),
        Binding("p", "choose('predicted')", "predicted",
                tooltip="Only images taken for one class"),
        Binding("x", "clear", "all", tooltip="Images of all classes again"),
        Binding("i", "inside", "inside", tooltip="What the model makes of it, layer by layer"),
        Binding("c", "classes", "classes",
                tooltip="Precision and recall of each class, and whether to trust its confidence"),
        Binding("o", "order", "order", tooltip="The surest first, or those most runs get wrong"),
        Binding("down,j", "row(1)", "down", show=False, tooltip="A row down"),
        Binding("up,k", "row(-1)", "up", show=False, tooltip="A row up"),
        Binding("pagedown", "page(1)", "page", show=False, tooltip="A page on"),
        Binding("pageup", "page(-1)", "page", show=False, tooltip="A page back"),
        Binding("home,g", "first", "first", show=False, tooltip="The first image"),
        Binding("end,G", "last", "last", show=False, tooltip="The last image"),
    ]  # fmt: skip

    def __init__(
        self,
        home: Home,
        folders: list[RunFolder],
        true: int | None = None,
        predicted: int | None = None,
    ) -> None:
        super().__init__()
        self._home, self._folders = home, folders
        self._filter = true, predicted
        self._gallery: Gallery | None = None
        self._images: TestImages | None = None
        self._others: dict[str, Predictions] = {}
        self._hardest = False
        self._fault = ""  # what was refused

    def body(self) -> ComposeResult:
        one = len(self._folders) == 1
        yield SteadyLines(id="errors-head")
        yield SteadyLines(id="errors-sentence")
        with Horizontal(id="errors-main"):
            with Vertical(id="errors-one"):
                with panel("errors-image", "image"):
                    yield Picture(id="errors-picture")
                with panel("errors-answers", "answers"):
                    yield SteadyLines(id="errors-answer-lines")
            with Vertical(id="errors-beside"):
                with panel("errors-others", "the surest first" if one else "images"):
                    yield SteadyLines(id="errors-other-lines")
                with panel("errors-often", "most often" if one else "how often they agree"):
                    yield SteadyLines(id="errors-often-lines")
        with panel("errors-grid-panel"):
            yield PictureGrid(id="errors-grid")

    def on_mount(self) -> None:
        """Read what is kept; images and other runs come after it."""
        self.query_one(TitleBar).detail = " · ".join(folder.run_id for folder in self._folders)
        self.ask(self._load)

    async def _load(self) -> None:
        found = await self.answers_of(self._folders)
        names = tuple(folder.run_id for folder in self._folders)
        check_comparable(list(zip(names, found, strict=True)))
        true, predicted = self._filter
        if true is not None and true == predicted:  # on the matrix's diagonal
            self._show(right_answers_of(names[0], found[0], true))
        elif len(found) == 1:
            self._show(mistakes_of(names[0], found[0]).filtered(true, predicted))
        else:
            self._show(await asyncio.to_thread(compared, names, tuple(found)))
        self._images = await asyncio.to_thread(images_of, self._folders[0])
        self.draw()
        if len(found) == 1:
            self._others = await asyncio.to_thread(other_answers, self._home, found[0], names[0])
            self.draw()

    def say(self, sentence: str, word: str = "muted") -> None:
        """Above the images; a refusal leaves those there are on view."""
        if self._gallery is None and word == "bad":
            self._panel("head").show([[(" nothing can be shown", "bad")]])
        self._fault = sentence if word == "bad" else ""
        self._panel("sentence").show(wrapped(sentence, word, self.size.width - 4, 2))

    # What is on view

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        gallery = self._gallery
        if action == "section":
            return gallery is not None and len(gallery.sections) > 1
        if action == "order":  # right answers have one of their own
            if gallery is None or not self._others:
                return False
            return not gallery.runs[0].right[gallery.sections[0].images[:1]].any()
        if action == "inside":
            return gallery is not None and len(gallery.images) > 0 and self._images is not None
        if action == "classes":
            return len(self._folders) == 1
        if action == "clear":
            return gallery is not None and (gallery.true, gallery.predicted) != (None, None)
        return True

    def draw(self) -> None:
        if self._gallery is not None:
            self._show(self._gallery)

    def _panel(self, name: str) -> SteadyLines:
        return self.query_one(f"#errors-{name}", SteadyLines)

    def _show(self, gallery: Gallery) -> None:
        """Show this from now on."""
        self._gallery, image = gallery, gallery.image
        self._panel("head").show(self._head(gallery))
        self._panel("sentence").show(self._sentence(gallery))
        self.refresh_bindings()
        if self.has_class("grid"):
            self._show_grid(gallery)
            return
        pixels = None if image is None or self._images is None else self._images.pixels(image)
        self.query_one(Picture).show(pixels)
        answers, others, often = map(self._panel, ("answer-lines", "other-lines", "often-lines"))
        width = answers.size.width
        answers.show([] if image is None else self._answer_lines(gallery, image, width))
        others.show(self._other_lines(gallery, others.size.height))
        if gallery.together is None:
            often.show(self._often_lines(gallery, often.size.height))
        else:
            often.show(agreement_lines(gallery.names, gallery.together))

    def _show_grid(self, gallery: Gallery) -> None:
        images = self._images
        if images is None:
            return
        grid = self.query_one(PictureGrid)
        on_view = gallery.images
        run = gallery.runs[0]

        def small(place: int) -> Captioned:
            image = int(on_view[place])
            return Captioned(images.pixels(image), caption_of(run, image))

        grid.show(len(on_view), gallery.place, small, on_view.tobytes())

    def _head(self, gallery: Gallery) -> Sequence[Line]:
        images, total = gallery.images, len(gallery.runs[0])
        section = gallery.sections[gallery.section]
        # Of steady width: what does not move is not sent again.
        place = f"{gallery.place + 1:>{len(str(len(images)))}} of " if len(images) else ""
        parts = [(f"{place}{count(len(images), 'image')} {section.title}", "strong")]
        if gallery.image is not None:
            parts.append((f"image {gallery.image:<{len(str(total))}}", ""))
        if gallery.true is not None or gallery.predicted is not None:
            true = "any" if gallery.true is None else gallery.true
            predicted = "any" if gallery.predicted is None else gallery.predicted
            parts.append((f"is {true}, taken for {predicted}  (x: all)", "accent"))
        accuracies = ", ".join(f"{100 * run.accuracy:.2f} %" for run in gallery.runs)
        parts.append((f"accuracy {accuracies} of {total:,}", "muted"))
        lines: list[list[tuple[str, str]]] = []
        room = 0
        for text, word in parts:  # what has no room in a line begins the next
            fits = len(text) + 3 <= room
            if not fits:
                lines.append([])
                room = self.size.width + 2
            lines[-1].append((f"   {text}" if fits else f" {text}", word))
            room -= len(text) + 3
        return lines

    def _sentence(self, gallery: Gallery) -> list[Line]:
        section = gallery.sections[gallery.section]
        kinds = [
            (f"{one.short} {len(one.images):,}   ", "strong" if one is section else "muted")
            for one in gallery.sections
            if one.short
        ]
        lines = [kinds] if kinds else []
        if self._fault:
            return [*lines, *wrapped(self._fault, "bad", self.size.width - 4, 2)]
        if not len(gallery.images):
            return [*lines, [(f"No images {section.title} among these classes.", "muted")]]
        return [*lines, *wrapped(gallery.sentence, "", self.size.width - 2, 2)]

    def _answer_lines(self, gallery: Gallery, image: int, room: int) -> list[Line]:
        if len(gallery.runs) > 1:
            return self._lines_of_several(gallery, image)
        run = gallery.runs[0]
        true, answer = int(run.truth[image]), int(run.predicted[image])
        sure = 100 * float(run.confidence[image])
        sentence = f"a {true}, taken for a {answer}, {sure:4.1f} % sure"
        lines = [*wrapped(sentence, "strong", room), [], *self._bars(run, image, room)]
        if self._others:
            wrong, runs = wrong_in(image, self._others), count(1 + len(self._others), "run")
            said = f"wrong in {len(wrong) + (true != answer)} of {runs}"
            if wrong:
                said += f", also {', '.join(wrong)}"
            lines += [[], *wrapped(said, "muted", room)]
        return lines

    def _bars(self, run: Predictions, image: int, width: int) -> list[Line]:
        true, answer = int(run.truth[image]), int(run.predicted[image])
        guesses = best_guesses(run, image, MOST_BARS)
        if run.classes <= MOST_BARS:
            guesses.sort()
        room = max(4, min(BAR_COLUMNS, width - 16))
        digits = len(str(run.classes - 1))
        lines: list[Line] = []
        for number, probability in guesses:
            mark, word = {answer: ("✗", "bad"), true: ("✓", "good")}.get(number, (" ", "muted"))
            # One piece a line: each change of colour costs forty bytes.
            text = f"{mark} {bar(probability, room):<{room}} {100 * probability:5.1f} %"
            lines.append([(f"{number:>{digits}} {text}", word)])
        return lines

    def _lines_of_several(self, gallery: Gallery, image: int) -> list[Line]:
        true = int(gallery.runs[0].truth[image])
        lines: list[Line] = [[(f"a {true}", "strong")], []]
        width = max(len(name) for name in gallery.names)
        for name, run in zip(gallery.names, gallery.runs, strict=True):
            answer, sure = int(run.predicted[image]), float(run.confidence[image])
            mark, word = ("✓", "good") if answer == true else ("✗", "bad")
            answered = [(f"{mark} ", word), (name.ljust(width), ""), (f"  {answer}", word)]
            lines.append([*answered, (f"  {100 * sure:5.1f} %", "muted")])
        return lines

    def _other_lines(self, gallery: Gallery, height: int) -> list[Line]:
        """The images around the cursor, a page of them."""
        run, images = gallery.runs[0], gallery.images
        first = gallery.place - gallery.place % max(1, height)
        lines: list[Line] = []
        for place in range(first, min(first + height, len(images))):
            image = int(images[place])
            here = place == gallery.place
            if len(gallery.runs) == 1:
                caption = caption_of(run, image)
            else:
                answers = " ".join(str(int(one.predicted[image])) for one in gallery.runs)
                caption = f"{run.truth[image]} → {answers}"
            word = "strong" if here else "muted"
            lines.append([(f"{'▸' if here else ' '} image {image:<8} {caption}", word)])
        return lines

    def _often_lines(self, gallery: Gallery, most: int) -> list[Line]:
        """Which class is taken for which, the most frequent first."""
        pairs = gallery.pairs()[:most]
        digits = max((len(f"{number:,}") for _, number in pairs), default=1)
        return [
            [
                (f"{true} → {answer}  ", ""),
                (f"{number:>{digits},}  ", "strong"),
                (bar(number / pairs[0][1], BAR_COLUMNS), "muted"),
            ]
            for (true, answer), number in pairs
        ]

    # What is asked for

    def _change(self, change: Callable[[Gallery], Gallery]) -> None:
        """Show what a change makes of what is on view, where there is something."""
        if self._gallery is not None:
            self._show(change(self._gallery))

    def action_move(self, by: int) -> None:
        self._change(lambda gallery: gallery.at(gallery.place + by))

    def action_row(self, by: int) -> None:
        """A row of the grid; one image where only one is seen."""
        columns = self.query_one(PictureGrid).columns if self.has_class("grid") else 1
        self.action_move(by * columns)

    def action_page(self, by: int) -> None:
        """A page of the grid, or of the list."""
        grid = self.has_class("grid")
        a_page = self.query_one(PictureGrid).a_page if grid else max(1, self.size.height - 6)
        self.action_move(by * a_page)

    def action_first(self) -> None:
        self._change(lambda gallery: gallery.at(0))

    def action_last(self) -> None:
        self._change(lambda gallery: gallery.at(len(gallery.images)))

    def action_switch_view(self) -> None:
        self.toggle_class("grid")
        self.call_after_refresh(self.draw)

    @on(PictureGrid.Chosen)
    def _chosen(self, message: PictureGrid.Chosen) -> None:
        if self._gallery is not None and message.place == self._gallery.place:
            self.action_switch_view()
        else:
            self._change(lambda gallery: gallery.at(message.place))

    @on(Click, "#errors-other-lines")
    def _listed_clicked(self, event: Click) -> None:
        lines = max(1, self._panel("other-lines").size.height)
        self._change(lambda shown: shown.at(shown.place - shown.place % lines + event.y))

    def on_mouse_scroll_down(self) -> None:
        self.action_row(1)

    def on_mouse_scroll_up(self) -> None:
        self.action_row(-1)

    def action_choose(self, which: str) -> None:
        gallery = self._gallery
        if gallery is None:
            return
        counts = gallery.counts(which)[:MOST_CLASSES_ASKED]
        answers = [("any", "any class")]
        answers += [
            (str(number), f"{number}   {count(amount, 'image')}") for number, amount in counts
        ]
        question = "Only images of which class?" if which == "true" else "Only taken for which?"

        def answered(answer: str) -> None:
            chosen = None if answer == "any" else int(answer)
            kept = {"true": gallery.true, "predicted": gallery.predicted, which: chosen}
            self._show(gallery.filtered(kept["true"], kept["predicted"]))

        now = str(gallery.true if which == "true" else gallery.predicted)
        at = now if now in dict(answers) else "any"
        self.ask_for(ChoiceDialog(question, answers, at), answered)

    def action_clear(self) -> None:
        self._change(lambda gallery: gallery.filtered(None, None))

    def action_order(self) -> None:
        self._hardest = not self._hardest
        title = "the hardest first" if self._hardest else "the surest first"
        self.query_one("#errors-others").border_title = title
        self._change(self._in_order)

    def _in_order(self, gallery: Gallery) -> Gallery:
        return hardest_first(gallery, self._others.values() if self._hardest else ())

    def action_inside(self) -> None:
        gallery = self._gallery
        if gallery is not None and self._images is not None:
            self.app.push_screen(
                InsideScreen(self._folders[0], self._images, gallery.images, gallery.place)
            )

    def action_classes(self) -> None:
        """The model's results class by class; one of them can be looked at here."""

        def chosen(number: int) -> None:
            self._change(
                lambda gallery: self._in_order(
                    mistakes_of(gallery.names[0], gallery.runs[0]).filtered(number, None)
                )
            )

        self.app.push_screen(ClassesScreen(self._folders[0], chosen))

    def action_section(self) -> None:
        self._change(Gallery.next_section)


def agreement_lines(names: Sequence[str], together: Together) -> list[Line]:
    """For each two runs, on which share of the images they answer alike."""
    width = max(len(name) for name in names)
    lines: list[Line] = [[(f"{name:>{width}}  ", "muted") for name in ("", *names)]]
    for name, row in zip(names, together.agreement.tolist(), strict=True):
        shares = [(f"{percent(share):>{width}}  ", "") for share in row]
        lines.append([(f"{name:<{width}}  ", "muted"), *shares])
    return lines
