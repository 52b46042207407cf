"""What is on view as markdown: written to a file, or handed to the terminal's clipboard."""

from __future__ import annotations

from pathlib import Path

from workbench.errors import UserError
from workbench.leaderboard.claims.view import claims_view
from workbench.leaderboard.export.markdown import to_markdown
from workbench.leaderboard.imported_view import imported_table
from workbench.leaderboard.paper_view import paper_view
from workbench.leaderboard.views import grouped_table, leaderboard_table
from workbench.tui.screens.leaderboard.board import ALL_RUNS, CLAIMS, IMPORTED, Arranged

# What terminals take through OSC 52, with its base64, without dropping it.
MOST_COPIED_BYTES = 70_000
_NAMES = {ALL_RUNS: "leaderboard.md", CLAIMS: "claims.md", IMPORTED: "imported.md"}


class ExportRefused(UserError):
    """A name that cannot be written to, or a text too long to copy."""


def as_markdown(arranged: Arranged) -> str:
    """The rows on view, in their order, under a heading that names the filter."""
    view = arranged.view
    if arranged.comparison is not None:
        return to_markdown(paper_view(arranged.comparison))
    if view.tab == CLAIMS:
        return to_markdown(claims_view(arranged.claims))
    if view.tab == IMPORTED:
        return to_markdown(imported_table(arranged.runs))
    filtered = f" where {view.filter_text.strip()}" if view.filter_text.strip() else ""
    if view.tab == ALL_RUNS and view.grouped:
        return to_markdown(grouped_table(arranged.groups, f"Leaderboard by settings{filtered}"))
    return to_markdown(leaderboard_table(arranged.runs, f"Leaderboard{filtered}"))


def suggested_name(arranged: Arranged) -> str:
    """A file's name for a view, in the current folder."""
    tab = arranged.view.tab
    return _NAMES.get(tab, f"table-{tab}.md")


def target(text: str) -> Path:
    """The file that a person named.

    Raises:
        ExportRefused: it is no file's name, or its folder does not exist.
    """
    if not text.strip():
        raise ExportRefused("export: no file was named; nothing is written")
    path = Path(text.strip()).expanduser().absolute()
    if path.is_dir():
        raise ExportRefused(f"export: {path} is a folder; name a file in it")
    if not path.parent.is_dir():
        raise ExportRefused(f"export: there is no folder {path.parent}; make it first")
    return path


def copyable(text: str) -> str:
    """The text, if a terminal's clipboard takes it.

    Raises:
        ExportRefused: it is too long for that.
    """
    size = len(text.encode())
    if size > MOST_COPIED_BYTES:
        raise ExportRefused(
            f"copy: {size // 1000:,} kB are more than terminals take; filter the rows (/), "
            "or write them to a file (m)"
        )
    return text
