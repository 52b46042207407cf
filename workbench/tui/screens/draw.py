"""The screen to draw on: a canvas, what the models say of it, and the 28×28 that they see."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.events import MouseDown, MouseMove, MouseUp, Resize
from textual.message import Message
from textual.timer import Timer

from workbench.data.digits import add_drawing, like_mnist
from workbench.data.npz import TestImages, read_test_images
from workbench.errors import UserError
from workbench.predictions.predictor import Answers, Predictor
from workbench.runs.folder import RunFolder, all_runs
from workbench.settings import Home, style_sheet
from workbench.tui.screens.answers import AnswersScreen, panel
from workbench.tui.screens.dialog import ChoiceDialog
from workbench.tui.widgets.bars import TitleBar
from workbench.tui.widgets.pictures import Picture, bar
from workbench.tui.widgets.steady_lines import Line, SteadyLines, wrapped

SIDE = 40  # pixels: 20 lines of half blocks, which is what 80×24 has room for
PEN_RADIUS = 1.7
MOST_STEPS_BACK = 100


class Canvas:
    """`pixels` are (40, 40), 0 to 255, light on dark. Places are (x, y) in pixels."""

    def __init__(self) -> None:
        self.pixels: NDArray[np.uint8] = np.zeros((SIDE, SIDE), np.uint8)
        self._before: list[NDArray[np.uint8]] = []

    @property
    def empty(self) -> bool:
        return not self.pixels.any()

    def begin(self) -> None:
        """What comes now is undone as one."""
        self._before = [*self._before[1 - MOST_STEPS_BACK :], self.pixels]

    def line(
        self, start: tuple[float, float], end: tuple[float, float], *, erase: bool = False
    ) -> None:
        """Draw from one place to another, both ends round and the edge antialiased."""
        y, x = np.mgrid[0:SIDE, 0:SIDE] + 0.5
        (ax, ay), (bx, by) = start, end
        length = (bx - ax) ** 2 + (by - ay) ** 2
        along = ((x - ax) * (bx - ax) + (y - ay) * (by - ay)) / length if length else 0.0
        share = np.clip(along, 0.0, 1.0)
        distance = np.hypot(x - ax - share * (bx - ax), y - ay - share * (by - ay))
        ink = np.rint(np.clip(PEN_RADIUS + 0.5 - distance, 0, 1) * 255).astype(np.uint8)
        if erase:
            self.pixels = np.minimum(self.pixels, 255 - ink)
        else:
            self.pixels = np.maximum(self.pixels, ink)

    def clear(self) -> None:
        """Nothing drawn; can be undone."""
        self.show(np.zeros((SIDE, SIDE), np.uint8))

    def show(self, pixels: NDArray[np.uint8]) -> None:
        """Another picture, scaled to the canvas; can be undone."""
        from PIL import Image

        self.begin()
        scaled = Image.fromarray(pixels).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
        self.pixels = np.asarray(scaled)

    def undo(self) -> bool:
        """One step back; False where there is none."""
        if not self._before:
            return False
        self.pixels = self._before.pop()
        return True


CLASSES = 10
MOST_MODELS = 4
LINES_FOR_BOTH = 40  # the canvas and what the models see, one above the other
FRAME_SECONDS = 0.1  # from a stroke until it is shown
STILL_SECONDS = 0.02  # longer than between two places of a moving mouse
# While one draws on, bars that move with each stroke would be 20 kB/s. Once the pen rests they
# follow at once.
ANSWERS_SECONDS = 0.7
REST_SECONDS = 0.3  # what the models see moves as a whole with each stroke: it waits for a rest
EMPTY = "Draw a digit with the mouse, or with arrows and space."
NO_MODEL = "No trained model of MNIST yet. Press t on a model (1), then come back."
DRAWINGS = "drawings.npz"


class CanvasView(Picture):
    """Shows the canvas, and says where the mouse draws."""

    @dataclass
    class Stroke(Message):
        """A piece of a line, in pixels; `first` begins one. The right button erases."""

        start: tuple[float, float]
        end: tuple[float, float]
        first: bool
        erase: bool

    _at: tuple[float, float] | None = None
    _erase = False

    @staticmethod
    def _pixel(event: MouseDown | MouseMove) -> tuple[float, float]:
        # Terminals that report pixels give fractions of a cell; others its corner.
        whole = event.pointer_x == int(event.pointer_x) and event.pointer_y == int(event.pointer_y)
        x, y = event.pointer_x, event.pointer_y
        return (x + 0.5, 2 * y + 1.0) if whole else (x, 2 * y)

    def on_mouse_down(self, event: MouseDown) -> None:
        self._at, self._erase = self._pixel(event), event.button == 3
        self.capture_mouse()
        self.post_message(self.Stroke(self._at, self._at, True, self._erase))

    def on_mouse_move(self, event: MouseMove) -> None:
        if self._at is None:
            return
        start, self._at = self._at, self._pixel(event)
        self.post_message(self.Stroke(start, self._at, False, self._erase))

    def on_mouse_up(self, event: MouseUp) -> None:
        self._at = None
        self.release_mouse()


class DrawScreen(AnswersScreen):
    """Draw a digit; chosen models answer as one draws."""

    PLACE = "Draw"
    CSS_PATH: ClassVar = style_sheet("draw")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("c", "clear", "clear", tooltip="An empty canvas"),
        Binding("u", "undo", "undo", tooltip="Take the last stroke back"),
        Binding("space", "pen", "pen", tooltip="Put the pen down, or lift it"),
        Binding("e", "eraser", "eraser", tooltip="Draw, or erase, with the keys"),
        Binding("s", "save", "save", tooltip="Keep the drawing with its label as a sample"),
        Binding("m", "models", "models", tooltip="Choose the models that answer; up to four"),
        Binding("o", "load", "load", tooltip="Take one of MNIST's test images, to alter it"),
        Binding("v", "seen", "seen", tooltip="What the models see, in place of the canvas"),
        Binding("up", "move(0, -1)", "up", show=False, tooltip="Move the pen"),
        Binding("down", "move(0, 1)", "down", show=False, tooltip="Move the pen"),
        Binding("left", "move(-1, 0)", "left", show=False, tooltip="Move the pen"),
        Binding("right", "move(1, 0)", "right", show=False, tooltip="Move the pen"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._canvas = Canvas()
        self._predictor = Predictor()
        self._able: list[RunFolder] = []
        self.models: list[RunFolder] = []
        self._answers: Answers | None = None
        self._images: TestImages | None = None
        self._pen = (SIDE / 2, SIDE / 2)
        self._down = self._erases = self._at_pen = False
        self._changed = asyncio.Event()
        self._frame_due = False
        self._wanted = self._fault = ""

    def body(self) -> ComposeResult:
        with Horizontal(id="draw-main"):
            with Vertical(id="draw-left"):
                with panel("draw-canvas-panel"):
                    yield CanvasView(id="draw-canvas")
                with panel("draw-seen-panel", "what the models see") as seen:
                    seen.border_subtitle = "20×20, centred, as MNIST's"
                    yield Picture(id="draw-seen")
            with panel("draw-answers", "answers"):
                yield SteadyLines(id="draw-answer-lines")

    def on_mount(self) -> None:
        self._rest: Timer = self.set_interval(REST_SECONDS, self._show_seen, pause=True)
        self._say_pen()

    def on_screen_resume(self) -> None:
        self.ask(self._answer)

    def on_screen_suspend(self) -> None:
        """Elsewhere nothing is drawn: the process and its memory are given back."""
        self.workers.cancel_group(self, "answers")
        self._predictor.close()

    def on_unmount(self) -> None:
        self._predictor.close()

    def want(self, preset: str) -> None:
        """Have the newest run of a model answer first."""
        self._wanted = preset
        self.ask(self._answer)

    async def _answer(self) -> None:
        """Answer for what is drawn, again and again, never more than one question at a time."""
        self._fault = ""
        self._able = await asyncio.to_thread(models_for_drawings, self.workbench.home)
        kept = [folder for folder in self.models if folder in self._able]
        newest: dict[str, RunFolder] = {}  # of each preset
        for folder in self._able:
            newest.setdefault(folder.spec.preset, folder)
        self.models = kept or list(newest.values())[:MOST_MODELS]
        if self._wanted:
            wanted = [one for one in self._able if one.spec.preset == self._wanted][:1]
            if not wanted:
                self.notify(
                    f"{self._wanted} has not been trained on MNIST yet; t on Models does it."
                )
            others = [folder for folder in self.models if folder not in wanted]
            self.models, self._wanted = [*wanted, *others][:MOST_MODELS], ""
        self._changed.set()
        self.draw()
        if not self.models:
            return
        await asyncio.to_thread(self._predictor.warm)
        shown = 0.0
        while True:
            await self._changed.wait()
            self._changed.clear()
            seen = like_mnist(self._canvas.pixels)
            if seen.any() and self.models:
                images = seen[None, :, :, None]
                self._answers = await asyncio.to_thread(self._predictor.ask, self.models, images)
            else:
                self._answers = None
            await asyncio.sleep(STILL_SECONDS)
            now = time.monotonic()
            if not self._changed.is_set() or now - shown >= ANSWERS_SECONDS:
                shown = now
                self._show_answers()
            await asyncio.sleep(STILL_SECONDS)

    def say(self, sentence: str, word: str = "muted") -> None:
        self._fault = sentence
        self.draw()

    def _drawn(self) -> None:
        """The canvas is another: show it soon, have it answered, and what is seen once it rests."""
        self._changed.set()
        if not self._frame_due:
            self._frame_due = True
            self.set_timer(FRAME_SECONDS, self._show_canvas)
        self._rest.reset()
        self._rest.resume()

    def _ask_anew(self) -> None:
        """What was answered goes at once."""
        self._answers = None
        self._drawn()
        self.draw()

    def _show_canvas(self) -> None:
        self._frame_due = False
        pixels = self._canvas.pixels
        if self._at_pen:  # the pen itself, while it is moved by keys
            pixels = pixels.copy()
            x, y = (min(SIDE - 1, int(place)) for place in self._pen)
            pixels[y, x] = 255 - pixels[y, x]
        self.query_one(CanvasView).show(pixels)

    def draw(self) -> None:
        if not self.is_mounted:
            return
        self._show_canvas()
        self._show_answers()
        self._show_seen()

    def _show_answers(self) -> None:
        self.query_one("#draw-answer-lines", SteadyLines).show(self._lines())

    def _show_seen(self) -> None:
        self._rest.pause()
        seen = None if self._canvas.empty else like_mnist(self._canvas.pixels)
        self.query_one("#draw-seen", Picture).show(seen)

    def _lines(self) -> list[Line]:
        width = self.query_one("#draw-answer-lines").size.width
        if self._fault:
            return wrapped(self._fault, "bad", width)
        if not self.models:
            return wrapped(NO_MODEL, "muted", width)
        if self._canvas.empty:
            return wrapped(EMPTY, "muted", width)
        if self._answers is None:
            return wrapped("asking the models…", "muted", width)
        return answer_lines(self.models, self._answers, width)

    # What is asked for

    @on(CanvasView.Stroke)
    def _stroke(self, message: CanvasView.Stroke) -> None:
        if message.first:
            self._canvas.begin()
        self._at_pen = False
        self._pen = message.end
        self._canvas.line(message.start, message.end, erase=message.erase)
        self._drawn()

    def action_move(self, x: int, y: int) -> None:
        """Move the pen; draw where it is down."""
        start = self._pen
        self._pen = (
            min(SIDE - 0.5, max(0.5, start[0] + x)),
            min(SIDE - 0.5, max(0.5, start[1] + y)),
        )
        self._at_pen = True
        if self._down:
            self._canvas.line(start, self._pen, erase=self._erases)
        self._drawn()

    def action_pen(self) -> None:
        self._down = not self._down
        self._at_pen = True
        if self._down:
            self._canvas.begin()
            self._canvas.line(self._pen, self._pen, erase=self._erases)
        self._say_pen()
        self._drawn()

    def action_eraser(self) -> None:
        self._erases = not self._erases
        self._say_pen()

    def _say_pen(self) -> None:
        what = "eraser" if self._erases else "pen"
        title = f"{what} down" if self._down else f"canvas · {what} up"
        self.query_one("#draw-canvas-panel").border_title = title

    def action_clear(self) -> None:
        if not self._canvas.empty:
            self._canvas.clear()
            self._ask_anew()

    def action_undo(self) -> None:
        if self._canvas.undo():
            self._drawn()

    def action_seen(self) -> None:
        self.toggle_class("seen")
        self.call_after_refresh(self.draw)

    def on_resize(self, event: Resize) -> None:
        self.set_class(event.size.height < LINES_FOR_BOTH, "short")
        self.refresh_bindings()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return action != "seen" or self.has_class("short")

    def action_models(self) -> None:
        if not self._able:
            return
        chosen = {folder.run_id for folder in self.models}
        answers = [
            (folder.run_id, f"{'✓' if folder.run_id in chosen else ' '} {folder.run_id}")
            for folder in self._able
        ]

        def answered(run_id: str) -> None:
            folder = next((one for one in self._able if one.run_id == run_id), None)
            if folder is None:
                return
            if folder in self.models:
                self.models = [one for one in self.models if one != folder]
            else:
                self.models = [folder, *self.models][:MOST_MODELS]
            self._ask_anew()

        question = f"Which model is to answer, or no more? At most {MOST_MODELS} do."
        self.ask_for(ChoiceDialog(question, answers), answered)

    @work(exclusive=True, group="draw-load")
    async def action_load(self) -> None:
        try:
            if self._images is None:
                self._images = await asyncio.to_thread(read_test_images, None, None)
        except UserError as error:
            self.workbench.complain(error)
            return
        index = int(np.random.default_rng().integers(len(self._images)))
        self._canvas.show(self._images.pixels(index))
        self.query_one(TitleBar).detail = f"test image {index}"
        self._drawn()

    def action_save(self) -> None:
        if self._canvas.empty:
            self.app.notify("Nothing is drawn yet.")
            return
        image = like_mnist(self._canvas.pixels)
        path = self.workbench.home.path / DRAWINGS

        def answered(answer: str) -> None:
            self.workbench.home.ensure()
            train, test = add_drawing(path, image, int(answer))
            self._canvas.clear()
            self._ask_anew()
            self.app.notify(
                f"Kept as a {answer}: {train} to train, {test} to test. Use them with "
                f"--dataset {path}",
                markup=False,
            )

        guess = 0
        if self._answers is not None and self._answers.tables:
            tables = [table[0] for table in self._answers.tables.values()]
            guess = int(np.sum(tables, axis=0).argmax())
        answers = [(str(number), str(number)) for number in range(CLASSES)]
        self.ask_for(ChoiceDialog("What is it?", answers, str(guess)), answered)


def models_for_drawings(home: Home) -> list[RunFolder]:
    """Finished runs with a model of MNIST's images and classes, the newest first."""
    able = []
    try:
        folders = all_runs(home)
    except UserError:  # said when the app was opened
        return []
    for folder in folders:
        try:
            record, data = folder.record, folder.spec.dataset
        except UserError:  # a damaged run answers nothing, nor does a script
            continue
        fits = data.image_shape == (28, 28, 1) and data.classes == CLASSES
        if fits and data.name in ("mnist", DRAWINGS) and folder.model_file.is_file():
            able.append((record.created_at, folder))
    return [folder for _, folder in sorted(able, key=lambda one: one[0], reverse=True)]


def answer_lines(models: list[RunFolder], answers: Answers, width: int) -> list[Line]:
    """A line a class with a bar a model, under the models' names and their answers."""
    column = max(9, min(18, (width - 2) // len(models) - 1))
    names, verdicts = [("  ", "")], [("  ", "")]
    rows = [[(f"{number} ", "muted")] for number in range(CLASSES)]
    for folder in models:
        names.append((f"{folder.spec.preset:<{column}.{column}} ", "muted"))
        table = answers.tables.get(folder.run_id)
        shares = [0.0] * CLASSES if table is None else table[0].tolist()
        best = None if table is None else shares.index(max(shares))
        verdict = ("cannot", "bad")
        if best is not None:
            verdict = (f"{best}  {100 * shares[best]:.0f} %", "strong")
        verdicts.append((f"{verdict[0]:<{column}} ", verdict[1]))
        for number, row in enumerate(rows):
            drawn = bar(shares[number], column - 1)
            row.append((f"{drawn:<{column}} ", "accent" if number == best else "muted"))
    lines: list[Line] = [names, verdicts, [], *rows]
    for fault in answers.faults.values():
        lines += wrapped(fault, "bad", width)
    return lines
