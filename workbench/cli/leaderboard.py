"""`leaderboard`, `export`: results ranked, grouped and beside the paper's tables; their labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from workbench.cli import options
from workbench.cli.options import TableFormat
from workbench.cli.output import check_free, note, print_json, print_table, put, write_shared
from workbench.errors import QueryError, UserError
from workbench.formats import count, none_matches
from workbench.leaderboard import views
from workbench.leaderboard.columns import (
    DEFAULT_SORT,
    SortKey,
    find_script_columns,
    parse_sort,
    sort_runs,
    sorted_rows,
    telling_columns,
)
from workbench.leaderboard.grouping import group_runs, ranked
from workbench.leaderboard.paper import compare
from workbench.leaderboard.query import filter_runs, parse_filter
from workbench.leaderboard.store import Leaderboard, Synced
from workbench.leaderboard.table import Table
from workbench.leaderboard.transfer import machines, read_entries, results_of, to_file
from workbench.model.tables import paper_table
from workbench.runs.folder import find_run
from workbench.runs.record import Labels, checked_labels
from workbench.runs.summary import RunSummary
from workbench.settings import default_home

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
PaperPrecisionOption = Annotated[
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
    return [run for file in files for run in read_entries(file)]


def board_here() -> Leaderboard:
    return Leaderboard(default_home())


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
    half = options.checked_precision(precision)
    wanted = parse_filter(filter_ or "")
    order = sort or DEFAULT_SORT
    parse_sort(order)
    paper = paper_table(table) if table is not None else None
    if by_epoch and paper is None:
        raise QueryError("--by-epoch: is of a table of the paper; name one with --table")
    if imported and paper is not None:
        raise QueryError("--imported: a table of the paper shows them anyway; leave one out")
    if paper is not None:
        runs = [run for run in all_entries(files) if wanted.matches(run)]
        others = [run for run in imported_beside(runs) if wanted.matches(run)]
        comparison = compare(paper, runs, half, others)
        return views.epochs_view(comparison) if by_epoch else views.paper_view(comparison)
    entries = board_here().imported() if imported else all_entries(files)
    runs = sort_runs([run for run in entries if wanted.matches(run)], order)
    if group:
        groups = group_runs(runs)
        groups = ranked(groups) if sort is None else groups
        found = views.imported_groups_table(groups) if imported else views.grouped_table(groups)
    else:
        found = views.imported_table(runs) if imported else views.leaderboard_table(runs)
    return replace(found, empty=none_matches(len(entries))) if entries else found


def written(table: Table, output: TableFormat) -> str:
    """A table as text, ending in a newline; markdown for what is no form of a file."""
    from workbench.leaderboard.export import to_csv, to_json, to_latex, to_markdown

    forms = {TableFormat.CSV: to_csv, TableFormat.JSON: to_json, TableFormat.LATEX: to_latex}
    return forms.get(output, to_markdown)(table)


app = typer.Typer(
    help="Rank and compare runs, also beside the paper's tables.\n\n"
    "Example: mnist-workbench leaderboard --table 7",
    invoke_without_command=True,
    add_completion=False,
    rich_markup_mode=None,
)


@app.callback()
def leaderboard(
    context: typer.Context,
    table: TableOption = None,
    sort: SortOption = None,
    filter_: FilterOption = None,
    group: GroupOption = False,
    precision: PaperPrecisionOption = "float32",
    imported: ImportedOption = False,
    by_epoch: EpochOption = False,
    output: options.TableFormatOption = TableFormat.RICH,
) -> None:
    """Rank and compare runs, also beside the paper's tables."""
    if context.invoked_subcommand is None:
        chosen = chosen_table(
            table,
            sort,
            filter_,
            group=group,
            precision=precision,
            imported=imported,
            by_epoch=by_epoch,
        )
        show_table(chosen, output)


@app.command("scripts")
def scripts(
    sort: Annotated[
        str, typer.Option("--sort", metavar="COLUMN", help="metric.val_loss, -config.lr, title …")
    ] = "-started_at",
    filter_: FilterOption = None,
    columns: Annotated[
        str | None,
        typer.Option(
            metavar="NAMES", help="Which to show, with commas between: title,metric.loss,config.lr"
        ),
    ] = None,
    output: options.TableFormatOption = TableFormat.RICH,
) -> None:
    """Compare runs of scripts by their metrics and configuration.

    Example: mnist-workbench leaderboard scripts --filter 'config.lr>0.001' --sort metric.val_loss
    """
    found = synced().scripts
    runs = filter_runs(found, filter_ or "")
    if not runs and output is TableFormat.RICH:
        note("no run of a script matches" if found else "no run of a script has ended yet")
        return
    chosen = [name.strip() for name in (columns or "").split(",") if name.strip()]
    shown = find_script_columns(runs, chosen) if chosen else telling_columns(runs)
    if runs:
        [column] = find_script_columns(runs, [sort.removeprefix("-")])
        runs = sorted_rows(runs, [SortKey(column, sort.startswith("-"))])
    table = views.scripts_table(runs, shown)
    show_table(table, output)


