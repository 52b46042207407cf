"""Training through the command: real MNIST, few images, accuracies asserted."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support import wait_until
from workbench.runs.events import Batch, Epoch
from workbench.runs.folder import RunFolder, all_runs, find_run
from workbench.runs.log import EventReader
from workbench.runs.status import Status
from workbench.settings import Home

Runner = Callable[..., subprocess.CompletedProcess[str]]
CONTRACT = {
    "run_id",
    "preset",
    "status",
    "test_accuracy",
    "test_loss",
    "best_epoch_test_accuracy",
    "epochs",
    "batch_size",
    "optimizer",
    "learning_rate",
    "seed",
    "precision",
    "parameters",
    "train_seconds",
    "images_per_second",
    "started_at",
}


def batches(folder: RunFolder) -> int:
    return sum(isinstance(event, Batch) for event in EventReader(folder.events_file).read())


def epochs(folder: RunFolder) -> int:
    return sum(isinstance(event, Epoch) for event in EventReader(folder.events_file).read())


def start(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "workbench", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # As at a person's terminal: where the tests run behind a shell's &, SIGINT is ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def test_json_is_one_object_with_the_documented_names(workbench: Runner, home: Home) -> None:
    done = workbench("run", "nn-1", "--epochs", "3", "--train-limit", "12000", "--json")
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert set(result) >= CONTRACT
    assert result["status"] == "finished" and result["parameters"] == 101_770
    assert 0.84 < result["test_accuracy"] < 0.93  # 1,125 steps of the paper's 18,750
    assert result["best_epoch_test_accuracy"] >= result["test_accuracy"]
    assert result["epochs"] == 3 and result["batch_size"] == 32 and result["optimizer"] == "sgd"
    # A line an epoch for the person, on stderr, and none of TensorFlow's chatter.
    assert done.stderr.count("epoch ") == 3
    assert "cuda" not in done.stderr.lower() and "absl" not in done.stderr.lower()

    listed = json.loads(workbench("runs", "--format", "json").stdout)
    assert listed[0]["run_id"] == result["run_id"] and listed[0]["pid"] is None
    board = json.loads(workbench("leaderboard", "--format", "json").stdout)
    assert board[0]["test_accuracy"] == result["test_accuracy"]

    folder = all_runs(home)[0]
    history = folder.history()
    assert [epoch.epoch for epoch in history.epochs] == [1, 2, 3]
    assert history.epochs[-1].test_accuracy == result["test_accuracy"]
    assert sum(batch.steps for batch in history.batches) == 3 * 375
    ending = history.ending
    confusion = getattr(ending, "confusion", [])
    assert sum(map(sum, confusion)) == 10_000
    assert sum(confusion[digit][digit] for digit in range(10)) / 10_000 == result["test_accuracy"]
    assert folder.model_file.exists()
    for path in folder.path.iterdir():
        assert path.stat().st_mode & 0o077 == 0, path

    text = workbench("attach", result["run_id"][:4]).stdout
    assert text.count("epoch ") >= 3 and "finished" in text
    removed = workbench("delete", result["run_id"], "--yes")
    assert removed.returncode == 0 and all_runs(home) == []
    assert json.loads(workbench("leaderboard", "--format", "json").stdout) == []


def started_pid(folder: RunFolder) -> int:
    events = (json.loads(line) for line in folder.events_file.read_text().splitlines())
    return next(event["pid"] for event in events if event.get("event") == "started")


def test_repeats_count_seeds_up_and_the_same_seed_gives_the_same(
    workbench: Runner, home: Home
) -> None:
    small = ("--epochs", "1", "--train-limit", "3000", "--json")
    process = start("run", "nn-1.2", *small, "--seed", "6")  # at the same time: they do not mix
    done = workbench("run", "nn-1.2", *small, "--repeats", "2", "--seed", "5", "--tag", "twice")
    assert done.returncode == 0, done.stderr
    results = json.loads(done.stdout)
    assert [result["seed"] for result in results] == [5, 6]
    assert results[0]["test_loss"] != results[1]["test_loss"]
    # In a process of its own the second gives what it gave in that of the first.
    again = json.loads(process.communicate(timeout=120)[0])
    assert again["test_loss"] == results[1]["test_loss"]
    assert again["test_accuracy"] == results[1]["test_accuracy"]
    pids = {started_pid(find_run(home, result["run_id"])) for result in results}
    assert len(pids) == 1
    chosen = json.loads(
        workbench("leaderboard", "--filter", "tag:twice", "--format", "json").stdout
    )
    assert len(chosen) == 2


def test_divergence_is_a_failure_with_epoch_and_step(workbench: Runner, home: Home) -> None:
    # Linear layers upon one another multiply what a huge step does to each.
    preset = home.path / "steep.toml"
    layer = '[[architecture.layers]]\nkind = "Dense"\nunits = 32\n'
    output = '[[architecture.layers]]\nkind = "Dense"\nunits = 10\nactivation = "softmax"\n'
    flatten = '[[architecture.layers]]\nkind = "Flatten"\n'
    preset.write_text(f'title = "steep"\n[architecture]\n{flatten}{6 * layer}{output}')
    done = workbench(
        *("run", str(preset), "--epochs", "2", "--train-limit", "1200", "--json"),
        *("--learning-rate", "1000"),
    )
    assert done.returncode == 1
    result = json.loads(done.stdout)
    assert result["status"] == "failed" and result["diverged"] is True
    assert result["test_accuracy"] is None
    assert "epoch 1, at step" in result["message"] and "diverged" in done.stderr
    board = workbench("leaderboard", "--format", "csv").stdout
    assert "true" in board and result["run_id"] in board
    assert "diverged" in workbench("leaderboard").stdout
    refused = workbench("resume", result["run_id"])
    assert refused.returncode == 2 and "diverge" in refused.stderr


def test_kill_9_and_resume_end_where_an_uninterrupted_run_does(
    workbench: Runner, home: Home
) -> None:
    # CNN-like, with dropout: its seed state must survive too.
    preset = home.path / "small.toml"
    preset.write_text(
        """
