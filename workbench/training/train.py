"""Training one spec: a plain function that knows nothing of run folders.

A training may be compiled before its run is there, ahead of it or for the run before. A run gets
out of it, bit for bit, what it would have got without: the state that the compiling step has moved
is put back, and a run with another seed or learning rate, or after another run, gets the state of
a model built anew.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from workbench.data.catalogue import KERAS_NAMES
from workbench.model.architecture import Architecture
from workbench.model.hyperparameters import TrainingSettings
from workbench.model.layers import Conv2D, Dense, Dropout, Flatten, MaxPooling2D
from workbench.model.spec import DatasetRef, TrainingSpec
from workbench.predictions.of_run import Predictions
from workbench.runs.events import Event, Preparing, Resumed, Started
from workbench.runs.standby import compile_alike
from workbench.training.build import build_model
from workbench.training.checkpoint import Progress, Weights
from workbench.training.compiled_steps import CompiledSteps, device_text
from workbench.training.datasets import InMemorySource, load_sources
from workbench.training.evaluation import Evaluator
from workbench.training.loop import DivergedError, LoopCallback, Monitors, TrainingLoop

# More cells than this make the ending's line too long for a reader of the log's tail.
LARGEST_CONFUSION = 200
# Tracing and compiling grow with the number of layers: tens of them take tens of seconds.
MANY_LAYERS = 30
VECTORS = (Flatten(), Dense(units=4, activation="relu"), Dense(units=10, activation="softmax"))
IMAGES = (Conv2D(filters=2, kernel_size=(3, 3)), MaxPooling2D(), Dropout(rate=0.2), *VECTORS)


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
    tester = Evaluator(model, data.test, data.sha256)
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
    diverged, whole = None, True
    if progress.epochs_completed < spec.training.epochs and not monitors.stopped:
        if steps is None:
            words, layers = "compiling the first steps", len(model.layers)
            if layers > MANY_LAYERS:
                words += f"; with {layers} layers this can take minutes"
            emit(Preparing(time.time(), words))
        try:
            ended = loop.run(
                spec.training.epochs,
                initial_epoch=progress.epochs_completed,
                # Those that look at validation first, so that what is kept has the epoch in it.
                callbacks=[*monitors.callbacks, live],
            )
            whole = monitors.stopped or not ended.stopped
        except DivergedError as error:
            diverged, whole = (error.epoch + 1, error.step + 1), False
    elif monitors.best_weights is not None:
        model.set_weights(monitors.best_weights)
    evaluation, final = loop.last_evaluation, live.progress
    if whole and validates:
        # The weights may be those of an earlier epoch now, and nothing has been tested yet.
        judged = evaluator.evaluate(should_stop)
        evaluation = tester.evaluate(should_stop) if judged is not None and spec.tested else None
        whole = judged is not None and not (spec.tested and evaluation is None)
        if judged is not None:
            final = replace(
                final,
                validation_loss=judged.loss,
                validation_accuracy=judged.accuracy,
                test_loss=evaluation.loss if evaluation else None,
                test_accuracy=evaluation.accuracy if evaluation else None,
                best_epoch=monitors.best_epoch,
            )
    elif whole and evaluation is None:
        # Killed after the last epoch's checkpoint and before its ending: only this is missing.
        evaluation = evaluator.evaluate(should_stop)
        whole = evaluation is not None
    confusion: list[list[int]] = []
    if whole and evaluation is not None and evaluation.classes <= LARGEST_CONFUSION:
        confusion = evaluation.confusion.tolist()
    return Result(
        model=model,
        progress=final,
        step=live.step,
        seconds=round(live.seconds, 4),
        stopped=not whole and diverged is None,
        diverged=diverged,
        confusion=confusion,
        parameters=model.count_params(),
        predictions=evaluation if whole else None,
        ready=after_run(spec, model, loop.compiled) if whole and start is None else None,
    )


class Ready:
    """A model and its compiled steps, for runs that compile as `spec` does."""

    def __init__(
        self, spec: TrainingSpec, model: keras.Model, steps: CompiledSteps, *, used: bool = False
    ) -> None:
        """`used`: the model's state is not that of `spec` before its first step."""
        self.spec = spec
        self.steps = steps
        self._model = model
        self._used = used

    def model_for(self, spec: TrainingSpec) -> keras.Model:
        """The model in the state in which `build_model` gives it for this spec."""
        if self._used or spec != self.spec:
            _put(self._model, _values(build_model(spec)))
        self._used = True
        return self._model


def get_ready(spec: TrainingSpec, is_wanted: Callable[[], bool]) -> Ready | None:
    """Build the model of a spec and compile its steps.

    None when it is not wanted any more, which is asked between the parts of the work, and for
    what cannot be done ahead: data that has to be fetched or may still change.
    """
    if not _is_at_hand(spec.dataset):
        return None
    data = load_sources(spec.dataset)
    model = build_model(spec)
    values = _values(model)
    if not is_wanted():
        return None
    steps = CompiledSteps(model, data.train, spec.training.batch_size, xla=spec.xla)
    if not _is_known(model, steps) or not is_wanted():
        return None
    steps.compile()
    _put(model, values)
    return Ready(spec, model, steps)


def after_run(spec: TrainingSpec, model: keras.Model, steps: CompiledSteps) -> Ready | None:
    """What a run has compiled, for the next one; None for data that may have changed by then."""
    if not _is_at_hand(spec.dataset) or not _is_known(model, steps):
        return None
    return Ready(spec, model, steps, used=True)


def _is_known(model: keras.Model, steps: CompiledSteps) -> bool:
    """Whether all state that a step touches is put back here: else the result is another."""
    known = {id(variable.value.handle) for variable in (*_state(model), *model.metrics_variables)}
    return {id(handle) for handle in steps.trace()} <= known


def compile_something() -> None:
    """Train two steps of tiny models: the compilers load their parts at their first use.

    One model is of the kind that XLA compiles whole, the other of the kind that it does not.
    Nothing of them stays: each run sets its own seeds and builds its own model.
    """
    for layers in (VECTORS, IMAGES):
        spec = TrainingSpec(
            preset="warm",
            title="warm",
            architecture=Architecture(layers=layers),
            training=TrainingSettings(epochs=1, batch_size=4),
        )
        model = build_model(spec)
        images = np.zeros((8, 28, 28, 1), np.uint8)
        source = InMemorySource(images, np.zeros(8, np.int64), classes=10)
        TrainingLoop(model, source, batch_size=4, seed=0).run(1)
        Evaluator(model, source).evaluate()


def _is_at_hand(ref: DatasetRef) -> bool:
    return ref.path is None and ref.name not in KERAS_NAMES


def _state(model: keras.Model) -> list[Any]:
    """Weights, seeds and the optimizer's state. Each step begins its metrics anew."""
    return [*model.variables, *model.optimizer.variables]


def _values(model: keras.Model) -> list[npt.NDArray[Any]]:
    return [keras.ops.convert_to_numpy(variable) for variable in _state(model)]


def _put(model: keras.Model, values: list[npt.NDArray[Any]]) -> None:
    for variable, value in zip(_state(model), values, strict=True):
        variable.assign(value)
