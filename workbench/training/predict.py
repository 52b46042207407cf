"""Makes a finished run's predictions from its model: `python -m workbench.training.predict RUN`.

Exit codes: 0 made; 2 the model or data cannot be used, with the reason as a line on stdout.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from workbench.errors import UserError
from workbench.predictions.making import save_predictions
from workbench.runs.folder import RunFolder


def make(folder: RunFolder) -> None:
    """Evaluate the run's model on its test images and keep what it answers.

    Raises:
        UserError: the model is damaged, or its data set is gone or another.
        OSError: the answers cannot be kept.
    """
    from workbench.training.worker import prepare_process

    spec = folder.record.spec
    prepare_process(spec.threads)
    from workbench.training.checkpoint import load_checkpoint
    from workbench.training.evaluation import evaluate
    from workbench.training.prepared import load_sources
    from workbench.training.train import predictions_of

    model, _ = load_checkpoint(folder.model_file)
    data = load_sources(spec.dataset, folder.path)
    evaluation = evaluate(model, data.test)
    assert evaluation is not None  # nobody asked it to stop
    save_predictions(folder, predictions_of(evaluation, data.sha256))


def main(path: str) -> int:
    """Make them; the exit code."""
    os.umask(0o077)
    try:
        make(RunFolder(Path(path)))
    except UserError as error:
        print(error)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
