"""The Keras script trains by itself what this program would train."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from workbench.errors import PresetError
from workbench.model.architecture import Architecture, require_sound
from workbench.model.hyperparameters import (
    OPTIMIZERS,
    SGD,
    AdamW,
    CosineDecay,
    EarlyStopping,
    ExponentialDecay,
    InverseTimeDecay,
    ReduceOnPlateau,
    TrainingSettings,
)
from workbench.model.keras_script import keras_script
from workbench.model.layers import LAYER_KINDS
from workbench.model.paper_models import PAPER_ORDER
from workbench.model.preset import Preset, paper_presets
from workbench.model.spec import DatasetRef, TrainingSpec, Validation
from workbench.settings import MNIST_FILE

PRESETS = {preset.name: preset for preset in paper_presets()}
CONVOLUTION = {
    "filters": 8,
    "activation": "relu",
    "kernel_initializer": "he_normal",
    "padding": "same",
}
# Every kind of layer once at least, with every option of the kernels.
EVERY_KIND = Architecture(
    layers=tuple(
        LAYER_KINDS[kind](**options)
        for kind, options in (
            ("Conv2D", {**CONVOLUTION, "kernel_size": 3, "dilation_rate": 2, "l2": 1e-4}),
            ("LayerNormalization", {}),
            ("AveragePooling2D", {"pool_size": (2, 2), "padding": "same"}),
            ("SpatialDropout2D", {"rate": 0.05}),
            ("Conv2D", {**CONVOLUTION, "kernel_size": (3, 5), "strides": 2, "use_bias": False}),
            ("BatchNormalization", {"momentum": 0.8}),
            ("Activation", {"activation": "silu"}),
            ("MaxPooling2D", {"strides": (2, 1)}),
            ("Conv2D", {"filters": 32, "kernel_size": 3}),
            ("GlobalAveragePooling2D", {}),
            ("Flatten", {}),
            ("Dropout", {"rate": 0.05}),
            ("Dense", {"units": 10, "kernel_initializer": "lecun_normal", "l2": 1e-5}),
            ("Activation", {"activation": "softmax"}),
        )
    )
)


def spec_of(preset: Preset, **changes: Any) -> TrainingSpec:
    spec = TrainingSpec(
        preset=preset.name,
        title=preset.title,
        architecture=preset.architecture,
        training=preset.training,
    )
    return TrainingSpec.model_validate({**spec.model_dump(), **changes})


@pytest.fixture(scope="module")
def few_images(tmp_path_factory) -> Path:
    """600 training and 300 test images of the shipped MNIST."""
    import numpy as np

    path: Path = tmp_path_factory.mktemp("data") / "few.npz"
    with np.load(MNIST_FILE, allow_pickle=False) as data:
        parts = {"x_train": 600, "y_train": 600, "x_test": 300, "y_test": 300}
        np.savez_compressed(path, **{name: data[name][:count] for name, count in parts.items()})
    return path


def run_script(text: str, folder: Path, *arguments: str) -> str:
    script = folder / "script.py"
    script.write_text(text, encoding="utf-8")
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    environment |= {"KERAS_BACKEND": "none such", "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(
        [sys.executable, str(script), *arguments],
        cwd=folder,  # away from the checkout: the script must need nothing of it
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def check_output(output: str, spec: TrainingSpec, least_accuracy: float) -> None:
    parameters = require_sound(spec.architecture).parameters
    assert f"parameters: {parameters}\n" in output
    losses = [float(loss) for loss in re.findall(r"- loss: ([0-9.]+)", output)]
    assert len(losses) == spec.training.epochs
    assert losses[-1] < losses[0]
    accuracy = re.search(r"^test accuracy: ([0-9.]+)$", output, re.MULTILINE)
    assert accuracy
    assert float(accuracy[1]) > least_accuracy


def test_a_paper_model_trains(few_images, tmp_path) -> None:
    training = TrainingSettings(
        epochs=4,
        batch_size=20,
        optimizer=SGD(learning_rate=0.05),
        schedule=ReduceOnPlateau(),
        early_stopping=EarlyStopping(patience=4),
    )
    data = DatasetRef(train_limit=500, validation=Validation(images=100))
    spec = spec_of(PRESETS["nn-1"], training=training, dataset=data)
    text = keras_script(spec)
    assert "validation_split=0.2," in text and "restore_best_weights=True" in text
    output = run_script(text, tmp_path, str(few_images))
    check_output(output, spec, 0.6)
    assert "20/20" in output  # 500 of the 600 images, 100 of them held out, in batches of 20


def test_what_a_script_looks_at_after_each_epoch() -> None:
    def script(**data: Any) -> str:
        return keras_script(spec_of(PRESETS["nn-1"], dataset=DatasetRef(**data)))

    assert "validation_data=(x_test, y_test)" in script() and "callbacks" not in script()
    own = script(path="/a.npz", validation=Validation(images=5, own=True))
    assert "validation_data=(x_val, y_val)" in own and 'data["x_val"]' in own
    compile(own, "script.py", "exec")


def test_a_script_that_asks_for_data_names_what_it_wants(tmp_path) -> None:
    text = keras_script(spec_of(PRESETS["nn-1"]), asks_for_data=True)
    load = next(node for node in ast.parse(text).body if isinstance(node, ast.FunctionDef))
    names: dict[str, Any] = {"sys": SimpleNamespace(argv=["script.py"], exit=sys.exit)}
    exec(compile(ast.Module([load], []), "script.py", "exec"), names)
    with pytest.raises(SystemExit, match=r"usage: python THIS_FILE DATA\.npz"):
        names["load"]()


def test_every_kind_of_layer_trains_from_its_own_data(few_images, tmp_path) -> None:
    preset = Preset(name="kinds", title="Every kind", architecture=EVERY_KIND)
    spec = spec_of(
        preset,
        training=TrainingSettings(
            epochs=6,
            batch_size=20,
            optimizer=AdamW(learning_rate=0.02),
            schedule=CosineDecay(alpha=0.01),
        ),
        dataset=DatasetRef(name="few.npz", path=str(few_images), train_images=600),
        precision="bfloat16",
    )
    assert {layer.kind for layer in EVERY_KIND.layers} == set(LAYER_KINDS)
    check_output(run_script(keras_script(spec), tmp_path), spec, 0.4)


@pytest.mark.parametrize("name", PAPER_ORDER)
def test_only_keras_is_imported(name) -> None:
    spec = spec_of(PRESETS[name])
    text = keras_script(spec)
    tree = compile(text, "script.py", "exec", flags=ast.PyCF_ONLY_AST)
    modules = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            modules |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            modules.add(node.module)
    assert modules == {"os", "sys", "keras", "numpy"}
    assert "keras.datasets.mnist.load_data()" in text
    assert text.count("layers.") == len(spec.architecture.layers)


@pytest.mark.parametrize("title", ["", '"""\nimport evil', "\\", "a\x00b", "é" * 80])
def test_a_title_stays_a_title(title) -> None:
    text = keras_script(spec_of(PRESETS["nn-1"], title=title))
    tree = ast.parse(text)
    assert "evil" not in text.split('"""', 2)[2]
    assert ast.get_docstring(tree)


