"""mnist-workbench: train image classifiers in a terminal, beside the tables of a paper.

`start` makes a run of any training loop, `LiveCallback` of a `fit` in Keras.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from workbench.runs.logger import start
    from workbench.training.fit_callback import LiveCallback

    __version__: str

__all__ = ["LiveCallback", "__version__", "start"]


def __getattr__(name: str) -> Any:
    """What is exported, looked up when asked for: nothing is loaded by `import workbench`."""
    match name:
        case "start":
            from workbench.runs.logger import start

            return start
        case "LiveCallback":
            from workbench.training.fit_callback import LiveCallback

            return LiveCallback
        case "__version__":
            from importlib.metadata import PackageNotFoundError, version

            try:
                return version("mnist-workbench")
            except PackageNotFoundError:  # a bare checkout that was never installed
                return "0+unknown"
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
