"""Makes what screens look at and Keras alone can give, as a process beside them.

`python -m workbench.training.predict predictions RUN` evaluates a run's model and keeps what it
answers; `... images RUN FILE` writes the test images of a data set that Keras keeps as `.npy`.
A fault from outside ends with the exit code `CANNOT` and its sentence on stdout.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from workbench.errors import UserError
from workbench.predictions.of_run import CANNOT, save_predictions
from workbench.runs.folder import RunFolder


def make_predictions(folder: RunFolder) -> None:
    """Evaluate the run's model on its test images and keep what it answers.

    Raises:
        UserError: the model is damaged, or its data set is gone or another.
        OSError: the answers cannot be kept.
    """
    from workbench.training.worker import prepare_process

    spec = folder.spec
    prepare_process(spec.threads)
    # Here and not above: the variables just set count only before the import.
    from workbench.training.checkpoint import load_checkpoint
    from workbench.training.evaluation import Evaluator
    from workbench.training.sources import load_sources
    from workbench.training.train import predictions_of

    model, _ = load_checkpoint(folder.model_file)
    data = load_sources(spec.dataset, folder.path)
    evaluation = Evaluator(model, data.test).evaluate()
    assert evaluation is not None  # nobody asked it to stop
    save_predictions(folder, predictions_of(evaluation, data.sha256))


def write_images(folder: RunFolder, file: Path) -> None:
    """Write the test images of the run's data set, (N, H, W, C) as stored.

    Raises:
        UserError: the data set cannot be had, or is another.
        OSError: the file cannot be written.
    """
    import numpy as np

    from workbench.training.datasets import load_dataset

    np.save(file, load_dataset(folder.spec.dataset).x_test, allow_pickle=False)


def main(what: str, run: str, *rest: str) -> int:
    """Do one of the two; the exit code."""
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
    sys.exit(main(*sys.argv[1:]))
