"""`runs`: which it lists, and in which words."""

from __future__ import annotations

import json

import pytest

from tests.support import LivingRun, ended_run
from workbench.cli.entry import run as command
from workbench.settings import HOME_VARIABLE, Home


def test_the_first_n_are_listed_and_the_rest_counted(
    home: Home, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(HOME_VARIABLE, str(home.path))
    ended = [ended_run(home, seed=seed) for seed in range(3)]
    living = LivingRun(home, seed=7)
    assert command(["runs", "--limit", "2"]) == 0
    out, err = capfd.readouterr()
    assert living.folder.run_id in out  # the living one first, then the newest
    assert sum(folder.run_id in out for folder in ended) == 1
    assert err == "2 more; without --limit all are listed.\n"
    assert command(["runs", "--limit", "2", "--format", "json"]) == 0
    out, err = capfd.readouterr()
    assert json.loads(out)[0]["run_id"] == living.folder.run_id
    assert len(json.loads(out)) == 2 and err == ""
    assert command(["runs", "--limit", "9"]) == 0
    out, err = capfd.readouterr()
    assert all(folder.run_id in out for folder in ended) and err == ""
    assert command(["runs", "--limit", "0"]) == 2
    living.die()
