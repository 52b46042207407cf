"""Curves as figures: a line a run, the words that tell them apart, and no number that breaks it."""

from __future__ import annotations

import math
import os
import struct
import time
import warnings
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

import workbench
from workbench.figures.curves import render
from workbench.figures.rendering import DOTS_AN_INCH, ImageFormat
from workbench.figures.traces import CurveOptions, Trace, heading, labels, trace_of
from workbench.model.hyperparameters import Adam, InverseTimeDecay
from workbench.model.preset import paper_presets
from workbench.model.spec import TrainingSpec
from workbench.runs.curves import Axis, Metric
from workbench.runs.events import Batch, Epoch, Started
from workbench.runs.folder import create_run, find_run
from workbench.runs.log import EventWriter
from workbench.runs.record import Labels
from workbench.settings import Home

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(autouse=True)
def _font_list_of_the_tests(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Matplotlib's list of fonts is not kept in the developer's own cache."""
    os.environ.setdefault("MPLCONFIGDIR", str(tmp_path_factory.mktemp("matplotlib")))


def spec_of(name: str = "nn-1", seed: int = 0, **training: object) -> TrainingSpec:
    preset = next(preset for preset in paper_presets() if preset.name == name)
    settings = preset.training.model_copy(update=training)
    return TrainingSpec(
        preset=preset.name,
        title=preset.title,
        architecture=preset.architecture,
        training=settings,
        seed=seed,
    )


def recorded(
    home: Home,
    spec: TrainingSpec,
    *,
    epochs: int = 3,
    ends: bool = True,
    lost_after: float = math.inf,
    worst: float = 2.3,
) -> Trace:
    """A run as its worker logs it: twenty chunks an epoch, from `worst` loss downwards."""
    folder, lock = create_run(home, spec, Labels(), "run")
    writer = EventWriter(folder.events_file)
    steps, now = spec.steps_per_epoch, time.time()
    writer.write(Started(now, 1, 101_770, spec.training.epochs, steps, 60_000, False, "cpu"))
    for epoch in range(1, epochs + 1):
        for chunk in range(1, 21):
            step = (epoch - 1) * steps + chunk * steps // 20
            done = step / steps
            loss = math.nan if done > lost_after else worst / (1 + 8 * done)
            accuracy = 1 - 0.9 / (1 + 8 * done)
            writer.write(Batch(now, epoch, step, steps // 20, loss, accuracy, 9e4, 10 * done))
        loss = math.nan if epoch > lost_after else 0.3 / epoch
        writer.write(
            Epoch(now, epoch, epoch * steps, 0.4, 0.9, loss, 1 - 0.1 / epoch, 9e4, 10, 10 * epoch)
        )
    writer.close()
    if ends:
        os.close(lock)
    trace = trace_of(folder)
    if not ends:
        os.close(lock)
    return trace


def drawn(traces: list[Trace], view: CurveOptions | None = None) -> ElementTree.Element:
    return ElementTree.fromstring(render(traces, view or CurveOptions(), ImageFormat.SVG).decode())


def ids(root: ElementTree.Element) -> set[str]:
    return {element.attrib["id"] for element in root.iter() if "id" in element.attrib}


def words(root: ElementTree.Element) -> list[str]:
    return ["".join(element.itertext()).strip() for element in root.iter(f"{SVG}text")]


def points(root: ElementTree.Element, name: str) -> list[tuple[float, float]]:
    group = next(element for element in root.iter() if element.get("id") == name)
    path = next(group.iter(f"{SVG}path")).attrib["d"]
    numbers = [float(part) for part in path.replace("M", " ").replace("L", " ").split()]
    return list(zip(numbers[::2], numbers[1::2], strict=True))


def test_one_run_shows_training_and_test_beside_the_paper(home: Home) -> None:
    root = drawn([recorded(home, spec_of())])
    named = ids(root)
    for metric in Metric:
        assert {f"raw-{metric}", f"train-{metric}", f"test-{metric}"} <= named
        assert len(points(root, f"test-{metric}")) == 3
    assert "paper" in named
    said = words(root)
    assert "NN model 1, seed 0" in said and "SGD at 0.01, 10 epochs, batches of 32" in said
    assert "paper, 95.14 %" in said and "training, smoothed 0.8" in said
    assert "test, after each epoch (last 96.67 %)" in said
    assert {"epoch", "loss", "accuracy (%)"} <= set(said)


def test_the_curve_goes_the_way_the_run_went(home: Home) -> None:
    root = drawn([recorded(home, spec_of())])
    accuracy, loss = points(root, "train-accuracy"), points(root, "train-loss")
    for curve in (accuracy, loss):
        assert [x for x, _ in curve] == sorted(x for x, _ in curve)
    # In SVG y grows downwards.
    assert accuracy[-1][1] < accuracy[0][1] and loss[-1][1] > loss[0][1]
    paper = points(root, "paper")
    assert paper[0][1] == paper[-1][1]
    tests = points(root, "test-accuracy")  # 90, 95 and 96.67 %
    assert tests[0][1] > tests[1][1] > paper[0][1] > tests[2][1]


def test_a_logarithmic_accuracy_still_grows_upwards(home: Home) -> None:
    root = drawn([recorded(home, spec_of())], CurveOptions(log=True))
    curve = points(root, "test-accuracy")
    assert {"accuracy (%), log scale", "loss, log scale"} <= set(words(root))
    assert curve[-1][1] < curve[0][1]
    # 90 to 95 % halves the errors, 95 to 96.67 % makes two thirds of them.
    first, second = curve[0][1] - curve[1][1], curve[1][1] - curve[2][1]
    assert first / second == pytest.approx(math.log(2) / math.log(1.5), rel=0.01)


@pytest.mark.parametrize(
    ("axis", "said"),
    [(Axis.EPOCHS, "epoch"), (Axis.STEPS, "step"), (Axis.TIME, "training time (s)")],
)
def test_the_x_axis_is_named(home: Home, axis: Axis, said: str) -> None:
    assert words(drawn([recorded(home, spec_of())], CurveOptions(axis=axis))).count(said) == 2


def test_a_run_that_goes_on_is_said_to(home: Home) -> None:
    living, ended = recorded(home, spec_of(), ends=False), recorded(home, spec_of(seed=1))
    assert "test, after each epoch (last 96.67 %, still training)" in words(drawn([living]))
    said = words(drawn([living, ended]))
    assert "NN model 1, seed 0; still training" in said and "NN model 1, seed 1" in said


def test_without_smoothing_there_is_one_training_line(home: Home) -> None:
    trace = recorded(home, spec_of())
    rough = drawn([trace], CurveOptions(smoothing=0.0))
    assert "raw-loss" not in ids(rough) and "train-loss" in ids(rough)
    assert points(rough, "train-loss") != points(drawn([trace]), "train-loss")


def test_six_runs_differ_by_line_and_mark_and_word(home: Home) -> None:
    specs = [
        spec_of(),
        spec_of(seed=1),
        spec_of("nn-2"),
        spec_of(optimizer=Adam(learning_rate=0.002)),
        spec_of(epochs=5),
        spec_of("cnn-2"),
    ]
    traces = [recorded(home, spec) for spec in specs]
    root = drawn(traces)
    for place in range(1, 7):
        for metric in Metric:
            assert {f"run-{place}-test-{metric}", f"run-{place}-train-{metric}"} <= ids(root)
    groups = {element.get("id"): element for element in root.iter(f"{SVG}g")}
    looks = set()
    for place in range(1, 7):
        group = groups[f"run-{place}-test-accuracy"]
        style = next(group.iter(f"{SVG}path")).attrib["style"]
        mark = next(group.iter(f"{SVG}defs"))[0]
        used = next(group.iter(f"{SVG}use")).attrib["style"]
        fill = used.partition("fill:")[2].partition(";")[0].strip()
        hollow = fill == "#ffffff"
        dashes = style.partition("stroke-dasharray:")[2].partition(";")[0]
        looks.add((dashes, mark.attrib["d"], hollow))
    assert len({dashes for dashes, _, _ in looks}) == 6
    assert len({look[1:] for look in looks}) == 6
    said = " ".join(" ".join(words(root)).split())
    for label in labels(traces):
        assert label in said
    assert "NN model 2, SGD, learning rate 0.01, 10 epochs, batches of 32, seed 0" in said
    assert "paper 95.14 %" in said and "paper 97.04 %" in said and "paper 97.47 %" in said


def test_what_runs_share_is_said_once(home: Home) -> None:
    traces = [recorded(home, spec_of(seed=seed)) for seed in (0, 1)]
    assert heading(traces) == ("NN model 1", "SGD, learning rate 0.01, 10 epochs, batches of 32")
    assert labels(traces) == ["NN model 1, seed 0", "NN model 1, seed 1"]
    faster = recorded(home, spec_of(optimizer=Adam(learning_rate=0.002)))
    assert labels([traces[0], faster]) == [
        "NN model 1, SGD, learning rate 0.01, seed 0",
        "NN model 1, Adam, learning rate 0.002, seed 0",
    ]
    decaying = recorded(home, spec_of(schedule=InverseTimeDecay()))
    assert labels([traces[0], decaying])[1] == "NN model 1, decay learning rate / epochs, seed 0"


def test_equal_runs_are_told_apart_by_their_ids(home: Home) -> None:
    traces = [recorded(home, spec_of()) for _ in range(2)]
    for label, trace in zip(labels(traces), traces, strict=True):
        assert label.endswith(f"run {trace.run_id}")


def test_a_metric_alone_has_panels_of_its_own(home: Home) -> None:
    traces = [recorded(home, spec_of(seed=seed)) for seed in (0, 1)]
    named = ids(drawn(traces, CurveOptions(metrics=(Metric.LOSS,))))
    assert "run-2-test-loss" in named and "run-2-test-accuracy" not in named
    assert not any(name.startswith("paper") for name in named)


def test_values_that_are_no_numbers_are_left_out_and_told(home: Home) -> None:
    trace = recorded(home, spec_of(), lost_after=1.5)
    assert trace.lost(Metric.ACCURACY, Axis.EPOCHS) == (0, 0.0)
    lost, first = trace.lost(Metric.LOSS, Axis.EPOCHS)
    assert lost == 30 + 2 and 1.5 < first < 1.6
    root = drawn([trace])
    assert "lost-loss" in ids(root) and "lost-accuracy" not in ids(root)
    assert len(points(root, "test-loss")) == 1 and len(points(root, "test-accuracy")) == 3
    assert "32 values left out" in " ".join(words(root))
    both = " ".join(words(drawn([recorded(home, spec_of(seed=1)), trace])))
    assert both.count("values left out") == 1
    nothing = drawn([recorded(home, spec_of(), lost_after=-1.0)])
    assert "63 values left out" in " ".join(words(nothing))


@pytest.mark.parametrize("log", [False, True])
def test_astronomic_losses_do_not_break_it(home: Home, log: bool) -> None:
    for worst in (1e300, 1e-300):
        root = drawn([recorded(home, spec_of(), worst=worst)], CurveOptions(log=log))
        curve = points(root, "train-loss")
        assert curve and all(abs(value) < 1e5 for point in curve for value in point)
        numbers = [element.attrib["d"] for element in root.iter(f"{SVG}path")]
        assert not any("nan" in path or "inf" in path for path in numbers)


def test_a_living_run_shows_what_is_planned(home: Home) -> None:
    going, ended = (recorded(home, spec_of(), ends=ends) for ends in (False, True))
    assert going.alive and going.length(Axis.EPOCHS) == 10
    assert not ended.alive and ended.length(Axis.EPOCHS) == 3
    assert "10" in words(drawn([going])) and "10" not in words(drawn([ended]))


def renamed(trace: Trace, **facts: object) -> Trace:
    assert trace.record.spec is not None
    spec = trace.record.spec.model_copy(update=facts)
    return replace(trace, record=trace.record.model_copy(update={"spec": spec}))


def test_names_are_taken_as_they_are(home: Home) -> None:
    trace = recorded(home, spec_of())
    titles = ("$x_$", "_<b>&", "数字 \\frac{")
    odd = [renamed(trace, title=title, seed=seed) for seed, title in enumerate(titles)]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        said = " ".join(words(drawn(odd)))
    for title in ("$x_$, seed 0", "_<b>&, seed 1", "数字 \\frac{, seed 2"):
        assert title in said


def test_the_same_runs_give_the_same_file(home: Home, monkeypatch, tmp_path: Path) -> None:
    traces = [recorded(home, spec_of(seed=seed)) for seed in (0, 1)]
    before = {form: render(traces, CurveOptions(), form) for form in ImageFormat}
    time.sleep(1.1)  # a date would differ
    for form, content in before.items():
        assert render(traces, CurveOptions(), form) == content
    assert before[ImageFormat.PDF].startswith(b"%PDF-")


def test_a_png_is_as_large_as_the_picture(home: Home) -> None:
    trace = recorded(home, spec_of())
    content = render([trace], CurveOptions(), ImageFormat.PNG)
    assert content.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", content[16:24])
    root = drawn([trace])
    inches = [float(root.attrib[name].removesuffix("pt")) / 72 for name in ("width", "height")]
    assert (width, height) == pytest.approx([inch * DOTS_AN_INCH for inch in inches], abs=1)
    assert width == 1480
    # Not an empty page: a second run makes another picture.
    assert content != render([recorded(home, spec_of("nn-2"))], CurveOptions(), ImageFormat.PNG)


def of_script(home: Home, name: str, lr: float, *, validation: bool = True) -> Trace:
    with workbench.start(name, config={"lr": lr}, epochs=3, steps_per_epoch=4) as run:
        for epoch in range(3):
            for step in range(4):
                run._written = -math.inf  # each step is a point
                left = 1 / (1 + 4 * epoch + step)
                run.log(step=step, loss=left, reward=-5.0 - left, **{"d/accuracy": 1 - left})
            run.end_epoch(**({"val_loss": 1 / (1 + epoch)} if validation else {}))
    return trace_of(find_run(home, run.run_id))


def test_a_scripts_metrics_are_drawn_as_what_they_are(home: Home) -> None:
    trace = of_script(home, "gan \x1b[31m", 0.1)
    root = drawn([trace], CurveOptions(metrics=("loss", "d/accuracy")))
    said = words(root)
    assert {"loss", "d/accuracy (%)", "epoch", "lr 0.1", "gan \\x1b[31m"} <= set(said)
    assert "validation, after each epoch" in said
    assert "paper" not in " ".join(said) and "seed" not in " ".join(said)
    assert len(points(root, "test-loss")) == 3 and len(points(root, "train-d/accuracy")) == 12
    for log in (False, True):  # of negative numbers there is no logarithm
        root = drawn([trace], CurveOptions(metrics=("reward",), log=log))
        assert "reward" in words(root) and len(points(root, "train-reward")) == 12
        assert any(word.startswith("−5") or word.startswith("-5") for word in words(root))


def test_scripts_beside_each_other_are_told_apart_by_their_settings(home: Home) -> None:
    traces = [of_script(home, "gan", lr, validation=False) for lr in (0.1, 0.2)]
    root = drawn(traces, CurveOptions(metrics=("loss",)))
    said = words(root)
    assert {"gan", "gan, lr 0.1", "gan, lr 0.2", "training, smoothed 0.8"} <= set(said)
    assert not any("after each epoch" in word for word in said)  # nothing was validated
    assert {"run-1-train-loss", "run-2-train-loss"} <= ids(root)
    both = words(drawn([traces[0], recorded(home, spec_of())], CurveOptions(metrics=("loss",))))
    assert any(word.startswith("NN model 1") for word in both) and "gan, lr 0.1" in both
