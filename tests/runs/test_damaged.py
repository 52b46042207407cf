"""Whatever stands in the data folder: what can be read is used, the rest is said."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support import LivingRun, ended_run
from workbench.cli.entry import run as command
from workbench.runs import control, lock
from workbench.runs.events import Batch, Failed, Finished, UnreadableLine, parse_line
from workbench.runs.folder import RunFolder
from workbench.runs.log import EventReader, last_ending, whole_epochs
from workbench.runs.status import Status
from workbench.runs.summary import summarise
from workbench.runs.watchlist import Watchlist
from workbench.settings import Home

BATCH = Batch(1.0, 1, 10, 10, 0.5, 0.9, 1000.0, 1.0)
JUNK = [
    b'{"event":[]}',
    b'{"event":{}}',
    b'{"event":"epoch"}',
    b'{"event":' + b"[" * 50_000,
    b'{"event":"batch","time":' + b"[" * 50_000,
    b"\xff\xfe\x00",
    b"null",
    b"[]",
    b"\0" * 4096,
]


def nothing_there(path: Path) -> None:
    path.symlink_to("/nowhere/at/all")


def itself(path: Path) -> None:
    path.symlink_to(path.name)


def file(path: Path) -> None:
    path.write_text("x")


WRONG_FOLDERS = [nothing_there, itself, file, os.mkfifo]
WRONG_FILES = [nothing_there, itself, os.mkfifo, Path.mkdir]


def with_value(key: str, value: object) -> bytes:
    return json.dumps({**json.loads(BATCH.to_line()), key: value}).encode()


@pytest.mark.parametrize("line", JUNK)
def test_a_line_without_an_event_is_told_from_one(line: bytes) -> None:
    with pytest.raises(UnreadableLine):
        parse_line(line)


@pytest.mark.parametrize("value", ["x", [], {"a": 1}, True, -1, 10**30, 1e308])
@pytest.mark.parametrize("key", ["time", "step", "seconds", "accuracy"])
def test_values_that_cannot_be_are_refused(key: str, value: object) -> None:
    assert parse_line(BATCH.to_line()) == BATCH  # lines of its kind are known to be sound now
    with pytest.raises(UnreadableLine):
        parse_line(with_value(key, value))


def test_what_an_event_can_do_without_is_left_out_where_it_is_wrong() -> None:
    sound = Finished(2.0, 1, 100, 3.5, 900.0, test_accuracy=0.5, confusion=[[1, 0], [0, 2]])
    data = json.loads(sound.to_line())
    for key, wrong in (("test_accuracy", "x"), ("confusion", [[1], 2]), ("best_epoch", 1.5)):
        event = parse_line(json.dumps({**data, key: wrong}))
        assert isinstance(event, Finished) and event.seconds == 3.5
        assert getattr(event, key) in (None, [])


def test_a_message_may_name_a_file_of_bytes_that_are_no_characters() -> None:
    failed = Failed(2.0, 0, 5, 0.1, None, reason="disk", message="data set \udce9.npz")
    assert parse_line(failed.to_line()) == failed
    wrong = parse_line(json.dumps({**json.loads(failed.to_line()), "reason": []}))
    assert isinstance(wrong, Failed) and wrong.reason == "error"


def test_an_event_of_a_later_version_is_no_fault(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_bytes(b'{"event":"checkpointed","time":1}\n' + BATCH.to_line().encode())
    reader = EventReader(path)
    assert reader.read() == [BATCH] and reader.unreadable == 0


def test_junk_hides_no_event(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    ending = Finished(2.0, 1, 100, 3.5, 900.0)
    lines = [BATCH.to_line().encode(), *(line + b"\n" for line in JUNK), ending.to_line().encode()]
    path.write_bytes(b"".join(lines) + b"\0" * 3_000_000 + b"\nx")
    reader = EventReader(path)
    assert reader.read() == [BATCH, ending]
    assert reader.unreadable == len(JUNK) + 1
    assert last_ending(path) == ending


def test_hundreds_of_megabytes_of_junk_cost_a_moment(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    ending = Finished(2.0, 1, 100, 3.5, 900.0)
    path.write_bytes(BATCH.to_line().encode() + ending.to_line().encode())
    with path.open("ab") as log:
        log.write(b"junk\n" * 2_000_000)
    os.truncate(path, 600_000_000)
    began = time.process_time()
    assert EventReader(path).read() == [BATCH, ending]
    assert last_ending(path) == ending and whole_epochs(path) == []
    assert time.process_time() - began < 8  # 3 s on a busy machine


@pytest.mark.parametrize("name", ["events.jsonl", "spec.json"])
@pytest.mark.parametrize("way", WRONG_FILES)
def test_one_run_that_cannot_be_read_hides_no_other(
    home: Home, way: Callable[[Path], None], name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    good, bad = ended_run(home), ended_run(home, seed=1)
    (bad.path / name).unlink()
    way(bad.path / name)
    assert command(["runs", "--format", "json"]) == 0
    said = capsys.readouterr()
    assert good.run_id in said.out
    # A log that was never begun is no fault: a link to nothing is like none.
    if (name, way) != ("events.jsonl", nothing_there):
        assert bad.run_id not in said.out and f"run {bad.run_id}: " in said.err
    assert "Traceback" not in said.err
    runs = Watchlist(home)
    runs.look()
    runs.read_more(10)
    assert {run.run_id for run in runs.runs} == {good.run_id, bad.run_id}


def test_a_folder_whose_name_is_no_unicode_hides_no_other(
    home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    good, bad = ended_run(home), ended_run(home, seed=1)
    bad.path.rename(home.runs / os.fsdecode(b"a\xffb"))
    for words in (["runs", "--format", "json"], ["leaderboard", "--format", "json"]):
        assert command(words) == 0
        said = capsys.readouterr()
        assert good.run_id in said.out and r"a\udcffb" in said.err
    assert command(["delete", os.fsdecode(b"a\xff"), "--yes"]) == 0
    assert command(["leaderboard", "rebuild"]) == 0


@pytest.mark.parametrize("when", [1e300, -1e12, 253_402_300_800.0])
def test_a_run_of_no_date_hides_no_other(
    home: Home, when: float, capsys: pytest.CaptureFixture[str]
) -> None:
    good, bad = ended_run(home), ended_run(home, seed=1)
    record = json.loads(bad.spec_file.read_text())
    bad.spec_file.write_text(json.dumps(record | {"created_at": when}))
    for words in (["runs", "--format", "json"], ["leaderboard", "--format", "json"]):
        assert command(words) == 0
        said = capsys.readouterr()
        assert good.run_id in said.out and bad.run_id not in said.out
        assert bad.run_id in said.err


@pytest.mark.parametrize("way", WRONG_FILES)
@pytest.mark.parametrize("name", ["control", "labels.json", "worker.log", "killed", "worker.lock"])
def test_small_files_of_a_run_are_not_waited_for(
    home: Home, way: Callable[[Path], None], name: str
) -> None:
    run = ended_run(home)
    (run.path / name).unlink(missing_ok=True)
    way(run.path / name)
    assert summarise(run).status is Status.FINISHED
    assert control.requested(run.path) is control.Command.RUN
    assert lock.holder_pid(run.lock_file) is None


@pytest.mark.parametrize("way", [nothing_there, itself, os.mkfifo])
def test_a_worker_hears_a_request_whatever_stands_in_its_place(
    home: Home, way: Callable[[Path], None]
) -> None:
    run = LivingRun(home)
    way(run.folder.path / "control")
    try:
        control.request(run.folder.path, control.Command.STOP)
        assert control.requested(run.folder.path) is control.Command.STOP
    finally:
        run.die()


@pytest.mark.parametrize("way", WRONG_FOLDERS)
@pytest.mark.parametrize("part", ["runs", "presets"])
def test_a_folder_that_is_none_is_said(
    home: Home, way: Callable[[Path], None], part: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (home.path / part).rmdir()
    way(home.path / part)
    command(["runs" if part == "runs" else "presets"])
    said = capsys.readouterr()
    assert f"{home.path / part}: is no folder" in said.err and "move it away" in said.err
    assert "Traceback" not in said.err
    if part == "presets":
        assert "cnn-2" in said.out


def test_the_record_of_a_run_has_a_sane_size(home: Home) -> None:
    run = ended_run(home)
    os.truncate(run.spec_file, 1_000_000_000)
    with pytest.raises(Exception, match=r"spec.json: is larger than 10 MB; restore it"):
        _ = RunFolder(run.path).record


@pytest.mark.parametrize("words", [("attach",), ("runs", "plot", "-o", "a.svg")])
def test_lines_that_cannot_be_read_are_said_once(
    home: Home,
    words: tuple[str, ...],
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    run = ended_run(home)
    with run.events_file.open("ab") as log:
        log.write(b'{"event":[]}\n' * 3)
    assert command([*words, run.run_id]) == 0
    said = capsys.readouterr().err
    assert said.count(f"run {run.run_id}: 3 lines of events.jsonl cannot be read") == 1


def test_a_run_of_an_earlier_version_opens_unchanged(home: Home) -> None:
    run = ended_run(home)
    before = summarise(run)
    record = json.loads(run.spec_file.read_text())
    assert (record.pop("kind"), record["format"]) == ("preset", 2)
    run.spec_file.write_text(json.dumps({**record, "format": 1}))
    first, *lines = run.events_file.read_text().splitlines(keepends=True)
    assert json.loads(first)["event"] == "log" and "metrics" not in "".join(lines)
    run.events_file.write_text("".join(lines))
    assert summarise(RunFolder(run.path)) == before
    assert len(RunFolder(run.path).history().epochs) == 2
