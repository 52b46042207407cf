"""Diagrams fit their width, show the shapes, and mark what does not fit."""

from __future__ import annotations

import pytest

from workbench.model.architecture import Architecture
from workbench.model.diagram import ROLE_STYLES, draw
from workbench.model.layers import Conv2D, Dense, Flatten, MaxPooling2D
from workbench.model.paper_models import PAPER_ORDER
from workbench.model.preset import paper_presets

PRESETS = pytest.mark.parametrize("preset", paper_presets(), ids=PAPER_ORDER)


@PRESETS
def test_never_wider_than_asked(preset) -> None:
    for width in range(40, 141):
        for ascii_only in (False, True):
            diagram = draw(preset.architecture, width, ascii_only=ascii_only)
            assert 0 < diagram.width <= width
            assert diagram.plain().isascii() is ascii_only


@PRESETS
def test_every_size_is_written_beneath(preset) -> None:
    text = draw(preset.architecture, 120).plain()
    assert text.count("Dense") == sum(
        isinstance(layer, Dense) for layer in preset.architecture.layers
    )
    for layer in preset.architecture.layers:
        if isinstance(layer, Dense):
            assert str(layer.units) in text
        if isinstance(layer, Conv2D):
            assert f"×{layer.filters}" in text
    assert "Input" in text
    assert "Softmax" in text


@pytest.mark.parametrize("name", ["nn-1", "nn-2", "cnn-1", "cnn-2", "cnn-2-tuned"])
def test_the_figures_of_the_paper_fit_one_row_of_80_columns(name) -> None:
    preset = next(preset for preset in paper_presets() if preset.name == name)
    diagram = draw(preset.architecture, 76)
    assert len(diagram.lines) <= 18
    assert sum("Softmax" in line or "softmax" in line for line in diagram.plain().splitlines()) == 1
    assert () not in diagram.lines


def test_higher_images_are_drawn_higher_and_more_channels_deeper() -> None:
    def height(*layers) -> int:
        """Rows that hold a piece of a sheet's frame."""
        lines = draw(Architecture(layers=layers), 120).plain().splitlines()
        return sum(any(sign in line for sign in "│┌└") for line in lines)

    few = Conv2D(filters=32, kernel_size=3, padding="same")
    many = Conv2D(filters=256, kernel_size=3, padding="same")
    assert height(few) < height(many)
    assert height(Conv2D(filters=32, kernel_size=3, strides=7)) <= height(few)


def test_strides_and_dilation_are_written() -> None:
    def words(layer) -> str:
        return draw(Architecture(layers=(layer,)), 80).plain()

    assert "strides 2×3" in words(Conv2D(filters=4, kernel_size=3, strides=(2, 3)))
    assert "dilation 2×2" in words(Conv2D(filters=4, kernel_size=3, dilation_rate=2))
    assert "strides 1×1" in words(MaxPooling2D(strides=1))
    assert "strides" not in words(MaxPooling2D()) + words(Conv2D(filters=4, kernel_size=3))


def test_a_layer_that_does_not_fit_is_marked() -> None:
    layers = (Conv2D(filters=8, kernel_size=3), Flatten(), MaxPooling2D(), Dense(units=10))
    diagram = draw(Architecture(layers=layers), 80)
    assert "✗" in diagram.plain()
    assert "layer 3" in diagram.plain()
    assert "problem" in {role for spans in diagram.lines for _, role in spans}
    vectors = draw(Architecture(layers=(Flatten(), MaxPooling2D())), 80, ascii_only=True).plain()
    assert "layer 2" in vectors
    assert "does not fit" in vectors


def test_no_layers_shows_the_input() -> None:
    assert "28×28×1" in draw(Architecture(layers=()), 80).plain()


@pytest.mark.parametrize("count", [40, 199])
@pytest.mark.parametrize("width", [1, 24, 40, 80])
def test_deep_models_go_on_in_further_rows(count, width) -> None:
    hidden = tuple(Dense(units=1_000_000, activation="hard_sigmoid") for _ in range(count))
    convolutions = tuple(
        Conv2D(filters=1000, kernel_size=3, padding="same") for _ in range(count - 1)
    )
    for layers in ((Flatten(), *hidden), convolutions):
        diagram = draw(Architecture(input_shape=(4096, 1, 64), layers=layers), width)
        assert diagram.width <= max(width, 24)


def test_as_rich_text() -> None:
    from rich.console import Console

    diagram = draw(paper_presets()[7].architecture, 100)
    text = diagram.text()
    assert text.plain == diagram.plain()
    used = {role for spans in diagram.lines for _, role in spans if ROLE_STYLES.get(role)}
    assert {"convolution", "pooling", "dense", "output"} <= used
    assert {str(span.style) for span in text.spans} == {ROLE_STYLES[role] for role in used}
    console = Console(width=100, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    console.print(diagram.text({"dense": "red"}))
    assert console.export_text().splitlines()[0] == diagram.plain().splitlines()[0]
