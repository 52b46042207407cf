"""How the model under the cursor looks: its diagram, its table, its settings."""

from __future__ import annotations

from enum import StrEnum
from textwrap import wrap
from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from workbench.tui.screens.models.catalogue import Entry
from workbench.tui.theme import model_diagram
from workbench.tui.widgets.steady_lines import BOLD, COLOURS
from workbench.tui.widgets.words import fit

# The model package is imported where a model is drawn: the first frame does not wait for it.
if TYPE_CHECKING:
    from workbench.model.architecture import Analysis
    from workbench.model.describe import SettingLine
    from workbench.model.diagram import Diagram

LABEL = 15  # columns of a setting's name
LEAST_TABLE = 38  # columns below which outputs stand on a line of their own
WIDE_TABLE = 60  # columns from which outputs are written as sets


class Facet(StrEnum):
    DIAGRAM = "diagram"
    TABLE = "table"
    SETTINGS = "settings"


class ModelView(VerticalScroll, can_focus=False):
    """One model in one view, scrolled where it is longer than the panel."""

    def __init__(self) -> None:
        super().__init__(id="model-view", classes="panel")
        self._entry: Entry | None = None
        self._view = Facet.DIAGRAM
        self._drawn: tuple[Entry | None, Facet, int, int] | None = None
        self._diagrams: dict[tuple[str, int], tuple[Entry, Diagram]] = {}

    def compose(self) -> ComposeResult:
        yield Static(id="model-text", markup=False)

    def show(self, entry: Entry | None, step: int = 0) -> None:
        """Show a model, in the view that is so many after the present one."""
        views = list(Facet)
        self._view = views[(views.index(self._view) + step) % len(views)]
        self._entry = entry
        title = "model"
        if entry is not None:
            named = entry.title != entry.name
            title = f"{entry.title} · {entry.name}" if named else entry.name
        self.border_title = Content(title).markup
        styles = {self._view: "bold $foreground"}
        names = (Content.styled(each.value, styles.get(each, "$muted")) for each in Facet)
        self.border_subtitle = Content(" · ").join(names).markup
        self._draw()

    def on_resize(self) -> None:
        self._draw()

    def _draw(self) -> None:
        width, height = self.scrollable_content_region.size
        drawn = self._entry, self._view, width, height
        if width <= 0 or self._drawn == drawn:
            return
        if self._drawn is None or self._drawn[:2] != drawn[:2]:
            self.scroll_home(animate=False)
        self._drawn = drawn
        blocks = self._blocks(width)
        lines = sum(len(block.wrap(width)) for block in blocks)
        summary = self._entry.summary if self._entry else ""
        if summary and self._view is Facet.DIAGRAM:
            text = Content(summary)
            more = lines + len(text.wrap(width))
            # Where it does not fit, the drawing comes first; the settings have it too.
            if more <= height:
                blocks.insert(0, text)
                lines = more
        roomy = lines + len(blocks) - 1 <= height
        text = Content("\n\n" if roomy else "\n").join(blocks)
        self.query_one("#model-text", Static).update(text)

    def _blocks(self, width: int) -> list[Content]:
        """What is shown from top to bottom; a line is left free between where there is room."""
        entry = self._entry
        if entry is None or entry.is_unread:
            return []
        if entry.preset is None or entry.analysis is None:
            return [
                Content.styled(f"✗ {entry.problem}", "$error"),
                Content("Fix the file, or delete it; r reads it again."),
            ]
        parts: list[Content] = []
        if entry.problem:
            parts.append(Content.styled(f"✗ {entry.problem}", "$error"))
        match self._view:
            case Facet.DIAGRAM:
                parts.append(self._diagram(entry, width))
                parts.append(layer_table(entry, width, operations=False))
                parts.append(totals(entry.analysis))
            case Facet.TABLE:
                parts.append(layer_table(entry, width, operations=True))
                parts.append(totals(entry.analysis))
            case Facet.SETTINGS:
                from workbench.model.describe import settings_lines

                if entry.preset.summary:
                    parts.append(Content(entry.preset.summary))
                parts.append(settings_text(settings_lines(entry.preset), width, reasons=True))
        return parts

    def _diagram(self, entry: Entry, width: int) -> Content:
        assert entry.preset is not None
        known = self._diagrams.get((entry.name, width))
        if known is None or known[0] is not entry:
            drawn = model_diagram(entry.preset.architecture, entry.analysis, width)
            known = self._diagrams[entry.name, width] = (entry, drawn)
        return Content("\n").join(
            Content.assemble(*((text, _style(word)) for text, word in line))
            for line in known[1].lines
        )


def _style(word: str) -> str:
    return f"{'bold ' if word in BOLD else ''}${COLOURS[word]}" if word else ""


def totals(analysis: Analysis) -> Content:
    return Content.assemble(
        (f"{analysis.parameters:,}", "bold"),
        (" parameters · ", "$muted"),
        (f"{analysis.multiply_adds:,}", "bold"),
        (" multiply-adds an image", "$muted"),
    )


def layer_table(entry: Entry, width: int, *, operations: bool) -> Content:
    """A line a layer: name, output, parameters; with operations, the paper's lines below it."""
    from workbench.model.describe import architecture_rows
    from workbench.model.layers import shape_text

    assert entry.preset is not None
    rows = architecture_rows(entry.preset.architecture, entry.analysis)
    if not operations:
        rows = tuple(row for row in rows if row.index > 0)
    wide = width >= WIDE_TABLE
    size = 22 if wide else 10 if width >= LEAST_TABLE else 0
    name = width - size - 13
    heading = f"{fit('layer', name)} {fit('output', size)} {'parameters':>11}"
    lines = [Content.styled(heading, "$muted")]
    for row in rows:
        label = row.layer if wide else row.layer.partition(" (")[0]
        output = row.output if wide or not row.output or not row.shape else shape_text(row.shape)
        count = f"{row.parameters:,}" if row.parameters else "–" if row.shape else ""
        line = f"{fit(label, name)} {fit(output, size)} {count:>11}"
        lines.append(Content.styled(line, "$error" if row.problem else ""))
        if not size and output:
            lines.append(Content(f"  {output}"))
        if operations:
            pieces = (piece for text in row.operation for piece in wrap(text, max(16, width - 2)))
            lines += [Content.styled(f"  {piece}", "$muted") for piece in pieces]
    return Content("\n").join(lines)


def settings_text(settings: tuple[SettingLine, ...], width: int, *, reasons: bool) -> Content:
    """A line a setting; inferred ones have a number, whose reason stands below if wanted."""
    notes: list[str] = []
    lines = []
    for setting in settings:
        mark = ""
        if setting.inferred:
            if setting.inferred not in notes:
                notes.append(setting.inferred)
            mark = f" [{notes.index(setting.inferred) + 1}]"
        label = setting.label
        for text in wrap(setting.value + mark, max(16, width - LABEL)) or [""]:
            last = mark if mark and text.endswith(mark) else ""
            value = text.removesuffix(last), (last, "$accent")
            lines.append(Content.assemble((fit(label, LABEL), "$muted"), *value))
            label = ""
    if reasons and notes:
        lines += [Content(""), Content.styled("Inferred, as the paper leaves it out:", "$muted")]
        lines += [
            Content.assemble((f"[{number}] ", "$accent"), note)
            for number, note in enumerate(notes, 1)
        ]
    return Content("\n").join(lines)
