"""What screens and commands look at and Keras alone can give, as a process beside them.

`python -m workbench.training.predictor` answers for images, by any run's model, for as long as
somebody asks: one JSON object a line comes in on stdin and one goes out on stdout. It ends with
whoever started it, as its stdin then does.

    {"id": 1, "runs": ["/…/runs/7kq2-nn-1"], "images": "<base64>", "shape": [n, h, w, c]}
    {"id": 1, "answers": {"7kq2-nn-1": [[…]]}, "faults": {}}

Pixels are bytes; models get them divided by 255, as the paper's did (Section 1). With "inside" in
place of "runs", a run is asked what its model makes of the one image, layer by layer.

With `predictions RUN` it evaluates a run's model and keeps what it answers; with `images RUN FILE`
it writes the test images of a data set that Keras keeps as `.npy`. A fault from outside ends these
with the exit code `CANNOT` and its sentence on stdout.
"""

from __future__ import annotations

import base64
import json
import os
import sys
from pathlib import Path
from typing import Any

from workbench.errors import UserError
from workbench.predictions.of_run import CANNOT, save_predictions
from workbench.runs.folder import RunFolder
from workbench.runs.process import leave

MOST_MODELS = 12  # kept in memory; the one not asked for longest goes first


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
    if isinstance(error, FileNotFoundError):
        return "it keeps no trained model"
    return f"its model cannot answer ({type(error).__name__})"


def make_predictions(folder: RunFolder) -> None:
    """Evaluate the run's model on its test images and keep what it answers.

    Raises:
        UserError: the model is damaged, or its data set is gone or another.
        OSError: the answers cannot be kept.
    """
    from workbench.training.worker import load_keras

    spec = folder.spec
    load_keras(spec.threads, spec.dataset)
    # Not above: what they import reads variables that have only now been set.
    from workbench.training.checkpoint import load_checkpoint
    from workbench.training.datasets import load_sources
    from workbench.training.evaluation import Evaluator

    model, _ = load_checkpoint(folder.model_file)
    data = load_sources(spec.dataset, folder.path)
    evaluation = Evaluator(model, data.test, data.sha256).evaluate()
    assert evaluation is not None  # nobody asked it to stop
    save_predictions(folder, evaluation)


def write_images(folder: RunFolder, file: Path) -> None:
    """Write the test images of the run's data set, (N, H, W, C) as stored.

    Raises:
        UserError: the data set cannot be had, or is another.
        OSError: the file cannot be written.
    """
    import numpy as np

    from workbench.training.datasets import load_dataset

    np.save(file, load_dataset(folder.spec.dataset).x_test, allow_pickle=False)


def serve() -> int:
    """Answer until stdin ends."""
    # Whatever TensorFlow prints must not come between the answers.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    from workbench.training.worker import load_keras

    load_keras()
    models = Models()
    for line in sys.stdin:
        request = json.loads(line)
        reply = inside(models, request) if "inside" in request else answer(models, request)
        json.dump({"id": request["id"], **reply}, answers)
        answers.write("\n")
        answers.flush()
    return 0


def main(what: str = "", run: str = "", *rest: str) -> int:
    """Answer, or do one of the other two; the exit code."""
    if not what:
        return serve()
    os.umask(0o077)
    try:
        if what == "images":
            write_images(RunFolder(Path(run)), Path(rest[0]))
        else:
            make_predictions(RunFolder(Path(run)))
    except UserError as error:
        print(error)
        return CANNOT
    return 0


if __name__ == "__main__":
    leave(main(*sys.argv[1:]))
