"""The commands: where each one is, and the line that help shows of it.

Their modules are loaded when one is asked for: help and a single command stay quick.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from workbench.cli.options import HomeOption
from workbench.settings import default_home

Place = tuple[str, str]  # `module:name` within `workbench.cli`, and the line that help shows


def group_of(places: Mapping[str, Place]) -> type[TyperGroup]:
    """The class of a group with these commands, by name; each is a function or a `typer.Typer`."""

    class LazyGroup(TyperGroup):
        def __init__(self, **attributes: Any) -> None:
            super().__init__(**attributes)
            for name, (_, line) in places.items():
                self.add_command(TyperCommand(name, help=line, rich_markup_mode=None))

        def resolve_command(self, ctx: Any, args: list[str]) -> Any:
            name, command, rest = super().resolve_command(ctx, args)
            if name is not None and name in places:
                command = loaded(name, places[name][0])
            return name, command, rest

    return LazyGroup


def loaded(name: str, place: str) -> Any:
    """The command at a place, as Typer runs it, with `--home` among its options."""
    module, _, attribute = place.partition(":")
    found = getattr(import_module(f"workbench.cli.{module}"), attribute)
    if not isinstance(found, typer.Typer):
        function, found = found, typer.Typer(add_completion=False, rich_markup_mode=None)
        found.command(name)(function)
    command: Any = get_command(found)
    command.name = name
    for each in (command, *getattr(command, "commands", {}).values()):
        if all(parameter.name != "home" for parameter in each.params):
            each.params.append(_home_option())
    return command


def _home_option() -> Any:
    """`--home`, which all commands take and none reads: it sets the folder for the process."""
    carrier = typer.Typer(add_completion=False)

    @carrier.command()
    def carry(home: HomeOption = None) -> None: ...

    option = get_command(carrier).params[0]
    option.expose_value = False
    return option


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
    "watch": ("runs:follow_logs", "Follow logs that another program is writing."),
    "stop": ("runs:stop", "Stop runs after the current chunk and save them."),
    "pause": (
        "runs:pause",
        "Pause runs; `resume` lets them go on. The worker keeps its memory but no core.",
    ),
    "resume": ("runs:resume", "Go on with a paused, stopped or crashed run."),
    "delete": ("runs:delete", "Delete ended runs, with their models and results."),
    "exec": ("run:exec_app", "Run any command as a run that outlives the connection."),
    "reproduce": (
        "trials:reproduce",
        "Train what the paper's tables need and put them beside ours.",
    ),
    "sweep": ("trials:sweep", "Train every combination of some settings and rank them."),
    "search": ("search:search", "Look for the best settings of a preset, by validation."),
    "queue": ("queue:app", "See, start, stop and rearrange what waits for training."),
    "leaderboard": ("leaderboard:app", "Rank and compare runs, also beside the paper's tables."),
    "predict": ("predictions:predict", "Ask a run's model what is on images."),
    "export": ("leaderboard:export", "Write all results into one markdown document."),
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
