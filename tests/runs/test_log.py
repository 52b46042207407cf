"""The event log: append-only, one object a line, tolerant of torn lines."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest

from workbench.runs.events import (
    Batch,
    Epoch,
    Failed,
    Finished,
    Preparing,
    Resumed,
    Started,
    Stopped,
    parse_line,
)
from workbench.runs.log import EventReader, EventWriter, History, last_ending, whole_epochs


def batch(step: int, epoch: int = 1, loss: float = 0.5) -> Batch:
    return Batch(1.0, epoch, step, 10, loss, 0.9, 1000.0, step / 10)


def epoch(number: int, step: int, test_accuracy: float = 0.9) -> Epoch:
    return Epoch(1.0, number, step, 0.3, 0.9, 0.4, test_accuracy, 1000.0, 1.0, float(number))


def write(path: Path, *events: object) -> None:
    writer = EventWriter(path)
    for event in events:
        writer.write(event)  # type: ignore[arg-type]
    writer.close()


def test_events_come_back_as_written(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    events = [
        Preparing(1.0, "loading"),
        batch(10),
        epoch(1, 100),
        Finished(2.0, 1, 100, 3.5, 900.0, confusion=[[1, 0], [0, 2]]),
        Failed(2.0, 0, 5, 0.1, None, reason="diverged", message="no", epoch=1),
        Stopped(2.0, 1, 120, 3.5, 900.0, test_accuracy=0.5),
    ]
    write(path, *events)
    assert EventReader(path).read() == events
    for line in path.read_text().splitlines():
        assert json.loads(line)["event"]


def test_numbers_that_are_none_are_valid_json_and_come_back_as_nan() -> None:
    line = batch(10, loss=math.nan).to_line()
    assert json.loads(line)["loss"] is None
    event = parse_line(line)
    assert isinstance(event, Batch) and math.isnan(event.loss)


def test_a_torn_last_line_is_held_back_and_read_once_whole(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    whole, torn = batch(10).to_line(), batch(20).to_line()
    path.write_text(whole + torn[:15])
    reader = EventReader(path)
    assert reader.read() == [batch(10)]
    with path.open("a") as file:
        file.write(torn[15:])
    assert reader.read() == [batch(20)]


def test_a_writer_starts_a_new_line_after_a_torn_one(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_text(batch(10).to_line() + '{"event":"batch","st')
    write(path, batch(30))
    assert EventReader(path).read() == [batch(10), batch(30)]


def test_a_reader_takes_no_harm_from_rubbish_or_later_versions(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    later = json.loads(batch(20).to_line()) | {"new_field": 1}
    lines = ["[]", "12", '{"event":"unheard-of"}', '{"event":"batch"}', "\0\0", json.dumps(later)]
    path.write_bytes(("\n".join(lines) + "\n").encode())
    assert EventReader(path).read() == [batch(20)]


def test_a_missing_log_is_an_empty_one(tmp_path: Path) -> None:
    assert EventReader(tmp_path / "none.jsonl").read() == []
    assert last_ending(tmp_path / "none.jsonl") is None


def test_the_ending_is_the_last_word(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    stopped = Stopped(2.0, 1, 120, 3.5, 900.0)
    write(path, batch(10), stopped)
    assert last_ending(path) == stopped
    write(path, Resumed(3.0, 2, 100, 3.0))
    assert last_ending(path) is None


def test_epochs_are_found_among_batches_as_trained_last(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    first, again = epoch(2, 200, 0.91), epoch(2, 200, 0.95)
    write(path, batch(10), epoch(1, 100), batch(110), first, Resumed(2.0, 1, 100, 1.0), batch(110))
    write(path, again, batch(210), epoch(3, 300, 0.97))
    with path.open("ab") as file:
        file.write(b'{"event":"epoch","epoch":4')  # torn
    assert whole_epochs(path) == [epoch(1, 100), again, epoch(3, 300, 0.97)]
    assert whole_epochs(tmp_path / "missing") == []


def test_history_forgets_what_lies_beyond_the_checkpoint() -> None:
    history = History(planned_epochs=3, steps_per_epoch=100)
    for event in (batch(50), batch(100), epoch(1, 100), batch(150, 2), batch(180, 2)):
        history.apply(event)
    assert history.step == 180
    history.apply(Resumed(5.0, 2, 100, 1.0))
    assert [event.step for event in history.batches] == [50, 100]
    assert [event.epoch for event in history.epochs] == [1]
    history.apply(batch(120, 2))
    assert history.step == 120 and history.planned_steps == 300


def test_history_of_a_run_that_died_before_its_first_checkpoint_begins_anew() -> None:
    history = History(planned_epochs=3, steps_per_epoch=100)
    for event in (batch(10), batch(100), epoch(1, 100), batch(110, 2)):
        history.apply(event)
    history.apply(Started(2.0, 1, 10, 3, 100, 1000, True, "CPU"))
    history.apply(batch(10))
    assert [event.step for event in history.batches] == [10] and history.epochs == []
    assert history.step == 10


def test_history_names_the_earliest_best_epoch() -> None:
    history = History(3, 100)
    for event in (epoch(1, 100, 0.91), epoch(2, 200, 0.95), epoch(3, 300, 0.95)):
        history.apply(event)
    assert history.best is not None and history.best.epoch == 2


def test_time_left_follows_the_pace_so_far() -> None:
    history = History(planned_epochs=2, steps_per_epoch=100)
    assert history.seconds_left is None
    history.apply(batch(10))  # the first chunk: compilation says nothing about the pace
    assert history.seconds_left is None
    history.apply(batch(50))  # 0.1 s a step
    assert history.seconds_left == 15.0


def test_time_left_counts_the_tests_to_come() -> None:
    history = History(planned_epochs=3, steps_per_epoch=100)
    for event in (batch(50), batch(100), replace(epoch(1, 100), time=3.0)):  # 2 s of test
        history.apply(event)
    assert history.seconds_left == pytest.approx(20.0 + 2 * 2.0)
    history.apply(Started(4.0, 1, 10, 3, 100, 1000, True, "CPU"))
    history.apply(Resumed(4.0, 2, 100, 10.0))
    assert history.seconds_left is None  # compiles anew
