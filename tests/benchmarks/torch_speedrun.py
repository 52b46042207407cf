"""The speedrun in PyTorch: run by an interpreter that has torch, by `speedrun.py` beside it.

Arguments: an .npz with MNIST, a spec as JSON, and the seed. Prints one JSON object. Tensors in
memory, a permutation an epoch, channels last, the update fused.
"""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn


class Same(nn.Module):
    """TensorFlow's padding "same": with a stride the odd pixel goes to the end."""

    def __init__(self, kernel: int, stride: int) -> None:
        super().__init__()
        self.kernel, self.stride = kernel, stride

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        size = images.shape[-1]
        pad = max((math.ceil(size / self.stride) - 1) * self.stride + self.kernel - size, 0)
        before = pad // 2
        return nn.functional.pad(images, (before, pad - before, before, pad - before))


def build(layers: list[dict[str, Any]]) -> nn.Sequential:
    """The layers of a spec; the softmax at the end is the loss's."""
    found: list[nn.Module] = []
    shape = torch.zeros(1, 1, 28, 28)
    for layer in layers:
        kind, new = layer["kind"], []
        if kind == "Conv2D":
            (kernel, _), (stride, _) = layer["kernel_size"], layer.get("strides", (1, 1))
            if layer.get("padding") == "same":
                new.append(Same(kernel, stride))
            new.append(nn.Conv2d(shape.shape[1], layer["filters"], kernel, stride,
                                 bias=layer.get("use_bias", True)))  # fmt: skip
        elif kind == "BatchNormalization":
            share = 1 - layer.get("momentum", 0.99)
            new.append(nn.BatchNorm2d(shape.shape[1], eps=1e-3, momentum=share))
        elif kind == "MaxPooling2D":
            new.append(nn.MaxPool2d(2))
        elif kind == "Flatten":
            new.append(nn.Flatten())
        elif kind == "Dense":
            new.append(nn.Linear(shape.shape[1], layer["units"]))
        elif kind != "Activation":
            raise SystemExit(f"no {kind} here")
        if layer.get("activation") == "relu":
            new.append(nn.ReLU())
        for module in new:
            if isinstance(module, nn.Conv2d | nn.Linear):
                if layer.get("kernel_initializer") == "he_normal":
                    nn.init.kaiming_normal_(module.weight)
                else:
                    nn.init.xavier_uniform_(module.weight)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
            shape = module(shape)
        found += new
    return nn.Sequential(*found)


def main() -> None:
    file, spec_file, seed = sys.argv[1:]
    torch.manual_seed(int(seed))
    spec = json.loads(Path(spec_file).read_text(encoding="utf-8"))
    settings = spec["training"]
    data = np.load(file)
    images, tests = (
        (torch.from_numpy(data[name])[:, None].float() / 255).contiguous(
            memory_format=torch.channels_last
        )
        for name in ("x_train", "x_test")
    )
    labels, truth = (torch.from_numpy(data[name]).long() for name in ("y_train", "y_test"))
    model = build(spec["architecture"]["layers"]).to(memory_format=torch.channels_last)
    rate, size = settings["optimizer"]["learning_rate"], settings["batch_size"]
    optimizer = torch.optim.Adam(model.parameters(), lr=rate, eps=1e-7, fused=True)
    steps = settings["epochs"] * math.ceil(len(images) / size)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    model.train()
    for _ in range(settings["epochs"]):
        order = torch.randperm(len(images))
        for start in range(0, len(images), size):
            batch = order[start : start + size]
            optimizer.zero_grad(set_to_none=True)
            nn.functional.cross_entropy(model(images[batch]), labels[batch]).backward()
            optimizer.step()
            schedule.step()
    model.eval()
    with torch.no_grad():
        right = sum(
            int((model(tests[start : start + 500]).argmax(1) == truth[start : start + 500]).sum())
            for start in range(0, len(tests), 500)
        )
    print(json.dumps({"test_accuracy": right / len(tests)}))


if __name__ == "__main__":
    main()
