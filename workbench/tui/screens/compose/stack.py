"""Below each other: the stack of layers with the training, the drawing and what the model costs."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import ClassVar

from rich.style import Style
from rich.text import Text
from textual.binding import Binding, BindingType
from textual.events import Click
from textual.geometry import Region, Size, Spacing
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from workbench.formats import count, rough_duration
from workbench.model.architecture import Analysis, Architecture, analyse
from workbench.model.draft import EMPTY, Draft, draft_of
from workbench.model.hyperparameters import (
    OPTIMIZER_TITLES,
    TrainingSettings,
    optimizer_text,
    schedule_text,
)
from workbench.model.layers import layer_label, shape_text
from workbench.model.spec import MemoryNeed, mebibytes
from workbench.runs.estimate import Expected
from workbench.tui.theme import model_diagram
from workbench.tui.widgets.steady_lines import Line, SteadyLines, ink
from workbench.tui.widgets.words import fit

_LEAST_SETTINGS = 8  # columns; where there are fewer, the form says the settings
_TRAINING = "Training"
_LEAST_FACTS = 34  # columns beside that word; where there are fewer, the settings stand below it


# What stands in the columns: the layer, its settings, its output, its parameters.
_Cells = tuple[str, str, str, str]


class LayerStack(ScrollView, can_focus=True):
    """The rows of a draft and a cursor on one of them. Places are those of `model.draft`.

    The heading stays in the first line. Only lines that changed are drawn again.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {"stack--cursor"}
    DEFAULT_CSS = """
    LayerStack { overflow-x: hidden; scrollbar-gutter: stable; background: $background; }
    LayerStack > .stack--cursor {
        background: $block-cursor-background;
        color: $block-cursor-foreground;
    }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "enter",
            "choose",
            "edit",
            key_display="enter",
            tooltip="Edit what is under the cursor",
        ),
        Binding("down,j", "move(1)", "down", show=False, tooltip="Next row"),
        Binding("up,k", "move(-1)", "up", show=False, tooltip="Previous row"),
        Binding("pagedown,ctrl+d", "move(10)", "page down", show=False, tooltip="Ten rows down"),
        Binding("pageup,ctrl+u", "move(-10)", "page up", show=False, tooltip="Ten rows up"),
        Binding("home,g", "move(-999)", "first", show=False, tooltip="To the input"),
        Binding("end,G", "move(999)", "last", show=False, tooltip="To the training"),
        Binding("l,right", "choose", "edit", show=False),
    ]

    @dataclass
    class Moved(Message):
        """The cursor is on another place."""

        place: int

    class Chosen(Message):
        """The row under the cursor is to be edited."""

    def __init__(self) -> None:
        super().__init__(id="stack", classes="panel")
        self._lines: list[Text] = []  # the heading first
        self._draft: Draft = draft_of(EMPTY)
        self._analysis: Analysis = analyse(EMPTY.architecture)
        self._place = 0
        self._rows_of_lines: list[int] = []
        self._said_wrong = 0  # lines that say what is wrong

    def show(self, draft: Draft, analysis: Analysis, place: int) -> None:
        self._draft, self._analysis, self._place = draft, analysis, place
        self._rebuild()
        lines = [line for line, row in enumerate(self._rows_of_lines) if row == place]
        if lines:
            row, heading = Region(0, 1 + lines[0], 1, len(lines)), Spacing(top=1)
            self.scroll_to_region(row, spacing=heading, animate=False, immediate=True)

    @property
    def lines_needed(self) -> int:
        """Lines that show all of it but what is wrong, heading and border too.

        What is wrong comes and goes with single letters, at which nothing is to move.
        """
        return len(self._lines) - self._said_wrong + 2

    @property
    def plain(self) -> str:
        return "\n".join(line.plain for line in self._lines[1:])

    @property
    def _line_width(self) -> int:
        return max(1, self.scrollable_content_region.width)

    def _rebuild(self) -> None:
        if not self.is_attached or not self.size:
            return
        old, self._lines = self._lines, self._lay_out()
        if len(old) != len(self._lines) or self.virtual_size.width != self._line_width:
            self.virtual_size = Size(self._line_width, len(self._lines))
        for index, (before, after) in enumerate(zip_longest(old, self._lines)):
            # Texts are equal whatever the style of the whole is.
            if before != after or before.style != after.style:
                # The heading stays in the first line, however far the rest is scrolled.
                self.refresh_lines(index + (0 if index else round(self.scroll_y)))

    def on_resize(self) -> None:
        self._rebuild()
        self.refresh()

    def notify_style_update(self) -> None:
        """Another theme has other colours."""
        super().notify_style_update()
        if self.is_mounted:
            self.call_later(self.on_resize)

    def _line_at(self, y: int) -> int:
        """The place in `_lines` of a row of the view, which may lie behind their end."""
        return y + round(self.scroll_y) if y else 0

    def render_line(self, y: int) -> Strip:
        width, base, line = self._line_width, self.rich_style, self._line_at(y)
        if line >= len(self._lines):
            return Strip.blank(width, base)
        text = self._lines[line]
        segments = text.render(self.app.console)
        # A text without spans renders without its own style.
        whole = base + text.style if isinstance(text.style, Style) else base
        return Strip(segments).apply_style(whole).adjust_cell_length(width, whole)

    def action_move(self, by: int) -> None:
        place = max(0, min(self._place + by, len(self._draft.layers) + 1))
        if place != self._place:
            self.post_message(self.Moved(place))

    def action_choose(self) -> None:
        self.post_message(self.Chosen())

    def on_click(self, event: Click) -> None:
        line = self._line_at(event.get_content_offset_capture(self).y) - 1
        place = self._rows_of_lines[line] if 0 <= line < len(self._rows_of_lines) else -1
        if place < 0:
            return
        if place != self._place:
            self.post_message(self.Moved(place))
        elif event.chain > 1:
            self.post_message(self.Chosen())

    def _rows(self) -> list[tuple[_Cells, str]]:
        """The cells of each place but the training's, and a sentence where something is wrong."""
        analysis, draft = self._analysis, self._draft
        architecture, problem = draft.architecture, analysis.problem
        classes = count(architecture.classes, "class", "classes")
        rows: list[_Cells] = [("Input", classes, shape_text(architecture.input_shape), "")]
        for layer, facts in zip_longest(draft.layers, analysis.layers):
            settings = layer_label(layer).removeprefix(layer.kind).strip()
            shape = shape_text(facts.output_shape) if facts else "–"
            rows.append((layer.kind, settings, shape, f"{facts.parameters:,}" if facts else "–"))
        # An empty model is told what to do next instead.
        wrong = problem if problem and (problem.index or draft.layers) else None
        sentence = f"{wrong.reason}; {wrong.remedy}" if wrong else ""
        at = wrong.index if wrong else None
        return [(cells, sentence if place == at else "") for place, cells in enumerate(rows)]

    def _lay_out(self) -> list[Text]:
        """Columns as wide as their content; settings take what is left, or go."""
        rows = self._rows()
        width = self._line_width
        headings = ("Training", "", "output", "parameters")
        kind, _, shape, parameters = (
            max(len(text) for text in column)
            for column in zip(headings, *(cells for cells, _ in rows), strict=True)
        )
        # pointer, number, mark and the gaps between all columns
        fixed = 1 + 3 + 1 + 1 + 1
        settings = width - fixed - kind - shape - parameters - 6
        if settings < _LEAST_SETTINGS:
            settings = 0
            if fixed + kind + shape + parameters + 4 > width:
                parameters = 0
            used = fixed + shape + 2 + (parameters + 2 if parameters else 0)
            kind = max(4, width - used)
        columns = (kind, settings, shape, parameters)
        muted, error = ink(self, "muted"), ink(self, "error")
        head = Text("    #  ", style=muted, end="")
        self._append(head, ("layer", "settings", "output", "parameters"), columns, muted)
        lines: list[tuple[int, Text]] = []  # each with its place
        self._said_wrong = 0
        for place, (cells, problem) in enumerate(rows):
            pointer, base = self._base(place)
            text = Text(pointer, style=base, end="")
            text.append(f"{place or '':>3} ", muted)
            text.append("✗ " if problem else "  ", error)
            self._append(text, cells, columns, Style())
            lines.append((place, text))
            told = f"✗ {problem}" if problem else ""
            for part in textwrap.wrap(told, max(10, width - 7), subsequent_indent="  "):
                self._said_wrong += 1
                lines.append((place, Text(" " * 6 + part, style=error, end="")))
        if not self._draft.layers:
            for part in ("", "No layers yet.", "Press a to add one, n to start from a preset."):
                lines.append((-1, Text(" " * 7 + part, style=muted, end="")))
        lines.append((-1, Text(end="")))
        training = len(self._draft.layers) + 1
        lines += [(training, text) for text in self._training(width)]
        self._rows_of_lines = [place for place, _ in lines]
        return [head, *(text for _, text in lines)]

    def _base(self, place: int) -> tuple[str, Style]:
        """Pointer and style of a row: the cursor is told by more than its colour."""
        if place != self._place:
            return " ", Style()
        return "›", self.get_component_rich_style("stack--cursor", partial=True)

    def _append(
        self, text: Text, cells: _Cells, columns: tuple[int, int, int, int], style: Style
    ) -> None:
        """Cells in their columns, those of no width left out."""
        for at, (cell, width) in enumerate(zip(cells, columns, strict=True)):
            if at == 0:
                text.append(fit(cell, width), style + Style(bold=style == Style()))
            elif width:
                text.append("  " + fit(cell, width, right=at > 1), style)

    def _training(self, width: int) -> list[Text]:
        """All settings, on as many lines as they need."""
        pointer, base = self._base(len(self._draft.layers) + 1)
        facts = training_facts(self._draft.training)
        lines: list[Text] = []

        def add(head: str, rest: str) -> None:
            text = Text("       " if lines else f"{pointer}      ", style=base, end="")
            text.append(head, Style(bold=True))
            text.append("  " + fit(rest, width - len(text.plain) - 2))
            lines.append(text)

        room = width - len("›      ") - 2
        if room - len(_TRAINING) < _LEAST_FACTS:
            add(_TRAINING, "")
            for part in packed(facts, room):
                add("", part)
        else:
            for part in packed(facts, room - len(_TRAINING)):
                add(" " * len(_TRAINING) if lines else _TRAINING, part)
        return lines


