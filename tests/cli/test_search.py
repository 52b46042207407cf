"""The command `search`, on real MNIST and with real workers."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import optuna
import pytest
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

from tests.cli.conftest import Runner
from workbench.queue.store import QueueStore
from workbench.runs import lock
from workbench.runs.folder import RunFolder, all_runs
from workbench.runs.status import Status
from workbench.settings import default_home

SMALL = (
    "search", "nn-1", "--set", "lr=log:0.001..0.5", "--set", "layers.2.units=8..64",
    "--train-limit", "1000", "--epochs", "2", "--seeds", "1", "--trials", "3",
)  # fmt: skip


def test_killed_it_goes_on_and_tests_the_chosen_settings_alone(workbench: Runner) -> None:
    home = default_home()
    begun = workbench(*SMALL, "--detach", "--json")
    assert begun.returncode == 0, begun.stderr
    journal = Path(json.loads(begun.stdout)["study"])
    store = QueueStore(home)
    deadline = time.monotonic() + 120
    while not any(trial.run_id for trial in store.read().trials):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    pid = lock.holder_pid(store.runner_lock)
    assert pid is not None
    os.kill(pid, signal.SIGKILL)

    done = workbench(*SMALL, "--save", "found", "--json")
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert sum(result["counts"].values()) == 3
    (tested,) = result["test_accuracies"]
    assert tested > 0.5
    runs = [folder.spec for folder in all_runs(home)]
    assert len({(spec.settings_key, spec.seed) for spec in runs}) == len(runs) == 4
    assert [spec.tested for spec in runs].count(True) == 1
    search_id = result["search"]
    storage = JournalStorage(JournalFileBackend(str(journal)))
    study = optuna.load_study(study_name=search_id, storage=storage)
    assert study.best_value == result["validation_accuracy"]
    # Over: shown again, and nothing is trained.
    again = workbench(*SMALL)
    assert again.returncode == 0 and len(list(all_runs(home))) == 4
    assert "no other trial has been tested" in again.stdout
    assert "validation accuracy" in workbench("show", "found").stdout
    listed = json.loads(workbench("queue", "--format", "json").stdout)
    assert listed["searches"][0]["state"] == Status.FINISHED


def test_a_second_process_joins_and_one_that_is_killed_costs_only_what_it_had(
    workbench: Runner,
) -> None:
    home = default_home()
    both = (
        "search", "nn-1", "--set", "lr=log:0.001..0.5", "--train-limit", "1000", "--epochs", "150",
        "--seeds", "1", "--trials", "4", "--pruner", "none", "--json",
    )  # fmt: skip
    command = [sys.executable, "-m", "workbench", *both]
    first = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    store = QueueStore(home)
    deadline = time.monotonic() + 120

    def training() -> list[RunFolder]:
        assert time.monotonic() < deadline
        time.sleep(0.05)
        ids = [t.run_id for t in store.read().trials if t.state is Status.RUNNING and t.run_id]
        return [folder for run in ids if (folder := RunFolder(home.runs / run)).history().batches]

    while not training():
        pass
    second = subprocess.Popen([*command, "--jobs", "2"], stdout=subprocess.PIPE, text=True)
    while len(at_once := training()) < 2:
        pass
    first.kill()  # the one who watched
    first.wait()
    victim = lock.holder_pid(at_once[0].lock_file)
    assert victim is not None
    os.kill(victim, signal.SIGKILL)
    out, _ = second.communicate(timeout=200)
    assert second.returncode == 0
    result = json.loads(out)
    assert result["counts"] == {"failed": 1, "finished": 4}
    specs = [folder.spec for folder in all_runs(home)]
    assert len({(spec.settings_key, spec.seed) for spec in specs}) == len(specs) == 6
    assert [spec.tested for spec in specs].count(True) == 1


def test_a_dry_run_says_the_cost_and_begins_nothing(workbench: Runner) -> None:
    done = workbench(*SMALL, "--dry-run", "--json")
    assert done.returncode == 0, done.stderr
    cost = json.loads(done.stdout)
    assert (cost["trials"], cost["final_trainings"], cost["impossible"]) == (3, 1, 0)
    assert cost["estimated_seconds"] > 0 and cost["guessed"]
    assert not (default_home().path / "searches").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--sampler", "tep"], 'did you mean "tpe"?'),
        (["--pruner", "media"], 'did you mean "median"?'),
        (["--timeout", "2x"], '"2x" is no time'),
        (["--trials", "0"], "trials: must be at least 1"),
        (["--validation", "2"], ""),  # two images: few, and possible
        (["--validation", "1.5"], "validation: must be a share"),
        (["--save", "x", "--detach"], "--save: the result is not there yet"),
        (["--set", "epochs=2..1"], "--set epochs: 2..1 is an empty range"),
        (["--set", "epoch=1,2"], 'did you mean "epochs"?'),
        (["--set", "momentum=log:0..0.9"], "--set momentum: no logarithm of 0"),
        (["--set", "layers.9.units=1,2"], "no layer 9; nn-1 has 1 to 3"),
        (["--set", "layers.3.units=5,6"], "nothing in this space can be trained: "),
    ],
)
def test_wrong_use_is_one_sentence(workbench: Runner, arguments: list[str], words: str) -> None:
    done = workbench(*SMALL, *arguments, "--dry-run")
    if not words:
        assert done.returncode == 0
        return
    assert done.returncode == 2
    assert words in done.stderr and done.stderr.count("\n") == 1
