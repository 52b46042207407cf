"""No circle of imports, those for type checkers and those inside of functions among them."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Collection, Iterator
from graphlib import TopologicalSorter
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "workbench"


def imported(path: Path, modules: Collection[str]) -> Iterator[str]:
    """The modules a file imports; `from package import module` is the module, not its package."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for name in node.names:
                module = f"{node.module}.{name.name}"
                yield module if module in modules else node.module


def test_no_circle() -> None:
    paths = {
        ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts): path
        for path in PACKAGE.rglob("*.py")
    }
    modules = {name.removesuffix(".__init__"): path for name, path in paths.items()}
    graph = {
        name: {module for module in imported(path, modules) if module in modules}
        for name, path in modules.items()
    }
    TopologicalSorter(graph).prepare()  # raises a CycleError that names the circle


def test_the_first_frame_waits_for_nothing_heavy() -> None:
    opening = "workbench.tui.start, workbench.runs.standby, workbench.tui.app"
    code = f"import sys, {opening}, workbench.tui.screens.models.screen; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    for heavy in ("keras", "matplotlib", "numpy", "optuna", "plotext", "pydantic", "tinydb"):
        assert heavy not in done.stdout.split()