_BETWEEN = " · "


def training_facts(training: TrainingSettings) -> list[str]:
    """Optimizer, learning rate, momentum, schedule, batch and epochs, each in a few words."""
    optimizer = training.optimizer
    title = OPTIMIZER_TITLES[optimizer.kind]
    extra = optimizer_text(optimizer).removeprefix(title).strip(" ()")
    # Where the decay comes from is for the form to say.
    schedule = schedule_text(training).partition(" (")[0]
    constant = training.schedule.kind == "constant"
    return [
        count(training.epochs, "epoch"),
        f"batch {training.batch_size:,}",
        title,
        f"learning rate {optimizer.learning_rate:g}",
        *(extra.split(", ") if extra else []),
        "constant rate" if constant else schedule,
    ]


def packed(facts: Sequence[str], width: int) -> list[str]:
    """The facts in their order, none broken over two lines that fits on one."""
    lines: list[str] = []
    pieces = (piece for fact in facts for piece in textwrap.wrap(fact, max(1, width)))
    for piece in pieces:
        longer = f"{lines[-1]}{_BETWEEN}{piece}" if lines else piece
        if lines and len(longer) <= width:
            lines[-1] = longer
        else:
            lines.append(piece)
    return lines


USUAL_HEIGHT = 17  # lines of a drawing in one row, with its border


