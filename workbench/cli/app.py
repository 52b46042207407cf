"""The commands: where each one is, and the line that help shows of it."""

from __future__ import annotations

from typing import Annotated

import typer

from workbench.cli.lazy import group_of
from workbench.cli.options import HomeOption
from workbench.settings import default_home

EPILOG = (
    "Exit codes: 0 done, 1 the training failed or diverged (or the machine refused), "
    "2 wrong use, 130 interrupted."
)

COMMANDS = {
    "presets": ("show:presets", "List the models of the paper, one for speed, and your own."),
    "show": ("show:show", "Show a model: layers, shapes, parameters, settings."),
    "run": (
        "run:run",
        "Train a model. It goes on when the connection drops; Ctrl-C stops and saves it.",
    ),
    "runs": ("runs:app", "List all runs: active ones first, then the newest."),
    "attach": ("runs:attach", "Follow a run as plain text; Ctrl-C leaves it training."),
    "watch": ("logs:watch", "Follow logs that another program is writing."),
    "stop": ("runs:stop", "Stop runs after the current chunk and save them."),
    "pause": (
        "runs:pause",
        "Pause runs; `resume` lets them go on. The worker keeps its memory but no core.",
    ),
    "resume": ("runs:resume", "Go on with a paused, stopped or crashed run."),
    "delete": ("runs:delete", "Delete ended runs, with their models and results."),
    "exec": ("execute:app", "Run any command as a run that outlives the connection."),
    "reproduce": (
        "reproduce:reproduce",
        "Train what the paper's tables need and put them beside ours.",
    ),
    "sweep": ("sweep:sweep", "Train every combination of some settings and rank them."),
    "search": ("search:search", "Look for the best settings of a preset, by validation."),
    "queue": ("queue:app", "See, start, stop and rearrange what waits for training."),
    "leaderboard": ("leaderboard:app", "Rank and compare runs, also beside the paper's tables."),
    "predict": ("predict:predict", "Ask a run's model what is on images."),
    "export": ("export:export", "Write all results into one markdown document."),
    "config": ("config:config", "Show, explain or set how you like the program."),
    "doctor": ("doctor:doctor", "Check whether this machine can train, and say what to fix."),
}

app = typer.Typer(
    name="mnist-workbench",
    cls=group_of(COMMANDS),
    help=(
        "Train the image classifiers of a paper on MNIST, or your own, and compare them with "
        "the paper's tables.\n\n"
        "`mnist-workbench` alone opens the screens. `mnist-workbench run nn-1` trains from the "
        "command line. A training goes on when the connection drops: the screens, and "
        "`mnist-workbench runs` and `attach`, find it again."
    ),
    epilog=EPILOG,
    no_args_is_help=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(value: bool) -> None:
    if value:
        from workbench import __version__

        typer.echo(f"mnist-workbench {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def start(
    context: typer.Context,
    home: HomeOption = None,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Without a command: the screens."""
    if context.invoked_subcommand is None:
        from workbench.tui.start import open_screens

        raise typer.Exit(open_screens(default_home()))
