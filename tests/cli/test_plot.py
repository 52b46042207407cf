"""`runs plot`: a real run's curves as a file, and one clear line for what cannot be."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.support import LivingRun, ended_run
from workbench.runs.logger import start as begin
from workbench.settings import Home

Runner = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(autouse=True)
def _font_list_of_the_tests(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Matplotlib's list of fonts is not kept in the developer's own cache."""
    os.environ.setdefault("MPLCONFIGDIR", str(tmp_path_factory.mktemp("matplotlib")))


def test_a_trained_run_becomes_a_figure(workbench: Runner, home: Home, tmp_path: Path) -> None:
    done = workbench(
        "run", "nn-1", "--epochs", "2", "--train-limit", "2000", "--seed", "3", "--json"
    )
    run = json.loads(done.stdout)
    file = tmp_path / "curves.svg"
    plotted = workbench("runs", "plot", run["run_id"][:4], "-o", str(file))
    assert (plotted.returncode, plotted.stdout) == (0, "")
    assert plotted.stderr == f"wrote {file}\n"
    text = "".join(ElementTree.fromstring(file.read_text(encoding="utf-8")).itertext())
    assert "NN model 1, seed 3" in text and "2,000 images" in text
    assert f"(last {100 * run['test_accuracy']:.2f} %)" in text
    assert list(tmp_path.iterdir()) == [file]  # nothing left aside


def test_each_ending_is_a_kind_of_file(workbench: Runner, home: Home, tmp_path: Path) -> None:
    runs = [ended_run(home, seed=seed).run_id for seed in range(6)]
    for name, start in (("a.svg", b"<?xml"), ("a.PNG", b"\x89PNG"), ("a.pdf", b"%PDF")):
        file = tmp_path / name
        assert workbench("runs", "plot", *runs, "-o", str(file)).returncode == 0
        assert file.read_bytes().startswith(start)
    text = (tmp_path / "a.svg").read_text(encoding="utf-8")
    assert all(f"NN model 1, seed {seed}" in text for seed in range(6))


def test_a_run_that_trains_can_be_plotted(workbench: Runner, home: Home, tmp_path: Path) -> None:
    living = LivingRun(home)
    file = tmp_path / "now.svg"
    said = workbench("runs", "plot", living.folder.run_id, "-o", str(file))
    assert said.returncode == 2 and "nothing to plot" in said.stderr and not file.exists()
    living.train(0.15)
    options = ("--x", "time", "--metric", "loss", "--log", "--smoothing", "0")
    done = workbench("runs", "plot", living.folder.run_id, "-o", str(file), *options)
    living.die()
    assert done.returncode == 0, done.stderr
    assert "training time" in file.read_text(encoding="utf-8")


def test_any_metric_of_a_script(workbench: Runner, home: Home, tmp_path: Path) -> None:
    with begin("gan", config={"lr": 0.1}) as run:
        run.log(reward=1.0, loss=0.5)
    chosen = ("runs", "plot", run.run_id, "-o", str(tmp_path / "a.svg"))
    done = workbench(*chosen, "--metric", "reward")
    assert (done.returncode, done.stderr) == (0, f"wrote {tmp_path / 'a.svg'}\n")
    drawn = ElementTree.fromstring((tmp_path / "a.svg").read_text(encoding="utf-8"))
    text = " ".join("".join(element.itertext()).strip() for element in drawn.iter())
    assert "gan" in text and "lr 0.1" in text and "reward" in text and "accuracy" not in text
    done = workbench(*chosen, "--force")
    text = (tmp_path / "a.svg").read_text(encoding="utf-8")
    assert done.returncode == 0 and "train-reward" in text and "train-loss" in text
    said = workbench(*chosen, "--force", "--metric", "f1")
    assert said.returncode == 2 and '"f1" was not logged; choose one of loss, reward' in said.stderr


