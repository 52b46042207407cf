"""What the draft changed of the preset it began as."""

from __future__ import annotations

from rich.style import Style
from rich.text import Text

from workbench.model.draft import Difference, DifferenceLine, Sign
from workbench.tui.screens.dialog import ReadingDialog

_COLOURS = {Sign.ADDED: "success", Sign.REMOVED: "error", Sign.CHANGED: "primary"}


class DifferenceDialog(ReadingDialog):
    """All layers with a sign before each that differs, then settings and totals."""

    def __init__(self, title: str, difference: Difference) -> None:
        super().__init__()
        self._heading, self._difference = title, difference

    def content(self) -> Text:
        """The lines."""
        difference = self._difference
        text = Text(self._heading + "\n\n", style="", no_wrap=True, overflow="ellipsis")
        text.stylize("bold", 0, len(self._heading))
        if difference.none:
            text.append("Nothing has changed.")
            return text
        for line in difference.layers:
            self._append(text, line)
        if difference.others:
            text.append("\n")
        for line in difference.others:
            self._append(text, line)
        text.append("\n+ added   - removed   ~ changed", Style(dim=True))
        return text

    def _append(self, text: Text, line: DifferenceLine) -> None:
        colour = _COLOURS.get(line.sign)
        variables = self.app.theme_variables
        style = Style(color=variables[colour]) if colour else Style(dim=True)
        text.append(f"{line}\n", style)
