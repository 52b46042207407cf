"""What `leaderboard` and `export` share: which runs, as which table, in which form."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from workbench.cli.options import TableFormat, checked_precision, current_home
from workbench.cli.output import note, print_json, print_table, put
from workbench.errors import QueryError
from workbench.formats import none_matches
from workbench.leaderboard.columns import DEFAULT_SORT, parse_sort, sorted_by
from workbench.leaderboard.grouping import group_runs, ranked
from workbench.leaderboard.paper import compare
from workbench.leaderboard.paper_view import epochs_view, paper_view
from workbench.leaderboard.query import parse_filter
from workbench.leaderboard.store import Leaderboard, Synced
from workbench.leaderboard.table import Table
from workbench.leaderboard.views import (
    grouped_table,
    imported_groups_table,
    imported_table,
    leaderboard_table,
)
from workbench.model.tables import paper_table
from workbench.runs.summary import RunSummary

TableOption = Annotated[
    int | None,
    typer.Option("--table", metavar="3|6|7|8|9", help="A table of the paper, with ours beside it."),
]
FilterOption = Annotated[
    str | None,
    typer.Option(
        "--filter",
        metavar="TERMS",
        help="All of: preset=cnn-2 lr>=0.001 accuracy>97 tag:best, or any word; or, not, ( ).",
    ),
]
SortOption = Annotated[
    str | None,
    typer.Option("--sort", metavar="FIELD", help="accuracy, time, lr, started_at …; -FIELD turns."),
]
GroupOption = Annotated[
    bool, typer.Option("--group", help="One row a preset and settings: n, mean ± sd.")
]
PrecisionOption = Annotated[
    str, typer.Option("--precision", help="Of our runs beside the paper's: float32 or bfloat16.")
]
EpochOption = Annotated[
    bool,
    typer.Option("--by-epoch", help="With --table: ours after each epoch, beside the paper's."),
]
WithOption = Annotated[
    list[Path] | None,
    typer.Option(
        "--with",
        metavar="FILE",
        help="Count such a file's results as yours, from another of your machines, say.",
    ),
]
ImportedOption = Annotated[
    bool, typer.Option("--imported", help="The imported runs, which are not among one's own.")
]


def print_text(text: str, form: TableFormat) -> None:
    """Print what `written` gave on stdout."""
    if form is TableFormat.JSON:
        import json

        print_json(json.loads(text))
    else:
        put(text)


def show_table(table: Table, output: TableFormat) -> None:
    """Print a table in the form asked for; what it says when it is empty to a person alone."""
    if output is not TableFormat.RICH:
        print_text(written(table, output), output)
    elif table.rows:
        print_table(table)
    else:
        note(table.empty)


def all_entries(files: Sequence[Path] = ()) -> list[RunSummary]:
    """All ended runs of the home, the unrecorded ones among them, and the results of files.

    Raises:
        ImportRefused: a file is not as `export --entries` writes it.
    """
    found = {run.run_id: run for run in results_in(files)}
    return list((found | {run.run_id: run for run in synced().entries}).values())


def synced() -> Synced:
    """The leaderboard of the home with all runs that have ended; what it misses is said."""
    synced = board_here().sync()
    for run_id in synced.unreadable:
        note(f"mnist-workbench: run {run_id} cannot be read and is left out")
    if synced.unwritten is not None:
        note(f"mnist-workbench: {synced.unwritten}")
    return synced


def results_in(files: Sequence[Path]) -> list[RunSummary]:
    """The results that files of `export --entries` hold.

    Raises:
        ImportRefused: a file is not as `export --entries` writes it.
    """
    from workbench.leaderboard.transfer import read_entries

    return [run for file in files for run in read_entries(file)]


def board_here() -> Leaderboard:
    """The leaderboard of the home in force."""
    return Leaderboard(current_home())


def imported_beside(runs: Sequence[RunSummary]) -> list[RunSummary]:
    """The imported runs that are not among these already."""
    counted = {run.run_id for run in runs}
    return [run for run in board_here().imported() if run.run_id not in counted]


def chosen_table(
    table: int | None,
    sort: str | None,
    filter_: str | None,
    *,
    group: bool,
    precision: str = "float32",
    imported: bool = False,
    by_epoch: bool = False,
    files: Sequence[Path] = (),
) -> Table:
    """The runs that are asked for, as the table that is asked for.

    Raises:
        UserError: something typed means nothing, or a file of results is none.
    """
    # Everything typed is checked before anything is read.
    half = checked_precision(precision)
    wanted = parse_filter(filter_ or "")
    order = parse_sort(sort or DEFAULT_SORT)
    paper = paper_table(table) if table is not None else None
    if by_epoch and paper is None:
        raise QueryError("--by-epoch: is of a table of the paper; name one with --table")
    if imported and paper is not None:
        raise QueryError("--imported: a table of the paper shows them anyway; leave one out")
    if paper is not None:
        runs = [run for run in all_entries(files) if wanted.matches(run)]
        others = [run for run in imported_beside(runs) if wanted.matches(run)]
        comparison = compare(paper, runs, half, others)
        return epochs_view(comparison) if by_epoch else paper_view(comparison)
    entries = board_here().imported() if imported else all_entries(files)
    runs = sorted_by([run for run in entries if wanted.matches(run)], order)
    if group:
        groups = group_runs(runs)
        groups = ranked(groups) if sort is None else groups
        found = imported_groups_table(groups) if imported else grouped_table(groups)
    else:
        found = imported_table(runs) if imported else leaderboard_table(runs)
    return replace(found, empty=none_matches(len(entries))) if entries else found


def written(table: Table, output: TableFormat) -> str:
    """A table as text, ending in a newline; markdown for what is no form of a file."""
    from workbench.leaderboard.export.latex import to_latex
    from workbench.leaderboard.export.markdown import to_markdown
    from workbench.leaderboard.export.records import to_csv, to_json

    match output:
        case TableFormat.CSV:
            return to_csv(table)
        case TableFormat.JSON:
            return to_json(table)
        case TableFormat.LATEX:
            return to_latex(table)
        case _:
            return to_markdown(table)
