"""The curves of up to six runs, or groups of them, in one frame, each with a mark of its own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from textual import on
from textual.app import ComposeResult

from workbench.errors import UserError
from workbench.formats import count, metric_text
from workbench.leaderboard.grouping import Group
from workbench.leaderboard.paper import RowComparison
from workbench.leaderboard.table import Piece
from workbench.runs.curves import Axis, CurveView, Metric, Samples, Window, axis_style, index_at
from workbench.runs.folder import RunFolder
from workbench.runs.summary import RunSummary, ScriptSummary
from workbench.settings import Home
from workbench.text import one_line
from workbench.tui.charts import PlotOptions, YAxis, place_text, scale_words, settled, x_ticks
from workbench.tui.plotting import (
    OVERLAY_MARKS,
    OVERLAY_ROLES,
    Band,
    Chart,
    Series,
    column_of,
    column_span,
    shown_mark,
    terminal_glyphs,
)
from workbench.tui.screens.curves import CurvePlot, CurvePlots
from workbench.tui.widgets.steady_lines import Line, SteadyLines
from workbench.tui.widgets.words import fit, say_in_border

MOST = len(OVERLAY_MARKS)
TRAIN = "train"
_FIRST = (Metric.ACCURACY, Metric.LOSS)  # of the metrics
ALWAYS = ("model", "optimizer", "rate", "seed")  # in a label; the seed of a curve alone

Subject = RunSummary | ScriptSummary | Group  # what has a curve


@dataclass(frozen=True)
class Quantity:
    """What the curves are of: a metric of the training, or of what was evaluated beside it."""

    part: str  # train, test or validation
    metric: str

    @property
    def text(self) -> str:
        """`test accuracy`."""
        return f"{self.part} {one_line(self.metric)}"


@dataclass(frozen=True)
class Curve:
    """A run's curves by part: of training by its chunks, of what was evaluated by epochs."""

    parts: Mapping[str, Samples] = field(default_factory=dict)
    span: float = 1.0  # the optimizer steps over which smoothing keeps its weight
    fault: str = ""  # why there is none, in a word


LOADING = Curve(fault="reading …")


@dataclass(frozen=True)
class Shown:
    """What is selected, with its place among the selected, which decides mark and colour."""

    label: str
    place: int
    curves: Sequence[Curve]  # of one run, or of all that count of a group

    @property
    def note(self) -> str:
        """What is to be said where there is no curve."""
        faults = [curve.fault for curve in self.curves]
        said = LOADING.fault if LOADING.fault in faults else "gone"
        return f" ({said})" if faults and all(faults) else ""


@dataclass(frozen=True)
class Points:
    """One curve as drawn: of several runs their mean, between the least and the greatest."""

    xs: Sequence[float] = ()
    ys: Sequence[float] = ()
    lows: Sequence[float] = ()
    highs: Sequence[float] = ()


def read_curve(home: Home, run_id: str) -> Curve:
    """A run's curve from its folder. Reads the whole log."""
    from workbench.tui.screens.train.state import RunReader

    try:
        state = RunReader(RunFolder(home.runs / run_id)).open()
    except (UserError, OSError):
        return Curve(fault="gone")
    return Curve({state.record.tested_on: state.test, TRAIN: state.train}, state.smoothing_span)


def draw_lines(
    shown: Sequence[Shown], quantity: Quantity, view: PlotOptions, columns: int
) -> list[Points]:
    """The curve of each, in no more points than can be seen; an empty one where there is none."""
    found = [
        [
            (curve.parts[quantity.part], curve.span)
            for curve in item.curves
            if quantity.metric in curve.parts.get(quantity.part, Samples(1)).names
        ]
        for item in shown
    ]
    ends = [samples.xs(view.axis) for runs in found for samples, _ in runs]
    window = Window(
        min((xs[0] for xs in ends), default=0.0), max((xs[-1] for xs in ends), default=1.0)
    )
    weight = view.smoothing if quantity.part == TRAIN else 0.0

    def points(samples: Samples, span: float) -> tuple[list[float], list[float]]:
        curve = CurveView(quantity.metric)
        curve.update(samples, view.axis, window, columns, weight, span)
        return curve.smooth if weight else curve.raw

    lines = ([points(*run) for run in runs] for runs in found)
    return [_together([line for line in several if line[0]], columns) for several in lines]


