"""The commands, wired together."""

from __future__ import annotations

from typing import Annotated

import typer

from workbench.cli import (
    doctor,
    execute,
    export,
    leaderboard,
    logs,
    predict,
    presets,
    queue,
    reproduce,
    run,
    runs,
    search,
    sweep,
)
from workbench.cli.options import HomeOption
from workbench.settings import default_home

EPILOG = (
    "Exit codes: 0 done, 1 the training failed or diverged (or the machine refused), "
    "2 wrong use, 130 interrupted."
)

app = typer.Typer(
    name="mnist-workbench",
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


app.command("presets")(presets.presets)
app.command("show")(presets.show)
app.command("run")(run.run)
app.add_typer(runs.app, name="runs")
app.command("attach")(runs.attach)
app.command("watch")(logs.watch)
app.command("stop")(runs.stop)
app.command("pause")(runs.pause)
app.command("resume")(runs.resume)
app.command("delete")(runs.delete)
app.command(
    "exec", context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False}
)(execute.execute)
app.command("reproduce")(reproduce.reproduce)
app.command("sweep")(sweep.sweep)
app.command("search")(search.search)
app.add_typer(queue.app, name="queue")
app.add_typer(leaderboard.app, name="leaderboard")
app.command("predict")(predict.predict)
app.command("export")(export.export)
app.command("doctor")(doctor.doctor)
