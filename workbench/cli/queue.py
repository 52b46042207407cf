"""`queue`: see, start, stop and rearrange the trainings that wait."""

from __future__ import annotations

import sys
import time
from typing import Annotated

import typer

from workbench.cli import options
from workbench.cli.output import note, print_json, print_table
from workbench.cli.queue_follow import QueueDisplay, watch_queue
from workbench.cli.run import note_jobs
from workbench.errors import RunError
from workbench.formats import count, percent
from workbench.leaderboard.table import RIGHT, Cell, Columns, Heading, Table, Tone, table_of
from workbench.queue import service
from workbench.queue.store import QueueStore, asked_for, settings_words
from workbench.queue.view import QueueView, QueueWatch, TrialView, headline, process_lost, time_left
from workbench.runs.status import Status
from workbench.runs.watchlist import Watchlist
from workbench.settings import Home, default_home

TrialArgument = Annotated[
    str, typer.Argument(metavar="TRIAL", help="A trial's id, or its beginning.")
]

app = typer.Typer(
    help="See, start, stop and rearrange what waits for training.\n\n"
    "Example: mnist-workbench queue watch",
    invoke_without_command=True,
    add_completion=False,
    rich_markup_mode=None,
)


@app.callback()
def queue(
    context: typer.Context,
    output: options.ListFormatOption = options.ListFormat.RICH,
    every: Annotated[bool, typer.Option("--all", help="Every trial of a long queue.")] = False,
) -> None:
    """See, start, stop and rearrange what waits for training."""
    if context.invoked_subcommand is not None:
        return

    view = _view(default_home())
    if view.notice:
        note(view.notice)
    if output is options.ListFormat.JSON:
        print_json(view.to_json())
    elif not view.trials and not view.searches:
        note("The queue is empty. `mnist-workbench reproduce` fills it with the paper's tables.")
    else:
        print_table(queue_table(view, every=every))


@app.command("watch")
def watch() -> None:
    """Follow the queue; Ctrl-C leaves it training."""
    place = default_home()
    view = _view(place)
    if not view.unfinished:
        note(view.notice or "nothing waits in the queue")
        return
    if not view.running:
        state = process_lost(view) if view.lost else "the queue does not run"
        note(f"{state}; `mnist-workbench queue start` lets it run")
        raise typer.Exit(1)
    try:
        watch_queue(place, QueueDisplay(sys.stdout))
    except KeyboardInterrupt:
        note("left the queue training; `mnist-workbench queue stop` ends it")
        raise typer.Exit(130) from None


@app.command("start")
def start(
    jobs: options.JobsOption = None,
    executor: options.ExecutorOption = None,
    address: options.AddressOption = None,
    cpus: Annotated[
        int | None,
        typer.Option("--cpus", metavar="N", help="Cores of a node for each training on Ray."),
    ] = None,
    gpus: Annotated[
        float | None,
        typer.Option("--gpus", metavar="N", help="GPUs for each, or a part of one: 0.5."),
    ] = None,
) -> None:
    """Let the queue run in the background; what was stopped or failed is tried again.

    Example: mnist-workbench queue start --executor ray --jobs 4 --cpus 2
    """
    place = default_home()
    if not service.start(place, jobs, asked_for(executor, address, cpus, gpus)):
        note(_view(place).notice or "nothing waits in the queue")
        return
    view = _view(place)
    if view.engine.is_local:
        note_jobs(jobs)
    note(f"the queue runs: {view.left} to train, {time_left(view)}")


