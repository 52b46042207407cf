"""mnist-workbench: train image classifiers in a terminal, beside the tables of a paper.

`start` makes a run of any training loop, `LiveCallback` of a `fit` in Keras.
"""

from __future__ import annotations

from typing import Any

# By name, so that nothing is loaded by `import workbench`; their types stand in `__init__.pyi`.
_EXPORTED = {"start": "workbench.runs.logger", "LiveCallback": "workbench.training.fit_callback"}

__all__ = ["LiveCallback", "__version__", "start"]


def __getattr__(name: str) -> Any:
    """What is exported, and the version, looked up when asked for: that takes its time."""
    if name in _EXPORTED:
        from importlib import import_module

        return getattr(import_module(_EXPORTED[name]), name)
    if name != "__version__":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("mnist-workbench")
    except PackageNotFoundError:  # a bare checkout that was never installed
        return "0+unknown"
