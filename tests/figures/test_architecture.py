"""The models as figures: every layer and size on them, nothing outside, no label on another."""

from __future__ import annotations

import io
from collections import Counter
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from matplotlib.figure import Figure
from matplotlib.patches import Circle, PathPatch, Polygon

from tests.model.test_random_architectures import ARCHITECTURES
from workbench.cli.show import write_figure
from workbench.errors import UserError
from workbench.figures.architecture import MARGIN, RADIUS, architecture_figure, render_architecture
from workbench.figures.rendering import ImageFormat
from workbench.model.architecture import Architecture, analyse
from workbench.model.layers import Conv2D, Dense, Dropout, Flatten, MaxPooling2D
from workbench.model.paper_models import PAPER_ORDER
from workbench.model.preset import paper_presets

MODELS = {preset.name: preset for preset in paper_presets()}
PRESETS = pytest.mark.parametrize("preset", paper_presets(), ids=PAPER_ORDER)


def of_kind(figure: Figure, kind: type[Any]) -> list[Any]:
    return [artist for artist in figure.axes[0].get_children() if isinstance(artist, kind)]


def words(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.axes[0].texts]


def assert_sound(figure: Figure) -> None:
    """All lies within the figure's margin, and no text on another."""
    axes = figure.axes[0]
    renderer = figure.canvas.get_renderer()  # type: ignore[attr-defined]
    scale = figure.dpi / 96
    width, height = figure.get_size_inches() * figure.dpi
    edge = (MARGIN - 5) * scale
    for artist in [*of_kind(figure, Polygon), *of_kind(figure, Circle), *axes.texts]:
        box = artist.get_window_extent(renderer)
        assert box.x0 >= edge and box.y0 >= edge, artist
        assert box.x1 <= width - edge and box.y1 <= height - edge, artist
    boxes = [text.get_window_extent(renderer) for text in axes.texts]
    for (one, a), (two, b) in combinations(zip(boxes, axes.texts, strict=True), 2):
        # Lines of one label may touch by a pixel or two, and a raised size its name.
        apart = one.x1 <= two.x0 + 3 or two.x1 <= one.x0 + 3
        apart = apart or one.y1 <= two.y0 + 2 or two.y1 <= one.y0 + 2
        assert apart, (a.get_text(), b.get_text())


def drawn(architecture: Architecture) -> Figure:
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    figure = architecture_figure(architecture)
    FigureCanvasAgg(figure)
    return figure


@PRESETS
def test_the_papers_models_name_every_layer_and_size(preset) -> None:
    figure = drawn(preset.architecture)
    assert_sound(figure)
    said = " ".join(words(figure))
    counted = Counter(words(figure))
    for layer in preset.architecture.layers:
        match layer:
            case Dense():
                assert f"Dense {layer.units}, {'Softmax' if layer.units == 10 else 'ReLU'}" in said
            case Dropout():
                assert f"Dropout {layer.rate:g}" in said
            case Conv2D():
                convolutions = [1 for one in preset.architecture.layers if isinstance(one, Conv2D)]
                assert said.count("Conv2D 3×3, ReLU") == len(convolutions)
            case MaxPooling2D():
                assert "Max pooling 2×2" in said
    shapes = [facts.output_shape for facts in analyse(preset.architecture).layers]
    images = Counter(f"{s[2]}@{s[0]}×{s[1]}" for s in shapes if len(s) == 3)
    if any(isinstance(layer, Conv2D) for layer in preset.architecture.layers):
        assert all(counted[size] >= count for size, count in images.items())


