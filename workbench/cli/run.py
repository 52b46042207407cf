"""`run`, `exec`: train a preset, or run any command, watch it and print the result."""

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
)
from workbench.cli.output import Display, note, print_json, say
from workbench.errors import RunError, UserError
from workbench.files import given_umask, open_file
from workbench.formats import count, percent
from workbench.leaderboard.store import Leaderboard
from workbench.model.hyperparameters import OPTIMIZERS, SCHEDULES, Overrides
from workbench.model.spec import TrainingSpec
from workbench.queue.planning import results
from workbench.queue.store import identity
from workbench.runs import service
from workbench.runs.environment import slower_here, usable_cores
from workbench.runs.folder import RunFolder
from workbench.runs.plan import Plan, specs_for
from workbench.runs.record import checked_labels
from workbench.runs.service import launch
from workbench.runs.summary import AnySummary, ScriptSummary
from workbench.settings import Home, default_home
from workbench.text import visible


def run(
    preset: options.PresetArgument,
    epochs: Annotated[int | None, typer.Option(help="Passes over the training images.")] = None,
    batch_size: Annotated[int | None, typer.Option(help="Images a step.")] = None,
    optimizer: Annotated[
        str | None,
        typer.Option(
            help="sgd, adam, adamw, rmsprop or nadam. A change drops momentum and schedule.",
            autocompletion=options.complete_from(*OPTIMIZERS),
        ),
    ] = None,
    learning_rate: Annotated[float | None, typer.Option(help="Step size.")] = None,
    momentum: Annotated[float | None, typer.Option(help="For sgd and rmsprop.")] = None,
    schedule: Annotated[
        str | None,
        typer.Option(
            help="constant, inverse-time-decay, cosine, exponential or reduce-on-plateau.",
            autocompletion=options.complete_from(*(name.replace("_", "-") for name in SCHEDULES)),
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
            "--xla/--no-xla", help="Compile with XLA; left out, only for models of Dense layers."
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
    place = default_home()
    overrides = Overrides(
        epochs, batch_size, optimizer, learning_rate, momentum, schedule, early_stopping, min_delta
    )
    plan = Plan(
        overrides,
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
    specs, labels = specs_for(place, preset, plan), checked_labels(tag or [], note)
    warn_about(specs[0])
    note_known(place, specs)
    folders = launch(place, specs, labels, "run")
    if detach:
        print_detached(folders, as_json=as_json)
        return
    raise typer.Exit(watch(folders, as_json=as_json, quiet=quiet))


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


def note_jobs(jobs: int | None) -> None:
    """Say what several at once come to."""
    if jobs is not None and jobs > 1:
        cores = usable_cores()
        note(
            f"note: {count(jobs, 'training')} at once share {count(cores, 'core')}, "
            f"{max(1, cores // jobs)} each; one alone keeps all busy, so that the whole is "
            "done little earlier"
        )


def print_detached(folders: list[RunFolder], *, as_json: bool) -> None:
    if as_json:
        states = [{"run_id": folder.run_id, "status": folder.status().value} for folder in folders]
        print_json(states if len(states) > 1 else states[0])
        return
    for folder in folders:
        say(folder.run_id)
    note(f"training in the background; `mnist-workbench attach {folders[0].run_id}` follows it")


def watch(folders: list[RunFolder], *, as_json: bool, quiet: bool) -> int:
    """Follow runs in turn, print their results and return the exit code.

    The first Ctrl-C stops and saves the current run and takes the waiting ones back, the second
    kills it.
    """
    summaries: list[AnySummary] = []
    code = 0
    with counted_interrupts() as interrupts:
        for position, folder in enumerate(folders):
            display = Display(sys.stderr if as_json else sys.stdout, quiet=quiet)
            answer = partial(pass_on, interrupts, folders[position:], display.note)
            summary = follow(folder, display, answer)
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
        print_json(data if len(folders) > 1 or not data else data[0])
        for summary in summaries:
            if not summary.state.completed:
                for line in result_lines(summary):
                    note(line)
    return code


def pass_on(interrupts: Interrupts, folders: list[RunFolder], say: Callable[[str], None]) -> None:
    """Bring what the person pressed since the last look to the run and those behind it."""
    if interrupts.count <= interrupts.answered:
        return
    interrupts.answered = interrupts.count
    if interrupts.count == 1:
        say("stopping after this chunk and saving; Ctrl-C again kills it unsaved")
    else:
        with suppress(RunError):  # it has just ended, or has not begun
            service.kill(folders[0])
    for folder in folders:
        with suppress(RunError):
            service.stop(folder)


# Commands as runs


BLOCK_BYTES = 1 << 16


exec_app = typer.Typer(add_completion=False, rich_markup_mode=None)


@exec_app.command(
    "exec", context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False}
)
def execute(
    command: Annotated[
        list[str],
        typer.Argument(metavar="-- COMMAND…", help="The program and its arguments."),
    ],
    name: Annotated[
        str, typer.Option(metavar="TEXT", help="What lists call the run; else the command.")
    ] = "",
    tag: options.TagOption = None,
    note: Annotated[str, typer.Option(metavar="TEXT", help="A remark kept with the run.")] = "",
    detach: options.DetachOption = False,
) -> None:
    """Run any command as a run that outlives the connection.

    Ctrl-C stops it. A program in it that uses workbench.start or LiveCallback draws its curves
    there. The exit code is the command's.

    Example: mnist-workbench exec --name resnet -- python train.py --lr 0.1
    """
    from workbench.runs import execution

    labels = checked_labels(tag or [], note)
    folder = execution.execute(default_home(), command, labels, name, given_umask())
    if detach:
        print_detached([folder], as_json=False)
        return
    raise typer.Exit(_follow(folder))


def _follow(folder: RunFolder) -> int:
    """Show what the command prints until it ends; its exit code."""
    shown = 0  # bytes of what it has printed

    def show_more() -> None:
        nonlocal shown
        with suppress(OSError), open_file(folder.log_file) as log:  # none yet, or it was deleted
            log.seek(shown)
            while block := log.read(BLOCK_BYTES):
                shown += len(block)
                sys.stdout.write(visible(block.decode("utf-8", "replace"), keep="\n\t\r"))
        sys.stdout.flush()

    def between() -> None:
        show_more()
        pass_on(interrupts, [folder], note)

    with counted_interrupts() as interrupts:
        note(f"run {folder.run_id}; Ctrl-C stops it, a closed terminal does not")
        summary = follow(folder, Display(sys.stdout, quiet=True), between)
    show_more()
    if not isinstance(summary, ScriptSummary):
        return 1
    for line in result_lines(summary):
        note(line)
    code = summary.exit_code
    if interrupts.count:
        return 130
    # Of one that a signal ended, the code that shells give.
    return EXIT_CODES.get(summary.status, 1) if code is None else code if code >= 0 else 128 - code
