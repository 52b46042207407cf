"""Below each other: the stack of layers with the training, the drawing and what the model costs."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import ClassVar

from rich.cells import cell_len
from rich.style import Style
from rich.text import Text
from textual.binding import Binding, BindingType
from textual.events import Click
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from workbench.formats import count, rough_duration
from workbench.model.architecture import Analysis, Architecture
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
from workbench.tui.theme import ROLE_COLOURS, model_diagram
from workbench.tui.widgets.steady_lines import Line, SteadyLines

_LEAST_SETTINGS = 8  # columns; where there are fewer, the form says the settings
_TRAINING = "Training"
_LEAST_FACTS = 34  # columns beside that word; where there are fewer, the settings stand below it


@dataclass(frozen=True)
class _Row:
    place: int
    number: str
    kind: str
    settings: str
    shape: str
    parameters: str
    problem: str = ""


class LayerStack(ScrollView, can_focus=True):
    """The rows of a draft and a cursor on one of them. Places are those of `model.draft`.

    The heading stays in the first line. Only lines that changed are drawn again.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "stack--muted",
        "stack--error",
        "stack--cursor",
    }
    DEFAULT_CSS = """
    LayerStack { overflow-x: hidden; scrollbar-gutter: stable; background: $background; }
    LayerStack > .stack--muted { color: $muted; }
    LayerStack > .stack--error { color: $error; }
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

    class Moved(Message):
        """The cursor is on another place."""

        def __init__(self, place: int) -> None:
            super().__init__()
            self.place = place

    class Chosen(Message):
        """The row under the cursor is to be edited."""

    def __init__(self) -> None:
        super().__init__(id="stack", classes="panel")
        self._lines: list[Text] = []  # the heading first
        self._draft: Draft = draft_of(EMPTY)
        self._analysis: Analysis | None = None
        self._place = 0
        self._rows_of_lines: list[int] = []
        self._said_wrong = 0  # lines that say what is wrong

    def show(self, draft: Draft, analysis: Analysis, place: int) -> None:
        self._draft, self._analysis, self._place = draft, analysis, place
        self._rebuild()
        lines = [line for line, row in enumerate(self._rows_of_lines) if row == place]
        if lines:
            self._show_lines(0 if place == 0 else lines[0], lines[-1])

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

    def _paint(self, name: str) -> Style:
        """The colours of a component class, without a background unless it has its own."""
        return self.get_component_rich_style(f"stack--{name}", partial=True)

    def _rebuild(self) -> None:
        """Lay out anew and draw what changed."""
        if not self.is_attached or not self.size:
            return
        old, self._lines = self._lines, self._lay_out()
        if len(old) != len(self._lines) or self.virtual_size.width != self._line_width:
            self.virtual_size = Size(self._line_width, len(self._lines))
        for index, (before, after) in enumerate(zip_longest(old, self._lines)):
            if before is None or after is None or not _same(before, after):
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

    def _show_lines(self, first: int, last: int) -> None:
        """Scroll as little as brings these lines (counted without the heading) into view."""
        height = self.scrollable_content_region.height - 1
        start = round(self.scroll_y)
        if last >= start + height:
            start = last - height + 1
        if first < start:
            start = first
        if start != round(self.scroll_y):
            self.scroll_to(y=start, animate=False, immediate=True)

    def _line_at(self, y: int) -> int:
        """The place in `_lines` of a row of the view, which may lie behind their end."""
        return y + round(self.scroll_y) if y else 0

    def render_line(self, y: int) -> Strip:
        width, base, line = self._line_width, self.rich_style, self._line_at(y)
        if line >= len(self._lines):
            return Strip.blank(width, base)
        text = self._lines[line]
        segments = [piece for piece in text.render(self.app.console) if piece.text != "\n"]
        # A text without spans renders without its own style.
        whole = base + text.style if isinstance(text.style, Style) else base
        return Strip(segments).apply_style(whole).adjust_cell_length(width, whole)

    def on_focus(self) -> None:
        self._rebuild()

    def on_blur(self) -> None:
        self._rebuild()

    def action_move(self, by: int) -> None:
        """Move the cursor."""
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

    def _rows(self) -> list[_Row]:
        analysis, draft = self._analysis, self._draft
        if analysis is None:
            return []
        problem = analysis.problem
        sentence = f"{problem.reason}; {problem.remedy}" if problem else ""
        architecture = draft.architecture
        rows = [
            _Row(
                0,
                "",
                "Input",
                count(architecture.classes, "class", "classes"),
                shape_text(architecture.input_shape),
                "",
                # An empty model is told what to do next instead.
                sentence if problem and problem.index == 0 and draft.layers else "",
            )
        ]
        for place, layer in enumerate(draft.layers, start=1):
            facts = analysis.layers[place - 1] if place <= len(analysis.layers) else None
            rows.append(
                _Row(
                    place,
                    str(place),
                    layer.kind,
                    layer_label(layer).removeprefix(layer.kind).strip(),
                    shape_text(facts.output_shape) if facts else "–",
                    f"{facts.parameters:,}" if facts else "–",
                    sentence if problem and problem.index == place else "",
                )
            )
        return rows

    def _lay_out(self) -> list[Text]:
        """Columns as wide as their content; settings take what is left, or go."""
        rows = self._rows()
        if not rows:
            return []
        width = self._line_width
        shape = max(len("output"), *(len(row.shape) for row in rows))
        parameters = max(len("parameters"), *(len(row.parameters) for row in rows))
        kind = max(len("Training"), *(len(row.kind) for row in rows))
        # pointer, number, mark and the gaps between all columns
        fixed = 1 + 3 + 1 + 1 + 1
        settings = width - fixed - kind - shape - parameters - 6
        if settings < _LEAST_SETTINGS:
            settings = 0
        if not settings and fixed + kind + shape + parameters + 4 > width:
            parameters = 0
        if not settings:
            used = fixed + shape + 2 + (parameters + 2 if parameters else 0)
            kind = max(4, width - used)
        columns = (kind, settings, shape, parameters)
        muted = self._paint("muted")
        head = Text("    #  ", style=muted, no_wrap=True)
        self._columns(head, ("layer", "settings", "output", "parameters"), columns, muted)
        lines: list[Text] = []
        owners: list[int] = []
        self._said_wrong = 0
        for row in rows:
            lines.append(self._line(row, columns))
            owners.append(row.place)
            if row.problem:
                for part in _wrapped(f"✗ {row.problem}", width - 7):
                    self._said_wrong += 1
                    lines.append(Text(" " * 6 + part, style=self._paint("error"), no_wrap=True))
                    owners.append(row.place)
        if not self._draft.layers:
            for part in ("", "No layers yet.", "Press a to add one, n to start from a preset."):
                lines.append(Text(" " * 7 + part, style=muted, no_wrap=True))
                owners.append(-1)
        lines.append(Text())
        owners.append(-1)
        training = self._training(width)
        lines += training
        owners += [len(self._draft.layers) + 1] * len(training)
        self._rows_of_lines = owners
        return [head, *lines]

    def _base(self, place: int) -> tuple[str, Style]:
        """Pointer and style of a row: the cursor is told by more than its colour."""
        if place != self._place:
            return " ", Style()
        cursor = self._paint("cursor")
        return "›", cursor if self.has_focus else cursor + Style(dim=False)

    def _line(self, row: _Row, columns: tuple[int, int, int, int]) -> Text:
        pointer, base = self._base(row.place)
        text = Text(pointer, style=base, no_wrap=True)
        text.append(f"{row.number:>3} ", self._paint("muted"))
        text.append("✗ " if row.problem else "  ", self._paint("error"))
        cells = (row.kind, row.settings, row.shape, row.parameters)
        self._columns(text, cells, columns, Style())
        return text

    def _columns(
        self,
        text: Text,
        cells: tuple[str, str, str, str],
        columns: tuple[int, int, int, int],
        style: Style,
    ) -> None:
        kind, settings, shape, parameters = columns
        text.append(_fitted(cells[0], kind), style + Style(bold=style == Style()))
        if settings:
            text.append("  " + _fitted(cells[1], settings), style)
        text.append("  " + cells[2].rjust(shape), style)
        if parameters:
            text.append("  " + cells[3].rjust(parameters), style)

    def _training(self, width: int) -> list[Text]:
        """All settings, on as many lines as they need."""
        pointer, base = self._base(len(self._draft.layers) + 1)
        facts = training_facts(self._draft.training)
        lines: list[Text] = []

        def add(head: str, rest: str) -> None:
            text = Text("       " if lines else f"{pointer}      ", style=base, no_wrap=True)
            text.append(head, Style(bold=True))
            text.append("  " + _fitted(rest, width - len(text.plain) - 2))
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


def _fitted(text: str, width: int) -> str:
    """The text in exactly `width` columns."""
    if cell_len(text) > width:
        text = text[: max(0, width - 1)] + "…"
    return text.ljust(width)


def _wrapped(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, max(10, width), subsequent_indent="  ")


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

    def role_style(self, word: str) -> Style:
        ground = self.visual_style.rich_style
        if word not in ROLE_COLOURS:
            return ground
        colour, bold = ROLE_COLOURS[word]
        return ground + Style(color=self.app.theme_variables[colour], bold=bold)


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
        self.show(
            [
                [
                    ("parameters ", "muted"),
                    (_count(analysis.parameters).rjust(10), "strong"),
                    ("  multiply-adds/image ", "muted"),
                    (_count(analysis.multiply_adds).rjust(11), "strong"),
                    ("  epoch ", "muted"),
                    (words, "strong" if epoch else ""),
                ],
                [
                    ("memory MiB ", "muted"),
                    (mebibytes(memory.total).rjust(10), "strong"),
                    (parts, "muted"),
                ],
                self._verdict(analysis, epoch),
            ]
        )

    def _verdict(self, analysis: Analysis, epoch: Expected | None) -> Line:
        problem, width = analysis.problem, max(1, self.size.width)
        if problem is None:
            rough = epoch is not None and epoch.rough
            why = " · epoch estimated from multiply-adds; no run like it yet" if rough else ""
            return [("✓ ready to train", "accent"), (why, "muted")]
        sentence = f"✗ {problem}"
        if len(sentence) > width and problem.index:
            sentence = f"✗ not ready: layer {problem.index}, as said under it"
        return [(_fitted(sentence, width).rstrip(), "problem")]

    def role_style(self, word: str) -> Style:
        if word == "problem":
            return self.visual_style.rich_style + Style(color=self.app.theme_variables["error"])
        return super().role_style(word)


def _same(one: Text, other: Text) -> bool:
    return one.plain == other.plain and one.spans == other.spans and one.style == other.style


def _count(number: int) -> str:
    """All digits while they fit their column."""
    return f"{number:,}" if number < 10**9 else f"{number / 1e9:,.1f} G"
