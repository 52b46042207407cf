"""Several processes at once, and processes killed while they write."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from workbench.leaderboard.store import Leaderboard
from workbench.runs.summary import RunSummary
from workbench.settings import Home

MakeSummary = Callable[..., RunSummary]

# Records copies of a summary under ids `<name>-<count>` and says each id once it is recorded.
INSERTER = """
import sys
from pathlib import Path
from workbench.leaderboard.store import Leaderboard
from workbench.runs.summary import RunSummary
from workbench.settings import Home
board = Leaderboard(Home(Path(sys.argv[1])))
summary = RunSummary.model_validate_json(Path(sys.argv[2]).read_text())
name, count = sys.argv[3], int(sys.argv[4])
print("ready", flush=True)
sys.stdin.readline()
for number in range(count):
    run_id = f"{name}-{number}"
    board.record(summary.model_copy(update={"run_id": run_id}))
    print(run_id, flush=True)
"""


def inserter(home: Home, summary: Path, name: str, count: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", INSERTER, str(home.path), str(summary), name, str(count)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def start(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def wait_until_ready(process: subprocess.Popen[str]) -> None:
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"


def test_eight_processes_lose_nothing(
    home: Home, make_summary: MakeSummary, tmp_path: Path
) -> None:
    summary = tmp_path / "summary.json"
    summary.write_text(make_summary().model_dump_json())
    processes = [inserter(home, summary, f"p{number}", 25) for number in range(8)]
    for process in processes:
        wait_until_ready(process)
    for process in processes:
        start(process)
    board, seen = Leaderboard(home), 0
    while any(process.poll() is None for process in processes):
        entries = board.entries()  # a reader meanwhile always sees a whole file
        assert len(entries) >= seen
        seen = len(entries)
        time.sleep(0.02)
    for process in processes:
        assert process.wait() == 0
        process.communicate()
    ids = {entry.run_id for entry in board.entries()}
    assert ids == {f"p{process}-{number}" for process in range(8) for number in range(25)}
    assert len(board.entries()) == 200


def test_kill_9_while_writing_loses_nothing_acknowledged(
    home: Home, make_summary: MakeSummary, tmp_path: Path
) -> None:
    summary = tmp_path / "summary.json"
    summary.write_text(make_summary(note="x" * 1500).model_dump_json())
    board = Leaderboard(home)
    acknowledged: set[str] = set()
    chance = random.Random(20)
    for attempt in range(12):
        process = inserter(home, summary, f"k{attempt}", 10_000)
        wait_until_ready(process)
        start(process)
        time.sleep(chance.uniform(0.01, 0.25))
        process.send_signal(signal.SIGKILL)
        said, _ = process.communicate()
        *whole, _ = said.split("\n")  # the last line may be torn
        acknowledged |= set(whole)
        present = {entry.run_id for entry in board.entries()}
        assert acknowledged <= present
    assert len(acknowledged) > 12
    board.record(make_summary(run_id="last"))
    assert not list(home.path.glob(".*.tmp"))
    assert not list(home.path.glob("*.damaged-*"))
