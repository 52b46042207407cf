"""Charts become lines: of the right size, within the frame, whatever the numbers."""

from __future__ import annotations

import math
import time

import pytest

from workbench.tui import scales
from workbench.tui.plotting import (
    OVERLAY_MARKS,
    OVERLAY_ROLES,
    Chart,
    Drawing,
    Glyphs,
    Note,
    Reference,
    Role,
    Series,
    canvas_size,
    draw,
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
    note = Note(x, 0.5, "loss not a number", Role.TROUBLE)
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


def test_ranges_are_kept_until_they_must_move() -> None:
    scale = scales.LINEAR
    first = scales.accuracy_range(0.55, 0.9, None, scale)
    assert first == (0.5, 1.0)
    assert scales.accuracy_range(0.72, 0.9, first, scale) == first
    assert scales.accuracy_range(0.91, 0.95, first, scale) == (0.9, 1.0)
    assert scales.accuracy_range(0.1, 0.9, first, scale) == (0.0, 1.0)
    loss = scales.loss_range(0.1, 2.2, None, scale)
    assert loss == (0.0, 2.5)
    assert scales.loss_range(0.1, 1.1, loss, scale) == loss
    assert scales.loss_range(0.1, 0.5, loss, scale) == (0.0, 0.5)
    assert scales.loss_range(0.1, 30.0, loss, scale) == (0.0, 30.0)


def test_a_perfect_accuracy_and_a_loss_of_nothing_have_a_place_on_logarithmic_axes() -> None:
    assert scales.ERROR_LOG.forward(1.0) == 4.0
    assert scales.ERROR_LOG.forward(0.9) == pytest.approx(1.0)
    assert math.isnan(scales.LOG.forward(0.0))
    low, high = scales.accuracy_range(0.9, 1.0, None, scales.ERROR_LOG)
    assert low < high
    low, high = scales.loss_range(0.0, 0.0, None, scales.LOG)
    assert low < high


@pytest.mark.parametrize("length", [0.3, 1, 7, 60, 300, 4000, 90_000])
def test_ticks_of_time_are_few_and_inside(length: float) -> None:
    ticks = scales.time_ticks(0.0, length, 6)
    assert 1 <= len(ticks) <= 7
    assert all(0 <= place <= length + 1e-6 for place, _ in ticks)
