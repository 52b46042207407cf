"""How fast this program trains: `python -m tests.benchmarks.training [--help]`.

Compares this program's loop with plain `model.fit(numpy)` and with PyTorch, at the same batch
size and optimizer. Each variant has processes of its own, one after the other and in rounds, so
that whatever else the machine does meets all alike.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from workbench.data.npz import load_mnist
from workbench.model.architecture import analyse
from workbench.model.hyperparameters import SGD, Adam, Constant, TrainingSettings
from workbench.model.preset import paper_presets
from workbench.model.spec import DatasetRef, TrainingSpec
from workbench.training.worker import TENSORFLOW_SETTINGS, load_keras

BATCH_SIZE = 60
# Name of the workload: preset and the settings under which it is timed.
WORKLOADS = {
    "nn-1": ("nn-1", SGD(learning_rate=0.01, momentum=0.0)),
    "cnn-2": ("cnn-2", Adam(learning_rate=0.002)),
    "cnn-2-sgd": ("cnn-2", SGD(learning_rate=0.002, momentum=0.7)),
}
# What each variant has set. oneDNN's kernels are TensorFlow's default only where the processor has
# AVX512-VNNI or AMX; for the loop they are switched on as in a worker.
TENSORFLOW: dict[str, dict[str, str]] = {
    "loop": {},
    "loop, ReLU as it is": {},
    "loop, bias as it is": {},
    "fit": {},
    "fit, oneDNN": {"TF_ENABLE_ONEDNN_OPTS": "1"},
}
# What these variants of the loop do without.
LEFT_OUT = {
    "loop, ReLU as it is": "relu_gradient_behind_pooling",
    "loop, bias as it is": "bias_gradients_apart",
}


@dataclass
class Timing:
    """Images a second of every epoch of all rounds, and the highest peak of resident memory."""

    rates: list[float] = field(default_factory=list)
    peak_mib: float = 0.0
    notes: set[str] = field(default_factory=set)

    @property
    def median(self) -> float:
        return statistics.median(self.rates)


def main() -> None:
    """Measure what is asked for, and print a report in markdown."""
    asked = _arguments()
    if asked.variant:
        _measure(asked)
        return
    names = list(WORKLOADS) if asked.model == "all" else [asked.model]
    torch_python = _torch_interpreter(asked.torch_python)
    lines = [f"# Training speed on {processor()}, {os.cpu_count()} cores", ""]
    peaks = _child(asked, "peak", "nn-1", "float32")
    for precision in ("float32", "bfloat16"):
        lines.append(f"Matrix product peak, {precision}: {peaks[precision]:,.0f} GFLOP/s  ")
    if torch_python is None:
        lines.append("PyTorch: not installed here; `--torch-python` names an interpreter with it")
    for name in names:
        precisions = ["float32"] if name == "nn-1" or asked.no_bfloat16 else ["float32", "bfloat16"]
        for precision in precisions:
            lines += ["", *_compare(asked, name, precision, torch_python, peaks)]
    report = "\n".join(lines) + "\n"
    print(report)
    if asked.out:
        asked.out.write_text(report, encoding="utf-8")


def _compare(
    asked: argparse.Namespace, name: str, precision: str, torch_python: str | None, peaks: Any
) -> list[str]:
    variants = [*TENSORFLOW, *(["PyTorch"] if torch_python else [])]
    if name == "nn-1":  # it has no convolution
        variants = [variant for variant in variants if variant not in LEFT_OUT]
    elif precision != "float32":
        variants.remove("loop, bias as it is")
    timings = {variant: Timing() for variant in variants}
    for round_number in range(asked.rounds):
        for variant in variants:
            _progress(f"{name} {precision}: round {round_number + 1}, {variant}")
            if variant == "PyTorch":
                got = _torch(asked, torch_python or "", name, precision)
            else:
                got = _child(asked, variant, name, precision)
            timings[variant].rates += got["rates"]
            timings[variant].peak_mib = max(timings[variant].peak_mib, got["peak_mib"])
            timings[variant].notes.add(got.get("note", ""))
    spec = _spec(name, precision)
    flop = training_flop(spec)
    ours = timings["loop"].median
    rows = [
        f"## {name}, {precision}, {spec.training.optimizer.kind}, batch {BATCH_SIZE}",
        "",
        f"{flop / 1e6:,.2f} MFLOP an image; medians of {asked.rounds} processes each.",
        "",
        "| | images/s | lowest | highest | GFLOP/s | of peak | peak memory, MiB "
        "| the loop is … as fast |",
        "| --- | --: | --: | --: | --: | --: | --: | --: |",
    ]
    for variant, timing in timings.items():
        gflops = timing.median * flop / 1e9
        note = "; ".join(sorted(timing.notes - {""}))
        rows.append(
            f"| {variant}{f' ({note})' if note else ''} | {timing.median:,.0f} "
            f"| {min(timing.rates):,.0f} | {max(timing.rates):,.0f} | {gflops:,.1f} "
            f"| {gflops / peaks[precision]:.0%} | {timing.peak_mib:,.0f} "
            f"| {ours / timing.median:.2f} × |"
        )
    return rows


def training_flop(spec: TrainingSpec) -> float:
    """Floating-point operations of one image's training step, its matrix products alone.

    Forward, the kernel's gradient and, in all layers but the first with a kernel, the input's.
    """
    kernels = [facts.multiply_adds for facts in analyse(spec.architecture).layers]
    forward = [products for products in kernels if products]
    return 2.0 * (3 * sum(forward) - forward[0])


def _measure(asked: argparse.Namespace) -> None:
    """In a process of its own: time one variant and print JSON."""
    import resource

    os.environ["KERAS_BACKEND"] = "tensorflow"
    if asked.variant == "peak":
        print(json.dumps({precision: _peak(precision) for precision in ("float32", "bfloat16")}))
        return
    rates = _time_loop(asked) if asked.variant.startswith("loop") else _time_fit(asked)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"rates": rates, "peak_mib": peak}))


def _time_loop(asked: argparse.Namespace) -> list[float]:
    load_keras()
    import keras

    from workbench.training import compiled_steps
    from workbench.training.build import build_model
    from workbench.training.datasets import choose_source
    from workbench.training.loop import TrainingLoop

    if asked.variant in LEFT_OUT:
        setattr(compiled_steps, LEFT_OUT[asked.variant], lambda _model: nullcontext())
    data = load_mnist(_limit(asked))
    model = build_model(_spec(asked.model, asked.precision))
    source = choose_source(data.x_train, data.y_train, classes=10)
    deadline = Deadline(asked.seconds)
    watch = stopwatch(keras, deadline, len(data.x_train))
    loop = TrainingLoop(model, source, batch_size=BATCH_SIZE, seed=0)
    loop.run(10_000, callbacks=[watch])
    return deadline.rates[1:]


def _time_fit(asked: argparse.Namespace) -> list[float]:
    import keras

    from workbench.training.build import build_model

    data = load_mnist(_limit(asked))
    images = data.x_train.astype(np.float32) / 255
    labels = np.eye(10, dtype=np.float32)[data.y_train]
    model = build_model(_spec(asked.model, asked.precision))
    rates: list[float] = []
    # Two calls: fit may be quick in one and slow in the next, whichever threads tf.data takes.
    for _ in range(2):
        deadline = Deadline(asked.seconds / 2)
        watch = stopwatch(keras, deadline, len(images))
        model.fit(
            images, labels, batch_size=BATCH_SIZE, epochs=10_000, verbose=0, callbacks=[watch]
        )
        rates += deadline.rates[1:]
    return rates


class Deadline:
    """Collects the rates of epochs and says when there are enough: the first only warms up."""

    def __init__(self, seconds: float) -> None:
        self.rates: list[float] = []
        self._seconds = seconds
        self._until = float("inf")

    def add(self, rate: float) -> bool:
        if not self.rates:
            self._until = time.perf_counter() + self._seconds
        self.rates.append(rate)
        return len(self.rates) >= 3 and time.perf_counter() >= self._until


def stopwatch(keras: Any, deadline: Deadline, images: int) -> Any:
    """A Keras callback that times whole epochs and ends the training at the deadline."""

    class Stopwatch(keras.callbacks.Callback):  # type: ignore[misc, name-defined]
        def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
            self.began = time.perf_counter()

        def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
            enough = deadline.add(images / (time.perf_counter() - self.began))
            self.model.stop_training = enough

    return Stopwatch()


def _peak(precision: str) -> float:
    """The best of large matrix products, in GFLOP/s."""
    import tensorflow as tf

    size = 2048
    left = tf.cast(tf.random.stateless_normal((size, size), (1, 2)), precision)
    product = tf.function(lambda: tf.reduce_sum(tf.linalg.matmul(left, left)))
    product()
    seconds = []
    for _ in range(12):
        began = time.perf_counter()
        product().numpy()
        seconds.append(time.perf_counter() - began)
    return 2 * size**3 / min(seconds) / 1e9


def _child(asked: argparse.Namespace, variant: str, name: str, precision: str) -> Any:
    settings = TENSORFLOW.get(variant, {"TF_ENABLE_ONEDNN_OPTS": "1"})
    kept = {k: v for k, v in os.environ.items() if k not in TENSORFLOW_SETTINGS}
    command = [
        *(sys.executable, "-m", "tests.benchmarks.training", "--variant", variant),
        *("--model", name, "--precision", precision, "--seconds", str(asked.seconds)),
        *(["--limit", str(asked.limit)] if asked.limit else []),
    ]
    return _json_of(command, {**kept, **settings, "TF_CPP_MIN_LOG_LEVEL": "3"})


def _torch(asked: argparse.Namespace, python: str, name: str, precision: str) -> Any:
    asked = argparse.Namespace(**{**vars(asked), "model": name, "precision": precision})
    script = Path(__file__).with_name("torch_training.py")
    with tempfile.TemporaryDirectory() as folder:
        data = load_mnist(_limit(asked))
        path = Path(folder) / "data.npz"
        np.savez(path, images=data.x_train.astype(np.float32) / 255, labels=data.y_train)
        command = [python, str(script), str(path), name, precision, str(BATCH_SIZE)]
        return _json_of([*command, str(asked.seconds)], dict(os.environ))


def _json_of(command: list[str], environment: dict[str, str]) -> Any:
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr[-3000:]}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def _torch_interpreter(named: str | None) -> str | None:
    if named:
        return named
    return sys.executable if importlib.util.find_spec("torch") else None


def _spec(name: str, precision: str) -> TrainingSpec:
    wanted, optimizer = WORKLOADS[name]
    preset = next(preset for preset in paper_presets() if preset.name == wanted)
    return TrainingSpec(
        preset=preset.name,
        title=preset.title,
        architecture=preset.architecture,
        training=TrainingSettings(batch_size=BATCH_SIZE, optimizer=optimizer, schedule=Constant()),
        dataset=DatasetRef(),
        precision=precision,
    )


def _limit(asked: argparse.Namespace) -> int | None:
    """Training images an epoch: enough for a rate, few enough for several epochs."""
    if asked.limit:
        return int(asked.limit)
    if asked.model == "nn-1":
        return None
    return 1200 if asked.precision == "float32" else 300


def processor() -> str:
    """The processor's name as Linux knows it."""
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return "an unknown processor"


def _progress(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.training")
    parser.add_argument("--model", choices=[*WORKLOADS, "all"], default="all")
    parser.add_argument("--limit", type=int, help="training images an epoch")
    parser.add_argument("--rounds", type=int, default=3, help="processes of each variant")
    parser.add_argument(
        "--seconds", type=float, default=10, help="time a process, after warming up"
    )
    parser.add_argument("--torch-python", metavar="PATH", help="an interpreter that has torch")
    parser.add_argument("--no-bfloat16", action="store_true", help="float32 alone")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the report here as well")
    parser.add_argument("--precision", default="float32", help=argparse.SUPPRESS)
    parser.add_argument("--variant", help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
