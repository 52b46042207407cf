"""How figures look, and a figure as the bytes of a file: the same bytes for the same runs.

Colours, lines and marks are those that paper and colour-blind eyes keep apart. Matplotlib is kept
quiet.
"""

from __future__ import annotations

import atexit
import logging
import os
import shutil
import tempfile
import warnings
from collections.abc import Callable
from enum import StrEnum
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import UserError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DOTS_AN_INCH = 200  # of a PNG

INK, GREY = "#1f2429", "#6b747c"
TRAIN, TEST = "#0072b2", "#b35900"
# The Okabe-Ito palette in shades dark enough for paper, and the marks of the screens' overlay.
COLOURS = ("#0072b2", "#b35900", "#00795a", "#a0457a", "#1f2429", "#6a51a3")
MARKS = ("o", "^", "s", "D", "P", "o")
HOLLOW = 5  # the place whose mark is drawn empty
DASHES: tuple[Any, ...] = (
    "solid",
    (0, (5, 1.5)),
    (0, (1, 1.2)),
    (0, (5, 1.5, 1, 1.5)),
    (0, (9, 2)),
    (0, (3, 1.2, 1, 1.2, 1, 1.2)),
)
STYLE: Any = {
    "font.family": ["sans-serif"],
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 9,
    "text.color": INK,
    "text.parse_math": False,  # names are the user's own and may hold a dollar sign
    "axes.labelcolor": INK,
    "axes.edgecolor": GREY,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#dde1e4",
    "grid.linewidth": 0.6,
    "xtick.color": GREY,
    "ytick.color": GREY,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "lines.linewidth": 1.4,
    "lines.markersize": 4.5,
    "legend.frameon": False,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "svg.fonttype": "none",  # text that can be selected and searched
    "svg.hashsalt": "mnist-workbench",
    "pdf.fonttype": 42,
}

RAW_LINE: dict[str, Any] = {"color": TRAIN, "alpha": 0.3, "linewidth": 0.6}
TRAIN_LINE: dict[str, Any] = {"color": TRAIN}
TEST_LINE: dict[str, Any] = {"color": TEST, "marker": "o", "linestyle": (0, (4, 1.5)), "zorder": 3}
PAPER_LINE: dict[str, Any] = {
    "color": INK,
    "linewidth": 1.0,
    "linestyle": (0, (1, 1.5)),
    "zorder": 1,
}


class ImageFormat(StrEnum):
    SVG = "svg"
    PNG = "png"
    PDF = "pdf"


# Without the date of writing, which would make every file another one.
METADATA: dict[ImageFormat, dict[str, Any]] = {
    ImageFormat.SVG: {"Date": None, "Creator": "mnist-workbench"},
    ImageFormat.PNG: {"Software": None},
    ImageFormat.PDF: {"CreationDate": None, "Creator": "mnist-workbench", "Producer": None},
}


def run_line(number: int) -> dict[str, Any]:
    """The line of the run at this place, from 0, in an overlay."""
    style: dict[str, Any] = {
        "color": COLOURS[number],
        "linestyle": DASHES[number],
        "marker": MARKS[number],
        "linewidth": 1.2,
    }
    if number == HOLLOW:
        style["markerfacecolor"] = "white"
    return style


def form_of(output: Path) -> ImageFormat:
    """The kind of figure that a file's name asks for.

    Raises:
        UserError: another ending.
    """
    ending = output.suffix.lower().removeprefix(".")
    if ending not in list(ImageFormat):
        known = ", ".join(f".{form}" for form in ImageFormat)
        raise UserError(f"{output}: a figure's name ends with one of {known}; choose one of these")
    return ImageFormat(ending)


def render_figure(
    draw: Callable[[], Figure], form: ImageFormat, title: str = "", description: str = ""
) -> bytes:
    """A figure as a file's content; `draw` is called where Matplotlib is ready.

    `title` and `description` are written into the file for who cannot see the figure.
    """
    said = "Subject" if form is ImageFormat.PDF else "Description"
    about = {"Title": title, said: description} if title else {}
    # A folder for the font list: left alone, Matplotlib keeps it in the user's home and complains
    # where it cannot.
    if "MPLCONFIGDIR" not in os.environ:
        os.environ["MPLCONFIGDIR"] = str(_cache_folder())
    # It is for screens that nothing here draws on, and an unknown one keeps it from loading.
    os.environ.pop("MPLBACKEND", None)
    logging.getLogger("matplotlib").setLevel(logging.CRITICAL)
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    with matplotlib.rc_context(), warnings.catch_warnings():
        # A name in letters that the font lacks is drawn with boxes; there is nothing to fix.
        warnings.simplefilter("ignore")
        matplotlib.rcdefaults()  # whatever a matplotlibrc of the user's says
        matplotlib.rcParams.update(STYLE)
        figure = draw()
        FigureCanvasAgg(figure)
        content = BytesIO()
        figure.savefig(
            content, format=form.value, dpi=DOTS_AN_INCH, metadata={**METADATA[form], **about}
        )
    return content.getvalue()


def _cache_folder() -> Path:
    from platformdirs import user_cache_path

    folder = user_cache_path("mnist-workbench", appauthor=False) / "matplotlib"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if os.access(folder, os.W_OK | os.X_OK):
            return folder
    except OSError:
        pass
    folder = Path(tempfile.mkdtemp(prefix="mnist-workbench-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
