"""Commands whose modules are loaded when one is asked for: help and a single command stay quick."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from workbench.cli.options import HomeOption

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
