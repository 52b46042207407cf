"""Built Keras models: what the spec says, and what the shapes promise."""

import errno
import json
import math
import os
import zipfile
from pathlib import Path

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import pytest

from workbench.files import UNFINISHED
from workbench.model.architecture import Architecture, require_sound
from workbench.model.hyperparameters import (
    OPTIMIZERS,
    SGD,
    Adam,
    AdamW,
    CosineDecay,
    ExponentialDecay,
    InverseTimeDecay,
    Nadam,
    RMSprop,
    TrainingSettings,
)
from workbench.model.layers import LAYER_KINDS
from workbench.model.paper_models import PAPER_ORDER
from workbench.model.preset import paper_presets
from workbench.model.spec import DatasetRef, TrainingSpec
from workbench.training.build import build_model, build_optimizer
from workbench.training.checkpoint import Progress, load_checkpoint, save_checkpoint

PRESETS = {preset.name: preset for preset in paper_presets()}
EVERY_KIND = [
    {"kind": "Conv2D", "filters": 4, "kernel_size": 3, "padding": "same", "activation": "silu"},
    {"kind": "BatchNormalization", "momentum": 0.9},
    {"kind": "Conv2D", "filters": 6, "kernel_size": [3, 2], "strides": [2, 1], "use_bias": False},
    {"kind": "SpatialDropout2D", "rate": 0.1},
    {"kind": "MaxPooling2D", "pool_size": 2, "strides": 1, "padding": "same"},
    {"kind": "Conv2D", "filters": 8, "kernel_size": 3, "dilation_rate": 2, "l2": 0.001},
    {"kind": "LayerNormalization"},
    {"kind": "AveragePooling2D"},
    {"kind": "Activation", "activation": "leaky_relu"},
    {"kind": "GlobalAveragePooling2D"},
    {"kind": "Flatten"},
    {"kind": "Dropout", "rate": 0.2},
    {"kind": "Dense", "units": 9, "kernel_initializer": "he_normal", "activation": "gelu"},
    {"kind": "Dense", "units": 10},
    {"kind": "Activation", "activation": "softmax"},
]


def spec_of(layers: list[dict[str, object]] | None = None, **changes: object) -> TrainingSpec:
    """A small model of Dense layers, or of the layers given."""
    small = [
        {"kind": "Flatten"},
        {"kind": "Dense", "units": 8, "activation": "relu"},
        {"kind": "Dense", "units": 10, "activation": "softmax"},
    ]
    values: dict[str, object] = {
        "preset": "test",
        "title": "test",
        "architecture": Architecture.model_validate({"layers": layers or small}),
        "training": TrainingSettings(),
    }
    return TrainingSpec(**(values | changes))


def spec_of_preset(name: str, **changes: object) -> TrainingSpec:
    preset = PRESETS[name]
    return TrainingSpec(
        preset=name,
        title=preset.title,
        architecture=preset.architecture,
        training=preset.training,
        **changes,
    )


def rate_at(spec: TrainingSpec, step: int) -> float:
    schedule = build_optimizer(spec)._learning_rate
    rate = float(keras.ops.convert_to_numpy(schedule(step)))
    # What the screens draw without Keras is what Keras trains with.
    assert spec.training.rate_at(step, spec.steps_per_epoch) == pytest.approx(rate, rel=1e-5)
    return rate


@pytest.mark.parametrize("name", PAPER_ORDER)
def test_presets_have_the_parameters_and_shapes_inferred_without_keras(name: str):
    spec = spec_of_preset(name)
    model = build_model(spec)
    facts = require_sound(spec.architecture)
    assert model.count_params() == facts.parameters
    shapes = [tuple(layer.output.shape[1:]) for layer in model.layers]
    assert shapes == [layer.output_shape for layer in facts.layers]


