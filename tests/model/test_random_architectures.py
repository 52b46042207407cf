"""Random architectures: shapes and parameters against Keras, TOML, tables and diagrams.

Nothing is trained and no weight is used: layers are built on symbolic inputs, from the very
source text that `keras_script` writes, so that its calls are tried with every kind of layer.
"""

from __future__ import annotations

import ast
import tomllib
from typing import Any, get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from workbench.errors import PresetError
from workbench.model.architecture import Architecture, analyse
from workbench.model.describe import architecture_rows
from workbench.model.diagram import ROLE_STYLES, draw
from workbench.model.hyperparameters import TrainingSettings
from workbench.model.keras_script import keras_script, layer_call, written
from workbench.model.layers import (
    Activation,
    ActivationLayer,
    AveragePooling2D,
    BatchNormalization,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    GlobalAveragePooling2D,
    Initializer,
    Layer,
    LayerNormalization,
    MaxPooling2D,
    SpatialDropout2D,
)
from workbench.model.preset import Preset, preset_toml, read_preset, saved_over
from workbench.model.spec import TrainingSpec

ACTIVATIONS = st.sampled_from(get_args(Activation))
INITIALIZERS = st.sampled_from(get_args(Initializer))
RATES = st.sampled_from([0.0, 0.2, 0.5])
PADDINGS = st.sampled_from(["valid", "same"])
PAIRS = st.tuples(st.integers(1, 4), st.integers(1, 4))
KERNELS: dict[str, Any] = {
    "activation": ACTIVATIONS,
    "use_bias": st.booleans(),
    "kernel_initializer": INITIALIZERS,
    "l2": st.sampled_from([0.0, 1e-5, 0.01]),
}


@st.composite
def convolutions(draw_one: st.DrawFn) -> Conv2D:
    """Convolutions with strides or dilation, never both."""
    strided = draw_one(st.booleans())
    return Conv2D(
        filters=draw_one(st.integers(1, 6)),
        kernel_size=draw_one(PAIRS),
        strides=draw_one(PAIRS) if strided else (1, 1),
        dilation_rate=(1, 1) if strided else draw_one(PAIRS),
        padding=draw_one(PADDINGS),
        **{name: draw_one(values) for name, values in KERNELS.items()},
    )


POOLING: dict[str, Any] = {
    "pool_size": PAIRS,
    "strides": st.none() | PAIRS,
    "padding": PADDINGS,
}
LAYERS: st.SearchStrategy[Layer] = st.one_of(
    convolutions(),
    convolutions(),
    st.builds(MaxPooling2D, **POOLING),
    st.builds(AveragePooling2D, **POOLING),
    st.builds(Dense, units=st.integers(1, 12), **KERNELS),
    st.just(Flatten()),
    st.just(GlobalAveragePooling2D()),
    st.builds(Dropout, rate=RATES),
    st.builds(SpatialDropout2D, rate=RATES),
    st.builds(BatchNormalization, momentum=st.sampled_from([0.9, 0.99])),
    st.builds(LayerNormalization, epsilon=st.sampled_from([1e-3, 1e-5])),
    st.builds(ActivationLayer, activation=ACTIVATIONS),
)
ENDING = (Flatten(), Dense(units=10, activation="softmax"))
ARCHITECTURES: st.SearchStrategy[Architecture] = st.builds(
    Architecture,
    input_shape=st.tuples(st.integers(1, 12), st.integers(1, 12), st.sampled_from([1, 2, 3])),
    layers=st.tuples(st.lists(LAYERS, max_size=7), st.sampled_from([(), ENDING])).map(
        lambda parts: (*parts[0], *parts[1])
    ),
)
QUICK = settings(
    deadline=None,
    max_examples=120,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)


@pytest.fixture(scope="module")
def keras() -> Any:
    """Keras, imported only for the tests that need it."""
    import os

    os.environ["KERAS_BACKEND"] = "tensorflow"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import keras

    return keras


