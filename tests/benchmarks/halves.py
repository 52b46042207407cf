"""What half a batch on each core gains: `python -m tests.benchmarks.halves [PRESET N SECONDS]`.

Steps of the preset's training (cnn-2), with whole batches and in halves, by turns, N times each
(3) for SECONDS (8) in processes of their own.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time

from tests.benchmarks.training import processor

IMAGES = 6000


def main() -> None:
    """Measure by turns and print a table in markdown."""
    name, rounds, seconds = [*sys.argv[1:], *["cnn-2", "3", "8"][len(sys.argv) - 1 :]]
    rates: dict[str, list[float]] = {"whole": [], "halves": []}
    for _ in range(int(rounds)):
        for way in rates:
            command = [sys.executable, "-m", "tests.benchmarks.halves", name, way, seconds]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            rates[way].append(json.loads(done.stdout.splitlines()[-1]))
    print(f"{name} on {processor()}, {os.cpu_count()} cores\n")
    print("| | images/s | lowest | highest |\n| --- | --: | --: | --: |")
    for way, found in rates.items():
        print(
            f"| {way} | {statistics.median(found):,.0f} | {min(found):,.0f} | {max(found):,.0f} |"
        )
    turns = [half / whole for whole, half in zip(rates["whole"], rates["halves"], strict=True)]
    print(f"\nhalves / whole {statistics.median(turns):.2f}, {min(turns):.2f} to {max(turns):.2f}")


def measure(name: str, way: str, seconds: float) -> float:
    """Images a second, the median of calls of 20 steps."""
    os.environ.update(
        KERAS_BACKEND="tensorflow", TF_CPP_MIN_LOG_LEVEL="3", TF_ENABLE_ONEDNN_OPTS="1"
    )
    import numpy as np
    from workbench.data.mnist import load_mnist

    from workbench.model.library import shipped_presets
    from workbench.model.spec import TrainingSpec
    from workbench.training import compiled_steps
    from workbench.training.build import build_model
    from workbench.training.sources import choose_source

    preset = next(preset for preset in shipped_presets() if preset.name == name)
    spec = TrainingSpec(
        preset=name,
        title=preset.title,
        architecture=preset.architecture,
        training=preset.training,
    )
    if way == "whole":
        compiled_steps.suits_halves = lambda model: False
    data = load_mnist(IMAGES)
    source = choose_source(data.x_train, data.y_train, classes=10)
    steps = compiled_steps.CompiledSteps(build_model(spec), source, spec.training.batch_size)
    order = np.random.default_rng(0).permutation(IMAGES).astype(np.int32)
    steps.run(order, 0, 20)
    rates, until = [], time.perf_counter() + seconds
    while time.perf_counter() < until:
        began = time.perf_counter()
        steps.run(order, 0, 20)
        rates.append(20 * spec.training.batch_size / (time.perf_counter() - began))
    return statistics.median(rates)


if __name__ == "__main__":
    if sys.argv[2:3] in (["whole"], ["halves"]):
        print(json.dumps(measure(sys.argv[1], sys.argv[2], float(sys.argv[3]))))
    else:
        main()
