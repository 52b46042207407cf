"""`config`: what can be set, what is set, and setting it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, NamedTuple

import typer

from workbench.cli.options import ListFormat, ListFormatOption, complete_from
from workbench.config import NO_COMMAND, SETTINGS, Config, ConfigError, remember
from workbench.errors import nearest


class NamedKeys(NamedTuple):
    name: str
    keys: str
    meaning: str


def config(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="SETTING",
            help="A setting, or an entry of one: keys.train.pause.",
            autocompletion=complete_from(*SETTINGS),
        ),
    ] = None,
    values: Annotated[
        list[str] | None,
        typer.Argument(metavar="VALUE", help="Its new value."),
    ] = None,
    unset: Annotated[bool, typer.Option("--unset", help="Let the default hold again.")] = False,
    output: ListFormatOption = ListFormat.RICH,
) -> None:
    """Show, explain or set how you like the program.

    Without a name: all settings. With one: what it means. With a value too: sets it.

    Example: mnist-workbench config notify ntfy publish my-runs
    """
    if name == "keys" and not values and not unset:
        _show_keys(output)
        return
    if name is None:
        _show(output, SETTINGS)
        return
    head = name.partition(".")[0]
    if head not in SETTINGS:
        raise ConfigError(f'there is no setting "{name}"; {nearest(name, list(SETTINGS))}')
    if unset:
        remember(name, None)
    elif values:
        if head == "keys":
            action, known = name.partition(".")[2], [each.name for each in all_actions()]
            if action not in known:
                hint = nearest(action, known)
                raise ConfigError(f'keys: there is no action "{action}"; {hint}')
        remember(name, _typed(head, values))
    _show(output, [head])


def _typed(name: str, words: list[str]) -> Any:
    if name == "notify":
        return words[0] if tuple(words) in NO_COMMAND else words
    if len(words) > 1:
        raise ConfigError(f"{name}: takes one value, not {len(words)}")
    if name == "keys":
        return words[0]
    for read in (int, float):
        try:
            return read(words[0])
        except ValueError:
            continue
    return words[0]


def _show(output: ListFormat, names: Mapping[str, Any] | list[str]) -> None:
    from workbench.cli.output import console, note, print_json

    found = Config()
    for problem in found.problems:
        note(str(problem))
    if output is ListFormat.JSON:
        print_json(
            {
                "file": str(found.file),
                "settings": {
                    name: {"value": found[name], "default": SETTINGS[name].default}
                    for name in names
                },
            }
        )
        return
    rows = [
        (name, _text(found[name]), name in found.set_here, SETTINGS[name].meaning) for name in names
    ]
    _print(("Setting", "Value", "Meaning"), rows)
    console().print(f"In {found.file}; values in bold are set there.", markup=False)


def _print(headings: tuple[str, str, str], rows: list[tuple[str, str, bool, str]]) -> None:
    """A line each: a name, its value, whether that was set by the user, and the meaning."""
    from rich.table import Table
    from rich.text import Text

    from workbench.cli.output import console

    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for heading in headings:
        table.add_column(heading, overflow="fold")
    for name, value, own, meaning in rows:
        table.add_row(Text(name), Text(value, "bold" if own else ""), Text(meaning))
    console().print(table)


def _text(value: Any) -> str:
    if isinstance(value, tuple):
        return " ".join(value)
    if isinstance(value, dict):
        return ", ".join(f"{action} = {keys}" for action, keys in value.items()) or "as they are"
    return str(value)


def _show_keys(output: ListFormat) -> None:
    from workbench.cli.output import console, print_json

    chosen = Config()["keys"]
    actions = all_actions()
    if output is ListFormat.JSON:
        print_json([action._asdict() | {"set": chosen.get(action.name)} for action in actions])
        return
    rows = [
        (each.name, chosen.get(each.name, each.keys), each.name in chosen, each.meaning)
        for each in actions
    ]
    _print(("Action", "Keys", "What it does"), rows)
    console().print("Set one: mnist-workbench config keys.train.pause space", markup=False)


def all_actions() -> list[NamedKeys]:
    """Every action of every screen, by name. Loads all screens."""
    from importlib import import_module
    from pkgutil import walk_packages

    from textual.binding import Binding

    import workbench.tui.screens
    from workbench.tui.app import WorkbenchApp
    from workbench.tui.screens.base import WorkbenchScreen
    from workbench.tui.screens.dialog import Dialog

    for module in walk_packages(workbench.tui.screens.__path__, "workbench.tui.screens."):
        import_module(module.name)
    classes: list[type] = [WorkbenchApp]
    for kind in (WorkbenchScreen, Dialog):
        classes += [kind, *_below(kind)]
    found: dict[str, NamedKeys] = {}
    for each in classes:
        for binding in each.__dict__.get("BINDINGS", ()):
            if isinstance(binding, Binding) and binding.id is not None:
                before = found.get(binding.id)
                keys = f"{before.keys},{binding.key}" if before else binding.key
                method = getattr(each, f"action_{binding.action.partition('(')[0]}", None)
                own_words = (method.__doc__ or "").partition("\n")[0] if method else ""
                meaning = binding.tooltip or own_words or binding.description
                found[binding.id] = NamedKeys(binding.id, keys, meaning)
    return sorted(found.values())


def _below(kind: type) -> list[type]:
    children: list[type] = kind.__subclasses__()
    return [each for child in children for each in (child, *_below(child))]
