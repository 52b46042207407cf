"""How soon 99 % is reached from a cold start: `python -m tests.benchmarks.speedrun [--help]`.

The preset `speedrun` by this program's own command, with `model.fit`, and in PyTorch: the same
layers, initial weights by the same rule, optimizer, schedule, batches and epochs. Each has
processes of its own, by turns with one seed after the other; seconds are from the start of the
process until it has told its test accuracy.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from tests.benchmarks.training import processor
from workbench.data.npz import load_mnist
from workbench.model.preset import shipped_presets
from workbench.model.spec import DatasetRef, TrainingSpec

PRESET = "speedrun"


def main() -> None:
    """Time each way with each seed, and print a table in markdown."""
    asked = _arguments()
    if asked.fit is not None:
        _fit(asked.fit)
        return
    ways = ["run", "fit", *(["PyTorch"] if asked.torch_python else [])]
    seconds: dict[str, list[float]] = {way: [] for way in ways}
    accuracies: dict[str, list[float]] = {way: [] for way in ways}
    with tempfile.TemporaryDirectory() as folder:
        data = load_mnist()
        file = Path(folder) / "mnist.npz"
        np.savez(file, x_train=data.x_train[..., 0], y_train=data.y_train,
                 x_test=data.x_test[..., 0], y_test=data.y_test)  # fmt: skip
        spec = Path(folder) / "spec.json"
        spec.write_text(_spec(0).model_dump_json(), encoding="utf-8")
        script = str(Path(__file__).with_name("torch_speedrun.py"))
        for seed in range(asked.seeds):
            for way in ways:
                home = Path(folder) / f"{way}-{seed}"
                command = {
                    "run": [sys.executable, "-m", "workbench", "run", PRESET, "--quiet",
                            "--json", "--seed", str(seed), "--home", str(home)],
                    "fit": [sys.executable, "-m", "tests.benchmarks.speedrun", "--fit", str(seed)],
                    "PyTorch": [str(asked.torch_python), script, str(file), str(spec), str(seed)],
                }[way]  # fmt: skip
                took, accuracy = _timed(command)
                seconds[way].append(took)
                accuracies[way].append(accuracy)
                print(f"{way}, seed {seed}: {took:.2f} s, {accuracy:.2%}", file=sys.stderr)
    print(f"{processor()}, {os.cpu_count()} cores, {asked.seeds} seeds\n")
    print("| | seconds, median | from | to | test accuracy, mean | lowest | over 99 % |")
    print("| --- | --: | --: | --: | --: | --: | --: |")
    for way in ways:
        times, found = seconds[way], accuracies[way]
        print(
            f"| {way} | {statistics.median(times):.1f} | {min(times):.1f} | {max(times):.1f} "
            f"| {statistics.mean(found):.2%} | {min(found):.2%} "
            f"| {sum(one >= 0.99 for one in found)} of {len(found)} |"
        )


def _timed(command: list[str]) -> tuple[float, float]:
    began = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    took = time.perf_counter() - began
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr[-3000:]}")
    told = json.loads(done.stdout[done.stdout.index("{") :])
    return took, float(told["test_accuracy"])


def _spec(seed: int) -> TrainingSpec:
    preset = next(preset for preset in shipped_presets() if preset.name == PRESET)
    return TrainingSpec(
        preset=preset.name,
        title=preset.title,
        architecture=preset.architecture,
        training=preset.training,
        seed=seed,
        dataset=DatasetRef(),
    )


def _fit(seed: int) -> None:
    """In a process of its own: as one would write it with `model.fit`."""
    os.environ["KERAS_BACKEND"] = "tensorflow"
    os.environ["TF_ENABLE_ONEDNN_OPTS"] = "1"
    from workbench.training.build import build_model

    spec = _spec(seed)
    data = load_mnist()
    classes = np.eye(10, dtype=np.float32)
    images, labels = data.x_train.astype(np.float32) / 255, classes[data.y_train]
    tests, truth = data.x_test.astype(np.float32) / 255, classes[data.y_test]
    model = build_model(spec)
    settings = spec.training
    model.fit(images, labels, batch_size=settings.batch_size, epochs=settings.epochs, verbose=0)
    _, accuracy = model.evaluate(tests, truth, batch_size=500, verbose=0)
    print(json.dumps({"test_accuracy": accuracy}))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.speedrun")
    parser.add_argument("--seeds", type=int, default=3, help="runs of each way")
    parser.add_argument("--torch-python", metavar="PATH", help="an interpreter that has torch")
    parser.add_argument("--fit", type=int, help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
