"""How fast a leaderboard of 10,000 runs is: `python -m tests.benchmarks.leaderboard [RUNS]`."""

from __future__ import annotations

import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from workbench.files import write_file
from workbench.leaderboard.columns import sort_runs
from workbench.leaderboard.export import to_markdown
from workbench.leaderboard.grouping import group_runs, ranked
from workbench.leaderboard.paper import compare_all
from workbench.leaderboard.query import filter_runs
from workbench.leaderboard.store import Leaderboard
from workbench.leaderboard.views import leaderboard_table
from workbench.model.tables import paper_tables
from workbench.runs.status import Status
from workbench.runs.summary import RunSummary
from workbench.settings import Home


def main(runs: int = 10_000) -> None:
    """Time what the commands and the screens do."""
    with tempfile.TemporaryDirectory() as folder:
        home = Home(Path(folder) / "home").ensure()
        board = Leaderboard(home)
        summaries = [example(number) for number in range(runs)]
        # Written at once; the store is what the timings below are of.
        from pydantic_core import to_json

        documents = {str(number): run.to_json() for number, run in enumerate(summaries, 1)}
        write_file(home.leaderboard, to_json({"runs": documents}))
        size = home.leaderboard.stat().st_size
        print(f"{runs:,} runs, {size / 1e6:.1f} MB, {size / max(1, runs):.0f} bytes a run")
        extra = iter(range(runs, runs + 1000))
        entries = board.entries()
        for what, call in (
            ("entries", board.entries),
            ("record a new run", lambda: board.record(example(next(extra)))),
            ("record a known run", lambda: board.record(summaries[runs // 2])),
            ("remove one run", lambda: board.remove([f"r{next(extra) - 2}"])),
            ("filter by settings", lambda: filter_runs(entries, "preset=cnn-2 lr>=0.001")),
            ("filter by a bare word", lambda: filter_runs(entries, "night")),
            ("sort by accuracy", lambda: sort_runs(entries)),
            ("filter and sort", lambda: sort_runs(filter_runs(entries, "acc>=97"), "time,acc")),
            ("group", lambda: ranked(group_runs(entries))),
            ("compare with the paper", lambda: compare_all(entries)),
            ("as a table", lambda: leaderboard_table(entries)),
            ("as markdown", lambda: to_markdown(leaderboard_table(entries))),
        ):
            print(f"{what:24} {milliseconds(call):8.1f} ms")


def milliseconds(call: Callable[[], object], times: int = 5) -> float:
    """The median of a few calls, in milliseconds."""
    taken = []
    for _ in range(times):
        start = time.perf_counter()
        call()
        taken.append(time.perf_counter() - start)
    return 1000 * statistics.median(taken)


def example(number: int) -> RunSummary:
    """A run like a real one, different for each number."""
    chance = random.Random(number)
    row = chance.choice([row for table in paper_tables() for row in table.rows])
    return RunSummary(
        run_id=f"r{number}",
        preset=row.preset,
        title="CNN model 2",
        status=Status.FINISHED,
        test_accuracy=round(chance.uniform(0.9, 0.995), 4),
        test_loss=chance.random(),
        best_epoch_test_accuracy=0.9951,
        best_epoch=5,
        epochs=5,
        epochs_completed=5,
        batch_size=60,
        optimizer="sgd",
        optimizer_text="SGD (momentum 0.7)",
        learning_rate=chance.choice([0.001, 0.002, 0.01]),
        momentum=0.7,
        schedule="inverse_time_decay",
        seed=number,
        precision="float32",
        parameters=3_309_578,
        train_seconds=chance.uniform(10, 400),
        images_per_second=1085.0,
        started_at=f"2025-11-{1 + number % 28:02d}T06:38:00+00:00",
        dataset="mnist",
        tags=("night",) if number % 7 == 0 else (),
        note="A note of some length, as people write them." if number % 3 == 0 else "",
        settings_key=KEYS[number % len(KEYS)],
        host="box",
        cpu="A Processor With a Long Name @ 2.10GHz",
        cores=2,
        tensorflow="2.21.0",
        keras="3.15.0",
    )


KEYS = [row.spec().settings_key for table in paper_tables() for row in table.rows]

if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
