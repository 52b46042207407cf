"""What models answer, image by image: kept by the worker, made anew, listed, compared, drawn."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.support import ended_run
from workbench.cli.entry import run as command
from workbench.data.facts import MNIST_SHA256
from workbench.data.npz import read_test_images
from workbench.predictions import of_run
from workbench.predictions.of_run import Predictions, read_predictions, save_predictions
from workbench.predictions.predictor import Inside, Predictor, Sheet
from workbench.runs.folder import RunFolder, find_run
from workbench.settings import Home

Runner = Callable[..., subprocess.CompletedProcess[str]]
IMAGES = 10_000


def answered(home: Home, seed: int, wrong: dict[int, int], sha256: str = MNIST_SHA256) -> RunFolder:
    """A finished run whose model answers MNIST's test images rightly, except for these."""
    folder = ended_run(home, seed=seed)
    if sha256 != MNIST_SHA256:  # as if the run were of another data set
        record = json.loads(folder.spec_file.read_text())
        record["spec"]["dataset"]["sha256"] = sha256
        folder.spec_file.write_text(json.dumps(record))
        folder = RunFolder(folder.path)
    truth = (np.arange(IMAGES) % 10).astype(np.uint16)
    predicted = truth.copy()
    confidence = np.full(IMAGES, 0.9, np.float16)
    for image, answer in wrong.items():
        predicted[image] = answer
        confidence[image] = 0.5 + image / 1000
    table = np.full((IMAGES, 10), 0.0, np.float16)
    table[np.arange(IMAGES), predicted] = confidence
    table[np.arange(IMAGES), (predicted + 1) % 10] = 1 - confidence
    save_predictions(folder, Predictions(truth, predicted, confidence, table, 10, sha256))
    return folder


def test_a_finished_run_keeps_its_answers_and_its_model_gives_the_same(
    workbench: Runner, home: Home
) -> None:
    done = workbench("run", "nn-1", "--epochs", "1", "--train-limit", "2000", "--json")
    result = json.loads(done.stdout)
    folder = find_run(home, result["run_id"])
    kept = read_predictions(folder.predictions_file)
    assert kept.accuracy == pytest.approx(result["test_accuracy"])
    assert kept.dataset_sha256 == MNIST_SHA256
    assert kept.probabilities is not None
    assert np.allclose(kept.probabilities.astype(float).sum(axis=1), 1, atol=0.01)
    assert folder.predictions_file.stat().st_size < 250_000
    folder.predictions_file.write_bytes(b"PK damaged")
    listed = workbench("runs", "errors", result["run_id"], "--format", "json", "--limit", "3")
    assert listed.returncode == 0, listed.stderr
    made = read_predictions(folder.predictions_file)
    assert np.array_equal(made.predicted, kept.predicted)
    assert np.array_equal(made.confidence, kept.confidence)
    data = json.loads(listed.stdout)
    assert data["wrong"] == round(IMAGES * (1 - result["test_accuracy"]))
    assert len(data["errors"]) == 3
    first = data["errors"][0]
    assert first["confidence"] == pytest.approx(float(kept.confidence[first["image"]]), abs=1e-3)
    seen = workbench(
        "runs", "inside", result["run_id"], "--image", str(first["image"]), "--format", "json"
    )
    assert seen.returncode == 0, seen.stderr
    inside = json.loads(seen.stdout)
    assert inside["answer"] == first["predicted"]
    assert inside["probability"] == pytest.approx(first["confidence"], abs=1e-3)
    assert np.array(inside["falls"]).shape == (28, 28)
    assert [sheet["what"] for sheet in inside["sheets"]] == ["neurons' weights"]


