"""The built wheel: what is in it, and that the program runs from it."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from workbench.data.facts import MNIST_SHA256

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT],
        check=True,
        capture_output=True,
    )
    (built,) = folder.glob("*.whl")
    return built


def test_the_wheel_holds_all_that_the_program_needs(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        mnist = hashlib.sha256(archive.read("workbench/data/mnist.npz")).hexdigest()
        entry = next(name for name in names if name.endswith("entry_points.txt"))
        assert "mnist-workbench = workbench.cli:main" in archive.read(entry).decode()
    assert mnist == MNIST_SHA256
    for folder in ("presets", "layouts"):
        for path in (ROOT / folder).rglob("*.t*"):
            assert f"workbench/{path.relative_to(ROOT)}" in names, path
    assert sum(name.startswith("workbench/presets/models/") for name in names) == 10
    assert sum(name.startswith("workbench/presets/tables/") for name in names) == 5
    assert "workbench/presets/claims.toml" in names
    assert "workbench/data/LICENSE-mnist.md" in names
    for path in (ROOT / "workbench").rglob("*.py"):
        assert str(path.relative_to(ROOT)) in names, path


def test_the_wheel_brings_no_stray_import_names(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        tops = {name.partition("/")[0] for name in archive.namelist()}
    assert "workbench" in tops
    assert all(top == "workbench" or top.endswith(".dist-info") for top in tops), tops


def test_the_program_runs_from_the_wheel_alone(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    code = (
        "import workbench, sys\n"
        "from workbench.cli.entry import run\n"
        "print(workbench.__file__)\n"
        "sys.exit(run(['presets']) or run(['leaderboard', '--table', '9', '--format', 'json']))"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", code],
        env={**os.environ, "PYTHONPATH": str(tmp_path / "site")},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(str(tmp_path / "site"))
    assert "cnn-2-tuned" in done.stdout and '"paper_accuracy"' in done.stdout
