"""`search`: look for good settings of a preset by validation, then test the chosen ones."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from workbench.cli import options
from workbench.cli.output import note, print_json, say
from workbench.cli.queue_follow import QueueDisplay, follow_queue
from workbench.cli.run import note_jobs, warn_about
from workbench.errors import RunError
from workbench.formats import count, percent
from workbench.model.hyperparameters import Overrides
from workbench.model.preset import find_preset, save_preset
from workbench.queue import service
from workbench.queue.search import (
    VALIDATION,
    Cost,
    Search,
    SearchFolder,
    SearchRequest,
    SearchResult,
    enqueue_search,
    require_optuna,
    search_cost,
)
from workbench.queue.space import importance_text, values_text
from workbench.queue.view import process_lost
from workbench.runs.estimate import known_speeds
from workbench.runs.plan import Plan
from workbench.runs.record import checked_labels
from workbench.runs.status import Status
from workbench.settings import Home, default_home


def search(
    preset: options.PresetArgument,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="SETTING=SPACE",
            help="A range (16..128, log:1e-4..1e-1) or values (sgd,adam) of a setting, or of a "
            "layer's, counted from 1: layers.1.filters=16..128; may be repeated.",
        ),
    ] = None,
    trials: Annotated[int, typer.Option(metavar="N", help="How many settings to try.")] = 40,
    seeds: Annotated[
        int, typer.Option(metavar="N", help="Seeds 0 to N-1 of the chosen settings, tested.")
    ] = 3,
    sampler: Annotated[
        str,
        typer.Option(
            help="tpe, random, grid or cmaes.",
            autocompletion=options.complete_from("tpe", "random", "grid", "cmaes"),
        ),
    ] = "tpe",
    pruner: Annotated[
        str,
        typer.Option(
            help="Who ends hopeless trials: hyperband, median, wilcoxon or none.",
            autocompletion=options.complete_from("hyperband", "median", "wilcoxon", "none"),
        ),
    ] = "hyperband",
    timeout: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="Begin no more trials after 90s, 30m or 2h of work."),
    ] = None,
    validation: Annotated[
        str,
        typer.Option(
            metavar="SHARE",
            help="What to choose by: a share or a number of the training images, held out; "
            '"file": the x_val and y_val of an .npz.',
        ),
    ] = VALIDATION,
    epochs: Annotated[int | None, typer.Option(help="Passes over the training images.")] = None,
    early_stopping: options.EarlyStoppingOption = None,
    min_delta: options.MinDeltaOption = None,
    precision: options.PrecisionOption = "float32",
    dataset: options.DatasetOption = "mnist",
    train_limit: options.TrainLimitOption = None,
    max_pixel: options.MaxPixelOption = None,
    tag: options.TagOption = None,
    save: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Keep the chosen settings as a preset of this name."),
    ] = None,
    jobs: options.JobsOption = None,
    dry_run: options.DryRunOption = False,
    detach: options.DetachOption = False,
    quiet: options.QuietOption = False,
    as_json: options.JsonOption = False,
) -> None:
    """Look for the best settings of a preset, by validation.

    The chosen ones are then trained on all training images, and only those are tested. The same
    command goes on with a search that was cut off, and shows one that is over.

    Example: mnist-workbench search cnn-2 --set lr=log:1e-4..1e-1 --set optimizer=sgd,adam
    """
    if save is not None and detach:
        raise RunError("--save: the result is not there yet; give it without --detach later on")
    options.checked_precision(precision)
    service.check_jobs(jobs)
    place = default_home()
    plan = Plan(
        Overrides(epochs=epochs, early_stopping=early_stopping, min_delta=min_delta),
        precision=precision,
        dataset=dataset,
        train_limit=train_limit,
        max_pixel=max_pixel,
        validation=validation,
    )
    wanted = SearchRequest(
        find_preset(preset, place),
        plan,
        tuple(settings or ()),
        trials=str(trials),
        seeds=str(seeds),
        sampler=sampler,
        pruner=pruner,
        timeout=timeout or "",
        labels=checked_labels(tag or [], ""),
    ).search()
    warn_about(wanted.base)
    if dry_run:
        _print_cost(search_cost(wanted, known_speeds(place)), as_json=as_json)
        return
    require_optuna(wanted.sampler)
    known = SearchFolder(place, wanted.id)
    found = known.result()
    if found is None or _budget(known.read()) != _budget(wanted):
        note_jobs(jobs)
        enqueue_search(place, wanted)
        service.start(place, jobs)
        if detach:
            note("searching in the background; `mnist-workbench queue watch` follows it")
            if as_json:
                print_json({"search": wanted.id, "study": str(known.journal)})
            return
        found = _follow(place, wanted, quiet=quiet, as_json=as_json)
    raise typer.Exit(_tell(place, wanted, found, save=save, as_json=as_json))


def _budget(wanted: Search) -> tuple[int, int, float | None]:
    return wanted.trials, wanted.seeds, wanted.timeout


def _print_cost(cost: Cost, *, as_json: bool) -> None:
    """What the search would train, and how long that should take at most."""
    time = cost.expected
    if as_json:
        print_json(
            {
                "search": cost.search.id,
                "trials": cost.search.trials,
                "final_trainings": cost.search.seeds,
                "drawn": cost.drawn,
                "impossible": len(cost.impossible),
                "estimated_seconds": round(time.seconds, 1) if time else None,
                "guessed": time.rough if time else False,
            }
        )
        return
    say(f"{cost.search.id}: {cost.sentence}")
    for words in cost.notes:
        note(words)


def _follow(home: Home, wanted: Search, *, quiet: bool, as_json: bool) -> SearchResult | None:
    display = QueueDisplay(sys.stderr if as_json else sys.stdout, quiet=quiet)
    view = follow_queue(home, (), display, wanted.id)
    entry = next(iter(view.searches), None)
    if view.unfinished:
        state = process_lost(view) if view.lost else "the queue has stopped"
        note(
            f"{state} before the search was over; the same command, or `mnist-workbench queue "
            "start`, goes on where it was"
        )
        raise typer.Exit(1 if view.lost else 130)
    if entry is not None and entry.state is Status.FAILED:
        note(f"search {wanted.id}: {entry.message}")
    return SearchFolder(home, wanted.id).result()


def _tell(
    home: Home, wanted: Search, found: SearchResult | None, *, save: str | None, as_json: bool
) -> int:
    """Print what came of it, and keep it as a preset if asked to; the exit code."""
    if found is None:
        return 1
    if save is not None:
        kept = save_preset(found.preset(save, f"{wanted.base.title}, searched"), home)
        note(f"kept as preset {save} ({kept})")
    if as_json:
        print_json({"search": wanted.id, **found.model_dump(mode="json")})
        return 0
    counts = ", ".join(f"{n} {outcome}" for outcome, n in found.counts.items())
    say(f"search {wanted.id}: {count(sum(found.counts.values()), 'trial')}: {counts}")
    say(
        f"chosen     {values_text(wanted.parameters, found.values)}: "
        f"{percent(found.validation_accuracy)} of the validation images (trial {found.number}, "
        f"run {found.run_id})"
    )
    if found.importance:
        shares = importance_text(wanted.parameters, found.importance)
        say(f"mattered   {shares} of what sets the best quarter of the trials apart")
    tested = ", ".join(percent(accuracy) for accuracy in found.test_accuracies)
    say(
        f"tested     trained on all {found.final.dataset.images:,} training images, "
        f"{count(len(found.final_runs), 'seed')}: {tested or 'none came to a result'} of the test "
        "images; no other trial has been tested"
    )
    return 0 if len(found.test_accuracies) == wanted.seeds else 1
