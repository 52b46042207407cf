"""`leaderboard` and `export`: results ranked, grouped and beside the paper's tables."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from workbench.cli.options import HomeOption, RunArgument, TableFormat, current_home

if TYPE_CHECKING:
    from workbench.leaderboard.store import Leaderboard
    from workbench.leaderboard.table import Table
    from workbench.model.spec import Precision
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
        help="All of: preset=cnn-2 optimizer=adam lr>=0.001 accuracy>97 tag:best, or any word.",
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
ImportedOption = Annotated[
    bool, typer.Option("--imported", help="The imported runs, which are not among one's own.")
]

app = typer.Typer(
    help="Rank and compare runs, also beside the paper's tables.\n\n"
    "Example: mnist-workbench leaderboard --table 7",
    invoke_without_command=True,
    rich_markup_mode=None,
)


@app.callback()
def leaderboard(
    context: typer.Context,
    table: TableOption = None,
    sort: SortOption = None,
    filter_: FilterOption = None,
    group: GroupOption = False,
    precision: PrecisionOption = "float32",
    imported: ImportedOption = False,
    output: Annotated[
        TableFormat, typer.Option("--format", help="rich, markdown, csv, json or latex.")
    ] = TableFormat.RICH,
    home: HomeOption = None,
) -> None:
    """Rank and compare runs, also beside the paper's tables."""
    if context.invoked_subcommand is not None:
        return
    from workbench.cli.output import note, print_table

    chosen = _chosen(table, sort, filter_, group=group, precision=precision, imported=imported)
    if output is TableFormat.RICH:
        if chosen.rows:
            print_table(chosen)
        else:
            note(chosen.empty)
        return
    _print(_written(chosen, output), output)


def _print(text: str, form: TableFormat) -> None:
    from workbench.cli.output import print_json

    if form is TableFormat.JSON:
        import json

        print_json(json.loads(text))
    else:
        print(text, end="")


def _entries() -> list[RunSummary]:
    """All ended runs; runs whose worker could not record them are added first."""
    from workbench.cli.output import note

    board = _leaderboard()
    for run_id in board.sync().unreadable:
        note(f"mnist-workbench: run {run_id} cannot be read and is left out")
    return board.entries()


def _leaderboard() -> Leaderboard:
    from workbench.leaderboard.store import Leaderboard

    return Leaderboard(current_home())


def _chosen(
    table: int | None,
    sort: str | None,
    filter_: str | None,
    *,
    group: bool,
    precision: str = "float32",
    imported: bool = False,
) -> Table:
    from workbench.errors import QueryError
    from workbench.leaderboard.grouping import group_runs, ranked
    from workbench.leaderboard.imported_view import imported_groups_table, imported_table
    from workbench.leaderboard.paper import compare
    from workbench.leaderboard.paper_view import paper_view
    from workbench.leaderboard.query import parse_filter
    from workbench.leaderboard.sorting import DEFAULT_SORT, parse_sort, sorted_by
    from workbench.leaderboard.views import grouped_table, leaderboard_table
    from workbench.model.tables import paper_table

    # Everything typed is checked before anything is read.
    half = _precision(precision)
    wanted = parse_filter(filter_ or "")
    order = parse_sort(sort or DEFAULT_SORT)
    paper = paper_table(table) if table is not None else None
    if imported and paper is not None:
        raise QueryError("--imported: a table of the paper shows them anyway; leave one out")
    if paper is not None:
        runs = [run for run in _entries() if wanted.matches(run)]
        others = [run for run in _leaderboard().imported() if wanted.matches(run)]
        return paper_view(compare(paper, runs, half, others))
    entries = _leaderboard().imported() if imported else _entries()
    runs = sorted_by([run for run in entries if wanted.matches(run)], order)
    if group:
        groups = group_runs(runs)
        groups = ranked(groups) if sort is None else groups
        return imported_groups_table(groups) if imported else grouped_table(groups)
    return imported_table(runs) if imported else leaderboard_table(runs)


def _precision(name: str) -> Precision:
    from workbench.errors import QueryError

    if name == "float32" or name == "bfloat16":
        return "float32" if name == "float32" else "bfloat16"
    raise QueryError(f'precision: "{name}" is neither float32 nor bfloat16')


def _written(table: Table, output: TableFormat) -> str:
    from workbench.leaderboard.export.csv import to_csv
    from workbench.leaderboard.export.json import to_json
    from workbench.leaderboard.export.latex import to_latex
    from workbench.leaderboard.export.markdown import to_markdown

    match output:
        case TableFormat.CSV:
            return to_csv(table)
        case TableFormat.JSON:
            return to_json(table)
        case TableFormat.LATEX:
            return to_latex(table)
        case _:
            return to_markdown(table)


@app.command("claims")
def claims(
    precision: PrecisionOption = "float32",
    output: Annotated[
        TableFormat, typer.Option("--format", help="rich, markdown, csv, json or latex.")
    ] = TableFormat.RICH,
    home: HomeOption = None,
) -> None:
    """Check what the paper concludes, with numbers from our runs.

    Example: mnist-workbench leaderboard claims
    """
    from workbench.cli.output import print_table
    from workbench.leaderboard.claims_view import claims_table

    checked = claims_table(_entries(), _precision(precision))
    if output is TableFormat.RICH:
        print_table(checked)
    else:
        _print(_written(checked, output), output)


