"""The list of models by part, one line each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.events import Resize
from textual.geometry import Size
from textual.message import Message
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from workbench.formats import bare_percent
from workbench.tui.screens.models.accuracy import NO_RESULTS, ModelResults
from workbench.tui.screens.models.catalogue import PART_TITLES, Entry
from workbench.tui.widgets.columns import fit
from workbench.tui.widgets.marked_options import MarkedOptions

WIDE = 38  # columns from which parameters stand in full and n has a column


@dataclass(frozen=True)
class _Columns:
    """Widths of one line; what remains is the name's."""

    width: int

    @property
    def wide(self) -> bool:
        return self.width >= WIDE

    @property
    def parameters(self) -> int:
        return 10 if self.wide else 5

    @property
    def name(self) -> int:
        # The margin, parameters, paper, ours, n, the mark, and spaces between.
        return self.width - self.parameters - (20 if self.wide else 15)

    @property
    def margin(self) -> str:
        return " "  # where the cursor's mark stands

    def line(self, name: str, parameters: str, paper: str, ours: str, n: str) -> str:
        """All but the mark, which is coloured."""
        line = f"{self.margin}{fit(name, self.name)} {parameters:>{self.parameters}}"
        line += f" {paper:>5} {ours:>5}"
        return line + (f" {n:>3}" if self.wide else "")


class ModelList(MarkedOptions, inherit_bindings=False):
    """Headings and models; the cursor walks over models only."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "cursor_down", "next model", show=False, tooltip="The next model"),
        Binding("up,k", "cursor_up", "model before", show=False, tooltip="The model before"),
        Binding("home,g", "first", "first model", show=False, tooltip="The first model"),
        Binding("end,G", "last", "last model", show=False, tooltip="The last model"),
        Binding("pagedown", "page_down", show=False),
        Binding("pageup", "page_up", show=False),
    ]

    class Chosen(Message):
        """The cursor stands on another model, or on one whose results changed."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        super().__init__(markup=False, compact=True)
        self._entries = tuple(entries)
        self._results: Mapping[str, ModelResults] = {}
        self._words = ""
        self._drawn_size = Size(0, 0)
        self._wanted = ""  # where the cursor is to go

    @property
    def entry(self) -> Entry | None:
        """The model under the cursor."""
        option = self.highlighted_option
        return self._entry(option.id if option else None)

    def show(
        self,
        entries: Iterable[Entry] | None = None,
        results: Mapping[str, ModelResults] | None = None,
        words: str | None = None,
    ) -> None:
        """Change what is listed; what is left out stays as it is."""
        before = self._entries, self._results, self._words
        if entries is not None:
            self._entries = tuple(entries)
        if results is not None:
            self._results = results
        if words is not None:
            self._words = words
        if before != (self._entries, self._results, self._words):
            self._rebuild()

    def choose(self, name: str) -> None:
        """The cursor to a model, as soon as it is listed."""
        self._wanted = name
        self._rebuild()

    @property
    def heading(self) -> Content:
        """The line above the list, with the units."""
        columns = _Columns(self._line_width)
        line = columns.line("model", "parameters" if columns.wide else "par.", "paper", "ours", "n")
        return Content.styled(line, "$muted")

    @property
    def _line_width(self) -> int:
        return self.scrollable_content_region.width

    def on_resize(self, event: Resize) -> None:
        if self.scrollable_content_region.size != self._drawn_size:
            self._rebuild()

    def _rebuild(self) -> None:
        if self._line_width <= 0:
            return
        self._drawn_size = self.scrollable_content_region.size
        margin = _Columns(self._line_width).margin
        kept = self.highlighted_option.id if self.highlighted_option else None
        listed = [entry for entry in self._entries if entry.matches(self._words)]
        options: list[Option] = []
        parts = {
            part: members
            for part in PART_TITLES
            if (members := [entry for entry in listed if entry.part == part])
            or (part == "own" and not self._words)
        }
        # With a heading each, two lines for one that is empty, and one between two.
        lines = sum(2 + (len(members) or 2) for members in parts.values()) - 1
        is_loose = lines <= self._drawn_size.height
        for part, members in parts.items():
            title = PART_TITLES[part]
            if options and is_loose:
                options.append(Option(" ", disabled=True))
            options.append(Option(Content.styled(f"{margin}{title}", "$muted"), disabled=True))
            options += [Option(self._line(entry), id=_key(entry)) for entry in members]
            if not members:
                text = f"{margin}none yet: e opens a model\n{margin}in Compose, w saves it there"
                if any(entry.is_unread for entry in self._entries):
                    text = f"{margin}reading them…"
                options.append(Option(Content.styled(text, "$muted"), disabled=True))
        if not listed:
            text = f"{margin}nothing matches “{self._words}”; Esc shows all"
            options = [Option(Content.styled(text, "$muted"), disabled=True)]
        with self.prevent(OptionList.OptionHighlighted):
            self.clear_options()
            self.add_options(options)
            places = {option.id: place for place, option in enumerate(options) if option.id}
            first = next(iter(places.values()), None)
            self.highlighted = places.get(kept, first) if kept else first
            wanted = next((key for key in places if key.partition(":")[2] == self._wanted), None)
            if wanted is not None:
                self.highlighted, self._wanted = places[wanted], ""
        self.post_message(self.Chosen())

    def _line(self, entry: Entry) -> Content:
        columns = _Columns(self._line_width)
        results = self._results.get(entry.name, NO_RESULTS)
        ours = results.ours
        if entry.problem is not None:
            mark = "✗ damaged" if entry.error else "✗ impossible"
            room = self._line_width - len(columns.margin + mark) - 1
            name = f"{columns.margin}{fit(entry.name, room)} "
            return Content.assemble(name, (mark, "$error"))
        parameters = ""
        if entry.analysis is not None:
            count = entry.analysis.parameters
            parameters = f"{count:,}" if columns.wide else short_count(count)
        line = columns.line(
            entry.name,
            parameters,
            bare_percent(entry.paper_accuracy, ""),
            bare_percent(ours.mean if ours else None, ""),
            str(ours.n) if ours and ours.n else "",
        )
        gap = " " if columns.wide else ""
        return Content.assemble(line, gap, ("✓" if results.within else " ", "$success"))

    def _entry(self, key: str | None) -> Entry | None:
        return next((entry for entry in self._entries if _key(entry) == key), None)

    @on(OptionList.OptionHighlighted)
    def _moved(self, event: OptionList.OptionHighlighted) -> None:
        event.stop()
        self.post_message(self.Chosen())

    @on(OptionList.OptionSelected)
    def _clicked(self, event: OptionList.OptionSelected) -> None:
        # A click moves the cursor; it must not open the settings as Enter does.
        event.stop()


def _key(entry: Entry) -> str:
    return f"{entry.part}:{entry.name}"


def short_count(number: int) -> str:
    """A count in at most five columns: `8,970`, `102 k`, `3.33M`."""
    if number < 10_000:
        return f"{number:,}"
    for size, sign in ((1_000, "k"), (1_000_000, "M"), (1_000_000_000, "G")):
        scaled = number / size
        if scaled < 999.5:
            digits = 2 if scaled < 9.995 else 1 if scaled < 99.95 else 0
            return f"{scaled:.{digits}f}{sign}"
    return f"{number:.0e}"