def test_data_sets() -> None:
    for name in ("fashion_mnist", "cifar10", "cifar100"):
        spec = spec_of(PRESETS["nn-1"], dataset=DatasetRef(name=name))
        assert f"keras.datasets.{name}.load_data()" in keras_script(spec)
    path = '/data/a "quoted" name.npz'
    text = keras_script(spec_of(PRESETS["nn-1"], dataset=DatasetRef(name="a", path=path)))
    assert ast.parse(text)
    assert r"/data/a \"quoted\" name.npz" in text
    assert "keras.datasets" not in text
    with pytest.raises(PresetError, match=r"name an \.npz file"):
        keras_script(spec_of(PRESETS["nn-1"], dataset=DatasetRef(name="os; import evil")))


def test_impossible_models_have_no_script() -> None:
    half = Architecture(layers=EVERY_KIND.layers[:3])
    with pytest.raises(PresetError, match="layer 3"):
        keras_script(spec_of(PRESETS["nn-1"], architecture=half))


def made_by(text: str, images: int) -> dict[str, Any]:
    """What the script's assignments of settings, schedule and optimizer make."""
    import keras

    wanted = {"optimizer", "schedule", "steps_per_epoch"}
    names: dict[str, Any] = {"keras": keras, "x_train": range(images)}
    for node in ast.parse(text).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            name = node.targets[0].id
            if name in wanted or name.isupper():
                exec(compile(ast.Module([node], []), "script.py", "exec"), names)
    return names


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        (InverseTimeDecay(), lambda step: 0.01 / (1 + 0.01 / 4 * step)),
        (InverseTimeDecay(decay_rate=0.5), lambda step: 0.01 / (1 + 0.5 * step)),
        (ExponentialDecay(decay_rate=0.8), lambda step: 0.01 * 0.8 ** (step / 11)),
        (CosineDecay(alpha=0.1), {0: 0.01, 22: 0.01 * 0.55, 44: 0.001}.get),
    ],
)
def test_schedules(schedule, expected) -> None:
    training = TrainingSettings(
        epochs=4, batch_size=10, optimizer=SGD(learning_rate=0.01), schedule=schedule
    )
    names = made_by(keras_script(spec_of(PRESETS["nn-1"], training=training)), images=101)
    for step in (0, 22, 44):
        assert float(names["schedule"](step)) == pytest.approx(expected(step), rel=1e-5)
    assert names["optimizer"].get_config()["learning_rate"]["class_name"] == (
        type(names["schedule"]).__name__
    )


