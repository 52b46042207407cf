"""The architecture tables against the paper's Tables 1, 2, 4 and 5."""

from __future__ import annotations

from workbench.model.architecture import Architecture, analyse
from workbench.model.describe import architecture_rows
from workbench.model.layers import (
    ActivationLayer,
    BatchNormalization,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    MaxPooling2D,
)
from workbench.model.preset import paper_presets

BY_NAME = {preset.name: preset.architecture for preset in paper_presets()}


def columns(name: str) -> tuple[list[str], list[str]]:
    rows = architecture_rows(BY_NAME[name])
    return [row.layer for row in rows], [row.output for row in rows]


def test_table_1() -> None:
    rows = architecture_rows(BY_NAME["nn-1"])
    assert [(row.layer, row.operation, row.output, row.parameters) for row in rows] == [
        ("Input layer", ("Flatten input from 28×28 to 784×1",), "x⁽⁰⁾ ∈ ℝ⁷⁸⁴", 0),
        (
            "Hidden layer 1 (Dense, ReLU)",
            ("z⁽¹⁾ = W⁽⁰⁾x⁽⁰⁾", "x⁽¹⁾ = max(0, z⁽¹⁾)"),
            "x⁽¹⁾ ∈ ℝ¹²⁸",
            100_480,
        ),
        (
            "Output layer (Softmax)",
            (
                "z⁽²⁾ = W⁽¹⁾x⁽¹⁾",
                "x⁽²⁾ = Softmax(z⁽²⁾)",
                "Probability distribution over 10 classes",
            ),
            "x⁽²⁾ ∈ ℝ¹⁰",
            1_290,
        ),
    ]


def test_table_2() -> None:
    layers, outputs = columns("nn-2")
    assert layers == [
        "Input layer",
        "Hidden layer 1 (Dense, ReLU)",
        "Hidden layer 2 (Dense, ReLU)",
        "Output layer (Softmax)",
    ]
    assert outputs == ["x⁽⁰⁾ ∈ ℝ⁷⁸⁴", "x⁽¹⁾ ∈ ℝ⁵¹²", "x⁽²⁾ ∈ ℝ²⁵⁶", "x⁽³⁾ ∈ ℝ¹⁰"]


def test_table_4() -> None:
    layers, outputs = columns("cnn-1")
    assert layers == [
        "Input layer",
        "Conv2D layer 1",
        "Conv2D layer 2",
        "MaxPooling layer",
        "Flatten layer",
        "Dense layer 1 (ReLU)",
        "Dropout layer",
        "Output layer (Softmax)",
    ]
    # Dropout does not count: both it and the dense layer before it are x⁽⁵⁾.
    assert outputs == [
        "x⁽⁰⁾ ∈ ℝ²⁸ˣ²⁸ˣ¹",
        "x⁽¹⁾ ∈ ℝ²⁸ˣ²⁸ˣ³²",
        "x⁽²⁾ ∈ ℝ²⁸ˣ²⁸ˣ³²",
        "x⁽³⁾ ∈ ℝ¹⁴ˣ¹⁴ˣ³²",
        "x⁽⁴⁾ ∈ ℝ⁶²⁷²",
        "x⁽⁵⁾ ∈ ℝ⁵¹²",
        "x⁽⁵⁾ ∈ ℝ⁵¹²",
        "x⁽⁶⁾ ∈ ℝ¹⁰",
    ]


def test_table_5() -> None:
    rows = architecture_rows(BY_NAME["cnn-2"])
    assert [row.layer for row in rows if "Pooling" in row.layer] == [
        "MaxPooling layer 1",
        "MaxPooling layer 2",
    ]
    by_layer = {row.layer: row for row in rows}
    assert by_layer["Input layer"].operation == ("(28×28×1)",)
    assert by_layer["Conv2D layer 3"].operation == (
        "z⁽⁴⁾ = Conv2D(W⁽³⁾x⁽³⁾)",
        "128 filters of size 3×3, same padding, ReLU",
    )
    assert by_layer["MaxPooling layer 2"].operation == (
        "x⁽⁵⁾ = MaxPooling(x⁽⁴⁾)",
        "MaxPooling size 2×2",
    )
    assert by_layer["Flatten layer"].operation == (
        "Flatten output from 7×7×128",
        "to a vector of size 6,272",
    )
    assert by_layer["Dropout layer"].operation == ("Dropout with rate 0.2",)
    assert by_layer["Output layer (Softmax)"].operation[0] == "z⁽⁸⁾ = W⁽⁷⁾x⁽⁷⁾"


def test_two_digits_are_raised_too() -> None:
    layers = (Flatten(), *(Dense(units=10) for _ in range(12)))
    assert architecture_rows(Architecture(layers=layers))[-1].output == "x⁽¹²⁾ ∈ ℝ¹⁰"


def test_ascii() -> None:
    rows = architecture_rows(BY_NAME["nn-1"], ascii_only=True)
    assert rows[1].operation == ("z(1) = W(0)x(0)", "x(1) = max(0, z(1))")
    assert rows[1].output == "x(1) in R^128"


def test_settings_that_are_not_defaults_are_told() -> None:
    layers = (
        Conv2D(filters=4, kernel_size=(3, 5), strides=2, use_bias=False, l2=0.01),
        BatchNormalization(),
        ActivationLayer(activation="tanh"),
        Flatten(),
        Dense(units=10, kernel_initializer="he_normal"),
        ActivationLayer(activation="softmax"),
    )
    rows = architecture_rows(Architecture(layers=layers))
    assert rows[1].operation == (
        "x⁽¹⁾ = Conv2D(W⁽⁰⁾x⁽⁰⁾)",
        "4 filters of size 3×5, strides 2×2",
        "no bias, L2 0.01",
    )
    assert rows[3].layer == "Activation layer 1 (tanh)"
    assert rows[3].operation == ("x⁽³⁾ = tanh(x⁽²⁾)",)
    assert rows[5].operation == ("x⁽⁵⁾ = W⁽⁴⁾x⁽⁴⁾", "weights from he_normal")
    assert rows[6].layer == "Output layer (Softmax)"


def test_an_impossible_model_is_shown_to_its_end() -> None:
    layers = (Flatten(), MaxPooling2D(), Dropout(rate=0.5), Dense(units=10))
    architecture = Architecture(layers=layers)
    rows = architecture_rows(architecture)
    assert [row.index for row in rows] == [1, 2, 3, 4]
    assert rows[1].problem == analyse(architecture).problem
    assert rows[1].operation == ("MaxPooling size 2×2",)
    assert [row.shape for row in rows] == [(784,), None, None, None]
    assert [row.parameters for row in rows] == [0, None, None, None]


def test_no_layers() -> None:
    (row,) = architecture_rows(Architecture(layers=()))
    assert row.problem is not None
    assert "no layers" in str(row.problem)
