"""`reproduce`, `sweep` and `queue` as a person types them."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from tests.cli.conftest import Runner
from tests.queue.scripted import ScriptedExecutor, wanted
from tests.support import LivingRun
from workbench.cli.queue_follow import QueueDisplay, follow_queue, moving_lines
from workbench.cli.trials import check_plan, exit_code
from workbench.leaderboard.store import Leaderboard
from workbench.queue import service
from workbench.queue.planning import SweepAxis, TrialPlan, grid
from workbench.queue.store import QueueDamaged, QueueStore
from workbench.queue.view import QueueView, QueueWatch
from workbench.runs import environment
from workbench.runs.plan import Plan
from workbench.runs.record import Labels
from workbench.runs.status import Status
from workbench.runs.watchlist import Watchlist
from workbench.settings import default_home

# 20 steps an epoch: enough of them for a run to tell the speed of the next.
REPRODUCTION = Path(__file__).parents[2] / "docs" / "reproduction.json"
SWEEP = ("sweep", "nn-1", "--set", "epochs=5,6", "--train-limit", "640")


@pytest.fixture(autouse=True)
def _no_runner_is_left(_no_worker_is_left: None) -> Iterator[None]:
    home = default_home()
    yield
    from workbench.runs import lock

    pid = lock.holder_pid(QueueStore(home).runner_lock)
    if pid is not None:
        os.kill(pid, signal.SIGKILL)


def test_a_dry_run_says_what_it_would_do_and_does_nothing(workbench: Runner) -> None:
    done = workbench("reproduce", "--dry-run")
    assert done.returncode == 0
    assert "Tables 3, 6, 7, 8 and 9: 24 rows, 20 trainings in float32." in done.stderr
    assert "20 new; 20 to train: about " in done.stderr
    assert "(rough: 20 of a kind new here)" in done.stderr
    assert "Tables 7.6, 8.3, 9" in done.stdout
    assert not default_home().runs.exists() or not any(default_home().runs.iterdir())
    assert not QueueStore(default_home()).file.exists()


def test_a_dry_run_as_data(workbench: Runner) -> None:
    done = workbench("reproduce", "3", "9", "--seeds", "2", "--dry-run", "--json")
    planned = json.loads(done.stdout)
    assert done.stderr == ""
    assert len(planned) == 12
    assert {row["label"] for row in planned} == {"Table 3", "Table 9"}
    assert not any(row["trained"] for row in planned)


def test_results_of_another_machine_are_not_trained_again(workbench: Runner) -> None:
    elsewhere = ("--with", str(REPRODUCTION))
    planned = workbench("reproduce", "3", "--seeds", "6", *elsewhere, "--dry-run", "--json")
    rows = json.loads(planned.stdout)
    assert [row["seed"] for row in rows if not row["trained"]] == [5] * 4
    done = workbench("reproduce", "3", "--seeds", "5", *elsewhere, "--json")
    assert done.returncode == 0, done.stderr
    assert "20 trained already: nothing to train." in done.stderr
    data = json.loads(done.stdout)
    assert data["trials"] == []
    assert [row["n"] for row in data["tables"]] == [5] * 4
    assert data["claims"][0]["verdict"] == "confirmed"
    assert not QueueStore(default_home()).runs()
    refused = workbench("reproduce", "3", "--with", "nothing.json")
    assert refused.returncode == 2 and "there is no such file" in refused.stderr


def test_a_sweep_trains_ranks_and_trains_nothing_twice(workbench: Runner) -> None:
    first = workbench(*SWEEP)
    assert first.returncode == 0, first.stderr
    assert "trainings at once share" not in first.stderr
    assert "2 new; 2 to train" in first.stderr
    training = "epochs=5: NN model 1, 640 images, SGD 0.01, batch 32, 5 epochs, seed 0"
    assert f"trial 1 of 2: training {training} (run " in first.stdout
    assert f"1 of 2 done: {training}: " in first.stdout
    # Piped lines tell the time left too, once a run has shown the speed.
    assert re.search(r"1 of 2 done: .*; (about|at least) [\d.]+ s left\n", first.stdout)
    assert "Sweep of nn-1" in first.stdout
    again = workbench(*SWEEP, "--json")
    assert "2 trained already: nothing to train." in again.stderr
    data = json.loads(again.stdout)
    assert data["trials"] == []
    assert [group["n"] for group in data["groups"]] == [1, 1]
    more = workbench("sweep", "nn-1", "--set", "epochs=6,7", "--train-limit", "640", "--dry-run")
    assert "1 trained already, 1 new; 1 to train: about" in more.stderr


def _listed(workbench: Runner) -> dict[str, Any]:
    listed: dict[str, Any] = json.loads(workbench("queue", "--format", "json").stdout)
    return listed


def test_ctrl_c_saves_and_the_same_command_goes_on(workbench: Runner) -> None:
    arguments = ["sweep", "nn-1", "--set", "epochs=400,1", "--train-limit", "640"]
    process = subprocess.Popen(
        [sys.executable, "-m", "workbench", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    store = QueueStore(default_home())
    deadline = time.monotonic() + 120
    while not list(default_home().runs.glob("*/checkpoint.keras")):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 130, errors
    assert "saving what trains, then the queue stops" in errors
    assert "goes on where it was" in errors
    assert not store.runs()
    listed = workbench("queue").stdout
    assert "Queue: stopped, 2 to train; `mnist-workbench queue start` resumes" in listed
    rest = _listed(workbench)
    assert [trial["state"] for trial in rest["trials"]] == ["waiting", "waiting"]
    assert rest["trials"][0]["run_id"]
    dropped = workbench("queue", "drop", rest["trials"][0]["id"])
    assert "dropped 1 trial" in dropped.stderr
    on = workbench(*arguments[:2], "--set", "epochs=1", "--train-limit", "640")
    assert on.returncode == 0, on.stderr
    assert "1 in the queue already" in on.stderr


def test_detached_and_stopped_from_elsewhere(workbench: Runner) -> None:
    sweep = ("sweep", "nn-1", "--set", "epochs=5000", "--train-limit", "640")
    started = workbench(*sweep, "--detach", "--json", "--jobs", "2")
    assert started.returncode == 0
    assert "training in the background" in started.stderr
    assert "2 trainings at once share" in started.stderr
    told = json.loads(started.stdout)["trials"]
    assert [trial["label"] for trial in told] == ["epochs=5000"]
    assert QueueStore(default_home()).runs()
    deadline = time.monotonic() + 60
    while (trial := _listed(workbench)["trials"][0])["state"] != "running":
        assert time.monotonic() < deadline, trial
    assert trial["id"] == told[0]["id"]
    refused = workbench("queue", "drop", trial["id"])
    assert refused.returncode == 2
    assert f"stop its run first (`mnist-workbench stop {trial['run_id']}`)" in refused.stderr
    stopped = workbench("queue", "stop")
    assert stopped.returncode == 0
    assert not QueueStore(default_home()).runs()
    assert "the queue does not run" in workbench("queue", "stop").stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("reproduce", "4"), "the paper has no table 4 of results"),
        (("reproduce", "three"), '"three" is no table'),
        (("reproduce", "²"), '"²" is no table'),
        (("reproduce", "3", "--dry-run", "--jobs", "0"), "jobs: must be from 1 to 128"),
        (("sweep", "nn-1", "--set", "lr=1", "--dry-run", "--jobs", "1000"), "jobs: must be from"),
        (("reproduce", "--seeds", "0"), "seeds: must be from 1"),
        (("reproduce", "--precision", "half"), '"half" is not one of float32, bfloat16, float16'),
        (("reproduce", "3", "--jobs", "0"), "jobs: must be from 1 to 128"),
        (("sweep", "nn-1"), "nothing to sweep"),
        (("sweep", "nn-1", "--set", "lr=x"), '"x" is not a number'),
        (("sweep", "nn-7", "--set", "lr=1"), "no preset"),
        (("queue", "drop"), "name the trials to drop"),
        (("queue", "drop", "zz"), 'no trial "zz" in the queue'),
        (("queue", "move", "zz", "1"), 'no trial "zz" in the queue'),
    ],
)
def test_wrong_use_is_one_sentence(
    workbench: Runner, arguments: tuple[str, ...], message: str
) -> None:
    done = workbench(*arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert not QueueStore(default_home()).file.exists()  # nothing was queued


def test_an_empty_queue(workbench: Runner) -> None:
    assert "The queue is empty" in workbench("queue").stderr
    assert "nothing waits in the queue" in workbench("queue", "start").stderr
    assert "nothing waits in the queue" in workbench("queue", "watch").stderr


def test_a_damaged_queue_is_one_sentence_and_said_until_it_is_changed(workbench: Runner) -> None:
    store = QueueStore(default_home())
    store.folder.mkdir(parents=True)
    store.file.write_text("{")
    kept = "was damaged and is kept as queue.json.damaged-"
    done = workbench("queue")
    assert done.returncode == 1
    assert kept in done.stderr
    again = workbench("queue")
    assert again.returncode == 0
    assert kept in again.stderr and "The queue is empty" in again.stderr
    assert kept in workbench("queue", "start").stderr
    assert kept in json.loads(workbench("queue", "--format", "json").stdout)["notice"]
    workbench("queue", "drop", "--all")
    assert kept not in workbench("queue").stderr


def test_a_queue_of_a_newer_version_is_one_sentence(workbench: Runner) -> None:
    store = QueueStore(default_home())
    store.folder.mkdir(parents=True)
    store.file.write_text('{"format": 2}')
    for _ in range(2):
        done = workbench("queue")
        assert done.returncode == 1
        assert "is of a newer version (format 2)" in done.stderr
    assert store.file.read_text() == '{"format": 2}'


def test_places_that_are_none_are_refused(workbench: Runner) -> None:
    first, second = service.enqueue(default_home(), wanted(0, 1), "sweep")
    moved = workbench("queue", "move", first, "2")
    assert f"trial {first} is number 2 of the waiting ones" in moved.stderr
    for nowhere in ("0", "99"):
        done = workbench("queue", "move", second, nowhere)
        assert done.returncode == 2
        assert "place: must be from 1 to 2, the number of waiting trials" in done.stderr
        assert f"(given: {nowhere})" in done.stderr


def test_a_divergence_of_earlier_counts_as_one_of_now(workbench: Runner) -> None:
    executor = ScriptedExecutor(default_home())
    plan = Plan(train_limit=640)
    for item in grid(default_home(), "nn-1", [SweepAxis("epochs", (5, 6))], plan):
        ending = "diverged" if item.spec.training.epochs == 5 else "finished"
        executor.submit(item.spec, Labels(), "sweep").end(ending)
    done = workbench(*SWEEP)
    assert "2 trained already (1 diverged): nothing to train." in done.stderr
    assert done.returncode == 1
    assert workbench("sweep", "nn-1", "--set", "epochs=6", *SWEEP[4:]).returncode == 0


def test_bfloat16_is_warned_of_as_run_does(
    workbench: Runner, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(environment, "cpu_flags", lambda: frozenset({"avx2"}))
    plain = grid(default_home(), "nn-1", [SweepAxis("epochs", (1,))], Plan())
    half = grid(default_home(), "nn-1", [SweepAxis("precision", ("float32", "bfloat16"))], Plan())
    check_plan(plain, None)
    assert capsys.readouterr().err == ""
    check_plan(half, None)
    assert "no bfloat16 instructions; float32 is faster here" in capsys.readouterr().err


@pytest.fixture
def left_behind() -> Iterator[LivingRun]:
    """A run that trains on after the queue's process was killed."""
    home = default_home()
    service.enqueue(home, wanted(0, 1), "sweep")
    living = LivingRun(home)
    with QueueStore(home).change() as state:
        for trial, run_id in zip(state.trials, (living.folder.run_id, "gone"), strict=True):
            update = {"state": Status.RUNNING, "run_id": run_id}
            state.put(trial.model_copy(update=update))
    yield living
    with suppress(OSError):
        living.die()


