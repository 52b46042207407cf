"""What the product is for: a training that outlives a connection cut dead."""

from __future__ import annotations

import os
import re
import shlex
import signal
import sys
from typing import TYPE_CHECKING

import psutil

from tests.support import wait_until
from workbench.leaderboard.store import Leaderboard
from workbench.runs.folder import RunFolder, all_runs
from workbench.runs.status import Status
from workbench.settings import HOME_VARIABLE, Home

if TYPE_CHECKING:
    from conftest import Login, Server

PRESET = """
title = "Long enough"
[architecture]
[[architecture.layers]]
kind = "Flatten"
[[architecture.layers]]
kind = "Dense"
units = 16
activation = "relu"
[[architecture.layers]]
kind = "Dense"
units = 10
activation = "softmax"
[training]
epochs = {epochs}
batch_size = 60
"""


def remote_command(home: Home) -> str:
    variables = f"{HOME_VARIABLE}={shlex.quote(str(home.path))} LANG=C.UTF-8"
    return f"env {variables} {shlex.quote(sys.executable)} -m workbench"


def processes_of(home: Home) -> list[psutil.Process]:
    """Everything of ours that works on this home."""
    found = []
    for process in psutil.process_iter():
        try:
            if (
                process.environ().get(HOME_VARIABLE) == str(home.path)
                and "workbench" in " ".join(process.cmdline())
                and process.status() != psutil.STATUS_ZOMBIE
                and process.pid != os.getpid()
                and "pytest" not in " ".join(process.cmdline())
            ):
                found.append(process)
        except psutil.Error:
            continue
    return found


def epochs(folder: RunFolder) -> int:
    return len(folder.history().epochs)


def choose(connection: Login, name: str) -> None:
    """Put the cursor on the model of that name, titled `Long enough`."""
    connection.press("/")
    connection.read(1.0)  # keys that come in one burst reach the list before the filter opens
    connection.press(name)
    connection.wait_for("Long enough")
    connection.press("\r")
    connection.read(1.0)


def test_a_training_outlives_its_connection(server: Server, login: type[Login], home: Home) -> None:
    (home.presets / "long.toml").write_text(PRESET.format(epochs=250))
    first = login(server.command(remote_command(home)))
    first.wait_for("NN model 1")
    choose(first, "long")
    first.press("t")
    first.wait_until(lambda: all_runs(home), "the run to begin", 30)
    folder = all_runs(home)[0]
    first.wait_until(lambda: epochs(folder) >= 2, "two epochs")
    worker = int(folder.lock_file.read_text())

    first.cut()
    for pid in server.sessions():  # as when the machine between the two goes down
        os.kill(pid, signal.SIGKILL)
    wait_until(
        lambda: [process.pid for process in processes_of(home)] == [worker],
        "all but the worker to end",
    )
    seen = epochs(folder)
    wait_until(lambda: epochs(folder) > seen + 1, "the training to go on")
    assert folder.status() is Status.RUNNING

    second = login(server.command(remote_command(home)))
    second.wait_for("● 1 training")
    second.press("3")
    second.wait_for(folder.run_id[:4])
    second.press("\r")
    second.wait_until(lambda: re.search(r"epoch +\d+ */ *250", second.text), "the run's screen", 30)
    # Its whole history is there: the table of epochs goes back before this login.
    assert epochs(folder) > seen
    second.wait_until(lambda: folder.status() is Status.FINISHED, "the end", 400)
    assert [epoch.epoch for epoch in folder.history().epochs] == list(range(1, 251))
    second.wait_until(lambda: Leaderboard(home).entries(), "the leaderboard")
    second.press("4")
    second.wait_for("1 run")
    entry = Leaderboard(home).entries()[0]
    assert entry.run_id == folder.run_id and entry.test_accuracy and entry.test_accuracy > 0.9
    second.output = b""
    second.press("q")
    assert second.end() == 0
    # The terminal is left as it was: main screen, cursor on, mouse and paste reports off.
    for sequence in (b"\x1b[?1049l", b"\x1b[?25h", b"\x1b[?1000l", b"\x1b[?2004l"):
        assert sequence in second.output, sequence
    wait_until(lambda: not processes_of(home), "every process to end")


def test_quitting_asks_and_leaves_it_training(
    server: Server, login: type[Login], home: Home
) -> None:
    (home.presets / "long.toml").write_text(PRESET.format(epochs=5000))
    here = login(server.command(remote_command(home)), 80, 24)
    here.wait_for("NN model 1")
    choose(here, "long")
    here.press("t")
    here.wait_until(lambda: all_runs(home), "the run to begin", 30)
    folder = all_runs(home)[0]
    here.wait_until(lambda: epochs(folder) >= 1, "an epoch")
    here.press("q")
    here.wait_for("still training")
    here.press("\r")  # the first answer: leave it training
    assert here.end() == 0
    wait_until(lambda: len(processes_of(home)) == 1, "all but the worker to end")
    assert folder.status() is Status.RUNNING

    again = login(server.command(remote_command(home)), 80, 24)
    again.wait_for("● 1 training")
    again.press("3")
    again.wait_for(folder.run_id[:4])
    again.press("s")  # stop and save, from another connection than it was started from
    again.wait_until(lambda: folder.status() is Status.STOPPED, "the stop")
    again.press("q")
    assert again.end() == 0
    wait_until(lambda: not processes_of(home), "every process to end")
