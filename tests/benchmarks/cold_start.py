"""What a run from a cold start costs, part by part.

Run as `python -m tests.benchmarks.cold_start [PRESET] [ROUNDS] [OTHER_PYTHON]`: `run PRESET
--quiet` in a data folder of its own, its seconds from the start of the command on. OTHER_PYTHON,
of another installation, takes turns with this one. Medians of the rounds.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from workbench.runs.environment import cpu_name, usable_cores

# What ends each part, as events of the run's log; the last part ends with the command.
PARTS = (
    ("command and worker started", "preparing", "loading TensorFlow"),
    ("TensorFlow imported", "preparing", "reading "),
    ("data read, model built", "started", ""),
    ("first chunk, compiled", "batch", ""),
    ("trained", "finished", ""),
)
OVER = "recorded, command over"


def parts_of(python: str, preset: str) -> dict[str, float]:
    """The seconds of each part of one run."""
    with tempfile.TemporaryDirectory() as home:
        command = [python, "-m", "workbench", "run", preset, "--quiet", "--home", home]
        began = time.time()
        subprocess.run(command, check=True, cwd=home, stdout=subprocess.DEVNULL)
        over = time.time()
        [log] = Path(home).glob("runs/*/events.jsonl")
        events = [json.loads(line) for line in log.read_text().splitlines()]
    ends = {
        part: next(
            event["time"]
            for event in events
            if event["event"] == name and event.get("what", "").startswith(what)
        )
        for part, name, what in PARTS
    }
    ends[OVER] = over
    starts = [began, *ends.values()]
    taken = {part: end - start for (part, end), start in zip(ends.items(), starts, strict=False)}
    return {**taken, "in all": over - began}


def main(preset: str = "nn-1", rounds: int = 3, *others: str) -> None:
    """Measure by turns and print."""
    pythons = [sys.executable, *others]
    found: list[list[dict[str, float]]] = [[] for _ in pythons]
    for _ in range(rounds):
        for python, runs in zip(pythons, found, strict=True):
            runs.append(parts_of(python, preset))
    print(f"run {preset} on {cpu_name()}, {usable_cores()} cores; medians of {rounds}, seconds")
    print(" " * 28 + "".join(f"{name:>9}" for name in ["here", "other"][: len(pythons)]))
    for part in found[0][0]:
        columns = (median(run[part] for run in runs) for runs in found)
        print(f"{part:<28}" + "".join(f"{seconds:9.2f}" for seconds in columns))


if __name__ == "__main__":
    given = sys.argv[1:]
    main(*given[:1], *map(int, given[1:2]), *given[2:3])