def _together(lines: Sequence[tuple[list[float], list[float]]], columns: int) -> Points:
    if len(lines) < 2:
        return Points(*lines[0]) if lines else Points()
    import numpy as np

    # Where all of them have a value. Chunks end elsewhere in each run, epochs at the same step.
    first, last = max(xs[0] for xs, _ in lines), min(xs[-1] for xs, _ in lines)
    places = np.array(sorted({x for xs, _ in lines for x in xs if first <= x <= last}))
    if len(places) > columns:
        places = np.linspace(first, last, columns)
    values = np.array([np.interp(places, xs, ys) for xs, ys in lines])
    return Points(
        *(part.tolist() for part in (places, values.mean(0), values.min(0), values.max(0)))
    )


def overlay_chart(
    shown: Sequence[Shown],
    lines: Sequence[Points],
    quantity: Quantity,
    view: PlotOptions,
    columns: int,
    rows: int,
) -> Chart:
    """All curves in one frame whose axes hold them all."""
    y_axis = YAxis(quantity.metric)
    scale = y_axis.scale([y for line in lines for y in line.ys], view.log)
    held = [values for item, line in zip(shown, lines, strict=True)
            for values in _settled(item, line, quantity, view.axis)]  # fmt: skip
    y_range, y_ticks = y_axis.fit(held, rows, scale, None)
    ends = [end for line in lines if line.xs for end in (line.xs[0], line.xs[-1])] or [0.0, 1.0]
    low, high = min(ends), max(ends)
    room = 0.02 * (high - low) or 0.5
    curves, bands = [], []
    for item, line in zip(shown, lines, strict=True):
        role, mark = OVERLAY_ROLES[item.place], OVERLAY_MARKS[item.place]
        ys, lows, highs = ([scale.forward(y) for y in values]
                           for values in (line.ys, line.lows, line.highs))  # fmt: skip
        if ys:
            curves.append(Series(item.label, line.xs, ys, role, mark=mark))
        if lows:
            bands.append(Band(line.xs, lows, highs, role.band))
    return Chart(
        tuple(curves),
        (low - room, high + room),
        y_range,
        x_ticks(view.axis, Window(low, high), columns),
        y_ticks,
        bands=tuple(bands),
    )


def _settled(item: Shown, line: Points, quantity: Quantity, axis: Axis) -> list[Sequence[float]]:
    """The values that the y axis is to hold: of training those after the first epoch."""
    values = [line.lows, line.highs] if line.lows else [line.ys]
    if quantity.part != TRAIN:
        return values
    starts = []
    for train in (curve.parts[TRAIN] for curve in item.curves if TRAIN in curve.parts):
        # Half of the only epoch of a run that has but one.
        epochs = min(1.0, train.xs(Axis.EPOCHS)[-1] / 2) if len(train) else 1.0
        starts.append(settled(train, axis, epochs))
    start = min((at for at in starts if at is not None), default=0.0)
    after = sum(x < start for x in line.xs)
    return [part[after:] for part in values]


