"""Training one spec: a plain function that knows nothing of run folders."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import keras

from workbench.model.spec import TrainingSpec
from workbench.predictions.file import Predictions
from workbench.runs.events import Event, Preparing, Resumed, Started
from workbench.runs.standby import compile_alike
from workbench.training.build import build_model
from workbench.training.callback import LoopCallback
from workbench.training.checkpoint import Progress
from workbench.training.devices import device_text
from workbench.training.evaluation import Evaluation, Evaluator
from workbench.training.loop import DivergedError, TrainingLoop
from workbench.training.monitors import Monitors, Weights
from workbench.training.ready import Ready, after_run
from workbench.training.sources import load_sources

# More cells than this make the ending's line too long for a reader of the log's tail.
LARGEST_CONFUSION = 200
# Tracing and compiling grow with the number of layers: tens of them take tens of seconds.
MANY_LAYERS = 30


@dataclass(frozen=True)
class Snapshot:
    """The state after a whole epoch, from which a training can go on."""

    model: keras.Model
    progress: Progress
    best_weights: Weights | None = None  # with early stopping, those of the best epoch


@dataclass(frozen=True)
class Result:
    """How a training ended. `progress` is that of the last whole epoch.

    Where validation images ended it early, or were looked at after each epoch, its losses and
    accuracies are those of the model as it is handed over, best weights put back.
    `step` and `seconds` are how far it came; `diverged` is (epoch, step), both from 1, where the
    loss stopped being a number; `confusion[true][predicted]` counts test images. It is empty, and
    `predictions` None, unless all is done and the spec has the model tested.
    """

    model: keras.Model
    progress: Progress
    step: int
    seconds: float
    stopped: bool
    diverged: tuple[int, int] | None
    confusion: list[list[int]]
    parameters: int
    predictions: Predictions | None
    ready: Ready | None  # for the next run of this process, where it compiles alike


def train(
    spec: TrainingSpec,
    emit: Callable[[Event], None],
    should_stop: Callable[[], bool],
    *,
    start: Snapshot | None = None,
    ready: Ready | None = None,
    keep: Callable[[Snapshot], None] = lambda snapshot: None,
    scratch: Path | None = None,
) -> Result:
    """Train a model as the spec says, from the beginning or from a snapshot.

    `ready`, where it is of this kind, spares the compilation; the result is the same.
    `emit` is given each event as it happens; `should_stop` is asked between chunks and may block
    for as long as a pause lasts; `keep` is given the state after each whole epoch. `scratch` is
    a folder for data too large for memory.

    Raises:
        DatasetError: the data set cannot be used.
        EnvironmentProblem: the machine refused something.
    """
    emit(Preparing(time.time(), f"reading {spec.dataset.name}"))
    data = load_sources(spec.dataset, scratch)
    steps = None
    if start is not None:
        model = start.model
    elif ready is not None and compile_alike(ready.spec, spec):
        model, steps = ready.model_for(spec), ready.steps
    else:
        emit(Preparing(time.time(), "building the model"))
        ready = None  # what does not fit gives its memory back
        model = build_model(spec)
    progress = start.progress if start else Progress()
    validates = data.validation is not None
    tester = Evaluator(model, data.test)
    evaluator = Evaluator(model, data.validation) if data.validation is not None else tester
    monitors = Monitors(
        spec.training, progress.monitors, start.best_weights if start is not None else None
    )
    loop = TrainingLoop(
        model,
        data.train,
        batch_size=spec.training.batch_size,
        seed=spec.seed,
        validation=evaluator,
        should_stop=should_stop,
        xla=spec.xla,
        steps=steps,
    )

    def keep_all(now: Progress) -> None:
        now = replace(now, monitors=monitors.state() or None)
        keep(Snapshot(model, now, monitors.best_weights))

    live = LoopCallback(loop, emit, progress, keep_all, validates=validates)
    emit(
        Started(
            time=time.time(),
            pid=os.getpid(),
            parameters=model.count_params(),
            epochs=spec.training.epochs,
            steps_per_epoch=loop.steps_per_epoch,
            images=data.train.image_count,
            xla=loop.uses_xla,
            device=device_text(),
            dataset_sha256=data.sha256,
        )
    )
    if start:
        emit(Resumed(time.time(), progress.epochs_completed + 1, progress.step, progress.seconds))
    diverged, stopped = None, False
    if progress.epochs_completed < spec.training.epochs and not monitors.stopped:
        if steps is None:
            emit(Preparing(time.time(), compiling_words(len(model.layers))))
        try:
            ended = loop.run(
                spec.training.epochs,
                initial_epoch=progress.epochs_completed,
                # Those that look at validation first, so that what is kept has the epoch in it.
                callbacks=[*monitors.callbacks, live],
            )
            stopped = ended.stopped and not monitors.stopped
        except DivergedError as error:
            diverged = (error.epoch + 1, error.step + 1)
    elif monitors.best_weights is not None:
        model.set_weights(monitors.best_weights)
    evaluation, final = loop.last_evaluation, live.progress
    if diverged is None and not stopped and validates:
        # The weights may be those of an earlier epoch now, and nothing has been tested yet.
        judged = evaluator.evaluate(should_stop)
        evaluation = tester.evaluate(should_stop) if judged is not None and spec.tested else None
        stopped = judged is None or (spec.tested and evaluation is None)
        if judged is not None:
            final = replace(
                final,
                validation_loss=judged.loss,
                validation_accuracy=judged.accuracy,
                test_loss=evaluation.loss if evaluation else None,
                test_accuracy=evaluation.accuracy if evaluation else None,
                best_epoch=monitors.best_epoch,
            )
    elif diverged is None and not stopped and evaluation is None:
        # Killed after the last epoch's checkpoint and before its ending: only this is missing.
        evaluation = evaluator.evaluate(should_stop)
        stopped = evaluation is None
    whole = diverged is None and not stopped
    return Result(
        model=model,
        progress=final,
        step=live.step,
        seconds=round(live.seconds, 4),
        stopped=stopped,
        diverged=diverged,
        confusion=_confusion(evaluation) if whole else [],
        parameters=model.count_params(),
        predictions=predictions_of(evaluation, data.sha256) if evaluation and whole else None,
        ready=after_run(spec, model, loop.compiled) if whole and start is None else None,
    )


def compiling_words(layers: int) -> str:
    """What the viewer reads while the first steps are compiled."""
    words = "compiling the first steps"
    if layers <= MANY_LAYERS:
        return words
    return f"{words}; with {layers} layers this can take minutes"


def predictions_of(evaluation: Evaluation, dataset_sha256: str) -> Predictions:
    """The answers of an evaluation, to be kept with the run."""
    return Predictions(
        truth=evaluation.truth,
        predicted=evaluation.predicted,
        confidence=evaluation.confidence,
        probabilities=evaluation.probabilities,
        classes=evaluation.classes,
        dataset_sha256=dataset_sha256,
    )


def _confusion(evaluation: Evaluation | None) -> list[list[int]]:
    if evaluation is None or evaluation.classes > LARGEST_CONFUSION:
        return []
    counts: list[list[int]] = evaluation.confusion.tolist()
    return counts
