"""What the screens with curves share: the keys by which these are looked at."""

from __future__ import annotations

from dataclasses import replace

from textual import on
from textual.binding import Binding

from workbench.tui.screens.base import WorkbenchScreen
from workbench.tui.widgets.curve_plot import CurvePlot, CurvePlots

CURVE_KEYS = (
    Binding(
        "left,h",
        "cursor(-1)",
        "read off",
        key_display="← →",
        tooltip="Read values off: the cursor one column left (H, L: ten)",
    ),
    Binding("right", "cursor(1)", show=False, tooltip="The cursor to the right"),
    Binding("H,shift+left", "cursor(-10)", show=False),
    Binding("L,shift+right", "cursor(10)", show=False),
    Binding(
        "left_square_bracket",
        "smooth(-1)",
        "smooth",
        key_display="[ ]",
        tooltip="Less and more smoothing",
    ),
    Binding("right_square_bracket", "smooth(1)", show=False),
    Binding("y", "log_scale", "log", tooltip="Logarithmic loss; accuracy by its errors"),
    Binding("x", "axis", "x axis", tooltip="Count in epochs, steps or training time"),
)


class CurveScreen(WorkbenchScreen):
    @property
    def plots(self) -> CurvePlots:
        return self.query_one(CurvePlots)

    def read_off(self) -> None:
        """The cursor has moved."""

    @on(CurvePlot.Pointed)
    def _pointed(self, message: CurvePlot.Pointed) -> None:
        self.plots.set_cursor(message.column)
        self.read_off()

    def action_smooth(self, step: int) -> None:
        self.plots.look(self.plots.view.smoothed(step))
        self.workbench.remember("smoothing", self.plots.view.smoothing)

    def action_log_scale(self) -> None:
        self.plots.look(replace(self.plots.view, log=not self.plots.view.log))

    def action_axis(self) -> None:
        self.plots.look(self.plots.view.with_next_axis())
        self.workbench.remember("axis", str(self.plots.view.axis))

    def action_cursor(self, step: int) -> None:
        self.plots.move_cursor(step)
        self.read_off()

    def action_step_out(self) -> None:
        if self.plots.cursor is not None:
            self.plots.set_cursor(None)
            self.read_off()
            return
        self.step_back()

    def step_back(self) -> None:
        super().action_step_out()
