"""`leaderboard`: results ranked, grouped and beside the paper's tables; their labels."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from workbench.cli import options, results
from workbench.cli.output import note
from workbench.errors import UserError
from workbench.formats import count
from workbench.runs.folder import find_run
from workbench.runs.record import Labels, checked_labels

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
    table: results.TableOption = None,
    sort: results.SortOption = None,
    filter_: results.FilterOption = None,
    group: results.GroupOption = False,
    precision: results.PrecisionOption = "float32",
    imported: results.ImportedOption = False,
    by_epoch: results.EpochOption = False,
    output: options.TableFormatOption = options.TableFormat.RICH,
) -> None:
    """Rank and compare runs, also beside the paper's tables."""
    if context.invoked_subcommand is None:
        chosen = results.chosen_table(
            table,
            sort,
            filter_,
            group=group,
            precision=precision,
            imported=imported,
            by_epoch=by_epoch,
        )
        results.show_table(chosen, output)


@app.command("scripts")
def scripts(
    sort: Annotated[
        str, typer.Option("--sort", metavar="COLUMN", help="metric.val_loss, -config.lr, title …")
    ] = "-started_at",
    filter_: results.FilterOption = None,
    columns: Annotated[
        str | None,
        typer.Option(
            metavar="NAMES", help="Which to show, with commas between: title,metric.loss,config.lr"
        ),
    ] = None,
    output: options.TableFormatOption = options.TableFormat.RICH,
) -> None:
    """Compare runs of scripts by their metrics and configuration.

    Example: mnist-workbench leaderboard scripts --filter 'config.lr>0.001' --sort metric.val_loss
    """
    from workbench.leaderboard.columns import find_script_columns, sort_scripts, telling_columns
    from workbench.leaderboard.query import filter_runs
    from workbench.leaderboard.views import scripts_table

    found = results.synced().scripts
    runs = filter_runs(found, filter_ or "")
    if not runs and output is options.TableFormat.RICH:
        note("no run of a script matches" if found else "no run of a script has ended yet")
        return
    chosen = [name.strip() for name in (columns or "").split(",") if name.strip()]
    shown = find_script_columns(runs, chosen) if chosen else telling_columns(runs)
    table = scripts_table(sort_scripts(runs, sort) if runs else [], shown)
    results.show_table(table, output)


@app.command("claims")
def claims(
    precision: results.PrecisionOption = "float32",
    output: options.TableFormatOption = options.TableFormat.RICH,
) -> None:
    """Check what the paper concludes, with numbers from our runs.

    Example: mnist-workbench leaderboard claims
    """
    from workbench.leaderboard.claims.view import claims_table

    results.show_table(
        claims_table(results.all_entries(), options.checked_precision(precision)), output
    )


@app.command("rebuild")
def rebuild() -> None:
    """Make the leaderboard anew from the run folders.

    A damaged file is kept aside; tags and notes come back with the runs.
    """
    rebuilt = results.board_here().rebuild(note)
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
    from workbench.leaderboard.transfer import machines, read_entries

    if (file is not None) == remove:
        raise UserError("leaderboard import: name a FILE, or --remove without one")
    board = results.board_here()
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

    folder = find_run(options.current_home(), run)
    labels = results.board_here().change_labels(folder.run_id, change)
    note(f"run {folder.run_id}: tags {' '.join(labels.tags) or 'none'}")


@app.command("note")
def write_note(
    run: options.RunArgument,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="The remark; empty removes it.")],
) -> None:
    """Keep a remark with a run."""
    folder = find_run(options.current_home(), run)
    results.board_here().change_labels(
        folder.run_id, lambda before: checked_labels(list(before.tags), text)
    )
    note(f"run {folder.run_id}: note {'kept' if text else 'removed'}")
