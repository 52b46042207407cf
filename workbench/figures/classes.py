"""A run's results class by class beside how far its confidence can be trusted, for a report."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from workbench.figures.style import GREY, INK, TEST, TRAIN
from workbench.formats import percent
from workbench.predictions.classes import Calibration, ClassResult

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_BARS = 40  # classes; of more, those with the least recall


def classes_figure(results: Sequence[ClassResult], trust: Calibration, title: str) -> Figure:
    """Recall and precision of each class, and the reliability plot (Guo et al., 2017, Figure 1)."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import PercentFormatter

    shown = sorted(results, key=lambda result: result.recall or 0.0)[:MOST_BARS]
    shown.sort(key=lambda result: result.number)
    places = range(len(shown))
    figure = Figure(figsize=(7.4, 3.2), layout="constrained")
    figure.suptitle(title, x=0.01, ha="left", size=9)
    left, right = figure.subplots(1, 2, width_ratios=(3, 2))
    for colour, mark, name in ((TRAIN, "o", "recall"), (TEST, "^", "precision")):
        values = [getattr(result, name) for result in shown]
        left.plot(places, values, mark, color=colour, label=name)
    left.set_xticks(places, [str(result.number) for result in shown])
    left.set_xlabel("class" if len(shown) == len(results) else "class, those with the least recall")
    left.yaxis.set_major_formatter(PercentFormatter(1.0))
    left.legend()
    filled = [part for part in trust.bins if part.images]
    right.plot([0, 1], [0, 1], color=GREY, linewidth=0.9, linestyle=(0, (1, 1.5)))
    right.plot(
        [part.confidence for part in filled], [part.accuracy for part in filled], "o-", color=INK
    )
    right.set_xlabel("confidence")
    right.set_ylabel("accuracy")
    right.set_title(f"expected calibration error {percent(trust.error)}", size=9)
    for axis in (right.xaxis, right.yaxis):
        axis.set_major_formatter(PercentFormatter(1.0))
    return figure