def test_without_its_process_the_queue_says_what_trains_on(
    workbench: Runner, left_behind: LivingRun
) -> None:
    run_id = left_behind.folder.run_id
    gone = f"the queue's process is gone; run {run_id} trains on"
    listed = workbench("queue").stdout
    assert f"Queue: {gone}, 2 to train; `mnist-workbench queue start` resumes" in listed
    assert "crashed" in listed
    watched = workbench("queue", "watch")
    assert (watched.returncode, gone in watched.stderr) == (1, True)
    stopped = workbench("queue", "stop")
    assert stopped.returncode == 1
    assert f"{gone}; `mnist-workbench queue start` resumes it" in stopped.stderr
    assert f"`mnist-workbench stop {run_id}` saves and ends run" in stopped.stderr
    left_behind.finish()
    Leaderboard(default_home()).sync()
    states = [trial["state"] for trial in _listed(workbench)["trials"]]
    assert states == ["finished", "crashed"]


class Told(QueueDisplay):
    """A display that keeps what it was shown."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.counts: list[tuple[int, int]] = []

    def show(self, view: QueueView) -> None:
        self.counts.append((view.ended, len(view.trials)))

    def tell(self, line: str, left: str) -> None:
        self.lines.append(line)

    def close(self) -> None:
        pass


def test_a_follower_counts_all_of_the_queue_and_ends_with_its_own() -> None:
    home = default_home()
    ids = service.enqueue(home, wanted(0, 1, 2, 3), "sweep")
    with QueueStore(home).change() as state:
        for place in (0, 2):
            update = {"state": Status.FINISHED}
            state.put(state.trials[place].model_copy(update=update))
    told = Told()
    view = follow_queue(home, ids[2:3], told)
    assert [item.trial.id for item in view.trials] == ids[2:3]
    assert told.counts == [(2, 4)]
    assert [line.partition(":")[0] for line in told.lines] == ["2 of 4 done"]  # not the other's


def test_a_follower_whose_queue_was_damaged_says_so() -> None:
    home = default_home()
    ids = service.enqueue(home, wanted(0), "sweep")
    store = QueueStore(home)
    store.file.write_text("{")
    with pytest.raises(QueueDamaged):  # a runner finds it and leaves
        store.read()
    with pytest.raises(QueueDamaged, match=r"is kept as queue\.json\.damaged-"):
        follow_queue(home, ids, Told())


def test_a_follower_left_by_the_process_is_no_stop(left_behind: LivingRun) -> None:
    home = default_home()
    ids = service.enqueue(home, wanted(2), "sweep")  # none of them had its turn
    view = follow_queue(home, ids, Told())
    assert view.lost
    assert exit_code(view, TrialPlan((), (), ())) == 1


def test_the_moving_lines_name_trial_run_and_the_time_of_all(left_behind: LivingRun) -> None:
    for share in (0.3, 0.4, 0.5):
        left_behind.train(share)
    home = default_home()
    runs = Watchlist(home)
    runs.look()
    view = QueueWatch(home).look({run.run_id: run for run in runs.living})
    stream = io.StringIO()
    Console(file=stream, width=80).print(moving_lines(view))
    shown = stream.getvalue()
    assert "trial 1 of 2  seed 0: NN model 1, SGD 0.01" in shown
    assert re.search(rf" 50%  \d+:\d\d left .* run {left_behind.folder.run_id}", shown)
    assert "queue: 0 of 2 done; about" in shown
    piped = io.StringIO()
    QueueDisplay(piped).show(view)
    assert re.match(r"trial 1 of 2: training seed 0: .* left\n$", piped.getvalue())
