"""The scripts of docs/own-scripts.md, run as they stand there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from workbench.runs.folder import all_runs
from workbench.runs.status import Status
from workbench.runs.summary import ScriptSummary, summary_of
from workbench.settings import HOME_VARIABLE, Home

PAGE = Path(__file__).parents[1] / "docs" / "own-scripts.md"
SCRIPTS = dict(re.findall(r"^```python (\w+)\n(.*?)^```$", PAGE.read_text(), re.M | re.S))


@pytest.mark.parametrize(
    ("name", "epochs", "step", "metrics"),
    [
        ("keras", 3, 75, {"loss", "accuracy", "val_loss", "val_accuracy"}),
        ("loop", 5, 500, {"loss", "weight/size", "val_loss"}),
        ("torch", 3, 48, {"loss", "val_accuracy"}),
    ],
)
def test_a_script_of_the_page_is_a_run(
    tmp_path: Path, name: str, epochs: int, step: int, metrics: set[str]
) -> None:
    if name == "torch" and find_spec("torch") is None:
        pytest.skip("PyTorch is not installed")
    script = tmp_path / "script.py"
    script.write_text(SCRIPTS[name])
    environment = {**os.environ, HOME_VARIABLE: str(tmp_path / "home")}
    done = subprocess.run(
        [sys.executable, str(script)], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    [folder] = all_runs(Home(tmp_path / "home"))
    found = summary_of(folder)
    assert isinstance(found, ScriptSummary)
    assert (found.state, found.epochs_completed, found.epochs) == (Status.FINISHED, epochs, epochs)
    assert found.step == step and set(found.metrics) == metrics
    assert (folder.path / "model.keras").exists() == (name == "keras")


def test_the_page_has_no_script_that_is_not_run() -> None:
    assert set(SCRIPTS) == {"keras", "loop", "torch"}
