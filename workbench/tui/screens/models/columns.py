"""Text in columns that stay where they are."""

from __future__ import annotations

from rich.cells import cell_len, set_cell_size


def left(text: str, width: int) -> str:
    """The text in exactly `width` columns, with an ellipsis where it is longer."""
    if width <= 0:
        return ""
    if cell_len(text) > width:
        return set_cell_size(text, width - 1) + "…"
    return text + " " * (width - cell_len(text))


def right(text: str, width: int) -> str:
    """The text at the right end of `width` columns."""
    return " " * max(0, width - cell_len(text)) + text


def short_count(number: int) -> str:
    """A count in at most five columns: `8,970`, `102 k`, `3.33M`."""
    if number < 10_000:
        return f"{number:,}"
    for size, sign in ((1_000, "k"), (1_000_000, "M"), (1_000_000_000, "G")):
        scaled = number / size
        if scaled < 999.5:
            digits = 2 if scaled < 9.995 else 1 if scaled < 99.95 else 0
            return f"{scaled:.{digits}f}{sign}"
    return f"{number:.0e}"
