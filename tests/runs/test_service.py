"""What can be asked of runs: each verb does and refuses the same in commands and screens."""

from __future__ import annotations

import pytest

from tests.support import LivingRun, ended_run
from workbench.errors import EnvironmentProblem, RunError
from workbench.leaderboard.store import Leaderboard
from workbench.runs import control, service
from workbench.runs.events import Paused, Queued
from workbench.runs.folder import RunFolder
from workbench.runs.log import EventWriter
from workbench.settings import Home


def log(folder: RunFolder, *events: Paused | Queued) -> None:
    writer = EventWriter(folder.events_file)
    for event in events:
        writer.write(event)
    writer.close()


def test_a_pause_is_taken_back_by_the_verb_that_resumes(home: Home) -> None:
    run = LivingRun(home)
    folder = run.folder
    with pytest.raises(RunError, match="is training; there is nothing to resume"):
        service.resume(folder)
    service.pause(folder)
    assert service.resume(folder) is False  # before its worker has come to the pause
    assert control.requested(folder.path) is control.Command.RUN
    service.pause_or_resume(folder)
    log(folder, Paused(1.0, 5))
    assert service.asked_to_pause(folder)
    service.pause_or_resume(folder)
    assert not service.asked_to_pause(folder)
    run.die()


def test_a_run_that_was_cut_short_is_resumed_by_a_new_worker(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    resumed: list[RunFolder] = []
    monkeypatch.setattr(service, "take_up", resumed.append)
    stopped, crashed = ended_run(home, "stopped"), ended_run(home, None, seed=1)
    assert service.resume(stopped) and service.resume(crashed)
    assert resumed == [stopped, crashed]


def test_a_folder_that_cannot_be_written_is_said_when_a_run_is_resumed(home: Home) -> None:
    run = ended_run(home, "stopped")
    run.lock_file.unlink()
    run.lock_file.mkdir()
    with pytest.raises(EnvironmentProblem, match=f"run {run.run_id}: its worker cannot be started"):
        service.resume(run)


def test_what_has_ended_is_not_asked(home: Home) -> None:
    folder = ended_run(home)
    for verb in (service.pause, service.stop, service.kill, service.pause_or_resume):
        with pytest.raises(RunError, match=r"has ended already \(finished\)"):
            verb(folder)
    assert not (folder.path / "control").exists() and not (folder.path / "killed").exists()


def test_a_run_that_waits_is_not_killed_with_its_whole_sequence(home: Home) -> None:
    run = LivingRun(home)
    log(run.folder, Queued(1.0))
    with pytest.raises(RunError, match="has not begun; stop takes it back"):
        service.kill(run.folder)
    assert not control.was_killed(run.folder.path)
    service.stop(run.folder)
    assert control.requested(run.folder.path) is control.Command.STOP
    run.die()


def test_deleting_spares_none_for_the_refusal_of_another(home: Home) -> None:
    living, ended = LivingRun(home), ended_run(home)
    board = Leaderboard(home)
    board.sync()
    faults = service.delete([living.folder, ended], board)
    assert len(faults) == 1 and "still going" in str(faults[0])
    assert not ended.path.exists() and living.folder.path.exists()
    assert board.entries() == []
    living.die()


def test_the_next_seed_is_the_lowest_that_no_run_has(home: Home) -> None:
    board = Leaderboard(home)
    first = ended_run(home)
    spec = first.record.spec
    board.sync()
    assert service.next_seed(spec, board) == 1
    living = LivingRun(home, seed=1)  # not on the leaderboard
    ended_run(home, None, seed=3)
    assert service.next_seed(spec, board) == 2
    (first.path / "spec.json").write_text("{}")  # its result still counts
    assert service.next_seed(spec, board) == 2
    other = ended_run(home, row=1).record.spec
    assert service.next_seed(other, board) == 1
    living.die()
