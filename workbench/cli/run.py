"""`run`: train a preset, watch it, and print the result."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Annotated

import typer

from workbench.cli import options
from workbench.cli.follow import (
    EXIT_CODES,
    Interrupts,
    counted_interrupts,
    follow,
    result_lines,
    view_for,
)
from workbench.cli.output import note, print_json, say
from workbench.errors import RunError, UserError
from workbench.formats import percent
from workbench.leaderboard.store import Leaderboard
from workbench.model.hyperparameters import Overrides
from workbench.model.spec import TrainingSpec
from workbench.queue.planning import results
from workbench.queue.store import identity
from workbench.runs import service
from workbench.runs.environment import slower_here
from workbench.runs.folder import RunFolder
from workbench.runs.plan import Plan, specs_for
from workbench.runs.record import checked_labels
from workbench.runs.service import launch
from workbench.runs.summary import AnySummary
from workbench.settings import Home


def run(
    preset: options.PresetArgument,
    epochs: Annotated[int | None, typer.Option(help="Passes over the training images.")] = None,
    batch_size: Annotated[int | None, typer.Option(help="Images a step.")] = None,
    optimizer: Annotated[
        str | None,
        typer.Option(
            help="sgd, adam, adamw, rmsprop or nadam. A change drops momentum and schedule.",
            autocompletion=options.complete_from("sgd", "adam", "adamw", "rmsprop", "nadam"),
        ),
    ] = None,
    learning_rate: Annotated[float | None, typer.Option(help="Step size.")] = None,
    momentum: Annotated[float | None, typer.Option(help="For sgd and rmsprop.")] = None,
    schedule: Annotated[
        str | None,
        typer.Option(
            help="constant, inverse-time-decay, cosine, exponential or reduce-on-plateau.",
            autocompletion=options.complete_from(
                "constant", "inverse-time-decay", "cosine", "exponential", "reduce-on-plateau"
            ),
        ),
    ] = None,
    validation: options.ValidationOption = None,
    early_stopping: options.EarlyStoppingOption = None,
    min_delta: options.MinDeltaOption = None,
    seed: Annotated[int, typer.Option(help="Same spec and seed, same result.")] = 0,
    repeats: Annotated[
        int, typer.Option(help="Train this many times, with seeds counting up.")
    ] = 1,
    precision: options.PrecisionOption = "float32",
    dataset: options.DatasetOption = "mnist",
    train_limit: options.TrainLimitOption = None,
    max_pixel: options.MaxPixelOption = None,
    threads: Annotated[
        int | None, typer.Option(metavar="N", help="Cores to use on a shared host.")
    ] = None,
    xla: Annotated[
        bool | None,
        typer.Option(
            "--xla/--no-xla",
            help="Compile with XLA; left out, only for models of Dense layers.",
            show_default=False,
        ),
    ] = None,
    tag: options.TagOption = None,
    note: Annotated[str, typer.Option(metavar="TEXT", help="A remark kept with the run.")] = "",
    detach: options.DetachOption = False,
    quiet: options.QuietOption = False,
    as_json: options.JsonOption = False,
) -> None:
    """Train a model. It goes on when the connection drops; Ctrl-C stops and saves it.

    Example: mnist-workbench run cnn-2 --epochs 2 --seed 1 --tag trial
    """
    place = options.current_home()
    plan = Plan(
        Overrides(
            epochs,
            batch_size,
            optimizer,
            learning_rate,
            momentum,
            schedule,
            early_stopping,
            min_delta,
        ),
        seed,
        repeats,
        precision,
        dataset,
        train_limit,
        threads,
        xla,
        max_pixel,
        validation,
    )
    specs = specs_for(place, preset, plan)
    warn_about(specs[0])
    note_known(place, specs)
    folders = launch(place, specs, checked_labels(tag or [], note), "run")
    many = repeats > 1
    if detach:
        print_detached(folders, as_json=as_json, many=many)
        return
    raise typer.Exit(watch(folders, as_json=as_json, quiet=quiet, many=many))


def note_known(home: Home, specs: list[TrainingSpec]) -> None:
    """Say which results are there already: the same settings and seed give them again."""
    board = Leaderboard(home)
    try:
        known = results(board.entries())
        for spec in specs:
            entry = known.get(identity(spec))
            if entry is not None:
                free = service.next_seed(spec, board)
                came_out = "diverged" if entry.diverged else percent(entry.test_accuracy)
                note(
                    f"note: run {entry.run_id} has these settings and seed {spec.seed} already "
                    f"({came_out}); seed {free} is free"
                )
                return
    except UserError:  # a damaged leaderboard keeps nobody from training
        return


def warn_about(spec: TrainingSpec) -> None:
    """Say where the precision is slower on this processor than float32, or classes are empty."""
    if slower := slower_here(spec.precision):
        note(f"note: {slower}")
    if spec.dataset.doubt:
        note(f"note: {spec.dataset.doubt}")


def print_detached(folders: list[RunFolder], *, as_json: bool, many: bool) -> None:
    if as_json:
        states = [{"run_id": folder.run_id, "status": folder.status().value} for folder in folders]
        print_json(states if many else states[0])
        return
    for folder in folders:
        say(folder.run_id)
    note(f"training in the background; `mnist-workbench attach {folders[0].run_id}` follows it")


def watch(folders: list[RunFolder], *, as_json: bool, quiet: bool, many: bool) -> int:
    """Follow runs in turn, print their results and return the exit code.

    The first Ctrl-C stops and saves the current run and takes the waiting ones back, the second
    kills it.
    """
    summaries: list[AnySummary] = []
    answered = [0]  # presses passed on so far; a second one kills only what it was meant for
    code = 0
    with counted_interrupts() as interrupts:
        for position, folder in enumerate(folders):
            view = view_for(sys.stderr if as_json else sys.stdout, quiet=quiet)
            answer = partial(pass_on, interrupts, answered, folders[position:], view.say)
            summary = follow(folder, view, answer)
            if summary is None:
                code = code or 1
                continue
            summaries.append(summary)
            # A failure weighs more than success, an interruption more than both.
            ended = 130 if interrupts.count else EXIT_CODES.get(summary.status, 1)
            code = max(code, ended)
            if not as_json:
                for line in result_lines(summary):
                    say(line)
    if as_json:
        data = [summary.to_json() for summary in summaries]
        print_json(data if many or not data else data[0])
        for summary in summaries:
            if not summary.state.completed:
                for line in result_lines(summary):
                    note(line)
    return code


def pass_on(
    interrupts: Interrupts,
    answered: list[int],
    folders: list[RunFolder],
    say: Callable[[str], None],
) -> None:
    """Bring what the person pressed since the last look to the run and those behind it."""
    if interrupts.count <= answered[0]:
        return
    answered[0] = interrupts.count
    if interrupts.count == 1:
        say("stopping after this chunk and saving; Ctrl-C again kills it unsaved")
    else:
        with suppress(RunError):  # it has just ended, or has not begun
            service.kill(folders[0])
    for folder in folders:
        with suppress(RunError):
            service.stop(folder)
