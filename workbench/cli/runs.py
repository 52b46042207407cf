"""`runs`, `attach`, `stop`, `pause`, `resume`, `delete`, `watch`: runs that live or that ended."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, Any

import typer

from workbench.cli import options
from workbench.cli.app import group_of
from workbench.cli.follow import EXIT_CODES, follow, result_lines
from workbench.cli.output import Display, note, print_json, print_table, say
from workbench.cli.run import watch
from workbench.errors import RunError, nearest
from workbench.files import typed_path
from workbench.formats import count
from workbench.leaderboard.columns import Column
from workbench.leaderboard.store import Leaderboard
from workbench.leaderboard.table import RIGHT, Heading, Table, cell
from workbench.leaderboard.views import difference_table, run_column
from workbench.runs import lock, service
from workbench.runs.folder import RunFolder, all_runs, find_run
from workbench.runs.record import checked_labels
from workbench.runs.status import STATUS_WORDS, Status
from workbench.runs.summary import AnySummary, ScriptSummary, difference, summary_of
from workbench.settings import default_home
from workbench.text import visible

STOP_PATIENCE_SECONDS = 60.0

COMMANDS = {
    "plot": ("plot:plot", "Draw the curves of a run, or of up to six, as SVG, PNG or PDF."),
    "errors": (
        "predictions:errors",
        "List the test images that a run's model gets wrong, the surest mistakes first.",
    ),
    "classes": (
        "predictions:classes",
        "Show precision, recall and F1 of each class, and how far confidences can be trusted.",
    ),
    "compare": (
        "predictions:compare",
        "Compare models image by image: two by McNemar's exact test, several together.",
    ),
    "inside": (
        "predictions:inside",
        "Show what a run's model makes of one test image, layer by layer.",
    ),
    "tensorboard": ("runs:tensorboard", "Write TensorBoard's event files."),
    "import": ("runs:take_in", "Take other programs' logs in as runs."),
}

app = typer.Typer(
    cls=group_of(COMMANDS),
    help="List all runs: active ones first, then the newest.\n\n"
    "Example: mnist-workbench runs --status running",
    invoke_without_command=True,
    add_completion=False,
    rich_markup_mode=None,
)


@app.callback()
def runs(
    context: typer.Context,
    output: options.ListFormatOption = options.ListFormat.RICH,
    status: Annotated[
        list[str] | None,
        typer.Option(
            metavar="STATE",
            help="Only runs that are, say, training, paused, finished, collapsed, killed or "
            "crashed; may be repeated.",
            autocompletion=options.complete_from(*STATUS_WORDS),
        ),
    ] = None,
    limit: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="The first N of them.")
    ] = None,
) -> None:
    """List all runs: active ones first, then the newest."""
    if context.invoked_subcommand is not None:
        return
    for name in status or []:
        if name not in STATUS_WORDS:
            raise RunError(f'no status "{name}": {nearest(name, STATUS_WORDS)}')
    listed: list[tuple[AnySummary, int | None, str]] = []
    for folder in all_runs(default_home()):
        try:
            summary = summary_of(folder)
        except RunError as error:  # one damaged run must not hide the others
            note(f"mnist-workbench: {error}")
            continue
        if not status or set(summary.status_words) & set(status):
            start = folder.record.launched_from  # as in `run, pts/3 (ssh)`
            terminal = f", {start.terminal.removeprefix('/dev/')}" if start.terminal else ""
            origin = f"{start.by}{terminal}{' (ssh)' if start.ssh else ''}"
            listed.append((summary, lock.holder_pid(folder.lock_file), origin))
    listed.sort(key=lambda item: item[0].started_at, reverse=True)
    listed.sort(key=lambda item: not item[0].status.alive)
    more = len(listed) - len(listed[:limit])
    listed = listed[:limit]
    if output is options.ListFormat.JSON:
        print_json([{**summary.to_json(), "pid": pid} for summary, pid, _ in listed])
    elif not listed and status and (others := len(all_runs(default_home()))):
        note(f"No run is {' or '.join(status)}; without --status there are {others:,}.")
    elif not listed:
        note("No runs yet. Train one with `mnist-workbench run nn-1`.")
    else:
        print_table(_table([(summary, origin) for summary, _, origin in listed]))
    if more and output is not options.ListFormat.JSON:
        note(f"{more:,} more; without --limit all are listed.")


def _table(summaries: list[tuple[AnySummary, str]]) -> Table:
    def preset(heading: str, weight: int, script: Callable[[ScriptSummary], str]) -> Column[Any]:
        """A column of presets, with what stands there of a script."""
        column = run_column(heading, weight)
        return replace(
            column,
            text=lambda run: (
                cell(script(run)) if isinstance(run, ScriptSummary) else column.cell(run)
            ),
        )

    origins = {summary.run_id: origin for summary, origin in summaries}
    validated = any(getattr(run, "validation_accuracy", None) is not None for run, _ in summaries)
    columns: tuple[Column[Any], ...] = (
        run_column("Run"),
        run_column("Status"),
        preset("Model", 1, lambda run: run.title),
        preset("Accuracy", 0, lambda run: run.result),
        *([preset("Validation", 3, lambda run: "")] if validated else []),
        Column(
            "epochs",
            heading=Heading("Epochs", RIGHT),
            text=lambda run: cell(f"{run.epochs_completed}/{run.epochs}" if run.epochs else ""),
        ),
        preset("Seed", 3, lambda run: ""),
        run_column("Time", 2),
        run_column("Started", 2),
        Column(
            "from",
            heading=Heading("From", weight=4),
            text=lambda run: cell(origins[run.run_id]),
        ),
        run_column("Tags", 3),
    )
    rows = tuple(tuple(column.cell(run) for column in columns) for run, _ in summaries)
    return Table("Runs", tuple(column.heading for column in columns), rows)


@app.command("diff")
def diff(
    runs: options.RunArguments,
    output: options.ListFormatOption = options.ListFormat.RICH,
) -> None:
    """Compare runs setting by setting: only what differs.

    Runs of presets and of scripts alike.

    Example: mnist-workbench runs diff 7kq2 x3fd
    """
    folders = options.chosen_runs(runs)
    if len(folders) < 2:
        raise RunError("name two runs or more to be compared")
    found = difference(folders)
    if output is options.ListFormat.JSON:
        print_json(asdict(found))
        return
    if not found.settings:
        note("No setting differs.")
    print_table(difference_table(found))


def attach(run: options.RunArgument) -> None:
    """Follow a run as plain text; Ctrl-C leaves it training."""
    folder = find_run(default_home(), run)
    try:
        summary = follow(folder, Display(sys.stdout, plain=True))
    except KeyboardInterrupt:
        note(f"left run {folder.run_id} training; `mnist-workbench stop {run}` ends it")
        raise typer.Exit(130) from None
    if summary is None:
        raise typer.Exit(1)
    for line in result_lines(summary):
        say(line)
    raise typer.Exit(EXIT_CODES.get(summary.status, 1))


def stop(
    runs: options.RunArguments,
    kill: Annotated[bool, typer.Option("--kill", help="End it at once, unsaved.")] = False,
) -> None:
    """Stop runs after the current chunk and save them."""
    folders = options.chosen_runs(runs)
    for folder in folders:
        service.require_alive(folder)  # all of them, before any is asked
    for folder in folders:
        (service.kill if kill else service.stop)(folder)
    late = [folder for folder in folders if not _wait_until_ended(folder)]
    for folder in folders:
        if folder not in late:
            note(f"run {folder.run_id}: {folder.status()}")
    for folder in late:
        note(f"run {folder.run_id} has not ended yet; `stop --kill` ends it at once, unsaved")
    raise typer.Exit(1 if late else 0)


def _wait_until_ended(folder: RunFolder) -> bool:
    deadline = time.monotonic() + STOP_PATIENCE_SECONDS
    while lock.is_held(folder.lock_file):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def pause(runs: options.RunArguments) -> None:
    """Pause runs; `resume` lets them go on. The worker keeps its memory but no core."""
    folders = options.chosen_runs(runs)
    for folder in folders:
        service.require_alive(folder)
    for folder in folders:
        service.pause(folder)
        note(f"run {folder.run_id}: pauses after this chunk")


def resume(
    run: options.RunArgument,
    detach: options.DetachOption = False,
    quiet: options.QuietOption = False,
    as_json: options.JsonOption = False,
) -> None:
    """Go on with a paused, stopped or crashed run.

    A stopped or crashed one goes on from its last whole epoch and ends as it would have.
    """
    folder = find_run(default_home(), run)
    taken_up = service.resume(folder)
    if taken_up and not detach:
        raise typer.Exit(watch([folder], as_json=as_json, quiet=quiet))
    if as_json:
        status = folder.status() if taken_up else Status.RUNNING
        print_json({"run_id": folder.run_id, "status": status.value})
    how = "resumed in the background" if taken_up else "goes on"
    note(f"run {folder.run_id}: {how} (`mnist-workbench attach {run}` follows it)")


def delete(
    runs: options.RunArguments,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Delete ended runs, with their models and results.

    Asks first. The run's folder and its leaderboard entry go; `--yes` does not ask.
    """
    folders = options.chosen_runs(runs)
    for folder in folders:
        if folder.status().alive:
            raise RunError(f"run {folder.run_id} is still going; stop it first")
    names = ", ".join(folder.run_id for folder in folders)
    try:
        if not yes and not typer.confirm(visible(f"Delete {names} for good?"), err=True):
            note("nothing deleted")
            raise typer.Exit(130)
    except typer.Abort:
        if sys.stdin.isatty():  # Ctrl-C
            raise
        raise RunError("nothing deleted: nobody is there to ask; --yes deletes unasked") from None
    faults = service.delete(folders, Leaderboard(default_home()))
    if faults:
        raise faults[0]
    note(f"deleted {count(len(folders), 'run')}")