def test_every_layer_kind_is_built_as_inferred():
    assert {layer["kind"] for layer in EVERY_KIND} == set(LAYER_KINDS)
    spec = spec_of(EVERY_KIND)
    model = build_model(spec)
    facts = require_sound(spec.architecture)
    assert [tuple(layer.output.shape[1:]) for layer in model.layers] == [
        layer.output_shape for layer in facts.layers
    ]
    assert [layer.count_params() for layer in model.layers] == [
        layer.parameters for layer in facts.layers
    ]
    assert sum(math.prod(w.shape) for w in model.trainable_weights) == facts.trainable


def test_layer_settings_reach_keras():
    model = build_model(spec_of(EVERY_KIND))
    by_name = {layer.name: layer.get_config() for layer in model.layers}
    assert by_name["conv2d_1"]["activation"] == "silu"
    assert by_name["batchnormalization_2"]["momentum"] == 0.9
    assert by_name["conv2d_3"]["strides"] == (2, 1) and not by_name["conv2d_3"]["use_bias"]
    assert by_name["conv2d_3"]["kernel_regularizer"] is None
    assert by_name["conv2d_6"]["kernel_regularizer"]["config"]["l2"] == pytest.approx(0.001)
    assert by_name["dense_13"]["kernel_initializer"]["class_name"] == "HeNormal"
    assert [type(layer).__name__ for layer in model.layers] == [
        layer["kind"] for layer in EVERY_KIND
    ]


def test_names_do_not_count_on_from_model_to_model():
    first, second = build_model(spec_of(EVERY_KIND)), build_model(spec_of(EVERY_KIND))
    assert [w.path for w in first.weights] == [w.path for w in second.weights]
    assert [v.path for v in first.optimizer.variables] == [
        v.path for v in second.optimizer.variables
    ]
    assert first.name == second.name


def test_a_checkpoint_of_one_build_loads_into_the_next(tmp_path):
    spec = spec_of(training=TrainingSettings(optimizer=Adam()))
    images = np.random.default_rng(0).random((32, 28, 28, 1), np.float32)
    labels = keras.utils.to_categorical(np.arange(32) % 10, 10)
    first = build_model(spec)
    first.train_on_batch(images, labels)
    first.save(tmp_path / "checkpoint.keras")
    second = build_model(spec)
    second.load_weights(tmp_path / "checkpoint.keras")
    assert np.array_equal(first.predict_on_batch(images), second.predict_on_batch(images))
    state = zip(first.optimizer.variables, second.optimizer.variables, strict=True)
    assert int(second.optimizer.iterations.numpy()) == 1
    assert all(np.array_equal(a.numpy(), b.numpy()) for a, b in state)


@pytest.mark.parametrize("fault", ["while the model is saved", "while it is flushed"])
def test_a_checkpoint_that_cannot_be_written_leaves_the_one_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str
):
    model, path = build_model(spec_of(EVERY_KIND)), tmp_path / "checkpoint.keras"
    save_checkpoint(model, Progress(epochs_completed=1), path)
    content = path.read_bytes()

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        if fault == "while it is flushed":
            patched.setattr(os, "fsync", full)
        else:
            patched.setattr(zipfile.ZipFile, "writestr", full)
        with pytest.raises(OSError, match="No space left"):
            save_checkpoint(model, Progress(epochs_completed=2), path)
    assert path.read_bytes() == content
    assert [file.name for file in tmp_path.iterdir()] == [path.name]
    # What a killed writer left goes with the next one.
    (tmp_path / f".0123{UNFINISHED}.keras").write_bytes(content[:1000])
    save_checkpoint(model, Progress(epochs_completed=2), path)
    assert [file.name for file in tmp_path.iterdir()] == [path.name]
    assert load_checkpoint(path)[1].epochs_completed == 2


