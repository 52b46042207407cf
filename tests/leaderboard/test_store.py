"""The store: inserts, labels, catching up with run folders, damage, a full disk."""

from __future__ import annotations

import errno
import json
import os
import re
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any

import pytest
from filelock import FileLock

from workbench.errors import EnvironmentProblem, RunError, UserError
from workbench.leaderboard import database as reading
from workbench.leaderboard import store as store_module
from workbench.leaderboard.database import LeaderboardBusy, LeaderboardDamaged, LockedDatabase
from workbench.leaderboard.store import Imported, Leaderboard, Synced
from workbench.runs.folder import RunFolder
from workbench.runs.record import Labels
from workbench.runs.status import Status
from workbench.runs.summary import RunSummary, summarise
from workbench.settings import Home

MakeSummary = Callable[..., RunSummary]
MakeRun = Callable[..., RunFolder]


@pytest.fixture
def board(home: Home) -> Leaderboard:
    return Leaderboard(home)


def test_a_recorded_run_comes_back_as_it_was(board: Leaderboard, make_summary: MakeSummary) -> None:
    summary = make_summary(tags=("best", "x"), note="größer | 数", momentum=None)
    board.record(summary)
    assert board.entries() == [summary]


def test_recording_again_replaces(board: Leaderboard, make_summary: MakeSummary) -> None:
    first, second = make_summary(status=Status.STOPPED), make_summary()
    board.record(first)
    board.record(second)
    ended = first.model_copy(update={"status": Status.FINISHED, "test_accuracy": 0.5})
    board.record(ended)
    board.record(ended)
    assert board.entries() == [ended, second]


TRAPS = ('},"7":{', '"},"7":{"', "},", "\\", 'a\\"},"7":{', "ü}}")


