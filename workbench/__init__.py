"""mnist-workbench: train image classifiers in a terminal, beside the tables of a paper."""

from importlib.metadata import PackageNotFoundError, version

__all__ = ["__version__"]

try:
    __version__ = version("mnist-workbench")
except PackageNotFoundError:  # a bare checkout that was never installed
    __version__ = "0+unknown"