def test_a_file_is_replaced_only_by_force(workbench: Runner, home: Home, tmp_path: Path) -> None:
    run = ended_run(home).run_id
    file = tmp_path / "kept.svg"
    file.write_text("mine")
    done = workbench("runs", "plot", run, "-o", str(file))
    assert done.returncode == 2 and "--force" in done.stderr and file.read_text() == "mine"
    assert workbench("runs", "plot", run, "-o", str(file), "--force").returncode == 0
    assert file.read_text(encoding="utf-8").startswith("<?xml")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["RUN", "-o", "a.jpg"], 2, ".svg, .png, .pdf"),
        (["RUN", "-o", "curves"], 2, ".svg, .png, .pdf"),
        (["RUN", "-o", "a.svg", "--smoothing", "1"], 2, "smoothing"),
        (["RUN", "-o", "a.svg", "--smoothing", "nan"], 2, "smoothing"),
        (["RUN", "-o", "a.svg", "--x", "hours"], 2, "'--x'"),
        (["zz", "-o", "a.svg"], 2, 'no run "zz"'),
        (["ALL", "-o", "a.svg"], 2, "7 runs are too many for one plot: name 6 or fewer"),
        (["RUN"], 2, "--output"),
        (["-o", "a.svg"], 2, "runs plot --help"),
        (["RUN", "-o", "nowhere/a.svg"], 1, "nowhere/a.svg: No such file or directory"),
    ],
)
def test_wrong_use_is_one_line(
    workbench: Runner,
    home: Home,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    code: int,
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    runs = [ended_run(home, seed=seed).run_id for seed in range(7 if "ALL" in arguments else 1)]
    typed: list[str] = []
    for argument in arguments:
        typed += {"RUN": runs[:1], "ALL": runs}.get(argument, [argument])
    root = str(Path(__file__).parents[2])
    done = workbench("runs", "plot", *typed, env={"PYTHONPATH": root})
    assert done.returncode == code, done
    assert said in done.stderr and "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1 and done.stdout == ""
    assert list(tmp_path.iterdir()) == []


def test_the_list_of_runs_is_what_it_was(workbench: Runner, home: Home) -> None:
    finished, stopped = (ended_run(home, ending).run_id for ending in ("finished", "stopped"))
    listed = json.loads(workbench("runs", "--format", "json", "--status", "stopped").stdout)
    assert [run["run_id"] for run in listed] == [stopped]
    both = workbench("runs").stdout
    assert finished in both and stopped in both
    done = workbench("runs", "--status", "ended")
    assert done.returncode == 2 and 'no status "ended"' in done.stderr
    for command in (["runs"], ["runs", "plot"]):
        helped = workbench(*command, "--help")
        assert helped.returncode == 0 and helped.stderr == "" and "Usage:" in helped.stdout


def test_a_home_that_cannot_hold_the_font_list_is_no_fault(
    workbench: Runner, home: Home, tmp_path: Path
) -> None:
    run = ended_run(home).run_id
    nowhere = tmp_path / "file"
    nowhere.write_text("")
    env = {"HOME": str(nowhere), "XDG_CACHE_HOME": str(nowhere / "cache"), "MPLBACKEND": "nonsense"}
    before = os.environ.pop("MPLCONFIGDIR")
    try:
        done = workbench("runs", "plot", run, "-o", str(tmp_path / "a.png"), env=env)
    finally:
        os.environ["MPLCONFIGDIR"] = before
    assert done.returncode == 0 and done.stderr == f"wrote {tmp_path / 'a.png'}\n"


def test_matplotlib_is_loaded_by_nothing_else() -> None:
    code = (
        "import sys\n"
        "from workbench.cli.entry import run\n"
        "import workbench.tui.app\n"
        "for arguments in (['--help'], ['runs'], ['runs', '--help'], ['runs', 'plot', '--help'],"
        " ['runs', 'plot', 'zz', '-o', 'a.svg']):\n"
        "    try:\n        run(arguments)\n    except SystemExit:\n        pass\n"
        "loaded = [name for name in sys.modules if name.partition('.')[0] == 'matplotlib']\n"
        "print('loaded:', loaded, file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "loaded: []" in done.stderr
