"""What the worker takes of the machine: CPU and memory, and the GPU where it uses one."""

from __future__ import annotations

import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.runs import lock

GPU_SECONDS = 6.0  # a question to the driver costs a process


@dataclass(frozen=True)
class MachineUse:
    """CPU in percent of one core, memory in bytes; `gpu` in words, empty without one."""

    cpu_percent: float
    memory_bytes: int
    gpu: str = ""


class Sampler:
    """Asks for a run's process and its children, as a command's, again and again.

    CPU is the mean since the last time.
    """

    def __init__(self, lock_file: Path) -> None:
        self._lock_file = lock_file
        self._process: Any = None
        self._children: dict[int, Any] = {}
        self._gpu_tool: str | None = None
        self._gpu, self._gpu_asked = "", 0.0

    def sample(self) -> MachineUse | None:
        """The use now; None when there is no worker or it cannot be looked at."""
        # Not needed before the first frame.
        import psutil

        try:
            pid = lock.holder_pid(self._lock_file)
            if pid is None:
                return None
            if self._process is None or self._process.pid != pid:
                self._process = psutil.Process(pid)
                self._process.cpu_percent(None)
                time.sleep(0.1)  # the first answer needs two looks
            with self._process.oneshot():
                cpu = self._process.cpu_percent(None)
                memory = self._process.memory_info().rss
            found = {child.pid: child for child in self._process.children(recursive=True)}
            # As they were known before: each remembers when it was asked last.
            self._children = found | {
                pid: child for pid, child in self._children.items() if pid in found
            }
            for child in self._children.values():
                with suppress(psutil.Error):  # gone meanwhile
                    cpu += child.cpu_percent(None)
                    memory += child.memory_info().rss
        except (psutil.Error, OSError):
            self._process = None
            return None
        return MachineUse(cpu, memory, self._gpu_use(pid))

    def _gpu_use(self, pid: int) -> str:
        if self._gpu_tool is None:
            from shutil import which

            self._gpu_tool = which("nvidia-smi") or ""
        now = time.monotonic()
        if not self._gpu_tool or now - self._gpu_asked < GPU_SECONDS:
            return self._gpu
        self._gpu_asked = now
        query = ["--query-gpu=utilization.gpu,memory.used", "--format=csv,noheader,nounits"]
        try:
            answer = subprocess.run(
                [self._gpu_tool, *query], capture_output=True, text=True, timeout=2, check=True
            )
            percent, mebibytes = answer.stdout.splitlines()[0].split(",")
            self._gpu = f"{int(percent)} %, {int(mebibytes) / 1024:.1f} GiB"
        except (OSError, subprocess.SubprocessError, ValueError, IndexError):
            self._gpu, self._gpu_tool = "", ""
        return self._gpu
