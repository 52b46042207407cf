"""Runs of scripts as a table of their own, beside no paper."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

import workbench
from tests.support import ended_run
from workbench.cli.entry import run as command
from workbench.leaderboard.store import Leaderboard
from workbench.settings import Home


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setenv("MNIST_WORKBENCH_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COLUMNS", "120")
    home = Home(tmp_path / "home")
    for name, lr, loss in (("small", 0.1, 0.5), ("large", 0.001, 0.25), ("lost", 10.0, math.nan)):
        with workbench.start(name, config={"lr": lr, "seed": 1}, tags=["mine"]) as run:
            run.log(val_loss=loss, **{"d/acc\x1b": 0.5})
    ended_run(home)
    return home


def lines(capfd: pytest.CaptureFixture[str], *arguments: str) -> list[str]:
    assert command(["leaderboard", *arguments]) == 0
    return capfd.readouterr().out.splitlines()


def test_they_stand_apart_from_presets(home: Home, capfd: pytest.CaptureFixture[str]) -> None:
    synced = Leaderboard(home).sync()
    assert synced.added == 4
    assert [entry.preset for entry in synced.entries] == ["nn-1"]
    assert {entry.title for entry in Leaderboard(home).recorded()[1]} == {"small", "large", "lost"}
    assert not Leaderboard(home).sync().added
    assert Leaderboard(home).rebuild() == 4
    assert len(Leaderboard(home).recorded()[1]) == 3
    for arguments in ([], ["--group"], ["--table", "3"], ["--format", "json"]):
        assert "small" not in "\n".join(lines(capfd, *arguments))


def test_metrics_and_what_differs_in_the_configuration_are_columns(
    home: Home, capfd: pytest.CaptureFixture[str]
) -> None:
    shown = lines(capfd, "scripts", "--sort", "metric.val_loss")
    heading = next(line for line in shown if "Name" in line)
    assert "val_loss" in heading and r"d/acc\x1b" in heading and "lr" in heading
    assert "seed" not in heading  # the same for all
    names = [line.split()[0] for line in shown if "mine" in line]
    assert names == ["large", "small", "lost"]
    assert any("no number" in line for line in shown)


def test_columns_filters_and_forms(home: Home, capfd: pytest.CaptureFixture[str]) -> None:
    arguments = ["scripts", "--filter", "config.lr<1 and not title=small", "--format", "json"]
    found = json.loads("\n".join(lines(capfd, *arguments)))
    assert [entry["title"] for entry in found] == ["large"]
    assert found[0]["metrics"]["val_loss"] == 0.25
    shown = lines(capfd, "scripts", "--columns", "title,config.seed", "--format", "markdown")
    assert any("| Name" in line and "seed" in line and "Time" not in line for line in shown)
    assert command(["leaderboard", "scripts", "--columns", "config.lrr"]) == 2
    assert 'did you mean "config.lr"' in capfd.readouterr().err
    assert command(["leaderboard", "scripts", "--sort", "metric.nope"]) == 2
    assert command(["leaderboard", "scripts", "--filter", "title=nothing"]) == 0
    assert "no run of a script matches" in capfd.readouterr().err