class Overlay(CurvePlots):
    """The plot over lines that say whose curve is whose. Hidden while nothing is selected."""

    def __init__(self) -> None:
        super().__init__(classes="panel")
        self._shown: list[Shown] = []
        self._shared = ""
        self._wanted = Quantity("test", Metric.ACCURACY)
        self._lines: list[Points] = []  # as drawn last
        self._x_range = (0.0, 1.0)

    def compose(self) -> ComposeResult:
        yield CurvePlot().data_bind(CurvePlots.cursor)
        yield SteadyLines(id="legend")

    def show(self, shown: Sequence[Shown], shared: str) -> None:
        """Draw these; `shared` is what is the same in all of them."""
        self._shown, self._shared, self._lines = list(shown), shared, []
        self.set_class(bool(shown), "shown")
        if not shown:
            self.cursor = None
        self.draw_now()

    @property
    def quantities(self) -> list[Quantity]:
        """What there is to see of the runs on view."""
        found = dict.fromkeys(
            Quantity(part, name)
            for item in self._shown
            for curve in item.curves
            for part, samples in curve.parts.items()
            for name in sorted(samples.names, key=lambda name: (name not in _FIRST, name))
        )
        # What is evaluated first, and all of one kind together.
        return sorted(found, key=lambda one: (one.part == TRAIN, one.metric not in _FIRST))

    @property
    def quantity(self) -> Quantity:
        """What is on view: the one chosen, or where no run has that the first there is."""
        known = self.quantities
        return self._wanted if self._wanted in known or not known else known[0]

    def next_quantity(self, step: int) -> None:
        """Another metric, or another part of the runs."""
        known = self.quantities
        if known:
            self._wanted = known[(known.index(self.quantity) + step) % len(known)]
            self.draw_now()

    def draw_now(self) -> None:
        if not self._shown:
            return
        self._say()
        shown, quantity, view = self._shown, self.quantity, self.view

        def make(columns: int, rows: int) -> Chart:  # on the drawing thread
            lines = draw_lines(shown, quantity, view, columns)
            chart = overlay_chart(shown, lines, quantity, view, columns, rows)
            self._lines, self._x_range = lines, chart.x_range
            return chart

        self.query_one(CurvePlot).draw(make)

    def newest_column(self) -> int | None:
        """Where the longest curve ends."""
        ends = [line.xs[-1] for line in self._lines if line.xs]
        return column_of(max(ends), self._x_range, self.columns) if ends else None

    def watch_cursor(self) -> None:
        self._say()

    @on(CurvePlot.Drawn)
    def _say(self) -> None:
        """What is on view, and whose curve is whose."""
        view, quantity = self.view, self.quantity
        how = scale_words(axis_style(quantity.metric, (), view.log), view.log)
        title = f"{quantity.text}{how}"
        parts = [f"x: {view.axis}"]
        if quantity.part == TRAIN:
            parts.append(f"smoothing {view.smoothing:g}" if view.smoothing else "not smoothed")
        if any(line.lows for line in self._lines):
            parts.append("shaded: least to greatest")
        drawn = next((line for line in self._lines if line.xs), None)
        if self.cursor is not None and drawn is not None:
            parts = [place_text(view.axis, drawn.xs[index_at(drawn.xs, self._x) or 0])]
        said = f"{title} · {self._shared}" if self._shared else title
        say_in_border(self, said, "   ".join(parts))
        legend = self.query_one("#legend", SteadyLines)
        legend.show(self._legend(max(1, legend.size.width or self.size.width - 4)))

    @property
    def _x(self) -> float:
        """The place under the cursor."""
        return sum(column_span(self.cursor or 0, self._x_range, self.columns)) / 2

    def _legend(self, width: int) -> Sequence[Line]:
        """As many in a line as there is room for; where the cursor is out, each with its value."""
        glyphs, metric = self.query_one(CurvePlot).glyphs, self.quantity.metric
        rows: list[list[Piece]] = [[]]
        used = 0
        for place, item in enumerate(self._shown):
            line = self._lines[place] if place < len(self._lines) else None
            value = item.note
            if line is not None and not line.xs:
                value = value or f" (no {self.quantity.text})"
            elif line is not None and self.cursor is not None:
                at = index_at(line.xs, self._x) or 0
                value = f" {metric_text(metric, line.ys[at])}"
            role = OVERLAY_ROLES[item.place].word
            name = f"{shown_mark(OVERLAY_MARKS[item.place], glyphs)} {one_line(item.label)}"
            name = fit(name, min(len(name), max(3, width - len(value))), False)
            if used and used + len(name) + len(value) > width:
                rows.append([])
                used = 0
            rows[-1] += [(name, role), (value, "strong"), ("   ", "")]
            used += len(name) + len(value) + 3
        return rows


