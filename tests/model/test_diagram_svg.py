"""The models as SVG: well-formed, every layer and size on it, nothing outside, nothing covered."""

from __future__ import annotations

from collections import Counter
from itertools import combinations, pairwise
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings

from tests.model.test_random_architectures import ARCHITECTURES
from workbench.cli.show import print_svg
from workbench.model.architecture import Architecture
from workbench.model.diagram_svg import diagram_svg
from workbench.model.diagram_svg_canvas import RAISED, TEXT_SIZE, text_width
from workbench.model.layers import Conv2D, Dense, Dropout, Flatten, MaxPooling2D
from workbench.model.library import paper_presets
from workbench.model.paper_models import PAPER_ORDER
from workbench.model.shapes import analyse

SVG = "{http://www.w3.org/2000/svg}"
PRESETS = pytest.mark.parametrize("preset", paper_presets(), ids=PAPER_ORDER)
Box = tuple[float, float, float, float]


def parsed(architecture: Architecture, title: str = "a model") -> ElementTree.Element:
    return ElementTree.fromstring(diagram_svg(architecture, title))


def of_class(root: ElementTree.Element, name: str) -> list[ElementTree.Element]:
    return [element for element in root.iter() if element.get("class") == name]


def words(root: ElementTree.Element, name: str) -> list[str]:
    return ["".join(element.itertext()) for element in of_class(root, name)]


def text_box(element: ElementTree.Element) -> Box:
    raised = "".join(part.text or "" for part in element.iter(f"{SVG}tspan"))
    width = text_width(element.text or "") + RAISED * text_width(raised)
    x, y = float(element.attrib["x"]), float(element.attrib["y"])
    return x - width / 2, y - 0.8 * TEXT_SIZE, x + width / 2, y + 0.2 * TEXT_SIZE


def boxes(root: ElementTree.Element) -> list[Box]:
    found: list[Box] = []
    for element in root.iter():
        get = {name: float(element.get(name, 0)) for name in ("x", "y", "cx", "cy", "r")}
        match element.tag.removeprefix(SVG):
            case "rect":
                size = float(element.attrib["width"]), float(element.attrib["height"])
                found.append((get["x"], get["y"], get["x"] + size[0], get["y"] + size[1]))
            case "circle":
                x, y, r = get["cx"], get["cy"], get["r"]
                found.append((x - r, y - r, x + r, y + r))
            case "text":
                found.append(text_box(element))
            case "polygon" | "path":
                text = element.get("points") or element.attrib["d"]
                for letter in "ML,":
                    text = text.replace(letter, " ")
                numbers = [float(number) for number in text.split()]
                xs, ys = numbers[::2], numbers[1::2]
                found.append((min(xs), min(ys), max(xs), max(ys)))
    return found


def assert_sound(root: ElementTree.Element) -> None:
    left, top, width, height = (float(part) for part in root.attrib["viewBox"].split())
    assert len(boxes(root)) > 1
    for box in boxes(root):
        assert box[0] >= left and box[1] >= top, box
        assert box[2] <= left + width + 0.02 and box[3] <= top + height + 0.02, box
    labels = [(text_box(element), element) for element in root.iter(f"{SVG}text")]
    for (one, a), (two, b) in combinations(labels, 2):
        apart = one[2] <= two[0] or two[2] <= one[0] or one[3] <= two[1] or two[3] <= one[1]
        assert apart, ("".join(a.itertext()), "".join(b.itertext()))


@PRESETS
def test_the_papers_models_are_sound_and_always_the_same(preset) -> None:
    text = diagram_svg(preset.architecture, preset.title)
    assert text == diagram_svg(preset.architecture, preset.title)
    root = ElementTree.fromstring(text)
    assert_sound(root)
    assert root.get("role") == "img" and root.get("font-family") == "sans-serif"
    assert root[0].tag == f"{SVG}title" and root[0].text == f"{preset.title}: architecture"
    assert root[1].tag == f"{SVG}desc"
    assert f"{analyse(preset.architecture).parameters:,} parameters" in (root[1].text or "")
    ground = root[2]  # so that it can be read on a dark page as well
    assert ground.get("fill") == "#ffffff"
    box = [float(part) for part in root.attrib["viewBox"].split()]
    assert [float(ground.attrib[name]) for name in ("x", "y", "width", "height")] == box


