"""mnist-workbench: train image classifiers in a terminal, beside the tables of a paper."""

from __future__ import annotations

__all__ = ["__version__"]


def __getattr__(name: str) -> str:
    """`__version__`, looked up when asked for: the look-up costs more than all else at start."""
    if name != "__version__":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("mnist-workbench")
    except PackageNotFoundError:  # a bare checkout that was never installed
        return "0+unknown"