# Logs for other programs, and from them


def tensorboard(
    runs: options.RunArguments,
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="FOLDER", help="A folder a run is made in it.")
    ],
) -> None:
    """Write TensorBoard's event files.

    All scalars by step, with their times, and the settings as its hparams.

    Example: mnist-workbench runs tensorboard 7kq2 -o logs
    """
    from workbench.runs.tensorboard import write_tensorboard

    for path in write_tensorboard(options.chosen_runs(runs), typed_path(output)):
        note(f"wrote {path}")


def take_in(
    logs: Annotated[
        Path,
        typer.Argument(
            metavar="LOGS",
            help="A folder of TensorBoard's event files, a CSV file of Keras's CSVLogger, or a "
            "file with a JSON object a line.",
        ),
    ],
    tag: options.TagOption = None,
) -> None:
    """Take other programs' logs in as runs.

    Example: mnist-workbench runs import logs/ --tag old
    """
    from workbench.runs.tensorboard import import_logs

    folders = import_logs(default_home(), typed_path(logs), checked_labels(tag or [], ""))
    for folder in folders:
        say(folder.run_id)
    note(f"{count(len(folders), 'run')} taken in")


def follow_logs(
    logs: Annotated[Path, typer.Argument(metavar="LOGS", help="As for `runs import`.")],
    tag: options.TagOption = None,
) -> None:
    """Follow logs that another program is writing.

    Its runs are shown as they grow, on any screen, until Ctrl-C.

    Example: mnist-workbench watch logs/
    """
    from workbench.runs.tensorboard import watch_logs

    labels = checked_labels(tag or [], "")
    watch_logs(default_home(), typed_path(logs), labels, lambda folder: say(folder.run_id))
