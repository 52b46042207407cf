"""The screen that looks into a model: where it looks in an image, and what its layers see."""

from __future__ import annotations

import asyncio
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical

from workbench.data.npz import TestImages
from workbench.figures.images import Captioned
from workbench.predictions.answers import Indices
from workbench.predictions.predictor import Inside, Predictor
from workbench.runs.folder import RunFolder
from workbench.settings import style_sheet
from workbench.tui.screens.answers import AnswersScreen, panel
from workbench.tui.widgets.bars import TitleBar
from workbench.tui.widgets.pictures import Picture, PictureGrid
from workbench.tui.widgets.steady_lines import Line, SteadyLines, wrapped


class InsideScreen(AnswersScreen):
    """One image in one model. `places` are the images to go through, `place` where to begin."""

    PLACE = "Inside"
    CSS_PATH: ClassVar = style_sheet("inside")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab", "sheet(1)", "layer", tooltip="The next layer's maps, filters or weights"),
        Binding("shift+tab", "sheet(-1)", "layer", show=False, tooltip="The layer before"),
        Binding("right,l", "move(1)", "next", key_display="→", tooltip="The next image"),
        Binding("left,h", "move(-1)", "previous", key_display="←", tooltip="The image before"),
        Binding("pagedown,down,j", "page(1)", "more", key_display="pgdn",
                tooltip="More of this layer"),
        Binding("pageup,up,k", "page(-1)", "page", show=False, tooltip="A page back"),
    ]  # fmt: skip

    def __init__(self, run: RunFolder, images: TestImages, places: Indices, place: int) -> None:
        super().__init__()
        self._run, self._images = run, images
        self._places, self._place = places, place
        self._predictor = Predictor()
        self._inside: Inside | None = None
        self._sheet = self._first = 0

    def body(self) -> ComposeResult:
        yield SteadyLines(id="inside-head")
        with Horizontal(id="inside-main"):
            with Vertical(id="inside-left"):
                with panel("inside-image-panel", "image"):
                    yield Picture(id="inside-image")
                with panel("inside-looked-panel", "where it looks"):
                    yield Picture(id="inside-looked")
            with panel("inside-layer"):
                yield PictureGrid(id="inside-grid")

    def on_mount(self) -> None:
        self.query_one(TitleBar).detail = self._run.run_id
        self.ask(self._look)

    def on_unmount(self) -> None:
        self._predictor.close()

    @property
    def image(self) -> int:
        return int(self._places[self._place])

    async def _look(self) -> None:
        self.query_one("#inside-image", Picture).show(self._images.pixels(self.image))
        wait = "; this takes some seconds…" if self._inside is None else "…"
        self.say(f"asking the model{wait}")
        stored = self._images.stored(self.image)
        self._inside = await asyncio.to_thread(self._predictor.look_inside, self._run, stored)
        self.draw()

    def say(self, sentence: str, word: str = "muted") -> None:
        whole = f"image {self.image}: {sentence}"
        self._show_head(*wrapped(whole, word, self.size.width - 2, 2))

    def _show_head(self, *lines: Line) -> None:
        self.query_one("#inside-head", SteadyLines).show(lines)

    def draw(self) -> None:
        inside = self._inside
        if inside is None:
            return
        fall = 100 * float(inside.falls.max())
        side = f"{inside.patch}×{inside.patch}"
        answer = f"the model says {inside.answer}, {100 * inside.probability:.1f} % sure"
        said = f"Red: less sure where {side} pixels are covered, by up to {fall:.1f} points."
        self._show_head(
            [(f"image {self.image}   {answer}", "strong")], [(f"{said} Blue: surer.", "muted")]
        )
        self.query_one("#inside-looked", Picture).show(inside.looked)
        layer, grid = self.query_one("#inside-layer"), self.query_one(PictureGrid)
        if not inside.sheets:
            layer.border_title = "no convolution, and no Dense layer on the pixels themselves"
            return
        self._sheet %= len(inside.sheets)
        sheet = inside.sheets[self._sheet]
        layer.border_title = f"{sheet.title}  ({self._sheet + 1} of {len(inside.sheets)})"
        pictures = sheet.enlarged
        self._first = min(self._first, len(pictures) - 1)
        key = self.image, self._sheet
        grid.show(len(pictures), self._first, lambda at: Captioned(pictures[at], str(at)), key)

    def action_sheet(self, by: int) -> None:
        self._sheet, self._first = self._sheet + by, 0
        self.draw()

    def action_page(self, by: int) -> None:
        self._first = max(0, self._first + by * self.query_one(PictureGrid).a_page)
        self.draw()

    def action_move(self, by: int) -> None:
        """Another image, in the same layer."""
        place = min(max(self._place + by, 0), len(self._places) - 1)
        if place != self._place:
            self._place = place
            self.ask(self._look)

    @on(PictureGrid.Chosen)
    def _chosen(self, message: PictureGrid.Chosen) -> None:
        self._first = message.place
        self.draw()
