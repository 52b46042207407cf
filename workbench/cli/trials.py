"""`reproduce`, `sweep`: many trainings by way of the queue, planned, followed, and ranked."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer

from workbench.cli import options
from workbench.cli.leaderboard import WithOption, all_entries, results_in
from workbench.cli.output import note, print_json, print_table, say
from workbench.cli.queue_follow import QueueDisplay, follow_queue
from workbench.cli.run import note_jobs, warn_about
from workbench.config import Config
from workbench.errors import PresetError
from workbench.formats import MISSING, count, percent
from workbench.leaderboard.grouping import group_runs, ranked
from workbench.leaderboard.paper import compare
from workbench.leaderboard.store import Leaderboard
from workbench.leaderboard.table import RIGHT, Cell, Columns, Heading, Tone, cell, table_of
from workbench.leaderboard.views import grouped_table, paper_view
from workbench.model.spec import Precision
from workbench.model.tables import TABLE_NUMBERS, PaperTable
from workbench.queue import service
from workbench.queue.planning import (
    PlannedTrial,
    TrialPlan,
    grid,
    parse_axes,
    plan_trials,
    results,
    rows_of,
    tables_of,
    trainings_for,
)
from workbench.queue.service import check_jobs
from workbench.queue.store import Origin, QueueStore, identity
from workbench.queue.view import QueueView, QueueWatch, plan_sentence, process_lost
from workbench.runs.estimate import Expected, Speed, expected_training, known_speeds
from workbench.runs.plan import Plan
from workbench.runs.record import Labels, checked_labels
from workbench.runs.status import Status
from workbench.runs.summary import RunSummary
from workbench.settings import default_home


def check_plan(wanted: Sequence[PlannedTrial], jobs: int | None) -> None:
    """Refuse what cannot be asked for, and warn of what is seldom meant.

    Raises:
        RunError: a number of jobs out of range.
    """
    check_jobs(jobs)
    kinds = {(item.spec.precision, item.spec.dataset.doubt): item.spec for item in wanted}
    for spec in kinds.values():
        warn_about(spec)
    note_jobs(jobs)


def print_plan(
    wanted: Sequence[PlannedTrial], found: TrialPlan, speeds: Sequence[Speed], *, as_json: bool
) -> None:
    """Each trial of a plan: what it is for, where it stands, how long it should take here."""
    present = {identity(item.spec): summary for item, summary in found.present}
    queued = {identity(item.spec): trial for item, trial in found.queued}

    def expected(item: PlannedTrial) -> Expected | None:
        return None if identity(item.spec) in present else expected_training(item.spec, speeds)

    def record(item: PlannedTrial) -> dict[str, Any]:
        key, time = identity(item.spec), expected(item)
        return {
            "label": item.label,
            "preset": item.spec.preset,
            "title": item.spec.title,
            "settings_key": key[0],
            "seed": key[1],
            "precision": item.spec.precision,
            "trained": key in present,
            "run_id": present[key].run_id if key in present else None,
            "queued": key in queued,
            "estimated_seconds": round(time.seconds, 1) if time else None,
            "guessed": time.rough if time else False,
        }

    def optimizer(item: PlannedTrial) -> str:
        settings = item.spec.training.optimizer
        return f"{settings.kind} {settings.learning_rate:g}"

    def state(item: PlannedTrial) -> Cell:
        key = identity(item.spec)
        if key in present:
            return cell(f"trained: {percent(present[key].test_accuracy)}", Tone.GOOD)
        return cell(f"in the queue ({queued[key].state})" if key in queued else "to train")

    def time_here(item: PlannedTrial) -> str:
        time = expected(item)
        return time.text if time else MISSING

    if as_json:
        print_json([record(item) for item in wanted])
        return
    columns: Columns[PlannedTrial] = [
        (Heading("For"), lambda item: item.label),
        (Heading("Model", weight=2), lambda item: item.spec.title),
        (Heading("Optimizer", weight=1), optimizer),
        (Heading("Batch", RIGHT, 3), lambda item: item.spec.training.batch_size),
        (Heading("Epochs", RIGHT, 3), lambda item: item.spec.training.epochs),
        (Heading("Seed", RIGHT), lambda item: item.spec.seed),
        (Heading("State"), state),
        (Heading("Time here", RIGHT, 1), time_here),
    ]
    print_table(table_of("What would be trained", wanted, columns))


class How(NamedTuple):
    jobs: int | None
    dry_run: bool
    detach: bool
    quiet: bool
    as_json: bool


def plan_and_train(
    wanted: Sequence[PlannedTrial],
    what: str,
    by: Origin,
    how: How,
    labels: Labels | None = None,
    elsewhere: Sequence[RunSummary] = (),
) -> tuple[QueueView | None, TrialPlan] | None:
    """Say what a command comes to (`what` and the plan), then train what is missing.

    Gives the last view of the queue (None where there was nothing to do) and the plan; None for a
    dry run and where it trains on detached, of which all has been said. What stands in results
    from `elsewhere` is not trained.

    Raises:
        UserError: a number of jobs out of range, or a queue that cannot be used.
    """
    check_plan(wanted, how.jobs)
    home = default_home()
    found, speeds = plan_trials(home, wanted, elsewhere), known_speeds(home)
    if not (how.quiet or (how.as_json and how.dry_run)):
        note(what)
        note(plan_sentence(found, speeds))
    if how.dry_run:
        print_plan(wanted, found, speeds, as_json=how.as_json)
        return None
    lost = QueueStore(home).read().notice
    if lost:  # the queue that begins now says it no more
        note(lost)
    there = results(elsewhere)
    missing = [item for item in wanted if identity(item.spec) not in there]
    ids = service.enqueue(home, missing, by, labels or Labels())
    if ids:
        service.start(home, how.jobs)
    if how.detach:
        if ids:
            note("training in the background; `mnist-workbench queue watch` follows it")
        if how.as_json:
            view = QueueWatch(home).look({}).only(ids) if ids else None
            print_json({"trials": trials_json(view)})
        return None
    if not ids:
        return None, found
    stream = sys.stderr if how.as_json else sys.stdout
    view = follow_queue(home, ids, QueueDisplay(stream, quiet=how.quiet))
    if view.pending:
        state = process_lost(view) if view.lost else "the queue has stopped"
        note(
            f"{state}, with {len(view.pending)} of these to train; "
            "the same command, or `mnist-workbench queue start`, goes on where it was"
        )
    return view, found


def exit_code(view: QueueView | None, found: TrialPlan) -> int:
    """0 when all came to a result, 130 when stopped, else 1: something failed or diverged.

    What had diverged before counts as what diverges now.
    """
    states = {item.trial.state for item in view.trials} if view is not None else set()
    if view is not None and view.lost:
        return 1
    if (view is not None and view.pending) or states & {Status.STOPPED, Status.KILLED}:
        return 130
    diverged = any(summary.diverged for _, summary in found.present)
    return 1 if diverged or states & {Status.FAILED, Status.DIVERGED} else 0


def trials_json(view: QueueView | None) -> list[dict[str, Any]]:
    return [] if view is None else [item.to_json() for item in view.trials]


# The paper's tables


def reproduce(
    tables: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[TABLE]…",
            help="3, 6, 7, 8 or 9; all of them if none is named.",
            autocompletion=options.complete_from(*map(str, TABLE_NUMBERS)),
        ),
    ] = None,
    seeds: options.SeedsOption = None,
    precision: options.PrecisionOption = "float32",
    jobs: options.JobsOption = None,
    dry_run: options.DryRunOption = False,
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
    for word in tables or []:
        if not word.isdecimal():
            known = ", ".join(map(str, TABLE_NUMBERS))
            raise PresetError(f'"{word}" is no table of the paper\'s results; known: {known}')
    chosen = tables_of([int(word) for word in tables or []])
    seeds = Config()["seeds"] if seeds is None else seeds
    wanted = trainings_for(chosen, seeds, half)
    distinct = len(wanted) // seeds
    done = plan_and_train(
        wanted,
        f"{_named(chosen)}: {count(rows_of(chosen), 'row')}, {count(distinct, 'training')}"
        f"{f' of {seeds} seeds' if seeds > 1 else ''} in {precision}.",
        "reproduce",
        How(jobs, dry_run, detach, quiet, as_json),
        elsewhere=results_in(with_ or []),
    )
    if done is None:
        return
    view, found = done
    _print_results(chosen, half, view, with_ or [], as_json=as_json)
    raise typer.Exit(exit_code(view, found))


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
    from workbench.leaderboard.claims import claims_view
    from workbench.leaderboard.judges import check_all

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
                "trials": trials_json(view),
            }
        )
        return
    for table in [*shown, claims] if checked else shown:
        say()
        print_table(table)


# A grid of settings


def sweep(
    preset: options.PresetArgument,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="SETTING=A,B",
            help="learning_rate, optimizer, batch_size, epochs, momentum, schedule, precision, "
            "dataset, train_limit or seed with its values, or a range as 1..5, 0..0.9/4 or "
            "log:0.001..0.1/3; may be repeated.",
        ),
    ] = None,
    seeds: options.SeedsOption = None,
    precision: options.PrecisionOption = "float32",
    dataset: options.DatasetOption = "mnist",
    train_limit: options.TrainLimitOption = None,
    max_pixel: options.MaxPixelOption = None,
    validation: options.ValidationOption = None,
    tag: options.TagOption = None,
    jobs: options.JobsOption = None,
    dry_run: options.DryRunOption = False,
    detach: options.DetachOption = False,
    quiet: options.QuietOption = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Groups and trials as JSON on stdout.")
    ] = False,
) -> None:
    """Train every combination of some settings and rank them.

    Example: mnist-workbench sweep cnn-2 --set learning_rate=0.001,0.002 --set optimizer=sgd,adam
    """
    options.checked_precision(precision)
    labels = checked_labels(tag or [], "")
    place = default_home()
    plan = Plan(
        precision=precision,
        dataset=dataset,
        train_limit=train_limit,
        max_pixel=max_pixel,
        validation=validation,
    )
    seeds = Config()["seeds"] if seeds is None else seeds
    wanted = grid(place, preset, parse_axes(settings or []), plan, seeds)
    done = plan_and_train(
        wanted,
        f"{preset}: {count(len(wanted), 'training')}.",
        "sweep",
        How(jobs, dry_run, detach, quiet, as_json),
        labels,
    )
    if done is None:
        return
    view, found = done
    ours = {identity(item.spec) for item in wanted}
    runs = [run for run in Leaderboard(place).entries() if (run.settings_key, run.seed) in ours]
    table = grouped_table(ranked(group_runs(runs)), f"Sweep of {preset}")
    if as_json:
        print_json({"groups": list(table.records), "trials": trials_json(view)})
    elif runs:
        say()
        print_table(table)
    raise typer.Exit(exit_code(view, found))
