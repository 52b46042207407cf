"""`reproduce`, `sweep` and `queue` as a person types them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.cli.conftest import Runner
from workbench.queue.store import QueueStore
from workbench.settings import default_home

SWEEP = ("sweep", "nn-1", "--set", "epochs=1,2", "--train-limit", "640")


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
    assert "20 new; 20 to train: how long is not known yet" in done.stderr
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


def test_a_sweep_trains_ranks_and_trains_nothing_twice(workbench: Runner) -> None:
    first = workbench(*SWEEP)
    assert first.returncode == 0, first.stderr
    assert "2 new; 2 to train" in first.stderr
    assert "1/2  epochs=1: NN model 1, sgd 0.01, 1 × batch 32, seed 0" in first.stdout
    assert "Sweep of nn-1" in first.stdout
    again = workbench(*SWEEP, "--json")
    assert "2 trained already: nothing to train." in again.stderr
    data = json.loads(again.stdout)
    assert data["trials"] == []
    assert [group["n"] for group in data["groups"]] == [1, 1]
    more = workbench("sweep", "nn-1", "--set", "epochs=2,3", "--train-limit", "640", "--dry-run")
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
    assert "Queue: stopped; 0 of 2 done" in listed
    rest = _listed(workbench)
    assert [trial["state"] for trial in rest["trials"]] == ["waiting", "waiting"]
    assert rest["trials"][0]["run_id"]
    dropped = workbench("queue", "drop", rest["trials"][0]["id"])
    assert "dropped 1 trial" in dropped.stderr
    on = workbench(*arguments[:2], "--set", "epochs=1", "--train-limit", "640")
    assert on.returncode == 0, on.stderr
    assert "1 in the queue already" in on.stderr


def test_detached_and_stopped_from_elsewhere(workbench: Runner) -> None:
    started = workbench("sweep", "nn-1", "--set", "epochs=5000", "--train-limit", "640", "--detach")
    assert started.returncode == 0
    assert "training in the background" in started.stderr
    assert QueueStore(default_home()).runs()
    deadline = time.monotonic() + 60
    while (trial := _listed(workbench)["trials"][0])["state"] != "running":
        assert time.monotonic() < deadline, trial
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
        (("reproduce", "--seeds", "0"), "seeds: must be from 1"),
        (("reproduce", "--precision", "half"), '"half" is neither float32 nor bfloat16'),
        (("reproduce", "3", "--jobs", "0"), "jobs: must be from 1 to 64"),
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


def test_a_damaged_queue_is_one_sentence(workbench: Runner) -> None:
    store = QueueStore(default_home())
    store.folder.mkdir(parents=True)
    store.file.write_text("{")
    done = workbench("queue")
    assert done.returncode == 1
    assert "was damaged and is kept as queue-damaged.json" in done.stderr
    assert "The queue is empty" in workbench("queue").stderr
