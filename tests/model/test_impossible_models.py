"""An impossible model says which layer, why, and what would fix it."""

from __future__ import annotations

import pytest

from workbench.errors import PresetError
from workbench.model.architecture import Architecture, analyse, require_sound
from workbench.model.layers import LAYER_KINDS, Layer
from workbench.model.preset import paper_presets

CLOSING = [("Flatten", {}), ("Dense", {"units": 10, "activation": "softmax"})]


def layer(kind: str, **settings) -> Layer:
    return LAYER_KINDS[kind](**settings)


def model(*layers: tuple[str, dict], input_shape=(28, 28, 1)) -> Architecture:
    made = tuple(layer(kind, **settings) for kind, settings in layers)
    return Architecture(input_shape=input_shape, layers=made)


def message(*layers: tuple[str, dict], input_shape=(28, 28, 1)) -> str:
    with pytest.raises(PresetError) as caught:
        require_sound(model(*layers, input_shape=input_shape))
    return str(caught.value)


def test_pooling_of_a_single_pixel() -> None:
    pool = ("MaxPooling2D", {})
    text = message(*[pool] * 4, ("Conv2D", {"filters": 64, "kernel_size": 1}), pool, *CLOSING)
    assert text.startswith("layer 6, MaxPooling2D 2×2: its input is 1×1×64")
    assert 'padding "same"' in text


def test_a_kernel_larger_than_its_image() -> None:
    text = message(("Conv2D", {"filters": 4, "kernel_size": 29}), *CLOSING)
    assert text.startswith("layer 1, Conv2D 4, 29×29, valid: its input is 28×28×1")
    dilated = {"filters": 4, "kernel_size": 3, "dilation_rate": 14}
    assert "29×29 does not fit" in message(("Conv2D", dilated), *CLOSING)
    require_sound(model(("Conv2D", {**dilated, "padding": "same"}), *CLOSING))


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        ("Conv2D", {"filters": 4, "kernel_size": 3}),
        ("MaxPooling2D", {}),
        ("AveragePooling2D", {}),
        ("GlobalAveragePooling2D", {}),
        ("SpatialDropout2D", {"rate": 0.2}),
    ],
)
def test_images_needed_after_flatten(kind, settings) -> None:
    text = message(("Flatten", {}), (kind, settings), *CLOSING)
    assert text.startswith(f"layer 2, {kind}")
    assert "vector of 784" in text
    assert "move it before" in text


def test_no_layers() -> None:
    assert message() == "the model has no layers; add Flatten and Dense 10, softmax"


@pytest.mark.parametrize(
    ("layers", "reason", "remedy"),
    [
        ([CLOSING[1]], "ends with an image of 28×28×10", "add Flatten"),
        (
            [
                ("Conv2D", {"filters": 3, "kernel_size": 3, "padding": "same"}),
                ("Dropout", {"rate": 0.5}),
                ("Dense", {"units": 64}),
                CLOSING[1],
            ],
            "ends with an image of 28×28×10",
            "add Flatten before layer 3, Dense 64",
        ),
        ([("MaxPooling2D", {})], "an image of 14×14×1", "add Flatten and Dense 10, softmax after"),
        ([CLOSING[0]], "784 values for 10 classes", "end with Dense 10"),
        ([*CLOSING, ("Dense", {"units": 5})], "5 values for 10 classes", "Dense 10, softmax"),
        ([CLOSING[0], ("Dense", {"units": 10})], "not a probability distribution", '"softmax"'),
        ([*CLOSING, ("Dropout", {"rate": 0.5})], "not a probability distribution", "last layer"),
        (
            [*CLOSING, ("Activation", {"activation": "relu"})],
            "not a probability distribution",
            "softmax",
        ),
    ],
)
def test_the_models_end(layers, reason, remedy) -> None:
    text = message(*layers)
    assert text.startswith(f"layer {len(layers)}, ")
    assert reason in text
    assert remedy in text


def test_softmax_as_a_layer_of_its_own_ends_a_model() -> None:
    soft = ("Activation", {"activation": "softmax"})
    require_sound(model(("Flatten", {}), ("Dense", {"units": 10}), soft))
    conv = ("Conv2D", {"filters": 10, "kernel_size": 3})
    require_sound(model(conv, ("GlobalAveragePooling2D", {}), soft))


def test_a_model_beyond_any_memory() -> None:
    wide = ("Conv2D", {"filters": 1_000_000, "kernel_size": 3, "padding": "same"})
    text = message(wide, wide)
    assert text.startswith("layer 2, Conv2D")
    assert "would hold" in text
    assert "fewer units or filters" in text


def test_the_layers_before_the_problem_are_there() -> None:
    analysis = analyse(model(("Flatten", {}), ("MaxPooling2D", {}), CLOSING[1]))
    assert [facts.output_shape for facts in analysis.layers] == [(784,)]
    assert analysis.problem is not None
    assert analysis.problem.index == 2


def test_fitted_to_another_data_set() -> None:
    cnn = next(preset for preset in paper_presets() if preset.name == "cnn-2").architecture
    fitted = cnn.fitted_to((32, 32, 3), 100)
    assert require_sound(fitted).layers[-1].output_shape == (100,)
    headless = model(("Conv2D", {"filters": 10, "kernel_size": 3}), ("GlobalAveragePooling2D", {}))
    with pytest.raises(PresetError, match="cannot be widened"):
        headless.fitted_to((32, 32, 3), 100)
