"""An epoch's time is told from earlier runs like it, and from no others."""

from __future__ import annotations

import platform
from collections.abc import Sequence

import pytest

from workbench.model.architecture import analyse
from workbench.model.preset import paper_presets
from workbench.model.tables import paper_table
from workbench.runs import estimate
from workbench.runs.estimate import Expected, Speed, expected_epoch, known_speeds, multiply_add_rate
from workbench.runs.events import Batch, Epoch, Started
from workbench.runs.folder import RunFolder, create_run
from workbench.runs.log import EventWriter
from workbench.runs.record import Labels
from workbench.settings import Home

PAPER = {preset.name: preset for preset in paper_presets()}
WORK = analyse(PAPER["cnn-2"].architecture).multiply_adds
CNN = Speed(WORK, True, 60, "float32", 1000.0)


def epoch(
    name: str, batch_size: int, speeds: Sequence[Speed], test_images: int = 10_000, **changes: str
) -> Expected | None:
    """Of a model of the paper."""
    spec = PAPER[name].spec()
    training = spec.training.model_copy(update={"batch_size": batch_size})
    data = spec.dataset.model_copy(update={"test_images": test_images})
    changed = {"training": training, "dataset": data, **changes}
    return expected_epoch(spec.model_copy(update=changed), speeds)


def seconds(*speeds: Speed, name: str = "cnn-2", **changes) -> float | None:
    """None where nothing like it was timed: then it is rough."""
    found = epoch(name, changes.pop("batch_size", 60), speeds, 0)
    return None if found is None or found.rough else found.seconds


def test_the_same_model_takes_what_it_took() -> None:
    assert seconds(CNN) == pytest.approx(60.0)
    found = epoch("cnn-2", 60, [CNN])
    assert found is not None and found.seconds == pytest.approx(60 + 10 / 3)


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


def test_the_nearest_batch_size_speaks_and_the_median_of_the_newest() -> None:
    slow = Speed(WORK, True, 1, "float32", 10.0)
    others = [Speed(WORK, True, 60, "float32", speed) for speed in (900.0, 1000.0, 5000.0)]
    older = [Speed(WORK, True, 60, "float32", 10.0)] * 9  # when the machine did other work
    assert seconds(slow, *others, *older) == pytest.approx(60.0)


def test_a_step_costs_something_besides_its_images() -> None:
    dense = Speed(
        analyse(PAPER["nn-1"].architecture).multiply_adds, False, 60, "float32", 100_000.0
    )
    one, half = (seconds(dense, name="nn-1", batch_size=size) for size in (60, 30))
    assert one is not None and half is not None
    assert one == pytest.approx(0.6)
    assert half == pytest.approx(0.6 + 1000 * 0.0003)  # a thousand steps more
    assert seconds(CNN, batch_size=30) == pytest.approx(60.3)


def test_a_model_far_from_all_runs_is_told_roughly_by_the_nearest_of_its_kind() -> None:
    far = Speed(WORK // 10, True, 60, "float32", 1000.0)
    found = epoch("cnn-2", 60, [far, Speed(WORK // 100, True, 60, "float32", 1.0)])
    assert found is not None and found.rough
    assert 500 < found.seconds < 700
    assert found.text.startswith("~")


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


def test_a_run_tells_its_speed_from_its_first_minute(home: Home) -> None:
    spec = paper_table(6).rows[3].spec()
    folder, _ = create_run(home, spec, Labels(), "run")
    writer = EventWriter(folder.events_file)
    writer.write(Started(0.0, 1, 9, 5, 1000, 60_000, False, "cpu"))
    writer.write(Batch(0.0, 1, 10, 10, 0.3, 0.9, 9.0, seconds=30.0))  # compiled meanwhile
    writer.write(Batch(0.0, 1, 60, 50, 0.3, 0.9, 9.0, seconds=33.0))
    assert known_speeds(home) == []  # it has hardly found its pace
    writer.write(Batch(0.0, 1, 210, 150, 0.3, 0.9, 9.0, seconds=42.0))
    (speed,) = known_speeds(home)
    assert speed.images_per_second == pytest.approx(200 * 60 / 12.0)
    writer.write(Epoch(0.0, 1, 1000, 0.1, 0.9, 0.1, 0.9, 1234.0, 60.0, 60.0))
    writer.close()
    assert [speed.images_per_second for speed in known_speeds(home)] == [1234.0]


def test_without_a_run_an_epoch_is_judged_by_multiply_adds_and_steps(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert 1e8 < multiply_add_rate() < 1e14
    # Of the machine that reached 1,085 and about 120,000 images a second.
    monkeypatch.setattr(estimate, "multiply_add_rate", lambda: 88e9)

    def guessed(name: str, batch_size: int, test_images: int = 0) -> float:
        found = epoch(name, batch_size, [], test_images)
        assert found is not None and found.rough
        return found.seconds

    assert guessed("cnn-2", 60) == pytest.approx(60_000 / 1085, rel=0.1)
    assert 0.34 < guessed("nn-1", 60) < 0.65
    assert guessed("nn-1", 600) < guessed("nn-1", 60)
    assert guessed("cnn-2", 60, 10_000) > guessed("cnn-2", 60)
    assert epoch("cnn-2", 60, [], precision="bfloat16") is None
