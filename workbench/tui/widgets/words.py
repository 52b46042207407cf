"""Words where they fit: in so many cells, or in a panel's border; the settings of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.cells import cell_len, set_cell_size
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from workbench.formats import count
from workbench.text import one_line, visible

if TYPE_CHECKING:
    from workbench.leaderboard.table import Piece
    from workbench.runs.summary import AnySummary, RunSummary

# From these widths on a form is used: by the column, so that its rows are alike.
LONG, MIDDLE = 58, 32


def fit(text: str, width: int, right: bool = False) -> str:
    """The text in exactly this many columns of a terminal, cut with an ellipsis."""
    length = len(text) if text.isascii() else cell_len(text)
    if length > width:
        return set_cell_size(text, width - 1) + "…" if width > 0 else ""
    padding = " " * (width - length)
    return padding + text if right else text + padding


def say_in_border(
    widget: Widget, title: str | None = None, subtitle: str | Content | None = None
) -> None:
    """Set the title and the subtitle, strings as plain text; None leaves one as it is.

    Setting one sends the whole panel over the connection, so what stands there already is not
    set again.
    """
    if title is not None and widget.border_title != (text := Content(visible(title))).markup:
        widget.border_title = text
    if subtitle is not None:
        text = Content(visible(subtitle)) if isinstance(subtitle, str) else subtitle
        if (widget.border_subtitle or "") != text.markup:
            widget.border_subtitle = text


def say(line: Static, content: str | Content, *, layout: bool = False) -> None:
    """Show a text; the same one again sends nothing."""
    if line.content != content:
        line.update(content, layout=layout)


def bar_pieces(share: float, width: int) -> list[Piece]:
    """A thin bar, so that those of neighbouring rows stay apart; in halves of a cell."""
    halves = min(2 * width, int(2 * width * share))
    done = "━" * (halves // 2) + "╸" * (halves % 2)
    return [(done, "train"), ("─" * (width - len(done)), "muted")]


def training_text(run: AnySummary) -> str:
    """What a run trains with; of a script what it has told of that.

    The seed first: a long line is cut at its end, and a narrow list has no column for it.
    """
    from workbench.runs.summary import ScriptSummary

    if isinstance(run, ScriptSummary):
        facts = (run.framework, run.config_text or " ".join(run.command))
        return "  ".join(fact for fact in facts if fact)
    return f"seed {run.seed}, {settings_text(run)}"


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
