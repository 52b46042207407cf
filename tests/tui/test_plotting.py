"""Charts become lines: of the right size, within the frame, whatever the numbers."""

from __future__ import annotations

import itertools
import math
import time

import pytest

from workbench.runs.curves import Axis, Metric, Samples, Window, recent
from workbench.tui import charts
from workbench.tui.charts import Frame, MetricChart, PlotOptions, fitted_range
from workbench.tui.plotting import (
    OVERLAY_MARKS,
    OVERLAY_ROLES,
    Band,
    Chart,
    Drawing,
    Glyphs,
    Note,
    Reference,
    Role,
    Series,
    canvas_size,
    column_of,
    column_span,
    draw,
    row_of,
    terminal_glyphs,
)


def text(drawing: Drawing) -> list[str]:
    return ["".join(piece for piece, _ in line) for line in drawing.lines]


def roles(drawing: Drawing) -> set[Role]:
    return {role for line in drawing.lines for piece, role in line if piece.strip()}


def chart(*series: Series, **more: object) -> Chart:
    parts = {
        "x_range": (0.0, 5.0),
        "y_range": (0.0, 1.0),
        "x_ticks": ((0.0, "0"), (5.0, "5")),
        "y_ticks": ((0.0, "0"), (1.0, "100")),
    }
    return Chart(series, **{**parts, **more})  # type: ignore[arg-type]


def cells(drawing: Drawing, sought: str) -> list[tuple[int, int]]:
    """Columns and rows (from the bottom) of the canvas at which one of these characters stands."""
    lines = text(drawing)[: drawing.rows]
    return [
        (column - drawing.left, drawing.rows - 1 - line)
        for line, words in enumerate(lines)
        for column, sign in enumerate(words)
        if sign in sought and column >= drawing.left
    ]


def is_braille(sign: str) -> bool:
    return "\u2800" < sign <= "\u28ff"


LINE = Series("train", [0.0, 2.0, 5.0], [0.1, 0.8, 0.9], Role.TRAIN)


@pytest.mark.parametrize("glyphs", list(Glyphs))
@pytest.mark.parametrize(("width", "height"), [(75, 15), (40, 8), (200, 50), (16, 5)])
def test_a_drawing_has_exactly_the_size_asked_for(glyphs: Glyphs, width: int, height: int) -> None:
    drawing = draw(chart(LINE, reference=Reference(0.97, "paper 97.47")), width, height, glyphs)
    assert len(drawing.lines) == height
    assert {len(line) for line in text(drawing)} == {width}
    assert (drawing.columns, drawing.rows) == canvas_size(width, height)


def test_the_canvas_stands_still_whatever_the_labels() -> None:
    for labels in (((0.0, "0"),), ((0.0, "0"), (1.0, "99.95")), ()):
        drawing = draw(chart(LINE, y_ticks=labels), 60, 12, Glyphs.BRAILLE)
        assert {line[5] for line in text(drawing)[:10]} <= {"│", "┤"}


def test_a_frame_without_a_point_is_still_drawn() -> None:
    drawing = draw(chart(), 40, 8, Glyphs.BRAILLE)
    assert len(drawing.lines) == 8
    assert "└" in text(drawing)[6]


def test_values_that_are_no_numbers_are_left_out() -> None:
    bad = Series("bad", [0.0, 1.0, 2.0, 3.0], [math.nan, 0.5, math.inf, -math.inf], Role.TEST)
    drawing = draw(chart(LINE, bad), 60, 12, Glyphs.BRAILLE)
    assert len(drawing.lines) == 12
    only_bad = Series("bad", [1.0], [math.nan], Role.TEST)
    assert len(draw(chart(only_bad), 60, 12, Glyphs.BRAILLE).lines) == 12


def test_a_loss_far_outside_costs_no_more_than_one_inside() -> None:
    wild = Series("wild", [0.0, 2.0, 2.1, 5.0], [0.5, 1e30, -1e30, 0.5], Role.TRAIN)
    start = time.perf_counter()
    drawing = draw(chart(wild), 100, 25, Glyphs.BRAILLE)
    assert time.perf_counter() - start < 2.0
    assert Role.TRAIN in roles(drawing)