def labelled(subjects: Sequence[Subject]) -> tuple[list[str], str]:
    """A label for each that names what differs between them, and the model where all are of one.

    Beyond model, optimizer and rate only what it takes to tell them apart, at last the run's id.
    """
    facts = [_facts(subject) for subject in subjects]
    alone = len(facts) == 1
    words: list[list[str]] = [[] for _ in facts]
    shared = facts[0]["model"] if facts else ""
    for name in dict.fromkeys(name for one in facts for name in one):
        values = [one.get(name, "") for one in facts]
        apart = len({tuple(one) for one in words}) == len(words)
        differ = len(set(values)) > 1 and (name in ALWAYS[:-1] or not apart)
        if differ or (alone and name in ALWAYS):
            shared = "" if name == "model" else shared
            for one, value in zip(words, values, strict=True):
                # A rate alone would not be known for one.
                bare = name == "rate" and len({fact.get("optimizer") for fact in facts}) == 1
                one += [f"lr {value}" if bare and not alone else value] if value else []
    labels = [" ".join(one) for one in words]
    counted = Counter(labels)
    for place, subject in enumerate(subjects):
        if counted[labels[place]] > 1:
            run_id = runs_of(subject)[0].run_id.partition("-")[0]
            labels[place] = f"{labels[place]} {run_id}".strip()
    return labels, shared


def _facts(subject: Subject) -> dict[str, str]:
    """What a curve is of, in short words; "" where it goes without saying."""
    if isinstance(subject, ScriptSummary):
        settings = {f"config {name}": f"{name} {value}" for name, value in subject.config.items()}
        return {"model": subject.title, **settings}
    run = subject.example if isinstance(subject, Group) else subject
    optimizer, _, more = run.optimizer_text.rstrip(")").partition(" (")
    several = len(runs_of(subject)) if isinstance(subject, Group) else 0
    return {
        "model": run.preset,
        "optimizer": optimizer,
        "rate": f"{run.learning_rate:g}".removeprefix("0"),
        "optimizer's": more,
        "batch": f"batch {run.batch_size}",
        "epochs": count(run.epochs, "epoch"),
        "schedule": "" if run.schedule == "constant" else run.schedule.replace("_", " "),
        "precision": "" if run.precision == "float32" else run.precision,
        "data": "" if run.dataset == "mnist" else run.dataset,
        "images": run.images_text,
        "seed": f"mean of {several}" if several > 1 else f"seed {run.seed}",
    }


def runs_of(subject: Subject) -> Sequence[RunSummary | ScriptSummary]:
    """The runs whose curves are drawn for it: one, or those that a group's mean is of."""
    if isinstance(subject, Group):
        return subject.learned or subject.trials
    return [subject]


def subject_of(row: object) -> Subject | None:
    """What of a row has a curve; None where nothing has."""
    match row:
        case RunSummary() | ScriptSummary():
            return row
        case RowComparison():
            return subject_of(row.ours)
        case Group() if row.trials:
            return row
    return None


class Selection:
    """What is selected, by the key of its row, with its place, which decides mark and colour."""

    def __init__(self) -> None:
        self._slots: dict[str, tuple[int, Subject]] = {}

    def __len__(self) -> int:
        return len(self._slots)

    @property
    def slots(self) -> list[tuple[int, Subject]]:
        """What is selected, in the order of the places."""
        return sorted(self._slots.values(), key=lambda slot: slot[0])

    @property
    def subjects(self) -> list[Subject]:
        """The same without the places."""
        return [subject for _, subject in self.slots]

    @property
    def run_ids(self) -> list[str]:
        """All runs whose curves are on view."""
        return [run.run_id for subject in self.subjects for run in runs_of(subject)]

    @property
    def marks(self) -> dict[str, Piece]:
        """The mark of each selected row, in its colour."""
        glyphs = terminal_glyphs()
        return {
            key: (shown_mark(OVERLAY_MARKS[place], glyphs), OVERLAY_ROLES[place].word)
            for key, (place, _) in self._slots.items()
        }

    def toggle(self, key: str, subject: Subject) -> bool:
        """Select it, or no longer; False where there was no room for it."""
        if key in self._slots:
            del self._slots[key]
            return True
        taken = {place for place, _ in self._slots.values()}
        free = [place for place in range(MOST) if place not in taken]
        if free:
            self._slots[key] = free[0], subject
        return bool(free)

    def renew(self, now: Callable[[Subject], Subject | None]) -> None:
        """Take what each has become; forget what is gone."""
        found = {key: (place, now(subject)) for key, (place, subject) in self._slots.items()}
        self._slots = {key: (place, one) for key, (place, one) in found.items() if one is not None}