@pytest.mark.parametrize("block", [1, 2, 3, 500])
def test_a_file_is_read_alike_in_blocks_of_any_size(
    home: Home, make_summary: MakeSummary, monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    monkeypatch.setattr(reading, "BLOCK_RUNS", block)
    # Texts that look like the place between two documents.
    summaries = [make_summary(note=note, title=note, tags=("},",)) for note in TRAPS]
    for summary in summaries:
        Leaderboard(home).record(summary)
    pieces = list(reading._blocks(home.leaderboard.read_bytes()))
    assert len(pieces) == -(-len(summaries) // block)
    assert reading.read_summaries(home.leaderboard) == summaries


@pytest.mark.parametrize(
    "shape",
    [
        '{{"runs":{runs},"2":{{}}}}',
        '{{"_default":{{}},"runs":{runs}}}',
        '{{"1":{{}},"runs":{runs}}}',
        '{{ "runs": {runs} }}',
        '{{"runs":{{}},"runs":{runs}}}',
    ],
)
def test_other_shapes_are_read_too(
    home: Home, make_summary: MakeSummary, monkeypatch: pytest.MonkeyPatch, shape: str
) -> None:
    monkeypatch.setattr(reading, "BLOCK_RUNS", 1)
    summaries = [make_summary() for _ in range(3)]
    documents = {number: summary.to_json() for number, summary in enumerate(summaries, start=1)}
    runs = json.dumps(documents, separators=(",", ":"))
    home.leaderboard.write_text(shape.format(runs=runs))
    assert reading.read_summaries(home.leaderboard) == summaries


def test_damage_in_any_block_is_damage(
    home: Home, make_summary: MakeSummary, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "BLOCK_RUNS", 1)
    for _ in range(4):
        Leaderboard(home).record(make_summary())
    whole = home.leaderboard.read_bytes()
    places = [match.start() for match in re.finditer(b'"seed"', whole)]
    assert len(places) == 4
    for place in places:
        for damaged in (whole[:place], whole[:place] + whole[place + 1 :]):
            home.leaderboard.write_bytes(damaged)
            with pytest.raises(reading.DamagedFile):
                reading.read_summaries(home.leaderboard)


def test_reading_makes_nothing(tmp_path: Any) -> None:
    board = Leaderboard(Home(tmp_path / "none"))
    assert board.entries() == []
    assert board.imported() == []
    assert board.remove(["r1"]) == 0
    assert board.sync() == Synced()
    assert not (tmp_path / "none").exists()


def test_the_version_tells_a_change(board: Leaderboard, make_summary: MakeSummary) -> None:
    seen = [board.version()]
    for _ in range(3):
        board.record(make_summary())
        seen.append(board.version())
        assert board.version() == seen[-1]
    assert seen[0] is None
    assert len(set(seen)) == 4


def test_remove(board: Leaderboard, make_summary: MakeSummary) -> None:
    runs = [make_summary() for _ in range(3)]
    for run in runs:
        board.record(run)
    assert board.remove([runs[0].run_id, runs[2].run_id, "unknown"]) == 2
    assert board.entries() == [runs[1]]


def test_a_removed_run_does_not_lend_its_place(
    board: Leaderboard, make_summary: MakeSummary
) -> None:
    first, second, third = (make_summary() for _ in range(3))
    board.record(first)
    board.record(second)
    board.remove([second.run_id])
    board.record(third)
    assert board.entries() == [first, third]


def test_the_file_is_private_and_tinydbs(
    home: Home, board: Leaderboard, make_summary: MakeSummary
) -> None:
    from tinydb import TinyDB

    summary = make_summary()
    board.record(summary)
    assert stat.S_IMODE(home.leaderboard.stat().st_mode) == 0o600
    with TinyDB(home.leaderboard, access_mode="r") as database:
        assert [dict(item) for item in database.table("runs")] == [summary.to_json()]


def test_entries_need_no_tinydb(home: Home) -> None:
    code = (
        "import sys; from pathlib import Path; from workbench.settings import Home;"
        "from workbench.leaderboard.store import Leaderboard;"
        "Leaderboard(Home(Path(sys.argv[1]))).entries();"
        "print([m for m in ('tinydb', 'rich', 'keras', 'textual') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(home.path)], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_labels_go_to_the_folder_and_the_board(board: Leaderboard, make_run: MakeRun) -> None:
    folder = make_run()
    board.record(summarise(folder))
    board.change_labels(folder.run_id, lambda before: Labels(tags=("best",), note="keep"))
    assert folder.labels == Labels(tags=("best",), note="keep")
    (entry,) = board.entries()
    assert (entry.tags, entry.note) == (("best",), "keep")


def test_labels_set_while_the_worker_summed_up_are_kept(
    board: Leaderboard, make_run: MakeRun
) -> None:
    folder = make_run()
    summary = summarise(folder)
    board.change_labels(folder.run_id, lambda before: Labels(note="meanwhile"))
    board.record(summary)
    assert board.entries()[0].note == "meanwhile"


class Killed(BaseException):
    """Stands for a kill: nothing after it is done."""


@pytest.mark.parametrize("next_write", [False, True])
def test_labels_of_a_killed_change_reach_the_board_from_the_folder(
    board: Leaderboard, make_run: MakeRun, monkeypatch: pytest.MonkeyPatch, next_write: bool
) -> None:
    folders = [make_run(), make_run("stopped")]
    for folder in folders:
        board.record(summarise(folder))
        board.change_labels(folder.run_id, lambda before: Labels(tags=("old",)))

    def killed(*_: object) -> None:
        raise Killed

    for folder in folders:
        with monkeypatch.context() as patched, pytest.raises(Killed):
            patched.setattr(reading, "write_file", killed)
            board.change_labels(folder.run_id, lambda before: Labels(tags=("new",), note="why"))
    if next_write:  # the file is newer than the labels then
        board.record(summarise(make_run()))
    assert board.sync() == Synced(added=2)
    of = {entry.run_id: (entry.tags, entry.note) for entry in board.entries()}
    assert [of[folder.run_id] for folder in folders] == [(("new",), "why")] * 2
    before = board.version()
    assert board.sync() == Synced()  # once
    assert board.version() == before


def test_of_several_who_tag_at_once_none_loses_another(home: Home, make_run: MakeRun) -> None:
    folder = make_run()
    Leaderboard(home).record(summarise(folder))

    def tag(name: str) -> None:
        Leaderboard(home).change_labels(
            folder.run_id, lambda before: Labels(tags=(*before.tags, name))
        )

    threads = [threading.Thread(target=tag, args=(f"t{number}",)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(folder.labels.tags) == {f"t{number}" for number in range(8)}
    assert Leaderboard(home).entries()[0].tags == folder.labels.tags


def test_labels_removed_by_hand_leave_the_board(board: Leaderboard, make_run: MakeRun) -> None:
    folder = make_run()
    board.record(summarise(folder))
    board.change_labels(folder.run_id, lambda before: Labels(note="gone soon"))
    folder.labels_file.unlink()
    board.sync()
    assert board.entries()[0].note == ""


def test_labels_of_a_run_without_folder(board: Leaderboard) -> None:
    with pytest.raises(RunError, match="gone"):
        board.change_labels("gone-nn-1", lambda before: Labels())


def test_sync_adds_what_ended_unrecorded(board: Leaderboard, make_run: MakeRun) -> None:
    ended = [make_run(kind) for kind in ("finished", "stopped", "failed")]
    make_run(None)  # crashed: it has not ended, and can be resumed
    assert board.sync().added == 3
    assert {entry.run_id for entry in board.entries()} == {folder.run_id for folder in ended}


def test_sync_with_nothing_to_do_writes_nothing(
    home: Home, board: Leaderboard, make_run: MakeRun
) -> None:
    make_run()
    make_run("stopped")
    board.sync()
    before = home.leaderboard.stat().st_ino
    assert board.sync() == Synced()
    assert home.leaderboard.stat().st_ino == before


def test_sync_drops_deleted_runs_and_follows_resumed_ones(
    board: Leaderboard, make_run: MakeRun, finish: Callable[[RunFolder, str, float], None]
) -> None:
    deleted, resumed, kept = make_run(), make_run("stopped", 0.5), make_run()
    board.sync()
    deleted.delete()
    finish(resumed, "finished", 0.98)
    assert board.sync() == Synced(added=1, dropped=1)
    entries = {entry.run_id: entry for entry in board.entries()}
    assert set(entries) == {resumed.run_id, kept.run_id}
    assert entries[resumed.run_id].status is Status.FINISHED
    assert entries[resumed.run_id].test_accuracy == 0.98


def test_sync_drops_nothing_when_the_runs_are_not_there(
    home: Home, board: Leaderboard, make_run: MakeRun
) -> None:
    make_run()
    board.sync()
    home.runs.rename(home.path / "elsewhere")
    assert board.sync() == Synced()
    assert len(board.entries()) == 1


def test_sync_names_damaged_folders(board: Leaderboard, make_run: MakeRun) -> None:
    good, bad = make_run(), make_run()
    bad.spec_file.write_text("{")
    assert board.sync() == Synced(added=1, unreadable=(bad.run_id,))
    assert board.entries()[0].run_id == good.run_id


DAMAGES = {
    "torn": b'{"runs": {"1": {"run_id": "r1", "pres',
    "empty": b"",
    "binary": bytes(range(256)),
    "list": b"[]",
    "no table": b'{"runs": []}',
    "no document": b'{"runs": {"1": 5}}',
    "no number": b'{"runs": {"x": {"run_id": "r1"}}}',
    "no summary": b'{"runs": {"1": {"run_id": "r1"}}}',
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_file_is_kept_aside_and_rebuilt(
    home: Home, board: Leaderboard, make_run: MakeRun, make_summary: MakeSummary, damage: bytes
) -> None:
    folders = [make_run(), make_run("stopped")]
    board.sync()
    board.import_entries([make_summary(run_id="theirs")])
    home.leaderboard.write_bytes(damage)
    with pytest.raises(LeaderboardDamaged, match="leaderboard rebuild") as caught:
        board.entries()
    (aside,) = home.path.glob("leaderboard.json.damaged-*")
    assert aside.name in str(caught.value)
    assert aside.read_bytes() == damage
    assert "\n" not in str(caught.value)
    assert board.rebuild() == 2
    assert {entry.run_id for entry in board.entries()} == {folder.run_id for folder in folders}
    assert [entry.run_id for entry in board.imported()] == ["theirs"]


def test_an_entry_of_no_date_is_damage(home: Home, board: Leaderboard, make_run: MakeRun) -> None:
    make_run()
    board.sync()
    content = json.loads(home.leaderboard.read_text())
    content["runs"]["1"]["started_at"] = "yesterday"
    home.leaderboard.write_text(json.dumps(content))
    with pytest.raises(LeaderboardDamaged, match="leaderboard rebuild"):
        board.entries()


def test_rebuild_at_once_on_a_damaged_file(
    home: Home, board: Leaderboard, make_run: MakeRun
) -> None:
    make_run()
    unreadable = make_run()
    unreadable.spec_file.write_text("[]")
    home.leaderboard.write_text("nonsense")
    said: list[str] = []
    assert board.rebuild(said.append) == 1
    assert len(list(home.path.glob("leaderboard.json.damaged-*"))) == 1
    assert any("kept aside" in line for line in said)
    assert any(unreadable.run_id in line for line in said)


def test_a_writer_keeps_a_damaged_file_aside_too(
    home: Home, board: Leaderboard, make_summary: MakeSummary
) -> None:
    home.leaderboard.write_text("{")
    with pytest.raises(LeaderboardDamaged):
        board.record(make_summary())
    assert len(list(home.path.glob("leaderboard.json.damaged-*"))) == 1


def test_rebuild_of_nothing(board: Leaderboard) -> None:
    assert board.rebuild() == 0
    assert board.entries() == []


def test_rebuild_keeps_a_run_that_ends_meanwhile(
    board: Leaderboard, make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_run()
    real = store_module._ended
    late: list[RunFolder] = []

    def slow(folder: RunFolder) -> RunSummary | None:
        if not late:
            late.append(make_run())
            board.record(summarise(late[0]))
        return real(folder)

    monkeypatch.setattr(store_module, "_ended", slow)
    assert board.rebuild() == 2


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_full_disk_leaves_the_old_file(
    home: Home,
    board: Leaderboard,
    make_summary: MakeSummary,
    monkeypatch: pytest.MonkeyPatch,
    call: str,
) -> None:
    kept = make_summary()
    board.record(kept)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(os, call, full)
        with pytest.raises(EnvironmentProblem, match="No space left") as caught:
            board.record(make_summary())
    assert "\n" not in str(caught.value)
    assert board.entries() == [kept]
    assert not list(home.path.glob("*.tmp")) and not list(home.path.glob(".*.tmp"))


def test_what_ended_is_there_to_look_at_on_a_full_disk(
    board: Leaderboard, make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone, kept = make_run(), make_run(seed=1)
    for folder in (gone, kept):
        board.record(summarise(folder))
    new = make_run(seed=2)
    gone.delete()
    kept.set_labels(Labels(note="new"))

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr("workbench.leaderboard.database.write_file", full)
        synced = board.sync()
        assert [(run.run_id, run.note) for run in synced.entries] == [
            (kept.run_id, "new"),
            (new.run_id, ""),
        ]
        assert "No space left on device; not changed" in str(synced.unwritten)
        assert [run.run_id for run in board.entries()] == [gone.run_id, kept.run_id]
        with pytest.raises(EnvironmentProblem, match="No space left"):
            board.rebuild()
    again = board.sync()
    assert again.unwritten is None and board.entries() == list(again.entries)


def test_a_lock_held_too_long_is_said(home: Home, make_summary: MakeSummary) -> None:
    database = LockedDatabase(home.leaderboard, remedy="", timeout=0.05)
    with FileLock(database.lock_file):
        with pytest.raises(LeaderboardBusy, match="another process"), database.change():
            pass
        assert Leaderboard(home).entries() == []  # reading waits for nobody


def test_a_home_that_cannot_be_written(
    home: Home, board: Leaderboard, make_summary: MakeSummary, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr("workbench.leaderboard.database.write_file", denied)
    with pytest.raises(UserError, match="Permission denied"):
        board.record(make_summary())


def test_imported_runs_are_kept_apart(
    board: Leaderboard, make_summary: MakeSummary, make_run: MakeRun
) -> None:
    own = make_run()
    board.sync()
    theirs = make_summary(run_id="theirs")
    assert board.import_entries([theirs, summarise(own)]) == Imported(added=1, own=1)
    assert board.import_entries([theirs]) == Imported(replaced=1)
    assert board.import_entries([summarise(own)]) == Imported(own=1)
    assert board.imported() == [theirs]
    assert [entry.run_id for entry in board.entries()] == [own.run_id]
    assert board.remove_imported() == 1
    assert board.imported() == []
    board.import_entries([make_summary(), make_summary()])
    assert board.remove_imported() == 2
    assert board.remove_imported() == 0
    assert board.imported() == []


def test_an_imported_run_whose_folder_came_here_is_ones_own(
    board: Leaderboard, make_summary: MakeSummary, make_run: MakeRun
) -> None:
    board.import_entries([make_summary(run_id="theirs")])
    make_run().path.rename(board.home.runs / "theirs")
    assert board.imported() == []


def test_a_summary_is_about_one_kilobyte(make_summary: MakeSummary) -> None:
    assert len(json.dumps(make_summary().to_json())) < 1300