def test_the_reference_line_carries_its_name_over_all_curves() -> None:
    flat = Series("train", [0.0, 5.0], [0.97, 0.97], Role.TRAIN)
    drawing = draw(chart(flat, reference=Reference(0.97, "paper 97.47")), 75, 15, Glyphs.BRAILLE)
    assert any("paper 97.47" in line for line in text(drawing))
    outside = draw(chart(flat, reference=Reference(7.0, "paper 97.47")), 75, 15, Glyphs.BRAILLE)
    assert not any("paper" in line for line in text(outside))


@pytest.mark.parametrize("x", [0.0, 2.5, 5.0])
def test_a_note_stands_whole_where_it_belongs(x: float) -> None:
    note = Note(x, 0.5, "loss not a number", Role.BAD)
    for glyphs, mark in ((Glyphs.BRAILLE, "✗"), (Glyphs.ASCII, "X")):
        shown = text(draw(chart(LINE, notes=(note,)), 75, 15, glyphs))
        assert any("loss not a number" in line and mark in line for line in shown)


def test_six_curves_can_be_told_apart_without_colour() -> None:
    series = [
        Series(f"run {number}", [0.0, 5.0 * at / 60, 5.0], [number / 7] * 3, role, mark=mark)
        for at, (number, (role, mark)) in enumerate(
            enumerate(zip(OVERLAY_ROLES, OVERLAY_MARKS, strict=True), 1), 1
        )
    ]
    drawing = draw(chart(*series), 75, 20, Glyphs.BRAILLE)
    shown = "".join(text(drawing))
    assert all(mark in shown for mark in OVERLAY_MARKS)
    assert set(OVERLAY_ROLES) <= roles(drawing)


def test_ascii_is_ascii() -> None:
    marked = Series("test", [1.0, 2.0], [0.5, 0.6], Role.TEST, mark="●")
    drawing = draw(
        chart(LINE, marked, reference=Reference(0.9, "paper 90.00")), 60, 12, Glyphs.ASCII
    )
    assert all(line.isascii() for line in text(drawing))
    assert "o" in "".join(text(drawing))


def test_the_terminal_decides_the_glyphs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("locale.getencoding", lambda: "UTF-8")
    monkeypatch.setenv("TERM", "xterm-256color")
    assert terminal_glyphs() is Glyphs.BRAILLE
    monkeypatch.setenv("TERM", "linux")
    assert terminal_glyphs() is Glyphs.PLAIN
    monkeypatch.setattr("locale.getencoding", lambda: "ISO-8859-1")
    assert terminal_glyphs() is Glyphs.ASCII


def test_a_perfect_accuracy_and_a_loss_of_nothing_have_a_place_on_logarithmic_axes() -> None:
    assert charts.ERROR_LOG.forward(1.0) == 4.0
    assert charts.ERROR_LOG.forward(0.9) == pytest.approx(1.0)
    assert math.isnan(charts.LOG.forward(0.0))
    samples = Samples(100)
    samples.add_point(100, 1.0, {"accuracy": 1.0, "loss": 0.0})
    for metric in Metric:
        frame = Frame(samples, samples, PlotOptions(log=True), recent(1, 1, 1.0))
        low, high = MetricChart(metric).make(frame, 60, 12).y_range
        assert low < high


@pytest.mark.parametrize("length", [0.3, 1, 7, 60, 300, 4000, 90_000])
def test_ticks_of_time_are_few_and_inside(length: float) -> None:
    ticks = charts.time_ticks(0.0, length, 6)
    assert 1 <= len(ticks) <= 7
    assert all(0 <= place <= length + 1e-6 for place, _ in ticks)


@pytest.mark.parametrize("height", [8, 11, 17, 25])
def test_a_mark_covers_the_very_cell_of_its_dot(height: int) -> None:
    for number in range(40):
        x, y = 5.0 * number / 39, (number * 7 % 40) / 39
        dot = Series("a", [x, x], [y, y], Role.TRAIN)
        mark = Series("a", [x], [y], Role.TEST, line=False, mark="●")
        curve = draw(chart(dot), 60, height, Glyphs.BRAILLE)
        (cell,) = cells(curve, "".join(filter(is_braille, "".join(text(curve)))))
        for glyphs in Glyphs:
            assert cells(draw(chart(mark), 60, height, glyphs), "●o") == [cell]


