"""What `reproduce`, `sweep` and `queue` share: the plan in words, training it, the exit code."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from workbench.cli.output import note, print_json, print_table
from workbench.cli.queue_follow import display_for, follow_queue
from workbench.cli.run import warn_about
from workbench.formats import MISSING, count, percent
from workbench.leaderboard.table import Align, Heading, Table, Tone, cell
from workbench.queue import service
from workbench.queue.planning import PlannedTrial, TrialPlan, plan_trials, results
from workbench.queue.service import check_jobs
from workbench.queue.store import Origin, QueueStore, identity
from workbench.queue.view import QueueView, QueueWatch, plan_sentence, process_lost
from workbench.runs.environment import usable_cores
from workbench.runs.estimate import Speed, expected_training, known_speeds
from workbench.runs.record import Labels
from workbench.runs.status import Status
from workbench.runs.summary import RunSummary
from workbench.settings import Home

SeedsOption = Annotated[
    int | None,
    typer.Option(
        "--seeds",
        metavar="N",
        help="Seeds 0 to N-1 of each; 1 unless `mnist-workbench config seeds` says otherwise.",
        show_default=False,
    ),
]
JobsOption = Annotated[
    int | None,
    typer.Option(
        "--jobs",
        metavar="N",
        help="Trainings at once; 1 unless said otherwise. One training keeps all cores busy: "
        "two on the same few cores each take about twice as long.",
        show_default=False,
    ),
]
DryRunOption = Annotated[
    bool, typer.Option("--dry-run", help="Say what would be trained and how long; train nothing.")
]


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


def note_jobs(jobs: int | None) -> None:
    """Say what several at once come to."""
    if jobs is not None and jobs > 1:
        cores = usable_cores()
        note(
            f"note: {count(jobs, 'training')} at once share {count(cores, 'core')}, "
            f"{max(1, cores // jobs)} each; one alone keeps all busy, so that the whole is "
            "done little earlier"
        )


def plan_table(wanted: Sequence[PlannedTrial], found: TrialPlan, speeds: Sequence[Speed]) -> Table:
    """Each trial of a plan: what it is for, where it stands, how long it should take here."""
    present = {identity(item.spec): summary for item, summary in found.present}
    queued = {identity(item.spec): trial for item, trial in found.queued}
    rows, records = [], []
    for item in wanted:
        key = identity(item.spec)
        settings, optimizer = item.spec.training, item.spec.training.optimizer
        time = None if key in present else expected_training(item.spec, speeds)
        if key in present:
            state = cell(f"trained: {percent(present[key].test_accuracy)}", Tone.GOOD)
        elif key in queued:
            state = cell(f"in the queue ({queued[key].state})")
        else:
            state = cell("to train")
        rows.append(
            (
                cell(item.label),
                cell(item.spec.title),
                cell(f"{optimizer.kind} {optimizer.learning_rate:g}"),
                cell(settings.batch_size),
                cell(settings.epochs),
                cell(item.spec.seed),
                state,
                cell(time.text if time else MISSING),
            )
        )
        records.append(
            {
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
        )
    right = Align.RIGHT
    headings = (
        Heading("For"),
        Heading("Model", weight=2),
        Heading("Optimizer", weight=1),
        Heading("Batch", right, 3),
        Heading("Epochs", right, 3),
        Heading("Seed", right),
        Heading("State"),
        Heading("Time here", right, 1),
    )
    return Table("What would be trained", headings, tuple(rows), records=tuple(records))


def plan_and_train(
    home: Home,
    wanted: Sequence[PlannedTrial],
    what: str,
    *,
    by: Origin,
    jobs: int | None,
    dry_run: bool,
    detach: bool,
    quiet: bool,
    as_json: bool,
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
    check_plan(wanted, jobs)
    found, speeds = plan_trials(home, wanted, elsewhere), known_speeds(home)
    if not (quiet or (as_json and dry_run)):
        note(what)
        note(plan_sentence(found, speeds))
    if dry_run:
        planned = plan_table(wanted, found, speeds)
        if as_json:
            print_json(list(planned.records))
        else:
            print_table(planned)
        return None
    there = results(elsewhere)
    view = _train(
        home,
        [item for item in wanted if identity(item.spec) not in there],
        by=by,
        labels=labels or Labels(),
        jobs=jobs,
        detach=detach,
        quiet=quiet,
        as_json=as_json,
    )
    if not detach:
        return view, found
    if as_json:
        print_json({"trials": trials_json(view)})
    return None


def _train(
    home: Home,
    wanted: Sequence[PlannedTrial],
    *,
    by: Origin,
    labels: Labels,
    jobs: int | None,
    detach: bool,
    quiet: bool,
    as_json: bool,
) -> QueueView | None:
    """Queue what is missing, let the queue run, and follow it; None when there is nothing to do.

    Detached, the view is that of the beginning.
    """
    lost = QueueStore(home).read().notice
    if lost:  # the queue that begins now says it no more
        note(lost)
    ids = service.enqueue(home, wanted, by, labels)
    if not ids:
        return None
    service.start(home, jobs)
    if detach:
        note("training in the background; `mnist-workbench queue watch` follows it")
        return QueueWatch(home).look({}).only(ids)
    display = display_for(sys.stderr if as_json else sys.stdout, quiet=quiet)
    view = follow_queue(home, ids, display)
    if view.pending:
        state = process_lost(view) if view.lost else "the queue has stopped"
        note(
            f"{state}, with {len(view.pending)} of these to train; "
            "the same command, or `mnist-workbench queue start`, goes on where it was"
        )
    return view


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
    """The trials of a view as plain data."""
    return [] if view is None else [item.to_json() for item in view.trials]
