"""The same training in PyTorch: run by an interpreter that has torch, by `training.py` beside it.

Arguments: an .npz with `images` (N, H, W, 1) float32 and `labels` (N,), the model's name, the
batch size, and seconds to measure for. Prints one JSON object. Written as one would for speed:
tensors in memory, a permutation an epoch, the quickest of several ways to hold and update weights,
`torch.compile` among them where a C++ compiler is installed.
"""

from __future__ import annotations

import json
import resource
import shutil
import sys
import time

import numpy as np
import torch
from torch import nn

OPTIMIZERS = {
    "nn-1": (torch.optim.SGD, {"lr": 0.01}),
    "cnn-2": (torch.optim.Adam, {"lr": 0.002}),
    "cnn-2-sgd": (torch.optim.SGD, {"lr": 0.002, "momentum": 0.7}),
}


def dense() -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))


def convolutions() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 32, 3, padding=1), nn.ReLU(),
        nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(64, 128, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(6272, 512), nn.ReLU(), nn.Dropout(0.2), nn.Linear(512, 10),
    )  # fmt: skip


class Trainer:
    """One way of training: memory layout, kind of update, compiled or not."""

    def __init__(
        self, name: str, precision: str, *, channels_last: bool, fused: bool, compiled: bool
    ) -> None:
        self.model = dense() if name == "nn-1" else convolutions()
        self.layout = torch.channels_last if channels_last else torch.contiguous_format
        self.model.to(memory_format=self.layout)
        kind, settings = OPTIMIZERS[name]
        way = {"fused": True} if fused else {"foreach": True}
        self.optimizer = kind(self.model.parameters(), **settings, **way)
        self.bfloat16 = precision == "bfloat16"
        self.way = f"{'channels_last' if channels_last else 'NCHW'}, {next(iter(way))}"
        if compiled:
            self.model.compile()
            self.way += ", compiled"

    def epoch(self, images: torch.Tensor, labels: torch.Tensor, batch_size: int) -> float:
        """Train one epoch; images a second."""
        began = time.perf_counter()
        order = torch.randperm(len(images))
        total = torch.zeros(())
        for start in range(0, len(images), batch_size):
            batch = order[start : start + batch_size]
            drawn = images[batch].contiguous(memory_format=self.layout)
            self.optimizer.zero_grad(set_to_none=True)
            with torch.autocast("cpu", torch.bfloat16, enabled=self.bfloat16):
                loss = nn.functional.cross_entropy(self.model(drawn), labels[batch])
            loss.backward()
            self.optimizer.step()
            total += loss.detach()
        if not torch.isfinite(total):
            raise ValueError("the loss is not a number")
        return len(images) / (time.perf_counter() - began)


def main() -> None:
    path, name, precision, batch_size, seconds = sys.argv[1:6]
    data = np.load(path)
    images = torch.from_numpy(data["images"]).permute(0, 3, 1, 2).contiguous()
    labels = torch.from_numpy(data["labels"]).long()
    layouts = [False] if name == "nn-1" else [False, True]
    kinds = [(False, False), (True, False), *([(True, True)] if shutil.which("g++") else [])]
    trainers = [
        Trainer(name, precision, channels_last=layout, fused=fused, compiled=compiled)
        for layout in layouts
        for fused, compiled in kinds
    ]
    sample = slice(0, max(5 * int(batch_size), len(images) // 10))
    for trainer in trainers:
        trainer.epoch(images[sample], labels[sample], int(batch_size))
    speeds = [t.epoch(images[sample], labels[sample], int(batch_size)) for t in trainers]
    best = trainers[int(np.argmax(speeds))]
    rates: list[float] = []
    until = time.perf_counter() + float(seconds)
    while len(rates) < 2 or time.perf_counter() < until:
        rates.append(best.epoch(images, labels, int(batch_size)))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"rates": rates, "peak_mib": peak, "note": best.way}))


if __name__ == "__main__":
    main()
