"""Whether the nodes of a Ray cluster can train: printed as JSON, a finding a node.

Run by name as a process of its own, as whatever uses Ray.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

from workbench.errors import EnvironmentProblem
from workbench.formats import count
from workbench.runs.environment import installed
from workbench.training.ray_cluster import connect

PACKAGES = ("mnist-workbench", "tensorflow", "keras", "numpy")
PATIENCE_SECONDS = 60.0


def findings(address: str) -> list[dict[str, str]]:
    """What, verdict and detail: of the cluster, then of each node.

    Raises:
        EnvironmentProblem: there is no such cluster.
    """
    connect(address)
    import ray
    from ray.exceptions import RayError
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    nodes = [node for node in ray.nodes() if node["Alive"]]
    found = [_finding("Ray", "ok", f"{ray.__version__}, {count(len(nodes), 'node')}")]
    look = ray.remote(num_cpus=0, max_retries=0)(_look())
    asked = [
        look.options(
            scheduling_strategy=NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
        ).remote(PACKAGES)
        for node in nodes
    ]
    ray.wait(asked, num_returns=len(asked), timeout=PATIENCE_SECONDS)
    for node, answer in zip(nodes, asked, strict=True):
        what = f"node {node['NodeManagerHostname']} {node['NodeID'][:6]}"
        try:
            versions = ray.get(answer, timeout=0)
        except RayError as error:
            found.append(_finding(what, "fail", f"does not answer ({type(error).__name__})"))
        else:
            found.append(_of_node(what, node["Resources"], versions))
    return found


def _look() -> Callable[[tuple[str, ...]], dict[str, str]]:
    """What a node is asked: a function within a function travels there as a whole."""

    def look(packages: tuple[str, ...]) -> dict[str, str]:
        from importlib.metadata import PackageNotFoundError, version

        found = {}
        for package in packages:
            try:
                found[package] = version(package)
            except PackageNotFoundError:
                found[package] = ""
        return found

    return look


def _of_node(what: str, has: dict[str, float], versions: dict[str, str]) -> dict[str, str]:
    """A finding: packages that are missing, versions that are not those of here."""
    missing = [name for name, found in versions.items() if not found]
    if missing:
        remedy = "install mnist-workbench there, in the Python that runs Ray"
        return _finding(what, "fail", f"{' and '.join(missing)} missing; {remedy}")
    gpus = f", {has['GPU']:g} GPUs" if has.get("GPU") else ""
    detail = f"{count(int(has.get('CPU', 0)), 'CPU')}{gpus}, {has.get('memory', 0) / 2**30:.1f} GiB"
    others = [
        f"{name} {found}, here {installed(name)}"
        for name, found in versions.items()
        if found != installed(name)
    ]
    if others:
        return _finding(what, "warn", f"{detail}; {'; '.join(others)}: results may differ")
    return _finding(what, "ok", f"{detail}; versions as here")


def _finding(what: str, verdict: str, detail: str) -> dict[str, str]:
    return {"what": what, "verdict": verdict, "detail": detail}


def main(arguments: list[str]) -> int:
    """Print the findings about the cluster at the address that is the argument."""
    found: Any
    try:
        found = findings(arguments[0])
    except EnvironmentProblem as error:
        found = [_finding("Ray", "fail", str(error))]
    print(json.dumps(found))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
