"""Commands that train nothing: help, listings, and one clear line for wrong use."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from workbench.cli import app, runs
from workbench.cli.app import loaded
from workbench.settings import Home

Runner = Callable[..., subprocess.CompletedProcess[str]]


def test_nothing_heavy_is_imported_by_the_command_line() -> None:
    code = (
        "import sys\n"
        "from workbench.cli.entry import run\n"
        "for arguments in (['--help'], ['presets'], ['show', 'cnn-2'], ['runs'], ['run', '--help'],"
        " ['leaderboard'], ['search', '--help'], ['queue']):\n"
        "    try:\n        run(arguments)\n    except SystemExit:\n        pass\n"
        "heavy = {'tensorflow', 'keras', 'numpy', 'scipy', 'textual', 'plotext', 'optuna'}\n"
        "heavy &= set(sys.modules)\n"
        "print('heavy:', sorted(heavy), file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "heavy: []" in done.stderr


def test_help_loads_no_command() -> None:
    code = (
        "import sys\n"
        "from workbench.cli.entry import run\n"
        "try:\n    run(['--help'])\nexcept SystemExit:\n    pass\n"
        "print('loaded:', sorted({'pydantic', 'rich', 'workbench.cli.run'} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "loaded: []" in done.stdout


@pytest.mark.parametrize("name", [*app.COMMANDS, *(f"runs {name}" for name in runs.COMMANDS)])
def test_the_line_of_a_command_is_what_its_own_help_begins_with(name: str) -> None:
    place, line = (app.COMMANDS | {f"runs {key}": value for key, value in runs.COMMANDS.items()})[
        name
    ]
    own = loaded(name, place).help
    assert own.startswith(f"{line}\n") or own == line


@pytest.mark.parametrize(
    "command",
    [
        [],
        ["presets"],
        ["show"],
        ["run"],
        ["runs"],
        ["runs", "plot"],
        ["attach"],
        ["stop"],
        ["pause"],
        ["resume"],
        ["delete"],
        ["leaderboard"],
        ["leaderboard", "rebuild"],
        ["export"],
        ["doctor"],
    ],
)
def test_every_command_has_help(workbench: Runner, command: list[str]) -> None:
    done = workbench(*command, "--help")
    assert done.returncode == 0 and "Usage:" in done.stdout and done.stderr == ""


def test_presets_lists_the_papers_nine_and_the_one_for_speed(workbench: Runner) -> None:
    done = workbench("presets")
    assert done.returncode == 0 and done.stderr == ""
    assert "cnn-2-tuned" in done.stdout and "3,309,578" in done.stdout
    listed = json.loads(workbench("presets", "--format", "json").stdout)
    assert [(item["name"], item["parameters"], item["paper_accuracy"]) for item in listed] == [
        ("nn-1", 101_770, 0.9514),
        ("nn-1.1", 235_146, 0.9681),
        ("nn-1.2", 50_890, 0.9503),
        ("nn-2", 535_818, 0.9704),
        ("cnn-1", 3_226_474, 0.9679),
        ("cnn-1.1", 13_413_578, 0.9692),
        ("cnn-1.2", 2_329_546, 0.9679),
        ("cnn-2", 3_309_578, 0.9747),
        ("cnn-2-tuned", 3_309_578, 0.9919),
        ("speedrun", 29_994, None),
    ]


def test_show_prints_each_form(workbench: Runner) -> None:
    table = workbench("show", "cnn-2").stdout
    assert "Conv2D layer 1" in table and "3,309,578 parameters" in table
    assert "inferred" in table  # the decay, which the paper names and does not define
    assert "28×28×1" in workbench("show", "cnn-2", "--format", "diagram").stdout
    assert ">32@28×28</text>" in workbench("show", "cnn-2", "--format", "svg").stdout
    data = json.loads(workbench("show", "cnn-2", "--format", "json").stdout)
    assert data["parameters"] == 3_309_578 and data["shapes"][0]["output_shape"] == [28, 28, 32]
    assert "import keras" in workbench("show", "cnn-2", "--format", "python").stdout


SMALL_INPUT = """
title = "Small"
[architecture]
input_shape = [12, 12, 2]
classes = 7
layers = [{ kind = "Flatten" }, { kind = "Dense", units = 7, activation = "softmax" }]
"""


def test_a_script_follows_shape_and_data(workbench: Runner, tmp_path: Path) -> None:
    import numpy as np

    preset, data = tmp_path / "small.toml", tmp_path / "own.npz"
    preset.write_text(SMALL_INPUT)
    images, labels = np.full((4, 5, 6, 3), 200, np.uint8), np.arange(4)
    np.savez(data, x_train=images, y_train=labels, x_test=images, y_test=labels)

    shown = json.loads(workbench("show", str(preset), "--format", "json").stdout)
    script = workbench("show", str(preset), "--format", "python").stdout
    assert shown["parameters"] == 12 * 12 * 2 * 7 + 7
    assert "INPUT_SHAPE = (12, 12, 2)\nCLASSES = 7\n" in script
    assert "keras.datasets" not in script and "usage: python THIS_FILE DATA.npz" in script

    on_data = ("show", str(preset), "--dataset", str(data), "--format")
    shown = json.loads(workbench(*on_data, "json").stdout)
    script = workbench(*on_data, "python").stdout
    assert shown["parameters"] == 5 * 6 * 3 * 4 + 4
    assert "INPUT_SHAPE = (5, 6, 3)\nCLASSES = 4\n" in script and str(data) in script
    assert (
        "cifar100.load_data()"
        in workbench("show", "nn-1", "--dataset", "cifar100", "--format", "python").stdout
    )


def test_a_shown_toml_is_a_preset_again(workbench: Runner, tmp_path: Path) -> None:
    text = workbench("show", "nn-1", "--format", "toml").stdout
    file = tmp_path / "mine.toml"
    file.write_text(text.replace('name = "nn-1"', 'name = "mine"').replace("128", "32"))
    data = json.loads(workbench("show", str(file), "--format", "json").stdout)
    assert data["parameters"] == 784 * 32 + 32 + 32 * 10 + 10


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run", "cnn2"], 'no preset "cnn2": did you mean "cnn-2"?'),
        (["show", "zzz"], 'no preset "zzz"'),
        (["run", "nn-1", "--epochs", "-3"], "epochs: "),
        (["run", "nn-1", "--batch-size", "0"], "batch size: "),
        (["run", "nn-1", "--learning-rate", "fast"], "'--learning-rate'"),
        (["run", "nn-1", "--learning-rate", "nan"], "learning rate: "),
        (["run", "nn-1", "--optimizer", "adma"], 'did you mean "adam"?'),
        (["run", "cnn-2-tuned", "--momentum", "0.7"], "adam has none"),
        (["run", "nn-1", "--precision", "float64"], "precision: "),
        (["run", "nn-1", "--dataset", "minst"], 'did you mean "mnist"?'),
        (["run", "nn-1", "--dataset", "/nowhere.npz"], "/nowhere.npz"),
        (["run", "nn-1", "--train-limit", "0"], "train limit: "),
        (["run", "nn-1", "--repeats", "0"], "repeats: "),
        (["run", "nn-1", "--repeats", "9" * 30], "repeats: must be from 1 to 1,000 (given: a nu"),
        (["run", "nn-1", "--seed", "-1"], "seed: "),
        (["run", "nn-1", "--tag", "two words"], "two words"),
        (["run", "nn-1", "--schedule", "cosin"], 'did you mean "cosine"?'),
        (["run"], "mnist-workbench run --help"),
        (["rnu", "nn-1"], "rnu"),
        (["attach", "zz"], "no runs yet"),
        (["stop", "zz"], "no runs yet"),
        (["leaderboard", "--table", "5"], "no table 5"),
        (["leaderboard", "--filter", "prest=nn-1"], "preset"),
        (["leaderboard", "--sort", "acuracy"], "accuracy"),
    ],
)
def test_wrong_use_is_one_line_and_exit_2(
    workbench: Runner, home: Home, arguments: list[str], said: str
) -> None:
    done = workbench(*arguments)
    assert done.returncode == 2, done
    assert done.stdout == ""
    assert said in done.stderr and "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    assert list(home.runs.iterdir()) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_home_that_cannot_be_written(workbench: Runner, tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    done = workbench("run", "nn-1", "--home", str(tmp_path / "x"))
    assert done.returncode == 1 and "--home" in done.stderr and "Traceback" not in done.stderr


def test_a_home_that_is_a_file(workbench: Runner, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    done = workbench("--home", str(file), "run", "nn-1")
    assert done.returncode == 1 and str(file) in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_damaged_preset_of_the_users_hides_no_other(workbench: Runner, home: Home) -> None:
    (home.presets / "broken.toml").write_text("layers = [")
    done = workbench("presets")
    assert done.returncode == 0 and "cnn-2" in done.stdout
    assert "broken.toml" in done.stderr and "Traceback" not in done.stderr


def test_without_a_terminal_the_screens_name_the_commands(workbench: Runner) -> None:
    done = workbench()
    assert done.returncode == 2 and "`mnist-workbench run`" in done.stderr
    assert len(done.stderr.splitlines()) == 1 and done.stdout == ""


@pytest.mark.parametrize("command", [[], ["leaderboard"]])
def test_no_commands_summary_is_cut(workbench: Runner, command: list[str]) -> None:
    assert (
        "..."
        not in workbench(*command, "--help", env={"COLUMNS": "80"}).stdout.split("Commands:")[1]
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ["presets"],
        ["show", "cnn-2"],
        ["show", "nn-1", "--format", "diagram"],
        ["show", "cnn-2", "--format", "toml"],
        ["show", "cnn-2", "--format", "svg"],
        ["leaderboard", "--table", "7"],
        ["leaderboard", "--table", "8", "--format", "markdown"],
        ["export"],
    ],
)
def test_a_terminal_without_unicode_gets_ascii(workbench: Runner, arguments: list[str]) -> None:
    done = workbench(*arguments, env={"PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii"})
    assert done.returncode == 0 and done.stderr == ""
    assert done.stdout.isascii() and len(done.stdout) > 200


def test_json_stays_exact_without_unicode(workbench: Runner) -> None:
    here, there = (
        workbench("leaderboard", "--table", "7", "--format", "json", env=env).stdout
        for env in ({}, {"PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii"})
    )
    assert there.isascii() and json.loads(here) == json.loads(there)


@pytest.mark.parametrize("redirection", [">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_closed_stream_is_no_fault(home: Home, redirection: str) -> None:
    command = f"'{sys.executable}' -m workbench presets {redirection}"
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "Traceback" not in done.stderr


@pytest.mark.parametrize("arguments", ["presets", "presets --format json", "--help", "export"])
def test_a_reader_that_goes_early_is_no_fault(home: Home, arguments: str) -> None:
    command = f"set -o pipefail; '{sys.executable}' -m workbench {arguments} | true"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert done.returncode == 0 and done.stderr == ""


def test_empty_listings_say_what_to_do_next(workbench: Runner) -> None:
    done = workbench("runs")
    assert done.returncode == 0 and done.stdout == "" and "mnist-workbench run" in done.stderr
    assert json.loads(workbench("runs", "--format", "json").stdout) == []
    assert json.loads(workbench("leaderboard", "--format", "json").stdout) == []


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("mnist-workbench at", ["attach"]),
        ("mnist-workbench show cnn-2", ["cnn-2", "cnn-2-tuned"]),
        ("mnist-workbench run nn-1 --optimizer adam", ["adam", "adamw"]),
        ("mnist-workbench run nn-1 --schedule c", ["constant", "cosine"]),
        ("mnist-workbench attach ab", ["abcd-nn-1", "abxx-cnn-2"]),
        ("mnist-workbench stop abcd-nn-1 abx", ["abxx-cnn-2"]),
    ],
)
def test_the_shell_completes(workbench: Runner, home: Home, typed: str, offered: list[str]) -> None:
    for name in ("abcd-nn-1", "abxx-cnn-2"):
        (home.runs / name).mkdir()
    done = workbench(
        env={
            "_MNIST_WORKBENCH_COMPLETE": "complete_bash",
            "COMP_WORDS": typed,
            "COMP_CWORD": str(len(typed.split()) - 1),
        }
    )
    assert done.stdout.split() == offered


def test_delete_asks_and_takes_silence_for_no(workbench: Runner, home: Home) -> None:
    folder = home.runs / "abcd-nn-1"
    folder.mkdir()
    (folder / "spec.json").write_text("{}")
    for answer, code, said in (("n\n", 130, "nothing deleted"), ("", 2, "--yes")):
        done = workbench("delete", "abcd", stdin=answer)
        assert (done.returncode, folder.exists()) == (code, True) and said in done.stderr
    assert workbench("delete", "abcd", stdin="y\n").returncode == 0
    assert not folder.exists()
