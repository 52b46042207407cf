"""An epoch's time is told from earlier runs like it, and from no others."""

from __future__ import annotations

import platform

import pytest

from workbench.model.library import paper_presets
from workbench.model.shapes import analyse
from workbench.model.tables import paper_table
from workbench.runs.estimate import (
    Speed,
    epoch_seconds,
    known_speeds,
    multiply_add_rate,
    seconds_by_work,
)
from workbench.runs.events import Epoch
from workbench.runs.folder import RunFolder, create_run
from workbench.runs.log import EventWriter
from workbench.runs.record import Labels
from workbench.settings import Home

PAPER = {preset.name: preset.architecture for preset in paper_presets()}
WORK = analyse(PAPER["cnn-2"]).multiply_adds
CNN = Speed(WORK, True, 60, "float32", 1000.0)


def seconds(*speeds: Speed, name: str = "cnn-2", **changes) -> float | None:
    return epoch_seconds(PAPER[name], changes.pop("batch_size", 60), speeds, test_images=0)


def test_the_same_model_takes_what_it_took() -> None:
    assert seconds(CNN) == pytest.approx(60.0)
    assert epoch_seconds(PAPER["cnn-2"], 60, [CNN]) == pytest.approx(60 + 10 / 3)


def test_a_model_near_it_is_judged_by_its_work() -> None:
    double = Speed(WORK // 2, True, 60, "float32", 1000.0)
    assert seconds(double) == pytest.approx(120.0, rel=0.01)
    assert seconds(double, CNN) == pytest.approx(60.0)


def test_runs_that_are_not_like_it_say_nothing() -> None:
    assert seconds() is None
    assert seconds(Speed(WORK, True, 60, "bfloat16", 1000.0)) is None
    assert seconds(Speed(WORK, False, 60, "float32", 1000.0)) is None
    assert seconds(Speed(WORK // 5, True, 60, "float32", 1000.0)) is None
    assert seconds(CNN, name="nn-1") is None


def test_the_nearest_batch_size_speaks_and_the_median_of_several() -> None:
    slow = Speed(WORK, True, 1, "float32", 10.0)
    others = [Speed(WORK, True, 60, "float32", speed) for speed in (900.0, 1000.0, 5000.0)]
    assert seconds(slow, *others) == pytest.approx(60.0)


def test_a_run_that_had_all_cores_speaks_before_one_that_shared_them() -> None:
    shared = Speed(WORK, True, 60, "float32", 2000.0, shared=True)
    assert seconds(shared) == pytest.approx(30.0)
    assert seconds(shared, CNN) == pytest.approx(60.0)


def with_speed(
    home: Home, images_per_second: float, threads: int | None = None, steps: int = 1000
) -> RunFolder:
    spec = paper_table(6).rows[3].spec().model_copy(update={"threads": threads})
    folder, _ = create_run(home, spec, Labels(), "run")
    writer = EventWriter(folder.events_file)
    writer.write(Epoch(0.0, 1, steps, 0.1, 0.9, 0.1, 0.9, images_per_second, 60.0, 60.0))
    writer.close()
    return folder


def test_speeds_are_read_from_run_folders(home: Home) -> None:
    assert known_speeds(home, platform.node()) == []
    with_speed(home, 1234.0)
    damaged = with_speed(home, 99.0)
    damaged.spec_file.write_text("{")
    create_run(home, paper_table(6).rows[3].spec(), Labels(), "run")  # has no epoch yet
    found = known_speeds(home, platform.node())
    assert [(speed.images_per_second, speed.convolutional) for speed in found] == [(1234.0, True)]
    assert known_speeds(home, "another-host") == []


def test_a_few_steps_tell_no_speed(home: Home) -> None:
    with_speed(home, 9.0, steps=20)
    assert known_speeds(home, platform.node()) == []


def test_the_cores_that_a_run_left_to_others_are_counted_up(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workbench.runs.environment.usable_cores", lambda: 4)
    with_speed(home, 100.0, threads=1)
    with_speed(home, 300.0, threads=8)
    found = known_speeds(home, platform.node())
    assert {(speed.images_per_second, speed.shared) for speed in found} == {
        (400.0, True),
        (300.0, False),
    }


def test_without_a_run_an_epoch_is_judged_by_multiply_adds_and_steps() -> None:
    rate = 88e9  # of the machine that reached 1,085 and about 120,000 images a second
    assert seconds_by_work(WORK, 60, rate, 60_000, 0) == pytest.approx(60_000 / 1085, rel=0.1)
    dense = analyse(PAPER["nn-1"]).multiply_adds
    assert 0.34 < seconds_by_work(dense, 60, rate, 60_000, 0) < 0.65
    assert seconds_by_work(dense, 600, rate, 60_000, 0) < seconds_by_work(
        dense, 60, rate, 60_000, 0
    )
    assert seconds_by_work(WORK, 60, rate, 60_000, 10_000) > seconds_by_work(
        WORK, 60, rate, 60_000, 0
    )
    assert 1e8 < multiply_add_rate() < 1e14
