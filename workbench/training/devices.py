"""The device that a training runs on, and what suits it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import tensorflow as tf

# From this compute capability on a GPU multiplies bfloat16 in hardware; before it, float16 alone.
BFLOAT16_CAPABILITY = (8, 0)


@dataclass(frozen=True)
class Gpu:
    """A GPU as TensorFlow sees it; `capability` is NVIDIA's compute capability."""

    name: str
    capability: tuple[int, int] | None = None

    @property
    def half_precision(self) -> str:
        """The format of 16 bits that it computes in hardware; empty where that is not known."""
        if self.capability is None:
            return ""
        return "bfloat16" if self.capability >= BFLOAT16_CAPABILITY else "float16"

    def __str__(self) -> str:
        if self.capability is None:
            return self.name
        return f"{self.name} (compute capability {self.capability[0]}.{self.capability[1]})"


@lru_cache(maxsize=1)
def gpus() -> tuple[Gpu, ...]:
    """The GPUs that TensorFlow can use, the one that trains first; none on a processor alone."""
    found = []
    for device in tf.config.list_physical_devices("GPU"):
        details = tf.config.experimental.get_device_details(device)
        name = details.get("device_name") or "GPU"
        found.append(Gpu(name, details.get("compute_capability")))
    return tuple(found)


def device_text() -> str:
    """`CPU`, or the GPU that trains by its name."""
    return f"GPU {gpus()[0].name}" if gpus() else "CPU"
