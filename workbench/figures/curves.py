"""From traces to a figure: a run's training and test together, several runs' side by side.

Runs are told apart by line and mark, as well as by colour.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import fill
from typing import TYPE_CHECKING, Any

from workbench.figures.rendering import (
    COLOURS,
    GREY,
    INK,
    PAPER_LINE,
    RAW_LINE,
    TEST_LINE,
    TRAIN_LINE,
    ImageFormat,
    render_figure,
    run_line,
)
from workbench.figures.traces import CurveOptions, Quantity, Trace, heading, labels
from workbench.formats import clock, count, percent
from workbench.runs.curves import Axis, CurveView, Metric, Samples, Window
from workbench.text import one_line

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


# Where an accuracy axis may begin, as fractions.
FLOORS = (0.0, 0.2, 0.4, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.92, 0.94, 0.95, 0.96, 0.97, 0.98,
          0.985, 0.99)  # fmt: skip
# One wrong image of 10,000: a logarithm needs an end.
LEAST_ERROR = 1e-4
LEAST_LOSS = 1e-6
# Of the values at the far end, this share may lie outside: the first steps of a training.
OUTLIERS = 0.08
ERROR_TICKS = (0.9, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001, 0.0005, 0.0002, 0.0001)
SECONDS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400,
           28800, 86400)  # fmt: skip
MOST_TICKS = 6
X_NAMES = {Axis.EPOCHS: "epoch", Axis.STEPS: "step", Axis.TIME: "training time"}

Range = tuple[float, float]
Line = tuple[list[float], list[float]]  # x and y of its points
Legend = list[tuple[str, dict[str, Any]]]  # the words, and the style of the line beside them


def place(metric: Quantity, value: float) -> float:
    """Where a value is drawn; on the logarithmic axis of accuracies, errors are."""
    if not metric.log:
        return value
    if metric.style is Metric.ACCURACY:
        return max(LEAST_ERROR, 1.0 - value)
    return max(LEAST_LOSS, value)


def limits(
    metric: Quantity, curves: Sequence[Sequence[float]], marks: Sequence[float] = ()
) -> Range:
    """The y range, lower end first, for curves of finite places; `marks` lie inside in any case.

    A few values at a curve's worse end may lie outside, so that the first steps of a training
    do not press all others together.
    """
    worse = metric.log or metric.style is Metric.LOSS
    bounds = [_without_outliers(values, top=worse) for values in curves if values]
    if metric.style is None:  # neither end is the worse one
        bounds = [(min(values), max(values)) for values in curves if values]
    low = min([bound[0] for bound in bounds] + list(marks), default=0.0)
    high = max([bound[1] for bound in bounds] + list(marks), default=1.0)
    if metric.log:
        return low / 1.25, high * 1.25
    if metric.style is None:
        room = 0.05 * (high - low) or 0.05 * abs(high) or 1.0
        return low - room, high + room
    if metric.style is Metric.ACCURACY:
        # A little below the lowest, so that its mark is whole.
        floor = max((one for one in FLOORS if one <= low - 0.02 * (1.0 - one)), default=0.0)
        return floor, 1.0 + 0.01 * (1.0 - floor)
    return 0.0, max(1.05 * high, LEAST_LOSS)


def _without_outliers(values: Sequence[float], *, top: bool) -> Range:
    ordered = sorted(values)
    dropped = int(len(ordered) * OUTLIERS)
    kept = ordered[: len(ordered) - dropped] if top else ordered[dropped:]
    return kept[0], kept[-1]


def held(values: Sequence[float], within: Range, log: bool) -> list[float]:
    """The values, those far outside drawn in: astronomic ones break the arithmetic of drawing."""
    low, high = within
    if log:
        return [min(max(value, low / 1e3), high * 1e3) for value in values]
    room = 10 * (high - low)
    return [min(max(value, low - room), high + room) for value in values]


def dress_y(axes: Axes, metric: Quantity, within: Range) -> None:
    """Limits, scale, ticks and name of the y axis."""
    from matplotlib.ticker import MaxNLocator

    log, accuracy = metric.log, metric.style is Metric.ACCURACY
    name = one_line(metric.name) + (" (%)" if accuracy else "")
    axes.set_ylabel(f"{name}, log scale" if log else name)
    if log:
        axes.set_yscale("log")
        axes.minorticks_off()
        ticks = _log_ticks(*within, accuracy)
        words = [f"{100 * (1 - tick):.4g}" if accuracy else f"{tick:.3g}" for tick in ticks]
    else:
        placed = MaxNLocator(MOST_TICKS, steps=[1, 2, 5, 10]).tick_values(*within)
        ticks = [float(tick) for tick in placed if within[0] <= tick <= within[1]]
        words = _alike([100 * tick for tick in ticks] if accuracy else ticks)
    axes.set_yticks(ticks, words)
    axes.set_ylim(*(reversed(within) if log and accuracy else within))


def _alike(values: Sequence[float]) -> list[str]:
    """The numbers with as many decimals as all of them need."""
    if max((abs(value) for value in values), default=0.0) >= 1e6:
        return [f"{value:.3g}" for value in values]
    decimals = next(
        (d for d in range(8) if all(abs(value - round(value, d)) < 1e-9 for value in values)), 8
    )
    return [f"{value:,.{decimals}f}" for value in values]


def _log_ticks(low: float, high: float, accuracy: bool) -> list[float]:
    """Of accuracies the errors; else 1, 2 and 5 of each power of ten, or that alone."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    ticks = [factor * 10.0**power for power in powers for factor in (1, 2, 5)]
    inside = [tick for tick in (ERROR_TICKS if accuracy else ticks) if low <= tick <= high]
    if accuracy or len(inside) <= 2 * MOST_TICKS:
        return inside
    return [tick for tick in inside if round(math.log10(tick), 6).is_integer()]


