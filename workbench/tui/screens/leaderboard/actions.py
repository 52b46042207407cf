"""What is asked of the leaderboard, done in a thread: export, copy, rebuild, delete, queue."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from workbench.errors import UserError
from workbench.files import typed_path, write_export
from workbench.formats import count
from workbench.leaderboard.claims import claims_view
from workbench.leaderboard.export import to_markdown
from workbench.leaderboard.store import Leaderboard
from workbench.leaderboard.table import Table
from workbench.leaderboard.views import (
    difference_table,
    grouped_table,
    imported_table,
    leaderboard_table,
    paper_view,
)
from workbench.model.tables import PaperTable
from workbench.runs import service
from workbench.runs.folder import RunFolder
from workbench.runs.summary import difference
from workbench.settings import Home
from workbench.tui.screens.leaderboard.board import (
    ALL_RUNS,
    CLAIMS,
    IMPORTED,
    SCRIPTS,
    BoardRows,
)

# What terminals take through OSC 52, with its base64, without dropping it.
MOST_COPIED_BYTES = 70_000
_NAMES = {ALL_RUNS: "leaderboard.md", CLAIMS: "claims.md", IMPORTED: "imported.md",
          SCRIPTS: "scripts.md"}  # fmt: skip


class ExportRefused(UserError):
    """A name that cannot be written to, or a text too long to copy."""


def as_markdown(found: BoardRows) -> str:
    """The rows on view, in their order, under a heading that names the filter."""
    query = found.query
    if found.comparison is not None:
        return to_markdown(paper_view(found.comparison))
    if query.tab == CLAIMS:
        return to_markdown(claims_view(found.claims))
    if query.tab == IMPORTED:
        return to_markdown(imported_table(found.runs))
    filtered = f" where {query.filter_text.strip()}" if query.filter_text.strip() else ""
    if found.table is not None:
        return to_markdown(replace(found.table, title=f"{found.table.title}{filtered}"))
    if query.tab == ALL_RUNS and query.grouped:
        return to_markdown(grouped_table(found.groups, f"Leaderboard by settings{filtered}"))
    return to_markdown(leaderboard_table(found.runs, f"Leaderboard{filtered}"))


def suggested_name(found: BoardRows) -> str:
    """A file's name for a view, in the current folder."""
    tab = found.query.tab
    return _NAMES.get(tab, f"table-{tab}.md")


def export_target(text: str) -> Path:
    """The file that a person named.

    Raises:
        ExportRefused: it is no file's name, or its folder does not exist.
    """
    if not text.strip():
        raise ExportRefused("export: no file was named; nothing is written")
    path = typed_path(text.strip())
    if path.is_dir():
        raise ExportRefused(f"export: {path} is a folder; name a file in it")
    if not path.parent.is_dir():
        raise ExportRefused(f"export: there is no folder {path.parent}; make it first")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise ExportRefused(f"export: {path} cannot be written; choose another folder")
    return path


def write(found: BoardRows, path: Path) -> str:
    """Write the rows on view to a file.

    Raises:
        EnvironmentProblem: the folder cannot be written or the disk is full.
    """
    write_export(path, as_markdown(found))
    return f"Written to {path}"


def copyable(found: BoardRows) -> str:
    """The rows on view as markdown, if a terminal's clipboard takes it.

    Raises:
        ExportRefused: it is too long for that.
    """
    text = as_markdown(found)
    size = len(text.encode())
    if size > MOST_COPIED_BYTES:
        raise ExportRefused(
            f"copy: {size // 1000:,} kB are more than terminals take; filter the rows (/), "
            "or write them to a file (m)"
        )
    return text


def sync(home: Home) -> list[UserError]:
    """Catch up with runs that ended while the leaderboard could not be written, or say why not."""
    problem = Leaderboard(home).sync().unwritten
    return [problem] if problem else []


def rebuild(home: Home) -> str:
    """Write the leaderboard anew from the run folders."""
    lines: list[str] = []
    runs = Leaderboard(home).rebuild(lines.append)
    left_out = f"; {len(lines)} could not be read: {lines[0]}" if lines else ""
    return f"The leaderboard holds {count(runs, 'run')} again{left_out}"


def delete(home: Home, run_ids: Iterable[str]) -> list[UserError]:
    """Delete runs, their folders and their entries; what refused."""
    return service.delete([RunFolder(home.runs / run_id) for run_id in run_ids], Leaderboard(home))


def differences(home: Home, run_ids: Iterable[str]) -> Table:
    """What differs between runs, setting by setting.

    Raises:
        RunError: a run's folder is gone or damaged.
    """
    found = difference([RunFolder(home.runs / run_id) for run_id in run_ids])
    note = () if found.settings else ("No setting differs.",)
    title = f"{count(len(found.run_ids), 'run')}, setting by setting"
    return replace(difference_table(found), title=title, footnotes=note)


def queue_missing(home: Home, table: PaperTable) -> tuple[str, bool]:
    """Queue the trainings of a table that are not there yet, and let the queue run.

    What is to be said of it, and whether the queue works now.
    """
    from workbench.queue import service as queue
    from workbench.queue.planning import plan_trials, trainings_for

    wanted = trainings_for([table])
    found = plan_trials(home, wanted)
    if not found.to_train:
        return f"Nothing is missing in Table {table.number}", False
    queue.enqueue(home, wanted, "app")
    queue.start(home)
    new = count(len(found.new), "training")
    said = f"{new} queued" if found.new else "All that is missing is queued already"
    return f"{said}; 5 shows the queue", True
