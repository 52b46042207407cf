"""Curves in a frame, drawn aside by plotext and shown with as little traffic as can be; and the
keys by which they are looked at."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from rich.segment import Segment
from rich.style import Style
from textual import events, on
from textual.binding import Binding
from textual.containers import Vertical
from textual.geometry import Region
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip

from workbench.config import Config
from workbench.runs.curves import Axis
from workbench.tui import plotting
from workbench.tui.charts import PlotOptions
from workbench.tui.plotting import Chart, Drawing, Glyphs
from workbench.tui.screens.base import Latest, WorkbenchScreen
from workbench.tui.widgets.steady_lines import SteadyLines

# Called on the drawing thread with the columns and rows of the canvas.
MakeChart = Callable[[int, int], Chart]


class CurvePlot(SteadyLines):
    """A plot. Give it a function that makes the chart: `draw(make)`.

    The function and plotext run on the drawing thread, one drawing at a time; of several asked
    for meanwhile only the last is drawn. `cursor` is a column of the canvas, or None.
    """

    cursor: reactive[int | None] = reactive(None, repaint=False)

    @dataclass
    class Pointed(Message):
        """The mouse was pressed on a column of the canvas."""

        column: int

    class Drawn(Message):
        """What was asked for is on view."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id, classes=classes)
        self.glyphs: Glyphs = plotting.terminal_glyphs()
        self._drawing = Drawing(())
        self._make: MakeChart | None = None
        self._draw_now = Latest(self, self._draw)

    def watch_cursor(self, old: int | None, new: int | None) -> None:
        rows = max(0, self.size.height - 2)
        places = [at for at in (old, new) if at is not None]
        self.refresh(*(Region(self._drawing.left + at, 0, 1, rows) for at in places))

    def draw(self, make: MakeChart) -> None:
        """Draw soon, unless the plot is not to be seen."""
        self._make = make
        if self.is_mounted and self.size.height > 0 and self.display:
            self._draw_now()

    async def _draw(self) -> None:
        make, (width, height) = self._make, self.size
        assert make is not None

        def drawn() -> Drawing:
            chart = make(*plotting.canvas_size(width, height))
            return plotting.draw(chart, width, height, self.glyphs)

        drawing = self._drawing = await plotting.on_drawing_thread(drawn)
        self.show([[(text, role.word) for text, role in line] for line in drawing.lines])
        self.post_message(self.Drawn())

    def on_resize(self, event: events.Resize) -> None:
        if self._make is not None:
            self.draw(self._make)

    def on_click(self, event: events.Click) -> None:
        offset = event.get_content_offset(self)
        if offset is not None and self._drawing.columns:
            column = offset.x - self._drawing.left
            self.post_message(self.Pointed(max(0, min(column, self._drawing.columns - 1))))

    def render_line(self, y: int) -> Strip:
        strip = super().render_line(y)
        if self.cursor is None or y >= self._drawing.rows:
            return strip
        at = self._drawing.left + self.cursor
        if at >= self.size.width:
            return strip
        before, marked, after = strip.divide([at, at + 1, self.size.width])
        text = marked.text
        if text == " ":
            line = "|" if self.glyphs is Glyphs.ASCII else "│"
            piece = Segment(line, self.role_style("strong"))
        else:
            own = next((part.style for part in marked if part.style), self.role_style(""))
            piece = Segment(text, own + Style(reverse=True))
        return Strip.join([before, Strip([piece], 1), after])


class CurvePlots(Vertical):
    """Plots that are looked at alike, and the cursor that reads values off."""

    view = PlotOptions()  # how the curves are looked at
    # The marked column, counted from the left of the canvas; the plots are bound to it.
    cursor: reactive[int | None] = reactive(None, repaint=False)

    def prefer(self, config: Config) -> None:
        """Begin as the user likes it."""
        self.view = PlotOptions(axis=Axis(config["axis"]), smoothing=config["smoothing"])

    def look(self, view: PlotOptions) -> None:
        self.view = view
        self.draw_now()

    def draw_now(self) -> None:
        raise NotImplementedError

    def newest_column(self) -> int | None:
        """Where the newest point stands, counted from the left of the canvas; None without one."""
        raise NotImplementedError

    def validate_cursor(self, column: int | None) -> int | None:
        return None if column is None else max(0, min(column, self.columns - 1))

    @property
    def columns(self) -> int:
        """Columns of the canvas, between the axes, of a plot in sight."""
        sizes = [plot.size for plot in self.query(CurvePlot)]
        return max(plotting.canvas_size(*size)[0] if size.height else 1 for size in sizes)


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
        self.plots.cursor = message.column
        self.read_off()

    def action_smooth(self, step: int) -> None:
        """Less or more smoothing."""
        self.plots.look(self.plots.view.smoothed(step))
        self.workbench.remember("smoothing", self.plots.view.smoothing)

    def action_log_scale(self) -> None:
        self.plots.look(replace(self.plots.view, log=not self.plots.view.log))

    def action_axis(self) -> None:
        self.plots.look(self.plots.view.with_next_axis())
        self.workbench.remember("axis", str(self.plots.view.axis))

    def action_cursor(self, step: int) -> None:
        """Move the cursor; the first move puts it on the newest point."""
        plots = self.plots
        plots.cursor = plots.newest_column() if plots.cursor is None else plots.cursor + step
        self.read_off()

    def action_step_out(self) -> None:
        if self.plots.cursor is not None:
            self.plots.cursor = None
            self.read_off()
            return
        self.step_back()

    def step_back(self) -> None:
        super().action_step_out()
