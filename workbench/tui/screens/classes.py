"""The screen of a model's results class by class, beside how far its confidence can be trusted."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal

from workbench.formats import MISSING, bare_percent, number, percent
from workbench.leaderboard.table import Column
from workbench.predictions.answers import (
    Calibration,
    ClassOrder,
    ClassResult,
    by_class,
    calibration,
)
from workbench.predictions.of_run import Predictions
from workbench.runs.folder import RunFolder
from workbench.settings import style_sheet
from workbench.tui.plotting import Chart, Role, Series
from workbench.tui.screens.answers import AnswersScreen, panel
from workbench.tui.screens.base import COPY_ID
from workbench.tui.screens.curves import CurvePlot
from workbench.tui.widgets.bars import TitleBar
from workbench.tui.widgets.row_list import RowList
from workbench.tui.widgets.steady_lines import SteadyLines, wrapped


def class_key(result: ClassResult) -> str:
    return str(result.number)


def _share(name: str) -> Callable[[ClassResult, int], str]:
    return lambda result, width: bare_percent(getattr(result, name))


COLUMNS = (
    Column("class", "class", 6, right=True, say=lambda result, width: str(result.number)),
    Column("images", "images", 6, weight=1, right=True,
           say=lambda result, width: f"{result.images:,}"),
    Column("precision", "prec. %", 7, right=True, say=_share("precision")),
    Column("recall", "recall %", 8, right=True, say=_share("recall")),
    Column("f1", "F1", 6, right=True, say=lambda result, width: number(result.f1, ".4f")),
)  # fmt: skip
TICKS = tuple((share / 4, f"{25 * share} %") for share in range(5))


class ClassesScreen(AnswersScreen):
    """One run's classes; `chosen` is told which class's images are to be looked at."""

    PLACE = "Classes"
    CSS_PATH: ClassVar = style_sheet("classes")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "images", "its images", tooltip="The wrong images of this class"),
        Binding("greater_than_sign,s", "sort(1)", "sort", key_display=">",
                tooltip="By class, or the worst first by precision, recall or F1"),
        Binding("less_than_sign", "sort(-1)", show=False, tooltip="Sort by the column before"),
        Binding("escape", "step_out", "back", key_display="esc", tooltip="Back"),
        COPY_ID,
    ]  # fmt: skip

    def __init__(self, folder: RunFolder, chosen: Callable[[int], None]) -> None:
        super().__init__()
        self._folder, self._chosen = folder, chosen
        self._run: Predictions | None = None
        self._results: list[ClassResult] = []
        self._trust: Calibration | None = None

    @property
    def run_here(self) -> str:
        return self._folder.run_id

    def body(self) -> ComposeResult:
        yield SteadyLines(id="classes-head")
        with Horizontal():
            with panel("classes-list", "by class"):
                yield RowList(class_key)
            with panel("classes-trust", "accuracy by confidence"):
                yield CurvePlot(id="classes-plot")

    def on_mount(self) -> None:
        self.query_one(TitleBar).detail = self._folder.run_id
        listing = self.query_one(RowList)
        listing.sorted_by = ClassOrder.CLASS
        listing.show((), COLUMNS)
        listing.focus()
        self.ask(self._load)

    async def _load(self) -> None:
        [self._run] = await self.answers_of([self._folder])
        self._results, self._trust = by_class(self._run), calibration(self._run)
        self._list()
        self.draw()

    def _list(self) -> None:
        listing = self.query_one(RowList)
        self._results = ClassOrder(listing.sorted_by).sort(self._results)
        # The cursor goes to the worst, where it is sorted by them.
        listing.show(self._results, COLUMNS, key=next(map(class_key, self._results), None))

    def say(self, sentence: str, word: str = "muted") -> None:
        lines = wrapped(sentence, word, self.size.width - 2, 3)
        self.query_one("#classes-head", SteadyLines).show(lines)

    def draw(self) -> None:
        run, trust = self._run, self._trust
        if run is None or trust is None:
            return
        known = [result.f1 for result in self._results if result.f1 is not None]
        mean = number(sum(known) / len(known), ".4f") if known else MISSING
        accuracy = f"accuracy {percent(run.accuracy)} of {len(run):,} images"
        head = [(f"{accuracy}   F1 {mean}, the mean of the classes", "strong")]
        sentence = wrapped(trust.sentence, "", self.size.width - 2, 2)
        self.query_one("#classes-head", SteadyLines).show([head, *sentence])
        self.query_one(CurvePlot).draw(lambda columns, rows: reliability_chart(trust))

    def action_sort(self, step: int) -> None:
        orders = list(ClassOrder)
        now = orders.index(ClassOrder(self.query_one(RowList).sorted_by))
        self._sort_by(orders[(now + step) % len(orders)])

    @on(RowList.HeadingClicked)
    def _heading_clicked(self, event: RowList.HeadingClicked) -> None:
        if event.column in list(ClassOrder):
            self._sort_by(event.column)

    def _sort_by(self, column: str) -> None:
        self.query_one(RowList).sorted_by = column
        self._list()

    @on(RowList.Opened)
    def action_images(self) -> None:
        key = self.query_one(RowList).key
        if key is not None:
            self.app.pop_screen()
            self._chosen(int(key))


def reliability_chart(trust: Calibration) -> Chart:
    """Accuracy by confidence, beside the line on which both are the same (Guo et al., 2017)."""
    xs = [part.confidence for part in trust.filled]
    ys = [part.accuracy for part in trust.filled]
    return Chart(
        series=(
            Series("as sure as right", (0.0, 1.0), (0.0, 1.0), Role.PAPER),
            Series("", xs, ys, Role.TRAIN),
            Series("", xs, ys, Role.TRAIN, line=False, mark="●"),
        ),
        x_range=(0.0, 1.0),
        y_range=(0.0, 1.0),
        x_ticks=TICKS,
        y_ticks=TICKS,
    )
