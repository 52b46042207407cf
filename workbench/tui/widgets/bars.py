"""The first and the last line of each screen: where one is and what trains; the keys that work."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rich.cells import cell_len
from rich.style import Style
from rich.table import Table
from rich.text import Text
from textual.app import RenderResult
from textual.binding import ActiveBinding, Binding
from textual.dom import DOMNode
from textual.keys import REPLACED_KEYS, key_to_character
from textual.reactive import reactive
from textual.screen import Screen
from textual.widget import Widget

from workbench.runs.status import Status
from workbench.tui.run_feed import RunFeed, Seen

PLACES = (
    ("1", "Models"),
    ("2", "Compose"),
    ("3", "Runs"),
    ("4", "Leaderboard"),
    ("5", "Queue"),
    ("6", "Draw"),
)

GAPS = (3, 2, 1)  # letters between two places, as many as there is room for
# The way to all other keys and the way out never drop out.
KEPT = ("show_help", "leave")


class TitleBar(Widget):
    """Where one is, and what is training.

    `place` is the screen's name, `detail` what stands beside it, `living` running trainings.
    """

    DEFAULT_CSS = """
    TitleBar { dock: top; height: 1; background: $panel; color: $foreground; }
    """

    detail: reactive[str] = reactive("")
    living: reactive[int] = reactive(0)

    def __init__(self, place: str) -> None:
        super().__init__()
        self.place = place

    def on_mount(self) -> None:
        self.auto_links = False  # no underlines but the one that says where one is
        feed = getattr(self.app, "run_feed", None)
        if isinstance(feed, RunFeed):
            self.living = len(feed.last.living)
            feed.seen.subscribe(self, self._runs_seen)

    def _runs_seen(self, seen: Seen) -> None:
        self.living = len(seen.living)

    def render(self) -> RenderResult:
        mark, word = Status.RUNNING.mark, Status.RUNNING.word
        right = Text(f"{mark} {self.living} {word} " if self.living else "", no_wrap=True)
        left = Text(" ", no_wrap=True, overflow="ellipsis")
        places = sum(len(f"{key} {name}") for key, name in PLACES) + cell_len(self.detail)
        room = self.size.width - 1 - places
        if room < len(PLACES) * GAPS[1] + right.cell_len:
            right.plain = right.plain.replace(f" {word}", "")
        gap = next((gap for gap in GAPS if len(PLACES) * gap + right.cell_len <= room), GAPS[-1])
        for key, name in PLACES:
            here = name == self.place
            click = Style.from_meta({"@click": f"app.go({name.lower()!r})"})
            left.append(f"{key} ", style=Style(dim=True) + click)
            left.append(name, style=Style(bold=here or None, underline=here or None) + click)
            left.append(" " * gap)
        if self.detail:
            left.append(self.detail, style="dim")
        grid = Table.grid(expand=True)
        grid.add_column(ratio=1, no_wrap=True)
        grid.add_column(justify="right", no_wrap=True)
        grid.add_row(left, right)
        return grid


class Hints(Widget):
    """The keys that work here: the bindings in force that `show`, in the order of declaration.

    Where it is narrow, those declared first stay longest. A click does what the key does.
    """

    DEFAULT_CSS = """
    Hints { dock: bottom; height: 1; background: $panel; color: $foreground; }
    """

    def on_mount(self) -> None:
        """Follow the focus: another widget brings other keys."""
        self.auto_links = False  # no underlines: these are keys first
        self.screen.bindings_updated_signal.subscribe(self, lambda _: self.refresh())

    def render(self) -> RenderResult:
        return hint_line(self._shown(), self.size.width, self.app.current_theme.dark)

    def _shown(self) -> list[Hint]:
        hints = []
        # Keys for what is not to be seen are not offered.
        hidden = self.screen.has_class("too-small")
        for keys in keys_in_force(self.screen):
            for key, active in keys:
                binding = active.binding
                if binding.show and not (hidden and binding.action not in KEPT):
                    shown, kept = self.app.get_key_display(binding), binding.action in KEPT
                    hints.append(Hint(shown, binding.description, key, kept))
                    break
        return hints


def keys_in_force(screen: Screen[Any]) -> list[list[tuple[str, ActiveBinding]]]:
    """The keys that do something now, by what they do: the focused widget's first, the app's last.

    Those of one node stand as in its class's own list: what a base class binds too would come
    first otherwise. What was bound while running comes last.
    """
    nodes: list[DOMNode] = []
    found: dict[tuple[int, str], list[tuple[str, ActiveBinding]]] = {}
    for key, active in screen.active_bindings.items():
        if active.node not in nodes:
            nodes.append(active.node)
        if active.enabled and not is_typed(screen, key):
            place = nodes.index(active.node), active.binding.action
            found.setdefault(place, []).append((key, active))
    orders = [declared_actions(type(node)) for node in nodes]

    def order(place: tuple[int, str]) -> tuple[int, int]:
        actions = orders[place[0]]
        return place[0], actions.index(place[1]) if place[1] in actions else len(actions)

    return [found[place] for place in sorted(found, key=order)]


def is_typed(screen: Screen[Any], key: str) -> bool:
    """Whether the key only writes a letter now, as the field that has the focus takes it."""
    focused = screen.focused
    character = key_to_character(REPLACED_KEYS.get(key, key))
    return focused is not None and focused.check_consume_key(key, character)


@dataclass(frozen=True)
class Hint:
    """One key as the line shows it; `press` is the key that a click stands for."""

    key: str
    label: str
    press: str = ""
    kept: bool = False

    @property
    def width(self) -> int:
        return cell_len(self.key) + 1 + cell_len(self.label) + 2


def declared_actions(kind: type) -> list[str]:
    """The actions of a class's own list of bindings, then of its bases', in their order."""
    actions: list[str] = []
    for owner in kind.__mro__:
        for binding in owner.__dict__.get("BINDINGS", ()):
            action = binding.action if isinstance(binding, Binding) else binding[1]
            if action not in actions:
                actions.append(action)
    return actions


def hint_line(hints: Sequence[Hint], width: int, dark: bool) -> Text:
    """Hints in one line of at most `width` columns, the last ones dropped where it is narrow."""
    line = Text(" ", no_wrap=True, overflow="crop")
    room = width - 1 - sum(hint.width for hint in hints if hint.kept)
    dropping = False
    for hint in hints:
        if not hint.kept:
            # Once one does not fit, a shorter but less important one must not take its place.
            dropping = dropping or hint.width > room
            if dropping:
                continue
            room -= hint.width
        click = Style.from_meta({"@click": f"app.simulate_key({hint.press!r})"})
        line.append(hint.key, style=Style(bold=True) + click)
        line.append(f" {hint.label}", style=Style(dim=dark) + click)
        line.append("  ")
    return line