@pytest.mark.parametrize("seed", [0, 2**32 - 1])
def test_the_seed_decides_the_initial_weights(seed: int):
    first = build_model(spec_of(EVERY_KIND, seed=seed)).get_weights()
    again = build_model(spec_of(EVERY_KIND, seed=seed)).get_weights()
    other = build_model(spec_of(EVERY_KIND, seed=seed // 2 + 1)).get_weights()
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not np.array_equal(first[0], other[0])


def test_compiled_as_the_paper_says():
    model = build_model(spec_of())
    assert model.loss == "categorical_crossentropy"
    assert model.jit_compile is False
    images = np.zeros((4, 28, 28, 1), np.float32)
    labels = keras.utils.to_categorical([0, 1, 2, 3], 10)
    logs = model.test_on_batch(images, labels, return_dict=True)
    assert set(logs) == {"loss", "accuracy"}
    assert logs["loss"] == pytest.approx(math.log(10), abs=1e-5)  # zeros in: ten equal chances


def test_l2_adds_to_the_loss():
    dense = {"kind": "Dense", "units": 10, "activation": "softmax", "l2": 0.01}
    model = build_model(spec_of([{"kind": "Flatten"}, dense]))
    kernel = model.layers[1].kernel.numpy()
    assert float(model.losses[0]) == pytest.approx(0.01 * float((kernel**2).sum()), rel=1e-5)


class TestPrecision:
    @pytest.mark.parametrize("precision", ["bfloat16", "float16"])
    def test_16_bits_compute_and_weights_and_output_stay_float32(self, precision):
        before = keras.config.dtype_policy().name
        model = build_model(spec_of(EVERY_KIND, precision=precision))
        assert {w.dtype for w in model.trainable_weights} == {"float32"}
        computed = [layer.compute_dtype for layer in model.layers]
        assert computed == [precision] * 13 + ["float32"] * 2  # the last Dense and its softmax
        output = model(np.zeros((2, 28, 28, 1), np.float32))
        assert output.dtype == "float32"
        assert np.allclose(output.numpy().sum(axis=1), 1, atol=1e-6)
        assert keras.config.dtype_policy().name == before

    def test_the_initial_weights_are_those_of_float32(self):
        mixed = build_model(spec_of(precision="bfloat16")).get_weights()
        exact = build_model(spec_of()).get_weights()
        assert all(np.array_equal(a, b) for a, b in zip(mixed, exact, strict=True))

    def test_float16_trains_with_a_scaled_loss_and_goes_on_from_a_checkpoint(self, tmp_path):
        settings = TrainingSettings(optimizer=Adam(learning_rate=0.002))
        dense = [{"kind": "Flatten"}, {"kind": "Dense", "units": 10, "activation": "softmax"}]
        images = np.random.default_rng(0).random((64, 28, 28, 1), np.float32)
        labels = keras.utils.to_categorical(images.mean((1, 2, 3)) > 0.5, 10)

        def trained(model):
            for _ in range(20):
                loss, _ = model.train_on_batch(images, labels)
            return float(loss), model.get_weights()

        model = build_model(spec_of(dense, training=settings, precision="float16"))
        assert isinstance(model.optimizer, keras.optimizers.LossScaleOptimizer)
        first, _ = trained(model)
        save_checkpoint(model, Progress(epochs_completed=1), tmp_path / "checkpoint.keras")
        again, _ = load_checkpoint(tmp_path / "checkpoint.keras")
        (second, weights), (resumed, same) = trained(model), trained(again)
        assert second < first and second == resumed
        assert all(np.array_equal(a, b) for a, b in zip(weights, same, strict=True))

    def test_float32_has_no_other_type(self):
        model = build_model(spec_of(EVERY_KIND))
        assert {layer.compute_dtype for layer in model.layers} == {"float32"}

    def test_the_settings_of_a_users_keras_json_do_not_matter(self):
        plain = build_model(spec_of(EVERY_KIND))
        keras.config.set_floatx("float16")
        keras.config.set_image_data_format("channels_first")
        keras.config.set_dtype_policy("mixed_float16")
        try:
            built = build_model(spec_of(EVERY_KIND))
        finally:
            keras.config.set_floatx("float32")
            keras.config.set_image_data_format("channels_last")
            keras.config.set_dtype_policy("float32")
        assert json.dumps(built.get_config()) == json.dumps(plain.get_config())
        assert built.count_params() == plain.count_params()


class TestSchedules:
    @pytest.mark.parametrize("step", [0, 1, 37, 4999])
    def test_the_decay_of_table_9(self, step: int):
        settings = TrainingSettings(
            optimizer=SGD(learning_rate=0.01, momentum=0.7), epochs=5, schedule=InverseTimeDecay()
        )
        expected = 0.01 / (1 + 0.01 / 5 * step)
        assert rate_at(spec_of(training=settings), step) == pytest.approx(expected, rel=1e-5)

    def test_the_presets_decay_by_it(self):
        spec = spec_of_preset("cnn-2")
        lr, epochs = spec.training.optimizer.learning_rate, spec.training.epochs
        assert rate_at(spec, 1000) == pytest.approx(lr / (1 + lr / epochs * 1000), rel=1e-5)

    def test_a_given_decay(self):
        settings = TrainingSettings(schedule=InverseTimeDecay(decay_rate=0.5))
        assert rate_at(spec_of(training=settings), 4) == pytest.approx(0.01 / 3, rel=1e-6)

    def test_cosine_falls_over_all_planned_steps(self):
        settings = TrainingSettings(epochs=2, batch_size=100, schedule=CosineDecay(alpha=0.1))
        spec = spec_of(training=settings, dataset=DatasetRef(train_limit=1050))  # 11 steps an epoch
        assert rate_at(spec, 0) == pytest.approx(0.01)
        assert rate_at(spec, 11) == pytest.approx(0.01 * (0.1 + 0.9 / 2), rel=1e-5)
        assert rate_at(spec, 22) == pytest.approx(0.001, rel=1e-5)

    def test_exponential_falls_by_the_epoch(self):
        settings = TrainingSettings(batch_size=100, schedule=ExponentialDecay(decay_rate=0.5))
        spec = spec_of(training=settings, dataset=DatasetRef(train_limit=1050))
        assert rate_at(spec, 11) == pytest.approx(0.005, rel=1e-5)
        assert rate_at(spec, 33) == pytest.approx(0.00125, rel=1e-5)

    def test_constant_is_a_plain_number(self):
        optimizer = build_optimizer(spec_of())
        assert float(optimizer.learning_rate.numpy()) == pytest.approx(0.01)


@pytest.mark.parametrize(
    "chosen",
    [
        SGD(learning_rate=0.05, momentum=0.7, nesterov=True),
        Adam(learning_rate=0.05, beta_1=0.8, beta_2=0.99, epsilon=1e-6),
        AdamW(learning_rate=0.05, beta_1=0.8, beta_2=0.99, epsilon=1e-6, weight_decay=0.1),
        RMSprop(learning_rate=0.05, rho=0.8, momentum=0.1, epsilon=1e-6),
        Nadam(learning_rate=0.05, beta_1=0.8, beta_2=0.99, epsilon=1e-6),
    ],
    ids=list(OPTIMIZERS),
)
def test_optimizers_take_every_setting(chosen):
    optimizer = build_optimizer(spec_of(training=TrainingSettings(optimizer=chosen)))
    assert type(optimizer).__name__.lower() == chosen.kind
    config = optimizer.get_config()
    for setting, value in chosen.model_dump(exclude={"kind"}).items():
        assert config[setting] == pytest.approx(value), setting


def test_a_model_of_the_paper_learns_real_mnist():
    """500 steps of NN model 1 end where 500 steps of it should: above 80%."""
    from workbench.training.datasets import load_dataset

    ref = DatasetRef(train_limit=6000)
    data = load_dataset(ref)
    spec = spec_of_preset("nn-1", dataset=ref)
    model = build_model(spec)
    images = (data.x_train / data.pixel_scale).astype(np.float32)
    model.fit(images, keras.utils.to_categorical(data.y_train, 10), 32, 3, verbose=0)
    test = (data.x_test[:2000] / data.pixel_scale).astype(np.float32)
    labels = keras.utils.to_categorical(data.y_test[:2000], 10)
    _, accuracy = model.evaluate(test, labels, verbose=0)
    assert 0.80 < accuracy < 0.95