def test_what_a_model_makes_of_an_image_is_drawn(
    home: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = answered(home, 0, {})
    sheet = Sheet("conv2d_1", "feature maps", np.full((20, 28, 28), 255, np.uint8), 20)
    found = Inside(7, 0.5, np.zeros((28, 28), np.float32), 4, (sheet,))
    monkeypatch.setattr(Predictor, "look_inside", lambda *_: found)
    assert command(["runs", "inside", run.run_id]) == 0
    said = capsys.readouterr().out
    assert "image 0: a 7, 50.0 % sure" in said and "conv2d_1: 20 feature maps, 28×28" in said
    file = tmp_path / "inside.png"
    assert command(["runs", "inside", run.run_id, "-o", str(file)]) == 0
    with Image.open(file) as drawn:
        assert drawn.width > 500 and np.asarray(drawn).std() > 10
    assert command(["runs", "inside", run.run_id, "--image", "10000"]) == 2
    assert "image 10000: the test images are 0 to 9,999" in capsys.readouterr().err


def test_classes_and_reliability_are_drawn(
    home: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = answered(home, 0, {14: 9, 34: 9, 55: 3})
    file = tmp_path / "classes.svg"
    assert command(["runs", "classes", run.run_id, "-o", str(file)]) == 0
    drawn = file.read_text()
    assert all(word in drawn for word in ("recall", "precision", "expected calibration error"))
    assert command(["runs", "classes", run.run_id, "-o", str(file)]) == 2
    assert "exists" in capsys.readouterr().err


def test_errors_are_listed_with_the_surest_first(
    home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    run = answered(home, 0, {14: 9, 34: 9, 55: 3})
    other = answered(home, 1, {34: 1})
    assert command(["runs", "errors", run.run_id, "--format", "json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert data["errors"][1]["wrong_runs"] == [other.run_id, run.run_id]
    assert [error["image"] for error in data["errors"]] == [55, 34, 14]
    assert [error["wrong_in"] for error in data["errors"]] == [1, 2, 1]
    assert {error["runs"] for error in data["errors"]} == {2}
    assert data["errors"][0]["guesses"][:2] == [
        {"class": 3, "probability": 0.5552},
        {"class": 4, "probability": 0.4448},
    ]
    assert command(["runs", "errors", run.run_id, "--true", "4", "--predicted", "9"]) == 0
    table = capsys.readouterr().out
    assert "2 images wrong" in table and "53.4" in table and "2 of 2 runs" in table
    assert "55.5" not in table


def test_other_images_are_not_counted(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    run = answered(home, 0, {14: 9})
    answered(home, 1, {14: 9}, sha256="1" * 64)
    assert command(["runs", "errors", run.run_id, "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["errors"][0]["runs"] == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--true", "10"], "must be a class from 0 to 9"),
        (["--limit", "0"], "--limit"),
        (["-o", "errors.txt"], "a figure's name ends with one of .svg, .png, .pdf"),
        (["--true", "1", "-o", "errors.svg"], "no wrong answer to draw"),
    ],
)
def test_wrong_use_is_one_sentence(
    home: Home,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.chdir(tmp_path)
    run = answered(home, 0, {14: 9})
    assert command(["runs", "errors", run.run_id, *arguments]) == 2
    out, err = capsys.readouterr()
    assert said in err and err.count("\n") == 1 and out == ""


def test_a_run_without_a_model_is_said(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    run = ended_run(home)
    assert command(["runs", "errors", run.run_id]) == 2
    assert "keeps no trained model" in capsys.readouterr().err


def test_predictions_of_another_data_set_are_made_anew(
    home: Home, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = answered(home, 0, {14: 9})
    right = read_predictions(run.predictions_file)
    save_predictions(run, replace(right, dataset_sha256="1" * 64))
    assert command(["runs", "errors", run.run_id]) == 2
    assert "predictions of another data set, and keeps no trained" in capsys.readouterr().err
    monkeypatch.setattr(of_run, "make", lambda folder: save_predictions(folder, right))
    run.model_file.touch()
    assert command(["runs", "errors", run.run_id]) == 0
    assert "1 image wrong" in capsys.readouterr().out


def test_images_are_drawn_in_the_terminal(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    run = answered(home, 0, {14: 9, 24: 9})
    assert command(["runs", "errors", run.run_id, "--images"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["4", "→", "9", "52", "%", "4", "→", "9", "51", "%"]
    assert len(lines) == 15 and any("@" in line for line in lines)


def test_errors_become_a_figure(
    home: Home, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    run = answered(home, 0, {14: 9, 24: 9})
    file = tmp_path / "errors.png"
    assert command(["runs", "errors", run.run_id, "-o", str(file)]) == 0
    assert file.read_bytes().startswith(b"\x89PNG")
    assert capsys.readouterr().err == f"wrote {file}\n"
    assert command(["runs", "errors", run.run_id, "-o", str(file)]) == 2
    assert "exists already" in capsys.readouterr().err


def test_classes(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    run = answered(home, 0, {14: 9, 24: 9, 35: 2})
    assert command(["runs", "classes", run.run_id, "--sort", "recall", "--format", "json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert [row["class"] for row in data["classes"][:2]] == [4, 5]
    assert data["classes"][0]["recall"] == pytest.approx(998 / 1000)
    assert data["calibration"]["expected_error"] == pytest.approx(0.1, abs=0.005)
    assert command(["runs", "classes", run.run_id]) == 0
    table = capsys.readouterr().out
    assert "99.80 %" in table and "expected calibration error" in table


def test_two_models_compared(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    a = answered(home, 0, {14: 9, 24: 9, 34: 9, 44: 9, 54: 9, 64: 9})
    b = answered(home, 1, {64: 9})
    assert command(["runs", "compare", a.run_id, b.run_id]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert f"{b.run_id} is right on 5 images more than {a.run_id}" in said
    assert "by chance in 6 of 100 cases" in said
    assert f"Only {b.run_id}: images 14, 24, 34, 44, 54" in said
    assert command(["runs", "compare", a.run_id, b.run_id, "--format", "json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert data["pair"]["only_second"] == [14, 24, 34, 44, 54]
    assert data["pair"]["p_value"] == pytest.approx(2 / 32)
    assert data["hardest"][0] == {"image": 64, "true": 4, "wrong_in": 2}


def test_runs_that_cannot_be_compared(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    a, b = answered(home, 0, {}), answered(home, 1, {}, sha256="1" * 64)
    assert command(["runs", "compare", a.run_id, b.run_id]) == 2
    assert "were tested on different images" in capsys.readouterr().err
    assert command(["runs", "compare", a.run_id, a.run_id]) == 2
    assert "name two runs or more" in capsys.readouterr().err


def test_a_data_set_that_has_changed_shows_no_image(tmp_path: Path) -> None:
    file = tmp_path / "own.npz"
    images, labels = np.full((3, 4, 4), 255, np.uint8), np.array([0, 1, 0])
    np.savez(file, x_train=images, y_train=labels, x_test=images, y_test=labels)
    assert read_test_images(file, None).pixels(0).shape == (4, 4)
    with pytest.raises(Exception, match="has changed since the run was trained"):
        read_test_images(file, "0" * 64)


def test_colour_and_many_channels_are_shown(tmp_path: Path) -> None:
    file = tmp_path / "own.npz"
    labels = np.array([0, 1])
    colour = np.zeros((2, 5, 4, 3), np.float32)
    colour[1, 0, 0] = (1.0, 0.5, 0.0)
    np.savez(file, x_train=colour, y_train=labels, x_test=colour, y_test=labels)
    found = read_test_images(file, None)
    assert found.pixels(1)[0, 0].tolist() == [255, 128, 0]
    many = np.zeros((2, 5, 4, 7), np.uint8)
    np.savez(file, x_train=many, y_train=labels, x_test=many, y_test=labels)
    assert read_test_images(file, None).pixels(0).shape == (5, 4)


def test_a_picture_is_asked_about_whatever_pythons_switches_say(
    workbench: Runner, home: Home, tmp_path: Path
) -> None:
    # Each would end a worker in NumPy or Keras, stop it, or change what it does.
    switches = {"PYTHONWARNINGS": "error", "PYTHONOPTIMIZE": "2", "PYTHONINSPECT": "1"}
    done = workbench(
        "run", "nn-1", "--epochs", "2", "--train-limit", "6000", "--json", env=switches
    )
    run_id = json.loads(done.stdout)["run_id"]
    seven = read_test_images(None, None).pixels(0)
    dark, light = tmp_path / "dark.png", tmp_path / "light.png"
    Image.fromarray(255 - np.kron(seven, np.ones((7, 7), np.uint8))).save(dark)
    Image.fromarray(seven).save(light)
    asked = workbench("predict", run_id, str(dark), str(light), "--json")
    assert asked.returncode == 0, asked.stderr
    first, second = json.loads(asked.stdout)["images"]
    assert (first["predicted"], first["ground"]) == (7, "dark on light")
    assert (second["predicted"], second["ground"]) == (7, "light on dark")
    assert first["confidence"] == pytest.approx(second["confidence"], abs=0.1)
    kept = read_predictions(find_run(home, run_id).predictions_file)
    assert second["confidence"] == pytest.approx(float(kept.confidence[0]), abs=1e-3)


def test_pictures_that_cannot_be_asked_about(
    home: Home, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    run = ended_run(home)
    blank = tmp_path / "blank.png"
    Image.new("L", (40, 40), 255).save(blank)
    assert command(["predict", run.run_id, str(blank)]) == 2
    assert "nothing is drawn on it" in capsys.readouterr().err
    assert command(["predict", run.run_id, str(tmp_path / "none.png")]) == 2
    assert "there is no such file" in capsys.readouterr().err
