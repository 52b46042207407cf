"""Answers for images, by any run's model, for as long as somebody asks.

A process beside a screen or command, which never load Keras: one JSON object a line comes in on
stdin and one goes out on stdout. It ends with whoever started it, as its stdin then does.

    {"id": 1, "runs": ["/…/runs/7kq2-nn-1"], "images": "<base64>", "shape": [n, h, w, c]}
    {"id": 1, "answers": {"7kq2-nn-1": [[…]]}, "faults": {}}

Pixels are bytes; models get them divided by 255, as the paper's did (Section 1). With "inside" in
place of "runs", a run is asked what its model makes of the one image, layer by layer.
"""

from __future__ import annotations

import base64
import json
import os
import sys
from pathlib import Path
from typing import Any

MOST_MODELS = 12  # kept in memory; the one not asked for longest goes first


def main() -> int:
    # Whatever TensorFlow prints must not come between the answers.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    from workbench.training.worker import prepare_process

    prepare_process(None)
    models = Models()
    for line in sys.stdin:
        request = json.loads(line)
        reply = inside(models, request) if "inside" in request else answer(models, request)
        json.dump({"id": request["id"], **reply}, answers)
        answers.write("\n")
        answers.flush()
    return 0


class Models:
    """Models of runs, compiled for answering."""

    def __init__(self) -> None:
        self._loaded: dict[str, tuple[float, Any, Any]] = {}

    def get(self, run: str) -> tuple[Any, Any]:
        """The model, and its function from (N, H, W, C) float32 to (N, classes) probabilities.

        Raises:
            OSError, ValueError: no model there, or a damaged one.
        """
        import keras
        import tensorflow as tf

        file = Path(run) / "model.keras"
        stamp = file.stat().st_mtime
        known = self._loaded.pop(run, None)
        if known is None or known[0] != stamp:
            model = keras.saving.load_model(file, compile=False)
            known = stamp, model, tf.function(lambda images: model(images, training=False))
        self._loaded[run] = known
        while len(self._loaded) > MOST_MODELS:
            self._loaded.pop(next(iter(self._loaded)))
        return known[1:]


def answer(models: Models, request: dict[str, Any]) -> dict[str, Any]:
    """What each run's model answers, and a sentence for each that cannot."""
    import tensorflow as tf

    images = tf.constant(images_in(request))
    answers, faults = {}, {}
    for run in request["runs"]:
        name = Path(run).name
        try:
            table = models.get(run)[1](images).numpy().astype(float)
            answers[name] = [[round(share, 6) for share in row] for row in table.tolist()]
        except Exception as error:  # whatever a damaged or unfitting model raises
            faults[name] = fault_of(error)
    return {"answers": answers, "faults": faults}


def inside(models: Models, request: dict[str, Any]) -> dict[str, Any]:
    """What the model of a run makes of one image, or a sentence for why that cannot be seen."""
    from workbench.training.inside import look_inside

    try:
        found = look_inside(*models.get(request["inside"]), images_in(request)[0])
    except Exception as error:  # whatever a damaged or unfitting model raises
        return {"fault": fault_of(error)}
    return {"inside": found.to_json()}


def images_in(request: dict[str, Any]) -> Any:
    """The request's images, (N, H, W, C) float32 of 0 to 1."""
    import numpy as np

    pixels = np.frombuffer(base64.b64decode(request["images"]), np.uint8)
    return pixels.reshape(request["shape"]).astype(np.float32) / 255.0


def fault_of(error: Exception) -> str:
    """Why a run's model cannot be asked."""
    if isinstance(error, FileNotFoundError):
        return "it keeps no trained model"
    return f"its model cannot answer ({type(error).__name__})"


if __name__ == "__main__":
    sys.exit(main())
