"""Runs compared setting by setting."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import workbench
from tests.support import ended_run
from workbench.cli.entry import run as command
from workbench.runs.folder import RunFolder
from workbench.runs.summary import difference
from workbench.settings import Home


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setenv("MNIST_WORKBENCH_HOME", str(tmp_path / "home"))
    return Home(tmp_path / "home")


def script(lr: float, loss: float, **more: object) -> RunFolder:
    with workbench.start("net", config={"lr": lr, "batch": 32, **more}) as run:
        run.log(loss=loss)
    assert run.folder is not None
    return RunFolder(run.folder)


def test_scripts_differ_in_their_configuration_and_results(home: Home) -> None:
    found = difference([script(0.1, 2.0), script(0.2, 1.0, warmup=True)])
    assert found.settings == {"lr": (0.1, 0.2), "warmup": (None, True)}
    assert found.results["loss"] == (2.0, 1.0)


def test_presets_differ_in_layers_and_seeds(home: Home) -> None:
    found = difference([ended_run(home, row=0, seed=1), ended_run(home, row=1, accuracy=0.96)])
    assert found.settings["seed"] == (1, 0)
    assert any(name.startswith("layer ") for name in found.settings)
    assert "batch_size" not in found.settings and "host" not in found.settings
    assert found.results["test_accuracy"] == (0.97, 0.96)


def test_the_command(home: Home, capfd: pytest.CaptureFixture[str]) -> None:
    one, two, other = script(0.1, 2.0), script(0.2, 1.0), ended_run(home)
    assert command(["runs", "diff", one.run_id, two.run_id]) == 0
    out = capfd.readouterr().out
    assert "lr" in out and "0.2" in out and "batch" not in out and "2.0000" in out
    assert command(["runs", "diff", one.run_id, other.run_id, "--format", "json"]) == 0
    found = json.loads(capfd.readouterr().out)
    assert found["settings"]["lr"] == [0.1, None] and found["settings"]["seed"] == [None, 0]
    assert command(["runs", "diff", one.run_id]) == 2
    assert "two runs or more" in capfd.readouterr().err
