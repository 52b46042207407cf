"""Where the files shipped with the program are: in a wheel and in a checkout alike.

A wheel holds `presets/` and `layouts/` inside the package; a checkout holds them beside it.
"""

from __future__ import annotations

from pathlib import Path

PACKAGE = Path(__file__).resolve().parent
MNIST_FILE = PACKAGE / "data" / "mnist.npz"


def resource_folder(name: str) -> Path:
    """The folder `presets` or `layouts`.

    Raises:
        FileNotFoundError: the installation lacks the folder.
    """
    inside = PACKAGE / name
    if inside.is_dir():
        return inside
    beside = PACKAGE.parent / name
    # Without the marker, a stray folder of this name in site-packages could be taken for ours.
    if beside.is_dir() and (PACKAGE.parent / "pyproject.toml").is_file():
        return beside
    raise FileNotFoundError(f"the installation lacks its {name} folder; install it again")


def style_sheet(name: str) -> str:
    """The path of `layouts/NAME.tcss`, for a screen's `CSS_PATH`.

    A screen's own is read when it is first opened: Textual reads all that it knows anew for each,
    which the first frame would wait for.
    """
    return str(resource_folder("layouts") / f"{name}.tcss")
