"""What the worker takes of the machine, CPU and memory, and how busy the GPUs are."""

from __future__ import annotations

import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.runs import lock
from workbench.runs.environment import Gpu, GpuMeter

MOST_KEPT = 60  # samples of the GPUs


@dataclass(frozen=True)
class MachineUse:
    """CPU in percent of one core, memory in bytes; all GPUs, sample by sample, the last one now.

    `gpu_unseen`: there is one, but what would ask for it is not installed.
    """

    cpu_percent: float
    memory_bytes: int
    gpus: tuple[tuple[Gpu, ...], ...] = ()
    gpu_unseen: bool = False


class Sampler:
    """Asks for a run's process and its children, as a command's, again and again.

    CPU is the mean since the last time.
    """

    def __init__(self, lock_file: Path) -> None:
        self._lock_file = lock_file
        self._process: Any = None
        self._children: dict[int, Any] = {}
        self._gpu_meter: GpuMeter | None = None
        self._gpus: deque[tuple[Gpu, ...]] = deque(maxlen=MOST_KEPT)

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
        if self._gpu_meter is None:
            self._gpu_meter = GpuMeter()
        self._gpus.append(self._gpu_meter.read())
        return MachineUse(cpu, memory, tuple(self._gpus), self._gpu_meter.missing)
