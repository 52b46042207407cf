"""`sweep`: train a grid of settings over one preset."""

from __future__ import annotations

from typing import Annotated

import typer

from workbench.cli import options, trials
from workbench.cli.output import print_json, print_table, say
from workbench.config import Config
from workbench.formats import count
from workbench.leaderboard.grouping import group_runs, ranked
from workbench.leaderboard.store import Leaderboard
from workbench.leaderboard.views import grouped_table
from workbench.queue.planning import grid, parse_axes
from workbench.queue.store import identity
from workbench.runs.plan import Plan
from workbench.runs.record import checked_labels


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
    seeds: trials.SeedsOption = None,
    precision: options.PrecisionOption = "float32",
    dataset: options.DatasetOption = "mnist",
    train_limit: options.TrainLimitOption = None,
    max_pixel: options.MaxPixelOption = None,
    validation: options.ValidationOption = None,
    tag: options.TagOption = None,
    jobs: trials.JobsOption = None,
    dry_run: trials.DryRunOption = False,
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
    place = options.current_home()
    plan = Plan(
        precision=precision,
        dataset=dataset,
        train_limit=train_limit,
        max_pixel=max_pixel,
        validation=validation,
    )
    seeds = Config()["seeds"] if seeds is None else seeds
    wanted = grid(place, preset, parse_axes(settings or []), plan, seeds)
    done = trials.plan_and_train(
        place,
        wanted,
        f"{preset}: {count(len(wanted), 'training')}.",
        by="sweep",
        labels=labels,
        jobs=jobs,
        dry_run=dry_run,
        detach=detach,
        quiet=quiet,
        as_json=as_json,
    )
    if done is None:
        return
    view, found = done
    ours = {identity(item.spec) for item in wanted}
    runs = [run for run in Leaderboard(place).entries() if (run.settings_key, run.seed) in ours]
    table = grouped_table(ranked(group_runs(runs)), f"Sweep of {preset}")
    if as_json:
        print_json({"groups": list(table.records), "trials": trials.trials_json(view)})
    elif runs:
        say()
        print_table(table)
    raise typer.Exit(trials.exit_code(view, found))
