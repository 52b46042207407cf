"""What the run's screen says of validation and test, apart from each other."""

from __future__ import annotations

import os
from math import nan

from workbench.figures.traces import trace_of
from workbench.runs.curves import Metric
from workbench.runs.events import Epoch, Finished, Pruned
from workbench.runs.folder import RunFolder, create_run
from workbench.runs.log import write_event
from workbench.runs.plan import Plan, specs_for
from workbench.runs.record import Labels
from workbench.runs.status import Status
from workbench.settings import Home
from workbench.tui.screens.leaderboard.overlay import read_curve
from workbench.tui.screens.train.numbers import (
    Line,
    epoch_heading,
    epoch_rows,
    now_lines,
    verdict_lines,
)
from workbench.tui.screens.train.plots import reading_now
from workbench.tui.screens.train.state import RunState

EPOCH = Epoch(1.0, 1, 100, 0.3, 0.9, nan, nan, 1e3, 1.0, 1.0, None, 0.25, 0.875)


def a_run(home: Home) -> RunFolder:
    spec = specs_for(home, "nn-1", Plan(validation="0.15"))[0]
    folder, descriptor = create_run(home, spec, Labels(), "run")
    os.close(descriptor)
    return folder


def text(lines: list[Line]) -> str:
    return "\n".join("".join(piece for piece, _ in line) for line in lines)


def test_while_it_trains_the_curve_and_the_numbers_are_of_validation(home: Home) -> None:
    state = RunState(a_run(home))
    state.apply(EPOCH)
    assert state.record.tested_on == "validation"
    assert state.test.ys(Metric.ACCURACY)[0] == 0.875
    assert "val %" in text([epoch_heading(state)]) and "87.50" in text(epoch_rows(state, 0, 1))
    smoothed: dict[Metric, list[float]] = {Metric.ACCURACY: [], Metric.LOSS: []}
    lines = text(now_lines(reading_now(state, smoothed), state, 40))
    assert "val accuracy" in lines and "87.50 %" in lines and "test" not in lines


def test_at_the_end_both_are_told(home: Home) -> None:
    state = RunState(a_run(home))
    state.apply(EPOCH)
    facts = {"validation_accuracy": 0.875, "test_accuracy": 0.85, "test_loss": 0.3}
    state.apply(Finished(2.0, 10, 100, 1.0, 1e3, **facts))
    said = text(verdict_lines(state, None, 60))
    assert "85.00 %" in said and "validation 87.50 %" in said
    state.apply(Finished(2.0, 10, 100, 1.0, 1e3, validation_accuracy=0.875))
    said = text(verdict_lines(state, None, 60))
    assert "validation 87.50 %" in said and "not tested" in said


def test_a_pruned_run_is_said_to_be_pruned(home: Home) -> None:
    state = RunState(folder := a_run(home))
    state.apply(EPOCH)
    ending = Pruned(2.0, 1, 100, 1.0, 1e3, validation_accuracy=0.875)
    state.apply(ending)
    assert state.status is Status.PRUNED
    write_event(folder.events_file, EPOCH)
    write_event(folder.events_file, ending)
    assert folder.status() is Status.PRUNED


def test_a_figure_of_it_shows_validation(home: Home) -> None:
    folder = a_run(home)
    write_event(folder.events_file, EPOCH)
    trace = trace_of(folder)
    assert trace.test.ys(Metric.ACCURACY)[0] == 0.875
    assert trace.record.spec.dataset.evaluated == "validation"


def test_curves_of_several_runs_may_be_of_validation(home: Home) -> None:
    folder = a_run(home)
    write_event(folder.events_file, EPOCH)
    curve = read_curve(home, folder.run_id)
    assert next(iter(curve.parts)) == "validation"
    assert "accuracy" in curve.parts["validation"].names
    assert list(curve.parts["validation"].ys(Metric.ACCURACY)) == [0.875]
    assert "test" not in curve.parts