@app.command("claims")
def claims(
    precision: PaperPrecisionOption = "float32",
    output: options.TableFormatOption = TableFormat.RICH,
) -> None:
    """Check what the paper concludes, with numbers from our runs.

    Example: mnist-workbench leaderboard claims
    """
    from workbench.leaderboard.judges import claims_table

    show_table(claims_table(all_entries(), options.checked_precision(precision)), output)


@app.command("rebuild")
def rebuild() -> None:
    """Make the leaderboard anew from the run folders.

    A damaged file is kept aside; tags and notes come back with the runs.
    """
    rebuilt = board_here().rebuild(note)
    note(f"leaderboard rebuilt from the run folders: {count(rebuilt, 'run')}")


@app.command("import")
def import_(
    file: Annotated[
        Path | None,
        typer.Argument(metavar="FILE", help="JSON that `export --entries` wrote."),
    ] = None,
    remove: Annotated[
        bool, typer.Option("--remove", help="Take all imported runs off again; no FILE then.")
    ] = False,
) -> None:
    """Show published results beside one's own.

    They are counted into none of them; the same runs imported again are replaced.

    Example: mnist-workbench leaderboard import docs/reproduction.json
    """
    if (file is not None) == remove:
        raise UserError("leaderboard import: name a FILE, or --remove without one")
    board = board_here()
    if file is None:
        note(f"{count(board.remove_imported(), 'imported run')} taken off")
        return
    entries = read_entries(file)
    done = board.import_entries(entries)
    kept = done.added + done.replaced
    parts = [f"{count(kept, 'run')} imported"]
    if kept:
        own = {run.run_id for run in board.imported()}
        names = machines(run for run in entries if run.run_id in own)
        parts[0] += f" from {', '.join(names)}"
    if done.replaced:
        parts.append(f"{done.replaced:,} of them were there already and are replaced")
    if done.own:
        parts.append(f"{count(done.own, 'run')} of your own left out")
    note("; ".join(parts))
    if kept:
        note("`mnist-workbench leaderboard --imported` lists them; import --remove takes them off")


@app.command("tag")
def tag(
    run: options.RunArgument,
    tags: Annotated[list[str] | None, typer.Argument(metavar="TAG", help="Tags to add.")] = None,
    remove: Annotated[
        list[str] | None, typer.Option("--remove", metavar="TAG", help="A tag to take away.")
    ] = None,
) -> None:
    """Add tags to a run, or take some away."""

    def change(before: Labels) -> Labels:
        kept = [name for name in [*before.tags, *(tags or [])] if name not in (remove or [])]
        return checked_labels(kept, before.note)

    folder = find_run(default_home(), run)
    labels = board_here().change_labels(folder.run_id, change)
    note(f"run {folder.run_id}: tags {' '.join(labels.tags) or 'none'}")


@app.command("note")
def write_note(
    run: options.RunArgument,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="The remark; empty removes it.")],
) -> None:
    """Keep a remark with a run."""
    folder = find_run(default_home(), run)
    board_here().change_labels(
        folder.run_id, lambda before: checked_labels(list(before.tags), text)
    )
    note(f"run {folder.run_id}: note {'kept' if text else 'removed'}")


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
    table: TableOption = None,
    sort: SortOption = None,
    filter_: FilterOption = None,
    group: GroupOption = False,
    precision: PaperPrecisionOption = "float32",
    by_epoch: EpochOption = False,
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
    with_: WithOption = None,
    force: options.ForceOption = False,
) -> None:
    """Write all results into one markdown document.

    It holds the leaderboard and all of the paper's tables beside it. With --table, --group,
    --filter or another format: that one table alone.

    Example: mnist-workbench export -o results.md
    """
    ending = output.suffix.lower() if output else ""
    if entries:
        form = TableFormat.JSON
    elif form is None:
        if ending not in ENDINGS:
            known = ", ".join(ending for ending in ENDINGS if ending)
            raise UserError(
                f"{output}: the ending is none of {known}; choose one, or name the --format"
            )
        form = ENDINGS[ending]
    whole = table is None and not group and filter_ is None and sort is None
    whole = whole and not by_epoch and form is TableFormat.MARKDOWN
    if title is not None and not whole:
        raise UserError("--title: only the whole markdown document has one; leave it out")
    files = with_ or []
    if brief and (entries or not whole or title is not None):
        raise UserError("--brief: is markdown of all results, without a title; leave the rest out")
    if entries:
        if table is not None or group or sort is not None:
            raise UserError(
                "--entries: takes --filter alone; leave --table, --group and --sort out"
            )
        wanted = parse_filter(filter_ or "")
        runs = [run for run in all_entries(files) if wanted.matches(run)]
        left_out = len(runs) - len(results_of(runs))
        if left_out:
            note(f"{count(left_out, 'run')} stopped or failed: no results, left out")
        text = to_file(runs)
    elif whole:
        runs = all_entries(files)
        from workbench.leaderboard import document

        if brief:
            text = document.brief(runs)
        else:
            text = document.document(runs, title or document.TITLE, imported_beside(runs))
    else:
        chosen = chosen_table(
            table,
            sort,
            filter_,
            group=group,
            precision=precision,
            by_epoch=by_epoch,
            files=files,
        )
        text = written(chosen, form)
    if output is None:
        print_text(text, form)
        return
    check_free(output, force=force)
    write_shared(output, text.encode())