@QUICK
@given(architecture=ARCHITECTURES)
def test_shapes_and_parameters_are_those_of_keras(keras: Any, architecture: Architecture) -> None:
    analysis = analyse(architecture)
    names = {"layers": keras.layers, "regularizers": keras.regularizers}
    value = keras.Input(architecture.input_shape)

    def build(layer: Layer) -> Any:
        return eval("\n".join(written(layer_call(layer))), names)

    for facts in analysis.layers:
        built = build(facts.layer)
        value = built(value)
        assert value.shape[1:] == facts.output_shape, facts
        assert built.count_params() == facts.parameters, facts
        counted = sum(weight.shape.num_elements() for weight in built.trainable_weights)
        assert counted == facts.trainable, facts
    if len(analysis.layers) < len(architecture.layers):
        misfit = build(architecture.layers[len(analysis.layers)])
        with pytest.raises((ValueError, TypeError)):
            misfit(value)


@QUICK
@given(architecture=ARCHITECTURES)
def test_presets_survive_toml(tmp_path, architecture: Architecture) -> None:
    preset = Preset(name="random", title="Random", architecture=architecture)
    path = tmp_path / "random.toml"
    path.write_text(preset_toml(preset), encoding="utf-8")
    assert read_preset(path) == preset


@QUICK
@given(before=ARCHITECTURES, after=ARCHITECTURES)
def test_a_preset_saved_over_another_says_the_new_one(
    before: Architecture, after: Architecture
) -> None:
    text = "# mine\n" + preset_toml(Preset(name="a", title="A", architecture=before))
    preset = Preset(name="a", title="B", architecture=after)
    changed = saved_over(text, preset)
    assert Preset.model_validate(tomllib.loads(changed)) == preset
    assert changed.startswith("# mine")


@QUICK
@given(architecture=ARCHITECTURES)
def test_every_model_has_its_table(architecture: Architecture) -> None:
    analysis = analyse(architecture)
    rows = architecture_rows(architecture)
    assert rows[0].index in (0, 1)  # a Flatten that comes first is told there
    assert [row.index for row in rows[1:]] == [
        *range(rows[0].index + 1, len(architecture.layers) + 1)
    ]
    assert sum(row.parameters or 0 for row in rows) == analysis.parameters
    problems = [row for row in rows if row.problem]
    assert [row.problem for row in problems] == ([analysis.problem] if analysis.problem else [])
    assert all(row.problem is None or row.problem.index == row.index for row in rows)
    for row in architecture_rows(architecture, ascii_only=True):
        assert "".join((row.layer, *row.operation, row.output)).isascii()


@QUICK
@given(architecture=ARCHITECTURES, width=st.integers(40, 140), ascii_only=st.booleans())
def test_every_model_has_its_diagram(
    architecture: Architecture, width: int, ascii_only: bool
) -> None:
    diagram = draw(architecture, width, ascii_only=ascii_only)
    assert diagram.width <= width
    assert diagram.plain().isascii() or not ascii_only
    assert {role for spans in diagram.lines for _, role in spans} <= {"", *ROLE_STYLES}
    fits = len(analyse(architecture).layers) == len(architecture.layers)
    assert ("fit" in diagram.plain()) is not fits


@QUICK
@given(
    architecture=ARCHITECTURES, precision=st.sampled_from(["float32", "bfloat16"]), seed=st.just(3)
)
def test_every_sound_model_has_its_script(
    architecture: Architecture, precision: Any, seed: int
) -> None:
    spec = TrainingSpec(
        preset="random",
        title="Random",
        architecture=architecture,
        training=TrainingSettings(),
        seed=seed,
        precision=precision,
    )
    if analyse(architecture).problem:
        with pytest.raises(PresetError):
            keras_script(spec)
        return
    text = keras_script(spec)
    ast.parse(text)
    assert max(len(line) for line in text.splitlines()) <= 88
