"""The NVIDIA GPUs of this machine, as `pynvml` (the package nvidia-ml-py) tells of them."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

DRIVER = Path("/dev/nvidiactl")  # there where a driver of NVIDIA's has found a GPU
INSTALL = "pip install 'mnist-workbench[gpu]'"


@dataclass(frozen=True)
class Gpu:
    """One of them now. `percent` is how busy it is; None where it does not tell."""

    name: str
    percent: int | None
    used_bytes: int
    total_bytes: int


class GpuMeter:
    """Asks for all of them, again and again; for none where there is none.

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
