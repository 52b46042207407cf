"""Below stack and form: the model drawn, what it costs, and whether it is ready to train."""

from __future__ import annotations

from dataclasses import dataclass

from rich.style import Style
from rich.text import Text

from workbench.formats import rough_duration
from workbench.model.architecture import Analysis, Architecture
from workbench.model.spec import MemoryNeed, mebibytes
from workbench.runs.estimate import Expected
from workbench.tui.diagrams import ROLE_COLOURS, model_diagram
from workbench.tui.screens.compose.lines import LineView
from workbench.tui.widgets.steady_lines import SteadyLines


@dataclass(frozen=True)
class Costs:
    """What is shown. `epoch` is None while nothing tells."""

    analysis: Analysis
    memory: MemoryNeed
    epoch: Expected | None = None


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


class Totals(LineView):
    """Three lines, always in the same places."""

    def __init__(self) -> None:
        super().__init__(id="totals", classes="panel")
        self.border_title = "totals"
        self._costs: Costs | None = None

    def show(self, costs: Costs) -> None:
        """Show other costs."""
        self._costs = costs
        self.rebuild()

    def lay_out(self) -> tuple[Text | None, list[Text]]:
        if self._costs is None:
            return None, []
        muted = self.paint("muted")
        return None, [
            self._work(self._costs, muted),
            self._memory(self._costs.memory, muted),
            self._verdict(self._costs),
        ]

    def _work(self, costs: Costs, muted: Style) -> Text:
        line = Text(no_wrap=True)
        line.append("parameters ", muted)
        line.append(_count(costs.analysis.parameters).rjust(10), Style(bold=True))
        line.append("  multiply-adds/image ", muted)
        line.append(_count(costs.analysis.multiply_adds).rjust(11), Style(bold=True))
        line.append("  epoch ", muted)
        epoch = costs.epoch
        words = "not yet known" if epoch is None else f"about {rough_duration(epoch.seconds)}"
        line.append(words, Style(bold=epoch is not None))
        return line

    def _memory(self, memory: MemoryNeed, muted: Style) -> Text:
        line = Text(no_wrap=True)
        line.append("memory MiB ", muted)
        line.append(mebibytes(memory.total).rjust(10), Style(bold=True))
        parts = (
            f"  weights {mebibytes(memory.weights)} + optimizer {mebibytes(memory.optimizer)}"
            f" + batch outputs {mebibytes(memory.activations)}"
        )
        line.append(parts, muted)
        return line

    def _verdict(self, costs: Costs) -> Text:
        problem = costs.analysis.problem
        if problem is None:
            text = Text("✓ ready to train", style=self.paint("accent"))
            if costs.epoch is not None and costs.epoch.rough:
                why = " · epoch estimated from multiply-adds; no run like it yet"
                text.append(why, self.paint("muted"))
        else:
            sentence = f"✗ {problem}"
            if len(sentence) > self.line_width and problem.index:
                sentence = f"✗ not ready: layer {problem.index}, as said under it"
            text = Text(sentence, style=self.paint("error"))
            text.truncate(self.line_width, overflow="ellipsis")
        text.no_wrap = True
        return text


def _count(number: int) -> str:
    """All digits while they fit their column."""
    return f"{number:,}" if number < 10**9 else f"{number / 1e9:,.1f} G"
