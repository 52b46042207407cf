"""A figure as the bytes of a file, the same bytes for the same runs; and Matplotlib kept quiet."""

from __future__ import annotations

import atexit
import logging
import os
import shutil
import tempfile
import warnings
from collections.abc import Callable, Sequence
from enum import StrEnum
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import UserError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from workbench.figures.view import Trace, View

DOTS_AN_INCH = 200  # of a PNG


class ImageFormat(StrEnum):
    """What kind of file."""

    SVG = "svg"
    PNG = "png"
    PDF = "pdf"


# Without the date of writing, which would make every file another one.
METADATA: dict[ImageFormat, dict[str, Any]] = {
    ImageFormat.SVG: {"Date": None, "Creator": "mnist-workbench"},
    ImageFormat.PNG: {"Software": None},
    ImageFormat.PDF: {"CreationDate": None, "Creator": "mnist-workbench", "Producer": None},
}

ABOUT = {
    ImageFormat.SVG: "Description",
    ImageFormat.PNG: "Description",
    ImageFormat.PDF: "Subject",
}


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


def render(traces: Sequence[Trace], view: View, form: ImageFormat) -> bytes:
    """The curves of one to six runs as a file's content."""

    def draw() -> Figure:
        from workbench.figures.curves import curves_figure

        return curves_figure(traces, view)

    return render_figure(draw, form)


def render_figure(
    draw: Callable[[], Figure], form: ImageFormat, title: str = "", description: str = ""
) -> bytes:
    """A figure as a file's content; `draw` is called where Matplotlib is ready.

    `title` and `description` are written into the file for who cannot see the figure.
    """
    about = {"Title": title, ABOUT[form]: description} if title else {}
    _prepare()
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    from workbench.figures.style import STYLE

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


def _prepare() -> None:
    """Before Matplotlib is loaded: a folder for its font list, and no word on stderr.

    Left alone it keeps the list in the user's home and complains where it cannot.
    """
    if "MPLCONFIGDIR" not in os.environ:
        os.environ["MPLCONFIGDIR"] = str(_cache_folder())
    # It is for screens that nothing here draws on, and an unknown one keeps it from loading.
    os.environ.pop("MPLBACKEND", None)
    logging.getLogger("matplotlib").setLevel(logging.CRITICAL)


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