title = "small"
[architecture]
[[architecture.layers]]
kind = "Conv2D"
filters = 8
kernel_size = 3
activation = "relu"
[[architecture.layers]]
kind = "MaxPooling2D"
pool_size = 2
[[architecture.layers]]
kind = "Flatten"
[[architecture.layers]]
kind = "Dropout"
rate = 0.3
[[architecture.layers]]
kind = "Dense"
units = 10
activation = "softmax"
[training]
epochs = 4
batch_size = 50
[training.optimizer]
kind = "adam"
learning_rate = 0.004
[training.schedule]
kind = "cosine"
"""
    )
    arguments = ("run", str(preset), "--train-limit", "6000", "--seed", "3")
    uninterrupted = start(*arguments, "--json")
    begun = json.loads(workbench(*arguments, "--detach", "--json").stdout)
    assert begun["status"] == "running"
    folder = RunFolder(home.runs / begun["run_id"])
    wait_until(lambda: epochs(folder) >= 2 and folder.checkpoint_file.exists())
    pid = int(folder.lock_file.read_text())
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: folder.status() is not Status.RUNNING)
    assert folder.status() is Status.CRASHED
    listed = json.loads(workbench("runs", "--format", "json", "--status", "crashed").stdout)
    assert [run["run_id"] for run in listed] == [folder.run_id]
    with folder.events_file.open("a") as file:  # what a kill in mid-write leaves
        file.write('{"event":"batch","ti')
    resumed = workbench("resume", folder.run_id, "--json")
    assert resumed.returncode == 0, resumed.stderr
    result = json.loads(resumed.stdout)
    whole = json.loads(uninterrupted.communicate(timeout=120)[0])
    assert result["test_accuracy"] == whole["test_accuracy"] > 0.85
    assert result["test_loss"] == whole["test_loss"]
    history = folder.history()
    assert [epoch.epoch for epoch in history.epochs] == [1, 2, 3, 4]
    assert history.step == 4 * 120
    board = json.loads(workbench("leaderboard", "--format", "json").stdout)
    assert {run["run_id"] for run in board} == {whole["run_id"], folder.run_id}


def test_pause_resume_and_stop_of_a_detached_run(workbench: Runner, home: Home) -> None:
    begun = json.loads(workbench("run", "nn-1", "--epochs", "5000", "--detach", "--json").stdout)
    other = json.loads(workbench("run", "nn-1.2", "--epochs", "5000", "--detach", "--json").stdout)
    folder, second = (RunFolder(home.runs / run["run_id"]) for run in (begun, other))
    wait_until(lambda: batches(folder) > 3 and batches(second) > 3)
    listed = {
        run["run_id"]: run for run in json.loads(workbench("runs", "--format", "json").stdout)
    }
    assert len({run["pid"] for run in listed.values()}) == 2
    assert all(run["status"] == "running" for run in listed.values())
    assert workbench("resume", begun["run_id"]).returncode == 2  # it runs already
    assert workbench("pause", begun["run_id"]).returncode == 0
    wait_until(lambda: folder.status() is Status.PAUSED, 10)
    count = batches(folder)
    time.sleep(0.5)
    assert batches(folder) == count
    assert batches(second) > 3  # the other one is not concerned
    assert workbench("resume", begun["run_id"]).returncode == 0
    wait_until(lambda: batches(folder) > count, 10)
    stopped = workbench("stop", begun["run_id"], other["run_id"])
    assert stopped.returncode == 0 and folder.status() is second.status() is Status.STOPPED
    assert folder.model_file.exists()
    result = json.loads(workbench("runs", "--format", "json", "--status", "stopped").stdout)
    assert len(result) == 2 and all(run["pid"] is None for run in result)
    assert workbench("stop", begun["run_id"]).returncode == 2


@pytest.mark.parametrize("presses", [1, 2])
def test_ctrl_c_once_stops_and_saves_twice_kills(home: Home, presses: int) -> None:
    process = start("run", "nn-1", "--epochs", "5000", "--json", "--repeats", "2")
    try:
        wait_until(lambda: any(batches(folder) > 3 for folder in all_runs(home)))
        running = next(folder for folder in all_runs(home) if batches(folder) > 3)
        if presses == 2:  # a paused worker answers nothing quickly: only the second press ends it
            os.kill(int(running.lock_file.read_text()), signal.SIGSTOP)
        process.send_signal(signal.SIGINT)
        if presses == 2:
            time.sleep(1)
            assert process.poll() is None
            process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130, err
    results = json.loads(out)
    assert [result["status"] for result in results] == [
        "stopped" if presses == 1 else "killed",
        "stopped",
    ]
    assert running.model_file.exists() == (presses == 1)
    assert results[1]["epochs_completed"] == 0
    assert "Traceback" not in err


def test_a_run_outlives_the_terminal_it_was_started_from(home: Home, workbench: Runner) -> None:
    process = start("run", "nn-1", "--epochs", "5000")
    wait_until(lambda: any(batches(folder) > 3 for folder in all_runs(home)))
    process.send_signal(signal.SIGHUP)
    process.communicate(timeout=10)
    folder = all_runs(home)[0]
    count = batches(folder)
    wait_until(lambda: batches(folder) > count, 10)
    assert folder.status() is Status.RUNNING
    follower = start("attach", folder.run_id)
    wait_until(lambda: folder.history().epochs)
    time.sleep(0.5)
    follower.send_signal(signal.SIGINT)
    out, err = follower.communicate(timeout=10)
    assert follower.returncode == 130 and "epoch " in out and "left" in err
    assert folder.status() is Status.RUNNING
    assert workbench("stop", "--kill", folder.run_id).returncode == 0
    assert folder.status() is Status.KILLED


def test_a_data_set_of_ones_own(workbench: Runner, tmp_path: Path) -> None:
    import numpy as np

    from workbench.data.npz import load_mnist

    mnist = load_mnist()
    few = mnist.y_train < 4
    test = mnist.y_test < 4
    colour = np.repeat(mnist.x_train[few][:3000, 4:24, 4:24], 3, axis=3)
    file = tmp_path / "four.npz"
    np.savez(
        file,
        x_train=colour,
        y_train=mnist.y_train[few][:3000],
        x_test=np.repeat(mnist.x_test[test][:500, 4:24, 4:24], 3, axis=3),
        y_test=mnist.y_test[test][:500],
    )
    done = workbench("run", "nn-1", "--dataset", str(file), "--epochs", "3", "--json")
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["test_accuracy"] > 0.9
    assert result["parameters"] == 20 * 20 * 3 * 128 + 128 + 128 * 4 + 4
    assert result["dataset"] == "four.npz"
