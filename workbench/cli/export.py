"""`export`: results as a file, for a report or for others."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from workbench.cli import results
from workbench.cli.options import ForceOption, TableFormat
from workbench.cli.output import check_free, note, write_shared
from workbench.errors import UserError
from workbench.formats import count
from workbench.leaderboard.export import document
from workbench.leaderboard.query import parse_filter
from workbench.leaderboard.transfer import results_of, to_file

ENDINGS = {
    "": TableFormat.MARKDOWN,
    ".md": TableFormat.MARKDOWN,
    ".markdown": TableFormat.MARKDOWN,
    ".csv": TableFormat.CSV,
    ".json": TableFormat.JSON,
    ".tex": TableFormat.LATEX,
}


def export(
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="FILE", help="Write here instead of to stdout."),
    ] = None,
    table: results.TableOption = None,
    sort: results.SortOption = None,
    filter_: results.FilterOption = None,
    group: results.GroupOption = False,
    precision: results.PrecisionOption = "float32",
    by_epoch: results.EpochOption = False,
    form: Annotated[
        TableFormat | None,
        typer.Option("--format", help="markdown, csv, json or latex; else from FILE's ending."),
    ] = None,
    title: Annotated[
        str | None, typer.Option("--title", metavar="TEXT", help="Of the whole document.")
    ] = None,
    entries: Annotated[
        bool,
        typer.Option(
            "--entries", help="Results as JSON, for `leaderboard import` and `export --with`."
        ),
    ] = False,
    brief: Annotated[
        bool,
        typer.Option("--brief", help="In short: one table of all rows and the verdicts."),
    ] = False,
    with_: results.WithOption = None,
    force: ForceOption = False,
) -> None:
    """Write all results into one markdown document.

    It holds the leaderboard and all of the paper's tables beside it. With --table, --group,
    --filter or another format: that one table alone.

    Example: mnist-workbench export -o results.md
    """
    form = (form or _form_of(output)) if not entries else TableFormat.JSON
    whole = table is None and not group and filter_ is None and sort is None
    whole = whole and not by_epoch and form is TableFormat.MARKDOWN
    if title is not None and not whole:
        raise UserError("--title: only the whole markdown document has one; leave it out")
    files = with_ or []
    if brief and (entries or not whole or title is not None):
        raise UserError("--brief: is markdown of all results, without a title; leave the rest out")
    if entries:
        others = table is not None or group or sort is not None
        text = _entries_file(filter_, files, others=others)
    elif whole:
        runs = results.all_entries(files)
        if brief:
            text = document.brief(runs)
        else:
            text = document.document(runs, title or document.TITLE, results.imported_beside(runs))
    else:
        chosen = results.chosen_table(
            table,
            sort,
            filter_,
            group=group,
            precision=precision,
            by_epoch=by_epoch,
            files=files,
        )
        text = results.written(chosen, form)
    if output is None:
        results.print_text(text, form)
        return
    check_free(output, force=force)
    write_shared(output, text.encode())


def _entries_file(filter_: str | None, files: Sequence[Path], *, others: bool) -> str:
    if others:
        raise UserError("--entries: takes --filter alone; leave --table, --group and --sort out")
    wanted = parse_filter(filter_ or "")
    runs = [run for run in results.all_entries(files) if wanted.matches(run)]
    left_out = len(runs) - len(results_of(runs))
    if left_out:
        note(f"{count(left_out, 'run')} stopped or failed: no results, left out")
    return to_file(runs)


def _form_of(output: Path | None) -> TableFormat:
    ending = output.suffix.lower() if output else ""
    if ending not in ENDINGS:
        known = ", ".join(ending for ending in ENDINGS if ending)
        raise UserError(
            f"{output}: the ending is none of {known}; choose one, or name the --format"
        )
    return ENDINGS[ending]
