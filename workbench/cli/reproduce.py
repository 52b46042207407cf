"""`reproduce`: train what the paper's tables need and put them beside ours."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from workbench.cli import options, trials
from workbench.cli.output import print_json, print_table, say
from workbench.cli.results import WithOption, all_entries, results_in
from workbench.config import Config
from workbench.errors import PresetError
from workbench.formats import count
from workbench.leaderboard.claims.judges import check_all
from workbench.leaderboard.claims.view import claims_view
from workbench.leaderboard.paper import compare
from workbench.leaderboard.paper_view import paper_view
from workbench.model.spec import Precision
from workbench.model.tables import TABLE_NUMBERS, PaperTable
from workbench.queue.planning import rows_of, tables_of, trainings_for
from workbench.queue.view import QueueView


def reproduce(
    tables: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[TABLE]…",
            help="3, 6, 7, 8 or 9; all of them if none is named.",
            autocompletion=options.complete_from("3", "6", "7", "8", "9"),
        ),
    ] = None,
    seeds: trials.SeedsOption = None,
    precision: options.PrecisionOption = "float32",
    jobs: trials.JobsOption = None,
    dry_run: trials.DryRunOption = False,
    detach: options.DetachOption = False,
    quiet: options.QuietOption = False,
    with_: WithOption = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Tables, claims and trials as JSON on stdout.")
    ] = False,
) -> None:
    """Train what the paper's tables need and put them beside ours.

    What is on the leaderboard or in a file of --with (same settings and seed) is not trained
    again. It goes on when the connection drops. Ctrl-C saves and stops; the same command goes on
    where it was.

    Example: mnist-workbench reproduce 3 --seeds 5
    """
    half = options.checked_precision(precision)
    place = options.current_home()
    chosen = tables_of(_numbers(tables or []))
    seeds = Config()["seeds"] if seeds is None else seeds
    wanted = trainings_for(chosen, seeds, half)
    distinct = len(wanted) // seeds
    done = trials.plan_and_train(
        place,
        wanted,
        f"{_named(chosen)}: {count(rows_of(chosen), 'row')}, {count(distinct, 'training')}"
        f"{f' of {seeds} seeds' if seeds > 1 else ''} in {precision}.",
        by="reproduce",
        jobs=jobs,
        dry_run=dry_run,
        detach=detach,
        quiet=quiet,
        as_json=as_json,
        elsewhere=results_in(with_ or []),
    )
    if done is None:
        return
    view, found = done
    _print_results(chosen, half, view, with_ or [], as_json=as_json)
    raise typer.Exit(trials.exit_code(view, found))


def _numbers(words: Sequence[str]) -> list[int]:
    numbers = []
    for word in words:
        if not word.isdecimal():
            known = ", ".join(map(str, TABLE_NUMBERS))
            raise PresetError(f'"{word}" is no table of the paper\'s results; known: {known}')
        numbers.append(int(word))
    return numbers


def _named(tables: Sequence[PaperTable]) -> str:
    numbers = [str(table.number) for table in tables]
    if len(numbers) == 1:
        return f"Table {numbers[0]}"
    return f"Tables {', '.join(numbers[:-1])} and {numbers[-1]}"


def _print_results(
    tables: Sequence[PaperTable],
    precision: Precision,
    view: QueueView | None,
    files: Sequence[Path],
    *,
    as_json: bool,
) -> None:
    entries = all_entries(files)
    shown = [paper_view(compare(table, entries, precision)) for table in tables]
    numbers = {table.number for table in tables}
    checked = [item for item in check_all(entries, precision) if item.claim.table in numbers]
    claims = claims_view(checked, precision)
    if as_json:
        print_json(
            {
                "tables": [record for table in shown for record in table.records],
                "claims": list(claims.records),
                "trials": trials.trials_json(view),
            }
        )
        return
    for table in [*shown, claims] if checked else shown:
        say()
        print_table(table)