def dress_x(axes: Axes, x: Axis, length: float) -> None:
    """Limits, ticks and name of the x axis; `length` in the axis's own unit."""
    from matplotlib.ticker import MaxNLocator, MultipleLocator

    length = length or 1.0
    # A little more, so that the last test's mark is whole.
    axes.set_xlim(0.0, 1.02 * length)
    if x is Axis.TIME:
        step = next((one for one in SECONDS if length / one <= MOST_TICKS), SECONDS[-1])
        unit = "h:min:s" if length >= 3600 else "min:s" if length >= 60 else "s"
        axes.set_xlabel(f"{X_NAMES[x]} ({unit})")
        axes.xaxis.set_major_locator(MultipleLocator(max(step, length / 50)))
        axes.xaxis.set_major_formatter(lambda value, _: axis_time(value, length))
        return
    axes.set_xlabel(X_NAMES[x])
    whole = length >= 2
    axes.xaxis.set_major_locator(MaxNLocator(MOST_TICKS, integer=whole, steps=[1, 2, 2.5, 5, 10]))
    axes.xaxis.set_major_formatter("{x:,.0f}" if whole else "{x:.4g}")


def axis_time(seconds: float, longest: float) -> str:
    """Seconds as they are written on an axis that reaches to `longest`."""
    return f"{seconds:.4g}" if longest < 60 else clock(seconds)


def where(x: Axis, value: float, longest: float) -> str:
    """A place on the x axis in words: `epoch 1.3`, `step 1,200`, `1:05`."""
    match x:
        case Axis.EPOCHS:
            return f"epoch {value:.3g}"
        case Axis.STEPS:
            return f"step {value:,.0f}"
    return axis_time(value, longest) + (" s" if longest < 60 else "")


