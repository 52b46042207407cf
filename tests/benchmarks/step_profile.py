"""Where the time of a training step goes, operation by operation.

    python -m tests.benchmarks.step_profile [--model cnn-2] [--precision float32] [--steps 60]

Trains by this program's loop under TensorFlow's profiler, which keeps some of the steps. Told are
the milliseconds a step of each kind of operation, by the layer it belongs to where its name says
so. With two threads operations overlap, so that their sum may be more than the step's time. The
update that XLA compiles is in the step, and in none of the lines.
"""

from __future__ import annotations

import argparse
import re
import tempfile
from collections import Counter
from pathlib import Path
from statistics import mode
from typing import Any

from workbench.training.worker import load_keras

LEAST_SHARE = 0.005  # of the step; what takes less is told together


def main() -> None:
    """Train for a while under the profiler and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="cnn-2")
    parser.add_argument("--precision", default="float32", choices=("float32", "bfloat16"))
    parser.add_argument("--steps", type=int, default=60)
    options = parser.parse_args()

    load_keras()
    import numpy as np
    import tensorflow as tf

    from tests.benchmarks.training import BATCH_SIZE, _spec
    from workbench.data.npz import load_mnist
    from workbench.runs.environment import cpu_name, usable_cores
    from workbench.training.build import build_model
    from workbench.training.compiled_steps import CompiledSteps
    from workbench.training.datasets import choose_source

    data = load_mnist(BATCH_SIZE * options.steps)
    source = choose_source(data.x_train, data.y_train, classes=10)
    compiled = CompiledSteps(build_model(_spec(options.model, options.precision)), source, 60)
    order = np.arange(source.image_count, dtype=np.int32)
    compiled.run(order, 0, options.steps)  # compiles
    compiled.run(order, 0, options.steps)
    with tempfile.TemporaryDirectory() as folder:
        tf.profiler.experimental.start(folder)
        compiled.run(order, 0, options.steps)
        tf.profiler.experimental.stop()
        found = next(Path(folder).rglob("*.xplane.pb")).read_bytes()
    times, counts, wall = operations(found)
    steps = mode(counts.values())  # that the profiler kept: most operations come once in each
    print(f"{options.model}, {options.precision}, batch {BATCH_SIZE}, {steps} steps; "
          f"{cpu_name()}, {usable_cores()} cores")  # fmt: skip
    print(f"a step: {wall / steps:.2f} ms; all operations: {sum(times.values()) / steps:.2f} ms\n")
    print("| operation | layer | a step | ms a step | of all |")
    print("| --- | --- | --: | --: | --: |")
    rest = 0.0
    for (kind, layer), milliseconds in times.most_common():
        if milliseconds < LEAST_SHARE * sum(times.values()):
            rest += milliseconds
            continue
        share = milliseconds / sum(times.values())
        print(f"| {kind} | {layer} | {counts[kind, layer] / steps:.3g} "
              f"| {milliseconds / steps:.2f} | {share:.1%} |")  # fmt: skip
    print(f"| all others | | | {rest / steps:.2f} | {rest / sum(times.values()):.1%} |")


def operations(xspace: bytes) -> tuple[Counter[tuple[str, str]], Counter[tuple[str, str]], float]:
    """Milliseconds and numbers of (kind, layer) in a profile, and the milliseconds it spans."""
    from tensorflow.tsl.profiler.protobuf import xplane_pb2

    space = xplane_pb2.XSpace.FromString(xspace)
    times: Counter[tuple[str, str]] = Counter()
    counts: Counter[tuple[str, str]] = Counter()
    first, last = float("inf"), 0.0
    for plane in space.planes:
        if not plane.name.startswith("/host:CPU"):
            continue
        for line in plane.lines:
            for event in line.events:
                meta = plane.event_metadata[event.metadata_id]
                name, _, kind = meta.name.rpartition(":")
                # The runtime's own functions are named by `::`.
                if not name or name.endswith(":") or not re.fullmatch(r"_?[A-Z]\w+", kind):
                    continue
                key = kind, layer_of(name)
                times[key] += event.duration_ps / 1e9
                counts[key] += 1
                start = line.timestamp_ns / 1e6 + event.offset_ps / 1e9
                first, last = min(first, start), max(last, start + event.duration_ps / 1e9)
    return times, counts, last - first


def layer_of(name: str) -> str:
    """The layer in an operation's name, such as `.../conv2d_1/convolution`; empty without one."""
    found: list[Any] = re.findall(r"(?:conv2d|dense|max_pooling2d|flatten|adam|sgd)(?:_\d+)?", name)
    return found[-1] if found else ""


if __name__ == "__main__":
    main()