@pytest.mark.parametrize("kind", OPTIMIZERS)
def test_optimizers(kind) -> None:
    settings = {"learning_rate": 0.003, "beta_1": 0.8, "beta_2": 0.99, "epsilon": 1e-6}
    settings |= {"rho": 0.7, "momentum": 0.6, "nesterov": True, "weight_decay": 0.02}
    fields = OPTIMIZERS[kind].model_fields
    optimizer = OPTIMIZERS[kind](**{k: v for k, v in settings.items() if k in fields})
    text = keras_script(spec_of(PRESETS["nn-1"], training=TrainingSettings(optimizer=optimizer)))
    config = made_by(text, images=10)["optimizer"].get_config()
    assert type(made_by(text, images=10)["optimizer"]).__name__.lower() == kind
    for field in set(fields) - {"kind"}:
        assert config[field] == pytest.approx(settings[field]), field


@pytest.mark.skipif(find_spec("ruff") is None, reason="ruff is not installed")
def test_formatted_and_clean(tmp_path) -> None:
    for name, preset in PRESETS.items():
        (tmp_path / f"{name}.py").write_text(keras_script(spec_of(preset)), encoding="utf-8")
    for number, precision in enumerate(("float32", "bfloat16")):
        spec = spec_of(
            PRESETS["cnn-2"],
            architecture=EVERY_KIND,
            precision=precision,
            dataset=DatasetRef(path="/x" * 60 + ".npz", train_limit=7),
            training=TrainingSettings(optimizer=AdamW(), schedule=ExponentialDecay()),
        )
        (tmp_path / f"kinds{number}.py").write_text(keras_script(spec), encoding="utf-8")
        asking = keras_script(spec, asks_for_data=True)
        (tmp_path / f"asking{number}.py").write_text(asking, encoding="utf-8")
    rules = "A,B,E,F,I,UP,SIM,RUF"
    for command in (["check", "--select", rules], ["format", "--check", "--diff"]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *command, "--isolated", "--no-cache", str(tmp_path)],
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr
