"""No circle of imports, those for type checkers and those inside of functions among them."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Collection, Iterator
from graphlib import TopologicalSorter
from pathlib import Path

from workbench.settings import HOME_VARIABLE, Home

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


# Opens the screens without a terminal, and tells what is loaded when the first model is drawn,
# but for what threads load meanwhile.
FIRST_MODEL = """
import asyncio, os, sys
import workbench.tui.start
from workbench.settings import default_home
from workbench.tui.app import WorkbenchApp
from workbench.tui.screens.models.screen import ModelList, ModelsScreen

def drawn(models, y):
    if "nn-1" in (line := render_line(models, y)).text:
        print(*sys.modules, flush=True)
        os._exit(0)
    return line

render_line, ModelList.render_line = ModelList.render_line, drawn
ModelsScreen.action_refresh = lambda screen: None
WorkbenchApp.run_worker = lambda *given, **named: None
asyncio.run(WorkbenchApp(default_home()).run_async(headless=True, size=(120, 40)))
"""


def test_the_first_frame_waits_for_nothing_heavy(home: Home) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FIRST_MODEL],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, HOME_VARIABLE: str(home.path)},
    )
    loaded = done.stdout.split()
    assert "workbench.tui.screens.models.screen" in loaded
    heavy = ("keras", "matplotlib", "numpy", "optuna", "plotext", "pydantic", "tinydb")
    assert not {*heavy, "workbench.runs.standby"} & set(loaded)