def test_labels_of_the_y_axis_stand_where_their_values_are() -> None:
    for rows in range(4, 40):
        axis = charts.even_axis(0.9, 1.0, rows, max(2, rows // 2))
        for value in axis.ticks:
            parts = {"y_range": axis.range, "y_ticks": ((value, "here"),)}
            mark = Series("a", [2.0], [value], Role.TEST, line=False, mark="●")
            drawing = draw(chart(mark, **parts), 60, rows + 2, Glyphs.BRAILLE)
            (line,) = [words for words in text(drawing) if "here" in words]
            assert "●" in line


WANTED = [
    (0.0, 1.0),
    (0.9, 1.0),
    (0.85, 1.0),
    (0.96, 1.0),
    (0.0, 0.3),
    (0.0, 2.5),
    (0.9553, 0.9771),
]


@pytest.mark.parametrize("wanted", WANTED)
@pytest.mark.parametrize("rows", [*range(4, 31), 48])
def test_round_numbers_stand_on_evenly_spaced_rows(wanted: tuple[float, float], rows: int) -> None:
    axis = charts.even_axis(*wanted, rows, max(2, rows // 2))
    low, high = axis.range
    assert low <= wanted[0] + 1e-9 and high >= wanted[1] - 1e-9
    # And little of it for nothing.
    assert high - low <= (2.0 if rows < 6 else 1.4) * (wanted[1] - wanted[0])
    places = [row_of(tick, axis.range, rows) for tick in axis.ticks]
    assert 2 <= len(places) <= 9
    assert all(0 <= place < rows for place in places)
    assert len({after - before for before, after in itertools.pairwise(places)}) == 1
    labels = [charts.short_number(tick) for tick in axis.ticks]
    assert [float(label) for label in labels] == pytest.approx(axis.ticks)


def test_labels_of_narrow_ranges_are_whole_and_told_apart() -> None:
    for axis in (charts.accuracy_axis, charts.loss_axis):
        _, ticks = axis(0.9744, 0.9944, 12, charts.LINEAR)
        ticks = [tick for tick in ticks if tick[1]]  # those half way between have no label
        labels = [label for _, label in ticks]
        assert len(set(labels)) == len(labels) >= 2
        assert all(len(label) <= 5 for label in labels)
        percent = 100 if axis is charts.accuracy_axis else 1
        values = [percent * place for place, _ in ticks]
        assert [float(label) for label in labels] == pytest.approx(values)


def test_short_numbers_keep_their_digits_where_they_can() -> None:
    numbers = (0.0813, 0.5, 12.25, 1234.0, 2.4e-6, 0.0)
    shown = [charts.short_number(value) for value in numbers]
    assert shown == [".0813", "0.5", "12.25", "1234", "2e-06", "0"]


def test_no_mark_stands_beside_its_value_where_curves_meet() -> None:
    xs, ys = [1.0, 2.0, 3.0, 4.0], [0.2, 0.5, 0.7, 0.8]
    lines = [Series("a", xs, ys, role) for role in OVERLAY_ROLES[:3]]
    marks = [
        Series("a", xs, ys, role, line=False, mark=mark)
        for role, mark in zip(OVERLAY_ROLES[:3], OVERLAY_MARKS[:3], strict=True)
    ]
    places = {(column_of(x, (0.0, 5.0), 74), row_of(y, (0.0, 1.0), 14))
              for x, y in zip(xs, ys, strict=True)}  # fmt: skip
    for glyphs, shown in ((Glyphs.BRAILLE, OVERLAY_MARKS[:3]), (Glyphs.ASCII, "o^#")):
        drawing = draw(chart(*lines, *marks), 80, 16, glyphs)
        found = [set(cells(drawing, mark)) for mark in shown]
        assert set.union(*found) == places
        assert all(found)  # each can be told apart without colour


def test_marks_of_coinciding_long_curves_stand_at_different_columns() -> None:
    xs = [5.0 * number / 79 for number in range(80)]
    ys = [number / 79 for number in range(80)]
    curves = [
        Series("a", xs, ys, role, mark=mark)
        for role, mark in zip(OVERLAY_ROLES, OVERLAY_MARKS, strict=True)
    ]
    drawing = draw(chart(*curves), 80, 16, Glyphs.BRAILLE)
    assert all(len(cells(drawing, mark)) >= 4 for mark in OVERLAY_MARKS)


@pytest.mark.parametrize("glyphs", list(Glyphs))
def test_a_band_lies_between_its_curves_and_under_all_lines(glyphs: Glyphs) -> None:
    band = Band([1.0, 3.0], [0.2, 0.4], [0.6, 0.8], Role.FIRST.band)
    mean = Series("a", [1.0, 3.0], [0.4, 0.6], Role.FIRST)
    drawing = draw(chart(mean, bands=(band,)), 60, 22, glyphs)
    shaded = [
        (at - drawing.left, drawing.rows - 1 - row)
        for row, line in enumerate(drawing.lines[: drawing.rows])
        for at, role in enumerate(role for piece, role in line for _ in piece)
        if role is Role.FIRST.band
    ]
    assert len(shaded) > 100
    first, last = (column_of(x, (0.0, 5.0), drawing.columns) for x in (1.0, 3.0))
    for column, row in shaded:
        assert first <= column <= last
        along = (column - first) / (last - first)
        low, high = (row_of(y + 0.2 * along, (0.0, 1.0), drawing.rows) for y in (0.2, 0.6))
        assert low - 1 <= row <= high + 1
    assert Role.FIRST in roles(drawing)


def test_a_line_drawn_later_hides_no_mark() -> None:
    one = Series("a", [1.0, 4.0], [0.5, 0.5], Role.FIRST, mark="●")
    other = Series("b", [0.0, 5.0], [0.5, 0.5], Role.SECOND)
    assert cells(draw(chart(one, other), 60, 12, Glyphs.BRAILLE), "●")


def test_marks_outside_the_frame_leave_the_frame() -> None:
    outside = Series("a", [9.0], [0.5], Role.TEST, line=False, mark="●")
    drawing = draw(chart(outside), 40, 8, Glyphs.BRAILLE)
    assert "└" in text(drawing)[6]
    assert not cells(drawing, "●")


def test_a_column_spans_just_the_values_that_fall_into_it() -> None:
    for columns in (11, 68, 112):
        for column in range(columns):
            first, end = column_span(column, (0.0, 5.0), columns)
            assert column_of(first + 1e-6, (0.0, 5.0), columns) == column
            assert column_of(end - 1e-6, (0.0, 5.0), columns) == column


def learning(epochs: float) -> tuple[Samples, Samples]:
    """Accuracy from 10 % to 95 % within the first epoch and slowly on from there, as it is."""
    train, test = Samples(100), Samples(100)
    for step in range(5, int(100 * epochs) + 1, 5):
        accuracy = 0.1 + 0.85 * min(step, 100) / 100 + 0.004 * max(0, step - 100) / 100
        train.add_point(step, step / 10, {"accuracy": accuracy, "loss": 1.0 - accuracy})
        if step % 100 == 0:
            test.add_point(step, step / 10, {"accuracy": 0.9711, "loss": 0.1})
    return train, test


@pytest.mark.parametrize("axis", list(Axis))
def test_the_y_axis_fits_what_comes_after_the_first_epoch(axis: Axis) -> None:
    made = MetricChart(Metric.ACCURACY)
    for epochs, lowest in ((0.9, 0.15), (1.0, 0.96), (3.0, 0.96)):
        train, test = learning(epochs)
        window = Window(0.0, max(train.xs(axis)) * 5 / epochs)
        frame = Frame(train, test, PlotOptions(axis, smoothing=0), window, paper=0.9747)
        chart = made.make(frame, 69, 12)
        low, high = chart.y_range
        assert low < lowest and high > 0.9747
        if epochs >= 1:
            assert low > 0.93
            # So the test's mark is not where 100 % is, or would be.
            assert row_of(0.9711, chart.y_range, 12) < row_of(1.0, chart.y_range, 12)


def test_what_is_measured_is_bright_until_the_smoothed_curve_can_follow() -> None:
    for epochs, bright in ((0.5, "raw"), (2.0, "train")):
        train, test = learning(epochs)
        frame = Frame(train, test, PlotOptions(), Window(0.0, 5.0))
        series = MetricChart(Metric.ACCURACY).make(frame, 69, 12).series
        assert [one.label for one in series if one.role is Role.TRAIN] == [bright]


def test_the_test_curve_is_a_line_with_a_mark_at_each_epochs_end() -> None:
    train, test = learning(4.0)
    frame = Frame(train, test, PlotOptions(smoothing=0), Window(0.0, 5.0))
    chart = MetricChart(Metric.ACCURACY).make(frame, 69, 12)
    drawing = draw(chart, 75, 14, Glyphs.BRAILLE)
    assert len(cells(drawing, "●")) == 4
    line = "".join(piece for row in drawing.lines for piece, role in row if role is Role.TEST)
    assert sum(map(is_braille, line)) > 20


def test_the_papers_line_lies_over_the_curves() -> None:
    flat = Series("train", [0.0, 5.0], [0.97, 0.97], Role.TRAIN)
    drawing = draw(chart(flat, reference=Reference(0.97, "paper")), 75, 15, Glyphs.BRAILLE)
    assert len(cells(drawing, "╌")) > 20


def test_ticks_stand_half_way_between_labels_too() -> None:
    for rows in range(8, 30):
        range_, ticks = charts.accuracy_axis(0.9, 1.0, rows, charts.LINEAR)
        places = [row_of(place, range_, rows) for place, _ in ticks]
        assert len(set(itertools.starmap(lambda a, b: b - a, itertools.pairwise(places)))) == 1
        labelled = [label != "" for _, label in ticks]
        if not all(labelled):
            assert labelled == [at % 2 == 0 for at in range(len(ticks))]
    _, ticks = charts.accuracy_axis(0.9, 1.0, 12, charts.LINEAR)
    assert "" in [label for _, label in ticks]


ANY = (0.0, math.inf)


def test_a_zoomed_plot_fits_its_range_to_what_is_visible() -> None:
    train, test = Samples(100), Samples(100)
    for step in range(10, 1001, 10):
        learned = step / 1000
        values = {"accuracy": 0.5 + 0.49 * learned, "loss": 2.0 - 1.5 * learned}
        train.add_point(step, step / 10, values)
    whole, part = recent(10, 10, 1.0), recent(10, 10, 0.25)
    for metric, least, greatest in ((Metric.LOSS, 0.5, 0.875), (Metric.ACCURACY, 0.867, 0.99)):
        made = MetricChart(metric)
        low, high = made.make(Frame(train, test, PlotOptions(smoothing=0), whole), 60, 12).y_range
        assert low <= 0.55 and high >= 0.99  # all after the first epoch
        zoomed = Frame(train, test, PlotOptions(smoothing=0, zoom=0.25), part)
        low, high = made.make(zoomed, 60, 12).y_range
        assert low <= least + 0.05 and greatest - 0.05 <= high <= max(1.0, greatest * 1.2)
        assert high - low <= 2 * (greatest - least)


@pytest.mark.parametrize("metric", list(Metric))
@pytest.mark.parametrize(("low", "high"), [(0.86, 0.88), (0.981, 0.9862), (0.2, 0.7)])
def test_a_zoomed_logarithm_uses_its_rows(metric: Metric, low: float, high: float) -> None:
    train, test = Samples(100), Samples(100)
    for step in range(10, 1001, 10):
        accuracy = low + (high - low) * step / 1000
        train.add_point(step, step / 10, {"accuracy": accuracy, "loss": 1.0 - accuracy})
    part = recent(10, 10, 0.25)
    view = PlotOptions(smoothing=0, log=True, zoom=0.25)
    chart = MetricChart(metric).make(Frame(train, test, view, part), 60, 14)
    length = chart.y_range[1] - chart.y_range[0]
    places = [y for y in chart.series[0].ys if math.isfinite(y)]
    assert max(places) - min(places) >= 0.7 * length
    inside = [y for y in places if chart.y_range[0] <= y <= chart.y_range[1]]
    assert len(inside) >= 0.9 * len(places)  # outliers may lie outside
    assert 2 <= len(chart.y_ticks) <= 8
    assert len({label for _, label in chart.y_ticks}) == len(chart.y_ticks)


def test_a_range_that_fits_is_kept_while_it_is_used() -> None:
    before = fitted_range(0.4, 0.6, None, ANY)
    assert 0.3 < before[0] < 0.4 and 0.6 < before[1] < 0.7
    assert fitted_range(0.41, 0.59, before, ANY) == before
    assert fitted_range(0.49, 0.51, before, ANY) != before
    assert fitted_range(0.98, 1.0, None, (0.0, 1.0))[1] == 1.0
    low, high = fitted_range(0.0, 0.0, None, ANY)
    assert low == 0.0 < high