@app.command("stop")
def stop() -> None:
    """Save what trains and stop the queue; `queue start` goes on where it was."""
    place = default_home()
    if not service.stop(place):
        view = _view(place)
        if not view.lost:
            note("the queue does not run")
            return
        note(f"{process_lost(view)}; `mnist-workbench queue start` resumes it")
        for run_id in view.orphans or ():
            note(f"`mnist-workbench stop {run_id}` saves and ends run {run_id}")
        raise typer.Exit(1)
    deadline = time.monotonic() + 60.0
    store = QueueStore(place)
    while store.runs() and time.monotonic() < deadline:
        time.sleep(0.1)
    if store.runs():
        note("the queue has not stopped yet: it waits for what trains to be saved")
        raise typer.Exit(1)
    note(f"the queue has stopped with {_view(place).left} to train")


@app.command("drop")
def drop(
    trials: Annotated[
        list[str] | None,
        typer.Argument(metavar="[TRIAL]…", help="Ids of trials, or their beginnings; of searches."),
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="All that do not train now.")] = False,
) -> None:
    """Take trials out of the queue. Runs and results stay where they are."""
    place = default_home()
    store = QueueStore(place)
    state = store.read()
    if every:
        alive = store.runs()
        ids = [t.id for t in state.trials if not (alive and t.state is Status.RUNNING)]
        ids += [entry.id for entry in state.searches]
    elif trials:
        ids = [
            name if state.search(name) else service.find_trial(state, name).id for name in trials
        ]
    else:
        raise RunError("name the trials to drop (`mnist-workbench queue` lists them), or --all")
    note(f"dropped {count(service.drop(place, ids), 'trial')}")


@app.command("move")
def move(
    trial: TrialArgument,
    place: Annotated[
        int, typer.Argument(metavar="PLACE", help="Among the waiting ones; 1 is trained next.")
    ],
) -> None:
    """Train a waiting trial earlier or later."""
    here = default_home()
    found = service.find_trial(QueueStore(here).read(), trial)
    stands = service.move(here, found.id, place)
    note(f"trial {found.id} is number {stands} of the waiting ones")


def _view(home: Home) -> QueueView:
    runs = Watchlist(home)
    runs.look()
    return QueueWatch(home).look({run.run_id: run for run in runs.living})


def queue_table(view: QueueView, *, every: bool = False) -> Table:
    """The queue as a table, in its order; of a long one what one asks about, unless `every`."""
    listed, left_done, left_waiting = (view, 0, 0) if every else view.in_brief()

    def state(item: TrialView) -> Cell:
        return Cell(item.state.word, Tone(item.state.role), item.state.mark)

    def training(item: TrialView) -> str:
        return f"{item.trial.spec.preset} {settings_words(item.trial.spec, short=True)}"

    def accuracy(item: TrialView) -> str:
        role = " val" if item.of_validation else ""
        return "" if item.accuracy is None else percent(item.accuracy) + role

    columns: Columns[TrialView] = [
        (Heading("Trial"), lambda item: item.trial.id),
        (Heading("State"), state),
        (Heading("For", weight=2), lambda item: item.trial.label),
        (Heading("Training", weight=1), training),
        (Heading("Seed", RIGHT, 2), lambda item: item.trial.spec.seed),
        (Heading("Done", RIGHT, 3), lambda item: f"{item.progress:.0%}" if item.progress else ""),
        (Heading("Accuracy", RIGHT), accuracy),
        (Heading("Time left", RIGHT, 2), lambda item: item.estimate_text),
        (Heading("Run", weight=3), lambda item: item.trial.run_id or ""),
    ]
    notes = [
        f"{item.trial.id}: {item.trial.message}" for item in listed.trials if item.trial.message
    ]
    if left_done or left_waiting:
        parts = [f"{left_done:,} done before"] if left_done else []
        parts += [f"{left_waiting:,} waiting after"] if left_waiting else []
        notes.append(f"Left out: {', '.join(parts)}; --all lists every trial.")
    notes += [
        f"search {entry.id}: {entry.state.word}{f', {entry.message}' if entry.message else ''}"
        for entry in view.searches
    ]
    title, _ = headline(view, "`mnist-workbench queue start`")
    return table_of(f"Queue: {title}", listed.trials, columns, notes)