def test_figure_2_as_the_paper_has_it() -> None:
    figure = drawn(MODELS["nn-2"].architecture)
    said = words(figure)
    for name, size in zip(
        ("Input layer", "Hidden layer 1", "Hidden layer 2", "Output layer"),
        ("784", "512", "256", "10"),
        strict=True,
    ):
        assert said[said.index(f"{name} ∈ ℝ") + 1] == size
    neurons = [circle for circle in of_kind(figure, Circle) if circle.radius == RADIUS]
    columns = Counter(circle.center[0] for circle in neurons)
    counts = [columns[x] for x in sorted(columns)]
    assert counts[-1] == 10  # all of the output's
    assert all(here > there for here, there in pairwise(counts[:-1]))
    assert len(of_kind(figure, Circle)) - len(neurons) == 3 * 3  # dots
    lines = [len(path.get_path().vertices) // 2 for path in of_kind(figure, PathPatch)]
    assert lines == [here * there for here, there in pairwise(counts)]


def test_figure_4_as_the_paper_has_it() -> None:
    figure = drawn(MODELS["cnn-2"].architecture)
    sizes = ["1@28×28", "32@28×28", "64@28×28", "64@14×14", "128@14×14", "128@7×7"]
    sizes += ["6272", "512", "10"]
    assert [text for text in words(figure) if "@" in text or text.isdigit()] == sizes
    assert words(figure).count("Dropout 0.2") == 1
    assert len(of_kind(figure, Circle)) == 5  # the results of five windows
    assert len(of_kind(figure, PathPatch)) == 8  # links between nine parts, no sign of a next row
    # Smaller images are drawn smaller, and 64 channels deeper than 32.
    widths = [round(box.get_path().get_extents().width) for box in of_kind(figure, Polygon)]
    sides = Counter(width for width in widths if widths.count(width) > 5)
    assert sorted(sides, reverse=True) == [104, 69, 45] and sides[104] == 1 + 8 + 9


def test_strides_dilation_and_colour_are_told() -> None:
    layers = (
        Conv2D(filters=8, kernel_size=3, dilation_rate=2),
        Conv2D(filters=8, kernel_size=3, strides=2),
        MaxPooling2D(strides=1),
        Flatten(),
        Dense(units=10, activation="softmax"),
    )
    figure = drawn(Architecture(input_shape=(32, 32, 3), layers=layers))
    assert_sound(figure)
    said = words(figure)
    assert {"3@32×32", "dilation 2×2", "strides 2×2", "strides 1×1"} <= set(said)


@settings(deadline=None, max_examples=25)
@given(architecture=ARCHITECTURES)
def test_every_model_has_its_picture(architecture: Architecture) -> None:
    figure = drawn(architecture)
    assert_sound(figure)
    problem = analyse(architecture).problem
    said = "".join(words(figure))
    assert ("Impossible: " in said) is (problem is not None)
    assert problem is None or problem.label.split(" ")[0] in said


@pytest.mark.parametrize("count", [12, 40])
def test_deep_models_go_on_in_further_rows_and_repeat_nothing(count) -> None:
    hidden = tuple(Dense(units=300, activation="hard_sigmoid") for _ in range(count))
    folded = tuple(Conv2D(filters=256, kernel_size=3, padding="same") for _ in range(count))
    for layers, name in (((Flatten(), *hidden), "Dense 300"), (folded, "Conv2D 3×3")):
        figure = drawn(Architecture(layers=layers))
        assert_sound(figure)
        assert figure.get_size_inches()[0] * 96 < 1400
        assert sum(text.startswith(name) for text in words(figure)) == count


@pytest.mark.parametrize("form", list(ImageFormat))
def test_a_file_is_always_the_same_and_says_what_it_shows(form: ImageFormat) -> None:
    preset = MODELS["nn-1"]
    content = render_architecture(preset.architecture, '<b>&"', form)
    assert content == render_architecture(preset.architecture, '<b>&"', form)
    if form is ImageFormat.SVG:
        root = ElementTree.parse(io.BytesIO(content)).getroot()
        said = " ".join(root.itertext())
        assert '<b>&": architecture' in said and "101,770 parameters" in said
    elif form is ImageFormat.PNG:
        assert content.startswith(b"\x89PNG") and b"101,770 parameters" in content
    else:
        assert content.startswith(b"%PDF") and b"architecture" in content


def test_printed_for_a_terminal_without_unicode_it_is_the_same_picture(capsys, monkeypatch) -> None:
    write_figure(MODELS["cnn-2"], "svg", None, force=False)
    whole = capsys.readouterr().out
    monkeypatch.setattr("workbench.cli.show.speaks_unicode", lambda stream: False)
    write_figure(MODELS["cnn-2"], "svg", None, force=False)
    plain = capsys.readouterr().out
    assert plain.isascii() and not whole.isascii()
    trees = [ElementTree.canonicalize(text) for text in (whole, plain)]
    assert trees[0] == trees[1] and "32@28×28" in trees[0]


def test_a_picture_goes_to_a_file_and_no_bytes_to_a_terminal(tmp_path: Path, monkeypatch) -> None:
    file = tmp_path / "model.pdf"
    write_figure(MODELS["nn-1"], "pdf", file, force=False)
    assert file.read_bytes().startswith(b"%PDF")
    with pytest.raises(UserError, match="--force"):
        write_figure(MODELS["nn-1"], "pdf", file, force=False)
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    with pytest.raises(UserError, match=r"png: not for a terminal; .* -o model\.png"):
        write_figure(MODELS["nn-1"], "png", None, force=False)