@PRESETS
def test_every_layer_is_named_with_its_size(preset) -> None:
    root = parsed(preset.architecture)
    said = " ".join(words(root, "operation") + words(root, "note"))
    for layer in preset.architecture.layers:
        match layer:
            case Dense():
                assert f"Dense {layer.units}, {'Softmax' if layer.units == 10 else 'ReLU'}" in said
            case Dropout():
                assert f"Dropout {layer.rate:g}" in said
            case Conv2D():
                assert said.count("Conv2D 3×3, ReLU") == sum(
                    isinstance(one, Conv2D) for one in preset.architecture.layers
                )
            case MaxPooling2D():
                assert "Max pooling 2×2" in said
    images = [
        f"{facts.output_shape[2]}@{facts.output_shape[0]}×{facts.output_shape[1]}"
        for facts in analyse(preset.architecture).layers
        if len(facts.output_shape) == 3
    ]
    sizes = Counter(words(root, "size"))
    for size, count in Counter(images).items():
        assert sizes[size] == count


def test_figure_2_as_the_paper_has_it() -> None:
    preset = next(preset for preset in paper_presets() if preset.name == "nn-2")
    root = parsed(preset.architecture)
    assert words(root, "layer") == [
        "Input layer ∈ ℝ784",
        "Hidden layer 1 ∈ ℝ512",
        "Hidden layer 2 ∈ ℝ256",
        "Output layer ∈ ℝ10",
    ]
    columns = Counter(circle.attrib["cx"] for circle in of_class(root, "neuron"))
    counts = [columns[x] for x in sorted(columns, key=float)]
    assert counts[-1] == 10  # all of the output's
    assert all(here > there for here, there in pairwise(counts[:-1]))
    assert len(of_class(root, "dots")) == 3 * 3
    lines = [path.attrib["d"].count("M") for path in of_class(root, "connections")]
    assert lines == [here * there for here, there in pairwise(counts)]


def test_figure_4_as_the_paper_has_it() -> None:
    preset = next(preset for preset in paper_presets() if preset.name == "cnn-2")
    root = parsed(preset.architecture)
    assert words(root, "size") == [
        "1@28×28", "32@28×28", "64@28×28", "64@14×14", "128@14×14", "128@7×7",
        "6272", "512", "10",
    ]  # fmt: skip
    assert words(root, "note") == ["Dropout 0.2"]
    assert len(of_class(root, "vector")) == 3
    assert len(of_class(root, "window")) == len(of_class(root, "result")) == 5
    assert not of_class(root, "onward")  # one row
    sides = [float(sheet.attrib["width"]) for sheet in of_class(root, "sheet")]
    assert sorted(set(sides), reverse=True) == list(dict.fromkeys(sides))
    assert Counter(sides)[max(sides)] > 1 + 2 * Counter(sides)[min(sides)] / 2


def test_text_is_escaped() -> None:
    root = parsed(paper_presets()[0].architecture, '<b>&"\x01')
    assert root[0].text == '<b>&"\ufffd: architecture'


@settings(deadline=None, max_examples=150)
@given(architecture=ARCHITECTURES)
def test_every_model_has_its_picture(architecture: Architecture) -> None:
    root = parsed(architecture)
    assert_sound(root)
    problem = analyse(architecture).problem
    said = "".join(words(root, "problem"))
    assert bool(said) is (problem is not None)
    assert problem is None or problem.label.split(" ")[0] in said


@pytest.mark.parametrize("count", [12, 199])
def test_deep_models_go_on_in_further_rows(count) -> None:
    hidden = tuple(Dense(units=300, activation="hard_sigmoid") for _ in range(count))
    folded = tuple(Conv2D(filters=256, kernel_size=3, padding="same") for _ in range(count))
    for layers in ((Flatten(), *hidden), folded):
        root = parsed(Architecture(layers=layers))
        assert_sound(root)
        assert float(root.attrib["width"]) < 1400


def test_printed_for_a_terminal_without_unicode_it_is_the_same_picture(capsys, monkeypatch) -> None:
    preset = paper_presets()[7]
    print_svg(preset)
    whole = capsys.readouterr().out
    monkeypatch.setattr("workbench.cli.show.speaks_unicode", lambda stream: False)
    print_svg(preset)
    plain = capsys.readouterr().out
    assert plain.isascii() and not whole.isascii()
    trees = [ElementTree.canonicalize(text) for text in (whole, plain)]
    assert trees[0] == trees[1] and "32@28×28" in trees[0]