class Drawing(SteadyLines):
    """The model as on Models, as wide as the window, where nothing else needs the room."""

    def __init__(self) -> None:
        super().__init__(id="drawing", classes="panel")
        self._drawn: tuple[Architecture, int] | None = None

    def show_model(
        self, architecture: Architecture, analysis: Analysis, width: int, room: int
    ) -> None:
        """Draw a model for a window of `width` columns, if it takes `room` lines at most."""
        if self._drawn != (architecture, width):
            self._drawn = architecture, width
            self.show(model_diagram(architecture, analysis, width - 5).lines)
        least = len(self._lines) + 2
        self.display = bool(architecture.layers) and least <= room
        # One height where it can be: another one moves, and sends, the whole screen.
        self.styles.height = max(least, min(USUAL_HEIGHT, room))


class Totals(SteadyLines):
    """Three lines, always in the same places."""

    def __init__(self) -> None:
        super().__init__(id="totals", classes="panel")
        self.border_title = "totals"
        self._costs: tuple[Analysis, MemoryNeed, Expected | None] | None = None

    def on_resize(self) -> None:
        if self._costs is not None:
            self.show_costs(*self._costs)

    def show_costs(self, analysis: Analysis, memory: MemoryNeed, epoch: Expected | None) -> None:
        """Show other costs; `epoch` is None while nothing tells how long one takes."""
        self._costs = analysis, memory, epoch
        words = "not yet known" if epoch is None else f"about {rough_duration(epoch.seconds)}"
        parts = (
            f"  weights {mebibytes(memory.weights)} + optimizer {mebibytes(memory.optimizer)}"
            f" + batch outputs {mebibytes(memory.activations)}"
        )
        size, work = _count(analysis.parameters), _count(analysis.multiply_adds)
        first = [("parameters ", "muted"), (size.rjust(10), "strong")]
        first += [("  multiply-adds/image ", "muted"), (work.rjust(11), "strong")]
        first += [("  epoch ", "muted"), (words, "strong" if epoch else "")]
        needed = mebibytes(memory.total).rjust(10)
        second = [("memory MiB ", "muted"), (needed, "strong"), (parts, "muted")]
        self.show([first, second, self._verdict(analysis, epoch)])

    def _verdict(self, analysis: Analysis, epoch: Expected | None) -> Line:
        problem, width = analysis.problem, max(1, self.size.width)
        if problem is None:
            rough = epoch is not None and epoch.rough
            why = " · epoch estimated from multiply-adds; no run like it yet" if rough else ""
            return [("✓ ready to train", "accent"), (why, "muted")]
        sentence = f"✗ {problem}"
        if len(sentence) > width and problem.index:
            sentence = f"✗ not ready: layer {problem.index}, as said under it"
        return [(fit(sentence, width).rstrip(), "error")]


def _count(number: int) -> str:
    """All digits while they fit their column."""
    return f"{number:,}" if number < 10**9 else f"{number / 1e9:,.1f} G"