WIDTH = 7.4  # inches: the text of an A4 page and a little more
PANEL_HEIGHT = 2.6
LINE_INCHES = 0.185
TITLE_INCHES = 0.27  # from the upper edge to the line beneath the title
WIDEST_LEGEND = 92  # letters
COLUMNS = 400  # points across; more are not seen on paper
STILL_TRAINING = "still training"


@dataclass(frozen=True)
class _Curve:
    """One line in a panel, in the places where it is drawn."""

    xs: list[float]
    ys: list[float]
    style: dict[str, Any]
    bounds: bool = True  # whether the y range has to hold it


def render(traces: Sequence[Trace], view: CurveOptions, form: ImageFormat) -> bytes:
    return render_figure(lambda: curves_figure(traces, view), form)


def curves_figure(traces: Sequence[Trace], view: CurveOptions) -> Figure:
    """The figure of one to six runs; to be called and saved under `rendering.STYLE`.

    One run: a panel a metric, with training and test in it. Several: a column of panels for
    the test, where there is one, and one for the training, a row a metric.
    """
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    single = len(traces) == 1
    rows = 1 if single else len(view.metrics)
    tested = any(len(trace.test) for trace in traces)
    columns = len(view.metrics) if single else 1 + tested
    legend = _legend_of_run(traces[0], view) if single else _legend_of_runs(traces, view)
    names = [_wrapped(name, WIDEST_LEGEND) for name, _ in legend]
    title, beneath = heading(traces)
    beneath = _wrapped(beneath, WIDEST_LEGEND + 12)
    longest = max((len(line) for name in names for line in name.split("\n")), default=1)
    legend_columns = max(1, min(len(names), 4, (WIDEST_LEGEND + 14) // (longest + 9)))
    lines = sum(name.count("\n") + 1 for name in names) / legend_columns
    lines += (1.4 if title else 0) + (beneath.count("\n") + 1 if beneath else 0)
    figure = Figure(
        figsize=(WIDTH, PANEL_HEIGHT * rows + LINE_INCHES * (lines + 2)), layout="constrained"
    )
    grid = figure.subplots(rows, columns, squeeze=False)
    for index, name in enumerate(view.metrics):
        metric = Quantity.of(name, traces, view)
        if single:
            _draw_run(grid[0][index], traces[0], metric, view)
        else:
            _draw_runs(grid[index], traces, metric, view, top=index == 0)
    _head(figure, title, beneath)
    figure.legend(
        [Line2D([], [], **style) for _, style in legend],
        names,
        loc="outside lower left",
        ncols=legend_columns,
        alignment="left",
        handlelength=3.4,
        columnspacing=2.0,
    )
    return figure


def _wrapped(text: str, letters: int) -> str:
    """The text in lines that end after a comma or a semicolon, where that is possible."""
    held = text.replace(" ", "\u00a0").replace(",\u00a0", ", ").replace(";\u00a0", "; ")
    return fill(held, letters, break_on_hyphens=False).replace("\u00a0", " ")


def _head(figure: Figure, title: str, beneath: str) -> None:
    if not title:
        figure.suptitle(beneath, x=0.01, ha="left", size=9, color=GREY)
        return
    # The layout keeps room for one text only: empty lines of the title hold that of the other.
    room = "\n" * (beneath.count("\n") + 1) if beneath else ""
    figure.suptitle(title + room, x=0.01, ha="left", size=11, weight="bold")
    down = TITLE_INCHES / figure.get_figheight()
    figure.text(0.01, 1.0 - down, beneath, ha="left", va="top", size=9, color=GREY, in_layout=False)


# One run


def _draw_run(axes: Axes, trace: Trace, metric: Quantity, view: CurveOptions) -> None:
    curves = []
    if len(trace.train):
        raw, smooth = _training(trace, metric, view)
        if view.smoothing:
            curves.append(_Curve(*raw, {**RAW_LINE, "gid": f"raw-{metric.name}"}, bounds=False))
        curves.append(_Curve(*smooth, {**TRAIN_LINE, "gid": f"train-{metric.name}"}))
    test = _points(trace.test, metric, view)
    style = {**TEST_LINE, "markevery": _every(len(test[0])), "gid": f"test-{metric.name}"}
    curves.append(_Curve(*test, style))
    marks = []
    if metric.name == Metric.ACCURACY and trace.paper is not None:
        marks.append(place(metric, trace.paper))
    _draw(axes, curves, metric, view, marks, trace.length(view.axis))
    for mark in marks:
        axes.axhline(mark, **PAPER_LINE, gid="paper")
    lost, first = trace.lost(metric.name, view.axis)
    if lost:
        gid = f"lost-{metric.name}"
        axes.axvline(first, color=GREY, linewidth=0.9, linestyle=(0, (2, 2)), gid=gid)
        axes.text(
            0.97, 0.95, _lost_words(trace, metric.name, view).replace(", ", ",\n"),
            transform=axes.transAxes, ha="right", va="top", size=8.5, color=INK,
            bbox={"facecolor": "white", "edgecolor": GREY, "linewidth": 0.6, "pad": 4},
        )  # fmt: skip


def _legend_of_run(trace: Trace, view: CurveOptions) -> Legend:
    legend: Legend = []
    if len(trace.train):
        smoothed = f", smoothed {view.smoothing:g}" if view.smoothing else ""
        legend.append((f"training{smoothed}", TRAIN_LINE))
        if view.smoothing:
            legend.append(("training, unsmoothed", RAW_LINE))
    if len(trace.test):
        last = trace.test.ys(Metric.ACCURACY)[-1]
        shown = Metric.ACCURACY in view.metrics or trace.record.spec is not None
        said = [f"last {percent(last)}"] if shown and math.isfinite(last) else []
        said += [STILL_TRAINING] if trace.alive else []
        words = f" ({', '.join(said)})" if said else ""
        legend.append((f"{trace.record.tested_on}, after each epoch{words}", TEST_LINE))
    if trace.paper is not None and Metric.ACCURACY in view.metrics:
        legend.append((f"paper, {percent(trace.paper)}", PAPER_LINE))
    return legend


# Several runs


def _draw_runs(
    row: Sequence[Axes], traces: Sequence[Trace], metric: Quantity, view: CurveOptions, *, top: bool
) -> None:
    length = max(trace.length(view.axis) for trace in traces)
    tests, trainings = [], []
    for number, trace in enumerate(traces):
        style = run_line(number)
        points = _points(trace.test, metric, view)
        every = _every(len(points[0]))
        gid = f"run-{number + 1}-test-{metric.name}"
        tests.append(_Curve(*points, {**style, "markevery": every, "gid": gid}))
        if len(trace.train):
            _, smooth = _training(trace, metric, view)
            # Marks here and there, each run's at places of its own.
            apart = max(1, len(smooth[0]) // 7)
            spread = (apart * number // len(traces), apart)
            gid = f"run-{number + 1}-train-{metric.name}"
            trainings.append(_Curve(*smooth, {**style, "markevery": spread, "gid": gid}))
    smoothed = f", smoothed {view.smoothing:g}" if view.smoothing else ""
    _draw(row[-1], trainings, metric, view, [], length)
    if top:
        row[-1].set_title(f"training{smoothed}", size=9)
    if len(row) == 1:
        return
    row[-1].set_ylabel("")
    paper = _papers(traces) if metric.name == Metric.ACCURACY else {}
    marks = [place(metric, value) for value in paper]
    _draw(row[0], tests, metric, view, marks, length)
    for mark, number in zip(marks, paper.values(), strict=True):
        # Where there are several, each with the colour and mark of the first run it is meant for.
        colour = INK if len(marks) == 1 else COLOURS[number]
        row[0].axhline(mark, **{**PAPER_LINE, "color": colour}, gid=f"paper-{number + 1}")
        if len(marks) > 1:
            # Outside, where no epoch can be meant by it.
            end = {**run_line(number), "clip_on": False, "markerfacecolor": "white"}
            row[0].plot([1.03], [mark], transform=row[0].get_yaxis_transform(), **end)
    if top:
        data = " or ".join(dict.fromkeys(trace.record.tested_on for trace in traces))
        row[0].set_title(f"{data}, after each epoch", size=9)


def _papers(traces: Sequence[Trace]) -> dict[float, int]:
    """The paper's accuracies, each with the first run it is meant for."""
    found: dict[float, int] = {}
    for number, trace in enumerate(traces):
        if trace.paper is not None:
            found.setdefault(trace.paper, number)
    return found


def _legend_of_runs(traces: Sequence[Trace], view: CurveOptions) -> Legend:
    papers = _papers(traces) if Metric.ACCURACY in view.metrics else {}
    # One line for all needs no word at each run.
    told = len(papers) > 1 or any(trace.paper is None for trace in traces)
    legend: Legend = []
    for number, (trace, name) in enumerate(zip(traces, labels(traces), strict=True)):
        more = []
        if papers and told and trace.paper is not None:
            more.append(f"paper {percent(trace.paper)}")
        if trace.alive:
            more.append(STILL_TRAINING)
        if trace.empty:
            more.append("nothing to draw yet")
        lost = dict.fromkeys(_lost_words(trace, metric, view) for metric in view.metrics)
        more += [words for words in lost if words]
        # A leading underscore would hide the entry.
        shown = f" {name}" if name.startswith("_") else name
        legend.append(("; ".join([shown, *more]), run_line(number)))
    if papers:
        (first, *others) = papers
        words = "paper, with the mark of the run" if others else f"paper, {percent(first)}"
        legend.append((words, PAPER_LINE))
    return legend


# Both


def _training(trace: Trace, metric: Quantity, view: CurveOptions) -> tuple[Line, Line]:
    """The training's own values and the smoothed ones, in no more points than can be seen."""
    curve = CurveView(metric.name)
    window = Window(0.0, trace.length(view.axis) or 1.0)
    curve.update(
        trace.train, view.axis, window, COLUMNS, view.smoothing, max(1.0, trace.smoothing_span)
    )
    # Unsmoothed values are as many as the chunks: their means, as the line behind has them.
    smooth = curve.smooth if view.smoothing else curve.raw
    return _placed(curve.raw, metric), _placed(smooth, metric)


def _points(samples: Samples, metric: Quantity, view: CurveOptions) -> Line:
    pairs = zip(samples.xs(view.axis), samples.ys(metric.name), strict=True)
    finite = [(x, y) for x, y in pairs if math.isfinite(y)]
    return _placed(([x for x, _ in finite], [y for _, y in finite]), metric)


def _placed(line: Line, metric: Quantity) -> Line:
    return line[0], [place(metric, y) for y in line[1]]


def _every(points: int) -> int:
    """Of so many epochs, the marks that do not touch."""
    return max(1, -(-points // 25))


def _draw(
    axes: Axes,
    curves: Sequence[_Curve],
    metric: Quantity,
    view: CurveOptions,
    marks: Sequence[float],
    length: float,
) -> None:
    bounding = [curve.ys for curve in curves if curve.bounds]
    within = limits(metric, bounding, marks)
    for curve in curves:
        axes.plot(curve.xs, held(curve.ys, within, metric.log), **curve.style)
    dress_y(axes, metric, within)
    dress_x(axes, view.axis, length)


def _lost_words(trace: Trace, metric: str, view: CurveOptions) -> str:
    """What is said of values that cannot be drawn; "" where there are none."""
    lost, first = trace.lost(metric, view.axis)
    if not lost:
        return ""
    place = where(view.axis, first, trace.length(view.axis))
    return f"{metric} not a number from {place} on, {count(lost, 'value')} left out"
