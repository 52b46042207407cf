"""A Ray cluster of nodes on loopback, each with a cache of its own: for tests and measurements."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

# Read when Ray is imported, here and in what is started from here.
os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"  # all stays on the loopback address


class Nodes:
    """A head that trains nothing, and nodes of one processor."""

    def __init__(self, count: int = 1) -> None:
        # Paths of sockets are short: the folders of tests are too deep for them.
        self._folder = Path(tempfile.mkdtemp(prefix="ray-", dir="/tmp"))
        (self._folder / "ray").mkdir()
        self.start_head()
        self.nodes = [self.add() for _ in range(count)]

    def start_head(self, port: int = 0) -> None:
        """Start a head, at a given port if one is named."""
        os.environ["RAY_TMPDIR"] = str(self._folder)
        from ray.cluster_utils import Cluster

        where = {"gcs_server_port": port} if port else {}
        head = {"num_cpus": 0, **self._settings("head"), **where}
        self.cluster = Cluster(initialize_head=True, head_node_args=head)

    def add(self) -> Any:
        """One more node."""
        return self.cluster.add_node(num_cpus=1, **self._settings(os.urandom(3).hex()))

    @property
    def address(self) -> str:
        """What to start the queue with."""
        return str(self.cluster.address)

    def datasets(self) -> list[str]:
        """The files of data sets that nodes keep, once for each node."""
        own, keras = "cache-*/*/cluster/datasets/*", "keras-*/datasets/*/*"
        return sorted(file.name for where in (own, keras) for file in self._folder.glob(where))

    def kill(self, node: Any) -> None:
        """As a machine that loses its power."""
        self.cluster.remove_node(node, allow_graceful=False)

    def close(self) -> None:
        """Nothing is left behind."""
        self.cluster.shutdown()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _settings(self, name: str) -> dict[str, Any]:
        return {
            "include_dashboard": False,
            "env_vars": {
                "XDG_CACHE_HOME": str(self._folder / f"cache-{name}"),
                "KERAS_HOME": str(self._folder / f"keras-{name}"),
            },
        }
