"""Predictions of a run, read where they are kept, and otherwise made from its model.

Making them needs Keras, so it is done by a process of its own.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

from workbench.errors import EnvironmentProblem, RunError
from workbench.predictions.file import Predictions, read_predictions, to_bytes
from workbench.runs.folder import RunFolder
from workbench.runs.process import module_command, module_environment

MAKER = "workbench.training.predict"


def save_predictions(folder: RunFolder, predictions: Predictions) -> None:
    """Keep them with the run, whole or not at all.

    Raises:
        OSError: the disk is full or the folder gone.
    """
    path = folder.predictions_file
    descriptor, aside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(to_bytes(predictions))
            file.flush()
            os.fsync(file.fileno())
        os.replace(aside, path)
    except BaseException:
        Path(aside).unlink(missing_ok=True)
        raise


def kept_predictions(folder: RunFolder) -> Predictions | None:
    """The run's predictions where they are kept and sound; None where they have to be made."""
    try:
        return read_predictions(folder.predictions_file)
    except (FileNotFoundError, RunError):
        return None


def predictions_of(folder: RunFolder) -> Predictions:
    """The run's predictions, made anew from its model where they are missing or damaged.

    Raises:
        RunError: the run has no model, or it does not fit its data set any more.
        EnvironmentProblem: they cannot be made here.
    """
    kept = kept_predictions(folder)
    if kept is not None:
        return kept
    if not folder.model_file.is_file():
        raise RunError(
            f"run {folder.run_id}: it keeps no trained model; look at a run that has finished, or "
            f"`mnist-workbench resume {folder.run_id}` first"
        )
    make(folder)
    return read_predictions(folder.predictions_file)


def make(folder: RunFolder) -> None:
    """Make the predictions from the model; takes some seconds, most of them for TensorFlow.

    Raises:
        RunError: the model or its data set cannot be used; the sentence says why.
        EnvironmentProblem: the process cannot be started or was killed.
    """
    try:
        done = subprocess.run(
            module_command(MAKER, str(folder.path)),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            env=module_environment(),
            cwd=folder.path.parent,
            check=False,
        )
    except OSError as error:
        raise EnvironmentProblem(
            f"run {folder.run_id}: predictions cannot be made: {error}"
        ) from error
    if done.returncode == 2:  # one sentence, meant for people
        raise RunError(done.stdout.strip().splitlines()[-1])
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        raise EnvironmentProblem(f"run {folder.run_id}: predictions could not be made: {last}")
