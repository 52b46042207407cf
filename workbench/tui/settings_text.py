"""The settings of a run in one line, as long as there is room for."""

from __future__ import annotations

from workbench.formats import count
from workbench.runs.summary import RunSummary
from workbench.text import one_line

# From these widths on a form is used: by the column, so that its rows are alike.
LONG, MIDDLE = 58, 32


def settings_text(run: RunSummary, width: int = LONG) -> str:
    """`SGD 0.002, momentum 0.7, batch 60, 5 epochs`; where it is narrow `SGD 0.002 60×5`.

    Of 3,000 images `3,000 images, SGD …`, or `3k SGD …`: first, as a long line is cut at its end.
    """
    optimizer, _, more = run.optimizer_text.rstrip(")").partition(" (")
    rate = f"{run.learning_rate:g}"
    special = []
    if run.precision != "float32":
        special.append(run.precision)
    if run.dataset != "mnist":
        special.append(run.dataset)
    if run.train_limit is not None:
        short = width < MIDDLE
        special.append(run.images_text if short else count(run.train_limit, "image"))
    if width < MIDDLE:
        return one_line(" ".join([*special, optimizer, rate, f"{run.batch_size}×{run.epochs}"]))
    parts = [*special, f"{optimizer} {rate}"]
    if width >= LONG:
        parts += [more] if more else []
        parts += [run.schedule.replace("_", " ")] if run.schedule != "constant" else []
    epochs = count(run.epochs, "epoch")
    return one_line(", ".join([*parts, f"batch {run.batch_size}", epochs]))
