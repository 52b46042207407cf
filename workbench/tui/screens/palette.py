"""The command palette and the help, both made from the bindings in force.

The palette has models, runs and searches by name too.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, cast

from rich.table import Table
from rich.text import Text
from textual import on
from textual.app import App
from textual.binding import ActiveBinding, Binding, BindingType
from textual.command import CommandPalette, DiscoveryHit, Hit, Hits, Provider
from textual.message import Message
from textual.screen import Screen
from textual.widgets import Input, OptionList

from workbench.errors import UserError
from workbench.text import visible
from workbench.tui.screens.dialog import Dialog, ReadingDialog
from workbench.tui.widgets.bars import keys_in_force

if TYPE_CHECKING:
    from workbench.runs.folder import RunFolder
    from workbench.tui.screens.base import Workbench


PALETTE = "command_palette"  # the action that opens the palette, which need not list itself


@dataclass(frozen=True)
class NamedAction:
    """An action by name; `label` is its word on the last line, `keys` do the same."""

    name: str
    label: str
    keys: tuple[str, ...]
    active: ActiveBinding


def named_actions(app: App[Any], screen: Screen[Any]) -> list[NamedAction]:
    """The actions in force on a screen: what the hints show first, in their order.

    Those of text fields and scrollbars are left out: they belong to the toolkit and have no
    tooltip.
    """
    named = []
    for keys in keys_in_force(screen):
        told = [
            active
            for _, active in keys
            if active.binding.tooltip
            and not active.binding.system
            and active.binding.action != PALETTE
        ]
        if told:
            shown = dict.fromkeys(app.get_key_display(active.binding) for active in told)
            first = told[0].binding
            named.append(NamedAction(first.tooltip, first.description, tuple(shown), told[0]))
    return sorted(named, key=lambda action: not action.active.binding.show)


class Palette(CommandPalette, Dialog[None]):
    """Textual's palette, answered once like all dialogs."""

    @on(Input.Submitted)
    @on(OptionList.OptionSelected)
    def _only_once(self, event: Message) -> None:
        if not self.is_active:  # else the action would be carried out a second time
            event.stop()
            event.prevent_default()


class KnownProvider(Provider):
    """Finds what it knows by a part of its text, below which a line is shown."""

    _known: Sequence[tuple[str, str, Callable[[], object]]]

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        for text, line, act in self._known:
            score = matcher.match(text)
            if score > 0:
                yield Hit(score, matcher.highlight(text), act, help=line)


class ActionProvider(KnownProvider):
    """All actions of the screen from which the palette was opened, and of the app."""

    async def startup(self) -> None:
        known = []
        for action in named_actions(self.app, self.screen):
            # The word that is on the last line, then the name.
            text = f"{action.label}: {action.name}" if action.label else action.name
            line = f"key {' or '.join(action.keys)}"
            active = action.active
            act = partial(self.app.run_action, active.binding.action, active.node)
            known.append((text, line, act))
        self._known = known

    async def discover(self) -> Hits:
        for text, line, act in self._known:
            yield DiscoveryHit(text, act, help=line)


class NameProvider(KnownProvider):
    """Models, to go to in Models, runs and searches, to open; found by a part of their names."""

    async def startup(self) -> None:
        self._known = await asyncio.to_thread(self._read)

    def _read(self) -> list[tuple[str, str, Callable[[], object]]]:
        from workbench.model.paper_models import shipped_headlines
        from workbench.model.preset import own_preset_files
        from workbench.queue.search import all_searches
        from workbench.runs.folder import all_runs

        workbench = cast("Workbench", self.app)
        titles = {model.name: model.title for model in shipped_headlines()}
        titles |= {path.stem: "" for path in own_preset_files(workbench.home)}
        known: list[tuple[str, str, Callable[[], object]]] = [
            (visible(f"model {name}"), title, partial(self._choose, name))
            for name, title in titles.items()
        ]
        with suppress(UserError):  # runs that cannot be listed: said elsewhere
            for folder in all_runs(workbench.home):
                run = visible(f"run {folder.run_id}")
                known.append((run, "", partial(self._open, folder)))
        known += [
            (visible(f"search {name}"), "", partial(workbench.open_search, name))
            for name in all_searches(workbench.home)
        ]
        return known

    async def _choose(self, model: str) -> None:
        (await cast("Workbench", self.app).go("models")).choose(model)

    def _open(self, folder: RunFolder) -> None:
        workbench = cast("Workbench", self.app)
        try:
            _ = folder.record  # says what is wrong where it is gone or damaged
        except UserError as error:
            workbench.complain(error)
        else:
            workbench.open_run(folder)


class HelpScreen(ReadingDialog):
    """A page of keys over the screen that asked."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,question_mark,f1", "dismiss", "close", tooltip="Back"),
        Binding("j,down", "page(1)", "down", show=False),
        Binding("k,up", "page(-1)", "up", show=False),
    ]


def help_page(app: App[Any], about: Screen[object]) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(justify="right", no_wrap=True)
    table.add_column()
    actions = named_actions(app, about)
    everywhere = [action for action in actions if action.active.node is app]
    here = [action for action in actions if action not in everywhere]
    place = getattr(about, "PLACE", "") or "Here"
    for heading, listed in ((place, here), ("Everywhere", everywhere)):
        table.add_row("", Text(heading, style="bold"))
        for action in listed:
            table.add_row(Text(" ".join(action.keys), style="bold"), Text(action.name))
        if listed is here:
            table.add_row()
    table.add_row(Text("ctrl+p", style="bold"), Text("Actions, models and runs by name"))
    return table
