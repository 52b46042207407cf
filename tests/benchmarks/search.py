"""TPE with pruning against random search, for the same time each, on settings of a small CNN.

    python -m tests.benchmarks.search [--seconds 100] [--seeds 3] [--images 2000] [--preset cnn-1]

For each seed one search after the other, each in a data folder of its own, in an order that
changes with the seed. A seed is that of the draws and of all trainings; the images that are held
out are the same throughout. Prints what each found by validation and how many trials it saw, and
what the machine had to do besides (load average before each).
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path
from statistics import fmean

from workbench.formats import percent, points
from workbench.model.hyperparameters import Overrides
from workbench.model.preset import find_preset
from workbench.queue import service
from workbench.queue.search import Search, SearchFolder, SearchRequest, SearchResult, enqueue_search
from workbench.queue.store import QueueStore
from workbench.runs.environment import cpu_name, usable_cores
from workbench.runs.plan import Plan
from workbench.settings import Home

SPACE = (
    "learning_rate=log:1e-4..1",
    "optimizer=sgd,adam",
    "momentum=0..0.95",
    "batch_size=32,64,128",
)
KINDS = {"TPE, hyperband": ("tpe", "hyperband"), "random, no pruner": ("random", "none")}


def searched(search: Search) -> SearchResult:
    """Run one search in a home of its own, to its end."""
    with tempfile.TemporaryDirectory() as place:
        home = Home(Path(place) / "home")
        enqueue_search(home, search)
        service.start(home)
        store, folder = QueueStore(home), SearchFolder(home, search.id)
        while store.runs():
            time.sleep(0.5)
        found = folder.result()
        if found is None:
            raise SystemExit(f"{search.id}: {store.read().searches[0].message}")
        return found


def main() -> None:
    """Print a line a search, then the means."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=100)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--images", type=int, default=2000)
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--preset", default="cnn-1")
    options = parser.parse_args()
    preset = find_preset(options.preset, Home(Path("/nonexistent")))
    plan = Plan(Overrides(epochs=options.epochs), train_limit=options.images, validation="0.25")
    print(
        f"{options.preset}, {options.images:,} images, a quarter held out, up to {options.epochs} "
        f"epochs, {options.seconds:g} s a search; {cpu_name()}, {usable_cores()} cores"
    )
    print("seed | search            | trials | pruned | validation | test | load before")
    best: dict[str, list[float]] = {name: [] for name in KINDS}
    for seed in range(options.seeds):
        order = list(KINDS)[:: 1 if seed % 2 == 0 else -1]
        for name in order:
            sampler, pruner = KINDS[name]
            asked = SearchRequest(
                preset, plan, SPACE, sampler=sampler, pruner=pruner, trials="2000", seeds="1",
                timeout=f"{options.seconds:g}s",
            ).search()  # fmt: skip
            asked = asked.model_copy(update={"base": asked.base.model_copy(update={"seed": seed})})
            load = os.getloadavg()[0]
            found = searched(asked)
            best[name].append(found.validation_accuracy)
            tested = percent(found.test_accuracies[0] if found.test_accuracies else None)
            print(
                f"{seed:4} | {name:17} | {sum(found.counts.values()):6} | "
                f"{found.counts.get('pruned', 0):6} | {percent(found.validation_accuracy):>10} | "
                f"{tested} | {load:.1f}",
                flush=True,
            )
    means = {name: fmean(values) for name, values in best.items()}
    (one, tpe), (other, random) = means.items()
    print(f"mean: {one} {percent(tpe)}, {other} {percent(random)}")
    pairs = [100 * (a - b) for a, b in zip(*best.values(), strict=True)]
    print(f"{one} over {other}, by seed, in points: {', '.join(map(points, pairs))}")


if __name__ == "__main__":
    main()
