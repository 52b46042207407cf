"""A training compiled before its run is there, ahead of it or for the run before.

A run gets out of it, bit for bit, what it would have got without: the state that the compiling
step has moved is put back, and a run with another seed or learning rate, or after another run,
gets the state of a model built anew.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from workbench.data.catalogue import KERAS_NAMES
from workbench.model.architecture import Architecture
from workbench.model.hyperparameters import TrainingSettings
from workbench.model.layers import Conv2D, Dense, Dropout, Flatten, MaxPooling2D
from workbench.model.spec import DatasetRef, TrainingSpec
from workbench.training.build import build_model
from workbench.training.compiled_steps import CompiledSteps
from workbench.training.evaluation import Evaluator
from workbench.training.loop import TrainingLoop
from workbench.training.sources import InMemorySource, load_sources

VECTORS = (Flatten(), Dense(units=4, activation="relu"), Dense(units=10, activation="softmax"))
IMAGES = (Conv2D(filters=2, kernel_size=(3, 3)), MaxPooling2D(), Dropout(rate=0.2), *VECTORS)


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