@app.command("rebuild")
def rebuild(home: HomeOption = None) -> None:
    """Make the leaderboard anew from the run folders.

    A damaged file is kept aside; tags and notes come back with the runs.
    """
    from workbench.cli.output import note
    from workbench.leaderboard.wording import count

    rebuilt = _leaderboard().rebuild(note)
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
    home: HomeOption = None,
) -> None:
    """Show published results beside one's own.

    They are counted into none of them; the same runs imported again are replaced.

    Example: mnist-workbench leaderboard import docs/reproduction.json
    """
    from workbench.cli.output import note
    from workbench.errors import UserError
    from workbench.leaderboard.transfer import machines, read_entries
    from workbench.leaderboard.wording import count

    if (file is not None) == remove:
        raise UserError("leaderboard import: name a FILE, or --remove without one")
    board = _leaderboard()
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
    run: RunArgument,
    tags: Annotated[list[str] | None, typer.Argument(metavar="TAG", help="Tags to add.")] = None,
    remove: Annotated[
        list[str] | None, typer.Option("--remove", metavar="TAG", help="A tag to take away.")
    ] = None,
    home: HomeOption = None,
) -> None:
    """Add tags to a run, or take some away."""
    from workbench.cli.output import note
    from workbench.runs.folder import find_run
    from workbench.runs.record import checked_labels

    folder = find_run(current_home(), run)
    labels = folder.labels
    kept = [name for name in [*labels.tags, *(tags or [])] if name not in (remove or [])]
    _leaderboard().set_labels(folder.run_id, checked_labels(kept, labels.note))
    note(f"run {folder.run_id}: tags {' '.join(dict.fromkeys(kept)) or 'none'}")


@app.command("note")
def write_note(
    run: RunArgument,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="The remark; empty removes it.")],
    home: HomeOption = None,
) -> None:
    """Keep a remark with a run."""
    from workbench.cli.output import note
    from workbench.runs.folder import find_run
    from workbench.runs.record import checked_labels

    folder = find_run(current_home(), run)
    labels = checked_labels(list(folder.labels.tags), text)
    _leaderboard().set_labels(folder.run_id, labels)
    note(f"run {folder.run_id}: note {'kept' if text else 'removed'}")


def export(
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="FILE", help="Write here instead of to stdout."),
    ] = None,
    table: TableOption = None,
    sort: SortOption = None,
    filter_: FilterOption = None,
    group: GroupOption = False,
    precision: PrecisionOption = "float32",
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
            "--entries", help="Results for others, as JSON: `leaderboard import` reads them."
        ),
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that exists.")] = False,
    home: HomeOption = None,
) -> None:
    """Write all results into one markdown document.

    It holds the leaderboard and all of the paper's tables beside it. With --table, --group,
    --filter or another format: that one table alone.

    Example: mnist-workbench export -o results.md
    """
    from workbench.errors import UserError

    form = (form or _form_of(output)) if not entries else TableFormat.JSON
    whole = table is None and not group and filter_ is None and sort is None
    whole = whole and form is TableFormat.MARKDOWN
    if title is not None and not whole:
        raise UserError("--title: only the whole markdown document has one; leave it out")
    if entries:
        text = _entries_file(filter_, others=table is not None or group or sort is not None)
    elif whole:
        from workbench.leaderboard.export.document import TITLE, document

        text = document(_entries(), title or TITLE, _leaderboard().imported())
    else:
        text = _written(_chosen(table, sort, filter_, group=group, precision=precision), form)
    if output is None:
        _print(text, form)
        return
    _write(output, text, force=force)


def _entries_file(filter_: str | None, *, others: bool) -> str:
    from workbench.cli.output import note
    from workbench.errors import UserError
    from workbench.leaderboard.query import parse_filter
    from workbench.leaderboard.transfer import results_of, to_file
    from workbench.leaderboard.wording import count

    if others:
        raise UserError("--entries: takes --filter alone; leave --table, --group and --sort out")
    wanted = parse_filter(filter_ or "")
    runs = [run for run in _entries() if wanted.matches(run)]
    left_out = len(runs) - len(results_of(runs))
    if left_out:
        note(f"{count(left_out, 'run')} stopped or failed: no results, left out")
    return to_file(runs)


def _form_of(output: Path | None) -> TableFormat:
    endings = {".csv": TableFormat.CSV, ".json": TableFormat.JSON, ".tex": TableFormat.LATEX}
    return endings.get(output.suffix.lower() if output else "", TableFormat.MARKDOWN)


def _write(output: Path, text: str, *, force: bool) -> None:
    import os

    from workbench.cli.output import note
    from workbench.errors import EnvironmentProblem, UserError

    if output.exists() and not force:
        raise UserError(f"{output} exists already; choose another name, or --force replaces it")
    aside = output.with_name(f".{output.name}.{os.getpid()}.tmp")
    try:
        aside.write_text(text, encoding="utf-8")
        aside.chmod(0o644)  # made to be shared, unlike the data folder
        aside.replace(output)
    except OSError as error:
        aside.unlink(missing_ok=True)
        raise EnvironmentProblem(f"{output}: {error.strerror}; write it elsewhere") from error
    note(f"wrote {output}")
