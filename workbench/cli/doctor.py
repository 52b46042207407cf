"""`doctor`: whether this machine can train, and what to fix where it cannot."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from typing import Any, Literal

import typer
from rich.table import Table
from rich.text import Text

from workbench.cli.options import AddressOption, ExecutorOption, ListFormat, ListFormatOption
from workbench.cli.output import console, print_json
from workbench.errors import UserError
from workbench.formats import count
from workbench.runs import environment
from workbench.runs.folder import all_runs
from workbench.runs.process import module_command, module_environment
from workbench.settings import default_home

PATIENCE_SECONDS = 120  # with TensorFlow, or a cluster
LITTLE_DISK_BYTES = 1 << 30  # a run of CNN model 2 with Adam keeps about 80 MB
LITTLE_MEMORY_BYTES = 2 << 30

Verdict = Literal["ok", "warn", "fail"]
MARKS = {"ok": ("✓", "green"), "warn": ("!", "yellow"), "fail": ("✗", "red")}  # and their styles


Finding = tuple[Verdict, str]  # with its detail


def doctor(
    output: ListFormatOption = ListFormat.RICH,
    executor: ExecutorOption = None,
    address: AddressOption = None,
) -> None:
    """Check whether this machine can train, and say what to fix.

    Looks at versions, cores, memory, GPUs, data folder, leaderboard, data set, terminal and
    TensorFlow; with --executor ray at each node of the cluster too.
    """
    checks: dict[str, Callable[[], Finding]] = {
        "python": _python,
        "processor": _processor,
        "memory": _memory,
        "GPU": _gpu,
        "data folder": _home,
        "leaderboard": _leaderboard,
        "MNIST": _mnist,
        "terminal": _terminal,
        "TensorFlow": _tensorflow,
    }
    findings = []
    for what, check in checks.items():
        try:
            verdict, detail = check()
        except UserError as error:
            verdict, detail = "fail", str(error)
        except Exception as error:  # a broken check is itself a finding
            verdict, detail = "fail", f"{type(error).__name__}: {error}"
        findings.append({"what": what, "verdict": verdict, "detail": detail})
    findings += _cluster(executor, address)
    if output is ListFormat.JSON:
        print_json(findings)
    else:
        table = Table.grid(padding=(0, 2, 0, 0))
        for found in findings:
            mark = Text(*MARKS[found["verdict"]])
            table.add_row(mark, Text(found["what"], style="bold"), Text(found["detail"]))
        console().print(table)
    if any(found["verdict"] == "fail" for found in findings):
        raise typer.Exit(1)


def _python() -> Finding:
    here = environment.this_environment()
    return "ok", f"{here.python} on {here.platform}, mnist-workbench {here.workbench}"


def _processor() -> Finding:
    cores = environment.usable_cores()
    detail = f"{environment.cpu_name()}, {count(cores, 'core')}"
    known = environment.accelerates_bfloat16()
    if known is not None:
        detail += "; bfloat16 in hardware" if known else "; no bfloat16 instructions, use float32"
    return "ok", detail


def _memory() -> Finding:
    import psutil

    memory = psutil.virtual_memory()
    detail = f"{memory.available / 2**30:.1f} GiB available of {memory.total / 2**30:.1f}"
    if memory.available < LITTLE_MEMORY_BYTES:
        return "warn", f"{detail}; a convolutional model needs about 1.5 GiB"
    return "ok", detail


def _gpu() -> Finding:
    meter = environment.GpuMeter()
    if meter.missing:
        return "warn", f"there is one that cannot be used or watched: {environment.GPU_EXTRA}"
    gpus = [f"{gpu.name}, {gpu.total_bytes / 2**30:.0f} GiB" for gpu in meter.read()]
    return "ok", "; ".join(gpus) or "none of NVIDIA's"


def _home() -> Finding:
    home = default_home().ensure()
    free = shutil.disk_usage(home.path).free
    detail = f"{home.path}, {count(len(all_runs(home)), 'run')}, {free / 2**30:.1f} GiB free"
    return "warn" if free < LITTLE_DISK_BYTES else "ok", detail


def _leaderboard() -> Finding:
    from workbench.leaderboard.store import Leaderboard

    return "ok", count(len(Leaderboard(default_home()).entries()), "entry", "entries")


def _mnist() -> Finding:
    from workbench.data.npz import load_mnist

    dataset = load_mnist()
    detail = f"{len(dataset.x_train):,} training and {len(dataset.x_test):,} test images"
    return "ok", f"{detail}, checksum right"


def _terminal() -> Finding:
    if not sys.stdout.isatty():
        return "ok", "output is no terminal; runs print a line an epoch"
    size = shutil.get_terminal_size()
    name = os.environ.get("TERM", "")
    encoding = sys.stdout.encoding or "unknown"
    detail = f"TERM={name or 'unset'}, {size.columns}×{size.lines}, {encoding}"
    if name in ("", "dumb"):
        return "warn", f"{detail}; no moving display, lines instead"
    if encoding.lower() not in ("utf-8", "utf8"):
        return "warn", f"{detail}; set LANG to a UTF-8 locale for the plots"
    return "ok", detail


def _tensorflow() -> Finding:
    # In a process of its own: this one must not load TensorFlow, and a broken installation
    # may take the process down with it.
    code = (
        "import json, os, time; os.environ['KERAS_BACKEND'] = 'tensorflow'\n"
        "start = time.monotonic()\n"
        "import keras, tensorflow as tf\n"
        "seconds = time.monotonic() - start\n"
        "from workbench.training.compiled_steps import gpus\n"
        "found = [[str(gpu), gpu.half_precision] for gpu in gpus()]\n"
        "print(json.dumps([tf.__version__, keras.__version__, seconds, found]))"
    )
    done = _answer([sys.executable, "-P", "-c", code], "cannot be imported ({}); install it again")
    tensorflow, keras, seconds, gpus = done
    said = [f"{gpu}{f', {half} in hardware' if half else ''}" for gpu, half in gpus]
    device = "; ".join(said) or "no GPU: trains on the processor"
    return "ok", f"{tensorflow}, Keras {keras}, {device}; imported in {seconds:.1f} s"


def _cluster(executor: str | None, address: str | None) -> list[dict[str, Any]]:
    """What there is to say of the nodes that the queue would train on; nothing of this machine."""
    from workbench.queue.store import asked_for, configured, require_installed

    engine = asked_for(executor, address) or configured()
    try:
        require_installed(engine)
        if engine.is_local:
            return []
        found: list[dict[str, Any]] = _answer(
            module_command("workbench.training.ray_worker", "doctor", engine.address)
        )
    except UserError as error:
        return [{"what": "Ray", "verdict": "fail", "detail": str(error)}]
    return found


def _answer(command: list[str], fault: str = "{}") -> Any:
    """What a process says as JSON in its last line.

    Raises:
        UserError: it says nothing; with its last complaint in `fault`.
    """
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
            env=module_environment() | {"TF_CPP_MIN_LOG_LEVEL": "3"},
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise UserError(f"no answer in {PATIENCE_SECONDS} s") from None
    if done.returncode != 0:
        raise UserError(fault.format((done.stderr.strip().splitlines() or ["no message"])[-1]))
    return json.loads(done.stdout.splitlines()[-1])
