"""How figures look: colours, lines and marks that paper and colour-blind eyes keep apart."""

from __future__ import annotations

from typing import Any

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
