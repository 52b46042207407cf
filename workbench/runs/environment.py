"""The machine, its GPUs and the versions in use, without importing any of the heavy packages."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from importlib import util
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench import __version__
from workbench.errors import EnvironmentProblem

if TYPE_CHECKING:  # what a run's record is takes longer to import than the first frame
    from workbench.runs.record import Environment, LaunchedFrom

CGROUPS = Path("/sys/fs/cgroup")
DRIVER = Path("/dev/nvidiactl")  # there where a driver of NVIDIA's has found a GPU
GPU_EXTRA = "pip install 'mnist-workbench[gpu]'"


def cpu_name() -> str:
    return _cpu_fact("model name") or platform.processor() or platform.machine()


def cpu_flags() -> frozenset[str]:
    """The processor's instruction-set flags; empty where the machine does not tell."""
    return frozenset(_cpu_fact("flags").split())


def _cpu_fact(name: str) -> str:
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith(name):
                return line.partition(":")[2].strip()
    return ""


def accelerates_bfloat16() -> bool | None:
    """Whether this processor has instructions for bfloat16 products; None if unknown."""
    flags = cpu_flags()
    return bool(flags & {"amx_bf16", "avx512_bf16"}) if flags else None


def slower_here(precision: str) -> str:
    """Why a precision is slower here than float32; empty where it is not known to be."""
    has_gpu = any(Path("/proc/driver/nvidia/gpus").glob("*"))
    if precision == "float32" or has_gpu:
        return ""
    if precision == "bfloat16" and accelerates_bfloat16() is not False:
        return ""
    return f"this processor has no {precision} instructions; float32 is faster here"


def usable_cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def memory_bytes() -> int:
    """The memory this process may use: the machine's, or less where a control group limits it."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min([machine, *(limit for _, limit in _limiting_groups())])


def free_memory_bytes() -> int:
    """What of it is free now, or would be given up for others' use."""
    import psutil

    free = [int(psutil.virtual_memory().available)]
    for folder, limit in _limiting_groups():
        with suppress(OSError, ValueError, KeyError):  # hidden by a container
            version_1 = folder / "memory.usage_in_bytes"
            usage = version_1 if version_1.exists() else folder / "memory.current"
            used = dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())
            cached = int(used.get("total_inactive_file") or used["inactive_file"])
            free.append(limit - int(usage.read_text()) + cached)
    return max(0, min(free))


def _limiting_groups() -> Iterator[tuple[Path, int]]:
    """Control groups, of both versions, that limit this process's memory, and their limits.

    From its own group up to the root.
    """
    try:
        groups = Path("/proc/self/cgroup").read_text().splitlines()
    except OSError:  # no Linux
        return
    for line in groups:
        _, controllers, path = line.split(":", 2)
        if controllers not in ("", "memory"):
            continue
        top = CGROUPS / controllers
        name = "memory.limit_in_bytes" if controllers else "memory.max"
        group = top / path.lstrip("/")
        for folder in (group, *group.parents):
            if folder.is_relative_to(top):
                try:
                    yield folder, int((folder / name).read_text())
                except (OSError, ValueError):  # none set here ("max"), or hidden by a container
                    continue


def installed(package: str) -> str:
    """The installed version of a package; empty when it is missing."""
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def require_packages(what: str, extra: str, *packages: str) -> None:
    """Refuse what needs packages of an extra that is not installed; nothing is imported.

    Raises:
        EnvironmentProblem: one is missing.
    """
    missing = [name for name in packages if util.find_spec(name) is None]
    if missing:
        raise EnvironmentProblem(
            f"{what} {' and '.join(missing)}; install it with "
            f"`pip install 'mnist-workbench[{extra}]'`"
        )


def this_environment() -> Environment:
    from workbench.runs.record import Environment

    return Environment(
        workbench=__version__,
        python=platform.python_version(),
        tensorflow=installed("tensorflow"),
        keras=installed("keras"),
        numpy=installed("numpy"),
        platform=f"{platform.system()} {platform.machine()}",
        host=platform.node(),
        cpu=cpu_name(),
        cores=usable_cores(),
    )


def launched_from(by: str) -> LaunchedFrom:
    """Where this process was started: its terminal, and whether over SSH."""
    from workbench.runs.record import LaunchedFrom

    terminal = None
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, AttributeError):
            terminal = terminal or os.ttyname(stream.fileno())
    return LaunchedFrom.model_validate(
        {"by": by, "terminal": terminal, "ssh": "SSH_CONNECTION" in os.environ}
    )


@dataclass(frozen=True)
class Gpu:
    """One of NVIDIA's now. `percent` is how busy it is; None where it does not tell."""

    name: str
    percent: int | None
    used_bytes: int
    total_bytes: int


class GpuMeter:
    """Asks `pynvml` for all of them, again and again; for none where there is none.

    `missing`: there is one, and nothing installed here that can ask for it.
    """

    def __init__(self) -> None:
        self._nvml: Any = None
        self._handles: list[Any] = []
        self.missing = False
        try:
            import pynvml
        except ImportError:
            self.missing = DRIVER.exists()
            return
        with suppress(pynvml.NVMLError):  # no driver, or one that does not answer
            pynvml.nvmlInit()
            count = pynvml.nvmlDeviceGetCount()
            self._handles = [pynvml.nvmlDeviceGetHandleByIndex(at) for at in range(count)]
            self._nvml = pynvml

    def read(self) -> tuple[Gpu, ...]:
        """Each GPU, in the driver's order; one that fails meanwhile is left out."""
        found = []
        for handle in self._handles:
            with suppress(self._nvml.NVMLError):
                found.append(self._read(handle))
        return tuple(found)

    def _read(self, handle: Any) -> Gpu:
        memory = self._nvml.nvmlDeviceGetMemoryInfo(handle)
        percent = None
        with suppress(self._nvml.NVMLError):  # one that is parted among several users
            percent = int(self._nvml.nvmlDeviceGetUtilizationRates(handle).gpu)
        return Gpu(self._nvml.nvmlDeviceGetName(handle), percent, memory.used, memory.total)
