"""The bottom panel: what the model costs, and whether it is ready to train."""

from __future__ import annotations

from dataclasses import dataclass

from rich.style import Style
from rich.text import Text

from workbench.formats import rough_duration
from workbench.model.memory import MemoryNeed, mebibytes
from workbench.model.shapes import Analysis
from workbench.tui.screens.compose.lines import LineView


@dataclass(frozen=True)
class Costs:
    """What is shown. `epoch_seconds` is None while no earlier run tells."""

    analysis: Analysis
    memory: MemoryNeed
    epoch_seconds: float | None


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
        """Costs, memory by what it is for, and the verdict."""
        if self._costs is None:
            return None, []
        muted = self.paint("muted")
        return None, [
            self._work(self._costs, muted),
            self._memory(self._costs.memory, muted),
            self._verdict(self._costs.analysis),
        ]

    def _work(self, costs: Costs, muted: Style) -> Text:
        line = Text(no_wrap=True)
        line.append("parameters ", muted)
        line.append(_count(costs.analysis.parameters).rjust(10), Style(bold=True))
        line.append("  multiply-adds/image ", muted)
        line.append(_count(costs.analysis.multiply_adds).rjust(11), Style(bold=True))
        line.append("  epoch ", muted)
        seconds = costs.epoch_seconds
        words = "not yet known" if seconds is None else f"about {rough_duration(seconds)}"
        line.append(words, Style(bold=seconds is not None))
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

    def _verdict(self, analysis: Analysis) -> Text:
        problem = analysis.problem
        if problem is None:
            text = Text("✓ ready to train", style=self.paint("accent"))
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
