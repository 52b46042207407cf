"""Memory and time of trial after trial in one process.

    python -m tests.benchmarks.trials [--trials 200] [--preset nn-1.2] [--images 3000]

One epoch each, with another seed and learning rate, on what the trial before has compiled. Memory
is to stay where it is after the first tenth of the trials.
"""

from __future__ import annotations

import argparse
import gc
import statistics
import tempfile
import time
from pathlib import Path

import psutil

from workbench.model.hyperparameters import Overrides
from workbench.runs.plan import Plan, specs_for
from workbench.settings import Home
from workbench.training.worker import load_keras


def main() -> None:
    """Train them and print the resident memory ten times on the way."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("--preset", default="nn-1.2")
    parser.add_argument("--images", type=int, default=3000)
    options = parser.parse_args()
    load_keras()
    from workbench.training.train import train

    own = psutil.Process()
    ready, seconds = None, []
    print("trials | resident MiB | seconds a trial (median so far)")
    with tempfile.TemporaryDirectory() as place:
        for trial in range(options.trials):
            overrides = Overrides(epochs=1, learning_rate=0.01 + trial / 1e4)
            plan = Plan(overrides, train_limit=options.images, seed=trial)
            (spec,) = specs_for(Home(Path(place)), options.preset, plan)
            began = time.perf_counter()
            ready = train(spec, lambda _: None, lambda: False, ready=ready).ready
            gc.collect()  # as the worker does between two
            seconds.append(time.perf_counter() - began)
            if (trial + 1) % max(1, options.trials // 10) == 0:
                memory = own.memory_info().rss / 2**20
                print(f"{trial + 1:6} | {memory:12.0f} | {statistics.median(seconds):.2f}")


if __name__ == "__main__":
    main()
